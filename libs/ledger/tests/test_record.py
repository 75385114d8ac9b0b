"""The records of the bus: what goes in comes out, and anything else is named (W-14)."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.ledger.record import (
    GapReport,
    MalformedRecord,
    decode_gap,
    decode_record,
    decode_traces,
    encode_gap,
    encode_record,
    encode_traces,
    lane_key,
)
from libs.ledger.tests.samples import batch_of, place_of, sealed_run

PLACE, CALL = place_of(batch_of(sealed_run(1)))


def test_w14_a_batch_record_is_a_line_of_json_and_the_raw_payload() -> None:
    value = encode_record(PLACE, CALL.payload)
    line, _, payload = value.partition(b"\n")
    assert payload == CALL.payload
    assert orjson.loads(line)["previousHead"] == PLACE.previous_head.hex()
    assert decode_record(value) == (PLACE, CALL.payload)
    assert lane_key(3) == b"3"


@given(st.binary(max_size=300))
def test_anything_else_is_named(noise: bytes) -> None:
    with pytest.raises(MalformedRecord):
        decode_record(noise + b"\n")


@pytest.mark.parametrize("change", [{"v": 2}, {"first": -1}, {"count": "9"}, {"head": "zz"}, {"block": None}])
def test_a_header_out_of_shape_is_named(change: dict[str, object]) -> None:
    line, _, payload = encode_record(PLACE, CALL.payload).partition(b"\n")
    with pytest.raises(MalformedRecord):
        decode_record(orjson.dumps({**orjson.loads(line), **change}) + b"\n" + payload)


def test_traces_ride_in_a_header_and_a_broken_one_is_nothing() -> None:
    traces = {"0198": "00-aa-bb-01"}
    assert decode_traces(encode_traces(traces)) == traces
    assert encode_traces({}) == {}
    assert decode_traces({}) == decode_traces({"traceparents": b"{"}) == decode_traces({"traceparents": b"[]"}) == {}


def test_w8_a_gap_report_names_service_lane_epoch_and_what_is_there() -> None:
    report = GapReport("orders", 2, 1, 17)
    assert orjson.loads(encode_gap(report)) == {"service": "orders", "lane": 2, "epoch": 1, "have": 17}
    assert decode_gap(encode_gap(report)) == report
    for noise in (b"", b"[]", b'{"service":"x"}', b'{"epoch":1,"have":-1,"lane":0,"service":"x"}'):
        with pytest.raises(MalformedRecord):
            decode_gap(noise)
