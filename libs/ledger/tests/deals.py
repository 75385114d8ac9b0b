"""Decisions to fill ledgers with: deals in streams of one lane key."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count

from libs.kernel.envelope import Actor, Decision, EventEntry
from libs.kernel.ids import uuid7
from libs.kernel.streams import lane_of, stream_name
from libs.kernel.time import to_wire
from libs.testkit.memory_ledger import BEGAN

SERVICE = "deals"
_numbers = count(1)


def key_in(lane: int, lanes: int) -> str:
    """A lane key that lies in the lane."""
    return next(key for n in count() if lane_of(key := f"market-{n}", lanes) == lane)


def deal(
    key: str, *writes: tuple[str, int], at: float = 0.0, service: str = SERVICE, decision: str = "", note: str = ""
) -> Decision:
    """A decision that writes these (id, version)s of its key, `at` seconds after the ledger began."""
    now = datetime.fromtimestamp(BEGAN, UTC) + timedelta(seconds=at)
    identity = decision or str(uuid7(now))
    number = next(_numbers)
    events = tuple(
        EventEntry(
            f"{service}.DealMade.v1", stream_name(service, key, "deal", name), version, {"note": note or str(number)}
        )
        for name, version in writes
    )
    command, request = f"{number:032x}", f"{number:032X}".lower()
    actor = Actor("sub-1", "dealer")
    return Decision(identity, to_wire(now), "alpha", actor, None, identity, command, request, events)
