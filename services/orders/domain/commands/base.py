"""The commands of orders; each names the dealing days that it may touch, for they are streams of the decision (W-2)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import Field, field_validator

from libs.kernel.decider import Command, Reference
from libs.kernel.ids import named_id
from libs.kernel.streams import stream_name
from libs.messages import order_values as values
from libs.messages.values import Code, Value
from services.orders.domain.references import ReferenceRows, parsed

SERVICE = "orders"
# With every event that an order of a chunk can come to, a decision stays below the bounds of W-6.
LARGEST_CHUNK = 150


def order_id(tenant: str, distributor: str | None, client_reference: str) -> UUID:
    """The one id of a client reference: whoever sends it again meets the same order (TA-O-9)."""
    return named_id("order", tenant, distributor or "-", client_reference)


class DayRef(Value):
    """A dealing day that a command may touch."""

    sub_fund: UUID
    valuation_date: values.CalendarDate


class OrdersCommand(Command):
    """A command of orders; `days` are worked out by whoever sends it, and checked by the decision."""

    umbrella: UUID
    days: Annotated[tuple[DayRef, ...], Field(max_length=64)] = ()
    rows: ReferenceRows | None = Field(None, exclude=True, repr=False)

    @field_validator("now")
    @classmethod
    def _in_utc(cls, value: datetime) -> datetime:
        if value.tzinfo is None:
            raise ValueError("a time needs a time zone")
        return value.astimezone(UTC)

    def order_stream(self, order: UUID) -> str:
        """An order's stream."""
        return stream_name(SERVICE, self.umbrella, "order", order)

    def day_stream(self, sub_fund: UUID, valuation_date: date) -> str:
        """A dealing day's stream."""
        return stream_name(SERVICE, self.umbrella, "dealing_day", f"{sub_fund}:{valuation_date}")

    def day_streams(self) -> tuple[str, ...]:
        """The streams of `days`."""
        return tuple(dict.fromkeys(self.day_stream(day.sub_fund, day.valuation_date) for day in self.days))

    def given(self, rows: Mapping[Reference, Mapping[str, Any] | None]) -> Self:
        """With these rows."""
        return self.model_copy(update={"rows": parsed(rows)})


class OrderCommand(OrdersCommand):
    """A command on an order; `placed_by` is the distributor that the caller is bound to (TA-I-8)."""

    order: UUID
    placed_by: Code | None = None

    def streams(self) -> tuple[str, ...]:
        """The order, then the days."""
        return (self.order_stream(self.order), *self.day_streams())
