"""A simulated world for attestation alone: chain, broker, instances of the service, and services' relays by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from libs.kernel.envelope import Actor, AttestedEvent, Decision, EventEntry
from libs.kernel.ids import uuid7
from libs.kernel.time import to_wire
from libs.ledger.batch import BatchLimits
from libs.ledger.client import LaneSigner
from libs.ledger.codec import encode_run
from libs.ledger.hashing import genesis_head
from libs.ledger.opening import open_batch
from libs.ledger.record import decode_gap, decode_record, encode_traces, seal_run
from libs.ports import GAPS_TOPIC, INTENTS_TOPIC, LEDGER_TOPIC, BusUnreachable, Outgoing
from libs.testkit.sim.bus import SimBroker
from libs.testkit.sim.chain import SimChain
from libs.testkit.sim.clock import SimClock
from libs.testkit.sim.world import QUIET, Node, Rates, World
from services.attestation.cloudevents import topic_of
from services.attestation.instance import Attestation
from services.attestation.parts import Knobs

TOPICS = (INTENTS_TOPIC, LEDGER_TOPIC, GAPS_TOPIC, topic_of("orders"), topic_of("funds"))
KNOBS = Knobs(BatchLimits(events=40, age_s=0.1), in_flight=4, poll_s=0.1, idle_s=0.2, busy_s=0.1)


def decision(world: World, number: int, events: int = 2) -> Decision:
    """A decision with so many events on one stream of its own."""
    now = world.now() + timedelta(microseconds=number)
    identity = str(uuid7(now, world.random.getrandbits))
    entries = tuple(
        EventEntry("orders.OrderPlaced.v1", f"orders/LU1/order/{identity}", version, {"units": f"{number}.000"})
        for version in range(1, events + 1)
    )
    actor = Actor("sub-7", "dealer")
    return Decision(identity, to_wire(now), "tenant-1", actor, None, identity, "c" * 64, "r" * 64, entries)


class Scene:
    """Everything that outlives a process, and what the tests do to it."""

    def __init__(self, seed: int, *, lanes: int = 1, rates: Rates = QUIET) -> None:
        self.world = World(seed, rates)
        self.chain, self.broker = SimChain(self.world, lanes), SimBroker(self.world, lanes, TOPICS)
        identity = self.chain.identity
        self.signers = {lane: LaneSigner(bytes([lane + 1]) * 32, identity) for lane in range(lanes)}
        for lane, signer in self.signers.items():
            self.chain.grant(lane, signer.address)
        self.keys: dict[str, Ed25519PrivateKey] = {}
        self.instances: dict[str, Attestation] = {}
        self.nodes: dict[str, Node] = {}

    def genesis(self, lane: int) -> bytes:
        """The lane's genesis head."""
        return genesis_head(self.chain.identity.chain_id, self.chain.identity.contract, lane)

    def mine(self) -> asyncio.Task[None]:
        """Blocks from now on."""
        return asyncio.get_running_loop().create_task(self.chain.mine(), name="chain")

    def producer(self, service: str) -> Relay:
        """A registered service and its relay."""
        key = self.keys.setdefault(service, Ed25519PrivateKey.from_private_bytes(service.encode().ljust(32, b".")))
        self.chain.register(service, key.public_key().public_bytes_raw())
        return Relay(self, service, key)

    def start(self, name: str, **changes: Any) -> Attestation:
        """A life of an instance of attestation."""
        node = self.nodes[name] = self.world.node(name)
        ledger, bus = self.chain.ledger(node), self.broker.bus(node)
        at: Callable[[str], Awaitable[None]] = node.at
        instance = Attestation(name, ledger, bus, SimClock(node), self.signers, **{"knobs": KNOBS, "at": at, **changes})
        self.instances[name] = instance
        node.start(instance.run(), "run")
        return instance

    def bring_back(self, name: str, **changes: Any) -> None:
        """Whenever the instance crashed, start it again a moment later."""

        async def watch() -> None:
            while True:
                if not self.nodes[name].alive:
                    await asyncio.sleep(self.world.random.uniform(0.1, 2.0))
                    self.start(name, **changes)
                await asyncio.sleep(0.1)

        asyncio.get_running_loop().create_task(watch(), name=f"supervisor of {name}")

    def published(self, lane: int = 0) -> list[AttestedEvent]:
        """The attested log as a consumer folds it: repeats ignored, links checked, every batch opened (W-14)."""
        events: list[AttestedEvent] = []
        head, following = self.genesis(lane), 1
        for message in self.broker.topics[LEDGER_TOPIC].lanes[lane]:
            place, payload = decode_record(message.value)
            if place.first + place.count <= following:
                continue
            assert (place.first, place.previous_head) == (following, head)
            events += open_batch(place, payload)
            head, following = place.head, place.first + place.count
        return events

    async def until(self, done: Callable[[], bool], within_s: float = 120.0) -> None:
        """Let the world go on until it is so."""
        async with asyncio.timeout(within_s):
            while not done():  # noqa: ASYNC110 — anything in the world may change, by virtual time
                await asyncio.sleep(0.1)


class _Steady(Node):
    """A node that never crashes: what the tests do by hand goes on."""

    async def at(self, point: str) -> None:
        """A point where another node might crash."""
        self.check()


class Relay:
    """A service's runs, published by hand; `answer_gaps` behaves as the runtime's relay does (W-8)."""

    def __init__(self, scene: Scene, service: str, key: Ed25519PrivateKey, epoch: int = 1) -> None:
        self.scene, self.service, self.key, self.epoch = scene, service, key, epoch
        self.decisions: dict[int, list[Decision]] = {}
        self.runs: dict[int, list[Outgoing]] = {}
        self.node = _Steady(scene.world, f"relay of {service}", 1)
        self.bus = scene.broker.bus(self.node)

    def run(self, lane: int = 0, decisions: int = 3, events: int = 2) -> Outgoing:
        """The next run, remembered and not published."""
        known = self.decisions.setdefault(lane, [])
        fresh = [decision(self.scene.world, len(known) + n, events) for n in range(decisions)]
        blob = encode_run(self.service, lane, self.epoch, len(known) + 1, fresh)
        known += fresh
        traces = encode_traces({one.id: f"00-{one.id.replace('-', '')}-{'1' * 16}-01" for one in fresh})
        record = Outgoing(self.service.encode(), seal_run(self.key, self.scene.genesis(lane), blob), traces)
        self.runs.setdefault(lane, []).append(record)
        return record

    async def publish(self, *records: Outgoing, lane: int = 0) -> None:
        """Publish until the bus has taken all of it."""
        while True:
            try:
                await self.bus.publish(INTENTS_TOPIC, lane, records)
                return
            except BusUnreachable:
                await asyncio.sleep(0.2)

    def answer_gaps(self, lane: int = 0) -> None:
        """From now on, publish everything past what attestation reports to have; and everything now and then."""

        async def answer() -> None:
            reader = await self.bus.reader(GAPS_TOPIC, lane)
            quiet_s = 0.0
            while True:
                try:
                    messages = await reader.next(0.5)
                except BusUnreachable:
                    continue
                quiet_s = 0.0 if messages else quiet_s + 0.5
                if quiet_s > 5.0 or any(decode_gap(m.value).service == self.service for m in messages):
                    quiet_s = 0.0
                    await self.publish(*self.runs.get(lane, []), lane=lane)

        self.node.start(answer(), "gaps")

    def expected(self, lane: int = 0) -> list[tuple[str, int]]:
        """(decision id, index) of everything that was decided, in order."""
        return [(d.id, n) for d in self.decisions.get(lane, []) for n in range(len(d.events))]


def attested(events: list[AttestedEvent], service: str) -> list[tuple[str, int]]:
    """(decision id, index) of a service's events, in ledger order."""
    return [(e.body["decision"]["id"], e.body["decision"]["index"]) for e in events if e.service == service]
