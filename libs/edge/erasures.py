"""Every erasure that is known outside the key store: from the services' events and from the ledger itself (TA-I-7)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import aclosing
from datetime import datetime

import asyncpg
import orjson

from libs.kernel.envelope import AttestedEvent
from libs.kernel.streams import key_of
from libs.kernel.time import from_wire
from libs.ledger.hashing import genesis_head
from libs.ledger.opening import ProducerKeys, open_batch
from libs.ledger.port import LedgerIdentity, LedgerReader
from libs.ledger.reader import history

# An event of such a type erases the data subject that is the key of its stream.
SUFFIX = "Erased.v1"

Erasure = tuple[str, str, datetime]


async def erasures_in_database(dsn: str, services: Iterable[str]) -> AsyncIterator[Erasure]:
    """Tenant, subject and time of each erasure that a service committed; through the administrator's `dsn`.

    A service without a schema has none. asyncpg's errors go through.
    """
    admin = await asyncpg.connect(dsn)
    try:
        for service in services:
            if await admin.fetchval("select to_regclass($1)", f'"{service}".events') is None:
                continue
            query = f"select body from \"{service}\".events where type like '%{SUFFIX}' and not void"
            async with admin.transaction(readonly=True):
                async for row in admin.cursor(query, prefetch=500):
                    body = orjson.loads(row["body"])
                    yield body["tenant"], key_of(body["stream"]), from_wire(body["time"])
    finally:
        await admin.close()


async def erasures_on_ledger(reader: LedgerReader, identity: LedgerIdentity) -> AsyncIterator[Erasure]:
    """Tenant, subject and time of each erasure on the ledger, void decisions left out (W-21).

    Raises LedgerUnreachable, BadBatch.
    """
    to_block, keys = await reader.height(), ProducerKeys(await reader.producers())
    for lane in range(identity.lanes):
        heads: dict[str, int] = {}
        genesis = genesis_head(identity.chain_id, identity.contract, lane)
        async with aclosing(history(reader, lane, 1, identity.deployed_block, to_block)) as batches:
            async for batch in batches:
                # An erasure destroys: only what a registered producer signed is believed.
                events = open_batch(batch.place, batch.payload, call=batch.call, keys=keys, genesis_head=genesis)
                for decision in _decisions(events):
                    if any(event.body["version"] <= heads.get(event.stream, 0) for event in decision):
                        continue
                    for event in decision:
                        heads[event.stream] = event.body["version"]
                        if event.type.endswith(SUFFIX):
                            yield event.tenant, key_of(event.stream), from_wire(event.body["time"])


def _decisions(events: Sequence[AttestedEvent]) -> list[list[AttestedEvent]]:
    """The events of a batch by decision; a batch never splits one (W-6)."""
    decisions: list[list[AttestedEvent]] = []
    for event in events:
        if event.body["decision"]["index"] == 0:
            decisions.append([])
        decisions[-1].append(event)
    return decisions
