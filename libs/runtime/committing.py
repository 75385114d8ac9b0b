"""Committing: the owner applies its attested events to its own schema, with its position, at once (W-15, W-17)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog

from libs.kernel.decider import Command
from libs.kernel.envelope import AttestedEvent
from libs.kernel.errors import CartularyError
from libs.kernel.events import Event
from libs.kernel.keyed import KeyedHashes
from libs.ledger.port import LedgerReader
from libs.observe import metrics
from libs.observe.spans import stage
from libs.ports import (
    Bus,
    Clock,
    Commit,
    CommittedDecision,
    Committing,
    DueRow,
    KeyedClaim,
    Position,
    Store,
)
from libs.ports.changes import Change, Projection
from libs.rules.four_eyes import Rules
from libs.rules.records import CursorAdvanced, EpochBegun
from libs.runtime.log import Attested, AttestedLog
from libs.runtime.relay import nowhere

log = structlog.get_logger(__name__)

CONSUMER = "commit"
MOST_EVENTS = 5_000
IDLE_S = 5.0
RETRY_S = 0.5
LEVEL_EVERY_S = 5.0
LOOK_S = 1.0

Projections = Mapping[str, Projection]


@dataclass(slots=True)
class _Work:
    """What a commit comes to while its batches are read."""

    places: list[Any] = field(default_factory=list)
    events: list[tuple[AttestedEvent, bool]] = field(default_factory=list)
    decisions: list[CommittedDecision] = field(default_factory=list)
    claims: list[tuple[str, str, KeyedClaim, bool]] = field(default_factory=list)
    changes: list[tuple[str, Change]] = field(default_factory=list)
    due: list[DueRow] = field(default_factory=list)
    markers: list[tuple[int, int]] = field(default_factory=list)
    cursors: dict[tuple[str, int], Position] = field(default_factory=dict)
    positions: dict[int, Position] = field(default_factory=dict)


class Committer:
    """One per service: all lanes, one transaction for whatever has come.

    `projections` are keyed by event type without its version (`funds.UmbrellaRegistered`); those of other services'
    events keep the reference tables (W-24) and read the event through `messages`.
    """

    def __init__(
        self,
        store: Store,
        rules: Rules,
        bus: Bus,
        node: LedgerReader,
        clock: Clock,
        keyed: KeyedHashes,
        projections: Projections,
        *,
        lanes: int,
        foreign: Mapping[str, Callable[[str, dict[str, Any]], Event]] | None = None,
        at: Callable[[str], Awaitable[None]] = nowhere,
    ) -> None:
        self._store, self._rules, self._bus, self._node, self._clock = store, rules, bus, node, clock
        self._keyed, self._projections, self._lanes = keyed, projections, lanes
        self._foreign, self._at = foreign or {}, at
        # Rows that commands are decided by come from other services, or from another lane of this one (W-3, W-24).
        asked = any(kind.references is not Command.references for kind in rules.decider.commands.values())
        self._levels = bool(foreign) or asked
        self._came: asyncio.Queue[Attested] = asyncio.Queue(maxsize=64)
        self.behind = 0

    async def run(self) -> None:
        """Commit until cancelled; starts again from the stored positions after a failure."""
        while True:
            try:
                await self._run_once()
            except* CartularyError as errors:
                for error in errors.exceptions:
                    log.warning("commit_waits", service=self._rules.service, reason=str(error))
                if errors.subgroup(lambda e: getattr(e, "code", "") == "life-changed"):
                    raise
            await self._clock.sleep(RETRY_S)

    async def _run_once(self) -> None:
        self._came = asyncio.Queue(maxsize=64)
        positions = await self._store.positions(CONSUMER)
        async with asyncio.TaskGroup() as group:
            for lane in range(self._lanes):
                group.create_task(self._read(lane, positions.get(lane)))
            group.create_task(self._commit_all())

    async def _read(self, lane: int, position: Position | None) -> None:
        attested = AttestedLog(self._bus, self._node, self._clock, lane, position)
        try:
            for batch in await attested.missed():
                await self._came.put(batch)
            while True:
                batches = await attested.next(IDLE_S) or await attested.missed()
                for batch in batches:
                    await self._came.put(batch)
        finally:
            await attested.close()

    async def _commit_all(self) -> None:
        level_at = self._clock.monotonic()
        while True:
            batches: list[Attested] = []
            try:
                async with asyncio.timeout(LOOK_S):
                    batches.append(await self._came.get())
            except TimeoutError:
                # Nothing comes: only a look tells that the schema was emptied, and this role brings it back (W-21).
                await self._store.positions(CONSUMER)
            while not self._came.empty() and sum(len(b.events) for b in batches) < MOST_EVENTS:
                batches.append(self._came.get_nowait())
            self.behind = self._came.qsize()
            level = self._levels and self._came.empty() and self._clock.monotonic() - level_at >= LEVEL_EVERY_S
            if level:
                level_at = self._clock.monotonic()
            if batches or level:
                await self.commit(batches, level=level)

    async def commit(self, batches: Sequence[Attested], *, level: bool = False) -> None:
        """Commit these batches in one transaction; those that an earlier, unanswered commit wrote are left out."""
        began, began_ns = self._clock.monotonic(), int(self._clock.now().timestamp() * 1e9)
        async with self._store.committing() as tx:
            have = await tx.positions(CONSUMER)
            fresh = [b for b in batches if b.place.first >= have.get(b.place.lane, Position(1, b"", 0)).sequence]
            await self._at("commit.read")
            work = await self._work(tx, fresh)
            level_at = self._clock.now() if level else None
            if fresh or level:
                await tx.apply(CONSUMER, Commit(
                    work.positions, work.places, work.events, work.decisions, work.claims, work.changes, work.due,
                    work.markers, work.cursors, level_at,
                ))  # fmt: skip
            await self._at("commit.applied")
        self._observe(work, began, began_ns)
        await self._at("commit.committed")

    def _observe(self, work: _Work, began: float, began_ns: int) -> None:
        service = self._rules.service
        metrics.COMMIT_S.labels(service).observe(self._clock.monotonic() - began)
        metrics.COMMITTED.labels(service).inc(len(work.events))
        if work.places:
            metrics.COMMIT_LAG_S.labels(service).set(self._clock.now().timestamp() - work.places[-1].block_time)
        stage("commit", (d.traceparent for d in work.decisions if d.traceparent), began_ns, service=service)

    async def _work(self, tx: Committing, batches: Iterable[Attested]) -> _Work:
        work, service = _Work(), self._rules.service
        batches = list(batches)
        own = {
            event.body["stream"]
            for batch in batches
            for event in batch.events
            if event.body["producer"]["service"] == service
        }
        committed = await tx.committed(sorted(own)) if own else {}
        for batch in batches:
            work.positions[batch.place.lane] = batch.after
            events, at, decided = batch.events, 0, len(work.decisions)
            while at < len(events):
                head = events[at].body
                group = events[at : at + head["decision"]["count"]]
                if head["producer"]["service"] == service:
                    self._own_decision(work, committed, group, batch.traceparents)
                else:
                    self._foreign_events(work, group)
                at += len(group)
            if len(work.decisions) > decided:
                work.places.append(batch.place)
        return work

    def _own_decision(
        self, work: _Work, committed: dict[str, int], events: list[AttestedEvent], traces: Mapping[str, str]
    ) -> None:
        """One decision, whole (invariant 12): void when one of its versions stood already (W-21)."""
        head = events[0].body
        void, versions = False, dict[str, int]()
        for seen in events:
            stream, version = seen.body["stream"], seen.body["version"]
            void = void or version <= committed.get(stream, 0)
            versions[stream] = version
        decision = head["decision"]["id"]
        work.decisions.append(
            CommittedDecision(
                decision, head["tenant"], head["command"], head["request"], tuple(versions.items()), void,
                traces.get(decision),
            )
        )  # fmt: skip
        work.events.extend([(event, void) for event in events])
        parsed = [self._rules.catalogue.parse(seen.body["type"], seen.body["data"]) for seen in events]
        # A marker settles its lane even when the former life's, late, took its version: it is there, and that counts.
        work.markers.extend([(event.epoch, event.lane) for event in parsed if isinstance(event, EpochBegun)])
        if void:
            log.error("decision_void", decision=decision, streams=list(versions))
            return
        committed.update(versions)
        for event, seen in zip(parsed, events, strict=True):
            self._fold_event(work, event, seen)

    def _fold_event(self, work: _Work, event: Event, seen: AttestedEvent) -> None:
        tenant, stream = seen.body["tenant"], seen.body["stream"]
        for claim in event.claims():
            work.claims.append((tenant, stream, self._keyed.claim(tenant, claim), True))
        for claim in event.releases():
            work.claims.append((tenant, stream, self._keyed.claim(tenant, claim), False))
        for due in event.due():
            work.due.append(DueRow(seen.id, due.kind, due.at, tenant, stream, due.payload))
        if isinstance(event, CursorAdvanced):
            position = Position(event.sequence, bytes.fromhex(event.head), event.block)
            work.cursors[(event.consumer, event.lane)] = position
        if projection := self._projections.get(seen.body["type"].rpartition(".v")[0]):
            for change in projection(event, seen):
                work.changes.append((tenant, change))

    def _foreign_events(self, work: _Work, events: list[AttestedEvent]) -> None:
        for seen in events:
            stem = seen.type.rpartition(".v")[0]
            if (projection := self._projections.get(stem)) and (parse := self._foreign.get(seen.service)):
                event = parse(seen.type, seen.body["data"])
                work.changes.extend((seen.tenant, change) for change in projection(event, seen))
