"""Identifiers: UUIDv7 from an injected clock, and ids derived from a decision."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from sha3 import keccak_256

_VERSION_7 = 0x7 << 76
_VERSION_8 = 0x8 << 76
_VARIANT = 0x2 << 62
_RANDOM_BITS = 74
# A hex digit with its two high bits set to the variant of RFC 9562.
_VARIANT_DIGIT = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}


def uuid7(now: datetime, random_bits: Callable[[int], int] = secrets.randbits) -> UUID:
    """A UUIDv7 (RFC 9562) of the given UTC time; `random_bits(n)` gives n random bits."""
    millis = int(now.timestamp() * 1000)
    noise = random_bits(_RANDOM_BITS)
    high, low = noise >> 62, noise & ((1 << 62) - 1)
    return UUID(int=(millis << 80) | _VERSION_7 | (high << 64) | _VARIANT | low)


def attestation_id(decision: bytes, index: int) -> str:
    """The id of a decision's event: its 48 time bits, then keccak256(decision ‖ uint32 index) (ledger.md).

    `decision` is the 16 bytes of the decision's UUIDv7; the result is the canonical text form.
    """
    text = (decision[:6] + keccak_256(decision + index.to_bytes(4, "big")).digest()[:10]).hex()
    return f"{text[:8]}-{text[8:12]}-7{text[13:16]}-{_VARIANT_DIGIT[text[16]]}{text[17:20]}-{text[20:]}"


def named_id(*parts: str) -> UUID:
    """The one UUID (version 8, RFC 9562) of a list of names: the same names give the same id, for ever.

    Parts are hashed with their lengths, so that no two different lists run together.
    """
    preimage = b"".join(len(raw).to_bytes(4, "big") + raw for raw in (part.encode() for part in parts))
    number = int.from_bytes(keccak_256(preimage).digest()[:16], "big")
    number = number & ~(0xF << 76) | _VERSION_8
    return UUID(int=number & ~(0x3 << 62) | _VARIANT)
