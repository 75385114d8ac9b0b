"""A service's schema on the stack's PostgreSQL, in a database of the test's own."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from libs.stack.addresses import Addresses


def password(role: str) -> str:
    """Every role's password in the tests."""
    return f"test-{role}"


@asynccontextmanager
async def own_database(stack: Addresses) -> AsyncIterator[str]:
    """The DSN of a fresh database, dropped afterwards."""
    name = f"test_{secrets.token_hex(6)}"
    admin = await asyncpg.connect(stack.postgres)
    await admin.execute(f'create database "{name}"')
    try:
        yield urlunsplit(urlsplit(stack.postgres)._replace(path=f"/{name}"))
    finally:
        await admin.execute(f'drop database "{name}" with (force)')
        await admin.close()


async def connect(dsn: str, role: str, tenant: str | None = None) -> asyncpg.Connection[asyncpg.Record]:
    """A connection as a role, as `psql` would make one; bound to a tenant when one is given."""
    schema = role.rpartition("_")[0]
    connection = await asyncpg.connect(dsn, user=role, password=password(role), server_settings={"search_path": schema})
    if tenant is not None:
        await connection.execute("select set_config('cartulary.tenant', $1, false)", tenant)
    return connection
