"""Signing keys: lane keys (secp256k1) and producers' keys (Ed25519), from a keystore folder or the environment."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from libs.ledger.codec import signed_message
from libs.ledger.secrets import SecretUnusable, load_or_create

_CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


def _secp256k1() -> bytes:
    return (secrets.randbelow(_CURVE_ORDER - 1) + 1).to_bytes(32, "big")


def _on_curve(path: Path, env: str) -> bytes:
    key = load_or_create(path, env, _secp256k1)
    if not 0 < int.from_bytes(key, "big") < _CURVE_ORDER:
        raise SecretUnusable(f"{env} or {path} is no private key of secp256k1", field=env)
    return key


def lane_key(keystore: Path, lane: int) -> bytes:
    """The private key that signs the lane's transactions (CARTULARY_LANE_KEY_<n>, or `lanes/<n>.key`); 32 bytes."""
    return _on_curve(keystore / "lanes" / f"{lane}.key", f"CARTULARY_LANE_KEY_{lane}")


def owner_key(keystore: Path) -> bytes:
    """The private key of the contract's owner (CARTULARY_OWNER_KEY, or `owner.key`); 32 bytes."""
    return _on_curve(keystore / "owner.key", "CARTULARY_OWNER_KEY")


def producer_key(keystore: Path, service: str) -> Ed25519PrivateKey:
    """The key that signs a service's runs (CARTULARY_PRODUCER_KEY_<SERVICE>, or `producers/<service>.key`)."""
    env = f"CARTULARY_PRODUCER_KEY_{service.upper()}"
    return Ed25519PrivateKey.from_private_bytes(load_or_create(keystore / "producers" / f"{service}.key", env))


def public_bytes(key: Ed25519PrivateKey) -> bytes:
    """The 32 bytes that the contract registers."""
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def sealer(key: Ed25519PrivateKey, genesis_head: Callable[[int], bytes]) -> Callable[[int, bytes], bytes]:
    """A function (lane, run) → sealed run: the signature, then the run (W-7)."""

    def seal(lane: int, blob: bytes) -> bytes:
        return key.sign(signed_message(genesis_head(lane), blob)) + blob

    return seal
