"""Accounts and signatures, held against eth_account."""

from __future__ import annotations

from eth_account import Account as Reference
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.ledger.signing import Account

KEYS = st.integers(1, 2**255).map(lambda number: number.to_bytes(32, "big"))


@settings(max_examples=60, deadline=None)
@given(
    key=KEYS,
    nonce=st.integers(0, 2**40),
    gas_price=st.integers(0, 2**40),
    gas=st.integers(21_000, 64_000_000),
    to=st.none() | st.binary(min_size=20, max_size=20),
    data=st.binary(max_size=300),
    chain_id=st.integers(1, 2**31),
)
def test_a_legacy_transaction_is_signed_as_eth_account_signs_it(
    key: bytes, nonce: int, gas_price: int, gas: int, to: bytes | None, data: bytes, chain_id: int
) -> None:
    reference = Reference.from_key(key)
    fields = {
        "nonce": nonce, "gasPrice": gas_price, "gas": gas, "value": 0, "data": data, "chainId": chain_id,
        **({} if to is None else {"to": to}),
    }  # fmt: skip
    expected = reference.sign_transaction(fields)

    signed = Account(key).sign(nonce=nonce, gas_price=gas_price, gas=gas, to=to, data=data, chain_id=chain_id)

    assert signed.raw == bytes(expected.raw_transaction)
    assert signed.hash == bytes(expected.hash)
    assert "0x" + Account(key).address.hex() == reference.address.lower()
