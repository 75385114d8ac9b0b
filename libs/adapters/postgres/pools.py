"""Connections of one service: a pool a role, errors translated, wake-ups by LISTEN (write-path.md, "Roles")."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Literal

import asyncpg
import structlog

from libs.kernel.errors import Conflict
from libs.ports import LifeChanged, StoreUnreachable

log = structlog.get_logger(__name__)

CONNECT_TIMEOUT_S = 5.0
COMMAND_TIMEOUT_S = 60.0
AWAY = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # a connection that broke between two of its states
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InvalidPasswordError,
)
_RACES = (asyncpg.UniqueViolationError, asyncpg.DeadlockDetectedError, asyncpg.SerializationError)
_GONE = (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError, asyncpg.InvalidAuthorizationSpecificationError)

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record] | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]
else:
    Connection = asyncpg.Connection


async def one(connection: Connection, query: str, *arguments: object) -> asyncpg.Record:
    """The one row of a query that always has one; raises LifeChanged when the row is gone."""
    row = await connection.fetchrow(query, *arguments)
    if row is None:
        raise LifeChanged("a row that every life has is gone")
    return row


class Pools:
    """Lazily opened pools, one a role; a password comes from `password(role)`."""

    def __init__(self, dsn: str, service: str, password: Callable[[str], str], sizes: dict[str, int]) -> None:
        self.service = service
        self._dsn, self._password, self._sizes = dsn, password, sizes
        self._pools: dict[str, asyncpg.Pool] = {}
        self._opening = asyncio.Lock()

    async def _pool(self, kind: str) -> asyncpg.Pool:
        async with self._opening:
            if kind not in self._pools:
                role = f"{self.service}_{kind}"
                self._pools[kind] = await asyncpg.create_pool(
                    self._dsn, user=role, password=self._password(role), min_size=0, max_size=self._sizes.get(kind, 4),
                    timeout=CONNECT_TIMEOUT_S, command_timeout=COMMAND_TIMEOUT_S,
                    server_settings={"search_path": self.service, "application_name": f"cartulary.{role}"},
                )  # fmt: skip
        return self._pools[kind]

    @asynccontextmanager
    async def connection(self, kind: str) -> AsyncIterator[Connection]:
        """A connection of the role; raises StoreUnreachable, Conflict, LifeChanged for what the server says."""
        try:
            pool = await self._pool(kind)
            async with pool.acquire(timeout=CONNECT_TIMEOUT_S * 2) as connection:
                yield connection
        except _RACES as error:
            raise Conflict(str(error)) from error
        except _GONE as error:
            raise LifeChanged(f"the schema {self.service} is gone: {error}") from error
        except AWAY as error:
            raise StoreUnreachable(f"PostgreSQL did not answer: {error!r}") from error

    @asynccontextmanager
    async def transaction(self, kind: str) -> AsyncIterator[Connection]:
        """A transaction of the role."""
        async with self.connection(kind) as connection, connection.transaction():
            yield connection

    async def close(self) -> None:
        """Close every pool."""
        for pool in self._pools.values():
            try:
                await asyncio.wait_for(pool.close(), CONNECT_TIMEOUT_S)
            except TimeoutError:
                pool.terminate()
        self._pools.clear()


class NotifySignal:
    """A wake-up by LISTEN on a connection of its own, opened again when it broke."""

    def __init__(self, pools: Pools, name: Literal["intents", "commits"]) -> None:
        self._pools, self._channel = pools, f"{pools.service}.{name}"
        self._kind = "relay" if name == "intents" else "api"
        self._event = asyncio.Event()
        self._listener: asyncio.Task[None] | None = None

    def wake(self) -> None:
        """Signal from within the process."""
        self._event.set()

    async def wait(self, timeout_s: float) -> None:
        """Return at the next signal or after the time."""
        if self._listener is None or self._listener.done():
            self._listener = asyncio.create_task(self._listen())
        try:
            async with asyncio.timeout(timeout_s):
                await self._event.wait()
        except TimeoutError:
            return
        finally:
            self._event.clear()

    def _heard(self, *_: object) -> None:
        self._event.set()

    async def _listen(self) -> None:
        try:
            async with self._pools.connection(self._kind) as connection:
                closed = asyncio.Event()
                connection.add_termination_listener(lambda *_: closed.set())
                await connection.add_listener(self._channel, self._heard)
                try:
                    await closed.wait()
                finally:
                    if not connection.is_closed():
                        await connection.remove_listener(self._channel, self._heard)
        except (StoreUnreachable, LifeChanged) as error:
            log.info("signal_lost", channel=self._channel, reason=error.detail)

    async def close(self) -> None:
        """Stop listening."""
        if self._listener is not None:
            self._listener.cancel()
            await asyncio.gather(self._listener, return_exceptions=True)
