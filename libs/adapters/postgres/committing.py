"""The commit transaction on PostgreSQL: everything of many batches in a dozen statements (W-17)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import asyncpg
import orjson

from libs.adapters.postgres.arrays import array, numbers
from libs.adapters.postgres.pools import Connection
from libs.kernel.envelope import BatchPlace
from libs.ports import Commit, CommittedDecision, Position
from libs.ports.changes import Add, Change, Drop, Put
from libs.ports.store import VOID_PROBLEM

_BATCH_COLUMNS = [
    "lane",
    "first",
    "count",
    "previous_head",
    "head",
    "root",
    "block",
    "block_hash",
    "block_time",
    "transaction",
    "transaction_index",
]

# PostgreSQL has no COPY into a table under row level security; columns travel as arrays.
_EVENTS = """
insert into events (lane, sequence, batch, stream, version, tenant, type, void, body)
select * from unnest($1::text::int[], $2::text::bigint[], $3::text::bigint[], $4::text::text[], $5::text::int[],
                     $6::text::text[], $7::text::text[], $8::text::bool[], string_to_array($9::text, chr(10)))
"""
_PENDING = """
delete from pending p
using unnest($1::text::text[], $2::text::int[], $3::text::uuid[]) as w(stream, version, decision)
where p.stream = w.stream and p.version = w.version and p.decision = w.decision
"""
_STREAMS = """
insert into streams (stream, tenant, version, committed, time)
select * from unnest($1::text::text[], $2::text::text[], $3::text::int[], $3::text::int[], $4::text::text[])
on conflict (stream) do update set committed = excluded.committed,
    version = greatest(streams.version, excluded.version), time = greatest(streams.time, excluded.time)
"""
_IDEMPOTENCY = """
insert into idempotency (tenant, command, request, status, decision, streams)
select w.tenant, w.command, w.request, 'committed', w.decision, w.streams
from unnest($1::text::text[], $2::text::text[], $3::text::text[], $4::text::uuid[], $5::text::jsonb[])
     as w(tenant, command, request, decision, streams)
on conflict (tenant, command) do update set status = 'committed', decision = excluded.decision,
    streams = excluded.streams where idempotency.status <> 'committed'
"""
_WAITING = """
update idempotency i set status = 'committed' from unnest($1::text::uuid[]) as w(decision)
where i.status = 'decided' and i.decision = w.decision
"""
_VOID = """
update idempotency i set status = 'refused', problem = $2::jsonb from unnest($1::text::uuid[]) as w(decision)
where i.status = 'decided' and i.decision = w.decision
"""
_SETTLED = "delete from intents i using unnest($1::text::uuid[]) as w(decision) where i.decision = w.decision"
_COMMITTED = """
select s.stream, s.committed from unnest($1::text::text[]) as w(stream)
join streams s on s.stream = w.stream where s.committed > 0
"""
_TAKE = """
insert into claims (tenant, kind, value, stream)
select * from unnest($1::text::text[], $2::text::text[], $3::text::text[], $4::text::text[])
on conflict do nothing
"""
_RELEASE = """
delete from claims c
using unnest($1::text::text[], $2::text::text[], $3::text::text[], $4::text::text[]) as w(tenant, kind, value, stream)
where c.tenant = w.tenant and c.kind = w.kind and c.value = w.value and c.stream = w.stream
"""
_DUE = """
insert into due (cause, kind, at, tenant, stream, payload)
select w.cause::uuid, w.kind, w.at, w.tenant, w.stream, w.payload::jsonb
from unnest($1::text[], $2::text[], $3::timestamptz[], $4::text[], $5::text[], $6::text[])
     as w(cause, kind, at, tenant, stream, payload)
on conflict do nothing
"""
POSITIONS = """
insert into positions (consumer, lane, sequence, head, block)
select * from unnest($1::text[], $2::int[], $3::bigint[], $4::bytea[], $5::bigint[])
on conflict (consumer, lane) do update set sequence = excluded.sequence, head = excluded.head, block = excluded.block
where positions.sequence < excluded.sequence
"""


_REQUIRED = """
select a.attname::text as name from pg_attribute a
left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
where a.attrelid = $1::text::regclass and a.attnum > 0 and a.attnotnull and d.oid is null and not a.attisdropped
"""
_PRIMARY_KEY = """
select a.attname::text as name from pg_index i
join pg_attribute a on a.attrelid = i.indrelid and a.attnum = any(i.indkey)
where i.indrelid = $1::text::regclass and i.indisprimary
"""


class Shape(NamedTuple):
    """What a read table asks of an insert."""

    required: frozenset[str]
    primary_key: list[str]


POSITIONS_OF = "select lane, sequence, head, block from positions where consumer = $1"


def by_lane(rows: Iterable[asyncpg.Record]) -> dict[int, Position]:
    """Rows of `positions` as positions by lane."""
    return {row["lane"]: Position(row["sequence"], row["head"], row["block"]) for row in rows}


class PostgresCommitting:
    """One open transaction; see the port."""

    def __init__(self, connection: Connection, shapes: dict[str, Shape]) -> None:
        self._c, self._shapes = connection, shapes

    async def positions(self, consumer: str) -> dict[int, Position]:
        """See Committing.positions."""
        return by_lane(await self._c.fetch(f"{POSITIONS_OF} for update", consumer))

    async def committed(self, streams: Sequence[str]) -> dict[str, int]:
        """See Committing.committed."""
        rows = await self._c.fetch(_COMMITTED, array(streams))
        return {row["stream"]: row["committed"] for row in rows}

    async def apply(self, consumer: str, work: Commit) -> None:
        """See Committing.apply."""
        if work.batches:
            rows = [_batch_row(place) for place in work.batches]
            await self._c.copy_records_to_table("ledger_batches", records=rows, columns=_BATCH_COLUMNS)
        if work.events:
            await self._events(work)
        if work.decisions:
            await self._decisions(work.decisions)
        await self._claims(work)
        await self._changes(work.changes)
        if work.due:
            columns = zip(
                *((d.cause, d.kind, d.at, d.tenant, d.stream, _json(d.payload)) for d in work.due), strict=True
            )
            await self._c.execute(_DUE, *map(list, columns))
        for epoch, lane in work.markers:
            await self._c.execute(
                "update producer_lanes set settled = true where lane = $1 and (select epoch from life) = $2",
                lane,
                epoch,
            )
        if work.level_at:
            await self._c.execute("update life set level_at = $1", work.level_at)
        moves = {(consumer, lane): position for lane, position in work.positions.items()} | dict(work.cursors)
        await self.move(moves)
        await self._c.execute("select pg_notify(current_schema() || '.commits', '')")

    async def move(self, moves: Mapping[tuple[str, int], Position]) -> None:
        """Move positions forward, never back."""
        if moves:
            rows = [(consumer, lane, *position) for (consumer, lane), position in sorted(moves.items())]
            await self._c.execute(POSITIONS, *map(list, zip(*rows, strict=True)))

    async def _events(self, work: Commit) -> None:
        rows, heads = [], {}
        for seen, void in work.events:
            place, body = seen.place, seen.body
            stream, version, tenant = body["stream"], body["version"], body["tenant"]
            rows.append((
                place.lane, seen.sequence, place.first, stream, version, tenant, body["type"], void,
                body["decision"]["id"],
            ))  # fmt: skip
            if not void:
                heads[stream] = (tenant, version, body["time"])
        lanes, sequences, batches, streams, versions, tenants, types, voids, decisions = zip(*rows, strict=True)
        # A canonical body has no line break in it: JSON writes one as an escape.
        bodies = b"\n".join([seen.raw for seen, _ in work.events]).decode()
        in_streams, in_versions = array(streams), numbers(versions)
        await self._c.execute(
            _EVENTS, numbers(lanes), numbers(sequences), numbers(batches), in_streams, in_versions, array(tenants),
            array(types), numbers(map(int, voids)), bodies,
        )  # fmt: skip
        await self._c.execute(_PENDING, in_streams, in_versions, array(decisions))
        if heads:
            names = sorted(heads)
            owners, newest, times = zip(*[heads[name] for name in names], strict=True)
            await self._c.execute(_STREAMS, array(names), array(owners), numbers(newest), array(times))

    async def _decisions(self, decisions: Sequence[CommittedDecision]) -> None:
        ids = array([decision.decision for decision in decisions])
        by_command = {(d.tenant, d.command): d for d in decisions if not d.void}
        if by_command:
            standing = [by_command[key] for key in sorted(by_command)]
            tenants, commands, requests, decided = zip(
                *[(d.tenant, d.command, d.request, d.decision) for d in standing], strict=True
            )
            streams = array([_json(d.streams) for d in standing])
            await self._c.execute(
                _IDEMPOTENCY, array(tenants), array(commands), array(requests), array(decided), streams
            )
        if void := [decision.decision for decision in decisions if decision.void]:
            await self._c.execute(_VOID, array(void), _json(VOID_PROBLEM))
        await self._c.execute(_WAITING, ids)
        await self._c.execute(_SETTLED, ids)

    async def _claims(self, work: Commit) -> None:
        """In the end each stream holds a claim or not, as it last said; other streams say it for themselves."""
        last = {(t, c.kind, c.value, stream): takes for t, stream, c, takes in work.claims}
        released = sorted(row for row, takes in last.items() if not takes)
        taken = sorted(row for row, takes in last.items() if takes)
        if released:
            await self._c.execute(_RELEASE, *map(array, zip(*released, strict=True)))
        if taken:
            await self._c.execute(_TAKE, *map(array, zip(*taken, strict=True)))

    async def _changes(self, changes: Sequence[tuple[str, Change]]) -> None:
        """Fold neighbours of one verb on one table into one statement; order is kept where it matters."""
        groups: list[tuple[tuple[Any, ...], dict[tuple[Any, ...], dict[str, Any]]]] = []
        newest: dict[tuple[str, tuple[Any, ...]], int] = {}
        by_shape: dict[tuple[Any, ...], int] = {}
        for tenant, change in changes:
            values = change.values if isinstance(change, Put) else change.deltas if isinstance(change, Add) else {}
            # A code may be one tenant's and another's: each has a row of its own.
            key = (tenant, *sorted(change.key.items()))
            shape = (type(change), change.table, tuple(change.key), tuple(values))
            at = by_shape.get(shape, -1)
            if at < newest.get((change.table, key), -1) or at < 0:
                by_shape[shape] = at = len(groups)
                groups.append((shape, {}))
            newest[(change.table, key)] = at
            row = groups[at][1].setdefault(key, {"tenant": tenant, **change.key})
            for column, value in values.items():
                row[column] = row.get(column, 0) + value if isinstance(change, Add) else value
        for (verb, table, key_columns, columns), rows in groups:
            await self._write(verb, table, key_columns, columns, list(rows.values()))

    async def _write(
        self, verb: type[Change], table: str, key: tuple[str, ...], columns: tuple[str, ...], rows: list[dict[str, Any]]
    ) -> None:
        source = f'json_populate_recordset(null::"{table}", $1::text::json) w'
        if verb is Drop:
            on = " and ".join(f't."{column}" = w."{column}"' for column in ("tenant", *key))
            await self._c.execute(f'delete from "{table}" t using {source} where {on}', _json(rows))
            return
        shape = await self._shape(table)
        if not shape.required <= {"tenant", *key, *columns}:
            await self._set(verb, table, key, columns, rows)
            return
        names = ", ".join(f'"{column}"' for column in ("tenant", *key, *columns))
        target = ", ".join(f'"{column}"' for column in shape.primary_key)
        added = "{0} = t.{0} + excluded.{0}" if verb is Add else "{0} = excluded.{0}"
        setting = ", ".join(added.format(f'"{column}"') for column in columns)
        action = f"update set {setting}" if columns else "nothing"
        await self._c.execute(
            f'insert into "{table}" as t ({names}) select {names} from {source} on conflict ({target}) do {action}',
            _json(rows),
        )

    async def _shape(self, table: str) -> Shape:
        """Which columns of a read table must have a value, and its primary key; asked once a life."""
        if table not in self._shapes:
            required = await self._c.fetch(_REQUIRED, table)
            key = await self._c.fetch(_PRIMARY_KEY, table)
            self._shapes[table] = Shape(frozenset(row["name"] for row in required), [row["name"] for row in key])
        return self._shapes[table]

    async def _set(
        self, verb: type[Change], table: str, key: tuple[str, ...], columns: tuple[str, ...], rows: list[dict[str, Any]]
    ) -> None:
        """Change rows that are there; these columns alone would make no new one."""
        on = " and ".join(f't."{column}" = w."{column}"' for column in ("tenant", *key))
        added = '"{0}" = t."{0}" + w."{0}"' if verb is Add else '"{0}" = w."{0}"'
        setting = ", ".join(added.format(column) for column in columns)
        source = f'json_populate_recordset(null::"{table}", $1::text::json) w'
        await self._c.execute(f'update "{table}" t set {setting} from {source} where {on}', _json(rows))


def _json(value: Any) -> str:
    return orjson.dumps(value, default=str).decode()


def _batch_row(place: BatchPlace) -> tuple[Any, ...]:
    return tuple(getattr(place, column) for column in _BATCH_COLUMNS)
