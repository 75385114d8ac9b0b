"""The hand-made encoding against eth_abi, and every way in which calldata can be wrong."""

from __future__ import annotations

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st

from libs.ledger import abi
from libs.ledger.artifact import artifact

ATTEST_TYPES = ["uint64", "uint64", "bytes32", "(bytes32,uint64,uint64,uint64)[]", "bytes", "bytes"]
MARKS_AT, LEAVES_AT, PAYLOAD_AT = 4 + 3 * 32, 4 + 4 * 32, 4 + 5 * 32

uint64 = st.integers(0, 2**64 - 1)
word = st.binary(min_size=32, max_size=32)
marks = st.lists(st.builds(abi.Mark, word, uint64, uint64, uint64), max_size=5).map(tuple)
leaves = st.lists(word, max_size=5).map(b"".join)
calls = st.builds(abi.AttestCall, uint64, uint64, word, marks, leaves, st.binary(max_size=100))

CALL = abi.AttestCall(3, 7, b"h" * 32, (abi.Mark(b"funds".ljust(32, b"\0"), 1, 5, 9),), b"l" * 64, b"payload")
GOOD = abi.encode_attest(CALL)


def with_word(at: int, number: int) -> bytes:
    """The good calldata with another number at a place."""
    return GOOD[:at] + number.to_bytes(32, "big") + GOOD[at + 32 :]


def number_at(at: int) -> int:
    return int.from_bytes(GOOD[at : at + 32], "big")


@given(calls)
def test_the_calldata_of_attest_is_eth_abis(call: abi.AttestCall) -> None:
    selector = keccak(text=f"attest({','.join(ATTEST_TYPES)})")[:4]
    assert abi.encode_attest(call) == selector + encode(ATTEST_TYPES, call)


@given(calls)
def test_what_was_encoded_decodes_to_the_same(call: abi.AttestCall) -> None:
    assert abi.decode_attest(abi.encode_attest(call)) == call


@given(st.binary(max_size=400))
def test_any_other_bytes_are_refused_by_name(noise: bytes) -> None:
    with pytest.raises(abi.MalformedCall):
        abi.decode_attest(abi.ATTEST + noise)


@given(st.data())
def test_calldata_with_a_flipped_byte_is_refused_or_another_call(data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(GOOD) - 1))
    wrong = bytearray(GOOD)
    wrong[at] ^= data.draw(st.integers(1, 255))
    try:
        found = abi.decode_attest(bytes(wrong))
    except abi.MalformedCall:
        return
    assert found != CALL
    assert abi.encode_attest(found) == bytes(wrong)


@pytest.mark.parametrize("length", range(len(GOOD)))
def test_calldata_cut_off_anywhere_is_refused(length: int) -> None:
    with pytest.raises(abi.MalformedCall):
        abi.decode_attest(GOOD[:length])


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(GOOD + b"\0", id="a byte behind the end"),
        pytest.param(GOOD + bytes(32), id="a word behind the end"),
        pytest.param(GOOD[:-1] + b"\1", id="padding that is not zero"),
        pytest.param(abi.LANE_TOPIC[:4] + GOOD[4:], id="another function"),
        pytest.param(with_word(4, 2**64), id="a lane beyond 64 bits"),
        pytest.param(with_word(36, 2**256 - 1), id="a first record beyond 64 bits"),
        pytest.param(with_word(MARKS_AT, 2**256 - 1), id="an offset of the marks far outside"),
        pytest.param(with_word(MARKS_AT, 0), id="marks that lie over the head"),
        pytest.param(with_word(LEAVES_AT, number_at(PAYLOAD_AT)), id="leaves that are the payload"),
        pytest.param(with_word(PAYLOAD_AT, number_at(LEAVES_AT)), id="a payload that is the leaves"),
        pytest.param(with_word(PAYLOAD_AT, 2**255), id="an offset of the payload far outside"),
        pytest.param(with_word(4 + number_at(MARKS_AT), 2**255), id="very many marks"),
        pytest.param(with_word(4 + number_at(MARKS_AT) + 64, 2**64), id="an epoch beyond 64 bits"),
        pytest.param(with_word(4 + number_at(LEAVES_AT), 63), id="leaves that are no whole hashes"),
        pytest.param(with_word(4 + number_at(PAYLOAD_AT), 2**64), id="a payload longer than the calldata"),
    ],
)
def test_malformed_calldata_is_refused(wrong: bytes) -> None:
    with pytest.raises(abi.MalformedCall):
        abi.decode_attest(wrong)


@given(uint64, uint64, uint64, word, word)
def test_a_batch_log_decodes(lane: int, first: int, count: int, head: bytes, root: bytes) -> None:
    data = encode(["uint64", "uint64", "bytes32", "bytes32"], [first, count, head, root])
    topics = [abi.BATCH_TOPIC, lane.to_bytes(32, "big")]
    assert abi.decode_batch_log(topics, data) == (lane, first, count, head, root)
    for wrong_topics, wrong_data in (
        (topics[:1], data),
        ([abi.LANE_TOPIC, topics[1]], data),
        (topics, data[:-1]),
        (topics, data + bytes(32)),
        (topics, b"\xff" * 128),
    ):
        with pytest.raises(abi.MalformedCall):
            abi.decode_batch_log(wrong_topics, wrong_data)


def test_logs_of_producers_and_lanes_decode_and_nothing_else_does() -> None:
    name, key, holder = b"n" * 32, b"k" * 32, b"h" * 20
    assert abi.decode_producer_log([abi.PRODUCER_TOPIC, name], key) == (name, key)
    assert abi.decode_lane_log([abi.LANE_TOPIC, bytes(31) + b"\2"], bytes(12) + holder) == (2, holder)
    with pytest.raises(abi.MalformedCall):
        abi.decode_producer_log([abi.LANE_TOPIC, name], key)
    with pytest.raises(abi.MalformedCall):
        abi.decode_lane_log([abi.LANE_TOPIC, name], bytes(12) + holder)
    with pytest.raises(abi.MalformedCall):
        abi.decode_lane_log([abi.LANE_TOPIC, bytes(32)], b"x" * 32)


@pytest.mark.parametrize("answer", [b"", bytes(63), bytes(65), b"\xff" * 64])
def test_an_answer_of_another_form_is_refused(answer: bytes) -> None:
    """A node may answer anything; an address without code answers nothing."""
    with pytest.raises(abi.MalformedCall):
        abi.decode_lane(answer)
    with pytest.raises(abi.MalformedCall):
        abi.decode_mark(answer)


def signature(entry: dict[str, object]) -> str:
    """Name and types of an entry of the compiler's ABI."""
    inputs = entry["inputs"]
    assert isinstance(inputs, list)
    types = ("(bytes32,uint64,uint64,uint64)[]" if one["type"] == "tuple[]" else one["type"] for one in inputs)
    return f"{entry['name']}({','.join(types)})"


def test_selectors_and_topics_are_those_of_the_compiled_contract() -> None:
    named = {(entry["type"], entry["name"]): signature(entry) for entry in artifact()["abi"] if "name" in entry}
    function = {name: abi.selector(text) for (kind, name), text in named.items() if kind == "function"}
    event = {name: abi.topic(text) for (kind, name), text in named.items() if kind == "event"}
    assert function["attest"] == abi.ATTEST
    assert function["lanes"] == abi.encode_lanes()
    assert function["lane"] == abi.encode_lane(1)[:4]
    assert function["mark"] == abi.encode_mark(1, bytes(32))[:4]
    assert function["holder"] == abi.encode_holder(1)[:4]
    assert function["producerKey"] == abi.encode_producer_key(bytes(32))[:4]
    assert event["Batch"] == abi.BATCH_TOPIC
    assert event["ProducerRegistered"] == abi.PRODUCER_TOPIC
    assert event["LaneGranted"] == abi.LANE_TOPIC
    errors = {abi.selector(text): name for (kind, name), text in named.items() if kind == "error"}
    assert errors == abi.ERRORS


def test_a_revert_is_named_by_its_first_four_bytes() -> None:
    assert abi.error_name(abi.selector("EmptyBatch()")) == "EmptyBatch"
    assert abi.error_name(abi.selector("Error(string)") + bytes(32)) is None
    assert abi.error_name(b"") is None
