"""Opening a batch catches every lie about it (W-12, W-14, ledger.md "verify")."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from libs.ledger.abi import AttestCall
from libs.ledger.codec import decode_payload, encode_payload, encode_run
from libs.ledger.opening import GRACE_BLOCKS, BadBatch, Lie, ProducerKeys, check_batch, marks_of, open_batch
from libs.ledger.port import ProducerKey
from libs.ledger.record import seal_run
from libs.ledger.tests.samples import GENESIS, KEY, batch_of, decision, place_of, sealed_run

KEYS = ProducerKeys([ProducerKey("orders", KEY.public_key().public_bytes_raw(), 2, 0)])
BATCH = batch_of(sealed_run(1), sealed_run(4, 2, events=2))
PLACE, CALL = place_of(BATCH)


def lie(place: Any = PLACE, payload: bytes = CALL.payload, call: AttestCall | None = CALL, **keys: Any) -> Lie:
    """The lie that opening finds."""
    with pytest.raises(BadBatch) as found:
        open_batch(place, payload, call=call, **{"keys": KEYS, "genesis_head": GENESIS, **keys})
    with pytest.raises(BadBatch) as checked:
        check_batch(place, payload, call=call, **{"keys": KEYS, "genesis_head": GENESIS, **keys})
    assert checked.value.detail == found.value.detail
    return found.value.kind


def test_w14_an_honest_batch_opens_to_its_events_in_order() -> None:
    events = open_batch(PLACE, CALL.payload, call=CALL, keys=KEYS, genesis_head=GENESIS)
    assert [event.sequence for event in events] == [1, 2, 3, 4, 5, 6, 7]
    assert [event.body["decision"]["index"] for event in events] == [0, 0, 0, 0, 1, 0, 1]
    assert open_batch(PLACE, CALL.payload) == events


def test_an_altered_body_is_found_with_and_without_the_calldata() -> None:
    runs = decode_payload(CALL.payload)
    payload = encode_payload([runs[0].replace(b'"1.5"', b'"9.5"'), runs[1]])
    assert lie(payload=payload, keys=None) is Lie.ALTERED_BODY
    assert lie(payload=payload, call=None, keys=None) is Lie.ALTERED_BODY
    assert lie(payload=payload) is Lie.FOREIGN_SIGNATURE


def test_a_missing_and_an_extra_record_are_found() -> None:
    runs = decode_payload(CALL.payload)
    assert lie(payload=encode_payload(runs[:1])) is Lie.MISSING_RECORD
    assert lie(payload=encode_payload([*runs, sealed_run(6).sealed])) is Lie.EXTRA_RECORD


def test_reordered_records_are_found() -> None:
    runs = decode_payload(CALL.payload)
    assert lie(payload=encode_payload(runs[::-1])) is Lie.REORDERED_RECORDS


def test_w10_a_broken_link_is_found() -> None:
    assert lie(place=replace(PLACE, head=bytes(32))) is Lie.BROKEN_LINK
    assert lie(call=CALL._replace(expected_head=bytes(32))) is Lie.BROKEN_LINK


def test_a_wrong_root_is_found() -> None:
    assert lie(place=replace(PLACE, root=bytes(32))) is Lie.WRONG_ROOT


def test_a_call_for_another_lane_or_height_is_found() -> None:
    assert lie(call=CALL._replace(lane=2)) is Lie.WRONG_LANE
    assert lie(call=CALL._replace(first=5)) is Lie.WRONG_LANE
    assert lie(call=CALL._replace(leaves=CALL.leaves[:-32])) is Lie.WRONG_HEIGHT
    assert lie(place=replace(PLACE, lane=2)) is Lie.WRONG_LANE


def test_w9_marks_that_are_not_those_of_the_runs_are_found() -> None:
    assert lie(call=CALL._replace(marks=(CALL.marks[0]._replace(last=99),))) is Lie.WRONG_MARK


def test_w7_a_run_that_its_service_did_not_sign_is_found() -> None:
    assert lie(keys=ProducerKeys([])) is Lie.FOREIGN_SIGNATURE
    assert lie(genesis_head=bytes(32)) is Lie.FOREIGN_SIGNATURE


@pytest.mark.parametrize("payload", [b"", b"\x02", b"\x01junk", encode_payload([b"x" * 70]), CALL.payload[:-3]])
def test_an_unreadable_payload_is_a_lie_and_no_crash(payload: bytes) -> None:
    assert lie(payload=payload) is Lie.UNREADABLE


def test_w7_a_replaced_key_is_good_for_what_was_on_its_way_and_no_longer() -> None:
    new = bytes(31) + b"\x01"
    keys = ProducerKeys(
        [ProducerKey("orders", KEY.public_key().public_bytes_raw(), 2, 0), ProducerKey("orders", new, 9, 0)]
    )
    sealed = seal_run(KEY, GENESIS, encode_run("orders", 1, 1, 1, [decision(1)]))
    assert not keys.signed(sealed, "orders", GENESIS, 1)
    assert keys.signed(sealed, "orders", GENESIS, 2)
    assert keys.signed(sealed, "orders", GENESIS, 9 + GRACE_BLOCKS)
    assert not keys.signed(sealed, "orders", GENESIS, 10 + GRACE_BLOCKS)
    assert not keys.signed(sealed, "orders", GENESIS, None)
    assert not keys.signed(sealed, "funds", GENESIS, 5)


def test_w9_marks_join_runs_that_continue_and_part_where_a_life_ends() -> None:
    runs = [
        sealed_run(1),
        sealed_run(1, service="funds"),
        sealed_run(4),
        sealed_run(1, epoch=2),
        sealed_run(4, epoch=2),
    ]
    marks = [(m.producer.rstrip(b"\0"), m.epoch, m.first, m.last) for m in marks_of([run.run for run in runs])]
    assert marks == [(b"orders", 1, 1, 6), (b"funds", 1, 1, 3), (b"orders", 2, 1, 6)]
