"""What `attest` writes: heads and roots by the specification's text, marks, one log a batch."""

from __future__ import annotations

import random

import pytest

from contracts.tests.chain import KEY, LedgerUnderTest, first_head, head_after, name, root_of
from libs.ledger import hashing
from libs.testkit.anvil import CHAIN_ID


def test_w10_an_empty_lane_has_a_head_of_its_own(ledger: LedgerUnderTest) -> None:
    contract = bytes.fromhex(ledger.address[2:])
    for lane in range(ledger.lanes):
        expected = first_head(CHAIN_ID, ledger.address, lane)
        assert ledger.state(lane) == (1, expected)
        assert hashing.genesis_head(CHAIN_ID, contract, lane) == expected
    assert len({ledger.state(lane)[1] for lane in range(ledger.lanes)}) == ledger.lanes


def test_heads_and_roots_are_those_of_the_specification(ledger: LedgerUnderTest) -> None:
    """Random batches of 1 to 300 records, one after the other: the contract, the text and hashing.py agree."""
    chance = random.Random(6962)
    sizes = [1, 2, 3, 4, 5, 6, 7, 8, 9, 31, 33, 255, 257, 300, *(chance.randint(1, 300) for _ in range(12))]
    following, head = ledger.state()
    for size in sizes:
        batch = ledger.batch(size)
        leaves = [batch.leaves[at : at + 32] for at in range(0, len(batch.leaves), 32)]
        (log,) = ledger.contract.events.Batch().process_receipt(ledger.attest(batch))
        head, root = head_after(head, leaves), root_of(leaves)
        assert hashing.extend(batch.head, leaves) == head
        assert hashing.merkle_root(leaves) == root
        assert dict(log["args"]) == {"lane": 1, "first": following, "count": size, "head": head, "root": root}
        following += size
        assert ledger.state() == (following, head)


def test_one_batch_writes_one_log(ledger: LedgerUnderTest) -> None:
    assert len(ledger.attest(ledger.batch(50))["logs"]) == 1


def test_lanes_do_not_touch_each_other(ledger: LedgerUnderTest) -> None:
    ledger.send(ledger.call.grantLane(2, ledger.holder), ledger.owner)
    ledger.attest(ledger.batch(5))
    assert (ledger.state(2)[0], ledger.mark(lane=2)) == (1, (0, 0))
    ledger.attest(ledger.batch(2, lane=2))
    assert (ledger.state(1)[0], ledger.mark(lane=1)) == (6, (1, 5))
    assert (ledger.state(2)[0], ledger.mark(lane=2)) == (3, (1, 2))


def test_w9_one_batch_moves_the_marks_of_several_producers(ledger: LedgerUnderTest) -> None:
    batch = ledger.batch(5)
    batch.marks = [(name("orders"), 1, 1, 3), (name("funds"), 7, 1, 1)]
    ledger.attest(batch)
    assert (ledger.mark("orders"), ledger.mark("funds")) == ((1, 3), (7, 1))


def test_w21_one_batch_holds_the_end_of_an_old_epoch_and_the_beginning_of_the_new(
    ledger: LedgerUnderTest,
) -> None:
    ledger.attest(ledger.batch(4))
    batch = ledger.batch(5)
    batch.marks = [(name("orders"), 1, 5, 7), (name("orders"), 3, 1, 2)]
    ledger.attest(batch)
    assert ledger.mark() == (3, 2)
    late = ledger.batch(1)
    late.marks = [(name("orders"), 1, 8, 8)]
    assert ledger.refused(late) == ("BrokenMark", (name("orders"), 3, 2))


@pytest.mark.parametrize("epoch", [2, 2**64 - 1])
def test_w21_a_higher_epoch_begins_again_from_one(ledger: LedgerUnderTest, epoch: int) -> None:
    ledger.attest(ledger.batch(4))
    batch = ledger.batch(2)
    batch.marks = [(name("orders"), epoch, 1, 2)]
    ledger.attest(batch)
    assert ledger.mark() == (epoch, 2)


def test_a_replaced_key_of_a_producer_leaves_its_marks(ledger: LedgerUnderTest) -> None:
    """W-7: registered again by the owner, the key is another from here on, and the log says so."""
    ledger.attest(ledger.batch(4))
    assert ledger.call.producerKey(name("orders")).call() == KEY
    receipt = ledger.send(ledger.call.registerProducer(name("orders"), b"n" * 32), ledger.owner)
    (log,) = ledger.contract.events.ProducerRegistered().process_receipt(receipt)
    assert dict(log["args"]) == {"producer": name("orders"), "key": b"n" * 32}
    assert ledger.call.producerKey(name("orders")).call() == b"n" * 32
    ledger.attest(ledger.batch(1))
    assert ledger.mark() == (1, 5)
