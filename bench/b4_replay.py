"""B4: events replayed per second from the ledger into empty schemas, at two lengths of the ledger.

Beside it a bare loop inserts the same rows, decoded before, into a table without index, key or policy.
"""

from __future__ import annotations

import os
import time
from statistics import median

import asyncpg
import structlog

from bench.figure import Beside, Figure, figure
from bench.order_ledger import LANES, memory_of, order_ledger
from bench.orders import PARTS
from libs.adapters.clock import SystemClock
from libs.edge.replay import Replay, temporary_database
from libs.kernel.keyed import KeyedHashes
from libs.ledger.opening import open_batch
from libs.ledger.reader import RpcLedgerReader, history
from libs.stack.addresses import Addresses

EVENTS = 120_000
QUARTER = EVENTS // 4
RUNS = 3
AIM = "at least 30,000/s, flat in the number of events"
_BARE = """
insert into bare select * from unnest($1::int[], $2::bigint[], $3::text[], $4::int[], $5::text[])
"""


async def replay(node: RpcLedgerReader, dsn: str) -> float:
    """Events per second of one rebuild of the whole ledger, schema made and all."""
    async with temporary_database(dsn) as into:
        rebuild = Replay(
            node, SystemClock(), KeyedHashes(b"b" * 32), lambda role: f"bench-{role}", dsn, into, throw_away=True
        )
        begun = time.perf_counter()
        events = await rebuild.rebuild(PARTS)
        return events / (time.perf_counter() - begun)


async def bare_inserts(node: RpcLedgerReader, dsn: str) -> float:
    """Rows per second of the same events' rows, ready-made, into a bare table."""
    async with temporary_database(dsn) as into:
        connection = await asyncpg.connect(into)
        await connection.execute(
            "create unlogged table bare (lane int, sequence bigint, stream text, version int, body text)"
        )
        rows, took = 0, 0.0
        for lane in range(LANES):
            async for place, payload, _ in history(node, lane, 1, node.identity.deployed_block):
                ready = [
                    (lane, event.sequence, event.stream, event.body["version"], event.raw.decode())
                    for event in open_batch(place, payload)
                ]
                begun = time.perf_counter()
                await connection.execute(_BARE, *map(list, zip(*ready, strict=True)))
                took += time.perf_counter() - begun
                rows += len(ready)
        await connection.close()
    return rows / took


async def run(stack: Addresses) -> list[Figure]:
    """Every figure of B4 on this stack."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(30))
    async with order_ledger(stack, QUARTER) as short:
        quarter = [await replay(short, stack.postgres) for _ in range(RUNS)]
    peak: list[int] = []
    async with order_ledger(stack, EVENTS) as node:
        bare = median([await bare_inserts(node, stack.postgres) for _ in range(RUNS)])
        async with memory_of([os.getpid()], peak):
            whole = [await replay(node, stack.postgres) for _ in range(RUNS)]
    return [
        figure("B4", f"events replayed, of {EVENTS}", whole, "events/s", AIM, Beside("bare inserts of the rows", bare)),
        figure("B4", f"events replayed, of {QUARTER}", quarter, "events/s", AIM),
        figure("B4", "memory of the replay", [peak[0] / 1e6], "MB", ""),
    ]
