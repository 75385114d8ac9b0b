"""The attested log as a consumer sees it: in order, without gaps, and only what a ledger node confirms (W-14, W-15)."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass

import structlog

from libs.kernel.envelope import AttestedEvent, BatchPlace
from libs.kernel.errors import CartularyError
from libs.ledger.hashing import genesis_head
from libs.ledger.opening import BadBatch, Lie, open_batch
from libs.ledger.port import LedgerReader, MinedBatch
from libs.ledger.reader import history
from libs.ledger.record import decode_record, decode_traces
from libs.observe import metrics
from libs.ports import LEDGER_TOPIC, Bus, Clock, LaneReader, Message, Position

log = structlog.get_logger(__name__)

NODE_LAG_WAIT_S = 0.1
NODE_LAG_TRIES = 100
GROUP_EVENTS = 5_000


@dataclass(frozen=True, slots=True)
class Attested:
    """A confirmed batch: its place, its events, and the traces of its decisions (by decision id)."""

    place: BatchPlace
    events: list[AttestedEvent]
    traceparents: Mapping[str, str]

    @property
    def after(self) -> Position:
        """The position of a consumer that has this batch."""
        return Position(self.place.first + self.place.count, self.place.head, self.place.block)


class AttestedLog:
    """One consumer's view of one lane."""

    def __init__(self, bus: Bus, node: LedgerReader, clock: Clock, lane: int, position: Position | None) -> None:
        self._bus, self._node, self._clock, self._lane = bus, node, clock, lane
        identity = node.identity
        start = genesis_head(identity.chain_id, identity.contract, lane)
        self.position = position or Position(1, start, identity.deployed_block)
        self._reader: LaneReader | None = None
        self._block: tuple[int, bytes, int] = (-1, b"", 0)
        self._set_aside = 0

    async def next(self, wait_s: float) -> list[Attested]:
        """The next batches, [] when none came in time; raises BusUnreachable, LedgerUnreachable."""
        if self._reader is None:
            self._reader = await self._bus.reader(LEDGER_TOPIC, self._lane)
        messages = await self._reader.next(wait_s)
        found = [decoded for message in messages if (decoded := self._decode(message))]
        if not found:
            return []
        return await self._confirmed(found)

    async def missed(self) -> list[Attested]:
        """What the node has and the bus never brought; for a consumer that has been idle for a while."""
        state = await self._node.lane(self._lane)
        if state.next <= self.position.sequence:
            return []
        return await self._fetch(await self._node.height())

    async def _fetch(self, to_block: int) -> list[Attested]:
        async for batches in self.history(to_block):
            return batches
        return []

    async def history(self, to_block: int) -> AsyncGenerator[list[Attested], None]:
        """What the ledger itself holds after this position, up to a block, in groups; the bus is not asked."""
        group: list[Attested] = []
        start = self.position
        async for place, payload, _ in history(self._node, self._lane, start.sequence, start.block, to_block):
            group.append(self._take(place, payload, {}))
            if sum(attested.place.count for attested in group) >= GROUP_EVENTS:
                yield group
                group = []
        if group:
            yield group

    def _decode(self, message: Message) -> tuple[BatchPlace, bytes, dict[str, str]] | None:
        try:
            place, payload = decode_record(message.value)
        except CartularyError as error:
            self._aside(message.offset, error.detail)
            return None
        if place.lane != self._lane or place.first + place.count <= self.position.sequence:
            return None
        return place, payload, decode_traces(message.headers)

    async def _confirmed(self, found: Sequence[tuple[BatchPlace, bytes, dict[str, str]]]) -> list[Attested]:
        logs = await self._logs([place for place, _, _ in found])
        out: list[Attested] = []
        for place, payload, traces in found:
            if place.first < self.position.sequence:
                continue
            if not await self._confirms(logs.get(place.transaction), place):
                self._aside(place.first, "no ledger node confirms it")
                continue
            if place.first > self.position.sequence:
                log.info("log_gap", lane=self._lane, have=self.position.sequence, came=place.first)
                while self.position.sequence < place.first and (found_there := await self._fetch(place.block)):
                    out.extend(found_there)
            if place.first == self.position.sequence:
                out.extend(await self._open(place, payload, traces))
        return out

    async def _open(self, place: BatchPlace, payload: bytes, traces: Mapping[str, str]) -> list[Attested]:
        try:
            return [self._take(place, payload, traces)]
        except BadBatch as lie:
            self._aside(place.first, lie.detail)
            return await self._fetch(place.block)

    def _take(self, place: BatchPlace, payload: bytes, traces: Mapping[str, str]) -> Attested:
        if place.first != self.position.sequence or place.previous_head != self.position.head:
            raise BadBatch(Lie.BROKEN_LINK, f"batch {place.first} does not continue lane {self._lane}")
        attested = Attested(place, open_batch(place, payload), traces)
        self.position = attested.after
        return attested

    async def _logs(self, places: Sequence[BatchPlace]) -> dict[bytes, MinedBatch]:
        """W-15: one look at the node of our own choice for all the blocks that are named."""
        blocks = [place.block for place in places if place.block >= self.position.block]
        if not blocks:
            return {}
        last = max(blocks)
        height = await self._node.height()
        for _ in range(NODE_LAG_TRIES):
            if height >= last:
                break
            await self._clock.sleep(NODE_LAG_WAIT_S)
            height = await self._node.height()
        mined = await self._node.batches(min(blocks), min(last, height), self._lane)
        return {batch.transaction: batch for batch in mined}

    async def _confirms(self, mined: MinedBatch | None, place: BatchPlace) -> bool:
        if mined is None or not _same(mined, place):
            return False
        if self._block[0] != place.block:
            self._block = (place.block, *await self._node.block_time(place.block))
        return self._block[1:] == (place.block_hash, place.block_time)

    def _aside(self, at: int, why: str) -> None:
        self._set_aside += 1
        metrics.SET_ASIDE.labels(self._lane).inc()
        log.error("attested_record_set_aside", lane=self._lane, at=at, why=why, so_far=self._set_aside)

    async def close(self) -> None:
        """Give the reader back."""
        if self._reader is not None:
            await self._reader.close()


def _same(mined: MinedBatch, place: BatchPlace) -> bool:
    at = (mined.block, mined.block_hash, mined.transaction_index)
    return (mined.lane, mined.first, mined.count, mined.head, mined.root, *at) == (
        place.lane, place.first, place.count, place.head, place.root, place.block, place.block_hash,
        place.transaction_index,
    )  # fmt: skip
