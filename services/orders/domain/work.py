"""A decision under way: the streams it reads, folded on by every event that it comes to."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from libs.kernel.events import Event
from libs.messages import order_values as values
from libs.messages.dealing_days import DealingDayEvent, DealingDayOpened, OrderCounted, OrderUncounted
from libs.messages.orders import OrderEvent
from services.orders.domain import dealing_day, order
from services.orders.domain.commands import OrdersCommand
from services.orders.domain.dates import cut_off_on
from services.orders.domain.dealing_day import GUARD, Day
from services.orders.domain.order import Order, Waiting, flow_of, in_flow_of
from services.orders.domain.references import SubFundRow
from services.orders.domain.refusals import DatesMoved, OrderUnknown, unexpected


def evolve(state: Any, event: Event) -> Order | Day:
    """The state of the event's stream after it; raises UnknownEvent."""
    if isinstance(event, DealingDayEvent):
        return dealing_day.evolve(state, event)
    if isinstance(event, OrderEvent):
        return order.evolve(state, event)
    raise unexpected(event, state)


class Work:
    """The events of one decision; a rule that comes later sees what an earlier one decided."""

    def __init__(self, command: OrdersCommand, states: Mapping[str, Any]) -> None:
        self.command = command
        self.events: list[Event] = []
        self._states = {stream: states[stream] for stream in command.streams()}
        self._recounted: dict[str, None] = {}

    def record(self, event: Event) -> None:
        """The event is decided."""
        stream = event.stream()
        self.events.append(event)
        self._states[stream] = evolve(self._states[stream], event)

    def order(self, identity: UUID) -> Order | None:
        """An order that the command names, as it is by now."""
        state = self._states[self.command.order_stream(identity)]
        return state if isinstance(state, Order) else None

    def known_order(self, identity: UUID, placed_by: str | None = None) -> Order:
        """The order; OrderUnknown also for another distributor's (TA-I-8)."""
        found = self.order(identity)
        if found is None or placed_by not in (None, found.received.distributor):
            raise OrderUnknown("place the order first", field="order", value=identity)
        return found

    def day(self, sub_fund: UUID, valuation_date: date) -> Day | None:
        """A dealing day; DatesMoved where the command does not name it."""
        stream = self.command.day_stream(sub_fund, valuation_date)
        if stream not in self._states:
            raise DatesMoved("name this dealing day, too", field="days", value=f"{sub_fund}:{valuation_date}")
        state = self._states[stream]
        return state if isinstance(state, Day) else None

    def open_day(self, sub_fund: UUID, row: SubFundRow, valuation_date: date) -> None:
        """The day is there, opened by its first order."""
        if self.day(sub_fund, valuation_date) is None:
            cut_off = cut_off_on(row, valuation_date)
            self.record(
                DealingDayOpened(
                    umbrella=self.command.umbrella,
                    sub_fund=sub_fund,
                    valuation_date=valuation_date,
                    cut_off=cut_off,
                    closes_at=cut_off + GUARD,
                )
            )

    def count(self, identity: UUID, sub_fund: UUID, valuation_date: date, flow: values.Flow) -> None:
        """A leg is dealt on the day."""
        self._counted(OrderCounted, identity, sub_fund, valuation_date, flow)

    def uncount(self, identity: UUID, sub_fund: UUID, valuation_date: date, flow: values.Flow) -> None:
        """A leg is not dealt on the day after all."""
        self._counted(OrderUncounted, identity, sub_fund, valuation_date, flow)

    def _counted(
        self,
        kind: type[OrderCounted] | type[OrderUncounted],
        identity: UUID,
        sub_fund: UUID,
        valuation_date: date,
        flow: values.Flow,
    ) -> None:
        dealing_day.known(self.day(sub_fund, valuation_date), valuation_date)
        event = kind(
            umbrella=self.command.umbrella, sub_fund=sub_fund, valuation_date=valuation_date, order=identity, flow=flow
        )
        self._recounted[event.stream()] = None
        self.record(event)

    def count_all(self, found: Order, waiting: Waiting) -> None:
        """Both legs of what waits are dealt on their days."""
        received = found.received
        self.count(received.order, received.sub_fund, waiting.dates.valuation_date, flow_of(found, waiting))
        inward = in_flow_of(found, waiting)
        if received.into is not None and waiting.into is not None and inward is not None:
            self.count(received.order, received.into.sub_fund, waiting.into.valuation_date, inward)

    def uncount_all(self, found: Order, waiting: Waiting) -> None:
        """Neither leg of what waits is dealt on its day."""
        received = found.received
        self.uncount(received.order, received.sub_fund, waiting.dates.valuation_date, flow_of(found, waiting))
        inward = in_flow_of(found, waiting)
        if received.into is not None and waiting.into is not None and inward is not None:
            self.uncount(received.order, received.into.sub_fund, waiting.into.valuation_date, inward)

    def done(self) -> list[Event]:
        """The events; a closed day whose count changed is closed again with the next revision (TA-O-10)."""
        for stream in self._recounted:
            day = self._states[stream]
            if isinstance(day, Day) and day.closed is not None:
                self.record(dealing_day.closing(day, self.command.now))
        return self.events
