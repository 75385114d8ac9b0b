"""Relaying: number a service's decisions and publish them as signed runs, again when need be (W-7, W-8)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import orjson
import structlog

from libs.kernel.errors import CartularyError
from libs.ledger.codec import encode_run
from libs.ledger.record import MalformedRecord, decode_gap
from libs.observe import metrics
from libs.observe.spans import stage
from libs.ports import (
    GAPS_TOPIC,
    INTENTS_TOPIC,
    Bus,
    Clock,
    LifeChanged,
    Message,
    Outgoing,
    RunOfIntents,
    Store,
)

log = structlog.get_logger(__name__)

MOST_DECISIONS = 500
MOST_BYTES = 250_000
RUNS_AT_ONCE = 20
IDLE_WAIT_S = 0.5
STALL_FIRST_S = 5.0
STALL_MOST_S = 60.0

Seal = Callable[[int, bytes], bytes]
At = Callable[[str], Awaitable[None]]


async def nowhere(point: str) -> None:
    """The default crash point: none."""


class Relay:
    """Publishes one service's intents; `seal(lane, run)` signs a run with the service's key."""

    def __init__(
        self, service: str, store: Store, bus: Bus, clock: Clock, seal: Seal, *, lanes: int, at: At = nowhere
    ) -> None:
        self.service, self.store, self.bus, self.clock = service, store, bus, clock
        self.seal, self.lanes, self.at = seal, lanes, at

    async def run(self) -> None:
        """Relay every lane until cancelled."""
        async with asyncio.TaskGroup() as group:
            for lane in range(self.lanes):
                group.create_task(self._hold_lane(lane))

    async def _hold_lane(self, lane: int) -> None:
        while True:
            try:
                async with self.store.relay_lock(lane) as mine:
                    if mine:
                        await _Lane(self, lane).run()
            except LifeChanged:
                raise
            except CartularyError as error:
                log.warning("relay_waits", service=self.service, lane=lane, code=error.code, reason=error.detail)
            await self.clock.sleep(IDLE_WAIT_S)


class _Lane:
    """The one relay of a lane, while it holds the lock."""

    def __init__(self, relay: Relay, lane: int) -> None:
        self._lane, self._seal, self._at, self._clock = lane, relay.seal, relay.at, relay.clock
        self._service, self._store, self._bus = relay.service, relay.store, relay.bus
        self._generation = ""
        self._signal = self._store.signal("intents")
        self._waiting_for: tuple[int, int] | None = None
        self._stalled_at = 0.0
        self._stall_s = STALL_FIRST_S

    async def run(self) -> None:
        """Publish what an earlier holder may have left, then number and publish until something fails."""
        self._generation = await self._bus.generation(INTENTS_TOPIC)
        gaps = await self._bus.reader(GAPS_TOPIC, self._lane)
        looked_at = self._clock.monotonic()
        try:
            await self._publish_again("relay_started", after=0)
            while True:
                run = await self._store.number(self._lane, MOST_DECISIONS, MOST_BYTES)
                if run is not None:
                    await self._at("relay.numbered")
                    await self._publish([run])
                if self._clock.monotonic() - looked_at >= IDLE_WAIT_S:
                    looked_at = self._clock.monotonic()
                    await self._look_around(await gaps.next(0))
                if run is None:
                    await self._signal.wait(IDLE_WAIT_S)
        finally:
            await gaps.close()

    async def _look_around(self, reports: list[Message]) -> None:
        generation = await self._bus.generation(INTENTS_TOPIC)
        if generation != self._generation:
            self._generation = generation
            await self._publish_again("topic_is_new", after=0)
        await self._answer_gaps(reports)
        await self._look_for_stall()

    async def _publish(self, runs: list[RunOfIntents]) -> None:
        began_ns = int(self._clock.now().timestamp() * 1e9)
        records = [self._record(run) for run in runs]
        await self._bus.publish(INTENTS_TOPIC, self._lane, records)
        decisions = [decision for run in runs for decision in run.decisions]
        metrics.RELAYED.labels(self._service, self._lane).inc(len(decisions))
        stage("relay", (d.traceparent for d in decisions if d.traceparent), began_ns, lane=self._lane)
        await self._at("relay.published")

    def _record(self, run: RunOfIntents) -> Outgoing:
        blob = encode_run(self._service, run.lane, run.epoch, run.first, run.decisions)
        traces = {decision.id: decision.traceparent for decision in run.decisions if decision.traceparent}
        headers = {"traceparents": orjson.dumps(traces)} if traces else {}
        return Outgoing(self._service.encode(), self._seal(run.lane, blob), headers)

    async def _publish_again(self, reason: str, after: int) -> None:
        """W-8: everything above the mark, in order, with the boundaries that it had."""
        while runs := await self._store.numbered(self._lane, after, RUNS_AT_ONCE):
            metrics.RELAYED_AGAIN.labels(self._service, reason).inc(len(runs))
            log.info("runs_published_again", service=self._service, lane=self._lane, why=reason, first=runs[0].first)
            await self._publish(runs)
            after = runs[-1].first + len(runs[-1].decisions) - 1

    async def _answer_gaps(self, messages: list[Message]) -> None:
        """Attestation holds a run whose forerunner it never saw: send from there."""
        have: int | None = None
        for message in messages:
            try:
                report = decode_gap(message.value)
            except MalformedRecord as error:
                log.error("gap_report_set_aside", lane=self._lane, offset=message.offset, reason=error.detail)
                continue
            if report.service == self._service:
                have = report.have
        if have is not None:
            await self._publish_again("gap_reported", after=have)

    async def _look_for_stall(self) -> None:
        """Nothing moves for a while: publish again, with backoff."""
        first = await self._store.oldest(self._lane)
        now = self._clock.monotonic()
        if first != self._waiting_for:
            self._waiting_for, self._stalled_at, self._stall_s = first, now, STALL_FIRST_S
        elif first is not None and now - self._stalled_at >= self._stall_s:
            self._stalled_at, self._stall_s = now, min(self._stall_s * 2, STALL_MOST_S)
            await self._publish_again("nothing_moves", after=0)
