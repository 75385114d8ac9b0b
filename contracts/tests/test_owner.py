"""The owner: grants, registrations, and a hand-over in two steps."""

from __future__ import annotations

import pytest
from eth_typing import HexStr
from web3 import Web3

from contracts.tests.chain import KEY, LedgerUnderTest, name
from libs.ledger.artifact import artifact, creation_code, deployed_code

NOBODY = "0x" + "00" * 20


def test_w2_the_number_of_lanes_is_set_once(ledger: LedgerUnderTest) -> None:
    assert ledger.call.lanes().call() == 4
    assert not [entry["name"] for entry in artifact()["abi"] if "setLanes" in entry.get("name", "")]


def test_a_contract_without_lanes_is_not_deployed(web3: Web3) -> None:
    sender = web3.eth.accounts[0]
    data = HexStr("0x" + creation_code(0).hex())
    sent = web3.eth.send_transaction({"from": sender, "data": data, "gas": 10_000_000})
    assert web3.eth.wait_for_transaction_receipt(sent)["status"] == 0


@pytest.mark.parametrize("lanes", [1, 4, 2**64 - 1])
def test_the_deployed_code_is_the_artifact_with_its_lanes_filled_in(web3: Web3, lanes: int) -> None:
    made = web3.eth.contract(abi=artifact()["abi"], bytecode=artifact()["bytecode"])
    sent = made.constructor(lanes).transact({"from": web3.eth.accounts[0]})
    address = web3.eth.wait_for_transaction_receipt(sent)["contractAddress"]
    assert address is not None
    assert bytes(web3.eth.get_code(address)) == deployed_code(lanes)


def test_only_the_owner_grants_registers_and_offers(ledger: LedgerUnderTest) -> None:
    for forbidden in (
        ledger.call.grantLane(1, ledger.stranger),
        ledger.call.registerProducer(name("nav"), KEY),
        ledger.call.transferOwnership(ledger.stranger),
    ):
        assert ledger.refusal(forbidden, ledger.stranger) == ("NotOwner", (ledger.stranger.lower(),))


def test_every_grant_is_logged(ledger: LedgerUnderTest) -> None:
    receipt = ledger.send(ledger.call.grantLane(2, ledger.other), ledger.owner)
    (log,) = ledger.contract.events.LaneGranted().process_receipt(receipt)
    assert dict(log["args"]) == {"lane": 2, "holder": ledger.other}
    assert ledger.call.holder(2).call() == ledger.other


def test_a_producer_has_a_name_and_a_key(ledger: LedgerUnderTest) -> None:
    nameless = ledger.call.registerProducer(b"\0" * 32, KEY)
    keyless = ledger.call.registerProducer(name("nav"), b"\0" * 32)
    assert ledger.refusal(nameless, ledger.owner) == ("EmptyName", ())
    assert ledger.refusal(keyless, ledger.owner) == ("EmptyKey", ())


def test_the_hand_over_takes_two_steps(ledger: LedgerUnderTest) -> None:
    offered = ledger.send(ledger.call.transferOwnership(ledger.other), ledger.owner)
    (offer,) = ledger.contract.events.OwnershipOffered().process_receipt(offered)
    assert dict(offer["args"]) == {"owner": ledger.owner, "pendingOwner": ledger.other}
    assert (ledger.call.owner().call(), ledger.call.pendingOwner().call()) == (ledger.owner, ledger.other)
    assert ledger.refusal(ledger.call.grantLane(0, ledger.other), ledger.other)[0] == "NotOwner"

    accepted = ledger.send(ledger.call.acceptOwnership(), ledger.other)
    (change,) = ledger.contract.events.OwnershipTransferred().process_receipt(accepted)
    assert dict(change["args"]) == {"previousOwner": ledger.owner, "owner": ledger.other}
    assert (ledger.call.owner().call(), ledger.call.pendingOwner().call()) == (ledger.other, NOBODY)
    assert ledger.refusal(ledger.call.grantLane(0, ledger.holder), ledger.owner)[0] == "NotOwner"
    ledger.send(ledger.call.grantLane(0, ledger.holder), ledger.other)


def test_an_offer_is_accepted_by_whom_it_was_made_to(ledger: LedgerUnderTest) -> None:
    ledger.send(ledger.call.transferOwnership(ledger.other), ledger.owner)
    for sender in (ledger.stranger, ledger.owner):
        assert ledger.refusal(ledger.call.acceptOwnership(), sender) == ("NotPendingOwner", (sender.lower(),))


def test_a_withdrawn_offer_cannot_be_accepted(ledger: LedgerUnderTest) -> None:
    ledger.send(ledger.call.transferOwnership(ledger.other), ledger.owner)
    ledger.send(ledger.call.transferOwnership(NOBODY), ledger.owner)
    assert ledger.refusal(ledger.call.acceptOwnership(), ledger.other)[0] == "NotPendingOwner"
    assert ledger.call.owner().call() == ledger.owner


def test_an_accepted_offer_is_not_accepted_twice(ledger: LedgerUnderTest) -> None:
    ledger.send(ledger.call.transferOwnership(ledger.other), ledger.owner)
    ledger.send(ledger.call.acceptOwnership(), ledger.other)
    assert ledger.refusal(ledger.call.acceptOwnership(), ledger.other)[0] == "NotPendingOwner"
