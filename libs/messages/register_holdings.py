"""Published events of a holding, account × share class (TA-R-1, TA-R-5); names and fields are the stored format.

Every movement has three dates (TA-R-1): `valuation_date` (whose NAV it takes; the daily cut), `booking_date` (the UTC
day on which the register learnt of it) and `settlement_date`. Costs and amounts are in the class's currency.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import Field

from libs.kernel.events import Event
from libs.messages.register_values import (
    BlockReason,
    DeedReference,
    Generation,
    Held,
    LotRow,
    LotsTaken,
    MovedReservation,
    PayerOfLoss,
    Ratio,
    ReservationKind,
    Units,
)
from libs.messages.values import Amount, Code, Price

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
