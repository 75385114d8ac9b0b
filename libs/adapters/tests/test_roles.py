"""What each role of a service may do on a real PostgreSQL: tried, not read from a catalogue (invariants 1 and 8)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio

from libs.adapters.postgres.migrate import ROLES, MigrationChanged, migrate
from libs.adapters.tests.schemas import connect, own_database, password
from libs.stack.addresses import Addresses

pytestmark = pytest.mark.asyncio(loop_scope="module")

LOGINS = [f"tills_{kind}" for kind in ROLES if kind != "owner"]
HASH = b"\x01" * 32
INSERT_BATCH = "insert into ledger_batches values (0, 1, 1, $1, $1, $1, 1, $1, 0, $1, 0)"
INSERT_EVENT = (
    "insert into events (lane, sequence, batch, stream, version, tenant, type, void, body)"
    " values (0, 1, $1, 'tills/m/till/a', 1, 'acme', 'tills.TillOpened.v1', false, '{}')"
)
DENIED = (asyncpg.InsufficientPrivilegeError, asyncpg.ForeignKeyViolationError)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def dsn(stack: Addresses) -> AsyncIterator[str]:
    async with own_database(stack) as dsn:
        for service in ("tills", "bells"):
            await migrate(dsn, service, password)
        writer = await connect(dsn, "tills_commit")
        await writer.execute(INSERT_BATCH, HASH)
        await writer.execute(INSERT_EVENT, 1)
        await writer.execute("insert into streams values ('tills/m/till/a', 'acme', 1, 1, '')")
        await writer.execute("insert into streams values ('tills/m/till/b', 'other', 1, 1, '')")
        await writer.close()
        yield dsn


@pytest.mark.parametrize("role", LOGINS)
async def test_inv01_no_role_inserts_an_event_without_its_batch_of_the_ledger(dsn: str, role: str) -> None:
    connection = await connect(dsn, role, "acme")
    with pytest.raises(DENIED):
        await connection.execute(INSERT_EVENT.replace("(0, 1, $1, 'tills/m/till/a'", "(0, 2, $1, 'tills/m/till/z'"), 77)
    await connection.close()


@pytest.mark.parametrize("role", LOGINS)
@pytest.mark.parametrize(
    "statement",
    [
        "update events set body = '[]'",
        "delete from events",
        "truncate events",
        "update ledger_batches set block = 9",
        "delete from ledger_batches",
        "alter table events disable trigger all",
        "drop table events",
    ],
)
async def test_inv01_no_role_changes_or_deletes_what_is_attested(dsn: str, role: str, statement: str) -> None:
    connection = await connect(dsn, role, "acme")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute(statement)
    await connection.close()


async def test_inv01_not_even_the_administrator_updates_an_event_by_accident(dsn: str) -> None:
    admin = await asyncpg.connect(dsn)
    for statement in ("update tills.events set body = '[]'", "delete from tills.events"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="only ever added to"):
            await admin.execute(statement)
    await admin.close()


@pytest.mark.parametrize("role", [login for login in LOGINS if login != "tills_commit"])
async def test_w17_only_the_commit_role_writes_batches_of_the_ledger(dsn: str, role: str) -> None:
    connection = await connect(dsn, role, "acme")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute(INSERT_BATCH.replace("(0, 1, 1,", "(0, 2, 1,"), HASH)
    await connection.close()


@pytest.mark.parametrize("role", LOGINS)
async def test_inv08_no_role_reads_another_services_schema(dsn: str, role: str) -> None:
    connection = await connect(dsn, role, "acme")
    for table in ("events", "intents", "streams"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.fetch(f"select * from bells.{table}")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute("create table public.notes (note text)")
    await connection.close()


async def test_the_api_role_sees_its_tenant_only_and_nothing_when_unbound(dsn: str) -> None:
    bound = await connect(dsn, "tills_api", "acme")
    assert [row["stream"] for row in await bound.fetch("select stream from streams")] == ["tills/m/till/a"]
    unbound = await connect(dsn, "tills_api")
    assert await unbound.fetch("select stream from streams") == []
    assert await unbound.fetch("select * from events") == []
    for connection in (bound, unbound):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("insert into streams values ('tills/m/till/c', 'other', 1, 0, '')")
        await connection.close()


async def test_every_table_with_a_tenant_forces_row_level_security(dsn: str) -> None:
    admin = await asyncpg.connect(dsn)
    unguarded = await admin.fetch(
        "select c.relname from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant'"
        " where c.relnamespace = 'tills'::regnamespace and c.relkind = 'r'"
        " and not (c.relrowsecurity and c.relforcerowsecurity)"
    )
    assert unguarded == []
    await admin.close()


@pytest.mark.parametrize("kind", ["api", "relay", "commit"])
async def test_the_verify_role_writes_nothing_and_the_owner_cannot_log_in(dsn: str, kind: str) -> None:
    verify = await connect(dsn, "tills_verify")
    assert len(await verify.fetch("select * from streams")) == 2
    for statement in ("insert into positions values ('x', 0, 1, '', 0)", "delete from intents"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await verify.execute(statement)
    await verify.close()
    with pytest.raises((asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InvalidPasswordError)):
        await connect(dsn, "tills_owner")
    member = await connect(dsn, f"tills_{kind}", "acme")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await member.execute("set role tills_owner")
    await member.close()


async def test_authentication_is_scram_and_a_wrong_password_is_refused(dsn: str) -> None:
    admin = await asyncpg.connect(dsn)
    secret = await admin.fetchval("select rolpassword from pg_authid where rolname = 'tills_api'")
    assert secret.startswith("SCRAM-SHA-256$")
    await admin.close()
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(dsn, user="tills_api", password="guess")


async def test_w05_two_writers_never_take_the_same_version(dsn: str) -> None:
    admin = await asyncpg.connect(dsn)
    row = "insert into tills.pending values ('tills/m/till/a', 2, 'acme', $1, 't', '{}')"
    await admin.execute(row, UUID(int=1))
    with pytest.raises(asyncpg.UniqueViolationError):
        await admin.execute(row, UUID(int=2))
    await admin.close()


async def test_migrations_only_go_forward(dsn: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("migrations")
    (folder / "001_notes.sql").write_text("create table notes (tenant text not null, note text primary key)")
    assert await migrate(dsn, "tills", password, folder) == ["001_notes.sql"]
    assert await migrate(dsn, "tills", password, folder) == []
    (folder / "001_notes.sql").write_text("create table notes (tenant text not null, note text)")
    with pytest.raises(MigrationChanged):
        await migrate(dsn, "tills", password, folder)
