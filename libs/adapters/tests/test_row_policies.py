"""Every table of every service against every foreign tenant and distributor, as the catalogue has them (TA-I-8)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio

from libs.adapters.postgres.migrate import NoTenant, migrate
from libs.adapters.postgres.store import PostgresStore
from libs.adapters.tests.schemas import connect, own_database, password
from libs.edge.proof import committing_services
from libs.ports import Scope
from libs.stack.addresses import Addresses

pytestmark = pytest.mark.asyncio(loop_scope="module")

# Tables of the write path that hold nobody's records: numbers and hashes of the service as a whole.
OF_NOBODY = {"life", "producer_lanes", "ledger_batches", "positions", "schema_migrations"}
TENANTS = ("acme", "other")
FOREIGN = ("nobody", "", "ACME", "acme ", "acme' or '1'='1", "acm_", "%")
SAMPLE = """
create table accounts (tenant text not null, account uuid not null, distributor text, primary key (tenant, account));
create table sellers (tenant text not null, distributor uuid not null, name text, primary key (tenant, distributor));
"""
_COLUMNS = """
select c.relname as "table", a.attname as name, format_type(a.atttypid, null) as type, a.attnotnull as needed
from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
where c.relnamespace = $1::regnamespace and c.relkind = 'r' and a.attidentity = '' and a.attgenerated = ''
order by c.relname, a.attnum
"""
_CHECKS = """
select conrelid::regclass::text as t, conname as c from pg_constraint
where contype = 'c' and connamespace = $1::regnamespace
"""


class Table(NamedTuple):
    """A table and its columns, by name with their types."""

    service: str
    name: str
    columns: Mapping[str, str]

    @property
    def place(self) -> str:
        return f'"{self.service}"."{self.name}"'

    def distributors(self) -> tuple[str | None, ...]:
        """Distributors of its rows as this table writes them; (None,) where it knows none."""
        if "distributor" not in self.columns:
            return (None,)
        if self.columns["distributor"] == "uuid":
            return tuple(str(UUID(int=number)) for number in (1, 2))
        return ("d-1", "d-2", None)


class Database(NamedTuple):
    """A database with every service's schema, and rows of every tenant and distributor in every table."""

    dsn: str
    tables: list[Table]

    def guarded(self) -> Iterator[Table]:
        return (table for table in self.tables if "tenant" in table.columns)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def database(stack: Addresses, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Database]:
    folder = tmp_path_factory.mktemp("migrations")
    (folder / "001_accounts.sql").write_text(SAMPLE)
    migrations: dict[str, Path | None] = {name: parts.migrations for name, parts in committing_services().items()}
    async with own_database(stack) as dsn:
        tables = list[Table]()
        admin = await asyncpg.connect(dsn)
        for service, files in {**migrations, "tills": folder}.items():
            await migrate(dsn, service, password, files)
            found = [table async for table in _tables(admin, service)]
            for table in found:
                await _fill(admin, table)
            tables += found
        await admin.close()
        yield Database(dsn, tables)


async def _tables(admin: asyncpg.Connection[Any], service: str) -> AsyncIterator[Table]:
    # What a value must be is not what is tried here.
    for row in await admin.fetch(_CHECKS, service):
        await admin.execute(f'alter table {row["t"]} drop constraint "{row["c"]}"')
    columns: dict[str, dict[str, str]] = {}
    for row in await admin.fetch(_COLUMNS, service):
        columns.setdefault(row["table"], {})[row["name"]] = row["type"]
    for name, of in columns.items():
        yield Table(service, name, of)


async def _fill(admin: asyncpg.Connection[Any], table: Table) -> None:
    """A row for every tenant and distributor, written as the administrator, whom no policy binds."""
    if "tenant" not in table.columns:
        return
    await admin.execute("set session_replication_role = replica")
    number = 0
    for tenant in TENANTS:
        for distributor in table.distributors():
            number += 1
            given = {name: _value(kind, number) for name, kind in table.columns.items()}
            given |= {"tenant": f"'{tenant}'"}
            if "distributor" in table.columns:
                given["distributor"] = "null" if distributor is None else f"'{distributor}'"
            names, values = ", ".join(f'"{name}"' for name in given), ", ".join(given.values())
            await admin.execute(f"insert into {table.place} ({names}) values ({values})")


def _value(kind: str, number: int) -> str:
    if kind.endswith("[]"):
        return "'{}'"
    match kind:
        case "text" | "character" | "character varying" | "bytea":
            return f"'{number}'"
        case "uuid":
            return f"'{UUID(int=1000 + number)}'"
        case "boolean":
            return "true"
        case "json" | "jsonb":
            return "'{}'"
        case "date" | "timestamp with time zone":
            return f"'2026-01-{number:02}'"
        case "smallint" | "integer" | "bigint" | "numeric":
            return str(number)
        case _:
            raise AssertionError(f"say what a {kind} is")


async def seen(dsn: str, table: Table, tenant: str | None, distributor: str | None = None) -> list[Any] | None:
    """(tenant, distributor) of the rows that the service's API sees; None when it may not read the table at all."""
    connection = await connect(dsn, f"{table.service}_api", tenant)
    try:
        if distributor is not None:
            await connection.execute("select set_config('cartulary.distributor', $1, false)", distributor)
        of = "distributor::text" if "distributor" in table.columns else "null"
        return [tuple(row) for row in await connection.fetch(f"select tenant, {of} from {table.place}")]
    except asyncpg.InsufficientPrivilegeError:
        return None
    finally:
        await connection.close()


async def test_every_table_of_a_service_says_whose_its_rows_are_or_holds_nobodys(database: Database) -> None:
    assert {table.name for table in database.tables if "tenant" not in table.columns} == OF_NOBODY
    assert {table.service for table in database.tables} >= {"funds", "tills"}


async def test_i8_every_table_shows_a_tenant_its_own_rows_and_a_foreign_one_none(database: Database) -> None:
    for table in database.guarded():
        for tenant in TENANTS:
            found = await seen(database.dsn, table, tenant)
            own = sorted((tenant, distributor or "") for distributor in table.distributors())
            assert found is None or sorted((t, d or "") for t, d in found) == own, table.place
        for stranger in (None, *FOREIGN):
            assert await seen(database.dsn, table, stranger) in (None, []), (table.place, stranger)


async def test_i8_every_table_shows_a_distributor_its_own_rows_and_nobodys(database: Database) -> None:
    bound = [table for table in database.guarded() if "distributor" in table.columns]
    assert {table.name for table in bound} >= {"accounts", "sellers", "changes"}
    for table in bound:
        for distributor in filter(None, table.distributors()):
            assert await seen(database.dsn, table, "acme", distributor) == [("acme", distributor)], table.place
            assert await seen(database.dsn, table, "nobody", distributor) == [], table.place
        for stranger in ("d-9", "D-1", "d_1", "%", "' or ''='", str(UUID(int=9))):
            assert await seen(database.dsn, table, "acme", stranger) == [], (table.place, stranger)


async def test_i8_no_foreign_row_of_any_table_is_written_changed_or_deleted(database: Database) -> None:
    for table in database.guarded():
        connection = await connect(database.dsn, f"{table.service}_api", "acme")
        await connection.execute("select set_config('cartulary.distributor', 'd-1', false)")
        foreign = "tenant = 'other'" + (
            " or distributor is distinct from 'd-1'" if "d-1" in table.distributors() else ""
        )
        for statement in (f"update {table.place} set tenant = tenant", f"delete from {table.place}"):
            try:
                done = await connection.execute(f"{statement} where {foreign}")
            except asyncpg.InsufficientPrivilegeError:
                continue
            assert done in {"UPDATE 0", "DELETE 0"}, (table.place, done)
        names = ", ".join(f'"{name}"' for name in table.columns)
        values = {name: _value(kind, 20) for name, kind in table.columns.items()} | {"tenant": "'other'"}
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(f"insert into {table.place} ({names}) values ({', '.join(values.values())})")
        await connection.close()


async def test_i8_a_question_sees_its_scope_and_the_next_one_on_the_same_connection_its_own(database: Database) -> None:
    admin = await asyncpg.connect(database.dsn)
    await admin.execute("insert into tills.life (epoch) values (1) on conflict do nothing")
    await admin.close()
    store = PostgresStore(database.dsn, "tills", password)
    asked: dict[Scope, set[str | None]] = {
        Scope("acme", "d-1"): {"d-1"},
        Scope("acme"): {"d-1", "d-2", None},
        Scope("acme", "d-2"): {"d-2"},
        Scope("other", "d-9"): set(),
        Scope("nobody"): set(),
        Scope("acme' or '1'='1", "' or ''='"): set(),
    }
    try:
        for scope, expected in [*asked.items(), *reversed(asked.items())]:
            rows = await store.query(scope, "select tenant, distributor from accounts")
            assert {row["distributor"] for row in rows} == expected, scope
            assert {row["tenant"] for row in rows} <= {scope.tenant}
    finally:
        await store.close()


async def test_i8_a_table_with_a_distributor_and_no_tenant_is_not_made(
    database: Database, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("unguarded")
    (folder / "001_prices.sql").write_text("create table prices (distributor text primary key)")
    with pytest.raises(NoTenant):
        await migrate(database.dsn, "bells", password, folder)
