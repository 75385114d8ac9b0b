"""The attestation service's way to the chain: legacy transactions at gas price 0, signed per lane (W-10, W-11).

web3 is not worth its weight here: signing is a page (`signing.py`), and the light reader leaves `extraData` alone,
which is where a proof-of-authority header would need web3's middleware (ledger.md, quirk 8).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any

from libs.ledger.port import (
    LedgerIdentity,
    LedgerRejected,
    LedgerUnreachable,
    MinedBlock,
    MinedTransaction,
    NonceTaken,
)
from libs.ledger.reader import RpcLedgerReader, as_served, unhex
from libs.ledger.rpc import INVALID_PARAMS, JsonRpc, RpcError
from libs.ledger.signing import Account, SignedTransaction

_SAME_BYTES_AGAIN = 8
_REMEMBERED = 64
_PAUSE_S = 0.05
_KNOWN = ("already known", "known transaction", "already imported", "already exists")
# A node whose pool holds other bytes under this nonce refuses mine until those are mined: the nonce is taken (W-11).
_TAKEN = ("nonce too low", "nonce is too low", "nonce is below", "underpriced")
_LATER = (
    "nonce too high",
    "too distant",
    "too far",
    "nonce gap",
    "pool",
    "sender limit",
    "timeout",
    "timed out",
)


class LaneSigner:
    """The signing key of a lane (32 bytes of secp256k1), for one contract on one chain."""

    def __init__(self, key: bytes, identity: LedgerIdentity) -> None:
        self._account = Account(key)
        self._chain_id = identity.chain_id
        self._to = identity.contract
        self.address = self._account.address

    def sign(self, nonce: int, gas: int, calldata: bytes) -> SignedTransaction:
        """A legacy (type 0) transaction under EIP-155, gas price 0 (quirk 9); the same input gives the same bytes."""
        return self._account.sign(
            nonce=nonce, gas_price=0, gas=gas, to=self._to, data=calldata, chain_id=self._chain_id
        )


class ChainLedger(RpcLedgerReader):
    """Ledger over JSON-RPC, written for what Besu does (ledger.md, quirks 1 to 10)."""

    def __init__(self, rpc: JsonRpc, identity: LedgerIdentity) -> None:
        super().__init__(rpc, identity)
        self._sent: deque[int] = deque(maxlen=_REMEMBERED)

    @classmethod
    async def connect(
        cls, urls: Sequence[str], contract: bytes, deployed_block: int = 0, *, timeout_s: float = 10.0
    ) -> ChainLedger:
        """A ledger at this contract address (20 bytes); asks a node for chain id and number of lanes."""
        reader = await RpcLedgerReader.connect(urls, contract, deployed_block, timeout_s=timeout_s)
        return cls(reader.rpc, reader.identity)

    async def block(self, number: int) -> MinedBlock | None:
        """The block with its transactions to the contract; None while the node does not have it yet (quirk 2)."""
        if number > self.rpc.highest and number > await self.height():
            return None
        block = await self.rpc.call(
            "eth_getBlockByNumber", hex(number), True, at_least=number, wanted=_has_transactions
        )
        with as_served():
            block_hash, time = unhex(block["hash"]), int(block["timestamp"], 16)
            found = [_mined(tx) for tx in block["transactions"] if (tx.get("to") or "").lower() == self._address]
        batches = {}
        if found:
            batches = {batch.transaction: batch for batch in await self.batches(number, number)}
        return MinedBlock(number, block_hash, time, [tx._replace(batch=batches.get(tx.hash)) for tx in found])

    async def nonce(self, sender: bytes) -> int:
        """The next nonce of the sender by mined transactions alone, at the newest block (W-12)."""
        height = await self.height()
        count = await self.rpc.call(
            "eth_getTransactionCount",
            "0x" + sender.hex(),
            hex(height),
            at_least=height,
            wanted=lambda answer: isinstance(answer, str),
        )
        return int(count, 16)

    async def send(self, raw: bytes) -> None:
        """Offer signed bytes to a node's pool; knowing them already is no error, and no success either (W-11).

        Bytes offered before go to the next address (quirk 3). Raises NonceTaken, LedgerRejected, or LedgerUnreachable
        (the node may have accepted all the same).
        """
        if hash(raw) in self._sent:
            self.rpc.turn()
        else:
            self._sent.append(hash(raw))
        text = "0x" + raw.hex()
        for _ in range(_SAME_BYTES_AGAIN):
            try:
                await self.rpc.call("eth_sendRawTransaction", text)
            except RpcError as error:
                if error.number == INVALID_PARAMS and not _says(error, _TAKEN + _KNOWN):
                    # A node that is committing a block answers so to good bytes: the same again (quirk 1).
                    await self.rpc.sleep(_PAUSE_S)
                    continue
                _judge(error)
            return
        raise LedgerUnreachable("nodes keep answering Invalid params to a valid transaction")


def _judge(error: RpcError) -> None:
    """Return for a transaction that the pool knows already; raise what any other refusal means."""
    if _says(error, _KNOWN):
        return
    if _says(error, _TAKEN):
        raise NonceTaken(error.detail) from error
    if _says(error, _LATER):
        raise LedgerUnreachable(error.detail) from error
    raise LedgerRejected(error.detail) from error


def _says(error: RpcError, words: Sequence[str]) -> bool:
    message = error.message.lower().replace("_", " ")
    return any(word in message for word in words)


def _mined(tx: dict[str, Any]) -> MinedTransaction:
    return MinedTransaction(unhex(tx["hash"]), unhex(tx["from"]), int(tx["nonce"], 16), unhex(tx["input"]), None)


def _has_transactions(block: Any) -> bool:
    return isinstance(block, dict) and isinstance(block.get("transactions"), list) and bool(block.get("hash"))
