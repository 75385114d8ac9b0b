"""Transactions of the contract's owner: signed once, offered again as they are (W-11)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from libs.ledger.port import LedgerRejected, LedgerUnreachable, NonceTaken
from libs.ledger.rpc import INVALID_PARAMS, JsonRpc, RpcError
from libs.ledger.signing import Account

# The default pool takes about five transactions of one sender (ledger.md, quirk 4).
_IN_FLIGHT = 4
_GAS_MARGIN_PERCENT = 125
# A base fee rises by at most an eighth a block; twice as much is good for five full blocks.
_BASE_FEE_FACTOR = 2
_LOOK_S = 0.05
_LOOKS_BEFORE_RESEND = 40
_LOOKS_BEFORE_TAKEN = 5
# What says that the pool or the chain has this nonce already: the receipt decides whose (W-11).
_NOT_FINAL = (
    "already",
    "known transaction",
    "nonce too low",
    "nonce is too low",
    "nonce is below",
    "replacement",
)


class Signed(NamedTuple):
    """A signed transaction: raw bytes, hash (32 bytes), and its nonce."""

    raw: bytes
    hash: bytes
    nonce: int


class Receipt(NamedTuple):
    """Where a transaction was mined, and the contract (20 bytes) that it made, if it made one."""

    block: int
    contract: bytes | None


class OwnerAccount:
    """The owner's key (32 bytes of secp256k1) on one chain; `wait_s` bounds each wait for a receipt."""

    def __init__(self, rpc: JsonRpc, key: bytes, chain_id: int, *, wait_s: float) -> None:
        self._rpc = rpc
        self._account = Account(key)
        self._chain_id = chain_id
        self._wait_s = wait_s
        self.address = self._account.address

    async def mined_nonce(self) -> int:
        """The next nonce by mined transactions alone."""
        count = await self._rpc.call("eth_getTransactionCount", "0x" + self.address.hex(), "latest", wanted=_is_text)
        return int(count, 16)

    async def sign(self, to: bytes | None, calls: Iterable[bytes]) -> list[Signed]:
        """Legacy transactions with these calldatas, nonces in turn; `to` None makes a contract.

        The gas price is 0 unless the chain has a base fee. Raises LedgerRejected for a foreseen revert.
        """
        nonce, price = await self.mined_nonce(), await self._gas_price()
        return [
            self._sign(to, data, nonce + offset, await self._gas(to, data), price) for offset, data in enumerate(calls)
        ]

    def _sign(self, to: bytes | None, data: bytes, nonce: int, gas: int, price: int) -> Signed:
        signed = self._account.sign(nonce=nonce, gas_price=price, gas=gas, to=to, data=data, chain_id=self._chain_id)
        return Signed(signed.raw, signed.hash, nonce)

    async def _gas_price(self) -> int:
        block = await self._rpc.call("eth_getBlockByNumber", "latest", False, wanted=_is_object)
        return int(block.get("baseFeePerGas") or "0x0", 16) * _BASE_FEE_FACTOR

    async def _gas(self, to: bytes | None, data: bytes) -> int:
        call = {"from": "0x" + self.address.hex(), "data": "0x" + data.hex()}
        if to is not None:
            call["to"] = "0x" + to.hex()
        try:
            estimate = await self._rpc.call("eth_estimateGas", call, wanted=_is_text)
        except RpcError as error:
            raise LedgerRejected(f"the ledger would refuse this: {error.detail}") from error
        return int(estimate, 16) * _GAS_MARGIN_PERCENT // 100

    async def settle(self, transactions: Sequence[Signed]) -> list[Receipt]:
        """The receipts of these transactions, in order; offering them twice does no harm.

        Raises LedgerRejected for a refusal or a revert, NonceTaken when another transaction took the nonce,
        LedgerUnreachable when a receipt did not come in time.
        """
        receipts: list[Receipt] = []
        for start in range(0, len(transactions), _IN_FLIGHT):
            wave = transactions[start : start + _IN_FLIGHT]
            for one in wave:
                await self._offer(one)
            receipts += [await self._receipt(one) for one in wave]
        return receipts

    async def _offer(self, signed: Signed) -> None:
        """Send the bytes; only a refusal that is final for them is an error (quirks 1 and 3)."""
        try:
            await self._rpc.call("eth_sendRawTransaction", "0x" + signed.raw.hex())
        except LedgerUnreachable:
            return  # a node may have accepted all the same; the receipt decides
        except RpcError as error:
            words = error.message.lower()
            if error.number != INVALID_PARAMS and not any(word in words for word in _NOT_FINAL):
                owner = "0x" + self.address.hex()
                raise LedgerRejected(
                    f"the ledger refused a transaction of the owner {owner}: {error.detail}"
                ) from error

    async def _receipt(self, signed: Signed) -> Receipt:
        try:
            async with asyncio.timeout(self._wait_s):
                return await self._look_for(signed)
        except TimeoutError:
            raise LedgerUnreachable(
                f"transaction 0x{signed.hash.hex()} was not mined in {self._wait_s:g} s; run the same again"
            ) from None

    async def _look_for(self, signed: Signed) -> Receipt:
        looks, taken = 0, 0
        while True:
            found = await self._rpc.call("eth_getTransactionReceipt", "0x" + signed.hash.hex())
            if found is not None:
                if int(found["status"], 16) != 1:
                    raise LedgerRejected(f"transaction 0x{signed.hash.hex()} was mined and reverted")
                made = found.get("contractAddress")
                return Receipt(int(found["blockNumber"], 16), bytes.fromhex(made[2:]) if made else None)
            looks += 1
            if looks % _LOOKS_BEFORE_RESEND == 0:
                await self._offer(signed)
            # The nonce is mined and no receipt is there: counted a few times, as it may lag behind its block.
            taken = taken + 1 if await self.mined_nonce() > signed.nonce else 0
            if taken >= _LOOKS_BEFORE_TAKEN:
                raise NonceTaken(f"another transaction of the owner took nonce {signed.nonce}; run the same again")
            await asyncio.sleep(_LOOK_S)


def _is_text(answer: Any) -> bool:
    return isinstance(answer, str)


def _is_object(answer: Any) -> bool:
    return isinstance(answer, dict)
