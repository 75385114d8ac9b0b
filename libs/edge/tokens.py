"""A token taken apart, as strictly as two readers of it must agree, before anything in it is believed (RFC 8725)."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

MAX_TOKEN = 8_192
_MAX_KID = 256
_PARTS = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)")
_TYPES = frozenset({"jwt", "at+jwt", "application/at+jwt"})
# Each of these would have the token say by which key or in which way it is verified; that is the issuer's to say.
_NOT_THE_TOKENS_TO_SAY = frozenset({"jwk", "jku", "x5u", "x5c", "crit", "b64", "zip", "enc", "epk"})


class NoToken(Exception):
    """Why a text is no token that could count; says nothing of what stands in it."""


class Opened(NamedTuple):
    """A token's key id and algorithm, and its claims, which nobody verified yet."""

    kid: str
    algorithm: object
    claims: Mapping[str, Any]


def opened(token: str) -> Opened:
    """The token's parts; raises NoToken for anything but one signed JWT in its one spelling."""
    if len(token) > MAX_TOKEN or (found := _PARTS.fullmatch(token)) is None:
        raise NoToken("the token is no JWT")
    header, claims, _ = (_bytes(part) for part in found.groups())
    named = _object(header)
    if not _NOT_THE_TOKENS_TO_SAY.isdisjoint(named):
        raise NoToken("the token's header says how it is to be verified")
    kind = named.get("typ", "JWT")
    if not isinstance(kind, str) or kind.lower() not in _TYPES:
        raise NoToken("the token is for another purpose")
    kid = named.get("kid")
    if not isinstance(kid, str) or not 0 < len(kid) <= _MAX_KID:
        raise NoToken("the token names no key")
    return Opened(kid, named.get("alg"), _object(claims))


def _bytes(part: str) -> bytes:
    try:
        raw = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except (binascii.Error, ValueError):
        raise NoToken("the token is no JWT") from None
    if base64.urlsafe_b64encode(raw).rstrip(b"=").decode() != part:
        # Unused bits at the end would give one token several spellings.
        raise NoToken("the token is no JWT")
    return raw


def _object(raw: bytes) -> dict[str, Any]:
    try:
        value = json.loads(raw.decode(), object_pairs_hook=_unique, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise NoToken("the token is no JWT") from None
    if not isinstance(value, dict):
        raise NoToken("the token is no JWT")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise NoToken("the token names something twice")
    return found


def _no_number(text: str) -> Any:
    raise NoToken("the token holds a number that is none")
