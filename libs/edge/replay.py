"""replay: every service's schema rebuilt in an empty database from the ledger alone, then held against the live one."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from libs.adapters.postgres.digests import Digest, digests
from libs.adapters.postgres.store import PostgresStore
from libs.edge.path import Parts
from libs.kernel.errors import CartularyError
from libs.kernel.keyed import KeyedHashes
from libs.ledger.port import LedgerReader, LedgerUnreachable
from libs.ports import BusUnreachable, Clock, LaneReader, Membership, Message, Outgoing, Position
from libs.rules.changes import CHANGE_PROJECTIONS
from libs.rules.four_eyes import Rules
from libs.runtime import life
from libs.runtime.committing import CONSUMER, Committer

Progress = Callable[[str, int, int], None]

_POSITIONS = "select lane, sequence, head, block from positions where consumer = $1 order by lane"
_FREE_TO_CHANGE = """
select c.relname::text as name from pg_class c
where c.relnamespace = $1::text::regnamespace and c.relkind = 'r' and c.relpersistence = 'p' and not exists (
    select from pg_constraint f join pg_class r on r.oid = f.conrelid
    where f.confrelid = c.oid and f.contype = 'f' and f.conrelid <> c.oid and r.relpersistence = 'p')
"""


class DatabaseFailed(CartularyError):
    """PostgreSQL did not answer, or refused what a replay needs."""

    code = "database-failed"


class NotEmpty(CartularyError):
    """The database to rebuild in holds a service's schema already."""

    code = "not-empty"


@dataclass(frozen=True, slots=True)
class ServiceReplay:
    """A service rebuilt: events read, and each table's digest live and rebuilt; `elsewhere` names a lane whose ledger
    does not lead to where the live service stands."""

    service: str
    events: int
    live: Mapping[str, Digest]
    rebuilt: Mapping[str, Digest]
    elsewhere: tuple[int, ...] = ()

    @property
    def differing(self) -> list[str]:
        """The tables whose digests are not equal."""
        return sorted(t for t in {*self.live, *self.rebuilt} if self.live.get(t) != self.rebuilt.get(t))

    @property
    def is_true(self) -> bool:
        """Whether the ledger alone leads to the live state."""
        return not self.differing and not self.elsewhere

    def wire(self) -> dict[str, Any]:
        """As JSON values."""
        tables = {
            table: {
                "live": live._asdict() if (live := self.live.get(table)) else None,
                "rebuilt": rebuilt._asdict() if (rebuilt := self.rebuilt.get(table)) else None,
                "equal": self.live.get(table) == self.rebuilt.get(table),
            }
            for table in sorted({*self.live, *self.rebuilt})
        }
        return {
            "service": self.service, "true": self.is_true, "events": self.events,
            "lanesElsewhere": list(self.elsewhere), "tables": tables,
        }  # fmt: skip


class NoBus:
    """The bus of a replay: nobody is connected to it, since the ledger alone is read."""

    def _away(self) -> BusUnreachable:
        return BusUnreachable("a replay reads the ledger alone")

    async def publish(self, topic: str, lane: int, records: Sequence[Outgoing]) -> None:
        """See Bus.publish."""
        raise self._away()

    async def reader(self, topic: str, lane: int, offset: int | None = None) -> LaneReader:
        """See Bus.reader."""
        raise self._away()

    async def tail(self, topic: str, lane: int, count: int) -> list[Message]:
        """See Bus.tail."""
        raise self._away()

    async def generation(self, topic: str) -> str:
        """See Bus.generation."""
        raise self._away()

    async def join(self, group: str, topic: str, instance: str) -> Membership:
        """See Bus.join."""
        raise self._away()

    async def hint(self, group: str, topic: str, lane: int) -> int | None:
        """See Bus.hint."""
        raise self._away()

    async def leave_hint(self, group: str, topic: str, lane: int, offset: int) -> None:
        """See Bus.leave_hint."""
        raise self._away()


class Replay:
    """Rebuilds services; `live` and `into` are administrators' DSNs of two databases, `password(role)` each role's."""

    def __init__(
        self, node: LedgerReader, clock: Clock, keyed: KeyedHashes, password: Callable[[str], str], live: str,
        into: str, *, throw_away: bool = False,
    ) -> None:  # fmt: skip
        self._node, self._clock, self._keyed, self._password = node, clock, keyed, password
        self._live, self._into, self._throw_away = live, into, throw_away

    async def service(self, parts: Parts, progress: Progress | None = None) -> ServiceReplay | None:
        """Rebuild one service up to where the live one stands and compare; None when there is no live one.

        `progress(service, events, of)` is told as it goes on. Raises NotEmpty, LedgerUnreachable, DatabaseFailed.
        """
        try:
            return await self._service(parts, progress)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise DatabaseFailed(f"PostgreSQL did not do it: {error!r}") from error

    async def _service(self, parts: Parts, progress: Progress | None) -> ServiceReplay | None:
        name = parts.decider.service
        if not await _has_schema(self._live, name):
            return None
        if await _has_schema(self._into, name):
            raise NotEmpty(f"the database to rebuild in has a schema {name} already", field="into", value=name)
        async with self._snapshot(self._live, name) as connection:
            stands = await _positions(connection)
            pending = [row["stream"] for row in await connection.fetch("select distinct stream from pending")]
            live = await digests(connection, pending)
        height = await self._node.height()
        if any(position.block > height for position in stands.values()):
            raise LedgerUnreachable(f"the ledger node stands at block {height}, below what {name} has committed")
        events = await self.rebuild(parts, {lane: position.sequence for lane, position in stands.items()}, progress)
        async with self._snapshot(self._into, name) as connection:
            reached = await _positions(connection)
            rebuilt = await digests(connection, pending)
        elsewhere = tuple(lane for lane in sorted(stands) if stands[lane] != reached.get(lane))
        return ServiceReplay(name, events, live, rebuilt, elsewhere)

    async def rebuild(
        self, parts: Parts, until: Mapping[int, int] | None = None, progress: Progress | None = None
    ) -> int:
        """Make the service's schema in the other database and fill it from the ledger; the number of events read."""
        rules = Rules(parts.decider)
        name, lanes = rules.service, self._node.identity.lanes
        store = PostgresStore(self._into, name, self._password, migrations=parts.migrations)
        try:
            await store.prepare()
            if self._throw_away:
                await _unlog(self._into, name)
            own = {f"{name}.{stem}": projection for stem, projection in CHANGE_PROJECTIONS.items()}
            bus = NoBus()
            committer = Committer(
                store, rules, bus, self._node, self._clock, self._keyed, {**own, **parts.projections}, lanes=lanes,
                foreign=parts.foreign,
            )  # fmt: skip
            done, of = 0, sum(until.values()) - len(until) if until is not None else 0

            def told(_lane: int, events: int) -> None:
                nonlocal done
                done += events
                if progress is not None:
                    progress(name, done, max(of, done))

            return await life.rebuild(store, committer, bus, self._node, self._clock, told, until)
        finally:
            await store.close()

    @asynccontextmanager
    async def _snapshot(self, dsn: str, service: str) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
        """One moment of a service's schema, read by its `_verify` role."""
        role = f"{service}_verify"
        connection = await asyncpg.connect(
            dsn, user=role, password=self._password(role), server_settings={"search_path": service}
        )
        try:
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                yield connection
        finally:
            await connection.close()


@asynccontextmanager
async def temporary_database(dsn: str, *, keep: bool = False) -> AsyncIterator[str]:
    """The DSN of an empty database on the same server, dropped afterwards unless it is to be kept."""
    name = f"cartulary_replay_{os.getpid()}"
    admin = await asyncpg.connect(dsn)
    try:
        await admin.execute(f'drop database if exists "{name}" with (force)')
        await admin.execute(f'create database "{name}"')
        # Whatever a crash of the server could lose here is made again from the ledger.
        await admin.execute(f'alter database "{name}" set synchronous_commit = off')
        try:
            yield urlunsplit(urlsplit(dsn)._replace(path=f"/{name}"))
        finally:
            if not keep:
                await admin.execute(f'drop database if exists "{name}" with (force)')
    finally:
        await admin.close()


async def _positions(connection: asyncpg.Connection[asyncpg.Record]) -> dict[int, Position]:
    rows = await connection.fetch(_POSITIONS, CONSUMER)
    return {row["lane"]: Position(row["sequence"], row["head"], row["block"]) for row in rows}


async def _has_schema(dsn: str, service: str) -> bool:
    admin = await asyncpg.connect(dsn)
    try:
        return await admin.fetchval("select to_regclass($1::text || '.events')", f'"{service}"') is not None
    finally:
        await admin.close()


async def _unlog(dsn: str, service: str) -> None:
    """A database that is thrown away needs no write-ahead log: tables that nothing logged refers to, until none is."""
    admin = await asyncpg.connect(dsn)
    try:
        while names := [row["name"] for row in await admin.fetch(_FREE_TO_CHANGE, f'"{service}"')]:
            for name in names:
                table = f'"{service}"."{name}"'
                await admin.execute(f"alter table {table} set unlogged")
                await admin.execute(f"alter table {table} set (autovacuum_enabled = off)")
    finally:
        await admin.close()
