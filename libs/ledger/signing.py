"""Accounts of the chain and their legacy transactions (EIP-155), signed by libsecp256k1.

eth_account does the same and more, and costs a second of every start for what is never used here (key files, BLS).
"""

from __future__ import annotations

from typing import NamedTuple

from coincurve import PrivateKey
from sha3 import keccak_256

_SHORT = 55
_TEXT, _LIST = 0x80, 0xC0
_EIP_155 = 35


class SignedTransaction(NamedTuple):
    """Signed bytes and their hash (32 bytes)."""

    raw: bytes
    hash: bytes


class Account:
    """A key of secp256k1 (32 bytes) and the address (20 bytes) that it speaks for."""

    def __init__(self, key: bytes) -> None:
        self._key = PrivateKey(key)
        self.address = keccak_256(self._key.public_key.format(compressed=False)[1:]).digest()[-20:]

    def sign(
        self, *, nonce: int, gas_price: int, gas: int, to: bytes | None, data: bytes, chain_id: int
    ) -> SignedTransaction:
        """A type 0 transaction without value; `to` None makes a contract. The same input gives the same bytes."""
        fields = [_number(nonce), _number(gas_price), _number(gas), to or b"", b"", data]
        unsigned = _list([*fields, _number(chain_id), b"", b""])
        signature = self._key.sign_recoverable(keccak_256(unsigned).digest(), hasher=None)
        r, s, parity = signature[:32], signature[32:64], signature[64]
        v = parity + _EIP_155 + 2 * chain_id
        raw = _list([*fields, _number(v), r.lstrip(b"\0"), s.lstrip(b"\0")])
        return SignedTransaction(raw, keccak_256(raw).digest())


def _number(value: int) -> bytes:
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def _list(items: list[bytes]) -> bytes:
    """RLP of a list of byte strings (Ethereum yellow paper, appendix B)."""
    content = b"".join(_text(item) for item in items)
    return _head(len(content), _LIST) + content


def _text(item: bytes) -> bytes:
    if len(item) == 1 and item[0] < _TEXT:
        return item
    return _head(len(item), _TEXT) + item


def _head(length: int, kind: int) -> bytes:
    if length <= _SHORT:
        return bytes([kind + length])
    size = _number(length)
    return bytes([kind + _SHORT + len(size)]) + size
