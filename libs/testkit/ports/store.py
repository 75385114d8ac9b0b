"""What every Store does: deciding and claims (W-1 … W-5). The rest is in `store_lives` and `store_path`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from libs.kernel.envelope import Actor, Decision, EventEntry
from libs.kernel.errors import Conflict
from libs.kernel.ids import uuid7
from libs.kernel.time import to_wire
from libs.ports import CommandKey, Intent, KeyedClaim, Outcome, Store
from libs.testkit.ports.attested import CONSUMER, ImaginedLane

NOW = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
LANES = 2
TENANT = "acme"
TILL = "tills/fish/till/a"
LABEL = KeyedClaim("till label", "0123456789abcdef")


@dataclass
class StoreUnderTest:
    """An implementation with the sample's tables of `tills`: two processes, and a way to lose the schema."""

    store: Store
    other: Store
    anew: Callable[[], Awaitable[Store]]
    empty: Callable[[], Awaitable[None]]
    lanes: list[ImaginedLane] = field(default_factory=lambda: [ImaginedLane("tills", lane) for lane in range(LANES)])
    epoch: int = 0
    seqs: dict[int, int] = field(default_factory=dict)

    async def live(self, epoch: int = 1, *, settle: bool = True, version: int = 1) -> None:
        """Begin a life whose markers have this version, and settle it."""
        made = {lane: marker(epoch, lane, version) for lane in range(LANES)}
        await self.store.begin_life(epoch, made)
        self.epoch, self.seqs = epoch, dict.fromkeys(range(LANES), 1)
        if settle:
            for lane, decision in made.items():
                await self.apply(lane, [decision], first=1)

    async def apply(self, lane: int, decisions: Sequence[Decision], *, first: int | None = None, **more: Any) -> None:
        """Commit a batch of these decisions, and whatever else the commit is given."""
        first = first or self.seqs[lane] + 1
        work = replace(self.lanes[lane].commit(self.epoch, first, decisions), **more)
        self.seqs[lane] = first + len(decisions) - 1
        async with self.store.committing() as tx:
            await tx.apply(CONSUMER, work)


def decided(
    number: int, *streams: tuple[str, int], tenant: str = TENANT, data: Mapping[str, Any] | None = None
) -> Decision:
    """A decision of command `number` with one event on each of these streams at these versions."""
    entries = tuple(
        EventEntry("tills.Deposited.v1", s, v, dict(data or {"n": number})) for s, v in streams or ((TILL, number),)
    )
    identity = str(uuid7(NOW))
    return Decision(
        identity, to_wire(NOW + timedelta(seconds=number)), tenant, Actor("somebody", "teller"), None, identity,
        key(number).command, key(number).request, entries,
    )  # fmt: skip


def marker(epoch: int, lane: int, version: int) -> Decision:
    """A life's marker."""
    entry = EventEntry("tills.EpochBegun.v1", f"tills/{lane}/epoch", version, {"epoch": epoch, "lane": lane})
    return replace(decided(epoch * 100 + lane), tenant="cartulary", events=(entry,))


def key(number: int) -> CommandKey:
    """The keyed hashes of command `number`."""
    return CommandKey(f"{number:032x}", f"{number + 1:032x}")


async def store_one(store: Store, decision: Decision, claims: tuple[KeyedClaim, ...] = (), lane: int = 0) -> None:
    """Decide one command to this decision."""
    held = tuple((decision.events[0].stream, claim) for claim in claims)
    async with store.deciding(decision.tenant, lane, ["fish"]) as tx:
        assert await tx.begin([CommandKey(decision.command, decision.request)]) == [None]
        await tx.store([Intent(decision, held)], {}, [])


class StoreSuite:
    """Subclass it with an async fixture `under` that yields a StoreUnderTest of an empty schema."""

    async def test_w1_a_key_is_fresh_once(self, under: StoreUnderTest) -> None:
        await under.live()
        decision = decided(1)
        await store_one(under.store, decision)
        async with under.other.deciding(TENANT, 0, ["fish"]) as tx:
            known, fresh = await tx.begin([key(1), key(2)])
        assert fresh is None
        assert known == Outcome(key(1).request, "decided", decision.id, ((TILL, 1),))

    async def test_w1_two_calls_at_once_with_one_key_decide_once(self, under: StoreUnderTest) -> None:
        await under.live()
        fresh = asyncio.Event()

        async def first() -> None:
            async with under.store.deciding(TENANT, 0, ["fish"]) as tx:
                assert await tx.begin([key(1)]) == [None]
                fresh.set()
                await asyncio.sleep(0.1)
                await tx.store([Intent(decided(1))], {}, [])

        async def second() -> Outcome | None:
            await fresh.wait()
            # Another lane key, so that nothing but the idempotency key holds the two apart.
            async with under.other.deciding(TENANT, 0, ["flower"]) as tx:
                return (await tx.begin([key(1)]))[0]

        _, outcome = await asyncio.gather(first(), second())
        assert outcome is not None
        assert outcome.status == "decided"

    async def test_w1_an_error_in_the_block_leaves_nothing(self, under: StoreUnderTest) -> None:
        await under.live()
        with pytest.raises(ZeroDivisionError):  # noqa: PT012  # the block is what is tested
            async with under.store.deciding(TENANT, 0, ["fish"]) as tx:
                await tx.begin([key(1)])
                await tx.store([Intent(decided(1), ((TILL, LABEL),))], {}, [])
                raise ZeroDivisionError
        async with under.other.deciding(TENANT, 0, ["fish"]) as tx:
            assert await tx.begin([key(1)]) == [None]
            assert (await tx.load({TILL: 0}))[TILL].version == 0
            assert await tx.held([LABEL]) == set()
            await tx.store([], {}, [key(1).command])
        assert await under.store.number(0, 10, 10_000) is None

    async def test_w1_a_refusal_stands_beside_the_group_and_what_is_forgotten_is_fresh_again(
        self, under: StoreUnderTest
    ) -> None:
        await under.live()
        problem = {"type": "urn:cartulary:problem:refused", "status": 409}
        async with under.store.deciding(TENANT, 0, ["fish"]) as tx:
            await tx.begin([key(1), key(2), key(3)])
            refused = {key(2).command: Outcome(key(2).request, "refused", problem=problem)}
            await tx.store([Intent(decided(1))], refused, [key(3).command])
        found = await under.other.outcomes(TENANT, [key(n).command for n in (1, 2, 3, 4)])
        assert {name: outcome.status for name, outcome in found.items()} == {
            key(1).command: "decided", key(2).command: "refused",
        }  # fmt: skip
        assert found[key(2).command].problem == problem
        final = await under.other.outcomes(TENANT, [key(n).command for n in (1, 2)], final=True)
        assert list(final) == [key(2).command]
        async with under.store.deciding(TENANT, 0, ["fish"]) as tx:
            assert await tx.begin([key(3)]) == [None]
            await tx.store([], {}, [key(3).command])

    async def test_inv08_a_tenant_sees_its_own_alone(self, under: StoreUnderTest) -> None:
        await under.live()
        await store_one(under.store, decided(1), (LABEL,))
        assert await under.store.outcomes("rival", [key(1).command]) == {}
        async with under.store.deciding("rival", 0, ["fish"]) as tx:
            assert await tx.begin([key(1)]) == [None]
            assert await tx.held([LABEL]) == set()
            await tx.store([], {}, [key(1).command])

    async def test_w3_pending_events_are_folded_in(self, under: StoreUnderTest) -> None:
        await under.live()
        first, second = decided(1), decided(2)
        await store_one(under.store, first)
        await under.apply(0, [first])
        await store_one(under.store, second)
        async with under.other.deciding(TENANT, 0, ["fish"]) as tx:
            loaded = await tx.load({TILL: 0, "tills/fish/till/none": 0})
            later = await tx.load({TILL: 1})
            level = await tx.load({TILL: 2})
        events = [("tills.Deposited.v1", {"n": 1}), ("tills.Deposited.v1", {"n": 2})]
        assert loaded[TILL] == (2, second.time, events, second.id)
        assert loaded["tills/fish/till/none"] == (0, "", [], None)
        assert later[TILL].events == events[1:]
        assert level[TILL].events == []
        await under.apply(0, [second])
        async with under.other.deciding(TENANT, 0, ["fish"]) as tx:
            assert (await tx.load({TILL: 2}))[TILL] == (2, second.time, [], None)

    async def test_w5_a_version_is_taken_once(self, under: StoreUnderTest) -> None:
        await under.live()
        await store_one(under.store, decided(1))
        with pytest.raises(Conflict):
            await store_one(under.other, decided(2, (TILL, 1)))
        with pytest.raises(Conflict):
            await store_one(under.other, decided(2, (TILL, 3)))
        await store_one(under.other, decided(2, (TILL, 2), ("tills/fish/till/b", 1)))

    async def test_w2_decisions_of_one_key_wait_for_each_other(self, under: StoreUnderTest) -> None:
        await under.live()
        seen = []

        async def decide(store: Store, number: int) -> None:
            async with store.deciding(TENANT, 0, ["fish"]) as tx:
                await tx.begin([key(number)])
                version = (await tx.load({TILL: 0}))[TILL].version
                await asyncio.sleep(0.02)
                await tx.store([Intent(decided(number, (TILL, version + 1)))], {}, [])
                seen.append(version)

        await asyncio.gather(*(decide(store, n) for n, store in enumerate((under.store, under.other) * 3, start=1)))
        assert seen == [0, 1, 2, 3, 4, 5]

    async def test_w4_a_claim_is_held_once(self, under: StoreUnderTest) -> None:
        await under.live()
        await store_one(under.store, decided(1), (LABEL,))
        async with under.other.deciding(TENANT, 1, ["flower"]) as tx:
            assert await tx.held([LABEL, KeyedClaim("till label", "ff")]) == {LABEL}
        with pytest.raises(Conflict):
            await store_one(under.other, decided(2, ("tills/flower/till/a", 1)), (LABEL,), lane=1)

    async def test_w4_a_claim_that_is_given_up_can_be_taken(self, under: StoreUnderTest) -> None:
        await under.live()
        taken, released = decided(1), decided(2)
        await store_one(under.store, taken, (LABEL,))
        await under.apply(0, [taken], claims=[(TENANT, TILL, LABEL, True)])
        await store_one(under.store, released)
        await under.apply(0, [released], claims=[(TENANT, TILL, LABEL, False)])
        await store_one(under.store, decided(3), (LABEL,))

    async def test_w4_claims_of_one_commit_are_folded_in_ledger_order(self, under: StoreUnderTest) -> None:
        """One stream gives a claim up and another takes it: it is held, in whichever order the lanes are read."""
        await under.live()
        other = "tills/fish/till/b"
        changes = [(TENANT, TILL, LABEL, True), (TENANT, TILL, LABEL, False), (TENANT, other, LABEL, True)]
        await under.apply(0, [decided(1)], claims=changes)
        async with under.store.deciding(TENANT, 0, ["fish"]) as tx:
            assert await tx.held([LABEL]) == {LABEL}

    async def test_w4_claims_come_to_the_same_in_every_order_of_the_lanes(self, under: StoreUnderTest) -> None:
        """The taking lane may be replayed before the releasing one (inv 13)."""
        await under.live()
        other = "tills/flower/till/b"
        await under.apply(0, [decided(1)], claims=[(TENANT, TILL, LABEL, True)])
        await under.apply(1, [decided(2, (other, 1))], claims=[(TENANT, other, LABEL, True)])
        await under.apply(0, [decided(3, (TILL, 2))], claims=[(TENANT, TILL, LABEL, False)])
        async with under.store.deciding(TENANT, 0, ["fish"]) as tx:
            assert await tx.held([LABEL]) == {LABEL}
        await under.apply(1, [decided(4, (other, 2))], claims=[(TENANT, other, LABEL, False)])
        async with under.store.deciding(TENANT, 0, ["fish"]) as tx:
            assert await tx.held([LABEL]) == set()
