"""Keyed hashes of idempotency keys, request bodies and claims: no bare hash of anything personal is ever written."""

from __future__ import annotations

import hashlib
import hmac
from typing import NamedTuple

from libs.kernel.events import Claim

# 128 bits: a collision is out of reach, and every byte of it is paid for on the ledger.
_HASH_BYTES = 16


class CommandKey(NamedTuple):
    """Keyed hashes (hex) that identify a command (W-20): of tenant, caller and key; of the request's body."""

    command: str
    request: str


class KeyedClaim(NamedTuple):
    """A claim with its value as a keyed hash (W-4)."""

    kind: str
    value: str


class KeyedHashes:
    """HMAC-SHA256 under a secret of the deployment, cut to 128 bits, in hex (W-20)."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def _hash(self, label: str, *parts: str | bytes) -> str:
        mac = hmac.new(self._secret, label.encode(), hashlib.sha256)
        for part in parts:
            raw = part.encode() if isinstance(part, str) else part
            mac.update(len(raw).to_bytes(8, "big") + raw)
        return mac.digest()[:_HASH_BYTES].hex()

    def command(self, tenant: str, caller: str, idempotency_key: str) -> str:
        """Of tenant, caller and idempotency key."""
        return self._hash("command", tenant, caller, idempotency_key)

    def key(self, tenant: str, caller: str, idempotency_key: str, request: bytes) -> CommandKey:
        """Of a caller's command and its request body."""
        return CommandKey(self.command(tenant, caller, idempotency_key), self._hash("request", tenant, request))

    def automatic(self, kind: str, cause: str, target: str) -> CommandKey:
        """Of a reaction's or a due command: unique per (kind, causing event, target) (W-18, W-25)."""
        return CommandKey(self._hash("automatic", kind, cause, target), self._hash("request", kind, cause, target))

    def claim(self, tenant: str, claim: Claim) -> KeyedClaim:
        """Of a claim's value, within its tenant (W-4)."""
        return KeyedClaim(claim.kind, self._hash("claim", tenant, claim.kind, claim.value))
