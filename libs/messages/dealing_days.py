"""Published events of a sub-fund's dealing day (TA-O-5, TA-O-10); names and fields are the stored format."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from libs.kernel.events import Due, Event
from libs.messages.order_values import (
    CalendarDate,
    ClassGate,
    ClassTotals,
    DealtPrice,
    Flow,
    Positive,
    PricedMovement,
    PublishedRate,
)
from libs.messages.values import Currency, Moment


class DealingDayEvent(Event):
    """An event of one sub-fund's dealing day; its id is `<sub_fund>:<valuation_date>`."""

    service: ClassVar[str] = "orders"
    aggregate: ClassVar[str] = "dealing_day"
    key_field: ClassVar[str] = "umbrella"
    id_field: ClassVar[str] = "day"

    umbrella: UUID
    sub_fund: UUID
    valuation_date: CalendarDate

    @property
    def day(self) -> str:
        """The id of the dealing day."""
        return f"{self.sub_fund}:{self.valuation_date}"


class DealingDayOpened(DealingDayEvent):
    """The first order of a valuation date arrived; the day closes a guard after its cut-off."""

    cut_off: Moment
    closes_at: Moment

    def due(self) -> tuple[Due, ...]:
        """The close (W-25)."""
        names = {"umbrella": self.umbrella, "sub_fund": self.sub_fund, "valuation_date": self.valuation_date}
        return (Due("CloseDealingDay", self.closes_at, {name: str(value) for name, value in names.items()}),)


class OrderCounted(DealingDayEvent):
    """A leg is dealt on this day, unless it is uncounted again."""

    order: UUID
    flow: Flow


class OrderUncounted(DealingDayEvent):
    """A leg that was counted is not dealt on this day after all: cancelled, held."""

    order: UUID
    flow: Flow


class DealingDayClosed(DealingDayEvent):
    """Count and totals of each class; swing, gate and pricing wait for it (TA-O-10).

    An order that was in time and decided later, or withdrawn after the close, makes a new one, and the highest
    revision counts.
    """

    closed_at: Moment
    revision: Positive = 1
    classes: tuple[ClassTotals, ...]


class PricingOpened(DealingDayEvent):
    """The NAVs of the day are published: its orders are priced by them and by no others (TA-O-5)."""

    revision: Positive
    published_at: Moment
    currency: Currency
    prices: tuple[DealtPrice, ...]
    rates: tuple[PublishedRate, ...]
    levy_due: bool
    gates: tuple[ClassGate, ...] = ()


class PricingStopped(DealingDayEvent):
    """The published NAVs were cancelled: nothing more is priced by them (TA-N-3)."""

    revision: Positive


class MovementsPriced(DealingDayEvent):
    """Movements of one class that the register books, at most 150; chunks of a day count from 1 (TA-R-2)."""

    share_class: UUID
    chunk: Positive
    movements: tuple[PricedMovement, ...]
