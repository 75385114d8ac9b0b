"""What every Store does once something is decided: numbering, committing, due work (W-7, W-8, W-17, W-24, W-25)."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest

from libs.kernel.decider import Reference
from libs.kernel.errors import CheckUnavailable, Conflict
from libs.ports import Commit, DueRow, LifeChanged, Outcome, Position, StoreUnreachable
from libs.ports.changes import Add, Change, Drop, Put
from libs.ports.store import VOID_PROBLEM
from libs.testkit.ports.attested import CONSUMER
from libs.testkit.ports.store import NOW, TENANT, TILL, StoreUnderTest, decided, key, store_one

PLENTY = 1_000_000
ANY_REFUSAL = (Conflict, LifeChanged, StoreUnreachable)


class StorePathSuite:
    """Subclass it with an async fixture `under` that yields a StoreUnderTest of an empty schema."""

    async def test_w7_numbers_follow_the_commits_without_a_gap(self, under: StoreUnderTest) -> None:
        await under.live()
        decisions = [decided(n) for n in range(1, 4)]
        for decision in decisions:
            await store_one(under.store, decision)
        run = await under.other.number(0, 10, PLENTY)
        assert run is not None
        assert (run.lane, run.epoch, run.first) == (0, 1, 2)
        assert run.decisions == decisions
        assert await under.store.number(0, 10, PLENTY) is None
        await store_one(under.store, decided(4))
        following = await under.store.number(0, 10, PLENTY)
        assert following is not None
        assert following.first == 5

    async def test_w7_a_run_is_bounded_by_decisions_and_by_bytes_and_holds_one_at_least(
        self, under: StoreUnderTest
    ) -> None:
        await under.live()
        for n in range(1, 6):
            await store_one(under.store, decided(n, data={"text": "x" * 1_000}))
        runs = [await under.store.number(0, 2, PLENTY), await under.store.number(0, 10, 10)]
        rest = await under.store.number(0, 10, PLENTY)
        assert [(run.first, len(run.decisions)) for run in (*runs, rest) if run] == [(2, 2), (4, 1), (5, 2)]

    async def test_w7_two_that_number_at_once_number_apart(self, under: StoreUnderTest) -> None:
        """A relay whose lock was lost without its notice may still be at it; the runs must not overlap."""
        await under.live()
        for n in range(1, 13):
            await store_one(under.store, decided(n))
        found = await asyncio.gather(
            *(store.number(0, 3, PLENTY) for store in (under.store, under.other) * 3), return_exceptions=True
        )
        runs = await under.store.numbered(0, 1, 50)
        seqs = [seq for run in runs for seq in range(run.first, run.first + len(run.decisions))]
        assert seqs == list(range(2, 2 + len(seqs)))
        given = [run for run in found if run is not None and not isinstance(run, BaseException)]
        assert sorted(run.first for run in given) == sorted({run.first for run in given})
        assert all(run in runs for run in given)

    async def test_w8_runs_keep_their_boundaries_until_they_are_committed(self, under: StoreUnderTest) -> None:
        await under.live()
        for n in range(1, 6):
            await store_one(under.store, decided(n))
        first, second = await under.store.number(0, 2, PLENTY), await under.store.number(0, 3, PLENTY)
        assert first is not None
        assert second is not None
        assert await under.other.numbered(0, 1, 10) == [first, second]
        assert await under.other.numbered(0, 3, 10) == [second]
        assert await under.other.numbered(0, 1, 1) == [first]
        assert await under.other.numbered(1, 1, 10) == []
        assert await under.store.oldest(0) == (1, 2)
        await under.apply(0, first.decisions)
        assert await under.other.numbered(0, 0, 10) == [second]
        assert await under.store.oldest(0) == (1, 4)
        assert (await under.store.backlog())[0] == 3

    async def test_w8_what_an_older_life_left_is_numbered_anew_once_the_new_one_is_settled(
        self, under: StoreUnderTest
    ) -> None:
        await under.live(1)
        decision = decided(1)
        await store_one(under.store, decision)
        assert await under.store.number(0, 10, PLENTY)
        under.store = await under.anew()
        await under.live(2, settle=False, version=2)
        assert await under.store.number(0, 10, PLENTY) is None
        for lane in range(2):
            [run] = await under.store.numbered(lane, 0, 10)
            await under.apply(lane, run.decisions, first=1)
        again = await under.store.number(0, 10, PLENTY)
        assert again is not None
        assert (again.epoch, again.first, again.decisions) == (2, 2, [decision])

    async def test_w7_one_relay_a_lane(self, under: StoreUnderTest) -> None:
        async with under.store.relay_lock(0) as first, under.other.relay_lock(1) as another:
            assert first
            assert another
            async with under.other.relay_lock(0) as second:
                assert not second
        async with under.other.relay_lock(0) as later:
            assert later

    async def test_w17_a_commit_settles_its_commands_and_moves_its_position(self, under: StoreUnderTest) -> None:
        await under.live()
        decision = decided(1)
        await store_one(under.store, decision)
        await under.apply(0, [decision])
        found = (await under.other.outcomes(TENANT, [key(1).command], final=True))[key(1).command]
        assert found == Outcome(key(1).request, "committed", decision.id, ((TILL, 1),))
        assert (await under.other.positions(CONSUMER))[0] == under.lanes[0].position
        assert (await under.store.backlog())[0] == 0
        async with under.store.committing() as tx:
            assert await tx.committed([TILL, "tills/fish/till/none"]) == {TILL: 1}
            assert await tx.positions(CONSUMER) == await under.store.positions(CONSUMER)

    async def test_w1_whoever_waits_for_the_same_decision_is_answered_too(self, under: StoreUnderTest) -> None:
        await under.live()
        decision = decided(1)
        await store_one(under.store, decision)
        async with under.store.deciding(TENANT, 0, ["fish"]) as tx:
            await tx.begin([key(2)])
            repeated = Outcome(key(2).request, "decided", decision.id, ((TILL, 1),))
            await tx.store([], {key(2).command: repeated}, [])
        await under.apply(0, [decision])
        assert (await under.store.outcomes(TENANT, [key(2).command]))[key(2).command].status == "committed"

    async def test_w20_a_commit_of_a_former_life_rebuilds_what_idempotency_needs(self, under: StoreUnderTest) -> None:
        decision = decided(1)
        under.epoch = 1
        await under.apply(0, [decision], first=1)
        await under.live(2)
        async with under.store.deciding(TENANT, 0, ["fish"]) as tx:
            [known] = await tx.begin([key(1)])
        assert known == Outcome(key(1).request, "committed", decision.id, ((TILL, 1),))

    async def test_w17_an_error_in_the_block_commits_nothing(self, under: StoreUnderTest) -> None:
        await under.live()
        decision = decided(1)
        await store_one(under.store, decision)
        before = await under.store.positions(CONSUMER)
        work = under.lanes[0].commit(1, 2, [decision])
        with pytest.raises(ZeroDivisionError):  # noqa: PT012  # the block is what is tested
            async with under.store.committing() as tx:
                await tx.apply(CONSUMER, work)
                raise ZeroDivisionError
        assert await under.store.positions(CONSUMER) == before
        async with under.store.committing() as tx:
            await tx.apply(CONSUMER, work)
        assert (await under.store.positions(CONSUMER))[0] == work.positions[0]

    async def test_inv10_a_batch_is_committed_once(self, under: StoreUnderTest) -> None:
        await under.live()
        work = under.lanes[0].commit(1, 2, [decided(1)])
        async with under.store.committing() as tx:
            await tx.apply(CONSUMER, work)
        with pytest.raises(ANY_REFUSAL):
            async with under.store.committing() as tx:
                await tx.apply(CONSUMER, work)

    async def test_w21_a_void_decision_changes_no_stream(self, under: StoreUnderTest) -> None:
        await under.live()
        standing, void = decided(1), decided(2, (TILL, 1))
        await under.apply(0, [standing])
        async with under.store.committing() as tx:
            await tx.apply(CONSUMER, under.lanes[0].commit(1, 3, [void], void=True))
        async with under.store.deciding(TENANT, 0, ["fish"]) as tx:
            loaded = (await tx.load({TILL: 0}))[TILL]
            [known] = await tx.begin([key(2)])
            await tx.store([], {}, [key(2).command])
        assert (loaded.version, loaded.events) == (1, [("tills.Deposited.v1", {"n": 1})])
        assert known is None

    async def test_w21_whoever_waits_for_a_void_decision_is_refused(self, under: StoreUnderTest) -> None:
        await under.live()
        own = decided(2, (TILL, 1))
        await store_one(under.store, own)
        async with under.store.committing() as tx:
            await tx.apply(CONSUMER, under.lanes[0].commit(1, 2, [own], void=True))
        outcome = (await under.store.outcomes(TENANT, [own.command]))[own.command]
        assert outcome.status == "refused"
        assert outcome.problem == VOID_PROBLEM

    async def test_w19_changes_of_read_tables_are_applied_in_order(self, under: StoreUnderTest) -> None:
        await under.live()
        columns = {"market": "fish", "label": "l", "balance": Decimal("1.50"), "status": "open"}
        till = {"till": "a"}
        changes: list[tuple[str, Change]] = [
            (TENANT, Put("tills", till, columns)), (TENANT, Put("open_tills", till, {})),
            (TENANT, Add("tills", till, {"balance": Decimal("2.25")})),
            (TENANT, Put("tills", till, {"status": "counted"})),
            (TENANT, Add("tills", till, {"balance": Decimal("-0.75")})),
            (TENANT, Add("markets", {"market": "fish"}, {"total": Decimal(3), "movements": 2})),
            (TENANT, Add("markets", {"market": "fish"}, {"total": Decimal(-1), "movements": 1})),
            (TENANT, Drop("open_tills", till)), (TENANT, Put("open_tills", {"till": "b"}, {})),
            ("rival", Put("tills", {"till": "r"}, columns)),
        ]  # fmt: skip
        await under.apply(0, [decided(1)], changes=changes, level_at=NOW)
        wanted = [
            Reference("tills", till), Reference("markets", {"market": "fish"}), Reference("open_tills", till),
            Reference("open_tills", {"till": "b"}), Reference("tills", {"till": "r"}),
        ]  # fmt: skip
        async with under.other.deciding(TENANT, 0, ["fish"]) as tx:
            tills, markets, dropped, other, rivals = await tx.rows(wanted, NOW)
        assert tills is not None
        assert markets is not None
        assert (Decimal(str(tills["balance"])), tills["status"], tills["label"]) == (Decimal(3), "counted", "l")
        assert (Decimal(str(markets["total"])), markets["movements"]) == (Decimal(2), 3)
        assert dropped is None
        assert other is not None
        assert rivals is None

    async def test_w24_reference_rows_older_than_a_minute_are_no_answer(self, under: StoreUnderTest) -> None:
        await under.live()
        reference = [Reference("tills", {"till": "a"})]
        async with under.store.deciding(TENANT, 0, ["fish"]) as tx:
            with pytest.raises(CheckUnavailable):
                await tx.rows(reference, NOW)
        async with under.store.committing() as tx2:
            await tx2.apply(CONSUMER, Commit({}, level_at=NOW))
        async with under.store.deciding(TENANT, 0, ["fish"]) as tx:
            assert await tx.rows(reference, NOW + timedelta(seconds=59)) == [None]
            with pytest.raises(CheckUnavailable):
                await tx.rows(reference, NOW + timedelta(seconds=61))

    async def test_w25_due_work_is_given_until_it_is_done(self, under: StoreUnderTest) -> None:
        await under.live()
        rows = [
            DueRow(str(uuid4()), "CountTill", NOW + timedelta(seconds=s), TENANT, TILL, {"till": "a", "n": s})
            for s in (30, 10, 20)
        ]
        await under.apply(0, [decided(1)], due=[*rows, rows[0]])
        assert await under.store.due(NOW, 10) == []
        assert await under.store.due(NOW + timedelta(seconds=25), 10) == [rows[1], rows[2]]
        assert await under.store.due(NOW + timedelta(minutes=1), 1) == [rows[1]]
        await under.other.due_done([rows[1], rows[2]])
        assert await under.store.due(NOW + timedelta(minutes=1), 10) == [rows[0]]
        await under.apply(0, [decided(2)], due=[rows[1]])
        assert await under.store.due(NOW + timedelta(minutes=1), 10) == [rows[0]]

    async def test_w18_a_position_never_goes_back(self, under: StoreUnderTest) -> None:
        await under.live()
        near, far = Position(5, b"\x05" * 32, 2), Position(9, b"\x09" * 32, 3)
        await under.store.move("react", 0, far)
        await under.store.move("react", 0, near)
        await under.apply(0, [decided(1)], cursors={("react", 0): near, ("react", 1): near})
        assert await under.other.positions("react") == {0: far, 1: near}

    async def test_a_signal_wakes_whoever_waits_and_a_missed_one_only_delays(self, under: StoreUnderTest) -> None:
        await under.live()
        intents, commits = under.other.signal("intents"), under.other.signal("commits")
        waiting = [asyncio.create_task(signal.wait(10.0)) for signal in (intents, commits)]
        await asyncio.sleep(0.3)
        decision = decided(1)
        await store_one(under.store, decision)
        await under.apply(0, [decision])
        async with asyncio.timeout(5.0):
            await asyncio.gather(*waiting)
        async with asyncio.timeout(5.0):
            await intents.wait(0.1)

    async def test_a_decision_comes_back_as_it_was_stored(self, under: StoreUnderTest) -> None:
        await under.live()
        decision = replace(
            decided(1, data={"text": "ä€😀", "none": None, "list": [1, {"a": "b"}]}),
            causation=str(uuid4()), correlation=str(uuid4()), traceparent="00-" + "a" * 32 + "-" + "b" * 16 + "-01",
        )  # fmt: skip
        await store_one(under.store, decision)
        run = await under.store.number(0, 10, PLENTY)
        assert run is not None
        assert run.decisions == [decision]
        assert (await under.other.numbered(0, 1, 10))[0].decisions == [decision]
