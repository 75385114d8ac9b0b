"""What B4 and B5 read: a ledger of order-shaped events of about 600 bytes, and the service that commits them."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

from libs.edge.path import Parts
from libs.kernel.decider import Command
from libs.kernel.envelope import Actor, AttestedEvent, Decision, EventEntry
from libs.kernel.errors import InvalidValue
from libs.kernel.events import Catalogue, Event
from libs.kernel.ids import uuid7
from libs.kernel.streams import lane_of, stream_name
from libs.kernel.time import to_wire
from libs.ports.changes import Change, Put

SERVICE = "orders"
BATCH_EVENTS = 2_000
RUN_EVENTS = 250


class OrderPlaced(Event):
    """A client's instruction to buy or sell units."""

    service: ClassVar[str] = SERVICE
    aggregate: ClassVar[str] = "order"
    key_field: ClassVar[str] = "fund"
    id_field: ClassVar[str] = "placed"

    fund: str
    placed: str
    account: str
    share_class: str
    side: str
    amount: Decimal
    currency: str


class Orders:
    """The decider: the bench writes its events itself, so that it decides nothing."""

    service = SERVICE
    catalogue = Catalogue([OrderPlaced])
    commands: Mapping[str, type[Command]] = {}

    def decide(self, command: Command, states: Mapping[str, Any]) -> Sequence[Event]:
        """Nothing is decided here."""
        raise InvalidValue("the bench's orders are written, not decided", field="command", value=type(command).__name__)

    def evolve(self, state: Any, event: Event) -> Any:
        """The order itself."""
        return event


def project(event: Event, seen: AttestedEvent) -> Iterable[Change]:
    """One row an order."""
    if not isinstance(event, OrderPlaced):
        raise InvalidValue("orders knows one event", field="type", value=seen.type)
    values = {
        "fund": event.fund, "account": event.account, "share_class": event.share_class, "side": event.side,
        "amount": str(event.amount), "currency": event.currency, "placed_at": seen.body["time"],
    }  # fmt: skip
    return (Put("orders", {"placed": event.placed}, values),)


PARTS = Parts(Orders(), {"orders.OrderPlaced": project}, Path(__file__).with_name("migrations") / "orders")


def funds_of(lanes: int) -> list[str]:
    """One fund a lane: a lane key that lies in it (W-2)."""
    found: dict[int, str] = {}
    number = 0
    while len(found) < lanes:
        found.setdefault(lane_of(f"fund-{number}", lanes), f"fund-{number}")
        number += 1
    return [found[lane] for lane in range(lanes)]


def orders(fund: str, count: int, now: datetime, chance: random.Random) -> list[Decision]:
    """Decisions of one order each."""
    bits, actor = chance.getrandbits, Actor("sub-1", "dealer")
    made = []
    for number in range(count):
        at = now + timedelta(microseconds=number)
        decision, placed = str(uuid7(at, bits)), str(uuid7(at, bits))
        data = {
            "fund": fund, "placed": placed, "account": str(uuid7(at, bits)), "share_class": "LU0123456789",
            "side": "subscription", "amount": f"{bits(20)}.00", "currency": "EUR",
        }  # fmt: skip
        entry = EventEntry(OrderPlaced.type_name(), stream_name(SERVICE, fund, "order", placed), 1, data)
        hashes = (f"{bits(128):032x}", f"{bits(128):032x}")
        made.append(Decision(decision, to_wire(at), "alpha", actor, None, decision, *hashes, (entry,)))
    return made


def batches(
    events: int, lanes: int, now: Callable[[], datetime], seed: int = 1
) -> Iterator[tuple[int, list[list[Decision]]]]:
    """(lane, runs of decisions) a batch, the lanes in turn."""
    chance, funds = random.Random(seed), funds_of(lanes)
    for number in range(max(1, events // BATCH_EVENTS)):
        lane = number % lanes
        runs = BATCH_EVENTS // RUN_EVENTS
        yield lane, [orders(funds[lane], RUN_EVENTS, now(), chance) for _ in range(runs)]
