"""The Ledger port: what the write path asks of a node, whatever the node (W-22)."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from libs.kernel.errors import CartularyError


class LedgerUnreachable(CartularyError):
    """No configured node answered in time; ask again later (invariant 14)."""

    code = "ledger-unreachable"
    status = 503
    title = "The ledger is out of reach"


class LedgerRejected(CartularyError):
    """A node refused a transaction for good: these bytes will never be mined."""

    code = "ledger-rejected"


class NonceTaken(CartularyError):
    """The transaction's nonce is used up: mined already, by these bytes or others (W-11: neither success nor error)."""

    code = "nonce-taken"


class LedgerIdentity(NamedTuple):
    """Which ledger: chain id, contract address (20 bytes), number of lanes, block of its deployment."""

    chain_id: int
    contract: bytes
    lanes: int
    deployed_block: int


class LaneState(NamedTuple):
    """The contract's memory of a lane: the next sequence number and the head."""

    next: int
    head: bytes


class ProducerMark(NamedTuple):
    """The last attested decision of a producer in a lane; (0, 0) when there is none."""

    epoch: int
    last: int


class MinedBatch(NamedTuple):
    """A `Batch` log of the contract and where it stands; hashes are 32 bytes."""

    lane: int
    first: int
    count: int  # type: ignore[assignment]  # shadows tuple.count, which nobody calls
    head: bytes
    root: bytes
    block: int
    block_hash: bytes
    transaction: bytes
    transaction_index: int


class MinedTransaction(NamedTuple):
    """A transaction to the contract in a block; `batch` is None when it reverted."""

    hash: bytes
    sender: bytes
    nonce: int
    calldata: bytes
    batch: MinedBatch | None


class MinedBlock(NamedTuple):
    """A block with its transactions to the contract; `time` is Unix seconds."""

    number: int
    hash: bytes
    time: int
    transactions: list[MinedTransaction]


class ProducerKey(NamedTuple):
    """A registration of a producer's Ed25519 key, in force after its (block, log index)."""

    service: str
    key: bytes
    block: int
    log_index: int


class LedgerReader(Protocol):
    """Reading the ledger; every method raises LedgerUnreachable when no node answers in time."""

    identity: LedgerIdentity

    async def height(self) -> int:
        """The number of the newest block, never lower than one seen before (W-12)."""
        ...

    async def lane(self, lane: int) -> LaneState:
        """The lane's state at the newest block."""
        ...

    async def mark(self, lane: int, service: str) -> ProducerMark:
        """The producer's mark in the lane at the newest block."""
        ...

    async def producers(self) -> list[ProducerKey]:
        """Every key registration, oldest first."""
        ...

    async def batches(self, first_block: int, last_block: int, lane: int | None = None) -> list[MinedBatch]:
        """The batch logs of these blocks (both included), in ledger order; of one lane, or of all."""
        ...

    async def calldata(self, transaction: bytes) -> bytes:
        """The calldata of a mined transaction; raises LedgerUnreachable while no node has it."""
        ...

    async def block_time(self, number: int) -> tuple[bytes, int]:
        """Hash and Unix time of a block."""
        ...


class Ledger(LedgerReader, Protocol):
    """Reading and writing, for the attestation service."""

    async def block(self, number: int) -> MinedBlock | None:
        """The block with its transactions to the contract; None while the node does not have it yet."""
        ...

    async def nonce(self, sender: bytes) -> int:
        """The next nonce of the sender by mined transactions alone."""
        ...

    async def send(self, raw: bytes) -> None:
        """Offer signed bytes to the pool; knowing them already is no error.

        Raises NonceTaken, LedgerRejected, or LedgerUnreachable (the node may have accepted all the same).
        """
        ...
