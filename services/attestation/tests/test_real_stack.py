"""Attestation on real parts: Kafka, an EVM chain, two instances that share the lanes."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from libs.adapters.clock import SystemClock
from libs.adapters.kafka.bus import KafkaBus
from libs.kernel.envelope import Actor, AttestedEvent, Decision, EventEntry
from libs.kernel.ids import uuid7
from libs.kernel.time import to_wire
from libs.ledger.batch import BatchLimits
from libs.ledger.client import ChainLedger, LaneSigner
from libs.ledger.codec import encode_run
from libs.ledger.deploy import deploy
from libs.ledger.hashing import genesis_head, keccak
from libs.ledger.keys import lane_key, producer_key
from libs.ledger.opening import ProducerKeys, open_batch
from libs.ledger.port import MinedTransaction
from libs.ledger.reader import confirm, history
from libs.ledger.record import decode_record, seal_run
from libs.ledger.rpc import RpcError
from libs.ports import INTENTS_TOPIC, LEDGER_TOPIC, Outgoing
from libs.stack.addresses import Addresses
from libs.testkit.prefixed import PrefixedBus
from services.attestation.cloudevents import topic_of
from services.attestation.instance import Attestation
from services.attestation.parts import Knobs

LANES = 2
KNOBS = Knobs(BatchLimits(events=50), in_flight=4)


class Fleet:
    """A contract and topics of their own on the session's stack, and instances of attestation."""

    def __init__(self, stack: Addresses, home: Path) -> None:
        self.urls, self.home = stack.ledger.split(","), home
        self.kafka = KafkaBus(stack.kafka)
        self.bus = PrefixedBus(self.kafka, f"t{secrets.token_hex(4)}-")
        self.decisions: dict[int, list[Decision]] = {}
        self.running: dict[str, tuple[Attestation, asyncio.Task[None], ChainLedger]] = {}

    async def open(self) -> None:
        """Deploy and create."""
        self.identity = await deploy(self.urls, self.home, self.home, lanes=LANES, producers=["orders"])
        self.key: Ed25519PrivateKey = producer_key(self.home, "orders")
        self.node = await self.ledger()
        await self.bus.ensure_topics(LANES, [topic_of("orders")])

    async def ledger(self) -> ChainLedger:
        """A connection of its own."""
        return await ChainLedger.connect(self.urls, self.identity.contract, self.identity.deployed_block)

    def genesis(self, lane: int) -> bytes:
        """The lane's genesis head."""
        return genesis_head(self.identity.chain_id, self.identity.contract, lane)

    async def publish(self, lane: int, runs: int, decisions: int = 5) -> None:
        """So many further runs of the lane."""
        known, records = self.decisions.setdefault(lane, []), []
        for _ in range(runs):
            fresh = [_decision() for _ in range(decisions)]
            blob = encode_run("orders", lane, 1, len(known) + 1, fresh)
            known += fresh
            records.append(Outgoing(b"orders", seal_run(self.key, self.genesis(lane), blob)))
        await self.bus.publish(INTENTS_TOPIC, lane, records)

    async def start(self, name: str) -> Attestation:
        """An instance by that name."""
        ledger = await self.ledger()
        signers = {lane: LaneSigner(lane_key(self.home, lane), self.identity) for lane in range(LANES)}
        instance = Attestation(name, ledger, self.bus, SystemClock(), signers, knobs=KNOBS, cloud_events=_made)
        self.running[name] = (instance, asyncio.create_task(instance.run()), ledger)
        return instance

    async def kill(self, name: str) -> None:
        """End it as a SIGKILL would: nothing is finished, nobody is told."""
        _, task, ledger = self.running.pop(name)
        task.cancel()
        await asyncio.wait([task])
        await ledger.close()

    async def published(self, lane: int) -> list[AttestedEvent]:
        """The attested log as a consumer folds it, every batch confirmed by the ledger (W-14, W-15)."""
        events: list[AttestedEvent] = []
        head, following = self.genesis(lane), 1
        keys = ProducerKeys(await self.node.producers())
        for message in await self.bus.tail(LEDGER_TOPIC, lane, 10_000):
            place, payload = decode_record(message.value)
            if place.first + place.count <= following:
                continue
            assert (place.first, place.previous_head) == (following, head)
            await confirm(self.node, [place])
            events += open_batch(place, payload, keys=keys, genesis_head=self.genesis(lane))
            head, following = place.head, place.first + place.count
        return events

    async def until_published(self) -> None:
        """Wait until every decision is in the attested log, once and in order."""
        want = {lane: [one.id for one in decisions] for lane, decisions in self.decisions.items()}
        async with asyncio.timeout(90):
            for lane, ids in want.items():
                while [event.body["decision"]["id"] for event in await self.published(lane)] != ids:
                    assert (await self.node.lane(lane)).next <= len(ids) + 1
                    await asyncio.sleep(0.1)

    async def close(self) -> None:
        """End everything."""
        for name in list(self.running):
            await self.kill(name)
        await self.node.close()
        await self.kafka.close()


async def _made(_: str) -> None:
    """The topics are there."""


def _decision() -> Decision:
    now = SystemClock().now()
    identity = str(uuid7(now))
    entry = EventEntry("orders.OrderPlaced.v1", f"orders/LU1/order/{identity}", 1, {"units": "1.000"})
    hashes = secrets.token_hex(32), secrets.token_hex(32)
    return Decision(identity, to_wire(now), "tenant-1", Actor("sub-7", "dealer"), None, identity, *hashes, (entry,))


async def _until(done: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not done():  # noqa: ASYNC110 — group membership sends no events
            await asyncio.sleep(0.05)


@pytest.fixture
async def fleet(stack: Addresses, tmp_path: Path) -> AsyncIterator[Fleet]:
    made = Fleet(stack, tmp_path)
    await made.open()
    yield made
    await made.close()


async def test_two_instances_share_the_lanes_and_killing_one_moves_its_lanes(fleet: Fleet) -> None:
    a, b = await fleet.start("a"), await fleet.start("b")
    await _until(lambda: len(a.lanes) == len(b.lanes) == 1 and a.lanes | b.lanes == {0, 1})
    for lane in range(LANES):
        await fleet.publish(lane, 20)
    await fleet.until_published()
    await fleet.kill("a")
    for lane in range(LANES):
        await fleet.publish(lane, 20)
    await fleet.until_published()
    assert b.lanes == {0, 1}
    want = {event.id for event in await fleet.published(0)}
    async with asyncio.timeout(60):
        while {m.headers["ce_id"].decode() for m in await fleet.bus.tail(topic_of("orders"), 0, 1_000)} != want:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    assert len(want) == 200


async def test_w10_a_stale_holder_that_wakes_up_writes_nothing(fleet: Fleet) -> None:
    a = await fleet.start("a")
    await _until(lambda: a.lanes == {0, 1})
    await fleet.publish(0, 10)
    await fleet.until_published()
    ledger, resumed, stale = fleet.running["a"][2], asyncio.Event(), list[bytes]()
    send = ledger.send

    async def paused(raw: bytes) -> None:
        stale.append(raw)
        await resumed.wait()
        await send(raw)

    ledger.send = paused  # type: ignore[method-assign]
    await fleet.publish(0, 1)
    await _until(lambda: bool(stale))
    # A second holder of the lane goes on from the contract while the first one sleeps.
    await fleet.publish(0, 10)
    other = ChainLedger(ledger.rpc, ledger.identity)
    signers = {lane: LaneSigner(lane_key(fleet.home, lane), fleet.identity) for lane in range(LANES)}
    bus = PrefixedBus(fleet.kafka, fleet.bus.prefix, group_prefix="other-")
    second = Attestation("b", other, bus, SystemClock(), signers, knobs=KNOBS)
    task = asyncio.create_task(second.run())
    await fleet.until_published()
    resumed.set()
    await fleet.publish(0, 10)
    await fleet.until_published()
    mined = {tx.hash for n in range(await other.height() + 1) for tx in await _transactions(other, n) if tx.batch}
    assert not mined & {keccak(raw) for raw in stale[:1]}
    second.stop()
    await task


async def _transactions(ledger: ChainLedger, number: int) -> list[MinedTransaction]:
    block = await ledger.block(number)
    return list(block.transactions) if block is not None else []


async def test_w12_the_bus_tail_is_recovered_from_the_chain_and_history_agrees(fleet: Fleet) -> None:
    await fleet.start("a")
    await fleet.publish(0, 30)
    await fleet.publish(1, 10)
    await fleet.until_published()
    await fleet.kill("a")
    before = [event.raw for event in await fleet.published(0)]
    fleet.bus.rename(LEDGER_TOPIC, f"{LEDGER_TOPIC}.anew")
    await fleet.bus.ensure_topics(LANES)
    assert await fleet.published(0) == []
    await fleet.start("b")
    await fleet.until_published()
    assert [event.raw for event in await fleet.published(0)] == before
    walked = [
        event.raw
        async for batch in history(fleet.node, 0, 1, fleet.identity.deployed_block)
        for event in open_batch(batch.place, batch.payload, call=batch.call)
    ]
    assert walked == before


async def test_quirk3_a_lost_pool_and_a_dropped_answer_lose_nothing(fleet: Fleet) -> None:
    a = await fleet.start("a")
    await _until(lambda: a.lanes == {0, 1})
    faults: list[dict[str, object]] = [
        {"kind": "lose_pool"},
        {"kind": "invalid_params", "count": 2},
        {"kind": "drop_answers", "count": 2},
        {"kind": "null_head", "count": 2},
        {"kind": "lose_pool"},
    ]
    for fault in faults:
        await fleet.publish(0, 5)
        await _until(lambda: a.metrics.in_flight.labels(0)._value.get() > 0)
        try:
            await fleet.node.rpc.call("gate_fault", fault)
        except RpcError as error:
            pytest.skip(f"this stack's ledger plays no faults: {error.detail}")
    await fleet.until_published()


async def test_a_graceful_stop_publishes_what_is_in_flight(fleet: Fleet) -> None:
    a = await fleet.start("a")
    await fleet.publish(0, 40)
    await _until(lambda: a.metrics.in_flight.labels(0)._value.get() > 0)
    a.stop()
    await fleet.running["a"][1]
    assert len(await fleet.published(0)) == (await fleet.node.lane(0)).next - 1 > 0
