"""Transactions of a sender who owns nothing and pays nothing."""

from eth_account import Account

from libs.stack.gate import CHAIN_ID

KEY = "0x" + "11" * 32
SENDER = Account.from_key(KEY).address
RECEIVER = "0x" + "22" * 20


def transfer(nonce: int, data: bytes = b"", gas: int = 100_000) -> str:
    """A signed transaction as JSON-RPC takes it."""
    fields = {"nonce": nonce, "gasPrice": 0, "gas": gas, "to": RECEIVER, "value": 0, "chainId": CHAIN_ID}
    return "0x" + bytes(Account.sign_transaction({**fields, "data": data}, KEY).raw_transaction).hex()
