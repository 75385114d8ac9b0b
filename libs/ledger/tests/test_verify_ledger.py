"""verify over a lying reader: every kind of lie is caught and named (C6, ledger.md "verify")."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from libs.ledger import abi
from libs.ledger.hashing import extend
from libs.ledger.opening import Lie
from libs.ledger.port import LaneState, ProducerMark
from libs.ledger.tests.deals import SERVICE, deal, key_in
from libs.ledger.tests.lying_reader import LyingReader, log_of, of_batch, runs, without
from libs.ledger.tests.verified import LANES, SIZE, first_lie, kinds, ledger
from libs.ledger.verify.batches import ClockFinding
from libs.ledger.verify.report import SENTENCES
from libs.ledger.verify.walk import verify
from libs.testkit.memory_ledger import BEGAN, MemoryLedger, RunOf


async def test_an_honest_ledger_is_true_and_counted() -> None:
    report = await verify(ledger())
    assert report.is_true
    assert (report.events, report.streams) == (LANES * 3 * SIZE, LANES * 5)
    assert report.services == {SERVICE: 18, "other": 18}
    assert [lane.next for lane in report.lanes] == [19, 19]
    assert report.wire()["true"] is True


async def test_an_empty_ledger_is_true() -> None:
    assert (await verify(MemoryLedger(4))).is_true


async def test_worker_processes_find_what_one_process_finds() -> None:
    honest = ledger()
    assert (await verify(honest, workers=2)).wire() == (await verify(honest)).wire()
    flipped = LyingReader(honest, call=of_batch(7, runs(lambda sealed: sealed[::-1])))
    assert (await verify(flipped, workers=2)).wire() == (await verify(flipped)).wire()


def test_every_kind_of_lie_has_a_sentence() -> None:
    assert set(SENTENCES) == set(Lie)


# --- one batch --------------------------------------------------------------------------------------------------------


def _flip(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def _resealed(change: Callable[[bytes], bytes]) -> Callable[[list[bytes]], list[bytes]]:
    return lambda sealed: [sealed[0][:64] + change(sealed[0][64:]), *sealed[1:]]


async def test_a_flipped_byte_of_a_body_is_a_foreign_signature() -> None:
    altered = _resealed(lambda run: run.replace(b'"note":"', b'"note":"9', 1))
    assert await first_lie(ledger(), call=of_batch(7, runs(altered))) is Lie.FOREIGN_SIGNATURE


async def test_an_altered_body_that_its_service_signed_again_is_an_altered_body() -> None:
    honest = ledger(batches=1)
    honest.marks.clear()
    key = key_in(0, LANES)
    other = honest.seal(0, RunOf(SERVICE, [deal(key, ("a", 1), ("b", 1), note="x"), deal(key, ("a", 2), note="y")]))
    honest.marks[0, SERVICE] = ProducerMark(1, 2)
    altered = runs(lambda sealed: [other, *sealed[1:]])
    assert await first_lie(honest, call=of_batch(1, altered)) is Lie.ALTERED_BODY


async def test_a_flipped_leaf_is_an_altered_body() -> None:
    lie = of_batch(7, lambda call: call._replace(leaves=_flip(call.leaves, 40)))
    assert await first_lie(ledger(), call=lie) is Lie.ALTERED_BODY


async def test_a_payload_that_is_none_is_unreadable() -> None:
    lie = of_batch(1, lambda call: call._replace(payload=_flip(call.payload, 0)))
    assert await first_lie(ledger(), call=lie) is Lie.UNREADABLE


async def test_calldata_that_is_no_call_is_unreadable() -> None:
    assert await first_lie(ledger(), bytes_of=lambda data: b"\0" + data) is Lie.UNREADABLE


async def test_a_run_left_out_of_a_payload_is_a_missing_record() -> None:
    assert await first_lie(ledger(), call=of_batch(7, runs(lambda sealed: sealed[:1]))) is Lie.MISSING_RECORD


async def test_a_run_put_into_a_payload_is_an_extra_record() -> None:
    honest = ledger()
    more = honest.seal(0, RunOf(SERVICE, [deal(key_in(0, LANES), ("z", 1))]))
    honest.marks[0, SERVICE] = ProducerMark(1, 6)
    assert await first_lie(honest, call=of_batch(7, runs(lambda sealed: [*sealed, more]))) is Lie.EXTRA_RECORD


async def test_runs_in_another_order_are_reordered_records() -> None:
    assert await first_lie(ledger(), call=of_batch(7, runs(lambda sealed: sealed[::-1]))) is Lie.REORDERED_RECORDS


async def test_w9_a_flipped_mark_is_a_wrong_mark() -> None:
    def lie(call: abi.AttestCall) -> abi.AttestCall:
        return call._replace(marks=(call.marks[0]._replace(last=call.marks[0].last + 1), *call.marks[1:]))

    assert await first_lie(ledger(), call=of_batch(13, lie)) is Lie.WRONG_MARK


async def test_another_root_in_the_log_is_a_wrong_root() -> None:
    assert await first_lie(ledger(), logs=log_of(7, root=b"\x01" * 32)) is Lie.WRONG_ROOT


async def test_another_head_in_the_log_is_a_broken_link() -> None:
    assert await first_lie(ledger(), logs=log_of(7, head=b"\x01" * 32)) is Lie.BROKEN_LINK


async def test_another_count_in_the_log_is_caught() -> None:
    assert await first_lie(ledger(), logs=log_of(13, count=5)) is Lie.WRONG_HEIGHT


# --- from batch to batch ----------------------------------------------------------------------------------------------


async def test_a_batch_left_out_is_a_missing_record() -> None:
    assert await first_lie(ledger(), logs=without(7)) is Lie.MISSING_RECORD


async def test_the_last_batch_left_out_is_a_missing_record_by_the_contracts_count() -> None:
    assert await first_lie(ledger(), logs=without(13)) is Lie.MISSING_RECORD


async def test_a_batch_shown_twice_is_an_extra_record() -> None:
    assert await first_lie(ledger(), logs=lambda logs: [*logs[:1], *logs]) is Lie.EXTRA_RECORD


async def test_batches_in_another_order_are_caught() -> None:
    assert await first_lie(ledger(), logs=lambda logs: logs[::-1]) is Lie.MISSING_RECORD


async def test_a_batch_at_another_height_is_a_wrong_height() -> None:
    honest = ledger()
    low = honest.mined[0]
    lie = log_of(7, block=low.block, block_hash=low.block_hash)
    assert await first_lie(honest, logs=lie) is Lie.WRONG_HEIGHT


async def test_w10_a_batch_on_another_head_is_a_broken_link() -> None:
    honest = ledger(batches=1)
    sealed = honest.seal(0, RunOf(SERVICE, [deal(key_in(0, LANES), ("a", 3))]))
    call = _call_of(honest, 0, [sealed])._replace(expected_head=b"\x05" * 32)
    honest.append(call, extend(b"\x05" * 32, [call.leaves]), call.leaves)
    assert await kinds(honest) == [Lie.BROKEN_LINK]


def _call_of(honest: MemoryLedger, lane: int, sealed: list[bytes]) -> abi.AttestCall:
    scratch = MemoryLedger(LANES, address=honest.identity.contract)
    scratch.state = list(honest.state)
    return abi.decode_attest(scratch.sent[scratch.mine(lane, sealed).transaction])


async def test_w9_a_decision_passed_over_is_a_wrong_mark() -> None:
    honest = ledger()
    honest.marks[0, SERVICE] = ProducerMark(1, 7)
    honest.attest(0, RunOf(SERVICE, [deal(key_in(0, LANES), ("a", 7))]))
    assert await kinds(honest) == [Lie.WRONG_MARK]


async def test_w21_an_older_life_after_a_newer_one_is_a_wrong_mark() -> None:
    honest = ledger(batches=1)
    key = key_in(0, LANES)
    honest.attest(0, RunOf(SERVICE, [deal(key, ("a", 3))], epoch=2))
    honest.attest(0, RunOf(SERVICE, [deal(key, ("a", 4))], epoch=1))
    assert await kinds(honest) == [Lie.WRONG_MARK]


async def test_the_contracts_head_must_be_the_one_walked() -> None:
    lie = await first_lie(ledger(), state=lambda state: LaneState(state.next, b"\x07" * 32))
    assert lie is Lie.WRONG_STATE


async def test_the_contracts_marks_must_be_those_walked() -> None:
    assert await first_lie(ledger(), marks=lambda mark: ProducerMark(mark.epoch, mark.last - 1)) is Lie.WRONG_STATE


async def test_w7_a_service_that_is_not_registered_is_a_foreign_signature() -> None:
    lie = await first_lie(ledger(), keys=lambda keys: [key for key in keys if key.service != "other"])
    assert lie is Lie.FOREIGN_SIGNATURE


# --- streams, lanes, ids, times ---------------------------------------------------------------------------------------


async def test_w2_a_stream_in_a_lane_that_is_not_its_own_is_a_wrong_lane() -> None:
    honest = MemoryLedger(LANES)
    honest.attest(0, RunOf(SERVICE, [deal(key_in(1, LANES), ("a", 1))]))
    assert await kinds(honest) == [Lie.WRONG_LANE]


async def test_w2_streams_of_two_keys_in_one_decision_are_a_wrong_lane() -> None:
    honest = MemoryLedger(1)
    one, two = deal("x", ("a", 1)), deal("y", ("a", 1))
    mixed = deal("x", ("a", 1), ("b", 1))
    object.__setattr__(mixed, "events", one.events + two.events)
    honest.attest(0, RunOf(SERVICE, [mixed]))
    assert await kinds(honest) == [Lie.WRONG_LANE]


async def test_a_service_that_writes_into_anothers_stream_is_a_wrong_lane() -> None:
    honest = MemoryLedger(1)
    honest.attest(0, RunOf(SERVICE, [deal("x", ("a", 1), service="other")]))
    assert await kinds(honest) == [Lie.WRONG_LANE]


async def test_w5_a_version_passed_over_is_a_wrong_version() -> None:
    honest = ledger()
    honest.attest(1, RunOf(SERVICE, [deal(key_in(1, LANES), ("b", 5))]))
    assert await kinds(honest) == [Lie.WRONG_VERSION]


async def test_w5_a_version_taken_twice_in_one_life_is_a_wrong_version() -> None:
    honest = ledger()
    honest.attest(1, RunOf(SERVICE, [deal(key_in(1, LANES), ("b", 3), at=9)]))
    assert await kinds(honest) == [Lie.WRONG_VERSION]


async def test_w21_a_version_of_a_former_life_that_comes_again_is_void_and_listed() -> None:
    honest = ledger()
    key = key_in(1, LANES)
    honest.attest(1, RunOf(SERVICE, [deal(key, ("b", 3), ("z", 1), at=9), deal(key, ("z", 1), at=9)], epoch=2))
    report = await verify(honest)
    assert report.is_true
    assert [(void.sequence, void.events, void.version) for void in report.voids] == [(19, 2, 3)]


async def test_inv12_a_decision_attested_in_two_parts_is_a_repeated_id() -> None:
    honest = ledger()
    key, whole = key_in(0, LANES), "019b8e00-0000-7000-8000-000000000001"
    honest.attest(0, RunOf(SERVICE, [deal(key, ("b", 4), decision=whole, at=9)]))
    honest.attest(0, RunOf(SERVICE, [deal(key, ("c", 1), decision=whole, at=9)]))
    assert await kinds(honest) == [Lie.REPEATED_ID]


@pytest.mark.parametrize("together", [True, False])
async def test_w23_an_event_before_the_one_ahead_of_it_in_its_stream_is_a_lie(together: bool) -> None:
    honest = MemoryLedger(1)
    late, early = deal("x", ("a", 1), at=1.5), deal("x", ("a", 2), at=1.0)
    if together:
        honest.attest(0, RunOf(SERVICE, [late, early]))
    else:
        honest.attest(0, RunOf(SERVICE, [late]))
        honest.attest(0, RunOf(SERVICE, [early]))
    assert await kinds(honest) == [Lie.TIME_WENT_BACK]


async def test_w23_clocks_far_apart_are_findings_and_no_lies() -> None:
    honest, heard = MemoryLedger(1), list[ClockFinding]()
    for at, block in ((0.0, 30), (0.0, 31), (40.0, 38), (41.0, 38)):
        number = len(honest.times)
        honest.attest(0, RunOf(SERVICE, [deal("x", (f"s{number}", 1), (f"t{number}", 1), at=at)]), time=BEGAN + block)
    report = await verify(honest, clock_finding=heard.append)
    assert report.is_true
    assert (report.events_late, report.events_early) == (2, 2)
    assert [(finding.sequence, finding.after_s) for finding in heard] == [(3, 31.0), (7, -3.0)]
