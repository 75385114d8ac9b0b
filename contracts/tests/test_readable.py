"""What the contract takes, every reader can decode and every sender pay for: contract and libs/ledger agree."""

from __future__ import annotations

import pytest

from contracts.tests.chain import Batch, LedgerUnderTest, name
from libs.ledger import abi
from libs.ledger.batch import CONTRACT_MAX_EVENTS, gas_bound

MANY_MARKS = 300


def call_of(batch: Batch) -> abi.AttestCall:
    """The batch as libs/ledger writes it."""
    marks = tuple(abi.Mark(*mark) for mark in batch.marks)
    return abi.AttestCall(batch.lane, batch.first, batch.head, marks, batch.leaves, batch.payload)


@pytest.mark.parametrize("count", [1, 100, CONTRACT_MAX_EVENTS])
def test_mined_calldata_decodes_to_the_call_and_costs_at_most_its_bound(ledger: LedgerUnderTest, count: int) -> None:
    batch = ledger.batch(count, payload_bytes=100 * count)
    receipt = ledger.attest(batch)
    calldata = bytes(ledger.web3.eth.get_transaction(receipt["transactionHash"])["input"])
    call = call_of(batch)
    assert abi.decode_attest(calldata) == call
    assert abi.encode_attest(call) == calldata
    assert receipt["gasUsed"] <= gas_bound(calldata, len(call.marks), count)


def test_a_batch_of_very_many_marks_is_taken_and_read(ledger: LedgerUnderTest) -> None:
    """W-9: no bound on marks of the reader's own, that could leave it behind the contract."""
    batch = ledger.batch(1)
    batch.marks = [(name("orders"), 1, at, at) for at in range(1, MANY_MARKS + 1)]
    receipt = ledger.attest(batch)
    calldata = bytes(ledger.web3.eth.get_transaction(receipt["transactionHash"])["input"])
    assert abi.decode_attest(calldata) == call_of(batch)
    assert receipt["gasUsed"] <= gas_bound(calldata, MANY_MARKS, 1)


def test_the_logs_and_views_decode_to_what_the_contract_holds(ledger: LedgerUnderTest) -> None:
    batch = ledger.batch(3)
    (log,) = ledger.attest(batch)["logs"]
    following, head = ledger.state()
    lane, first, count, logged, _ = abi.decode_batch_log([bytes(t) for t in log["topics"]], bytes(log["data"]))
    assert (lane, first, count, logged) == (1, 1, 3, head)
    assert following == first + count
    (log,) = ledger.send(ledger.call.grantLane(2, ledger.stranger), ledger.owner)["logs"]
    granted = abi.decode_lane_log([bytes(t) for t in log["topics"]], bytes(log["data"]))
    assert granted == (2, bytes.fromhex(ledger.stranger[2:]))
    (log,) = ledger.send(ledger.call.registerProducer(name("nav"), b"n" * 32), ledger.owner)["logs"]
    assert abi.decode_producer_log([bytes(t) for t in log["topics"]], bytes(log["data"])) == (name("nav"), b"n" * 32)
    answer = ledger.web3.eth.call({"to": ledger.address, "data": abi.encode_mark(1, name("orders"))})
    assert abi.decode_mark(bytes(answer)) == ledger.mark() == (1, 3)
    answer = ledger.web3.eth.call({"to": ledger.address, "data": abi.encode_lane(1)})
    assert abi.decode_lane(bytes(answer)) == ledger.state()
