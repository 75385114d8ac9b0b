"""The two transactions of the simulated store; see `Deciding` and `Committing` of the port."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import orjson

from libs.kernel.decider import Reference
from libs.kernel.errors import CheckUnavailable, Conflict
from libs.ports import (
    CommandKey,
    Commit,
    CommittedDecision,
    Intent,
    KeyedClaim,
    LifeChanged,
    Loaded,
    Outcome,
    Position,
    StoreUnreachable,
)
from libs.ports.store import VOID_PROBLEM
from libs.testkit.sim.schema import ConstraintViolatedError, IntentRow, SimSchema, StreamRow, Tables, Transaction
from libs.testkit.sim.world import Node

_REFERENCES_AT_MOST = timedelta(seconds=60)


def _away() -> StoreUnreachable:
    return StoreUnreachable("the simulated store did not answer")


class SimDeciding:
    """One open transaction; see the port."""

    def __init__(self, schema: SimSchema, node: Node, transaction: Transaction, tenant: str, lane: int) -> None:
        self._schema, self._node, self._tx = schema, node, transaction
        self._tenant, self._lane = tenant, lane

    async def begin(self, keys: Sequence[CommandKey]) -> list[Outcome | None]:
        """See Deciding.begin; it waits for another open transaction that inserted the key, as a unique index does."""
        await self._node.ask("store.begin", _away())
        for key in sorted(keys):
            await self._tx.lock(f"command {self._tenant} {key.command}")
        found = [self._schema.tables.outcomes.get((self._tenant, key.command)) for key in keys]
        for key, known in zip(keys, found, strict=True):
            if known is None:
                self._settle(key.command, Outcome(key.request, "running"))
        return found

    async def load(self, known: Mapping[str, int]) -> dict[str, Loaded]:
        """See Deciding.load."""
        await self._node.ask("store.load", _away())
        return {stream: self._load(stream, version) for stream, version in known.items()}

    def _load(self, stream: str, known: int) -> Loaded:
        tables = self._schema.tables
        head = tables.streams.get(stream)
        if (head.version if head else 0) < known:
            raise LifeChanged("a stream is shorter than it was", field="stream", value=stream)
        if head is None:
            return Loaded(0, "", [])
        committed = [(e.type, e.body["data"]) for e in tables.by_stream.get(stream, []) if e.body["version"] > known]
        pending = sorted(
            (version, row) for (name, version), row in tables.pending.items() if name == stream and version > known
        )
        newest = tables.pending.get((stream, head.version))
        return Loaded(
            head.version,
            head.time,
            [*committed, *((row[0], row[1]) for _, row in pending)],
            newest[2] if newest else None,
        )

    async def rows(self, references: Sequence[Reference], now: datetime) -> list[Mapping[str, Any] | None]:
        """See Deciding.rows."""
        await self._node.ask("store.rows", _away())
        level_at = self._schema.tables.level_at
        if level_at is None or now - level_at > _REFERENCES_AT_MOST:
            raise CheckUnavailable("reference data is too old")
        return [self._row(reference) for reference in references]

    def _row(self, reference: Reference) -> Mapping[str, Any] | None:
        wanted = {column: str(value) for column, value in reference.key.items()}
        for row in self._schema.tables.read.get(reference.table, {}).values():
            if row["tenant"] == self._tenant and all(str(row.get(c)) == v for c, v in wanted.items()):
                plain: dict[str, Any] = orjson.loads(orjson.dumps(row, default=str))
                return plain
        return None

    async def held(self, claims: Sequence[KeyedClaim]) -> set[KeyedClaim]:
        """See Deciding.held."""
        await self._node.ask("store.held", _away())
        return {claim for claim in claims if self._schema.tables.claims.get((self._tenant, *claim))}

    async def store(self, intents: Sequence[Intent], settled: Mapping[str, Outcome], forgotten: Sequence[str]) -> None:
        """See Deciding.store."""
        await self._node.ask("store.store", _away())
        for intent in intents:
            for _, claim in sorted(intent.claims):
                await self._tx.lock(f"claim {self._tenant} {claim.kind} {claim.value}")
        self._check(intents)
        for intent in intents:
            self._tx.writes.append(self._intent(intent))
            decision = intent.decision
            versions = {event.stream: event.version for event in decision.events}
            self._settle(decision.command, Outcome(decision.request, "decided", decision.id, tuple(versions.items())))
        for command, outcome in settled.items():
            self._settle(command, outcome)
        for command in forgotten:
            name = (self._tenant, command)
            self._tx.writes.append(lambda tables, name=name: tables.outcomes.pop(name, None))  # type: ignore[misc]

    def _check(self, intents: Sequence[Intent]) -> None:
        tables, heads = self._schema.tables, dict[str, int]()
        taken = set[KeyedClaim]()
        for intent in intents:
            for event in intent.decision.events:
                row = tables.streams.get(event.stream)
                if event.version != heads.get(event.stream, row.version if row else 0) + 1:
                    raise Conflict("another writer took a version", field="stream", value=event.stream)
                heads[event.stream] = event.version
            for _, claim in intent.claims:
                if claim in taken or tables.claims.get((self._tenant, *claim)):
                    raise Conflict("another writer took a claim", field="claim", value=claim.kind)
                taken.add(claim)

    def _intent(self, intent: Intent) -> Any:
        decision, now = intent.decision, self._schema.world.now()

        def write(tables: Tables) -> None:
            tables.intents[decision.id] = IntentRow(decision, self._lane, now)
            for event in decision.events:
                tables.pending[(event.stream, event.version)] = (event.type, event.data, decision.id)
                head = tables.streams.setdefault(event.stream, StreamRow(self._tenant, 0, 0, ""))
                head.version, head.time = event.version, decision.time
            for stream, claim in intent.claims:
                tables.claims.setdefault((self._tenant, *claim), {})[stream] = None

        return write

    def _settle(self, command: str, outcome: Outcome) -> None:
        name = (self._tenant, command)

        def write(tables: Tables) -> None:
            tables.outcomes[name] = outcome

        self._tx.writes.append(write)


class SimCommitting:
    """One open transaction; see the port."""

    def __init__(self, schema: SimSchema, node: Node, transaction: Transaction) -> None:
        self._schema, self._node, self._tx = schema, node, transaction

    async def positions(self, consumer: str) -> dict[int, Position]:
        """See Committing.positions; the consumer's rows are locked until the end."""
        await self._node.ask("store.commit_positions", _away())
        await self._tx.lock(f"positions {consumer}")
        return {lane: at for (name, lane), at in self._schema.tables.positions.items() if name == consumer}

    async def committed(self, streams: Sequence[str]) -> dict[str, int]:
        """See Committing.committed."""
        await self._node.ask("store.committed", _away())
        rows = self._schema.tables.streams
        return {stream: rows[stream].committed for stream in streams if stream in rows and rows[stream].committed}

    async def apply(self, consumer: str, work: Commit) -> None:
        """See Committing.apply."""
        await self._node.ask("store.apply", _away())
        await self._tx.lock(f"positions {consumer}")
        self._tx.writes.append(lambda tables: _apply(tables, consumer, work))


def _apply(tables: Tables, consumer: str, work: Commit) -> None:
    if any((place.lane, place.first) in tables.batches for place in work.batches):
        raise Conflict("another process committed the batch first")
    for place in work.batches:
        tables.batches[(place.lane, place.first)] = place
    _events(tables, work)
    _decisions(tables, work.decisions)
    for tenant, stream, claim, taken in work.claims:
        holders = tables.claims.setdefault((tenant, *claim), {})
        if taken:
            holders[stream] = None
        else:
            holders.pop(stream, None)
    for tenant, change in work.changes:
        tables.change(tenant, change)
    for row in work.due:
        tables.due.setdefault((row.cause, row.kind, row.at), (row, False))
    for epoch, lane in work.markers:
        if epoch == tables.epoch:
            tables.settled[lane] = True
    tables.level_at = work.level_at or tables.level_at
    moves = {(consumer, lane): at for lane, at in work.positions.items()} | dict(work.cursors)
    tables.move(moves)


def _events(tables: Tables, work: Commit) -> None:
    for seen, void in work.events:
        if (seen.place.lane, seen.place.first) not in tables.batches:
            raise ConstraintViolatedError("an event without its batch (invariant 1)")
        if (seen.place.lane, seen.sequence) in tables.events:
            raise ConstraintViolatedError("an event twice")
        tables.events[(seen.place.lane, seen.sequence)] = (seen, void)
        if void:
            continue
        body = seen.body
        head = tables.streams.setdefault(seen.stream, StreamRow(seen.tenant, 0, 0, ""))
        if body["version"] <= head.committed:
            raise ConstraintViolatedError(f"version {body['version']} of {seen.stream} twice (invariant 3)")
        head.committed = body["version"]
        head.version, head.time = max(head.version, head.committed), max(head.time, body["time"])
        tables.by_stream.setdefault(seen.stream, []).append(seen)


def _decisions(tables: Tables, decisions: Sequence[CommittedDecision]) -> None:
    done = {row.decision for row in decisions}
    void = {row.decision for row in decisions if row.void}
    for row in decisions:
        name = (row.tenant, row.command)
        known = tables.outcomes.get(name)
        if not row.void and (known is None or known.status != "committed"):
            tables.outcomes[name] = Outcome(row.request, "committed", row.decision, row.streams)
            tables.attested[name] = None
        tables.intents.pop(row.decision, None)
    for name, outcome in tables.outcomes.items():
        if outcome.status == "decided" and outcome.decision in void:
            tables.outcomes[name] = Outcome(outcome.request, "refused", outcome.decision, problem=VOID_PROBLEM)
        elif outcome.status == "decided" and outcome.decision in done:
            tables.outcomes[name] = Outcome(outcome.request, "committed", outcome.decision, outcome.streams)
    tables.pending = {place: row for place, row in tables.pending.items() if row[2] not in done}
