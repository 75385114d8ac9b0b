"""Leaf, head and root, held against the words of ledger.md written once more."""

from __future__ import annotations

import pytest
from eth_utils.crypto import keccak as other_keccak
from hypothesis import given
from hypothesis import strategies as st

from libs.kernel.errors import InvalidValue
from libs.ledger.hashing import extend, genesis_head, keccak, leaf, merkle_root, producer_name

hashes = st.binary(min_size=32, max_size=32)
leaves = st.lists(hashes, min_size=1, max_size=40)


def rfc6962(nodes: list[bytes]) -> bytes:
    """The tree hash by its definition: split at the largest power of two below the number of leaves."""
    if len(nodes) == 1:
        return nodes[0]
    split = 1
    while split * 2 < len(nodes):
        split *= 2
    return other_keccak(b"\x01" + rfc6962(nodes[:split]) + rfc6962(nodes[split:]))


def test_keccak_is_ethereums_and_not_sha3() -> None:
    empty = "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
    assert keccak(b"").hex() == empty


@given(st.binary())
def test_a_leaf_has_the_leafs_prefix(body: bytes) -> None:
    assert leaf(body) == other_keccak(b"\x00" + body)


@given(hashes, leaves)
def test_the_head_goes_on_record_by_record(head: bytes, records: list[bytes]) -> None:
    expected = head
    for one in records:
        expected = other_keccak(expected + one)
    assert extend(head, records) == expected
    assert extend(extend(head, records[:3]), records[3:]) == expected


@given(leaves)
def test_the_root_has_the_shape_of_rfc_6962(records: list[bytes]) -> None:
    assert merkle_root(records) == rfc6962(records)


def test_an_odd_node_is_carried_up_and_never_doubled() -> None:
    a, b, c = (bytes([n]) * 32 for n in (1, 2, 3))
    assert merkle_root([a]) == a
    assert merkle_root([a, b, c]) == other_keccak(b"\x01" + other_keccak(b"\x01" + a + b) + c)
    assert merkle_root([a, b, c]) != merkle_root([a, b, c, c])


def test_a_batch_without_records_has_no_root() -> None:
    with pytest.raises(InvalidValue):
        merkle_root([])


def test_w10_every_lane_contract_and_chain_begins_with_another_head() -> None:
    contract = b"\x11" * 20
    heads = {
        genesis_head(1, contract, 0),
        genesis_head(1, contract, 1),
        genesis_head(2, contract, 0),
        genesis_head(1, b"\x12" * 20, 0),
    }
    assert len(heads) == 4


def test_a_producers_name_is_ascii_padded_to_a_word() -> None:
    assert producer_name("orders") == b"orders" + bytes(26)
    for wrong in ("", "x" * 33, "größe"):
        with pytest.raises(InvalidValue):
            producer_name(wrong)
