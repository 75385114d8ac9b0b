"""B1: events attested per second, from the first read of the intents to the last batch on the bus.

Beside it a bare loop sends the same batches ready-made to the same chain and waits for the last of them to be mined.
Each run has a contract and topics of its own, so that nothing is warm but the processes.
"""

from __future__ import annotations

import asyncio
import gc
import secrets
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from uuid import UUID

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bench.figure import Beside, Figure, figure
from libs.adapters.clock import SystemClock
from libs.adapters.kafka.bus import KafkaBus
from libs.kernel.envelope import Actor, Decision, EventEntry
from libs.ledger.batch import BatchBuilder, BatchLimits, hashed
from libs.ledger.client import ChainLedger, LaneSigner
from libs.ledger.codec import decode_run, encode_run
from libs.ledger.deploy import deploy
from libs.ledger.hashing import genesis_head
from libs.ledger.keys import lane_key, producer_key
from libs.ledger.record import decode_record, seal_run
from libs.ports import INTENTS_TOPIC, LEDGER_TOPIC, Outgoing
from libs.stack.addresses import Addresses
from libs.testkit.prefixed import PrefixedBus
from services.attestation.instance import Attestation
from services.attestation.parts import Knobs

EVENTS = 100_000
RUNS = 3
RUN_EVENTS = 250
SERVICE = "orders"
AIM = "at least 12,000/s on the embedded ledger"
# Besu's default pool takes about five transactions of one sender; the bench's chain takes a block full.
KNOBS = Knobs(BatchLimits(events=2_000, transaction_bytes=400_000), in_flight=16)
_TIME = "2026-01-05T08:00:00.000000Z"
_ENCRYPTED_FIELDS = 10

Deltas = Callable[[int], dict[str, object]]


def _uuid() -> str:
    return str(UUID(bytes=secrets.token_bytes(16), version=4))


def order(number: int) -> dict[str, object]:
    """The delta of an order; its canonical body has about 580 bytes with the hashes of command and request."""
    return {"amount": f"{1_000 + number}.00", "currency": "EUR", "investor": _uuid(), "shareClass": "LU0123456789"}


def encrypted_order(number: int) -> dict[str, object]:
    """An order with ten encrypted fields of about 60 characters each, which no compression shrinks."""
    secret = {f"field{at}": secrets.token_urlsafe(45) for at in range(_ENCRYPTED_FIELDS)}
    return {**order(number), **secret}


def sealed_runs(events: int, lane: int, genesis: bytes, key: Ed25519PrivateKey, delta: Deltas) -> list[bytes]:
    """Signed runs of one-event decisions of one lane."""
    runs, actor, command = [], Actor("sub-1", "dealer"), "0" * 64
    for first in range(1, events + 1, RUN_EVENTS):
        decisions = []
        for number in range(first, min(first + RUN_EVENTS, events + 1)):
            identity = _uuid()
            entry = EventEntry("orders.OrderPlaced.v1", f"orders/LU1/order/{identity}", 1, delta(number))
            command, request = secrets.token_hex(32), secrets.token_hex(32)
            decisions.append(Decision(identity, _TIME, "t1", actor, None, identity, command, request, (entry,)))
        runs.append(seal_run(key, genesis, encode_run(SERVICE, lane, 1, first, decisions)))
    return runs


@dataclass(frozen=True, slots=True)
class _Scene:
    """A contract, its signers and producer key, and every lane's waiting runs."""

    ledger: ChainLedger
    signers: dict[int, LaneSigner]
    runs: dict[int, list[bytes]]


async def _scene(stack: Addresses, home: Path, lanes: int, delta: Deltas) -> _Scene:
    urls = stack.ledger.split(",")
    identity = await deploy(urls, home, home, lanes=lanes, producers=[SERVICE])
    ledger = await ChainLedger.connect(urls, identity.contract, identity.deployed_block)
    key = producer_key(home, SERVICE)
    genesis = [genesis_head(identity.chain_id, identity.contract, lane) for lane in range(lanes)]
    runs = {lane: sealed_runs(EVENTS // lanes, lane, genesis[lane], key, delta) for lane in range(lanes)}
    signers = {lane: LaneSigner(lane_key(home, lane), identity) for lane in range(lanes)}
    return _Scene(ledger, signers, runs)


async def attest(stack: Addresses, lanes: int, delta: Deltas) -> float:
    """Events per second of one instance of the service over so many lanes."""
    begun: list[float] = []
    ended: list[float] = []

    def on_read(topic: str) -> None:
        if topic == INTENTS_TOPIC and not begun:
            begun.append(time.perf_counter())

    kafka = KafkaBus(stack.kafka)
    with tempfile.TemporaryDirectory(prefix="cartulary-b1-") as folder:
        scene = await _scene(stack, Path(folder), lanes, delta)
        bus = PrefixedBus(kafka, f"b1-{secrets.token_hex(4)}-", on_read)
        await bus.ensure_topics(lanes)
        for lane, runs in scene.runs.items():
            await bus.publish(INTENTS_TOPIC, lane, [Outgoing(SERVICE.encode(), run) for run in runs])
        done = asyncio.Event()
        total = lanes * (EVENTS // lanes)

        async def at(point: str) -> None:
            # The batch is on the bus at this point; the last of every lane ends the measurement.
            if point == "attest.published":
                ends = [await _published(bus, lane) for lane in range(lanes)]
                if sum(ends) == total:
                    ended.append(time.perf_counter())
                    done.set()

        scene.runs.clear()
        instance = Attestation("bench", scene.ledger, bus, SystemClock(), scene.signers, knobs=KNOBS, at=at)
        gc.freeze()
        running = asyncio.create_task(instance.run())
        async with asyncio.timeout(300):
            await done.wait()
        instance.stop()
        await running
        gc.unfreeze()
        await scene.ledger.close()
    await kafka.close()
    return total / (ended[0] - begun[0])


async def _published(bus: PrefixedBus, lane: int) -> int:
    tail = await bus.tail(LEDGER_TOPIC, lane, 1)
    place = decode_record(tail[0].value)[0] if tail else None
    return place.first + place.count - 1 if place else 0


async def bare_loop(stack: Addresses, delta: Deltas) -> float:
    """Events per second of a loop that sends ready-made, signed batches of one lane and waits for the last block."""
    with tempfile.TemporaryDirectory(prefix="cartulary-b1-") as folder:
        scene = await _scene(stack, Path(folder), 1, delta)
        identity, signer = scene.ledger.identity, scene.signers[0]
        builder = BatchBuilder(KNOBS.limits)
        for sealed in scene.runs[0]:
            builder.add(hashed(sealed, decode_run(sealed[64:])))
        ready: list[tuple[bytes, int]] = []
        waiting: list[int] = []
        first, head = 1, genesis_head(identity.chain_id, identity.contract, 0)
        while len(builder):
            batch = builder.build(0, first, head)
            ready.append((signer.sign(len(ready), batch.gas, batch.calldata).raw, batch.gas))
            first, head = batch.next, batch.head
        start = time.perf_counter()
        async with asyncio.timeout(300):
            for nonce, (raw, gas) in enumerate(ready):
                waiting.append(gas)
                while sum(waiting) > KNOBS.flight_gas:  # what a block holds and no more, as the service does
                    mined = await scene.ledger.nonce(signer.address)
                    del waiting[: len(waiting) - (nonce + 1 - mined)]
                await scene.ledger.send(raw)
            while (await scene.ledger.lane(0)).next != first:  # noqa: ASYNC110 — the chain sends no events
                await asyncio.sleep(0.01)
        took = time.perf_counter() - start
        await scene.ledger.close()
    return (first - 1) / took


async def run(stack: Addresses) -> list[Figure]:
    """Every figure of B1 on this stack, whose blocks come every second."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(30))
    figures = []
    shapes: Sequence[tuple[str, int, Deltas]] = (
        ("events attested, 1 lane", 1, order),
        ("events attested, 2 lanes", 2, order),
        ("events attested, ten encrypted fields, 1 lane", 1, encrypted_order),
    )
    for name, lanes, delta in shapes:
        bare = [await bare_loop(stack, delta) for _ in range(RUNS)]
        values = [await attest(stack, lanes, delta) for _ in range(RUNS)]
        figures.append(
            figure(
                "B1",
                name,
                values,
                "events/s",
                AIM if delta is order else "",
                Beside("a bare loop of ready-made batches", median(bare)),
            )
        )
    return figures
