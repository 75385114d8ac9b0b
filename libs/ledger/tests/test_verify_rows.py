"""verify --db on a real PostgreSQL: every lie that a database can tell is caught and named (done-point 7, C6)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from libs.adapters.clock import SystemClock
from libs.adapters.tests.schemas import own_database, password
from libs.edge.replay import Replay
from libs.ledger.opening import Lie
from libs.ledger.verify.rows import DatabaseUnreachable
from libs.ledger.verify.walk import Against, verify
from libs.stack.addresses import Addresses
from libs.testkit.till_ledger import KEYED, SERVICES, TillLedger

PASSWORDS = {name: password(f"{name}_verify") for name in SERVICES}
DAYS = 3
# A day in a lane is one batch: two tills opened, one paid into, a transfer of two events, two bells, counted, shut.
DAY = 9


@pytest_asyncio.fixture
async def dsn(stack: Addresses) -> AsyncIterator[str]:
    async with own_database(stack) as dsn:
        yield dsn


async def committed(dsn: str, ledger: TillLedger | None = None) -> TillLedger:
    ledger = ledger or TillLedger().days(DAYS)
    for parts in SERVICES.values():
        await Replay(ledger, SystemClock(), KEYED, password, dsn, dsn).rebuild(parts)
    return ledger


async def tamper(dsn: str, statement: str) -> None:
    """As somebody with the administrator's rights would, past the triggers."""
    admin = await asyncpg.connect(dsn, server_settings={"search_path": "tills"})
    await admin.execute("set session_replication_role = replica")
    assert await admin.execute(statement) not in {"UPDATE 0", "DELETE 0", "INSERT 0 0"}
    await admin.close()


async def lies(dsn: str, ledger: TillLedger) -> list[tuple[Lie, int, int]]:
    report = await verify(ledger, Against(dsn=dsn, passwords=PASSWORDS))
    assert all(lie.service in lie.sentence() for lie in report.lies)
    return [(lie.kind, lie.lane, lie.sequence) for lie in report.lies]


async def test_honest_databases_hold_row_by_row(dsn: str) -> None:
    ledger = await committed(dsn)
    report = await verify(ledger, Against(dsn=dsn, passwords=PASSWORDS), workers=2)
    assert report.is_true
    assert {name: rows.rows for name, rows in report.databases.items()} == report.services == {"tills": 42, "bells": 12}


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("body", "overlay(body placing 'X' from 40)"),
        ("body", "body || ' '"),
        ("stream", "stream || 'x'"),
        ("version", "version + 10"),
        ("tenant", "'other'"),
        ("type", "'tills.TillShut.v2'"),
        ("batch", "10"),
        ("void", "not void"),
    ],
)
async def test_inv01_a_changed_column_of_an_event_is_an_altered_row(dsn: str, column: str, value: str) -> None:
    ledger = await committed(dsn)
    await tamper(dsn, f"update events set {column} = {value} where lane = 1 and sequence = 5")
    assert await lies(dsn, ledger) == [(Lie.ALTERED_ROW, 1, 5)]


@pytest.mark.parametrize(
    "change",
    ["count = count + 1", "head = '\\x00'", "root = '\\x00'", "previous_head = '\\x00'", "block = block + 1",
     "block_hash = '\\x00'", "block_time = 0", "transaction = '\\x00'", "transaction_index = 7"],
)  # fmt: skip
async def test_inv01_a_changed_column_of_a_batch_is_an_altered_row(dsn: str, change: str) -> None:
    ledger = await committed(dsn)
    await tamper(dsn, f"update ledger_batches set {change} where lane = 0 and first = 10")
    assert await lies(dsn, ledger) == [(Lie.ALTERED_ROW, 0, 10)]


async def test_a_deleted_row_is_a_record_without_a_row(dsn: str) -> None:
    ledger = await committed(dsn)
    await tamper(dsn, "delete from events where lane = 0 and sequence = 12")
    assert await lies(dsn, ledger) == [(Lie.RECORD_WITHOUT_ROW, 0, 12)]


async def test_a_deleted_batch_is_a_record_without_a_row(dsn: str) -> None:
    ledger = await committed(dsn)
    await tamper(dsn, "delete from ledger_batches where lane = 0 and first = 1")
    assert await lies(dsn, ledger) == [(Lie.RECORD_WITHOUT_ROW, 0, 1)]


@pytest.mark.parametrize(("lane", "sequence"), [(0, 6), (1, DAYS * DAY + 1), (1, 0), (0, -3), (7, 1)])
async def test_an_inserted_row_is_a_row_without_a_record(dsn: str, lane: int, sequence: int) -> None:
    """Among the events of another service, behind the end, before the beginning, in a lane that does not exist."""
    ledger = await committed(dsn)
    await tamper(dsn, f"insert into events values ({lane}, {sequence}, 1, 's', 1, 'acme', 't', false, '{{}}')")
    assert await lies(dsn, ledger) == [(Lie.ROW_WITHOUT_RECORD, lane, sequence)]


@pytest.mark.parametrize(("lane", "first"), [(0, 2), (1, DAYS * DAY + 1), (7, 1)])
async def test_an_inserted_batch_is_a_row_without_a_record(dsn: str, lane: int, first: int) -> None:
    ledger = await committed(dsn)
    await tamper(dsn, f"insert into ledger_batches values ({lane}, {first}, 1, '', '', '', 1, '', 1, '', 0)")
    assert await lies(dsn, ledger) == [(Lie.ROW_WITHOUT_RECORD, lane, first)]


async def test_records_past_the_commit_position_are_not_committed_yet(dsn: str) -> None:
    ledger = await committed(dsn)
    ledger.days(2, first=DAYS + 1)
    report = await verify(ledger, Against(dsn=dsn, passwords=PASSWORDS))
    assert report.is_true
    assert report.databases["tills"].waiting == 2 * 2 * 7


async def test_w21_a_void_decision_is_void_in_the_database_too(dsn: str) -> None:
    ledger = TillLedger().days(1)
    for stream in [name for name in ledger.versions if name.startswith("tills/")]:
        ledger.versions[stream] -= 1
    ledger.begin("tills", 2)
    ledger.days(1)
    await committed(dsn, ledger)
    report = await verify(ledger, Against(dsn=dsn, passwords=PASSWORDS))
    assert report.void_count > 0
    assert report.is_true
    void = report.voids[0]
    # The unique index alone would refuse what follows.
    admin = await asyncpg.connect(dsn)
    await admin.execute("drop index tills.events_of_stream")
    await admin.close()
    await tamper(dsn, f"update events set void = false where lane = {void.lane} and sequence = {void.sequence}")
    assert await lies(dsn, ledger) == [(Lie.ALTERED_ROW, void.lane, void.sequence)]


async def test_a_contract_at_another_address_with_a_shorter_history_is_caught(dsn: str) -> None:
    await committed(dsn)
    found = [kind for kind, _, _ in await lies(dsn, TillLedger(b"\x22" * 20).days(1))]
    assert Lie.SHORTER_HISTORY in found
    assert Lie.ALTERED_ROW in found


async def test_a_fork_of_the_same_length_is_caught_by_the_commit_position(dsn: str) -> None:
    await committed(dsn)
    assert Lie.FORKED_HISTORY in [kind for kind, _, _ in await lies(dsn, TillLedger().days(DAYS))]


async def test_a_service_without_a_schema_is_named(dsn: str) -> None:
    report = await verify(TillLedger().days(1), Against(dsn=dsn, passwords=PASSWORDS))
    assert report.is_true
    assert report.not_held == ["bells", "tills"]


async def test_a_database_that_refuses_proves_nothing(dsn: str, tmp_path: Path) -> None:
    ledger = await committed(dsn)
    checkpoint = tmp_path / "verified.json"
    with pytest.raises(DatabaseUnreachable):
        await verify(ledger, Against(dsn=dsn, passwords={"tills": "wrong"}, checkpoint=checkpoint))
    assert not checkpoint.exists()
