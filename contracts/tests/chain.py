"""An EventLedger on a chain of its own, driven through web3 and the artifact's ABI, with nothing of libs/ledger."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

from eth_abi.abi import encode
from eth_typing import ChecksumAddress, HexStr
from eth_utils.crypto import keccak
from web3 import Web3
from web3.contract.contract import ContractFunction
from web3.exceptions import ContractCustomError
from web3.types import TxReceipt

from libs.ledger.artifact import artifact

GAS = 60_000_000
KEY = b"k" * 32


def name(service: str) -> bytes:
    """A producer's name as the contract has it: ASCII, padded with zeros."""
    return service.encode("ascii").ljust(32, b"\0")


# The specification (ledger.md), written once more by its text and not by libs/ledger/hashing.py.


def first_head(chain_id: int, contract: str, lane: int) -> bytes:
    """keccak256(abi.encode(keccak256("cartulary.lane.v1"), chain id, contract, lane)) (W-10)."""
    domain = keccak(text="cartulary.lane.v1")
    return keccak(encode(["bytes32", "uint256", "address", "uint64"], [domain, chain_id, contract, lane]))


def head_after(head: bytes, leaves: list[bytes]) -> bytes:
    """The head after a record = keccak256(head before ‖ dataHash)."""
    for leaf in leaves:
        head = keccak(head + leaf)
    return head


def root_of(leaves: list[bytes]) -> bytes:
    """RFC 6962's tree hash: split at the largest power of two below n; a leaf as it stands, a node with 0x01."""
    if len(leaves) == 1:
        return leaves[0]
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return keccak(b"\x01" + root_of(leaves[:split]) + root_of(leaves[split:]))


def forwarder(target: str) -> bytes:
    """The creation code of a contract that passes every call on to `target`, and its answer or its error back."""
    call = bytes.fromhex("36600060003760006000366000600073") + bytes.fromhex(target[2:]) + bytes.fromhex("5af1")
    copy_answer = bytes.fromhex("3d600060003e")
    destination = len(call) + len(copy_answer) + 3 + 4
    choose = bytes([0x60, destination, 0x57]) + bytes.fromhex("3d6000fd") + bytes.fromhex("5b3d6000f3")
    runtime = call + copy_answer + choose
    head = bytes([0x60, len(runtime), 0x80, 0x60, 11, 0x60, 0, 0x39, 0x60, 0, 0xF3])
    return head + runtime


@dataclass
class Batch:
    """The arguments of `attest`, all right unless a test makes one wrong."""

    lane: int
    first: int
    head: bytes
    marks: list[tuple[bytes, int, int, int]]
    leaves: bytes
    payload: bytes


@dataclass
class LedgerUnderTest:
    """A fresh contract: lane 1 held by `holder`, producers `orders` and `funds` registered, lanes 0, 2, 3 by nobody."""

    web3: Web3
    lanes: int = 4
    chance: random.Random = field(default_factory=lambda: random.Random(20261))

    def __post_init__(self) -> None:
        accounts = list(self.web3.eth.accounts)
        self.owner, self.holder, self.stranger, self.other = accounts[:4]
        made = self.web3.eth.contract(abi=artifact()["abi"], bytecode=artifact()["bytecode"])
        receipt = self.mined(made.constructor(self.lanes).transact({"from": self.owner}))
        assert receipt["contractAddress"] is not None
        self.address = receipt["contractAddress"]
        self.contract: Any = self.web3.eth.contract(self.address, abi=artifact()["abi"])
        self.call = self.contract.functions
        for service in ("orders", "funds"):
            self.send(self.call.registerProducer(name(service), KEY), self.owner)
        self.send(self.call.grantLane(1, self.holder), self.owner)

    def deployed(self, code: bytes) -> ChecksumAddress:
        """The address of the contract that this creation code makes."""
        sent = self.web3.eth.send_transaction({"from": self.owner, "data": HexStr("0x" + code.hex()), "gas": 1_000_000})
        address = self.mined(sent)["contractAddress"]
        assert address is not None
        return address

    def mined(self, transaction: bytes) -> TxReceipt:
        """The receipt of a transaction."""
        return self.web3.eth.wait_for_transaction_receipt(transaction, timeout=30, poll_latency=0.01)  # type: ignore[arg-type]

    def send(self, function: ContractFunction, sender: str) -> TxReceipt:
        """Send a call that must succeed."""
        receipt = self.mined(function.transact({"from": sender, "gas": GAS}))
        assert receipt["status"] == 1
        return receipt

    def refusal(self, function: ContractFunction, sender: str) -> tuple[str, tuple[Any, ...]]:
        """Name and arguments of the error that refuses this call; sent for good it reverts and leaves no log."""
        try:
            function.call({"from": sender, "gas": GAS})
        except ContractCustomError as error:
            name, arguments = self._error(str(error.data))
        else:
            raise AssertionError("the contract took what it must refuse")
        receipt = self.mined(function.transact({"from": sender, "gas": GAS}))
        assert (receipt["status"], receipt["logs"]) == (0, [])
        return name, arguments

    def _error(self, data: str) -> tuple[str, tuple[Any, ...]]:
        for entry in artifact()["abi"]:
            types = [one["type"] for one in entry.get("inputs", ())]
            signature = f"{entry.get('name')}({','.join(types)})"
            if entry["type"] == "error" and keccak(text=signature)[:4].hex() == data[2:10]:
                return entry["name"], self.web3.codec.decode(types, bytes.fromhex(data[10:]))
        raise AssertionError(f"not an error of the contract: {data}")

    def state(self, lane: int = 1) -> tuple[int, bytes]:
        """The lane's next sequence number and head."""
        following, head = self.call.lane(lane).call()
        return following, head

    def mark(self, service: str = "orders", lane: int = 1) -> tuple[int, int]:
        """Epoch and last seq of a producer."""
        epoch, last = self.call.mark(lane, name(service)).call()
        return epoch, last

    def leaves(self, count: int) -> list[bytes]:
        """Random data hashes."""
        return [self.chance.randbytes(32) for _ in range(count)]

    def batch(self, count: int = 3, *, lane: int = 1, payload_bytes: int = 50) -> Batch:
        """A batch of `orders` that goes on from where lane and mark stand, one decision a record."""
        following, head = self.state(lane)
        epoch, last = self.mark("orders", lane)
        marks = [(name("orders"), max(epoch, 1), last + 1, last + count)]
        payload = self.chance.randbytes(payload_bytes)
        return Batch(lane, following, head, marks, b"".join(self.leaves(count)), payload)

    def attesting(self, batch: Batch) -> Any:
        """The call of `attest` with this batch."""
        b = batch
        return self.call.attest(b.lane, b.first, b.head, b.marks, b.leaves, b.payload)

    def attest(self, batch: Batch) -> TxReceipt:
        """Attest a batch that must be taken."""
        return self.send(self.attesting(batch), self.holder)

    def refused(self, batch: Batch, sender: str | None = None) -> tuple[str, tuple[Any, ...]]:
        """The error that refuses a batch; lane and mark stay as they were."""
        before = self.state(), self.mark()
        found = self.refusal(self.attesting(batch), sender or self.holder)
        assert (self.state(), self.mark()) == before
        return found
