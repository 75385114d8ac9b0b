"""What the bus missed: the tail of the attested log is held against the chain, the rest read back from it (W-12)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import structlog

from libs.ledger.hashing import genesis_head
from libs.ledger.opening import BadBatch, ProducerKeys, check_batch
from libs.ledger.port import LaneState, Ledger, LedgerIdentity
from libs.ledger.reader import HistoryBatch, confirm, history
from libs.ledger.record import MalformedRecord, decode_record, encode_record, encode_traces, lane_key
from libs.ports import LEDGER_TOPIC, Bus, Message, Outgoing

log = structlog.get_logger(__name__)

_FIRST_TAIL = 4
_MOST_TAIL = 4_096
_GROUP_BYTES = 4 * 1024 * 1024


class Published(NamedTuple):
    """How far the attested log of a lane goes: the next sequence number, the head, the block of the last batch."""

    next: int
    head: bytes
    block: int


def lane_genesis(identity: LedgerIdentity, lane: int) -> bytes:
    """The head of the lane before its first record (W-10)."""
    return genesis_head(identity.chain_id, identity.contract, lane)


async def recover(ledger: Ledger, bus: Bus, lane: int, keys: ProducerKeys) -> LaneState:
    """Publish every mined batch of the lane that the bus does not have; the lane's state as the bus now has it.

    Raises LedgerUnreachable, BusUnreachable, BadBatch when the ledger serves what cannot be.
    """
    to_block = await ledger.height()
    tail = await published_tail(ledger, bus, lane)
    state = LaneState(tail.next, tail.head)
    genesis = lane_genesis(ledger.identity, lane)
    group: list[Outgoing] = []
    size = 0
    async for batch in history(ledger, lane, tail.next, tail.block, to_block):
        group.append(outgoing(batch, state, keys, genesis, {}))
        size += len(batch.payload)
        state = LaneState(batch.place.first + batch.place.count, batch.place.head)
        if size >= _GROUP_BYTES:
            await bus.publish(LEDGER_TOPIC, lane, group)
            group, size = [], 0
    if group:
        await bus.publish(LEDGER_TOPIC, lane, group)
    if state.next != tail.next:
        log.info("bus_recovered", lane=lane, first=tail.next, next=state.next)
    return state


def outgoing(
    batch: HistoryBatch, state: LaneState, keys: ProducerKeys, genesis: bytes, traces: dict[str, str]
) -> Outgoing:
    """The bus record of a mined batch, opened and hashed again; raises BadBatch (W-12)."""
    place = batch.place
    if place.first != state.next or place.previous_head != state.head:
        raise BadBatch("broken link", f"batch {place.first} of lane {place.lane} does not continue at {state.next}")
    check_batch(place, batch.payload, call=batch.call, keys=keys, genesis_head=genesis)
    return Outgoing(lane_key(place.lane), encode_record(place, batch.payload), encode_traces(traces))


async def published_tail(ledger: Ledger, bus: Bus, lane: int) -> Published:
    """Where the attested log of the lane ends, by the newest of its records that the ledger confirms (W-15)."""
    count = _FIRST_TAIL
    while True:
        messages = await bus.tail(LEDGER_TOPIC, lane, count)
        found = await _newest(ledger, lane, messages)
        if found is not None:
            return found
        if len(messages) < count or count >= _MOST_TAIL:
            # Nothing there that the ledger knows: everything is published again, consumers ignore what they have.
            return Published(1, lane_genesis(ledger.identity, lane), ledger.identity.deployed_block)
        count *= 8


async def _newest(ledger: Ledger, lane: int, messages: Sequence[Message]) -> Published | None:
    for message in reversed(messages):
        try:
            place, _ = decode_record(message.value)
            if place.lane == lane and place.block <= await ledger.height():
                await confirm(ledger, [place])
                return Published(place.first + place.count, place.head, place.block)
            raise BadBatch("wrong height", f"block {place.block} does not exist yet")
        except (MalformedRecord, BadBatch) as error:
            log.error("attested_record_not_confirmed", lane=lane, offset=message.offset, reason=error.detail)
    return None
