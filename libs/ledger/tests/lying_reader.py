"""A ledger reader that lies on purpose: it passes everything through what a test puts in its place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from libs.ledger import abi
from libs.ledger.codec import decode_payload, encode_payload
from libs.ledger.port import LaneState, LedgerIdentity, MinedBatch, ProducerKey, ProducerMark
from libs.testkit.memory_ledger import MemoryLedger


def _same(value: Any) -> Any:
    return value


@dataclass
class LyingReader:
    """LedgerReader over an honest ledger; each attribute alters one kind of answer."""

    honest: MemoryLedger
    call: Callable[[abi.AttestCall], abi.AttestCall] = _same
    bytes_of: Callable[[bytes], bytes] = _same
    logs: Callable[[list[MinedBatch]], list[MinedBatch]] = _same
    state: Callable[[LaneState], LaneState] = _same
    marks: Callable[[ProducerMark], ProducerMark] = _same
    keys: Callable[[list[ProducerKey]], list[ProducerKey]] = _same
    time: Callable[[int], int] = _same
    elsewhere: LedgerIdentity | None = None

    def __post_init__(self) -> None:
        self.identity = self.elsewhere or self.honest.identity

    async def height(self) -> int:
        return await self.honest.height()

    async def lane(self, lane: int) -> LaneState:
        return self.state(await self.honest.lane(lane))

    async def mark(self, lane: int, service: str) -> ProducerMark:
        return self.marks(await self.honest.mark(lane, service))

    async def producers(self) -> list[ProducerKey]:
        return self.keys(await self.honest.producers())

    async def batches(self, first_block: int, last_block: int, lane: int | None = None) -> list[MinedBatch]:
        return self.logs(await self.honest.batches(first_block, last_block, lane))

    async def calldata(self, transaction: bytes) -> bytes:
        honest = await self.honest.calldata(transaction)
        call = abi.decode_attest(honest)
        told = self.call(call)
        return self.bytes_of(honest if told is call else abi.encode_attest(told))

    async def block_time(self, number: int) -> tuple[bytes, int]:
        block_hash, time = await self.honest.block_time(number)
        return block_hash, self.time(time)


def of_batch(first: int, lie: Callable[[abi.AttestCall], abi.AttestCall]) -> Callable[[abi.AttestCall], abi.AttestCall]:
    """The lie told of the batch that begins there, the truth of the others."""
    return lambda call: lie(call) if call.first == first else call


def runs(lie: Callable[[list[bytes]], list[bytes]]) -> Callable[[abi.AttestCall], abi.AttestCall]:
    """Another payload: its sealed runs as the lie leaves them."""
    return lambda call: call._replace(payload=encode_payload(lie(decode_payload(call.payload))))


def log_of(first: int, **told: Any) -> Callable[[list[MinedBatch]], list[MinedBatch]]:
    """The log of the batch that begins there, with other values in it."""
    return lambda logs: [one._replace(**told) if one.first == first else one for one in logs]


def without(first: int) -> Callable[[list[MinedBatch]], list[MinedBatch]]:
    """The logs without that batch."""
    return lambda logs: [one for one in logs if one.first != first]


def at_address(identity: LedgerIdentity, address: bytes) -> LedgerIdentity:
    """The same ledger elsewhere."""
    return identity._replace(contract=address)
