"""Runs and payloads: what is written is read back, and what is malformed is refused (docs/payload-format.md)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

import orjson
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.kernel.canonical import canonical, check
from libs.kernel.envelope import Decision, Producer, body
from libs.ledger.codec import (
    MAX_DECISION_EVENTS,
    MAX_PAYLOAD_BYTES,
    PAYLOAD_VERSION,
    SIGNATURE_BYTES,
    MalformedRun,
    decisions,
    decode_payload,
    decode_run,
    encode_payload,
    encode_run,
    records,
    signed_message,
    split_sealed,
)
from libs.ledger.tests.decisions import decision, runs

RunParts = tuple[str, int, int, int, list[Decision]]


@given(runs)
def test_a_run_gives_back_its_decisions(parts: RunParts) -> None:
    service, lane, epoch, first, written = parts
    run = decode_run(encode_run(*parts))
    assert (run.service, run.lane, run.epoch, run.first) == (service, lane, epoch, first)
    assert run.last == first + len(written) - 1
    assert run.events == sum(len(one.events) for one in written)
    assert decisions(run) == written


@given(runs)
def test_the_records_of_a_run_are_the_bodies_of_its_decisions(parts: RunParts) -> None:
    """ledger.md, "The record": readers rebuild from the run what the service's own envelope says."""
    service, _, epoch, first, written = parts
    expected = [
        body(one, index, Producer(service, epoch, first + offset))
        for offset, one in enumerate(written)
        for index in range(len(one.events))
    ]
    found = records(decode_run(encode_run(*parts)))
    assert [record for _, record in found] == expected
    assert [raw for raw, _ in found] == [canonical(record) for record in expected]
    for _, record in found:
        check(record)


@given(runs)
def test_the_same_decisions_give_the_same_bytes(parts: RunParts) -> None:
    service, lane, epoch, first, _ = parts
    blob = encode_run(*parts)
    assert encode_run(service, lane, epoch, first, decisions(decode_run(blob))) == blob


@given(st.lists(st.binary(min_size=SIGNATURE_BYTES + 1, max_size=300), min_size=1, max_size=6))
def test_a_payload_gives_back_its_sealed_runs_as_they_stood(sealed: list[bytes]) -> None:
    assert decode_payload(encode_payload(sealed)) == sealed


def test_a_sealed_run_is_a_signature_and_a_run() -> None:
    assert split_sealed(b"s" * SIGNATURE_BYTES + b"run") == (b"s" * SIGNATURE_BYTES, b"run")
    with pytest.raises(MalformedRun):
        split_sealed(b"s" * SIGNATURE_BYTES)


def test_w7_a_signature_is_bound_to_the_lane_of_one_contract() -> None:
    assert signed_message(b"h" * 32, b"run") == b"cartulary.run.v1" + b"h" * 32 + b"run"


@st.composite
def mutated(draw: st.DrawFn, valid: bytes) -> bytes:
    """These bytes with a few of them changed, cut out, put in or doubled."""
    found = bytearray(valid)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(found)))
        length = draw(st.integers(0, 8))
        match draw(st.sampled_from(["change", "cut", "insert", "double", "end"])):
            case "change":
                found[at : at + 1] = draw(st.binary(min_size=1, max_size=1))
            case "cut":
                del found[at : at + length]
            case "insert":
                found[at:at] = draw(st.binary(max_size=8) | st.sampled_from([b"null", b"[]", b"-1", b"1.5", b"true"]))
            case "double":
                found[at:at] = found[at : at + length]
            case _:
                del found[at:]
    return bytes(found)


BLOB = encode_run("funds", 1, 2, 3, [decision(1, 2), decision(2, changed={"causation": str(UUID(int=5))})])
PAYLOAD = encode_payload([b"s" * SIGNATURE_BYTES + BLOB, b"t" * SIGNATURE_BYTES + BLOB])


@settings(max_examples=1_000)
@given(mutated(BLOB))
def test_w13_a_mutated_run_is_refused_by_name_or_can_be_read_whole(blob: bytes) -> None:
    try:
        run = decode_run(blob)
    except MalformedRun:
        return
    for raw, record in records(run):
        check(record)
        assert raw == canonical(record)
    assert encode_run(run.service, run.lane, run.epoch, run.first, decisions(run))


@settings(max_examples=500)
@given(mutated(PAYLOAD))
def test_w13_a_mutated_payload_is_refused_by_name_or_splits_into_sealed_runs(payload: bytes) -> None:
    try:
        sealed = decode_payload(payload)
    except MalformedRun:
        return
    assert sealed
    assert all(len(one) > SIGNATURE_BYTES for one in sealed)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 3) | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=9) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=10,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of everything inside a JSON value."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, inner in pairs for found in places(inner, (*path, key)))]


@settings(max_examples=1_000)
@given(st.sampled_from(places(orjson.loads(BLOB))), json_values)
def test_w13_a_run_with_any_other_value_anywhere_is_refused_by_name_or_can_be_read_whole(
    path: tuple[Any, ...], value: Any
) -> None:
    holder: Any = {"run": orjson.loads(BLOB)}
    *way, last = ("run", *path)
    inner = holder
    for step in way:
        inner = inner[step]
    inner[last] = value
    try:
        run = decode_run(canonical(holder["run"]))
    except MalformedRun:
        return
    for _, record in records(run):
        check(record)
    decisions(run)


@pytest.mark.parametrize(
    "changed",
    [
        {"v": 2},
        {"service": ""},
        {"service": 7},
        {"lane": -1},
        {"lane": True},
        {"epoch": 0},
        {"first": 0},
        {"first": 2**60},
        {"tenants": "acme"},
        {"tenants": {"0": "acme"}},
        {"actors": [{"sub": "s", "role": "r"}]},
        {"actors": [{"sub": "s", "role": "r", "onBehalfOf": None, "more": 1}]},
        {"actors": [{"sub": "s", "role": "r", "onBehalfOf": None, "distributor": None}]},
        {"actors": [{"sub": "s", "role": "r", "onBehalfOf": None, "distributor": 7}]},
        {"actors": [{"sub": "s", "role": "r", "distributor": "d"}]},
        {"decisions": []},
        {"more": 1},
    ],
)
def test_a_run_of_another_shape_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(MalformedRun):
        decode_run(canonical({**orjson.loads(BLOB), **changed}))


@pytest.mark.parametrize("data", [{"price": 1.5}, {"n": 2**53}, {"Größe": 1}, {"list": [{"deep": 0.5}]}])
def test_inv07_a_run_with_a_float_a_huge_integer_or_a_foreign_key_is_refused(data: dict[str, Any]) -> None:
    wrong = replace(decision(), events=(decision().events[0]._replace(data=data),))
    with pytest.raises(MalformedRun):
        decode_run(encode_run("funds", 0, 1, 1, [wrong]))


@pytest.mark.parametrize("field", ["id", "time"])
@pytest.mark.parametrize("text", ["", "x", "2026-02-30T00:00:00.000000Z", "{01980000-0000-7000-8000-000000000001}"])
def test_a_decision_without_a_uuid_and_a_utc_time_is_refused(field: str, text: str) -> None:
    with pytest.raises(MalformedRun):
        decode_run(encode_run("funds", 0, 1, 1, [decision(changed={field: text})]))


def test_a_run_that_is_not_canonical_is_refused() -> None:
    with pytest.raises(MalformedRun, match="canonical"):
        decode_run(BLOB.replace(b'"v":1', b'"v": 1'))


def test_w6_a_decision_of_more_than_a_thousand_events_is_refused() -> None:
    decode_run(encode_run("funds", 0, 1, 1, [decision(events=MAX_DECISION_EVENTS)]))
    with pytest.raises(MalformedRun, match="1000"):
        decode_run(encode_run("funds", 0, 1, 1, [decision(events=MAX_DECISION_EVENTS + 1)]))


def test_a_decompression_bomb_is_refused_before_it_expands() -> None:
    """Whoever reads bounds the decompression (ledger.md, "The contract")."""
    bomb = zstandard.ZstdCompressor().compress(b"\0" * (MAX_PAYLOAD_BYTES + 1))
    assert len(bomb) < 10_000
    with pytest.raises(MalformedRun, match="expands"):
        decode_payload(bytes([PAYLOAD_VERSION]) + bomb)


def test_a_bomb_that_does_not_say_its_size_is_refused() -> None:
    silent = zstandard.ZstdCompressor(write_content_size=False).compress(b"\0" * (MAX_PAYLOAD_BYTES + 1))
    with pytest.raises(MalformedRun, match="expands"):
        decode_payload(bytes([PAYLOAD_VERSION]) + silent)


@pytest.mark.parametrize("tail", [b"\0", PAYLOAD[1:], b"more"])
def test_bytes_behind_a_payload_are_refused(tail: bytes) -> None:
    with pytest.raises(MalformedRun):
        decode_payload(PAYLOAD + tail)


@pytest.mark.parametrize("payload", [b"", b"\0", b"\x01", b"\x02" + PAYLOAD[1:], PAYLOAD[:-1], b"\x01not zstd"])
def test_what_is_no_payload_is_refused(payload: bytes) -> None:
    with pytest.raises(MalformedRun):
        decode_payload(payload)
