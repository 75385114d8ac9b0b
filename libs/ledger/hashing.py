"""Hashes of the ledger: leaf, lane head, Merkle root (ledger.md, "The record" and "The contract")."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sha3 import keccak_256

from libs.kernel.errors import InvalidValue

HASH_BYTES = 32
_LANE_DOMAIN = keccak_256(b"cartulary.lane.v1").digest()


def keccak(data: bytes) -> bytes:
    """Keccak-256, 32 bytes."""
    return bytes(keccak_256(data).digest())


def leaf(body: bytes) -> bytes:
    """The data hash of a canonical body: keccak256(0x00 ‖ body), the Merkle leaf as it stands."""
    return keccak_256(b"\x00" + body).digest()  # type: ignore[no-any-return]  # sha3 has no types


def extend(head: bytes, leaves: Iterable[bytes]) -> bytes:
    """The lane head after these leaves: head = keccak256(head ‖ leaf) for each in turn."""
    hashed = keccak_256
    for one in leaves:
        head = hashed(head + one).digest()
    return head


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """The batch's root in the shape of RFC 6962: node = keccak256(0x01 ‖ left ‖ right), an odd one carried up.

    Raises InvalidValue for no leaves.
    """
    if not leaves:
        raise InvalidValue("a batch has at least one record", field="leaves")
    hashed, level = keccak_256, list(leaves)
    while len(level) > 1:
        odd = level[-1:] if len(level) % 2 else []
        pairs = iter(level)
        level = [hashed(b"\x01" + left + right).digest() for left, right in zip(pairs, pairs, strict=False)] + odd
    return level[0]


def genesis_head(chain_id: int, contract: bytes, lane: int) -> bytes:
    """The head of an empty lane: keccak256(abi.encode(domain, chain id, contract, lane)) (W-10)."""
    words = _LANE_DOMAIN + chain_id.to_bytes(32, "big") + contract.rjust(32, b"\x00") + lane.to_bytes(32, "big")
    return keccak(words)


def producer_name(service: str) -> bytes:
    """The contract's name of a service: ASCII, padded with zeros to 32 bytes; raises InvalidValue."""
    if not 0 < len(service) <= HASH_BYTES or not service.isascii():
        raise InvalidValue("a producer's name has 1 to 32 ASCII characters", field="service", value=service)
    return service.encode().ljust(HASH_BYTES, b"\x00")
