"""The key store's schema `vault` and its one login role `vault_keys`; migrations only go forward."""

from __future__ import annotations

import hashlib
from pathlib import Path

import asyncpg
import structlog

from libs.vault.errors import MigrationChanged

log = structlog.get_logger(__name__)

SCHEMA = "vault"
OWNER = "vault_owner"
ROLE = "vault_keys"

_MIGRATIONS = Path(__file__).with_name("migrations")
# Rows of keys are never deleted: an erased subject's is its tombstone.
_GRANTS = {
    "subject_keys": "select, insert, update",
    "tombstones": "select",
    "search": "select, insert, update, delete",
    "documents": "select, insert, delete",
}


async def migrate(dsn: str, password: str) -> list[str]:
    """Bring the key store to its newest form through the admin `dsn`; the names of the migrations applied now.

    Safe to run from several processes at once. Raises MigrationChanged; asyncpg's errors go through.
    """
    admin = await asyncpg.connect(dsn)
    try:
        async with admin.transaction():
            await admin.execute("select pg_advisory_xact_lock(hashtext('cartulary.roles'))")
            await admin.execute("select pg_advisory_xact_lock(hashtext('cartulary.migrate.vault'))")
            await _roles(admin, password)
            await admin.execute(f'create schema if not exists "{SCHEMA}" authorization "{OWNER}"')
            await admin.execute(f'set local role "{OWNER}"')
            await admin.execute(f'set local search_path to "{SCHEMA}"')
            applied = await _apply(admin)
            await admin.execute(f'grant usage on schema "{SCHEMA}" to "{ROLE}"')
            for table, rights in _GRANTS.items():
                await admin.execute(f'grant {rights} on "{table}" to "{ROLE}"')
    finally:
        await admin.close()
    if applied:
        log.info("schema_migrated", service=SCHEMA, migrations=applied)
    return applied


async def _roles(admin: asyncpg.Connection[asyncpg.Record], password: str) -> None:
    for role, login in ((OWNER, "nologin"), (ROLE, "login")):
        if not await admin.fetchval("select exists (select from pg_roles where rolname = $1)", role):
            await admin.execute(f'create role "{role}" {login} nosuperuser nobypassrls')
    quoted = await admin.fetchval("select quote_literal($1::text)", password)
    await admin.execute(f'alter role "{ROLE}" password {quoted}')


async def _apply(admin: asyncpg.Connection[asyncpg.Record]) -> list[str]:
    await admin.execute("create table if not exists schema_migrations (name text primary key, digest text not null)")
    have = {row["name"]: row["digest"] for row in await admin.fetch("select name, digest from schema_migrations")}
    applied = []
    for file in sorted(_MIGRATIONS.glob("*.sql")):
        text = file.read_text()
        digest = hashlib.sha256(text.encode()).hexdigest()
        if file.name not in have:
            await admin.execute(text)
            await admin.execute("insert into schema_migrations values ($1, $2)", file.name, digest)
            applied.append(file.name)
        elif have[file.name] != digest:
            raise MigrationChanged("an applied migration has another text now", field="migration", value=file.name)
    return applied
