"""An honest ledger in memory, for readers' tests: signed runs in, batches in blocks, everything recomputable out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from libs.kernel.envelope import Decision
from libs.ledger import abi
from libs.ledger.codec import decode_run, encode_payload, encode_run, records
from libs.ledger.hashing import extend, genesis_head, keccak, leaf, merkle_root
from libs.ledger.keys import public_bytes
from libs.ledger.opening import marks_of
from libs.ledger.port import LaneState, LedgerIdentity, MinedBatch, ProducerKey, ProducerMark
from libs.ledger.record import seal_run

CHAIN_ID = 20261
BEGAN = 1_767_600_000


class RunOf(NamedTuple):
    """Decisions of one service, to be attested as one run."""

    service: str
    decisions: Sequence[Decision]
    epoch: int = 1


class MemoryLedger:
    """LedgerReader over blocks in memory; `attest` mines a block with one batch.

    A service's key is registered in block 1, or whenever `register` is called.
    """

    def __init__(self, lanes: int, *, address: bytes = b"\x11" * 20) -> None:
        self.identity = LedgerIdentity(CHAIN_ID, address, lanes, 1)
        self.state = [LaneState(1, genesis_head(CHAIN_ID, address, lane)) for lane in range(lanes)]
        self.marks: dict[tuple[int, str], ProducerMark] = {}
        self.mined: list[MinedBatch] = []
        self.sent: dict[bytes, bytes] = {}
        self.times = [BEGAN, BEGAN]
        self.keys: dict[str, Ed25519PrivateKey] = {}
        self.registered: list[ProducerKey] = []

    def register(self, service: str) -> Ed25519PrivateKey:
        """A fresh key of the service, in force from now on."""
        key = Ed25519PrivateKey.generate()
        self.keys[service] = key
        self.registered.append(ProducerKey(service, public_bytes(key), len(self.times) - 1, len(self.registered)))
        return key

    def genesis(self, lane: int) -> bytes:
        """The lane's genesis head."""
        return genesis_head(self.identity.chain_id, self.identity.contract, lane)

    def seal(self, lane: int, run: RunOf) -> bytes:
        """The run as its service signs it, numbered after the mark."""
        key = self.keys.get(run.service) or self.register(run.service)
        mark = self.marks.get((lane, run.service), ProducerMark(0, 0))
        first = mark.last + 1 if mark.epoch == run.epoch else 1
        blob = encode_run(run.service, lane, run.epoch, first, run.decisions)
        self.marks[lane, run.service] = ProducerMark(run.epoch, first + len(run.decisions) - 1)
        return seal_run(key, self.genesis(lane), blob)

    def attest(self, lane: int, *runs: RunOf, time: int | None = None) -> MinedBatch:
        """Mine one batch of these runs; `time` is the block's, Unix seconds."""
        return self.mine(lane, [self.seal(lane, run) for run in runs], time)

    def mine(self, lane: int, sealed: Sequence[bytes], time: int | None = None) -> MinedBatch:
        """Mine one batch of sealed runs as they are."""
        decoded = [decode_run(one[64:]) for one in sealed]
        leaves = [leaf(raw) for run in decoded for raw, _ in records(run)]
        first, head = self.state[lane]
        call = abi.AttestCall(lane, first, head, marks_of(decoded), b"".join(leaves), encode_payload(sealed))
        return self.append(call, extend(head, leaves), merkle_root(leaves), time)

    def append(self, call: abi.AttestCall, head: bytes, root: bytes, time: int | None = None) -> MinedBatch:
        """Mine this call, whatever it says."""
        block, count = len(self.times), len(call.leaves) // 32
        self.times.append(time if time is not None else self.times[-1] + 1)
        transaction = keccak(b"transaction" + self.identity.contract + abi.word(block))
        self.sent[transaction] = abi.encode_attest(call)
        place = (block, self.hash(block), transaction, 0)
        batch = MinedBatch(call.lane, call.first, count, head, root, *place)
        self.mined.append(batch)
        self.state[call.lane] = LaneState(call.first + count, head)
        return batch

    def hash(self, block: int) -> bytes:
        """The hash of a block."""
        return keccak(b"block" + self.identity.contract + abi.word(block))

    # --- LedgerReader -------------------------------------------------------------------------------------------------

    async def height(self) -> int:
        """See LedgerReader.height."""
        return len(self.times) - 1

    async def lane(self, lane: int) -> LaneState:
        """See LedgerReader.lane."""
        return self.state[lane]

    async def mark(self, lane: int, service: str) -> ProducerMark:
        """See LedgerReader.mark."""
        return self.marks.get((lane, service), ProducerMark(0, 0))

    async def producers(self) -> list[ProducerKey]:
        """See LedgerReader.producers."""
        return list(self.registered)

    async def batches(self, first_block: int, last_block: int, lane: int | None = None) -> list[MinedBatch]:
        """See LedgerReader.batches."""
        return [one for one in self.mined if first_block <= one.block <= last_block and lane in (None, one.lane)]

    async def calldata(self, transaction: bytes) -> bytes:
        """See LedgerReader.calldata."""
        return self.sent[transaction]

    async def block_time(self, number: int) -> tuple[bytes, int]:
        """See LedgerReader.block_time."""
        return self.hash(number), self.times[number]
