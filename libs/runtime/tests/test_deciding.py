"""One command that cannot be decided keeps no other of its group from being decided (W-1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from libs.kernel.decider import Reference
from libs.kernel.envelope import Actor
from libs.kernel.errors import CartularyError, CheckUnavailable, Conflict
from libs.kernel.keyed import KeyedClaim, KeyedHashes
from libs.ports import Clock, Deciding, Loaded, Store
from libs.rules.four_eyes import Rules
from libs.runtime.deciding import DecideLoop
from libs.runtime.planning import Request
from libs.testkit.sample.visitors import NoteVisitor, Visitors
from libs.vault.ring import Held, Ring
from libs.vault.sealing import DataKey

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
NOTED = "visitors.VisitorNoted.v1"
KEYS = KeyedHashes(b"secret")
KNOWN, LOST, FRESH = "known", "lost", "fresh"


class Transaction:
    """Two visitors are in the book; nothing is claimed."""

    def __init__(self, events: Mapping[str, dict[str, Any]]) -> None:
        self._events = events

    async def load(self, known: Mapping[str, int]) -> dict[str, Loaded]:
        stored = {stream: self._events.get(stream) for stream in known}
        return {s: Loaded(0, "", []) if data is None else Loaded(1, "", [(NOTED, data)]) for s, data in stored.items()}

    async def rows(self, references: Sequence[Reference], now: datetime) -> list[Mapping[str, Any] | None]:
        return [None for _ in references]

    async def held(self, claims: Sequence[KeyedClaim]) -> set[KeyedClaim]:
        return set()


def stream(visitor: str) -> str:
    return f"visitors/{visitor}/visitor/{visitor}"


def request(visitor: str) -> Request:
    command = NoteVisitor(now=NOW, visitor=visitor, name="Livia")
    return Request(command, "meridian", Actor("olga", "operations"), KEYS.key("meridian", "olga", visitor, b""))


def book() -> tuple[Transaction, dict[str, Held]]:
    """The stored events, sealed, and the keys that they were sealed by."""
    held: dict[str, Held] = {visitor: DataKey.fresh() for visitor in (KNOWN, LOST)}
    ring = Ring("meridian", held, held, 30.0, lambda: 0.0)
    data = {v: ring.seal({"visitor": v, "name": {"clear": "Livia"}}, NOTED, stream(v), 1) for v in held}
    return Transaction({stream(visitor): one for visitor, one in data.items()}), held


@pytest.mark.parametrize("why", [None, CheckUnavailable("the master key is missing"), DataKey.fresh()])
async def test_w1_a_person_whose_key_is_lost_keeps_nobody_else_waiting(why: CartularyError | DataKey | None) -> None:
    transaction, held = book()
    if why is None:
        del held[LOST]
    else:
        held[LOST] = why
    ring = Ring("meridian", [KNOWN, LOST, FRESH], held, 30.0, lambda: 0.0)
    loop = DecideLoop(cast(Store, None), Rules(Visitors()), cast(Clock, None), KEYS, lanes=4)
    asked = {visitor: request(visitor) for visitor in (KNOWN, LOST, FRESH)}
    plan = await loop._plan_group(cast(Deciding, transaction), list(asked.values()), ring)
    assert plan.failed.keys() == {asked[LOST].key.command}
    assert [intent.decision.command for intent in plan.intents] == [asked[FRESH].key.command]
    assert plan.settled.keys() == {asked[KNOWN].key.command}


async def test_w5_a_ring_that_is_too_old_is_fetched_again_for_all() -> None:
    transaction, held = book()
    ring = Ring("meridian", [KNOWN], held, 0.0, lambda: 0.0)
    loop = DecideLoop(cast(Store, None), Rules(Visitors()), cast(Clock, None), KEYS, lanes=4)
    with pytest.raises(Conflict):
        await loop._plan_group(cast(Deciding, transaction), [request(KNOWN)], ring)
