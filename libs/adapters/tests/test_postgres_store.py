"""PostgreSQL behind the Store port."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest

from libs.adapters.postgres.store import PostgresStore
from libs.adapters.tests.schemas import own_database, password
from libs.stack.addresses import Addresses
from libs.testkit.ports.store import StoreSuite, StoreUnderTest
from libs.testkit.ports.store_lives import StoreLivesSuite
from libs.testkit.ports.store_path import StorePathSuite
from libs.testkit.sample import tills


@pytest.fixture
async def under(stack: Addresses) -> AsyncIterator[StoreUnderTest]:
    """Two processes' stores over the sample's schema, in a database of the test's own."""
    async with own_database(stack) as dsn:
        stores: list[PostgresStore] = []

        async def anew() -> PostgresStore:
            store = PostgresStore(dsn, "tills", password, migrations=tills.PARTS.migrations)
            stores.append(store)
            await store.prepare()
            return store

        async def empty() -> None:
            admin = await asyncpg.connect(dsn)
            await admin.execute("drop schema tills cascade")
            await admin.close()

        yield StoreUnderTest(await anew(), await anew(), anew, empty)
        for store in stores:
            await store.close()


class TestPostgresStore(StoreSuite, StoreLivesSuite, StorePathSuite):
    """The suites of the port."""
