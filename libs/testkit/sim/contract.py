"""EventLedger in Python, written from ledger.md alone; the Solidity tests may be held against it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from sha3 import keccak_256

NOBODY = bytes(20)
_DOMAIN = keccak_256(b"cartulary.lane.v1").digest()
_WORD = 32


class RevertedError(Exception):
    """The transaction reverts; the argument says why."""


class ModelMark(NamedTuple):
    """What a batch says of one producer: 32 bytes of name, epoch, first and last decision."""

    producer: bytes
    epoch: int
    first: int
    last: int


class Logged(NamedTuple):
    """The `Batch` log."""

    lane: int
    first: int
    count: int  # type: ignore[assignment]  # shadows tuple.count, as in the port
    head: bytes
    root: bytes


@dataclass(frozen=True)
class ContractState:
    """Everything that the contract stores; frozen, so that a block's state is a reference."""

    owner: bytes
    pending_owner: bytes
    lanes: tuple[tuple[int, bytes], ...]
    holders: tuple[bytes, ...]
    marks: dict[tuple[int, bytes], tuple[int, int]] = field(default_factory=dict)
    keys: dict[bytes, bytes] = field(default_factory=dict)


def genesis(chain_id: int, address: bytes, lanes: int, owner: bytes) -> ContractState:
    """The state after the deployment: every lane at 1, at its genesis head, held by nobody."""
    heads = tuple(
        keccak_256(_DOMAIN + _word(chain_id) + address.rjust(_WORD, b"\0") + _word(lane)).digest()
        for lane in range(lanes)
    )
    return ContractState(owner, NOBODY, tuple((1, head) for head in heads), (NOBODY,) * lanes)


def _word(number: int) -> bytes:
    return number.to_bytes(_WORD, "big")


def attest(
    state: ContractState,
    sender: bytes,
    lane: int,
    first: int,
    expected_head: bytes,
    marks: Sequence[ModelMark],
    leaves: bytes,
    *,
    most_leaves: int = 4_096,
) -> tuple[ContractState, Logged]:
    """Extend the lane, or raise RevertedError for what ledger.md lists."""
    if lane >= len(state.lanes):
        raise RevertedError("no such lane")
    if state.holders[lane] != sender or sender == NOBODY:
        raise RevertedError("the sender does not hold the lane")
    expected, head = state.lanes[lane]
    if first != expected:
        raise RevertedError("a gap")
    if expected_head != head:
        raise RevertedError("another head")
    count, rest = divmod(len(leaves), _WORD)
    if rest or not 0 < count <= most_leaves:
        raise RevertedError("empty, cut off or too large")
    if not marks:
        raise RevertedError("no marks")
    moved = dict(state.marks)
    for mark in marks:
        _move(state, moved, lane, mark)
    hashes = [leaves[at : at + _WORD] for at in range(0, len(leaves), _WORD)]
    for one in hashes:
        head = keccak_256(head + one).digest()
    lanes = tuple((first + count, head) if at == lane else known for at, known in enumerate(state.lanes))
    return replace(state, lanes=lanes, marks=moved), Logged(lane, first, count, head, root(hashes))


def _move(state: ContractState, moved: dict[tuple[int, bytes], tuple[int, int]], lane: int, mark: ModelMark) -> None:
    if mark.producer not in state.keys:
        raise RevertedError("an unregistered producer")
    epoch, last = moved.get((lane, mark.producer), (0, 0))
    continues = 0 < mark.epoch == epoch and mark.first == last + 1
    begins = mark.epoch > epoch and mark.first == 1  # so that an epoch is at least 1
    if not (continues or begins) or mark.last < mark.first:
        raise RevertedError("a mark that does not continue its producer's")
    moved[(lane, mark.producer)] = (mark.epoch, mark.last)


def root(hashes: Sequence[bytes]) -> bytes:
    """RFC 6962's tree over hashed leaves: split at the largest power of two below the count."""
    if len(hashes) == 1:
        return hashes[0]
    split = 1 << (len(hashes) - 1).bit_length() - 1
    return bytes(keccak_256(b"\x01" + root(hashes[:split]) + root(hashes[split:])).digest())


def _owned(state: ContractState, sender: bytes) -> None:
    if sender != state.owner:
        raise RevertedError("not the owner")


def register_producer(state: ContractState, sender: bytes, name: bytes, key: bytes) -> ContractState:
    """Register a producer's key, or replace it."""
    _owned(state, sender)
    if name == bytes(_WORD) or key == bytes(_WORD):
        raise RevertedError("an empty name or key")
    return replace(state, keys={**state.keys, name: key})


def grant_lane(state: ContractState, sender: bytes, lane: int, holder: bytes) -> ContractState:
    """Give the lane to a holder; nobody for the zero address."""
    _owned(state, sender)
    if lane >= len(state.lanes):
        raise RevertedError("no such lane")
    return replace(state, holders=tuple(holder if at == lane else known for at, known in enumerate(state.holders)))


def transfer_ownership(state: ContractState, sender: bytes, new_owner: bytes) -> ContractState:
    """Offer the ownership; it moves when the new owner accepts."""
    _owned(state, sender)
    return replace(state, pending_owner=new_owner)


def accept_ownership(state: ContractState, sender: bytes) -> ContractState:
    """Take the ownership that was offered."""
    if sender != state.pending_owner or sender == NOBODY:
        raise RevertedError("not the pending owner")
    return replace(state, owner=sender, pending_owner=NOBODY)
