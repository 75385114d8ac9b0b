"""The light encoder against eth_abi, and against bytes that only look like calls."""

from __future__ import annotations

import pytest
from eth_abi.abi import encode
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.ledger import abi
from libs.ledger.abi import AttestCall, MalformedCall, Mark
from libs.ledger.artifact import artifact

ATTEST_TYPES = ["uint64", "uint64", "bytes32", "(bytes32,uint64,uint64,uint64)[]", "bytes", "bytes"]
uint64 = st.integers(0, 2**64 - 1)
words = st.binary(min_size=32, max_size=32)
addresses = st.binary(min_size=20, max_size=20)
calls = st.builds(
    AttestCall,
    uint64,
    uint64,
    words,
    st.lists(st.builds(Mark, words, uint64, uint64, uint64), max_size=5).map(tuple),
    st.lists(words, max_size=5).map(b"".join),
    st.binary(max_size=100),
)


def signatures(kind: str) -> set[str]:
    """The signatures of the artifact's functions, events or errors."""
    return {
        f"{entry['name']}({','.join(abi_type(one) for one in entry['inputs'])})"
        for entry in artifact()["abi"]
        if entry["type"] == kind
    }


def abi_type(entry: dict[str, object]) -> str:
    """The type of an input as it stands in a signature."""
    if "components" not in entry:
        return str(entry["type"])
    parts = entry["components"]
    assert isinstance(parts, list)
    return f"({','.join(abi_type(one) for one in parts)}){str(entry['type']).removeprefix('tuple')}"


@given(calls)
def test_a_call_of_attest_is_encoded_as_eth_abi_does(call: AttestCall) -> None:
    expected = abi.ATTEST + encode(ATTEST_TYPES, [*call[:3], [tuple(mark) for mark in call.marks], *call[4:]])
    assert abi.encode_attest(call) == expected
    assert abi.decode_attest(expected) == call


@settings(max_examples=1_000)
@given(calls, st.data())
def test_mutated_calldata_is_refused_by_name_or_is_another_whole_call(call: AttestCall, data: st.DataObject) -> None:
    valid = bytearray(abi.encode_attest(call))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(valid)))
        match data.draw(st.sampled_from(["change", "cut", "insert", "word", "end"])):
            case "change":
                valid[at : at + 1] = data.draw(st.binary(min_size=1, max_size=1))
            case "cut":
                del valid[at : at + data.draw(st.integers(1, 64))]
            case "insert":
                valid[at:at] = data.draw(st.binary(max_size=33))
            case "word":
                start = 4 + 32 * data.draw(st.integers(0, 8))
                valid[start : start + 32] = abi.word(data.draw(st.integers(0, 2**256 - 1) | st.integers(0, 512)))
            case _:
                del valid[at:]
    try:
        found = abi.decode_attest(bytes(valid))
    except MalformedCall:
        return
    assert abi.encode_attest(found) == bytes(valid)
    assert len(found.leaves) % 32 == 0


@given(st.binary(max_size=400))
def test_any_bytes_behind_the_selector_are_refused_by_name_or_read(junk: bytes) -> None:
    try:
        abi.decode_attest(abi.ATTEST + junk)
    except MalformedCall:
        return


def test_a_call_that_claims_endless_marks_is_refused_at_once() -> None:
    calldata = bytearray(abi.encode_attest(AttestCall(0, 1, bytes(32), (), b"", b"")))
    calldata[4 + 6 * 32 : 4 + 7 * 32] = abi.word(2**255)
    with pytest.raises(MalformedCall):
        abi.decode_attest(bytes(calldata))


def test_selectors_topics_and_errors_are_those_of_the_artifact() -> None:
    by_selector = {abi.selector(one): one for one in signatures("function")}
    for encoded, name in (
        (abi.ATTEST, "attest"),
        (abi.encode_lane(1), "lane"),
        (abi.encode_mark(1, bytes(32)), "mark"),
        (abi.encode_lanes(), "lanes"),
        (abi.encode_holder(1), "holder"),
        (abi.encode_producer_key(bytes(32)), "producerKey"),
    ):
        assert by_selector[encoded[:4]].partition("(")[0] == name
    assert {abi.BATCH_TOPIC, abi.PRODUCER_TOPIC, abi.LANE_TOPIC} <= {abi.topic(one) for one in signatures("event")}
    assert {abi.selector(one): one.partition("(")[0] for one in signatures("error")} == abi.ERRORS


@given(uint64, words)
def test_views_are_encoded_as_eth_abi_does(lane: int, producer: bytes) -> None:
    assert abi.encode_lane(lane)[4:] == abi.encode_holder(lane)[4:] == encode(["uint64"], [lane])
    assert abi.encode_mark(lane, producer)[4:] == encode(["uint64", "bytes32"], [lane, producer])
    assert abi.encode_producer_key(producer)[4:] == producer


@given(uint64, uint64, words)
def test_answers_are_decoded_as_eth_abi_encodes_them(number: int, other: int, head: bytes) -> None:
    assert abi.decode_lane(encode(["uint64", "bytes32"], [number, head])) == (number, head)
    assert abi.decode_mark(encode(["uint64", "uint64"], [number, other])) == (number, other)


@given(uint64, uint64, uint64, words, words)
def test_a_batch_log_is_decoded_as_eth_abi_encodes_it(
    lane: int, first: int, count: int, head: bytes, root: bytes
) -> None:
    data = encode(["uint64", "uint64", "bytes32", "bytes32"], [first, count, head, root])
    assert abi.decode_batch_log([abi.BATCH_TOPIC, abi.word(lane)], data) == (lane, first, count, head, root)


@given(uint64, addresses, words, words)
def test_logs_of_the_owner_are_decoded(lane: int, holder: bytes, producer: bytes, key: bytes) -> None:
    assert abi.decode_lane_log([abi.LANE_TOPIC, abi.word(lane)], encode(["address"], [holder])) == (lane, holder)
    assert abi.decode_producer_log([abi.PRODUCER_TOPIC, producer], key) == (producer, key)


@given(st.lists(st.binary(max_size=33) | st.just(abi.BATCH_TOPIC), max_size=3), st.binary(max_size=160))
def test_answers_and_logs_of_another_shape_are_refused_by_name(topics: list[bytes], data: bytes) -> None:
    for decode in (abi.decode_batch_log, abi.decode_producer_log, abi.decode_lane_log):
        try:
            decode(topics, data)
        except MalformedCall:
            continue
    for answer in (abi.decode_lane, abi.decode_mark):
        try:
            answer(data)
        except MalformedCall:
            continue


def test_a_revert_names_the_contracts_error_or_none() -> None:
    assert abi.error_name(abi.selector("WrongHead(bytes32,bytes32)") + bytes(64)) == "WrongHead"
    assert abi.error_name(b"\x08\xc3\x79\xa0" + bytes(64)) is None
    assert abi.error_name(b"") is None
