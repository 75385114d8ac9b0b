"""Lives of a service: a rebuild from the ledger, then a new epoch, settled by its markers (W-20, W-21)."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping
from contextlib import aclosing, contextmanager
from datetime import datetime
from uuid import UUID

import structlog

from libs.kernel.envelope import Actor, Decision, EventEntry
from libs.kernel.ids import uuid7
from libs.kernel.keyed import KeyedHashes
from libs.kernel.time import to_wire
from libs.ledger.port import LedgerReader
from libs.ports import Bus, Clock, Store
from libs.rules.four_eyes import Rules
from libs.rules.records import SYSTEM_TENANT
from libs.runtime.committing import CONSUMER, Committer
from libs.runtime.log import Attested, AttestedLog

log = structlog.get_logger(__name__)

Progress = Callable[[int, int], None]


def _silent(lane: int, events: int) -> None:
    return None


async def rebuild(
    store: Store, committer: Committer, bus: Bus, node: LedgerReader, clock: Clock, progress: Progress = _silent,
    until: Mapping[int, int] | None = None,
) -> int:  # fmt: skip
    """Commit everything that the ledger holds and the schema does not, lane by lane; the number of events read.

    `until` gives by lane the sequence number to stop before; None goes up to the newest. `progress(lane, events)` is
    told after every commit. The bus is not asked.
    """
    height, total = await node.height(), 0
    positions = await store.positions(CONSUMER)
    with _rarely_collected():
        for lane in range(node.identity.lanes):
            if until is not None and lane not in until:
                continue
            groups = AttestedLog(bus, node, clock, lane, positions.get(lane)).history(height)
            async with aclosing(groups if until is None else _before(groups, until[lane])) as wanted:
                # The next group is read and opened while PostgreSQL is busy with the one before.
                upcoming = asyncio.ensure_future(anext(wanted, None))
                try:
                    while batches := await upcoming:
                        upcoming = asyncio.ensure_future(anext(wanted, None))
                        await committer.commit(batches)
                        count = sum(batch.place.count for batch in batches)
                        total += count
                        progress(lane, count)
                finally:
                    upcoming.cancel()
                    await asyncio.gather(upcoming, return_exceptions=True)
    return total


async def _before(groups: AsyncIterator[list[Attested]], end: int) -> AsyncGenerator[list[Attested], None]:
    async for batches in groups:
        wanted = [batch for batch in batches if batch.place.first < end]
        if wanted:
            yield wanted
        if len(wanted) < len(batches):
            return


@contextmanager
def _rarely_collected() -> Iterator[None]:
    """Look for garbage in cycles rarely: what a rebuild makes has none, and looking takes a fifth of its time."""
    thresholds = gc.get_threshold()
    gc.set_threshold(100_000, 20, 100)
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)


async def begin(
    store: Store,
    node: LedgerReader,
    rules: Rules,
    clock: Clock,
    keyed: KeyedHashes,
    new_id: Callable[[datetime], UUID] = uuid7,
) -> int:
    """Raise the epoch above every mark of this service and store the markers; the new epoch.

    It is at least the time in milliseconds: a life that ended before its markers were attested left no mark, and a node
    that lags shows an old one, but no two lives may share an epoch. The service decides nothing until its markers came
    back attested.
    """
    service, lanes, now = rules.service, node.identity.lanes, clock.now()
    marks = [await node.mark(lane, service) for lane in range(lanes)]
    epoch = max(*(mark.epoch + 1 for mark in marks), int(now.timestamp() * 1000))
    markers = {}
    async with store.committing() as tx:
        events = [rules.types.epoch_begun(epoch=epoch, lane=lane) for lane in range(lanes)]
        committed = await tx.committed([event.stream() for event in events])
    for event in events:
        key = keyed.automatic("epoch", str(epoch), event.stream())
        entry = EventEntry(event.type_name(), event.stream(), committed.get(event.stream(), 0) + 1, event.data())
        decision = str(new_id(now))
        markers[event.lane] = Decision(
            decision, to_wire(now), SYSTEM_TENANT, Actor(f"service:{service}", "service"), None, decision,
            key.command, key.request, (entry,),
        )  # fmt: skip
    await store.begin_life(epoch, markers)
    log.info("life_began", service=service, epoch=epoch)
    return epoch
