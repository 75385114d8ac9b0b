"""B5: events verified per second over the whole ledger, without and with the databases, and the memory that it takes.

Beside it a bare loop hashes the same bodies and nothing else, in one process.
"""

from __future__ import annotations

import os
import time
from statistics import median

import structlog

from bench.figure import Beside, Figure, figure
from bench.order_ledger import LANES, memory_of, order_ledger
from bench.orders import PARTS, SERVICE
from libs.adapters.clock import SystemClock
from libs.edge.replay import Replay, temporary_database
from libs.kernel.errors import CartularyError
from libs.kernel.keyed import KeyedHashes
from libs.ledger.hashing import leaf
from libs.ledger.opening import open_batch
from libs.ledger.reader import RpcLedgerReader, history
from libs.ledger.verify.walk import Against, verify
from libs.stack.addresses import Addresses

EVENTS = 200_000
QUARTER = EVENTS // 4
RUNS = 3
AIM = "at least 100,000/s"


class VerifyFailed(CartularyError):
    """The bench's own ledger does not hold."""

    code = "verify-failed"


async def verified(node: RpcLedgerReader, against: Against | None = None) -> float:
    """Events per second of one verification, its processes started and ended."""
    begun = time.perf_counter()
    report = await verify(node, against, workers=os.cpu_count() or 1)
    took = time.perf_counter() - begun
    if not report.is_true:
        raise VerifyFailed(report.lies[0].sentence())
    return report.events / took


async def bare_hashing(node: RpcLedgerReader) -> float:
    """Events per second of hashing every body once."""
    events, took = 0, 0.0
    for lane in range(LANES):
        async for place, payload, _ in history(node, lane, 1, node.identity.deployed_block):
            bodies = [event.raw for event in open_batch(place, payload)]
            begun = time.perf_counter()
            for body in bodies:
                leaf(body)
            took += time.perf_counter() - begun
            events += len(bodies)
    return events / took


async def run(stack: Addresses) -> list[Figure]:
    """Every figure of B5 on this stack."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(30))
    peak, less = list[int](), list[int]()
    async with order_ledger(stack, QUARTER) as short, memory_of([os.getpid()], less):
        await verified(short)
    async with order_ledger(stack, EVENTS) as node:
        bare = await bare_hashing(node)
        async with memory_of([os.getpid()], peak):
            plain = [await verified(node) for _ in range(RUNS)]
        async with temporary_database(stack.postgres) as dsn:

            def password(role: str) -> str:
                return f"bench-{role}"

            keyed = KeyedHashes(b"b" * 32)
            await Replay(node, SystemClock(), keyed, password, dsn, dsn).rebuild(PARTS)
            against = Against(dsn=dsn, passwords={SERVICE: password(f"{SERVICE}_verify")})
            held = [await verified(node, against) for _ in range(RUNS)]
    with_rows = "events verified, databases held against them"
    memory = f"memory, {EVENTS} events"
    return [
        figure("B5", "events verified", plain, "events/s", AIM, Beside("hashing the bodies once, one process", bare)),
        figure("B5", with_rows, held, "events/s", "", Beside("without", median(plain))),
        figure("B5", memory, [peak[0] / 1e6], "MB", "", Beside(f"{QUARTER} events", less[0] / 1e6)),
    ]
