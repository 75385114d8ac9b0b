"""The deciding transaction on PostgreSQL: a handful of statements however many commands (W-1 … W-5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import orjson

from libs.adapters.postgres.arrays import array, numbers
from libs.adapters.postgres.pools import Connection, one
from libs.kernel.decider import Reference
from libs.kernel.envelope import Actor, Decision, EventEntry
from libs.kernel.errors import CheckUnavailable, Conflict, NotReady
from libs.ports import CommandKey, Intent, KeyedClaim, LifeChanged, Loaded, Outcome

REFERENCES_AT_MOST = timedelta(seconds=60)

# Columns of JSON travel as lines: JSON writes a line break in a text as an escape.
_OPEN = """
select set_config('cartulary.tenant', $1, true),
       (select epoch from life) as epoch,
       (select coalesce(bool_and(settled), false) from producer_lanes) as settled
"""
_LOCKS = "select pg_advisory_xact_lock(hashtextextended(k, $2)) from unnest($1::text[]) as k"
_BEGIN = """
insert into idempotency (tenant, command, request, status)
select $1, w.command, w.request, 'running' from unnest($2::text::text[], $3::text::text[]) as w(command, request)
order by w.command on conflict do nothing returning command
"""
OUTCOMES = """
select command, request, status, decision::text, streams::text, problem::text
from idempotency where tenant = $1 and command = any($2::text::text[])
"""
_HEADS = """
select s.stream, s.version, s.time,
       (select p.decision::text from pending p where p.stream = s.stream and p.version = s.version) as pending
from streams s where s.stream = any($1::text::text[])
"""
_EVENTS = """
with known as (select * from unnest($1::text[], $2::int[]) as k(stream, version))
select e.stream, e.version, e.type, e.body, false as is_pending from known k
join events e on e.stream = k.stream and e.version > k.version and not e.void
union all
select p.stream, p.version, p.type, p.data, true from known k
join pending p on p.stream = k.stream and p.version > k.version
order by stream, version
"""
_STREAMS = """
with w as (
    select * from unnest($1::text::text[], $2::text::int[], $3::text::int[], $4::text::text[])
    as w(stream, before, after, time)),
fresh as (
    insert into streams (stream, tenant, version, committed, time)
    select stream, $5, after, 0, time from w where before = 0 on conflict do nothing returning 1),
later as (
    update streams s set version = w.after, time = w.time from w
    where s.stream = w.stream and w.before > 0 and s.version = w.before returning 1)
select (select count(*) from fresh) + (select count(*) from later)
"""
_INTENTS = """
insert into intents (decision, lane, tenant, body, traceparent)
select w.decision, $1, $2, w.body, w.trace
from unnest($3::text::uuid[], string_to_array($4::text, chr(10)), $5::text::text[])
     with ordinality as w(decision, body, trace, n) order by w.n
"""
_PENDING = """
insert into pending (stream, version, tenant, decision, type, data)
select w.stream, w.version, $1, w.decision, w.type, w.data
from unnest($2::text::text[], $3::text::int[], $4::text::uuid[], $5::text::text[], string_to_array($6::text, chr(10)))
     as w(stream, version, decision, type, data)
"""
_CLAIM_LOCKS = "select pg_advisory_xact_lock(hashtextextended(k, 3)) from unnest($1::text[]) as k"
_CLAIMS = """
insert into claims (tenant, kind, value, stream)
select $1, w.kind, w.value, w.stream from unnest($2::text[], $3::text[], $4::text[]) as w(kind, value, stream)
"""
_SETTLE = """
update idempotency i set status = w.status, decision = w.decision, streams = w.streams, problem = w.problem
from unnest($2::text::text[], $3::text::text[], $4::text::uuid[], $5::text::jsonb[], $6::text::jsonb[])
     as w(command, status, decision, streams, problem)
where i.tenant = $1 and i.command = w.command
"""


def to_body(decision: Decision) -> str:
    """A decision as its intents row keeps it."""
    return orjson.dumps(
        [
            decision.id, decision.time, decision.tenant, decision.actor.wire(), decision.causation,
            decision.correlation, decision.command, decision.request, decision.events,
        ],
        default=list,
    ).decode()  # fmt: skip


def from_body(body: str, traceparent: str | None) -> Decision:
    """The decision that `to_body` wrote."""
    row = orjson.loads(body)
    events = tuple(EventEntry(*event) for event in row[8])
    id_, time, tenant, actor, causation, correlation, command, request, _ = row
    return Decision(
        id_, time, tenant, Actor.parse(actor), causation, correlation, command, request, events, traceparent
    )


def outcome(row: asyncpg.Record) -> Outcome:
    """An idempotency row as an outcome."""
    streams = tuple((stream, version) for stream, version in orjson.loads(row["streams"]))
    problem = orjson.loads(row["problem"]) if row["problem"] else None
    return Outcome(row["request"], row["status"], row["decision"], streams, problem)


class PostgresDeciding:
    """One open transaction; see the port."""

    def __init__(self, connection: Connection, tenant: str, lane: int) -> None:
        self._c, self._tenant, self._lane = connection, tenant, lane

    async def open(self, epoch: int | None, keys: Sequence[str]) -> int:
        """Bind the tenant, take the keys' locks; the life's epoch. Raises NotReady, LifeChanged."""
        row = await one(self._c, _OPEN, self._tenant)
        if row["epoch"] is None and epoch is None:
            raise NotReady("the service is being rebuilt from the ledger")
        if epoch is not None and row["epoch"] != epoch:
            raise LifeChanged("another life of this service began")
        if not row["settled"]:
            raise NotReady("the markers of this life are not attested yet")
        await self._c.execute(_LOCKS, list(keys), 1)
        return int(row["epoch"])

    async def begin(self, keys: Sequence[CommandKey]) -> list[Outcome | None]:
        """See Deciding.begin."""
        commands = [key.command for key in keys]
        rows = await self._c.fetch(_BEGIN, self._tenant, array(commands), array([key.request for key in keys]))
        if len(rows) == len(keys):
            return [None] * len(keys)
        fresh = {row["command"] for row in rows}
        known = await self._c.fetch(OUTCOMES, self._tenant, array([c for c in commands if c not in fresh]))
        found = {row["command"]: outcome(row) for row in known}
        return [None if command in fresh else found[command] for command in commands]

    async def load(self, known: Mapping[str, int]) -> dict[str, Loaded]:
        """See Deciding.load."""
        names = list(known)
        heads = {row["stream"]: row for row in await self._c.fetch(_HEADS, array(names))}
        behind = [stream for stream, row in heads.items() if row["version"] > known[stream]]
        if any(row["version"] < known[stream] for stream, row in heads.items()):
            raise LifeChanged("a stream is shorter than it was")
        events: dict[str, list[tuple[str, dict[str, Any]]]] = {}
        if behind:
            for row in await self._c.fetch(_EVENTS, behind, [known[stream] for stream in behind]):
                data = orjson.loads(row["body"])
                entry = (row["type"], data if row["is_pending"] else data["data"])
                events.setdefault(row["stream"], []).append(entry)
        out = {}
        for stream in names:
            head = heads.get(stream)
            if head is None and known[stream]:
                raise LifeChanged("a stream is gone")
            pending = head["pending"] if head else None
            version, time = (head["version"], head["time"]) if head else (0, "")
            out[stream] = Loaded(version, time, events.get(stream, []), pending)
        return out

    async def rows(self, references: Sequence[Reference], now: datetime) -> list[Mapping[str, Any] | None]:
        """See Deciding.rows; one statement a table and set of key columns."""
        level_at = await self._c.fetchval("select level_at from life")
        if level_at is None or now - level_at > REFERENCES_AT_MOST:
            raise CheckUnavailable(f"reference data is older than {REFERENCES_AT_MOST.seconds} s (as of {level_at})")
        found: list[Mapping[str, Any] | None] = [None] * len(references)
        groups: dict[tuple[str, tuple[str, ...]], list[int]] = {}
        for position, reference in enumerate(references):
            groups.setdefault((reference.table, tuple(sorted(reference.key))), []).append(position)
        for (table, columns), positions in groups.items():
            on = " and ".join(f't."{column}"::text = w."{column}"' for column in columns)
            names = ", ".join(f'"{column}"' for column in columns)
            arrays = ", ".join(f"${n + 2}::text[]" for n in range(len(columns)))
            # The same keys in the columns' own types: by them, not by their texts, the index is found.
            typed = f'json_populate_recordset(null::"{table}", $1::json)'
            few = " and ".join(f't."{column}" = any(array(select k."{column}" from {typed} k))' for column in columns)
            sql = (
                f"select w.n, to_jsonb(t)::text as row from unnest({arrays}) with ordinality as w({names}, n) "
                f'join "{table}" t on {on} where {few}'
            )
            keys = [{column: str(references[p].key[column]) for column in columns} for p in positions]
            values = [[key[column] for key in keys] for column in columns]
            for row in await self._c.fetch(sql, orjson.dumps(keys).decode(), *values):
                found[positions[row["n"] - 1]] = orjson.loads(row["row"])
        return found

    async def held(self, claims: Sequence[KeyedClaim]) -> set[KeyedClaim]:
        """See Deciding.held."""
        rows = await self._c.fetch(
            "select c.kind, c.value from claims c join unnest($1::text[], $2::text[]) as w(kind, value)"
            " on c.kind = w.kind and c.value = w.value where c.tenant = $3",
            [claim.kind for claim in claims],
            [claim.value for claim in claims],
            self._tenant,
        )
        return {KeyedClaim(row["kind"], row["value"]) for row in rows}

    async def store(self, intents: Sequence[Intent], settled: Mapping[str, Outcome], forgotten: Sequence[str]) -> None:
        """See Deciding.store."""
        outcomes = dict(settled)
        if intents:
            decisions = [intent.decision for intent in intents]
            await self._store_streams(decisions)
            await self._c.execute(
                _INTENTS, self._lane, self._tenant, array([d.id for d in decisions]),
                "\n".join([to_body(d) for d in decisions]), array([d.traceparent for d in decisions]),
            )  # fmt: skip
            events = [(event, decision.id) for decision in decisions for event in decision.events]
            await self._c.execute(
                _PENDING, self._tenant, array([e.stream for e, _ in events]), numbers([e.version for e, _ in events]),
                array([decision for _, decision in events]), array([e.type for e, _ in events]),
                b"\n".join([orjson.dumps(e.data) for e, _ in events]).decode(),
            )  # fmt: skip
            await self._store_claims([claim for intent in intents for claim in intent.claims])
            for decision in decisions:
                versions = {event.stream: event.version for event in decision.events}
                outcomes[decision.command] = Outcome(decision.request, "decided", decision.id, tuple(versions.items()))
        if outcomes:
            await self._settle(outcomes)
        if forgotten:
            await self._c.execute(
                "delete from idempotency where tenant = $1 and command = any($2::text[])", self._tenant, list(forgotten)
            )

    async def _store_claims(self, claims: Sequence[tuple[str, KeyedClaim]]) -> None:
        """W-4: whoever takes a claim holds its lock until the commit, so that no two find it free at once."""
        if not claims:
            return
        names = sorted(f"{self._tenant} {claim.kind} {claim.value}" for _, claim in claims)
        await self._c.execute(_CLAIM_LOCKS, names)
        if len(set(names)) < len(names) or await self.held([claim for _, claim in claims]):
            raise Conflict("another writer took one of these claims")
        await self._c.execute(
            _CLAIMS, self._tenant, [claim.kind for _, claim in claims], [claim.value for _, claim in claims],
            [stream for stream, _ in claims],
        )  # fmt: skip

    async def _store_streams(self, decisions: Sequence[Decision]) -> None:
        """W-5: the head row of a stream moves from the version that was read, or the whole group decides again."""
        heads: dict[str, tuple[int, int, str]] = {}
        for decision in decisions:
            for event in decision.events:
                before = heads[event.stream][0] if event.stream in heads else event.version - 1
                heads[event.stream] = (before, event.version, decision.time)
        names = sorted(heads)
        befores, afters, times = zip(*(heads[name] for name in names), strict=True)
        moved = await self._c.fetchval(
            _STREAMS, array(names), numbers(befores), numbers(afters), array(times), self._tenant
        )
        if moved != len(names):
            raise Conflict("another writer took a version of these streams")

    async def _settle(self, outcomes: Mapping[str, Outcome]) -> None:
        values = list(outcomes.values())
        await self._c.execute(
            _SETTLE, self._tenant, array(outcomes), array([o.status for o in values]),
            array([o.decision for o in values]), array([orjson.dumps(o.streams).decode() for o in values]),
            array([orjson.dumps(o.problem).decode() if o.problem else None for o in values]),
        )  # fmt: skip
