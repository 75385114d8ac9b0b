"""Deciding: load, fold, decide, store intents; many commands of a lane to one transaction (W-1 … W-6)."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import structlog

from libs.kernel.canonical import canonical
from libs.kernel.decider import Command, Reference
from libs.kernel.envelope import Actor, Decision, EventEntry
from libs.kernel.errors import (
    AlreadyExists,
    BacklogFull,
    CartularyError,
    Conflict,
    DecisionTooLarge,
    IdempotencyMismatch,
    InvalidValue,
    NotReady,
)
from libs.kernel.ids import uuid7
from libs.kernel.streams import key_of, lane_of_stream
from libs.kernel.time import to_wire
from libs.runtime.four_eyes import Rules
from libs.runtime.keyed import KeyedHashes
from libs.runtime.ports import Clock, CommandKey, Deciding, Intent, KeyedClaim, LifeChanged, Outcome, Status, Store

log = structlog.get_logger(__name__)

MAX_GROUP = 256
MAX_DECISION_EVENTS = 500
MAX_DECISION_BYTES = 200_000
MAX_CACHED_STREAMS = 50_000
MAX_ATTEMPTS = 8


@dataclass(frozen=True, slots=True)
class Request:
    """A command with who sent it and what identifies it; `causation` and `correlation` are ids in text."""

    command: Command
    tenant: str
    actor: Actor
    key: CommandKey
    causation: str | None = None
    correlation: str | None = None
    traceparent: str | None = None


class Folded(NamedTuple):
    """A stream as far as it is decided: version, last time on the wire, state, its newest decision while pending."""

    version: int
    time: str
    state: Any
    pending: str | None


_EMPTY = Folded(0, "", None, None)


@dataclass(slots=True)
class _Plan:
    """What a group of commands comes to, before anything is stored."""

    intents: list[Intent] = field(default_factory=list)
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    settled: dict[str, Outcome] = field(default_factory=dict)
    failed: dict[str, BaseException] = field(default_factory=dict)
    streams: dict[str, Folded] = field(default_factory=dict)
    claims: set[KeyedClaim] = field(default_factory=set)


class DecideLoop:
    """One per process: commands of a lane are decided in order, and in groups while they wait."""

    def __init__(
        self,
        store: Store,
        rules: Rules,
        clock: Clock,
        keyed: KeyedHashes,
        *,
        lanes: int,
        backlog_limit: int = 200_000,
        new_id: Callable[[datetime], UUID] = uuid7,
    ) -> None:
        self._store, self._rules, self._clock, self._keyed = store, rules, clock, keyed
        self._lanes, self._backlog_limit, self._new_id = lanes, backlog_limit, new_id
        self._queues: list[asyncio.Queue[tuple[Request, asyncio.Future[Outcome]]]] = [
            asyncio.Queue() for _ in range(lanes)
        ]
        self._folded: OrderedDict[str, Folded] = OrderedDict()
        self._full = False

    async def submit(self, request: Request) -> Outcome:
        """Decide the command: what became of it so far, `refused` included.

        Raises NotReady, BacklogFull, IdempotencyMismatch, CheckUnavailable, StoreUnreachable, InvalidValue.
        """
        streams = request.command.streams()
        if len({key_of(stream) for stream in streams}) != 1:
            raise InvalidValue("the streams of a decision share one key (W-2)", field="streams", value=streams)
        if self._full:
            raise BacklogFull(f"more than {self._backlog_limit} decisions wait for the ledger")
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._queues[lane_of_stream(streams[0], self._lanes)].put_nowait((request, future))
        return await future

    async def run(self) -> None:
        """Decide until cancelled, or until another life of the service began (LifeChanged): then start anew (W-21)."""
        try:
            async with asyncio.TaskGroup() as group:
                for lane in range(self._lanes):
                    group.create_task(self._decide_lane(lane))
                group.create_task(self._watch_backlog())
        finally:
            for queue in self._queues:
                _turn_away(queue.get_nowait()[1] for _ in range(queue.qsize()))

    async def _watch_backlog(self) -> None:
        while True:
            try:
                waiting, _ = await self._store.backlog()
            except LifeChanged:
                raise
            except CartularyError as error:
                log.warning("backlog_unknown", reason=error.detail)
            else:
                self._full = waiting > self._backlog_limit
            await self._clock.sleep(0.5)

    async def _decide_lane(self, lane: int) -> None:
        queue = self._queues[lane]
        carried: tuple[Request, asyncio.Future[Outcome]] | None = None
        while True:
            group = [carried or await queue.get()]
            carried = None
            while len(group) < MAX_GROUP and not queue.empty():
                following = queue.get_nowait()
                if following[0].tenant != group[0][0].tenant:
                    carried = following
                    break
                group.append(following)
            await self._decide_group(lane, group)

    async def _decide_group(self, lane: int, group: list[tuple[Request, asyncio.Future[Outcome]]]) -> None:
        by_command: dict[str, Request] = {}
        over: LifeChanged | None = None
        for request, _ in group:
            by_command.setdefault(request.key.command, request)
        try:
            decided = await self._attempts(lane, list(by_command.values()))
        except asyncio.CancelledError:
            _turn_away(future for _, future in group)
            raise
        except Exception as error:
            self._folded.clear()
            decided = dict.fromkeys(by_command, error)
            over = error if isinstance(error, LifeChanged) else None
        for request, future in group:
            if not future.done():
                _settle(future, request, decided[request.key.command])
        if over is not None:
            raise over

    async def _attempts(self, lane: int, requests: list[Request]) -> dict[str, Outcome | Exception]:
        attempt = 1
        while True:
            try:
                return await self._transaction(lane, requests)
            except Conflict as conflict:
                if attempt == MAX_ATTEMPTS:
                    raise
                for request in requests:
                    for stream in request.command.streams():
                        self._folded.pop(stream, None)
                log.info("decision_lost_a_race", lane=lane, attempt=attempt, reason=conflict.detail)
                attempt += 1

    async def _transaction(self, lane: int, requests: list[Request]) -> dict[str, Outcome | Exception]:
        keys = sorted({key_of(request.command.streams()[0]) for request in requests})
        async with self._store.deciding(requests[0].tenant, lane, keys) as tx:
            known = await tx.begin([request.key for request in requests])
            results: dict[str, Outcome | Exception] = {
                r.key.command: outcome for r, outcome in zip(requests, known, strict=True) if outcome
            }
            fresh = [r for r, outcome in zip(requests, known, strict=True) if outcome is None]
            plan = _Plan()
            if fresh:
                plan = await self._plan_group(tx, fresh)
                await tx.store(plan.intents, plan.settled, list(plan.failed))
        self._remember(plan.streams)
        return {**results, **plan.outcomes, **plan.settled, **plan.failed}  # type: ignore[dict-item]

    async def _plan_group(self, tx: Deciding, fresh: list[Request]) -> _Plan:
        loaded = await self._load(tx, {s for request in fresh for s in request.command.streams()})
        rows, unavailable = await self._references(tx, fresh)
        held: set[KeyedClaim] = set()
        while True:
            plan = self._plan(fresh, loaded, rows, unavailable, held)
            lost = await tx.held(sorted(plan.claims)) if plan.claims else set()
            if not lost:
                return plan
            held |= lost

    async def _load(self, tx: Deciding, streams: set[str]) -> dict[str, Folded]:
        known = {stream: self._folded.get(stream, _EMPTY) for stream in sorted(streams)}
        out = {}
        for stream, loaded in (await tx.load({s: folded.version for s, folded in known.items()})).items():
            state = known[stream].state
            for type_name, data in loaded.events:
                state = self._rules.evolve(state, self._rules.catalogue.parse(type_name, data))
            out[stream] = Folded(loaded.version, loaded.time, state, loaded.pending)
        return out

    async def _references(
        self, tx: Deciding, fresh: list[Request]
    ) -> tuple[dict[str, dict[Reference, Mapping[str, Any] | None]], CartularyError | None]:
        wanted = [(r.key.command, reference) for r in fresh for reference in r.command.references()]
        if not wanted:
            return {}, None
        try:
            rows = await tx.rows([reference for _, reference in wanted], self._clock.now())
        except CartularyError as error:
            return {}, error
        found: dict[str, dict[Reference, Mapping[str, Any] | None]] = {}
        for (command, reference), row in zip(wanted, rows, strict=True):
            found.setdefault(command, {})[reference] = row
        return found, None

    def _plan(
        self,
        fresh: Sequence[Request],
        loaded: Mapping[str, Folded],
        rows: Mapping[str, dict[Reference, Mapping[str, Any] | None]],
        unavailable: CartularyError | None,
        held: set[KeyedClaim],
    ) -> _Plan:
        plan = _Plan(streams=dict(loaded))
        for request in fresh:
            name = request.key.command
            try:
                if unavailable and request.command.references():
                    raise unavailable
                command = request.command.given(rows[name]) if name in rows else request.command
                self._plan_one(plan, request, command, held)
            except CartularyError as refusal:
                if refusal.status >= 500:
                    plan.failed[name] = refusal
                else:
                    problem = refusal.as_problem()
                    plan.settled[name] = Outcome(request.key.request, "refused", problem=problem)
            except Exception as error:
                log.exception("decide_failed", command=type(request.command).__name__)
                plan.failed[name] = error
        return plan

    def _plan_one(self, plan: _Plan, request: Request, command: Command, held: set[KeyedClaim]) -> None:
        streams = command.streams()
        events = self._rules.decide(command, {stream: plan.streams[stream].state for stream in streams})
        if not events:
            target = plan.streams[streams[0]]
            status: Status = "decided" if target.pending else "committed"
            plan.settled[request.key.command] = Outcome(
                request.key.request, status, target.pending, tuple((s, plan.streams[s].version) for s in streams)
            )
            return
        decision_id = str(self._new_id(command.now))
        touched, entries = dict[str, Folded](), list[EventEntry]()
        time = max([to_wire(command.now), *(plan.streams[stream].time for stream in streams)])
        for event in events:
            stream = event.stream()
            before = touched.get(stream) or plan.streams[stream]
            after = Folded(before.version + 1, time, self._rules.evolve(before.state, event), decision_id)
            touched[stream] = after
            entries.append(EventEntry(event.type_name(), stream, after.version, event.data()))
        claims = tuple(self._keyed.claim(request.tenant, claim) for event in events for claim in event.claims())
        for claim in claims:
            if claim in held or claim in plan.claims:
                raise AlreadyExists(f"this {claim.kind} is taken", field=claim.kind)
        decision = Decision(
            decision_id, time, request.tenant, request.actor, request.causation, request.correlation or decision_id,
            request.key.command, request.key.request, tuple(entries), request.traceparent,
        )  # fmt: skip
        _check_size(decision)
        plan.streams.update(touched)
        plan.claims.update(claims)
        plan.intents.append(Intent(decision, claims))
        versions = tuple((stream, folded.version) for stream, folded in touched.items())
        plan.outcomes[request.key.command] = Outcome(request.key.request, "decided", decision_id, versions)

    def _remember(self, streams: Mapping[str, Folded]) -> None:
        for stream, folded in streams.items():
            self._folded[stream] = folded
            self._folded.move_to_end(stream)
        while len(self._folded) > MAX_CACHED_STREAMS:
            self._folded.popitem(last=False)


def _check_size(decision: Decision) -> None:
    """W-6: a decision that could not fit a batch is refused when it is decided."""
    size = len(canonical([[entry.type, entry.stream, entry.data] for entry in decision.events]))
    if len(decision.events) > MAX_DECISION_EVENTS or size > MAX_DECISION_BYTES:
        raise DecisionTooLarge(f"at most {MAX_DECISION_EVENTS} events and {MAX_DECISION_BYTES} bytes", value=size)


def _turn_away(futures: Iterable[asyncio.Future[Outcome]]) -> None:
    """Whoever still waits is told to come again: the key resolves whatever was decided meanwhile (W-1)."""
    for future in futures:
        if not future.done():
            future.set_exception(NotReady("the service ends or starts anew; send it again with the same key"))


def _settle(future: asyncio.Future[Outcome], request: Request, result: Outcome | Exception) -> None:
    if isinstance(result, Exception):
        future.set_exception(result)
    elif result.request != request.key.request:
        future.set_exception(IdempotencyMismatch("this Idempotency-Key came with another request before"))
    else:
        future.set_result(result)
