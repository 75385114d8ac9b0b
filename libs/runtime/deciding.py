"""Deciding: load, fold, decide, store intents; many commands of a lane to one transaction (W-1 … W-6)."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog

from libs.kernel.decider import Reference
from libs.kernel.errors import (
    BacklogFull,
    CartularyError,
    Conflict,
    IdempotencyMismatch,
    InvalidValue,
    NotReady,
)
from libs.kernel.ids import uuid7
from libs.kernel.keyed import KeyedHashes
from libs.kernel.streams import STREAM_PARTS, key_of, lane_of_stream
from libs.observe import metrics
from libs.ports import Clock, Deciding, KeyedClaim, LifeChanged, Outcome, Privacy, Ring, Store
from libs.rules.four_eyes import Rules
from libs.runtime.planning import EMPTY, Folded, Plan, Planner, Request

log = structlog.get_logger(__name__)

MAX_GROUP = 256
MAX_CACHED_STREAMS = 50_000
MAX_ATTEMPTS = 8


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
        privacy: Privacy | None = None,
    ) -> None:
        self._store, self._rules, self._clock = store, rules, clock
        self._planner = Planner(rules, keyed, new_id)
        self._privacy = privacy
        self._lanes, self._backlog_limit = lanes, backlog_limit
        self._queues: list[asyncio.Queue[tuple[Request, asyncio.Future[Outcome]]]] = [
            asyncio.Queue() for _ in range(lanes)
        ]
        self._folded: OrderedDict[str, Folded] = OrderedDict()
        self._full = False
        self._running = False

    async def submit(self, request: Request) -> Outcome:
        """Decide the command: what became of it so far, `refused` included.

        Raises NotReady, BacklogFull, IdempotencyMismatch, CheckUnavailable, StoreUnreachable, InvalidValue.
        """
        streams = request.streams
        if len({key_of(stream) for stream in streams}) != 1:
            raise InvalidValue("the streams of a decision share one key (W-2)", field="streams", value=streams)
        if not self._running:
            raise NotReady("the service is starting")
        if self._full:
            raise BacklogFull(f"more than {self._backlog_limit} decisions wait for the ledger")
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._queues[lane_of_stream(streams[0], self._lanes)].put_nowait((request, future))
        return await future

    async def run(self) -> None:
        """Decide until cancelled, or until another life began; whoever still waits then gets NotReady."""
        self._running = True
        try:
            async with asyncio.TaskGroup() as group:
                for lane in range(self._lanes):
                    group.create_task(self._decide_lane(lane))
                group.create_task(self._watch_backlog())
        finally:
            self._running = False
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
                metrics.BACKLOG.labels(self._rules.service).set(waiting)
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
            try:
                await self._decide_group(lane, group)
            except BaseException:
                if carried is not None:
                    _turn_away([carried[1]])
                raise

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
        except Exception as error:  # noqa: BLE001 (whatever it was, every caller of the group hears it)
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
                    for stream in request.streams:
                        self._folded.pop(stream, None)
                log.info("decision_lost_a_race", lane=lane, attempt=attempt, reason=conflict.detail)
                attempt += 1

    async def _transaction(self, lane: int, requests: list[Request]) -> dict[str, Outcome | Exception]:
        keys = sorted({key_of(request.streams[0]) for request in requests})
        ring = await self._ring(requests)
        async with self._store.deciding(requests[0].tenant, lane, keys) as tx:
            known = await tx.begin([request.key for request in requests])
            results: dict[str, Outcome | Exception] = {
                r.key.command: outcome for r, outcome in zip(requests, known, strict=True) if outcome
            }
            fresh = [r for r, outcome in zip(requests, known, strict=True) if outcome is None]
            plan = Plan()
            if fresh:
                plan = await self._plan_group(tx, fresh, ring)
                if self._privacy is not None and ring is not None:
                    await self._privacy.keep(ring)
                await tx.store(plan.intents, plan.settled, list(plan.failed))
        if ring is None:
            # With personal values nothing is remembered: what is clear lives no longer than its decision.
            self._remember(plan.streams)
        self._count(plan, len(requests))
        return {**results, **plan.outcomes, **plan.settled, **plan.failed}

    def _count(self, plan: Plan, commands: int) -> None:
        service = self._rules.service
        metrics.GROUP.labels(service).observe(commands)
        for outcome, count in (
            ("decided", len(plan.outcomes)),
            ("settled", len(plan.settled)),
            ("failed", len(plan.failed)),
        ):
            metrics.DECIDED.labels(service, outcome).inc(count)

    async def _ring(self, requests: Iterable[Request]) -> Ring | None:
        """The keys of the data subjects of these commands; None in a service without personal values."""
        if self._privacy is None:
            return None
        request, *_ = requests = list(requests)
        streams = {stream for request in requests for stream in request.streams}
        subjects = {key_of(stream) for stream in streams if stream.count("/") == STREAM_PARTS - 1}
        return await self._privacy.ring(request.tenant, subjects)

    async def _plan_group(self, tx: Deciding, fresh: list[Request], ring: Ring | None) -> Plan:
        unreadable: dict[str, Exception] = {}
        loaded = await self._load(tx, {s for request in fresh for s in request.streams}, ring, unreadable)
        # A person whose key is lost, or whose events were altered, keeps no other of the group waiting.
        failed = {r.key.command: unreadable[s] for r in fresh for s in r.streams if s in unreadable}
        fresh = [request for request in fresh if request.key.command not in failed]
        rows, unavailable = await self._references(tx, fresh)
        held: set[KeyedClaim] = set()
        while True:
            plan = self._planner.plan(fresh, loaded, rows, unavailable, held, ring)
            lost = await tx.held(sorted(plan.claims)) if plan.claims else set()
            if not lost:
                plan.failed |= failed
                return plan
            held |= lost

    async def _load(
        self, tx: Deciding, streams: set[str], ring: Ring | None, unreadable: dict[str, Exception]
    ) -> dict[str, Folded]:
        """The streams folded; those that do not open are put into `unreadable`, with why."""
        known = {stream: self._folded.get(stream, EMPTY) for stream in sorted(streams)}
        out = {}
        for stream, loaded in (await tx.load({s: folded.version for s, folded in known.items()})).items():
            state = known[stream].state
            try:
                for version, (type_name, data) in enumerate(loaded.events, loaded.version - len(loaded.events) + 1):
                    clear = ring.open(data, type_name, stream, version) if ring is not None else data
                    state = self._rules.evolve(state, self._rules.catalogue.parse(type_name, clear))
            except Conflict:
                raise
            except CartularyError as error:
                unreadable[stream] = error
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

    def _remember(self, streams: Mapping[str, Folded]) -> None:
        for stream, folded in streams.items():
            self._folded[stream] = folded
            self._folded.move_to_end(stream)
        while len(self._folded) > MAX_CACHED_STREAMS:
            self._folded.popitem(last=False)


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
