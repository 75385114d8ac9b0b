"""Schemas, roles and forward-only migrations of a service (write-path.md, "Roles in Postgres")."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import asyncpg
import structlog

from libs.kernel.errors import CartularyError

log = structlog.get_logger(__name__)

ROLES = ("owner", "api", "relay", "commit", "verify")
_PATH_MIGRATIONS = tuple(
    map(Path(__file__).with_name, ("schema.sql", "schema_002_distributor.sql", "schema_003_reason.sql"))
)

# What each role may do to the tables of the write path; read tables: `_api` reads, `_commit` writes.
_GRANTS = {
    "life": {"api": "select", "relay": "select, insert, update", "commit": "select, update"},
    "producer_lanes": {"api": "select", "relay": "select, insert, update", "commit": "select, update"},
    "streams": {"api": "select, insert, update", "relay": "select, insert, update", "commit": "select, insert, update"},
    "idempotency": {"api": "select, insert, update, delete", "commit": "select, insert, update"},
    "intents": {"api": "select, insert", "relay": "select, insert, update, delete", "commit": "select, delete"},
    "pending": {"api": "select, insert", "relay": "select, insert, delete", "commit": "select, delete"},
    "ledger_batches": {"commit": "select, insert"},
    "events": {"api": "select", "relay": "select", "commit": "select, insert"},
    "claims": {"api": "select, insert", "commit": "select, insert, delete"},
    "due": {"commit": "select, insert, update"},
    "positions": {"api": "select", "commit": "select, insert, update"},
    "schema_migrations": {},
}


# A row without a distributor is nobody's: a bound caller does not see it.
_OWN_TENANT = "tenant = current_setting('cartulary.tenant', true)"
_BOUND = "current_setting('cartulary.distributor', true)"
_OWN_DISTRIBUTOR = f"{_OWN_TENANT} and (coalesce({_BOUND}, '') = '' or distributor::text = {_BOUND})"


class NoTenant(CartularyError):
    """A table names the distributor of its rows and not their tenant: nothing could guard it."""

    code = "no-tenant"


class MigrationChanged(CartularyError):
    """A migration that was applied has another text now; migrations only go forward."""

    code = "migration-changed"


async def migrate(dsn: str, service: str, password: Callable[[str], str], migrations: Path | None = None) -> list[str]:
    """Bring a service's schema to its newest form through the admin `dsn`; the names applied now.

    `password(role)` is each login role's password. Safe to run from several processes at once.
    """
    admin = await asyncpg.connect(dsn)
    try:
        async with admin.transaction():
            await admin.execute("select pg_advisory_xact_lock(hashtext($1))", f"cartulary.migrate.{service}")
            await _roles(admin, service, password)
            await admin.execute(f'create schema if not exists "{service}" authorization "{service}_owner"')
            await admin.execute(f'set local role "{service}_owner"')
            await admin.execute(f'set local search_path to "{service}"')
            applied = await _apply(admin, _files(migrations))
            if applied:
                await _secure(admin, service)
    finally:
        await admin.close()
    if applied:
        log.info("schema_migrated", service=service, migrations=applied)
    return applied


async def _roles(admin: asyncpg.Connection, service: str, password: Callable[[str], str]) -> None:
    await admin.execute("select pg_advisory_xact_lock(hashtext('cartulary.roles'))")
    for kind in ROLES:
        role = f"{service}_{kind}"
        known = await admin.fetchrow("select rolpassword is not null as set from pg_authid where rolname = $1", role)
        if known is None:
            login = "nologin" if kind == "owner" else "login"
            await admin.execute(f'create role "{role}" {login} nosuperuser nobypassrls')
        if kind != "owner":
            quoted = await admin.fetchval("select quote_literal($1::text)", password(role))
            await admin.execute(f'alter role "{role}" password {quoted}')
    database = await admin.fetchval("select current_database()")
    await admin.execute(f'revoke create, temporary on database "{database}" from public')
    await admin.execute("revoke all on schema public from public")


def _files(migrations: Path | None) -> list[Path]:
    return [*_PATH_MIGRATIONS, *sorted(migrations.glob("*.sql") if migrations else ())]


async def _apply(admin: asyncpg.Connection, files: list[Path]) -> list[str]:
    await admin.execute("create table if not exists schema_migrations (name text primary key, digest text not null)")
    have = {row["name"]: row["digest"] for row in await admin.fetch("select name, digest from schema_migrations")}
    applied = []
    for file in files:
        text = file.read_text()
        digest = hashlib.sha256(text.encode()).hexdigest()
        if file.name not in have:
            await admin.execute(text)
            await admin.execute("insert into schema_migrations values ($1, $2)", file.name, digest)
            applied.append(file.name)
        elif have[file.name] != digest:
            raise MigrationChanged("an applied migration has another text now", field="migration", value=file.name)
    return applied


async def _secure(admin: asyncpg.Connection, service: str) -> None:
    """Grants, and row level security for every table with a tenant: `_api` sees the tenant that it is bound to.

    Of a table with a distributor it sees that distributor's rows only, where it is bound to one (TA-I-8).
    """
    for kind in ROLES[1:]:
        await admin.execute(f'grant usage on schema "{service}" to "{service}_{kind}"')
    tables = await admin.fetch(
        "select c.relname as name, array(select a.attname::text from pg_attribute a where a.attrelid = c.oid"
        " and a.attnum > 0 and not a.attisdropped) as columns from pg_class c"
        " where c.relnamespace = $1::regnamespace and c.relkind = 'r'",
        service,
    )
    for table, columns in tables:
        grants = {"api": "select", "commit": "select, insert, update, delete"} | {"verify": "select"}
        grants = {**_GRANTS[table], "verify": "select"} if table in _GRANTS else grants
        for kind, rights in grants.items():
            await admin.execute(f'grant {rights} on "{table}" to "{service}_{kind}"')
        if "distributor" in columns and "tenant" not in columns:
            raise NoTenant("a table with a distributor needs a tenant", field="table", value=table)
        if "tenant" in columns:
            await _policies(admin, service, table, _OWN_DISTRIBUTOR if "distributor" in columns else _OWN_TENANT)


async def _policies(admin: asyncpg.Connection, service: str, table: str, own: str) -> None:
    await admin.execute(
        f'alter table "{table}" enable row level security; alter table "{table}" force row level security'
    )
    for kind in ROLES:
        rule = own if kind == "api" else "true"
        await admin.execute(f'drop policy if exists "of_{kind}" on "{table}"')
        await admin.execute(
            f'create policy "of_{kind}" on "{table}" to "{service}_{kind}" using ({rule}) with check ({rule})'
        )
