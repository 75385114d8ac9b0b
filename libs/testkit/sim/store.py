"""The Store port over a simulated schema: transactions that commit or do nothing; their answer may be lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Literal

from libs.kernel.envelope import Decision
from libs.kernel.errors import Conflict, NotReady
from libs.ledger.codec import encode_run
from libs.ports import (
    Committing,
    Deciding,
    DueRow,
    Life,
    LifeChanged,
    Outcome,
    Position,
    RunOfIntents,
    StoreUnreachable,
)
from libs.testkit.sim.schema import IntentRow, SimSchema, StreamRow, Tables, Transaction
from libs.testkit.sim.transactions import SimCommitting, SimDeciding
from libs.testkit.sim.world import Node


def _away() -> StoreUnreachable:
    return StoreUnreachable("the simulated store did not answer")


class SimStore:
    """A node's connection to its service's schema; see the port."""

    def __init__(self, schema: SimSchema, node: Node) -> None:
        self._schema, self._node, self._world = schema, node, schema.world
        self._epoch: int | None = None

    @property
    def _tables(self) -> Tables:
        return self._schema.tables

    def _same_life(self) -> int | None:
        """The present epoch; raises LifeChanged when this process knew another."""
        epoch = self._tables.epoch
        if self._epoch is not None and epoch != self._epoch:
            raise LifeChanged("another life of this service began, or its schema was emptied")
        self._epoch = epoch
        return epoch

    async def _commit(self, transaction: Transaction, point: str) -> None:
        await self._node.ask(point, _away())
        if transaction.stale:
            raise LifeChanged("the schema was emptied under the transaction")
        self._same_life()
        transaction.commit()
        await self._node.answer(point, _away())

    @asynccontextmanager
    async def deciding(self, tenant: str, lane: int, keys: Sequence[str]) -> AsyncIterator[Deciding]:
        """See Store.deciding."""
        await self._node.ask("store.deciding", _away())
        transaction = Transaction(self._schema, self._node)
        try:
            if self._epoch is None and self._tables.epoch is None:
                raise NotReady("the service is being rebuilt from the ledger")
            self._same_life()
            if not all(self._tables.settled.values()):
                raise NotReady("the markers of this life are not attested yet")
            for key in sorted(set(keys)):
                await transaction.lock(f"key {key}")
            yield SimDeciding(self._schema, self._node, transaction, tenant, lane)
            await self._commit(transaction, "store.decide")
        finally:
            transaction.end()
        self._schema.signal("intents")

    @asynccontextmanager
    async def committing(self) -> AsyncIterator[Committing]:
        """See Store.committing."""
        await self._node.ask("store.committing", _away())
        self._same_life()
        transaction = Transaction(self._schema, self._node)
        try:
            yield SimCommitting(self._schema, self._node, transaction)
            await self._commit(transaction, "store.commit")
        finally:
            transaction.end()
        self._schema.signal("commits")

    @asynccontextmanager
    async def relay_lock(self, lane: int) -> AsyncIterator[bool]:
        """See Store.relay_lock; the session that holds it may be lost without the relay's notice."""
        await self._node.ask("store.relay_lock", _away())
        relays = self._schema.relays
        holder = relays.get(lane)
        mine = holder is None or not holder.alive
        if mine:
            relays[lane] = self._node
        if mine and self._world.chance(self._world.rates.late):
            lost_s = self._world.random.uniform(0, 20)
            asyncio.get_running_loop().call_later(lost_s, self._lose_relay, lane)
        try:
            yield mine
        finally:
            if mine:
                self._lose_relay(lane)

    def _lose_relay(self, lane: int) -> None:
        if self._schema.relays.get(lane) is self._node:
            del self._schema.relays[lane]

    async def number(self, lane: int, most_decisions: int, most_bytes: int) -> RunOfIntents | None:
        """See Store.number; what a former life numbered and never got attested is numbered anew."""
        await self._node.ask("store.number", _away())
        epoch, tables = self._same_life(), self._tables
        if epoch is None or not tables.settled.get(lane):
            return None
        taken: list[IntentRow] = []
        size = 0
        for row in tables.intents.values():
            if row.lane != lane or row.epoch == epoch:
                continue
            size += len(encode_run(self._schema.service, lane, epoch, 1, [row.decision]))
            if taken and (size > most_bytes or len(taken) == most_decisions):
                break
            taken.append(row)
        if not taken:
            return None
        first = tables.next_seq[lane]
        for at, row in enumerate(taken):
            row.epoch, row.seq, row.run = epoch, first + at, first
        tables.next_seq[lane] = first + len(taken)
        await self._node.answer("store.number", _away())
        return RunOfIntents(lane, epoch, first, [row.decision for row in taken])

    async def numbered(self, lane: int, after: int, most_runs: int) -> list[RunOfIntents]:
        """See Store.numbered."""
        await self._node.ask("store.numbered", _away())
        epoch = self._same_life()
        runs: dict[int, list[Decision]] = {}
        mine = [r for r in self._tables.intents.values() if r.lane == lane and r.epoch == epoch]
        for row in sorted(mine, key=lambda r: r.seq or 0):
            if row.run is not None and row.run > after:
                runs.setdefault(row.run, []).append(row.decision)
        return [RunOfIntents(lane, epoch or 0, first, runs[first]) for first in sorted(runs)[:most_runs]]

    async def oldest(self, lane: int) -> tuple[int, int] | None:
        """See Store.oldest."""
        runs = await self.numbered(lane, 0, 1)
        return (runs[0].epoch, runs[0].first) if runs else None

    async def backlog(self) -> tuple[int, datetime | None]:
        """See Store.backlog."""
        await self._node.ask("store.backlog", _away())
        times = [row.stored_at for row in self._tables.intents.values()]
        return len(times), min(times, default=None)

    async def outcomes(self, tenant: str, commands: Sequence[str], *, final: bool = False) -> dict[str, Outcome]:
        """See Store.outcomes."""
        await self._node.ask("store.outcomes", _away())
        found = {command: self._tables.outcomes.get((tenant, command)) for command in commands}
        wanted = ("committed", "refused") if final else ("running", "decided", "committed", "refused")
        return {command: outcome for command, outcome in found.items() if outcome and outcome.status in wanted}

    async def life(self) -> Life | None:
        """See Store.life."""
        await self._node.ask("store.life", _away())
        tables = self._tables
        if tables.epoch is None:
            return None
        return Life(tables.epoch, all(tables.settled.values()), len(tables.settled))

    async def begin_life(self, epoch: int, markers: Mapping[int, Decision]) -> None:
        """See Store.begin_life; raises Conflict when another process began this or a later life."""
        await self._node.ask("store.begin_life", _away())
        tables = self._tables
        if tables.epoch is not None and tables.epoch >= epoch:
            raise Conflict("another process began this life")
        self._epoch = tables.epoch = epoch
        tables.next_seq, tables.settled = dict.fromkeys(markers, 2), dict.fromkeys(markers, False)
        for lane, marker in markers.items():
            event = marker.events[0]
            for former in [p[2] for place, p in tables.pending.items() if place[0] == event.stream]:
                # A marker of a life that never settled gives way to this one.
                tables.intents.pop(former, None)
            tables.pending = {place: row for place, row in tables.pending.items() if place[0] != event.stream}
            head = tables.streams.setdefault(event.stream, StreamRow(marker.tenant, 0, 0, marker.time))
            head.version = event.version
            tables.pending[(event.stream, event.version)] = (event.type, event.data, marker.id)
            tables.intents[marker.id] = IntentRow(marker, lane, self._world.now(), epoch, 1, 1)
        await self._node.answer("store.begin_life", _away())

    async def due(self, now: datetime, most: int) -> list[DueRow]:
        """See Store.due."""
        await self._node.ask("store.due", _away())
        rows = [row for row, done in self._tables.due.values() if not done and row.at <= now]
        return sorted(rows, key=lambda row: row.at)[:most]

    async def due_done(self, rows: Sequence[DueRow]) -> None:
        """See Store.due_done."""
        await self._node.ask("store.due_done", _away())
        for row in rows:
            key = (row.cause, row.kind, row.at)
            if key in self._tables.due:
                self._tables.due[key] = (row, True)

    async def positions(self, consumer: str) -> dict[int, Position]:
        """See Store.positions."""
        await self._node.ask("store.positions", _away())
        self._same_life()
        return {lane: at for (name, lane), at in self._tables.positions.items() if name == consumer}

    async def move(self, consumer: str, lane: int, position: Position) -> None:
        """See Store.move."""
        await self._node.ask("store.move", _away())
        self._same_life()
        self._tables.move({(consumer, lane): position})
        await self._node.answer("store.move", _away())

    async def prepare(self) -> None:
        """Bring the schema to its newest form: there is nothing to do."""
        self._node.check()

    def begin_anew(self) -> None:
        """Forget which life this process knew."""
        self._epoch = None

    def signal(self, name: Literal["intents", "commits"]) -> SimSignal:
        """See Store.signal."""
        return SimSignal(self._schema, self._node, name)


class SimSignal:
    """See Signal; it may be missed."""

    def __init__(self, schema: SimSchema, node: Node, name: str) -> None:
        self._schema, self._node, self._name = schema, node, name

    async def wait(self, timeout_s: float) -> None:
        """See Signal.wait."""
        self._node.check()
        await self._schema.signalled(self._name, timeout_s)
        self._node.check()
