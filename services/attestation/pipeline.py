"""A lane from one reading of the contract to the next: runs in, batches out, blocks settle them, the bus hears."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import structlog

from libs.kernel.errors import CartularyError
from libs.ledger.batch import BatchBuilder, RunTooLarge
from libs.ledger.port import LaneState, LedgerUnreachable
from libs.ledger.record import encode_gap, lane_key
from libs.observe.spans import stage
from libs.ports import GAPS_TOPIC, INTENTS_TOPIC, LEDGER_TOPIC, BusUnreachable, LaneReader, Message, Outgoing
from services.attestation.flights import Flight, Flights
from services.attestation.health import WAYS_OUT
from services.attestation.intake import Intake, LaneHalted
from services.attestation.parts import GROUP, Parts
from services.attestation.recovery import lane_genesis, outgoing, recover
from services.attestation.watcher import Watch

log = structlog.get_logger(__name__)

_MESSAGES = 50
# What one turn opens at most, so that the other lanes and the next block are not kept waiting.
_EVENTS_AT_ONCE = 4_000


class BeginAgain(Exception):
    """The lane must be read again from the contract."""


class Pipeline:
    """The lane from one reading of the contract to the next."""

    def __init__(
        self, lane: int, parts: Parts, held: Callable[[], frozenset[int]], stopping: Callable[[], bool]
    ) -> None:
        self._lane, self._parts, self._held, self._stopping = lane, parts, held, stopping
        self._genesis = lane_genesis(parts.ledger.identity, lane)
        self._signer = parts.signers[lane]
        self._watch: Watch = parts.watcher.watch(lane, self._signer.address)
        self._builder = BatchBuilder(parts.knobs.limits)
        self._unread: deque[Message] = deque()
        self._read_to: int | None = None
        self._reader: LaneReader | None = None
        self._halted: str | None = None
        self._again_at = 0.0
        self._proof: tuple[int, int] | None = None  # the sender's next nonce, and a height at which it is known
        self._away: str | None = None
        self.attested = 0

    async def begin(self) -> None:
        """Bring the bus level with the chain, then read head, nonce and marks from the contract (W-9, W-12)."""
        parts, lane = self._parts, self._lane
        await parts.registry.refresh()
        self._published: LaneState = await recover(parts.ledger, parts.bus, lane, parts.registry.keys)
        state = await parts.ledger.lane(lane)
        if state != self._published:
            raise BeginAgain("the lane moved while it was read")
        self._next, self._head = state
        nonce = await parts.ledger.nonce(self._signer.address)
        self._flights = Flights(lane, parts.ledger, self._signer, parts.watcher, nonce)
        self._intake = Intake(
            lane, self._genesis, parts.registry, lambda service: parts.ledger.mark(lane, service),
            self._note_set_aside, parts.knobs.passed_over,
        )  # fmt: skip
        hint = await parts.bus.hint(GROUP, INTENTS_TOPIC, lane)
        self._reader = await parts.bus.reader(INTENTS_TOPIC, lane, hint)
        log.info("lane_begun", lane=lane, next=state.next, nonce=nonce, offset=hint)

    async def run(self) -> None:
        """Turn until the lane is lost or the stop is done; raises BeginAgain when a batch failed."""
        while self._is_held():
            if self._stopping() and not len(self._flights):
                return
            self._away = None
            await self._settle()
            await self._offer()
            await self._publish()
            await self._take_in()
            await self._report()
            if self._flights.over:
                raise BeginAgain(self._flights.broken or "")
        log.warning("lane_lost", lane=self._lane, in_flight=len(self._flights))

    def _is_held(self) -> bool:
        return self._lane in self._held()

    async def end(self) -> None:
        """Give reader and watch back."""
        self._parts.watcher.end(self._watch)
        if self._reader is not None:
            await self._reader.close()

    # --- runs come in -------------------------------------------------------------------------------------------------

    async def _take_in(self) -> None:
        """Read the next intents, and wait here when there is nothing to do."""
        knobs, clock = self._parts.knobs, self._parts.clock
        wait_s = knobs.busy_s if len(self._flights) or len(self._builder) else knobs.idle_s
        if self._flights.attested():
            wait_s = 0.0  # more is to be published
        full = len(self._builder) >= knobs.in_flight * knobs.limits.events
        if self._stopping() or self._halted or self._flights.broken or full:
            await clock.sleep(wait_s)
            return
        assert self._reader is not None
        if self._unread:
            await clock.sleep(0)
        else:
            try:
                self._unread.extend(await self._reader.next(wait_s, _MESSAGES))
            except BusUnreachable as away:
                self._wait_for(away)
                await clock.sleep(knobs.idle_s)
        enough = len(self._builder) + knobs.limits.events
        while self._unread and len(self._builder) < enough:
            message = self._unread[0]
            try:
                for run in await self._intake.receive(message, clock.monotonic()):
                    self._builder.add(run)
            except LedgerUnreachable as away:
                self._wait_for(away)
                return
            except (LaneHalted, RunTooLarge) as why:
                self._halted = why.detail
                where = {"lane": self._lane, "offset": message.offset}
                log.critical("lane_halted", **where, reason=why.detail, ways_out=WAYS_OUT)
                return
            self._unread.popleft()
            self._read_to = message.offset + 1

    def _note_set_aside(self, why: str) -> None:
        self._parts.health.set_aside[why] += 1
        self._parts.metrics.set_aside.labels(self._lane, why).inc()

    # --- batches go out -----------------------------------------------------------------------------------------------

    async def _offer(self) -> None:
        """Build what is due and send it, in nonce order, while the lane is held."""
        for flight in self._flights.unoffered():
            if not await self._send(flight):
                return
        clock, knobs = self._parts.clock, self._parts.knobs
        gas = knobs.flight_gas // max(1, len(self._held()))
        while self._flights.has_room(knobs.in_flight, gas) and not self._flights.broken:
            if not self._builder.due(clock.monotonic() - self._patience_s()) or not self._is_held():
                return
            batch = self._builder.build(self._lane, self._next, self._head)
            await self._parts.at("attest.built")
            flight = self._flights.add(batch)
            self._next, self._head = batch.next, batch.head
            self._observe(flight)
            if not await self._send(flight):
                return

    def _patience_s(self) -> float:
        # The more places are taken, the longer a batch collects: 16 of them at 30 ms last 1.4 s, a block and more.
        knobs = self._parts.knobs
        return 4 * knobs.limits.age_s * len(self._flights.unsettled) / knobs.in_flight

    async def _send(self, flight: Flight) -> bool:
        if not self._is_held() or self._parts.clock.monotonic() < self._again_at:
            return False
        if not await self._flights.offer(flight):
            self._again_at = self._parts.clock.monotonic() + self._parts.knobs.idle_s
            return False
        await self._parts.at("attest.sent")
        return True

    # --- blocks settle them -------------------------------------------------------------------------------------------

    async def _settle(self) -> None:
        """Look at the new blocks; offer again what no block took for a while (W-11, quirk 3)."""
        if self._watch.missed:
            raise BeginAgain("the lane stood still for too many blocks")
        height, blocks = self._parts.watcher.height, self._watch.take()
        for block in blocks:
            self._flights.see(block, self._signer.address)
        if self._proof is not None and height >= self._proof[1]:
            self._flights.see_nonce(self._proof[0])
            self._proof = None
        if blocks:
            await self._offer_again()

    async def _offer_again(self) -> None:
        """The same bytes once more for a nonce that is free; a used one is proven when its block was looked at."""
        stale = self._flights.stale(self._parts.knobs.offer_again_blocks)
        if not stale:
            return
        try:
            nonce = await self._parts.ledger.nonce(self._signer.address)
            self._proof = nonce, await self._parts.ledger.height()
        except LedgerUnreachable as away:
            self._wait_for(away)
            return
        for flight in stale:
            if flight.nonce >= nonce and self._is_held():
                log.warning("batch_offered_again", lane=self._lane, first=flight.batch.first, nonce=flight.nonce)
                self._parts.metrics.offered_again.labels(self._lane).inc()
                if not await self._flights.offer(flight):
                    return

    # --- the bus hears of it ------------------------------------------------------------------------------------------

    async def _publish(self) -> None:
        """Publish, in lane order, what was mined: read back from the block and hashed again (W-12)."""
        ready = self._flights.attested(_EVENTS_AT_ONCE)
        if not ready:
            return
        await self._parts.at("attest.mined")
        records: list[Outgoing] = []
        state = self._published
        for flight in ready:
            traces = {k: v for run in flight.batch.runs for k, v in run.traces.items()}
            batch = flight.read_back()
            records.append(outgoing(batch, state, self._parts.registry.keys, self._genesis, traces))
            state = LaneState(batch.place.first + batch.place.count, batch.place.head)
        try:
            await self._parts.bus.publish(LEDGER_TOPIC, self._lane, records)
        except BusUnreachable as away:
            self._wait_for(away)
            await self._parts.clock.sleep(self._parts.knobs.idle_s)
            return  # they stay in flight and are published at the next turn
        await self._parts.at("attest.published")
        self._published = state
        self._flights.forget(len(ready))
        self.attested += len(ready)
        self._observe_published(ready)
        if not self._flights.attested():
            await self._leave_hint()

    async def _leave_hint(self) -> None:
        """Where a new holder may begin to read: nothing below is outstanding (W-9)."""
        outstanding = [*self._flights.offsets(), *self._builder.offsets(), *self._intake.offsets()]
        hint = min(outstanding) if outstanding else self._read_to
        if hint is None:
            return
        try:
            await self._parts.bus.leave_hint(GROUP, INTENTS_TOPIC, self._lane, hint)
        except BusUnreachable as away:
            self._wait_for(away)

    async def _report(self) -> None:
        """Ask the relays for what is missing, and say how the lane is."""
        metrics, health = self._parts.metrics, self._parts.health
        metrics.in_flight.labels(self._lane).set(len(self._flights))
        metrics.waiting.labels(self._lane).set(len(self._builder))
        metrics.blocks_behind.labels(self._lane).set(self._flights.blocks_behind)
        for report in self._intake.gap_reports(self._parts.clock.monotonic()):
            log.warning("gap_reported", lane=self._lane, service=report.service, epoch=report.epoch, have=report.have)
            metrics.gaps.labels(self._lane).inc()
            try:
                record = Outgoing(lane_key(self._lane), encode_gap(report))
                await self._parts.bus.publish(GAPS_TOPIC, self._lane, [record])
            except BusUnreachable as away:
                self._wait_for(away)
        waiting_for = self._intake.waiting_for()
        if self._halted:
            health.lane(self._lane, "halted", f"{self._halted}. {WAYS_OUT}")
        elif self._flights.broken:
            health.lane(self._lane, "rebuilding", f"{self._flights.broken}; waiting for the nonces behind it")
        elif self._away:
            health.lane(self._lane, "away", self._away)
        elif waiting_for:
            health.lane(self._lane, "gap", f"waiting for the relay of {', '.join(waiting_for)}")
        else:
            health.lane(self._lane, "stopping" if self._stopping() else "attesting")

    def _wait_for(self, away: CartularyError) -> None:
        if self._away is None:
            log.warning("lane_waits", lane=self._lane, code=away.code, reason=away.detail)
        self._away = away.detail

    def _observe(self, flight: Flight) -> None:
        metrics, batch = self._parts.metrics, flight.batch
        age_s = self._parts.clock.monotonic() - batch.runs[0].read_at
        metrics.batch_events.labels(self._lane).observe(batch.count)
        metrics.batch_bytes.labels(self._lane).observe(len(batch.calldata))
        metrics.batch_age_s.labels(self._lane).observe(age_s)

    def _observe_published(self, flights: list[Flight]) -> None:
        metrics, now = self._parts.metrics, self._parts.clock.monotonic()
        for flight in flights:
            batch, lag_s = flight.batch, now - flight.batch.runs[0].read_at
            began_ns = int((self._parts.clock.now().timestamp() - lag_s) * 1e9)
            stage("attest", (trace for run in batch.runs for trace in run.traces.values()), began_ns, lane=self._lane)
            metrics.events.labels(self._lane).inc(batch.count)
            metrics.gas.labels(self._lane).inc(batch.gas)
            metrics.confirm_s.labels(self._lane).observe(lag_s)
            log.info("batch_attested", lane=self._lane, first=batch.first, count=batch.count,
                     transaction=flight.signed.hash.hex(), age_ms=round(lag_s * 1000))  # fmt: skip
