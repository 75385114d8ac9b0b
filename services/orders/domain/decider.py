"""The rules of orders behind the decider protocol: every command and every event, once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from libs.kernel.decider import Command
from libs.kernel.events import Catalogue, Event
from libs.messages.orders import CATALOGUE
from services.orders.domain import commands as asked
from services.orders.domain import dealing_day, ending, placing, pricing_day, registering, suspension, work
from services.orders.domain.dealing_day import Day
from services.orders.domain.work import Work

# What a command on orders leads to; `Any` stands for the command's own type, which is the key.
_ON_ORDERS: Mapping[type[Command], Callable[[Any, Work], Sequence[Event]]] = {
    asked.PlaceOrder: placing.place_order,
    asked.AmendOrder: placing.amend_order,
    asked.CancelOrder: ending.cancel_order,
    asked.CancelAfterCutOff: ending.cancel_after_cut_off,
    asked.ReverseOrder: ending.reverse_order,
    asked.HoldOrders: suspension.hold_orders,
    asked.ReleaseOrders: suspension.release_orders,
    asked.PriceOrders: pricing_day.price_orders,
    asked.RecordBookings: registering.record_bookings,
    asked.SettleOrder: registering.settle_order,
    asked.FailSettlement: registering.fail_settlement,
    asked.RecordTransfer: registering.record_transfer,
}
_ON_DAYS: Mapping[type[Command], Callable[[Any, Day | None], Sequence[Event]]] = {
    asked.CloseDealingDay: dealing_day.close_dealing_day,
    asked.OpenPricing: dealing_day.open_pricing,
    asked.StopPricing: dealing_day.stop_pricing,
}


class OrdersDecider:
    """Orders and dealing days; implements `libs.kernel.decider.Decider`."""

    service: str = asked.SERVICE
    catalogue: Catalogue = CATALOGUE
    commands: Mapping[str, type[Command]] = {kind.__name__: kind for kind in (*_ON_ORDERS, *_ON_DAYS)}

    def decide(self, command: Command, states: Mapping[str, Any]) -> Sequence[Event]:
        """The events of a command; raises Refused, InvalidValue, CheckUnavailable, TypeError for another's command."""
        if type(command) in _ON_ORDERS:
            ordered = cast("asked.OrdersCommand", command)
            return _ON_ORDERS[type(command)](ordered, Work(ordered, states))
        if type(command) in _ON_DAYS:
            return _ON_DAYS[type(command)](command, states[command.streams()[0]])
        raise TypeError(f"{type(command).__name__} is no command of orders")

    def evolve(self, state: Any, event: Event) -> Any:
        """The state of the event's stream after it; raises UnknownEvent."""
        return work.evolve(state, event)
