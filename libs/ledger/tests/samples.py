"""Runs, batches and places for the tests of this folder."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from libs.kernel.envelope import Actor, BatchPlace, Decision, EventEntry
from libs.ledger import abi
from libs.ledger.batch import Batch, BatchBuilder, BatchLimits, SealedRun, hashed
from libs.ledger.codec import decode_run, encode_run
from libs.ledger.hashing import genesis_head, merkle_root
from libs.ledger.record import seal_run

LANE = 1
GENESIS = genesis_head(20261, b"\x11" * 20, LANE)
KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)


def decision(number: int, events: int = 1, filler: str = "") -> Decision:
    """A decision by number."""
    identity = f"0198c0de-0000-7000-8000-{number:012x}"
    entries = tuple(
        EventEntry("orders.OrderPlaced.v1", f"orders/LU1/order/{number}", version, {"note": filler, "units": "1.5"})
        for version in range(1, events + 1)
    )
    time = "2026-01-05T08:00:00.000000Z"
    return Decision(identity, time, "tenant-1", Actor("sub", "dealer"), None, identity, "c" * 64, "r" * 64, entries)


def sealed_run(first: int, decisions: int = 3, *, service: str = "orders", epoch: int = 1, events: int = 1,
               lane: int = LANE, filler: str = "", read_at: float = 0.0) -> SealedRun:  # fmt: skip
    """A run, signed and hashed."""
    blob = encode_run(service, lane, epoch, first, [decision(first + n, events, filler) for n in range(decisions)])
    return hashed(seal_run(KEY, GENESIS, blob), decode_run(blob), read_at=read_at)


def batch_of(*runs: SealedRun, first: int = 1, head: bytes = GENESIS) -> Batch:
    """The batch of exactly these runs."""
    builder = BatchBuilder(BatchLimits(events=4_096, transaction_bytes=1_000_000))
    for run in runs:
        builder.add(run)
    return builder.build(LANE, first, head)


def place_of(batch: Batch) -> tuple[BatchPlace, abi.AttestCall]:
    """Where the contract puts the batch, and its call."""
    call = abi.decode_attest(batch.calldata)
    leaves = [leaf for run in batch.runs for leaf in run.leaves]
    place = BatchPlace(
        LANE, batch.first, batch.count, batch.previous_head, batch.head, merkle_root(leaves),
        7, b"\x07" * 32, 1_767_600_000, b"\x08" * 32, 0,
    )  # fmt: skip
    return place, call
