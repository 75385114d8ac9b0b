"""The Store port on PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Literal

import asyncpg
import orjson

from libs.adapters.postgres.arrays import array, numbers
from libs.adapters.postgres.committing import POSITIONS_OF, PostgresCommitting, Shape, by_lane
from libs.adapters.postgres.deciding import OUTCOMES, PostgresDeciding, from_body, outcome, to_body
from libs.adapters.postgres.migrate import migrate
from libs.adapters.postgres.pools import AWAY, Connection, NotifySignal, Pools, one
from libs.kernel.envelope import Decision
from libs.kernel.errors import Conflict, NotReady
from libs.ports import (
    Committing,
    Deciding,
    DueRow,
    Life,
    LifeChanged,
    Outcome,
    Position,
    RunOfIntents,
    Scope,
    StoreUnreachable,
)

_POOL_SIZES = {"api": 12, "relay": 12, "commit": 4}

_BIND = """
select set_config('cartulary.tenant', $1, true), set_config('cartulary.distributor', $2, true),
       (select epoch from life) as epoch
"""
_UNNUMBERED = """
select position, decision::text, body, traceparent from intents
where lane = $1 and (seq is null or epoch < $2) order by position limit $3
"""
_NUMBER = """
update intents i set epoch = $2, seq = w.seq, run = $3
from unnest($1::text::uuid[], $4::text::bigint[]) as w(decision, seq) where i.decision = w.decision
"""
_NUMBERED = """
with runs as (
    select distinct run from intents where lane = $1 and epoch = $2 and run > $3 order by run limit $4)
select i.run, i.body, i.traceparent from intents i join runs on runs.run = i.run
where i.lane = $1 and i.epoch = $2 order by i.seq
"""
_DUE = """
select cause::text, kind, at, tenant, stream, payload::text from due where not done and at <= $1 order by at limit $2
"""


class PostgresStore:
    """One service's schema; `password(role)` gives each role's password."""

    def __init__(
        self, dsn: str, service: str, password: Callable[[str], str], *, migrations: Path | None = None
    ) -> None:
        self.service = service
        self._dsn, self._password, self._migrations = dsn, password, migrations
        self._pools = Pools(dsn, service, password, _POOL_SIZES)
        self._epoch: int | None = None
        self._shapes: dict[str, Shape] = {}
        self._signals: dict[str, NotifySignal] = {}

    async def prepare(self) -> None:
        """Bring the schema to its newest form; raises StoreUnreachable, MigrationChanged."""
        try:
            await migrate(self._dsn, self.service, self._password, self._migrations)
        except AWAY as error:
            raise StoreUnreachable(f"PostgreSQL did not answer: {error!r}") from error

    @asynccontextmanager
    async def deciding(self, tenant: str, lane: int, keys: Sequence[str]) -> AsyncIterator[Deciding]:
        """See Store.deciding."""
        async with self._pools.transaction("api") as connection:
            transaction = PostgresDeciding(connection, tenant, lane)
            self._epoch = await transaction.open(self._epoch, keys)
            yield transaction
            await connection.execute("select pg_notify(current_schema() || '.intents', '')")

    @asynccontextmanager
    async def committing(self) -> AsyncIterator[Committing]:
        """See Store.committing."""
        async with self._pools.transaction("commit") as connection:
            await self._same_life(connection)
            yield PostgresCommitting(connection, self._shapes)

    async def _same_life(self, connection: Connection) -> int | None:
        epoch: int | None = await connection.fetchval("select epoch from life")
        if self._epoch is not None and epoch != self._epoch:
            raise LifeChanged("another life of this service began, or its schema was emptied")
        self._epoch = epoch
        return epoch

    @asynccontextmanager
    async def relay_lock(self, lane: int) -> AsyncIterator[bool]:
        """See Store.relay_lock; a session lock, so that it ends with the connection."""
        name = f"{self.service}.relay.{lane}"
        async with self._pools.connection("relay") as connection:
            mine = await connection.fetchval("select pg_try_advisory_lock(hashtextextended($1, 7))", name)
            try:
                yield bool(mine)
            finally:
                if mine and not connection.is_closed():
                    await connection.execute("select pg_advisory_unlock(hashtextextended($1, 7))", name)

    async def number(self, lane: int, most_decisions: int, most_bytes: int) -> RunOfIntents | None:
        """See Store.number; intents of a former life that were never attested are numbered anew once it is settled."""
        async with self._pools.transaction("relay") as connection:
            epoch = await self._same_life(connection)
            state = await one(
                connection, "select next_seq, settled from producer_lanes where lane = $1 for update", lane
            )
            if epoch is None or not state["settled"]:
                return None
            rows = await connection.fetch(_UNNUMBERED, lane, epoch, most_decisions)
            size, taken = 0, list[asyncpg.Record]()
            for row in rows:
                size += len(row["body"])
                if taken and size > most_bytes:
                    break
                taken.append(row)
            if not taken:
                return None
            first = state["next_seq"]
            decisions, seqs = array([row["decision"] for row in taken]), numbers(range(first, first + len(taken)))
            await connection.execute(_NUMBER, decisions, epoch, first, seqs)
            await connection.execute(
                "update producer_lanes set next_seq = $2 where lane = $1", lane, first + len(taken)
            )
        return RunOfIntents(lane, epoch, first, [from_body(row["body"], row["traceparent"]) for row in taken])

    async def numbered(self, lane: int, after: int, most_runs: int) -> list[RunOfIntents]:
        """See Store.numbered."""
        async with self._pools.transaction("relay") as connection:
            epoch = await self._same_life(connection)
            rows = await connection.fetch(_NUMBERED, lane, epoch, after, most_runs) if epoch is not None else []
        runs: dict[int, list[Decision]] = {}
        for row in rows:
            runs.setdefault(row["run"], []).append(from_body(row["body"], row["traceparent"]))
        return [RunOfIntents(lane, epoch or 0, first, decisions) for first, decisions in runs.items()]

    async def backlog(self) -> tuple[int, datetime | None]:
        """See Store.backlog."""
        async with self._pools.connection("relay") as connection:
            row = await one(connection, "select count(*) as waiting, min(stored_at) as oldest from intents")
        return row["waiting"], row["oldest"]

    async def oldest(self, lane: int) -> tuple[int, int] | None:
        """See Store.oldest."""
        async with self._pools.transaction("relay") as connection:
            epoch = await self._same_life(connection)
            first = await connection.fetchval(
                "select run from intents where lane = $1 and epoch = $2 and seq is not null order by seq limit 1",
                lane,
                epoch,
            )
        return None if epoch is None or first is None else (epoch, first)

    async def outcomes(self, tenant: str, commands: Sequence[str], *, final: bool = False) -> dict[str, Outcome]:
        """See Store.outcomes."""
        async with self._pools.transaction("api") as connection:
            await connection.execute("select set_config('cartulary.tenant', $1, true)", tenant)
            query = OUTCOMES + (" and status in ('committed', 'refused')" if final else "")
            rows = await connection.fetch(query, tenant, array(commands))
        return {row["command"]: outcome(row) for row in rows}

    async def query(self, scope: Scope, sql: str, *arguments: object) -> list[asyncpg.Record]:
        """The rows of a query by the `_api` role, bound to the scope's tenant and to its distributor, if it has one.

        Raises NotReady while the tables are rebuilt: half of them would say that something does not exist.
        """
        async with self._pools.transaction("api") as connection:
            bound = await one(connection, _BIND, scope.tenant, scope.distributor or "")
            if bound["epoch"] is None:
                raise NotReady("the service is being rebuilt from the ledger")
            return await connection.fetch(sql, *arguments)

    async def life(self) -> Life | None:
        """See Store.life."""
        async with self._pools.connection("relay") as connection:
            row = await connection.fetchrow(
                "select l.epoch, (select coalesce(bool_and(settled), false) from producer_lanes) as settled,"
                " (select count(*) from producer_lanes) as lanes from life l"
            )
        return Life(row["epoch"], row["settled"], row["lanes"]) if row else None

    async def begin_life(self, epoch: int, markers: Mapping[int, Decision]) -> None:
        """See Store.begin_life; raises Conflict when another process began this or a later life."""
        async with self._pools.transaction("relay") as connection:
            began = await connection.fetchval(
                "insert into life (epoch) values ($1) on conflict (only_one) do update set epoch = excluded.epoch"
                " where life.epoch < excluded.epoch returning epoch",
                epoch,
            )
            if began is None:
                raise Conflict("another process began this life")
            for lane, marker in markers.items():
                await connection.execute(
                    "insert into producer_lanes (lane, next_seq) values ($1, 2)"
                    " on conflict (lane) do update set next_seq = 2, settled = false",
                    lane,
                )
                event = marker.events[0]
                # The marker of a life that never settled gives way to this one.
                await connection.execute(
                    "delete from intents where decision in (select decision from pending where stream = $1)",
                    event.stream,
                )
                await connection.execute("delete from pending where stream = $1", event.stream)
                await connection.execute(
                    "insert into streams values ($1, $2, $3, $4, $5) on conflict (stream) do update"
                    " set version = excluded.version",
                    event.stream, marker.tenant, event.version, event.version - 1, marker.time,
                )  # fmt: skip
                await connection.execute(
                    "insert into intents (decision, lane, tenant, epoch, seq, run, body)"
                    " values ($1, $2, $3, $4, 1, 1, $5)",
                    marker.id, lane, marker.tenant, epoch, to_body(marker),
                )  # fmt: skip
                await connection.execute(
                    "insert into pending values ($1, $2, $3, $4, $5, $6)",
                    event.stream, event.version, marker.tenant, marker.id, event.type,
                    orjson.dumps(event.data).decode(),
                )  # fmt: skip
            self._epoch = epoch

    async def due(self, now: datetime, most: int) -> list[DueRow]:
        """See Store.due."""
        async with self._pools.connection("commit") as connection:
            rows = await connection.fetch(_DUE, now, most)
        return [
            DueRow(row["cause"], row["kind"], row["at"], row["tenant"], row["stream"], orjson.loads(row["payload"]))
            for row in rows
        ]

    async def due_done(self, rows: Sequence[DueRow]) -> None:
        """See Store.due_done."""
        async with self._pools.transaction("commit") as connection:
            await connection.execute(
                "update due d set done = true"
                " from unnest($1::text[], $2::text[], $3::timestamptz[]) as w(cause, kind, at)"
                " where d.cause = w.cause::uuid and d.kind = w.kind and d.at = w.at",
                *map(list, zip(*((row.cause, row.kind, row.at) for row in rows), strict=True)),
            )

    async def positions(self, consumer: str) -> dict[int, Position]:
        """See Store.positions."""
        async with self._pools.transaction("commit") as connection:
            await self._same_life(connection)
            return by_lane(await connection.fetch(POSITIONS_OF, consumer))

    async def move(self, consumer: str, lane: int, position: Position) -> None:
        """See Store.move."""
        async with self._pools.transaction("commit") as connection:
            await self._same_life(connection)
            await PostgresCommitting(connection, self._shapes).move({(consumer, lane): position})

    def signal(self, name: Literal["intents", "commits"]) -> NotifySignal:
        """See Store.signal; one listener a name and process."""
        if name not in self._signals:
            self._signals[name] = NotifySignal(self._pools, name)
        return self._signals[name]

    def begin_anew(self) -> None:
        """Forget which life this process knew; for the start after LifeChanged."""
        self._epoch = None
        self._shapes.clear()

    async def close(self) -> None:
        """Close every connection."""
        for signal in self._signals.values():
            await signal.close()
        await self._pools.close()
