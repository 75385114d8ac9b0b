"""The durable half of the simulated store: a service's tables, locks and signals; it outlives every node."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from libs.kernel.envelope import AttestedEvent, BatchPlace, Decision
from libs.ports import DueRow, Outcome, Position, StoreUnreachable
from libs.ports.changes import Add, Change, Drop
from libs.testkit.sim.world import Node, World

_LOCK_WAIT_S = 5.0

Row = dict[str, Any]


class ConstraintViolatedError(Exception):
    """A unique constraint or a foreign key refuses the transaction; the write path must never cause it."""


@dataclass(slots=True)
class StreamRow:
    """A stream's head: `version` counts pending intents in, `committed` does not."""

    tenant: str
    version: int
    committed: int
    time: str


@dataclass(slots=True)
class IntentRow:
    """A decision on its way; `run` is the first number of the run that carries it."""

    decision: Decision
    lane: int
    stored_at: datetime
    epoch: int | None = None
    seq: int | None = None
    run: int | None = None


@dataclass
class Tables:
    """Everything that a schema holds."""

    epoch: int | None = None
    level_at: datetime | None = None
    next_seq: dict[int, int] = field(default_factory=dict)
    settled: dict[int, bool] = field(default_factory=dict)
    streams: dict[str, StreamRow] = field(default_factory=dict)
    outcomes: dict[tuple[str, str], Outcome] = field(default_factory=dict)
    intents: dict[str, IntentRow] = field(default_factory=dict)
    pending: dict[tuple[str, int], tuple[str, Row, str]] = field(default_factory=dict)
    batches: dict[tuple[int, int], BatchPlace] = field(default_factory=dict)
    events: dict[tuple[int, int], tuple[AttestedEvent, bool]] = field(default_factory=dict)
    by_stream: dict[str, list[AttestedEvent]] = field(default_factory=dict)
    claims: dict[tuple[str, str, str], dict[str, None]] = field(default_factory=dict)
    due: dict[tuple[str, str, datetime], tuple[DueRow, bool]] = field(default_factory=dict)
    positions: dict[tuple[str, int], Position] = field(default_factory=dict)
    read: dict[str, dict[tuple[str, ...], Row]] = field(default_factory=dict)
    attested: dict[tuple[str, str], None] = field(default_factory=dict)

    def move(self, moves: Mapping[tuple[str, int], Position]) -> None:
        """Move positions forward, never back."""
        for key, position in moves.items():
            known = self.positions.get(key)
            if known is None or known.sequence < position.sequence:
                self.positions[key] = position

    def change(self, tenant: str, change: Change) -> None:
        """Apply one change of a read table."""
        table = self.read.setdefault(change.table, {})
        key = (tenant, *(str(value) for value in change.key.values()))
        if isinstance(change, Drop):
            table.pop(key, None)
            return
        row = table.setdefault(key, {"tenant": tenant, **change.key})
        values = change.deltas if isinstance(change, Add) else change.values
        for column, value in values.items():
            row[column] = row.get(column, 0) + value if isinstance(change, Add) else value


class Transaction:
    """Staged writes and the locks held; all at the end, or nothing."""

    def __init__(self, schema: SimSchema, node: Node) -> None:
        self._schema, self._generation = schema, schema.generation
        self.writes: list[Callable[[Tables], None]] = []
        self._locks: list[str] = []
        self._node = node
        node.on_crash.append(self.end)

    @property
    def stale(self) -> bool:
        """Whether the schema was emptied meanwhile."""
        return self._schema.generation != self._generation

    async def lock(self, name: str) -> None:
        """Take a lock that lasts until the end; raises StoreUnreachable when it cannot be had in time."""
        if name in self._locks:
            return
        until = self._schema.world.elapsed() + _LOCK_WAIT_S
        while name in self._schema.locks:
            self._node.check()
            left_s = until - self._schema.world.elapsed()
            if left_s <= 0:
                raise StoreUnreachable("a lock did not come free in time", field="lock", value=name)
            await self._schema.unlocked(left_s)
        self._node.check()
        self._schema.locks[name] = self
        self._locks.append(name)

    def commit(self) -> None:
        """Write everything that was staged."""
        try:
            for write in self.writes:
                write(self._schema.tables)
        except ConstraintViolatedError as error:
            self._schema.world.violations.append(str(error))
            raise
        self.end()

    def end(self) -> None:
        """Give every lock back; what was not committed is gone."""
        self.writes = []
        for name in self._locks:
            self._schema.locks.pop(name, None)
        self._locks = []
        self._schema.tell_unlocked()


class SimSchema:
    """One service's schema."""

    def __init__(self, world: World, service: str, lanes: int) -> None:
        self.world, self.service, self.lanes = world, service, lanes
        self.generation = 1
        self.tables = Tables()
        self.locks: dict[str, Any] = {}
        self.relays: dict[int, Any] = {}
        self._waiting: dict[str, dict[asyncio.Future[None], None]] = {}

    def empty(self) -> None:
        """Everything of it is lost."""
        self.generation += 1
        self.tables = Tables()
        self.world.note(self.service, "schema emptied")

    async def unlocked(self, wait_s: float) -> None:
        """Wait until some lock is given back."""
        await self.signalled("unlocked", wait_s)

    def tell_unlocked(self) -> None:
        """Wake whoever waits for a lock."""
        self.signal("unlocked", sure=True)

    async def signalled(self, name: str, wait_s: float) -> None:
        """Wait for a signal, at most that long."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting = self._waiting.setdefault(name, {})
        waiting[future] = None
        try:
            async with asyncio.timeout(wait_s):
                await future
        except TimeoutError:
            return
        finally:
            waiting.pop(future, None)

    def signal(self, name: str, *, sure: bool = False) -> None:
        """Wake whoever waits; a signal may be missed, but not a lock's release."""
        for future in list(self._waiting.get(name, ())):
            if not future.done() and (sure or not self.world.chance(self.world.rates.lagging)):
                future.set_result(None)

    def digest(self) -> str:
        """A hash of all that a replay rebuilds: events, streams, claims, due work, read tables, commands."""
        return hashlib.sha256(orjson.dumps(self.state(), default=str, option=orjson.OPT_SORT_KEYS)).hexdigest()

    def state(self) -> dict[str, Any]:
        """What the digest is made of, by part."""
        tables = self.tables
        return {
            "events": [[*place, seen.raw.decode(), void] for place, (seen, void) in sorted(tables.events.items())],
            "streams": [[n, r.tenant, r.committed] for n, r in sorted(tables.streams.items()) if r.committed],
            "claims": [[*name, sorted(holders)] for name, holders in sorted(tables.claims.items()) if holders],
            "due": sorted([c, k, a.isoformat(), r.payload] for (c, k, a), (r, _) in tables.due.items()),
            "read": [[n, [rows[k] for k in sorted(rows)]] for n, rows in sorted(tables.read.items()) if rows],
            "commands": [
                [
                    *name,
                    tables.outcomes[name].request,
                    tables.outcomes[name].decision,
                    tables.outcomes[name].streams,
                ]
                for name in sorted(tables.attested)
            ],
        }
