"""One instance: shares the lanes with other instances and runs a worker for each that is held."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import structlog

from libs.ledger.client import LaneSigner
from libs.ledger.port import Ledger
from libs.ports import INTENTS_TOPIC, Bus, BusUnreachable, Clock, Membership
from services.attestation.cloudevents import CloudEvents, Prepare
from services.attestation.health import Health
from services.attestation.intake import Registry
from services.attestation.lane import Lane
from services.attestation.metrics import Metrics
from services.attestation.parts import GROUP, At, Knobs, Parts, nowhere
from services.attestation.watcher import Watcher

log = structlog.get_logger(__name__)

LOOK_S = 0.1


class Attestation:
    """One instance of the service; `instance` is its static name in the consumer group.

    `cloud_events` makes a topic before it is written (W-16); None publishes no CloudEvents.
    """

    def __init__(
        self,
        instance: str,
        ledger: Ledger,
        bus: Bus,
        clock: Clock,
        signers: Mapping[int, LaneSigner],
        *,
        knobs: Knobs | None = None,
        metrics: Metrics | None = None,
        at: At = nowhere,
        cloud_events: Prepare | None = None,
    ) -> None:
        self.instance, self.health = instance, Health()
        knobs = knobs or Knobs()
        watcher = Watcher(ledger, clock, self.health, knobs.poll_s)
        self._parts = Parts(
            ledger, bus, clock, signers, Registry(ledger, clock), watcher, self.health, metrics or Metrics(), knobs, at
        )  # fmt: skip
        self._cloud_events = cloud_events
        self._held: frozenset[int] = frozenset()
        self._lanes: dict[int, asyncio.Task[None]] = {}
        self._publishers: dict[int, asyncio.Task[None]] = {}
        self._stopping = False

    @property
    def metrics(self) -> Metrics:
        """The instance's metrics."""
        return self._parts.metrics

    @property
    def lanes(self) -> frozenset[int]:
        """The lanes held at this moment."""
        return self._held

    def stop(self) -> None:
        """Take nothing new in, publish what is in flight, leave the group; `run` then returns."""
        self._stopping = True

    async def run(self) -> None:
        """Attest until `stop`, or until cancelled (which leaves everything as a crash would)."""
        async with asyncio.TaskGroup() as group:
            watcher = group.create_task(self._parts.watcher.run())
            membership = await self._join()
            try:
                while not self._stopping:
                    await self._look(membership, group)
                    await self._parts.clock.sleep(LOOK_S)
                while any(not task.done() for task in self._lanes.values()):
                    self._held = await self._held_now(membership)
                    await self._parts.clock.sleep(LOOK_S)
            finally:
                self._held = frozenset()
                await membership.leave()
            watcher.cancel()

    async def _join(self) -> Membership:
        while True:
            try:
                return await self._parts.bus.join(GROUP, INTENTS_TOPIC, self.instance)
            except BusUnreachable as away:
                log.warning("group_not_joined", instance=self.instance, reason=away.detail)
                await self._parts.clock.sleep(1.0)

    async def _held_now(self, membership: Membership) -> frozenset[int]:
        try:
            return await membership.lanes()
        except BusUnreachable as away:
            # Held until somebody else is known to hold it: the contract is the fence, not the group (W-10).
            log.warning("group_not_reached", instance=self.instance, reason=away.detail)
            return self._held

    async def _look(self, membership: Membership, group: asyncio.TaskGroup) -> None:
        """Take up what was assigned; what was taken away ends by itself, before its next send."""
        held = await self._held_now(membership)
        if held != self._held:
            log.info("lanes_held", instance=self.instance, lanes=sorted(held))
        self._held = held
        for lane in held & self._parts.signers.keys():
            if lane not in self._lanes or self._lanes[lane].done():
                self._lanes[lane] = group.create_task(self._lane(lane).run())
            if self._cloud_events is not None and (lane not in self._publishers or self._publishers[lane].done()):
                self._publishers[lane] = group.create_task(self._publisher(lane).run())
        for lane in held - self._parts.signers.keys():
            self.health.lane(lane, "halted", "no signing key for this lane is configured (CARTULARY_LANE_KEY_<n>)")

    def _lane(self, lane: int) -> Lane:
        return Lane(lane, self._parts, lambda: self._held, lambda: self._stopping)

    def _publisher(self, lane: int) -> CloudEvents:
        parts, prepare = self._parts, self._cloud_events
        assert prepare is not None

        def held() -> bool:
            return lane in self._held and not self._stopping

        return CloudEvents(lane, parts.ledger, parts.bus, parts.clock, held, prepare)
