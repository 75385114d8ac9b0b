"""A ledger of orders on the stack's chain, written by a bare loop, for the figures that read one."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from bench.orders import SERVICE, batches
from libs.ledger.batch import BatchBuilder, BatchLimits, hashed
from libs.ledger.client import ChainLedger, LaneSigner
from libs.ledger.codec import decode_run, encode_run
from libs.ledger.deploy import deploy
from libs.ledger.hashing import genesis_head
from libs.ledger.keys import lane_key, producer_key
from libs.ledger.reader import RpcLedgerReader
from libs.ledger.record import seal_run
from libs.stack.addresses import Addresses

LANES = 4
_SIGNATURE = 64
_LOOK_S = 0.05
_MINED_WITHIN_S = 600


@asynccontextmanager
async def order_ledger(stack: Addresses, events: int) -> AsyncIterator[RpcLedgerReader]:
    """A reader of a new contract on the stack's chain with so many orders over four lanes."""
    urls = stack.ledger.split(",")
    with tempfile.TemporaryDirectory(prefix="cartulary-bench-") as folder:
        home = Path(folder)
        identity = await deploy(urls, home, home, lanes=LANES, producers=[SERVICE])
        ledger = await ChainLedger.connect(urls, identity.contract, identity.deployed_block)
        try:
            await _write(ledger, home, events)
        finally:
            await ledger.close()
        reader = await RpcLedgerReader.connect(urls, identity.contract, identity.deployed_block)
        try:
            yield reader
        finally:
            await reader.close()


async def _write(ledger: ChainLedger, home: Path, events: int) -> None:
    identity = ledger.identity
    key = producer_key(home, SERVICE)
    genesis = [genesis_head(identity.chain_id, identity.contract, lane) for lane in range(LANES)]
    signers = [LaneSigner(lane_key(home, lane), identity) for lane in range(LANES)]
    ends, seqs, nonces = [(1, head) for head in genesis], [1] * LANES, [0] * LANES
    limits = BatchLimits(events=10_000, transaction_bytes=900_000)
    for lane, runs in batches(events, LANES, lambda: datetime.now(UTC)):
        builder = BatchBuilder(limits)
        for decisions in runs:
            blob = encode_run(SERVICE, lane, 1, seqs[lane], decisions)
            seqs[lane] += len(decisions)
            sealed = seal_run(key, genesis[lane], blob)
            builder.add(hashed(sealed, decode_run(sealed[_SIGNATURE:])))
        batch = builder.build(lane, *ends[lane])
        await ledger.send(signers[lane].sign(nonces[lane], batch.gas, batch.calldata).raw)
        nonces[lane] += 1
        ends[lane] = (batch.next, batch.head)
    async with asyncio.timeout(_MINED_WITHIN_S):
        for lane, (after, _) in enumerate(ends):
            while (await ledger.lane(lane)).next != after:  # noqa: ASYNC110 (a chain signals nothing)
                await asyncio.sleep(_LOOK_S)


@asynccontextmanager
async def memory_of(pids: list[int], peak: list[int]) -> AsyncIterator[None]:
    """Watch the resident memory (bytes) of these processes and their children; the highest sum goes into `peak`."""
    import psutil  # noqa: PLC0415 (only where memory is watched)

    async def watch() -> None:
        while True:
            total = 0
            for pid in pids:
                whole = psutil.Process(pid)
                for process in (whole, *whole.children(recursive=True)):
                    try:
                        total += process.memory_info().rss
                    except psutil.NoSuchProcess:
                        continue
            peak.append(total)
            await asyncio.sleep(_LOOK_S)

    watching = asyncio.create_task(watch())
    try:
        yield
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        peak[:] = [max(peak, default=0)]
