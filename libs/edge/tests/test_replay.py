"""replay on a real PostgreSQL: the ledger alone leads to the live state, or the difference is named (W-19, W-20)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import asyncpg
import pytest
import pytest_asyncio

from libs.adapters.clock import SystemClock
from libs.adapters.tests.schemas import own_database, password
from libs.edge.replay import NotEmpty, Replay, temporary_database
from libs.ledger.port import LedgerUnreachable
from libs.stack.addresses import Addresses
from libs.testkit.sample import bells, tills
from libs.testkit.till_ledger import KEYED, SERVICES, TillLedger


@pytest_asyncio.fixture
async def live(stack: Addresses) -> AsyncIterator[str]:
    async with own_database(stack) as dsn:
        yield dsn


def replay_of(ledger: TillLedger, live: str, into: str) -> Replay:
    return Replay(ledger, SystemClock(), KEYED, password, live, into, throw_away=True)


async def committed(ledger: TillLedger, live: str) -> TillLedger:
    """The live databases of both services, level with the ledger."""
    commit = Replay(ledger, SystemClock(), KEYED, password, live, live)
    for parts in SERVICES.values():
        await commit.rebuild(parts)
    return ledger


async def change(dsn: str, *statements: str) -> None:
    admin = await asyncpg.connect(dsn)
    for statement in statements:
        await admin.execute(statement)
    await admin.close()


async def test_w20_the_ledger_alone_leads_to_every_table(live: str) -> None:
    ledger = await committed(TillLedger().days(4), live)
    ledger.begin("tills", 2)
    ledger.days(2, first=5)
    await committed(ledger, live)
    async with temporary_database(live) as into:
        replay = replay_of(ledger, live, into)
        told: list[tuple[str, int, int]] = []
        rows: dict[str, int] = {}
        for name, parts in SERVICES.items():
            found = await replay.service(parts, lambda service, events, of: told.append((service, events, of)))
            assert found is not None
            assert (found.service, found.differing, found.is_true) == (name, [], True)
            assert told[-1] == (name, found.events, sum(state.next - 1 for state in ledger.state))
            rows |= {table: digest.rows for table, digest in found.live.items()}
    assert (rows["known_tills"], rows["bells"]) == (2 * 6 * 2, 2 * 6)


async def test_w19_many_commits_and_one_lead_to_the_same_digests(live: str) -> None:
    ledger = TillLedger()
    for day in range(1, 5):
        ledger.days(1, first=day)
        await committed(ledger, live)
    async with temporary_database(live) as into:
        found = await replay_of(ledger, live, into).service(tills.PARTS)
    assert found is not None
    assert found.is_true
    assert found.live["claims"].rows == 2 * 4


async def test_a_live_service_that_is_behind_is_compared_at_its_own_height(live: str) -> None:
    ledger = await committed(TillLedger().days(3), live)
    ledger.days(2, first=4)
    async with temporary_database(live) as into:
        found = await replay_of(ledger, live, into).service(tills.PARTS)
    assert found is not None
    assert found.is_true
    assert found.events == 2 * 3 * 9


async def test_what_is_only_pending_or_refused_is_left_out(live: str) -> None:
    ledger = await committed(TillLedger().days(2), live)
    stream = "tills/m/till/new"
    hold = "0198aaaa-0000-7000-8000-000000000001"
    await change(
        live,
        f"insert into tills.streams values ('{stream}', 'acme', 1, 0, '2030')",
        f"insert into tills.pending values ('{stream}', 1, 'acme', '{hold}', 'tills.TillOpened.v1', '{{}}')",
        f"insert into tills.claims values ('acme', 'till label', 'ff', '{stream}')",
        "insert into tills.idempotency (tenant, command, request, status) values ('acme', 'r', 'r', 'refused')",
        "insert into tills.idempotency (tenant, command, request, status, decision, streams) select tenant, 'again',"
        " 'r', 'committed', decision, streams from tills.idempotency where decision is not null limit 1",
        "update tills.due set done = true",
        "update tills.streams set version = version + 1, time = '2030' where committed = 3",
    )
    async with temporary_database(live) as into:
        found = await replay_of(ledger, live, into).service(tills.PARTS)
    assert found is not None
    assert found.differing == []


@pytest.mark.parametrize(
    ("statement", "table"),
    [
        ("update tills set balance = balance + 1 where till like '%-1-b'", "tills"),
        ("delete from open_tills where till = (select min(till) from open_tills)", "open_tills"),
        ("insert into markets values ('elsewhere', 'acme', 1, 1)", "markets"),
        ("update claims set stream = 'x' where value = (select min(value) from claims)", "claims"),
        ("update due set at = at + interval '1 us' where cause = (select min(cause::text) from due)::uuid", "due"),
        ("update idempotency set request = 'x' where command = (select min(command) from idempotency)", "idempotency"),
        ("update streams set committed = committed + 1 where stream = (select min(stream) from streams)", "streams"),
    ],
)  # fmt: skip
async def test_c5_a_change_of_any_table_shows_and_is_named(live: str, statement: str, table: str) -> None:
    ledger = await committed(TillLedger().days(2), live)
    await change(live, "set search_path to tills", statement)
    async with temporary_database(live) as into:
        found = await replay_of(ledger, live, into).service(tills.PARTS)
    assert found is not None
    assert found.differing == [table]
    assert found.wire()["tables"][table]["equal"] is False


async def test_a_service_without_a_schema_has_nothing_to_compare(live: str) -> None:
    async with temporary_database(live) as into:
        assert await replay_of(TillLedger(), live, into).service(bells.PARTS) is None


async def test_a_database_that_is_not_empty_is_not_touched(live: str) -> None:
    ledger = await committed(TillLedger().days(1), live)
    with pytest.raises(NotEmpty):
        await replay_of(ledger, live, live).service(tills.PARTS)


async def test_w12_a_node_below_what_is_committed_is_not_believed(live: str) -> None:
    await committed(TillLedger().days(3), live)
    async with temporary_database(live) as into:
        with pytest.raises(LedgerUnreachable):
            await replay_of(TillLedger().days(1), live, into).service(tills.PARTS)


async def test_another_ledger_does_not_lead_to_where_the_live_service_stands(live: str) -> None:
    await committed(TillLedger().days(2), live)
    async with temporary_database(live) as into:
        found = await replay_of(TillLedger(b"\x22" * 20).days(2), live, into).service(tills.PARTS)
    assert found is not None
    assert (found.elsewhere, found.is_true) == ((0, 1), False)


async def test_the_temporary_database_is_gone_afterwards(live: str) -> None:
    async with temporary_database(live) as into:
        name = urlsplit(into).path[1:]
    admin = await asyncpg.connect(live)
    assert await admin.fetchval("select count(*) from pg_database where datname = $1", name) == 0
    await admin.close()
