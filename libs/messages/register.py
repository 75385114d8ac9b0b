"""Published events of the register (TA-R): classes and bookings, and the holdings of `register_holdings.py`."""

from __future__ import annotations

from datetime import date
from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import Field

from libs.kernel.events import Catalogue
from libs.messages.register_holdings import HoldingEvent as HoldingEvent
from libs.messages.register_holdings import HoldingSplit as HoldingSplit
from libs.messages.register_holdings import MovementEvent as MovementEvent
from libs.messages.register_holdings import RegisterEvent as RegisterEvent
from libs.messages.register_holdings import ReservationEvent as ReservationEvent
from libs.messages.register_holdings import UnitsBlocked as UnitsBlocked
from libs.messages.register_holdings import UnitsCancelled as UnitsCancelled
from libs.messages.register_holdings import UnitsConverted as UnitsConverted
from libs.messages.register_holdings import UnitsEarmarked as UnitsEarmarked
from libs.messages.register_holdings import UnitsIssued as UnitsIssued
from libs.messages.register_holdings import UnitsPledged as UnitsPledged
from libs.messages.register_holdings import UnitsReleased as UnitsReleased
from libs.messages.register_holdings import UnitsTransferred as UnitsTransferred
from libs.messages.register_holdings import UnpaidUnitsCancelled as UnpaidUnitsCancelled
from libs.messages.register_values import Chunk, Held, Ratio, RefusedMovement
from libs.messages.values import Amount, Currency, Price

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


class MergerExpected(ActionEvent):
    """Units of `from_class` will come into this class; until they arrived it goes through no action of its own."""

    from_class: UUID


class MergerArrived(ActionEvent):
    """All units of the merging class have come."""


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
        MergerExpected,
        MergerArrived,
        CorporateActionCompleted,
        MovementsBooked,
    ]
)
