"""What `attest` refuses, each with its own error, and leaves lane and marks as they were."""

from __future__ import annotations

import pytest

from contracts.tests.chain import LedgerUnderTest, forwarder, name
from libs.ledger.artifact import artifact

Mark = tuple[bytes, int, int, int]


def test_a_batch_behind_a_gap_is_refused(ledger: LedgerUnderTest) -> None:
    batch = ledger.batch()
    batch.first += 1
    assert ledger.refused(batch) == ("WrongSequence", (1, 2))


def test_a_batch_that_begins_at_zero_is_refused(ledger: LedgerUnderTest) -> None:
    batch = ledger.batch()
    batch.first = 0
    assert ledger.refused(batch) == ("WrongSequence", (1, 0))


def test_w10_a_batch_on_another_head_is_refused(ledger: LedgerUnderTest) -> None:
    batch = ledger.batch()
    right, batch.head = batch.head, b"\x01" * 32
    assert ledger.refused(batch) == ("WrongHead", (right, batch.head))


def test_w10_a_batch_on_the_head_of_another_lane_is_refused(ledger: LedgerUnderTest) -> None:
    batch = ledger.batch()
    right, batch.head = batch.head, ledger.state(0)[1]
    assert ledger.refused(batch) == ("WrongHead", (right, batch.head))


def test_w10_a_batch_on_the_head_of_another_contract_is_refused(ledger: LedgerUnderTest) -> None:
    another = LedgerUnderTest(ledger.web3)
    assert ledger.refused(another.batch())[0] == "WrongHead"


@pytest.mark.parametrize(
    "moved",
    [
        pytest.param((name("orders"), 2, 6, 6), id="skipped seq"),
        pytest.param((name("orders"), 2, 4, 5), id="repeated seq"),
        pytest.param((name("orders"), 2, 1, 1), id="same epoch from one again"),
        pytest.param((name("orders"), 1, 5, 5), id="lower epoch that goes on"),
        pytest.param((name("orders"), 1, 1, 1), id="lower epoch from one"),
        pytest.param((name("orders"), 3, 5, 5), id="higher epoch not from one"),
        pytest.param((name("orders"), 3, 0, 3), id="higher epoch from zero"),
        pytest.param((name("orders"), 2, 5, 4), id="last below first"),
        pytest.param((name("orders"), 3, 1, 0), id="higher epoch with last below first"),
    ],
)
def test_w9_a_mark_that_does_not_go_on_is_refused(ledger: LedgerUnderTest, moved: Mark) -> None:
    batch = ledger.batch(4)
    batch.marks = [(name("orders"), 2, 1, 4)]
    ledger.attest(batch)
    assert ledger.mark() == (2, 4)
    wrong = ledger.batch(1)
    wrong.marks = [moved]
    assert ledger.refused(wrong) == ("BrokenMark", (name("orders"), 2, 4))


@pytest.mark.parametrize("moved", [(0, 1, 1), (0, 0, 0), (1, 0, 0), (1, 2, 2)])
def test_w9_a_first_mark_begins_with_decision_one_of_an_epoch_above_zero(
    ledger: LedgerUnderTest, moved: tuple[int, int, int]
) -> None:
    batch = ledger.batch(1)
    batch.marks = [(name("orders"), *moved)]
    assert ledger.refused(batch) == ("BrokenMark", (name("orders"), 0, 0))


def test_w9_a_mark_repeated_within_a_batch_is_refused(ledger: LedgerUnderTest) -> None:
    batch = ledger.batch(2)
    batch.marks = [(name("orders"), 1, 1, 2), (name("orders"), 1, 2, 2)]
    assert ledger.refused(batch)[0] == "BrokenMark"


def test_w9_a_broken_mark_takes_back_the_good_one_before_it(ledger: LedgerUnderTest) -> None:
    batch = ledger.batch(2)
    batch.marks = [(name("orders"), 1, 1, 2), (name("funds"), 1, 2, 2)]
    assert ledger.refused(batch) == ("BrokenMark", (name("funds"), 0, 0))
    assert ledger.mark("orders") == (0, 0)


@pytest.mark.parametrize("moved", [(2, 0, 0), (2, 0, 2**64 - 1), (2, 2**64 - 1, 2**64 - 1)])
def test_w9_a_mark_at_the_end_of_its_numbers_does_not_wrap(
    ledger: LedgerUnderTest, moved: tuple[int, int, int]
) -> None:
    batch = ledger.batch(1)
    batch.marks = [(name("orders"), 2, 1, 2**64 - 1)]
    ledger.attest(batch)
    wrong = ledger.batch(1)
    wrong.marks = [(name("orders"), *moved)]
    assert ledger.refused(wrong) == ("BrokenMark", (name("orders"), 2, 2**64 - 1))
    wrong.marks = [(name("orders"), 3, 1, 1)]
    ledger.attest(wrong)


def test_w7_a_mark_of_an_unregistered_producer_is_refused(ledger: LedgerUnderTest) -> None:
    batch = ledger.batch(1)
    batch.marks = [(name("stranger"), 1, 1, 1)]
    assert ledger.refused(batch) == ("UnknownProducer", (name("stranger"),))


def test_a_batch_without_marks_is_refused(ledger: LedgerUnderTest) -> None:
    batch = ledger.batch()
    batch.marks = []
    assert ledger.refused(batch) == ("NoMarks", ())


def test_who_does_not_hold_the_lane_is_refused(ledger: LedgerUnderTest) -> None:
    for sender in (ledger.stranger, ledger.owner):
        assert ledger.refused(ledger.batch(), sender) == ("NotHolder", (1, sender.lower()))


def test_a_lane_that_nobody_holds_takes_nothing(ledger: LedgerUnderTest) -> None:
    assert ledger.refused(ledger.batch(lane=0)) == ("NotHolder", (0, ledger.holder.lower()))


def test_a_contract_that_holds_a_lane_cannot_write_to_it(ledger: LedgerUnderTest) -> None:
    """A batch stands in a transaction's own calldata, or no reader finds it (W-12)."""
    passing_on = ledger.deployed(forwarder(ledger.address))
    ledger.send(ledger.call.grantLane(1, passing_on), ledger.owner)
    through = ledger.web3.eth.contract(passing_on, abi=artifact()["abi"])
    b = ledger.batch()
    call = through.functions.attest(b.lane, b.first, b.head, b.marks, b.leaves, b.payload)
    assert ledger.refusal(call, ledger.holder) == ("NotDirect", (passing_on.lower(),))
    assert ledger.state()[0] == 1


def test_a_revoked_lane_takes_nothing(ledger: LedgerUnderTest) -> None:
    ledger.attest(ledger.batch())
    ledger.send(ledger.call.grantLane(1, "0x" + "00" * 20), ledger.owner)
    assert ledger.refused(ledger.batch()) == ("NotHolder", (1, ledger.holder.lower()))


def test_a_lane_that_does_not_exist_is_refused(ledger: LedgerUnderTest) -> None:
    batch = ledger.batch()
    batch.lane = 4
    assert ledger.refused(batch) == ("UnknownLane", (4,))
    assert ledger.refusal(ledger.call.grantLane(4, ledger.holder), ledger.owner) == ("UnknownLane", (4,))


def test_an_empty_batch_is_refused(ledger: LedgerUnderTest) -> None:
    batch = ledger.batch()
    batch.leaves = b""
    assert ledger.refused(batch) == ("EmptyBatch", ())


@pytest.mark.parametrize("length", [1, 31, 33, 63, 97])
def test_leaves_that_are_not_whole_are_refused(ledger: LedgerUnderTest, length: int) -> None:
    batch = ledger.batch()
    batch.leaves = b"\x01" * length
    assert ledger.refused(batch) == ("RaggedLeaves", (length,))


def test_a_batch_of_4096_records_is_taken_and_one_more_is_too_large(ledger: LedgerUnderTest) -> None:
    most = ledger.call.MAX_EVENTS().call()
    assert most == 4096
    assert ledger.refused(ledger.batch(most + 1)) == ("BatchTooLarge", (most + 1,))
    ledger.attest(ledger.batch(most))
    assert ledger.state()[0] == most + 1


def test_w9_a_replayed_batch_is_refused(ledger: LedgerUnderTest) -> None:
    batch = ledger.batch()
    ledger.attest(batch)
    assert ledger.refused(batch) == ("WrongSequence", (4, 1))


def test_w9_a_replay_that_names_the_new_place_is_refused_by_its_mark(ledger: LedgerUnderTest) -> None:
    batch = ledger.batch()
    ledger.attest(batch)
    batch.first, batch.head = ledger.state()
    assert ledger.refused(batch) == ("BrokenMark", (name("orders"), 1, 3))


def test_w10_a_stale_batch_of_a_former_holder_never_lands(ledger: LedgerUnderTest) -> None:
    """The former holder prepared it, lost the lane, another wrote; even given back, the lane refuses it."""
    stale = ledger.batch()
    ledger.send(ledger.call.grantLane(1, ledger.other), ledger.owner)
    ledger.send(ledger.attesting(ledger.batch()), ledger.other)
    assert ledger.refused(stale) == ("NotHolder", (1, ledger.holder.lower()))
    ledger.send(ledger.call.grantLane(1, ledger.holder), ledger.owner)
    assert ledger.refused(stale) == ("WrongSequence", (4, 1))
    stale.first = 4
    assert ledger.refused(stale)[0] == "WrongHead"
