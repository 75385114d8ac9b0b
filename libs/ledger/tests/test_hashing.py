"""Leaf, head, root and genesis head, against another keccak and the text of ledger.md."""

from __future__ import annotations

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st

from libs.kernel.errors import InvalidValue
from libs.ledger import hashing

hashes = st.binary(min_size=32, max_size=32)


def split_tree(leaves: list[bytes]) -> bytes:
    """RFC 6962, 2.1: the left half is the largest power of two below the count."""
    if len(leaves) == 1:
        return leaves[0]
    half = 1
    while half * 2 < len(leaves):
        half *= 2
    return keccak(b"\x01" + split_tree(leaves[:half]) + split_tree(leaves[half:]))


def test_keccak_is_ethereums_and_not_sha3() -> None:
    empty = "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
    assert hashing.keccak(b"").hex() == empty


@given(st.binary(max_size=300))
def test_a_leaf_is_the_hash_of_zero_and_the_body(body: bytes) -> None:
    assert hashing.leaf(body) == keccak(b"\x00" + body)


@given(hashes, st.lists(hashes, max_size=20))
def test_inv04_the_head_is_extended_leaf_by_leaf(head: bytes, leaves: list[bytes]) -> None:
    expected = head
    for leaf in leaves:
        expected = keccak(expected + leaf)
    assert hashing.extend(head, leaves) == expected


@pytest.mark.parametrize("count", [*range(1, 70), 127, 128, 129, 1000])
def test_the_root_has_the_shape_of_rfc_6962(count: int) -> None:
    leaves = [keccak(number.to_bytes(4, "big")) for number in range(count)]
    assert hashing.merkle_root(leaves) == split_tree(leaves)


@given(st.lists(hashes, min_size=2, max_size=20), st.data())
def test_another_order_or_a_doubled_leaf_gives_another_root(leaves: list[bytes], data: st.DataObject) -> None:
    other = data.draw(st.permutations(leaves))
    assert (hashing.merkle_root(other) == hashing.merkle_root(leaves)) == (other == leaves)
    assert hashing.merkle_root([*leaves, leaves[-1]]) != hashing.merkle_root(leaves)


def test_no_leaves_have_no_root() -> None:
    with pytest.raises(InvalidValue, match="at least one record"):
        hashing.merkle_root([])


@given(st.integers(1, 2**64), st.binary(min_size=20, max_size=20), st.integers(0, 63))
def test_w10_the_genesis_head_binds_chain_contract_and_lane(chain_id: int, contract: bytes, lane: int) -> None:
    words = [keccak(text="cartulary.lane.v1"), chain_id, "0x" + contract.hex(), lane]
    expected = keccak(encode(["bytes32", "uint256", "address", "uint64"], words))
    assert hashing.genesis_head(chain_id, contract, lane) == expected


def test_a_producers_name_is_ascii_padded_with_zeros() -> None:
    assert hashing.producer_name("funds") == b"funds" + bytes(27)
    assert len(hashing.producer_name("x" * 32)) == 32


@pytest.mark.parametrize("name", ["", "x" * 33, "fünds"])
def test_a_name_that_does_not_fit_is_refused(name: str) -> None:
    with pytest.raises(InvalidValue, match="1 to 32 ASCII"):
        hashing.producer_name(name)
