"""A database of the module's own with the key store's schema."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from libs.adapters.tests.schemas import own_database, password
from libs.stack.addresses import Addresses
from libs.vault.migrate import ROLE, migrate


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def dsn(stack: Addresses) -> AsyncIterator[str]:
    """The administrator's address of a database with an empty key store."""
    async with own_database(stack) as address:
        await migrate(address, password(ROLE))
        yield address
