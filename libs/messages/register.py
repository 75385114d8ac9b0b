"""Published events of the register (TA-R); names and fields are the stored format.

Every movement has three dates (TA-R-1): `valuation_date` (whose NAV it takes; the daily cut), `booking_date` (the UTC
day on which the register learnt of it) and `settlement_date`. Costs and amounts are in the class's currency.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import Field

from libs.kernel.events import Catalogue, Event
from libs.messages.register_values import (
    BlockReason,
    Chunk,
    DeedReference,
    Generation,
    Held,
    LotRow,
    LotsTaken,
    MovedReservation,
    PayerOfLoss,
    Ratio,
    RefusedMovement,
    ReservationKind,
    Units,
)
from libs.messages.values import Amount, Code, Currency, Price

Leg = Literal["out", "in"]


class RegisterEvent(Event):
    """An event of the register; the umbrella is the lane key (W-2)."""

    service: ClassVar[str] = "register"
    key_field: ClassVar[str] = "umbrella"

    umbrella: UUID
    share_class: UUID


# --- A holding: account × share class


class HoldingEvent(RegisterEvent):
    """An event of what one account holds of one class."""

    aggregate: ClassVar[str] = "holding"
    id_field: ClassVar[str] = "holding"

    account: UUID

    @property
    def holding(self) -> str:
        """The id in the stream's name: `<account>:<share class>`."""
        return f"{self.account}:{self.share_class}"


class MovementEvent(HoldingEvent):
    """Units came or went; `generation` says after how many splits and mergers of the class they are counted."""

    valuation_date: date
    booking_date: date
    settlement_date: date
    generation: Generation = 0

    @property
    def change(self) -> Decimal:
        """Units more, or fewer."""
        raise NotImplementedError(f"{type(self).__name__} does not say what it changed")


class UnitsIssued(MovementEvent):
    """A priced order created units: a lot of the valuation date that cost `amount` (TA-R-2).

    Until `unpaid_until` they are blocked and wait for their money; None where it was there before dealing (TA-R-6).
    """

    order: UUID
    units: Units
    amount: Amount
    unpaid_until: date | None = None

    @property
    def change(self) -> Decimal:
        """Units more."""
        return self.units


class UnitsCancelled(MovementEvent):
    """A priced order ended units for `amount`; the gain is that less what the lots had cost."""

    order: UUID
    units: Units
    amount: Amount
    taken: LotsTaken

    @property
    def change(self) -> Decimal:
        """Units fewer."""
        return -self.units


class UnpaidUnitsCancelled(MovementEvent):
    """Units never paid for ended at the current NAV: `amount` = `owed` − `loss` + `surplus` (TA-R-6)."""

    order: UUID
    units: Held
    price: Price
    owed: Amount
    amount: Amount
    loss: Amount
    surplus: Amount
    charged_to: PayerOfLoss
    taken: LotsTaken

    @property
    def change(self) -> Decimal:
        """Units fewer."""
        return -self.units


class UnitsTransferred(MovementEvent):
    """One leg of a transfer; the other is in the same decision, on the holding of `other_account`.

    Without change of owner the lots that come in keep date and cost; with it they are one lot of the valuation date
    that cost `consideration`. What went out is `taken`, what came in are `lots`.
    """

    transfer: UUID
    leg: Leg
    other_account: UUID
    units: Units
    consideration: Amount | None = None
    taken: LotsTaken | None = None
    lots: tuple[LotRow, ...] = ()

    @property
    def change(self) -> Decimal:
        """Units more or fewer, as the leg says."""
        return self.units if self.leg == "in" else -self.units


class UnitsConverted(MovementEvent):
    """One leg of a conversion, or of a merger of classes (`merger`); the other is on the holding in `other_class`.

    Lots that come in keep their dates; `given` are the units that went for them, `residual` what was dropped of a unit;
    `cost_dropped` only where no unit came of it all.
    """

    conversion: UUID
    leg: Leg
    merger: bool
    other_class: UUID
    units: Held
    given: Units
    taken: LotsTaken | None = None
    lots: tuple[LotRow, ...] = ()
    residual: Ratio | None = None
    cost_dropped: Amount = Decimal(0)
    reservations: tuple[MovedReservation, ...] = ()

    @property
    def change(self) -> Decimal:
        """Units more or fewer, as the leg says."""
        return self.units if self.leg == "in" else -self.units


class HoldingSplit(MovementEvent):
    """The holding's units × factor, rounded DOWN to `unit_decimals`; each lot as golden G8 says, costs unchanged.

    The lots follow from factor and decimals alone, so that a holding of ten thousand lots fits a batch (W-6). Valuation
    and settlement date are the split's effective date.
    """

    action: UUID
    factor: Ratio
    unit_decimals: Annotated[int, Field(ge=0, le=8)]
    given: Held
    received: Held
    residual: Ratio
    cost_dropped: Amount

    @property
    def change(self) -> Decimal:
        """Units more, or fewer by a reverse split."""
        return self.received - self.given


class ReservationEvent(HoldingEvent):
    """Part of a holding may not leave it (TA-R-5)."""

    booking_date: date
    reservation: UUID
    units: Held


class UnitsBlocked(ReservationEvent):
    """Units are blocked, for a reason and by a reference."""

    reason: BlockReason
    reference: DeedReference | None = None


class UnitsPledged(ReservationEvent):
    """Units are pledged; `reference` is the deed's."""

    reference: DeedReference


class UnitsEarmarked(ReservationEvent):
    """Units are set aside for a market."""

    market: Code


class UnitsReleased(ReservationEvent):
    """What was blocked, pledged, earmarked or unpaid is free."""

    kind: ReservationKind


# --- A class: units in issue


class ClassEvent(RegisterEvent):
    """An event of the units of one class."""

    aggregate: ClassVar[str] = "class"
    id_field: ClassVar[str] = "share_class"


class TallyEvent(ClassEvent):
    """Units in issue after a decision: the sum of all holdings (TA-R-3).

    `holders` have units; `waiting` of them are still to be exchanged in the corporate action that runs.
    """

    valuation_date: date
    booking_date: date
    units_in_issue: Held
    holders: Annotated[int, Field(ge=0)]
    waiting: Annotated[int, Field(ge=0)] = 0


class UnitsInIssueChanged(TallyEvent):
    """What the movements of one valuation date in a decision came to; a transfer changes only who holds."""

    issued: Held
    cancelled: Held


class HoldingsExchanged(TallyEvent):
    """So many holdings went through a corporate action, `given` units for `received` ones; the residual is shown."""

    action: UUID
    holdings: Annotated[int, Field(ge=1)]
    given: Held
    received: Held
    residual: Ratio
    cost_dropped: Amount


class ActionEvent(ClassEvent):
    """An event of a corporate action on all holdings of a class."""

    action: UUID


class SplitStarted(ActionEvent):
    """From the effective date `new` units stand for `old`; holdings follow in chunks, or with their next movement."""

    new: Annotated[int, Field(ge=1)]
    old: Annotated[int, Field(ge=1)]
    effective_date: date
    unit_decimals: Annotated[int, Field(ge=0, le=8)]


class MergerStarted(ActionEvent):
    """From the effective date the class's units are units of `into_class`, `factor` for one (unrounded).

    `rate` (middle, into_currency for one of currency) turns the costs of the lots where the currencies differ.
    """

    into_class: UUID
    effective_date: date
    factor: Ratio
    unit_decimals: Annotated[int, Field(ge=0, le=8)]
    currency: Currency
    into_currency: Currency
    rate: Price | None = None


class CorporateActionCompleted(ActionEvent):
    """No holding waits any more; totals over all chunks (golden G8)."""

    holdings: Annotated[int, Field(ge=0)]
    given: Held
    received: Held
    residual: Ratio
    cost_dropped: Amount


# --- A booking: one class and valuation date


class MovementsBooked(RegisterEvent):
    """What became of a chunk of priced movements: every order of it is in one of the two lists."""

    aggregate: ClassVar[str] = "booking"
    id_field: ClassVar[str] = "booking"

    valuation_date: date
    chunk: Chunk
    booked: tuple[UUID, ...]
    refused: tuple[RefusedMovement, ...] = ()

    @property
    def booking(self) -> str:
        """The id in the stream's name: `<share class>:<valuation date>`."""
        return f"{self.share_class}:{self.valuation_date}"


CATALOGUE = Catalogue(
    [
        UnitsIssued,
        UnitsCancelled,
        UnpaidUnitsCancelled,
        UnitsTransferred,
        UnitsConverted,
        HoldingSplit,
        UnitsBlocked,
        UnitsPledged,
        UnitsEarmarked,
        UnitsReleased,
        UnitsInIssueChanged,
        HoldingsExchanged,
        SplitStarted,
        MergerStarted,
        CorporateActionCompleted,
        MovementsBooked,
    ]
)
