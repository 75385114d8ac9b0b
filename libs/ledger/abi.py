"""The contract's calls and logs in bytes, by hand: one call carries a megabyte, and nothing here may be slow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from libs.kernel.errors import CartularyError
from libs.ledger.hashing import HASH_BYTES, keccak

WORD = 32
_ATTEST_WORDS = 6
_MARK_WORDS = 4
_ADDRESS_AT = 12
_MOST_UINT64 = 2**64 - 1


class MalformedCall(CartularyError):
    """Bytes that claim to be a call, an answer or a log of the contract and are not."""

    code = "malformed-call"


class Mark(NamedTuple):
    """Decisions `first` … `last` of a producer's epoch that a batch attests (W-9); `producer` is 32 bytes."""

    producer: bytes
    epoch: int
    first: int
    last: int


class AttestCall(NamedTuple):
    """The arguments of `attest`; `leaves` are packed 32-byte data hashes."""

    lane: int
    first: int
    expected_head: bytes
    marks: tuple[Mark, ...]
    leaves: bytes
    payload: bytes


def selector(signature: str) -> bytes:
    """The first four bytes of a signature's hash."""
    return keccak(signature.encode())[:4]


def topic(signature: str) -> bytes:
    """The topic of an event's signature."""
    return keccak(signature.encode())


ATTEST = selector("attest(uint64,uint64,bytes32,(bytes32,uint64,uint64,uint64)[],bytes,bytes)")
BATCH_TOPIC = topic("Batch(uint64,uint64,uint64,bytes32,bytes32)")
PRODUCER_TOPIC = topic("ProducerRegistered(bytes32,bytes32)")
PRODUCER_TOPICS = (PRODUCER_TOPIC,)
LANE_TOPIC = topic("LaneGranted(uint64,address)")

ERRORS = {
    selector(signature): signature.partition("(")[0]
    for signature in (
        "NotOwner(address)",
        "NotPendingOwner(address)",
        "NoLanes()",
        "UnknownLane(uint64)",
        "NotHolder(uint64,address)",
        "NotDirect(address)",
        "EmptyBatch()",
        "BatchTooLarge(uint256)",
        "RaggedLeaves(uint256)",
        "WrongSequence(uint64,uint64)",
        "WrongHead(bytes32,bytes32)",
        "NoMarks()",
        "UnknownProducer(bytes32)",
        "BrokenMark(bytes32,uint64,uint64)",
        "EmptyName()",
        "EmptyKey()",
    )
}


def word(number: int) -> bytes:
    """A number as one ABI word."""
    return number.to_bytes(WORD, "big")


def _dynamic(data: bytes) -> bytes:
    return word(len(data)) + data + b"\x00" * (-len(data) % WORD)


def encode_attest(call: AttestCall) -> bytes:
    """The calldata of `attest`."""
    marks = word(len(call.marks)) + b"".join(
        mark.producer + word(mark.epoch) + word(mark.first) + word(mark.last) for mark in call.marks
    )
    leaves, payload = _dynamic(call.leaves), _dynamic(call.payload)
    at = _ATTEST_WORDS * WORD
    offsets = word(at) + word(at + len(marks)) + word(at + len(marks) + len(leaves))
    return b"".join((ATTEST, word(call.lane), word(call.first), call.expected_head, offsets, marks, leaves, payload))


def decode_attest(calldata: bytes) -> AttestCall:
    """The arguments of canonical `attest` calldata; raises MalformedCall for anything else."""
    if calldata[:4] != ATTEST or len(calldata) < 4 + _ATTEST_WORDS * WORD:
        raise MalformedCall("not a call of attest", field="calldata", value=calldata[:4].hex())
    body = memoryview(calldata)[4:]
    at = _number(body, 3 * WORD)
    count = _number(body, at)
    if at + WORD + count * _MARK_WORDS * WORD > len(body):
        raise MalformedCall("the calldata is cut off", field="marks", value=count)
    marks = tuple(
        Mark(
            bytes(body[start : start + WORD]),
            *(_uint64(body, start + WORD * n) for n in range(1, _MARK_WORDS)),
        )
        for start in range(at + WORD, at + WORD + count * _MARK_WORDS * WORD, _MARK_WORDS * WORD)
    )
    leaves = _bytes(body, _number(body, 4 * WORD))
    payload = _bytes(body, _number(body, 5 * WORD))
    call = AttestCall(_uint64(body, 0), _uint64(body, WORD), bytes(body[2 * WORD : 3 * WORD]), marks, leaves, payload)
    if len(leaves) % HASH_BYTES or encode_attest(call) != calldata:
        raise MalformedCall("the calldata of attest is not in canonical form", field="calldata")
    return call


def _number(body: memoryview | bytes, at: int) -> int:
    if at + WORD > len(body):
        raise MalformedCall("the calldata is cut off", field="calldata", value=at)
    return int.from_bytes(body[at : at + WORD], "big")


def _uint64(body: memoryview | bytes, at: int) -> int:
    number = _number(body, at)
    if number > _MOST_UINT64:
        raise MalformedCall("a number has at most 64 bits", field="calldata", value=at)
    return number


def _bytes(body: memoryview, at: int) -> bytes:
    length = _number(body, at)
    if at + WORD + length > len(body):
        raise MalformedCall("the calldata is cut off", field="calldata", value=at)
    return bytes(body[at + WORD : at + WORD + length])


def encode_lane(lane: int) -> bytes:
    """The call `lane(lane)`."""
    return selector("lane(uint64)") + word(lane)


def decode_lane(answer: bytes) -> tuple[int, bytes]:
    """Next sequence number and head."""
    _check_words(answer, 2)
    return _uint64(answer, 0), answer[WORD:]


def encode_mark(lane: int, producer: bytes) -> bytes:
    """The call `mark(lane, producer)`."""
    return selector("mark(uint64,bytes32)") + word(lane) + producer


def decode_mark(answer: bytes) -> tuple[int, int]:
    """Epoch and last seq."""
    _check_words(answer, 2)
    return _uint64(answer, 0), _uint64(answer, WORD)


def encode_lanes() -> bytes:
    """The call `lanes()`."""
    return selector("lanes()")


def encode_holder(lane: int) -> bytes:
    """The call `holder(lane)`."""
    return selector("holder(uint64)") + word(lane)


def encode_producer_key(producer: bytes) -> bytes:
    """The call `producerKey(producer)`."""
    return selector("producerKey(bytes32)") + producer


def _check_words(answer: bytes, count: int) -> None:
    if len(answer) != count * WORD:
        raise MalformedCall(f"an answer of {count} words was expected", field="answer", value=answer.hex())


def decode_batch_log(topics: Sequence[bytes], data: bytes) -> tuple[int, int, int, bytes, bytes]:
    """Lane, first, count, head and root of a `Batch` log."""
    if len(topics) != 2 or topics[0] != BATCH_TOPIC or len(data) != 4 * WORD:
        raise MalformedCall("not a Batch log", field="topics", value=[one.hex() for one in topics])
    head, root = data[2 * WORD : 3 * WORD], data[3 * WORD :]
    return _uint64(topics[1], 0), _uint64(data, 0), _uint64(data, WORD), head, root


def decode_producer_log(topics: Sequence[bytes], data: bytes) -> tuple[bytes, bytes]:
    """Name and Ed25519 key of a `ProducerRegistered` log."""
    if len(topics) != 2 or topics[0] != PRODUCER_TOPIC or len(data) != WORD:
        raise MalformedCall("not a ProducerRegistered log", field="topics", value=[one.hex() for one in topics])
    return topics[1], data


def decode_lane_log(topics: Sequence[bytes], data: bytes) -> tuple[int, bytes]:
    """Lane and holder (20 bytes, zeros for nobody) of a `LaneGranted` log."""
    if len(topics) != 2 or topics[0] != LANE_TOPIC or len(data) != WORD or any(data[:_ADDRESS_AT]):
        raise MalformedCall("not a LaneGranted log", field="topics", value=[one.hex() for one in topics])
    return _uint64(topics[1], 0), data[_ADDRESS_AT:]


def error_name(data: bytes) -> str | None:
    """The name of the contract's error that a revert carries, None for another's."""
    return ERRORS.get(data[:4])
