"""The light ledger reader: JSON-RPC only, no web3, for committers, recovery, replay and verify (W-12, W-15)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from libs.kernel.envelope import BatchPlace
from libs.ledger import abi
from libs.ledger.hashing import HASH_BYTES, producer_name
from libs.ledger.opening import BadBatch, Lie
from libs.ledger.port import (
    LaneState,
    LedgerIdentity,
    LedgerReader,
    LedgerUnreachable,
    MinedBatch,
    ProducerKey,
    ProducerMark,
)
from libs.ledger.rpc import JsonRpc, RpcError

_LOG_BLOCKS = 1_000
_LOG_REQUESTS = 4
_KNOWN_BLOCKS = 4_096
# Besu, geth, erigon and anvil each say "too much" in their own words.
_TOO_MUCH = ("range", "limit", "too many", "too large", "exceed", "more than")


class HistoryBatch(NamedTuple):
    """A batch read straight from the ledger: its place, its payload, and the whole call."""

    place: BatchPlace
    payload: bytes
    call: abi.AttestCall


class RpcLedgerReader:
    """LedgerReader over JSON-RPC; never goes back below the highest block seen (W-12)."""

    def __init__(self, rpc: JsonRpc, identity: LedgerIdentity) -> None:
        self.rpc = rpc
        self.identity = identity
        self._address = "0x" + identity.contract.hex()
        self._times: dict[int, tuple[bytes, int]] = {}

    @classmethod
    async def connect(
        cls, urls: Sequence[str], contract: bytes, deployed_block: int = 0, *, timeout_s: float = 5.0
    ) -> RpcLedgerReader:
        """A reader of the contract at this address (20 bytes); asks a node for chain id and number of lanes."""
        rpc = JsonRpc(urls, timeout_s=timeout_s)
        try:
            return cls(rpc, await identify(rpc, contract, deployed_block))
        except BaseException:
            await rpc.close()
            raise

    async def close(self) -> None:
        """Close the connections."""
        await self.rpc.close()

    async def height(self) -> int:
        """The number of the newest block, never lower than one seen before (W-12)."""
        return await self.rpc.height()

    async def lane(self, lane: int) -> LaneState:
        """The lane's state at the newest block."""
        answer = await self._view(abi.encode_lane(lane))
        with as_served():
            return LaneState(*abi.decode_lane(answer))

    async def mark(self, lane: int, service: str) -> ProducerMark:
        """The producer's mark in the lane at the newest block."""
        answer = await self._view(abi.encode_mark(lane, producer_name(service)))
        with as_served():
            return ProducerMark(*abi.decode_mark(answer))

    async def holder(self, lane: int) -> bytes:
        """The address (20 bytes) that may write to the lane; zeros for nobody."""
        return (await self._view(abi.encode_holder(lane)))[-20:]

    async def producers(self) -> list[ProducerKey]:
        """Every key registration, oldest first."""
        topics = [["0x" + topic.hex() for topic in abi.PRODUCER_TOPICS]]
        logs = await self._logs(self.identity.deployed_block, await self.height(), topics)
        with as_served():
            return [_producer_key(log) for log in logs]

    async def batches(self, first_block: int, last_block: int, lane: int | None = None) -> list[MinedBatch]:
        """The batch logs of these blocks (both included), in ledger order; of one lane, or of all."""
        topics = ["0x" + abi.BATCH_TOPIC.hex()]
        if lane is not None:
            topics.append(f"0x{lane:064x}")
        logs = await self._logs(first_block, last_block, topics)
        with as_served():
            return [mined_batch(log) for log in logs]

    async def calldata(self, transaction: bytes) -> bytes:
        """The calldata of a mined transaction; raises LedgerUnreachable while no node has it."""
        found = await self.rpc.call("eth_getTransactionByHash", "0x" + transaction.hex(), wanted=_is_mined)
        with as_served():
            return unhex(found["input"])

    async def block_time(self, number: int) -> tuple[bytes, int]:
        """Hash and Unix time of a block."""
        known = self._times.get(number)
        if known is None:
            block = await self.rpc.call("eth_getBlockByNumber", hex(number), False, at_least=number, wanted=_is_there)
            with as_served():
                known = unhex(block["hash"]), int(block["timestamp"], 16)
            if len(self._times) >= _KNOWN_BLOCKS:
                self._times.pop(next(iter(self._times)))
            self._times[number] = known
        return known

    async def _view(self, data: bytes) -> bytes:
        """The answer of a view at the newest block: the height is asked first, the call names it (W-12)."""
        height = await self.height()
        call = {"to": self._address, "data": "0x" + data.hex()}
        return unhex(await self.rpc.call("eth_call", call, hex(height), at_least=height, wanted=_is_words))

    async def _logs(self, first_block: int, last_block: int, topics: list[Any]) -> list[dict[str, Any]]:
        """The contract's logs, asked for in bounded ranges, some at a time; in ledger order."""
        turn = asyncio.Semaphore(_LOG_REQUESTS)

        async def part(low: int, high: int) -> list[dict[str, Any]]:
            query = {"address": self._address, "topics": topics, "fromBlock": hex(low), "toBlock": hex(high)}
            try:
                async with turn:
                    logs = await self.rpc.call("eth_getLogs", query, at_least=high, wanted=_is_list)
            except RpcError as error:
                if low == high or not any(word in error.message.lower() for word in _TOO_MUCH):
                    raise
                middle = (low + high) // 2
                return await part(low, middle) + await part(middle + 1, high)
            with as_served():
                return sorted(logs, key=_ledger_order)

        starts = range(first_block, last_block + 1, _LOG_BLOCKS)
        parts = await asyncio.gather(*(part(at, min(at + _LOG_BLOCKS - 1, last_block)) for at in starts))
        return [log for logs in parts for log in logs]


async def identify(rpc: JsonRpc, contract: bytes, deployed_block: int) -> LedgerIdentity:
    """Which ledger answers there; raises LedgerUnreachable when no node does or the contract is not there."""
    call = {"to": "0x" + contract.hex(), "data": "0x" + abi.encode_lanes().hex()}
    chain_id = await rpc.call("eth_chainId", wanted=_is_there)
    lanes = await rpc.call("eth_call", call, "latest", wanted=_is_words)
    return LedgerIdentity(int(chain_id, 16), contract, int(lanes, 16), deployed_block)


@contextmanager
def as_served() -> Iterator[None]:
    """An answer that cannot be read is no answer: LedgerUnreachable, whatever was wrong with it."""
    try:
        yield
    except (abi.MalformedCall, KeyError, TypeError, ValueError, AttributeError) as error:
        raise LedgerUnreachable(f"a node serves what cannot be: {error!r}") from error


def unhex(text: str) -> bytes:
    """The bytes of 0x-prefixed hex."""
    return bytes.fromhex(text[2:])


def mined_batch(log: dict[str, Any]) -> MinedBatch:
    """The `Batch` log as a node serves it; a log without its place is a node's error."""
    lane, first, count, head, root = abi.decode_batch_log(_topics(log), unhex(log["data"]))
    return MinedBatch(
        lane, first, count, head, root,
        int(log["blockNumber"], 16), unhex(log["blockHash"]),
        unhex(log["transactionHash"]), int(log["transactionIndex"], 16),
    )  # fmt: skip


def _producer_key(log: dict[str, Any]) -> ProducerKey:
    name, key = abi.decode_producer_log(_topics(log), unhex(log["data"]))
    service = name.rstrip(b"\0").decode("ascii")
    return ProducerKey(service, key, int(log["blockNumber"], 16), int(log["logIndex"], 16))


async def history(
    reader: LedgerReader,
    lane: int,
    sequence: int,
    from_block: int,
    to_block: int | None = None,
    *,
    ahead: int = 8,
) -> AsyncGenerator[HistoryBatch, None]:
    """The lane's batches from this sequence number on, in order, straight from the ledger.

    Reads up to `to_block` (the newest block now for None) and keeps at most `ahead` batches under way, so that memory
    stays flat. Raises BadBatch when the logs leave a gap or repeat (W-14), LedgerUnreachable.
    """
    last_block = await reader.height() if to_block is None else to_block
    expected = sequence
    for low in range(from_block, last_block + 1, _LOG_BLOCKS):
        found = await reader.batches(low, min(low + _LOG_BLOCKS - 1, last_block), lane)
        due = [batch for batch in found if batch.first + batch.count > sequence]
        under_way: list[asyncio.Task[HistoryBatch]] = []
        try:
            for at, batch in enumerate(due):
                while len(under_way) < ahead and at + len(under_way) < len(due):
                    under_way.append(asyncio.ensure_future(_read(reader, due[at + len(under_way)])))
                if batch.first != expected:
                    kind = Lie.MISSING_RECORD if batch.first > expected else Lie.EXTRA_RECORD
                    raise BadBatch(kind, f"lane {lane} goes on at {batch.first}, {expected} was next")
                yield await under_way.pop(0)
                expected = batch.first + batch.count
        finally:
            for task in under_way:
                task.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)


async def _read(reader: LedgerReader, batch: MinedBatch) -> HistoryBatch:
    calldata, (block_hash, time) = await asyncio.gather(
        reader.calldata(batch.transaction), reader.block_time(batch.block)
    )
    if block_hash != batch.block_hash:
        raise LedgerUnreachable(f"block {batch.block} changed while it was read")
    return opened_call(batch, time, calldata)


def opened_call(batch: MinedBatch, block_time: int, calldata: bytes) -> HistoryBatch:
    """A mined batch with its calldata decoded; raises BadBatch when it is no call of `attest`."""
    try:
        call = abi.decode_attest(calldata)
    except (ValueError, abi.MalformedCall) as error:
        raise BadBatch(Lie.UNREADABLE, f"transaction {batch.transaction.hex()}: {error}") from error
    place = BatchPlace(
        batch.lane, batch.first, batch.count, call.expected_head, batch.head, batch.root,
        batch.block, batch.block_hash, block_time, batch.transaction, batch.transaction_index,
    )  # fmt: skip
    return HistoryBatch(place, call.payload, call)


async def confirm(reader: LedgerReader, places: Sequence[BatchPlace]) -> None:
    """Hold places from the bus against a ledger node of one's own choice (W-15); raises BadBatch for a forged one."""
    if not places:
        return
    low, high = min(p.block for p in places), max(p.block for p in places)
    if await reader.height() < high:
        raise LedgerUnreachable(f"the ledger node has not reached block {high}")
    lanes = {place.lane for place in places}
    logs = await reader.batches(low, high, lanes.pop() if len(lanes) == 1 else None)
    known = {(batch.lane, batch.first): batch for batch in logs}
    for place in places:
        batch = known.get((place.lane, place.first))
        where = f"batch {place.first} of lane {place.lane}"
        if batch is None:
            raise BadBatch(Lie.EXTRA_RECORD, f"the ledger has no {where} in block {place.block}")
        if (batch.count, batch.head, batch.root) != (place.count, place.head, place.root):
            raise BadBatch(Lie.BROKEN_LINK, f"{where} is another one on the ledger")
        time = await reader.block_time(batch.block)
        said = (place.block, place.block_hash, place.transaction, place.transaction_index, place.block_time)
        if said != (batch.block, batch.block_hash, batch.transaction, batch.transaction_index, time[1]):
            raise BadBatch(Lie.WRONG_HEIGHT, f"{where} stands elsewhere on the ledger")


def _topics(log: dict[str, Any]) -> list[bytes]:
    return [unhex(topic) for topic in log["topics"]]


def _ledger_order(log: dict[str, Any]) -> tuple[int, int, int]:
    # The log index counts within the transaction on some nodes, within the block on others (quirk 10); it breaks ties.
    return int(log["blockNumber"], 16), int(log["transactionIndex"], 16), int(log["logIndex"], 16)


def _is_there(answer: Any) -> bool:
    return answer is not None


def _is_list(answer: Any) -> bool:
    return isinstance(answer, list)


def _is_words(answer: Any) -> bool:
    return isinstance(answer, str) and len(answer) >= 2 + 2 * HASH_BYTES


def _is_mined(answer: Any) -> bool:
    return isinstance(answer, dict) and answer.get("blockNumber") is not None
