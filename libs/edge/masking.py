"""What must never be shown in a log or a problem: values by their key, and credentials inside text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

HIDDEN = "(hidden)"

# Parts of key names whose values are secrets or personal data; compared without case, dashes and underscores.
_SECRET = (
    "authorization", "cookie", "token", "password", "passphrase", "secret", "dsn", "credential", "privatekey",
    "masterkey", "lanekey", "producerkey", "signature",
)  # fmt: skip
_PERSONAL = (
    "iban", "email", "firstname", "lastname", "familyname", "givenname", "fullname", "birth", "phone",
    "taxid", "passport", "postaladdress", "street", "idempotencykey",
)  # fmt: skip
_PERSONAL_EXACT = frozenset({"tin", "name"})
_JWT = re.compile(r"\beyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]*)?")
_USERINFO = re.compile(r"(?<=://)[^/@\s]+(?=@)")
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{6,}")
# Whom a search was for must not stand in the log of whoever asked, or was asked.
_QUERY = re.compile(r"""(?<=\?)[^\s"'<>?]*=[^\s"'<>]*""")
_MAX_DEPTH = 6


def is_secret(key: object) -> bool:
    """Whether the value under this key must not be shown to anybody, not even to who sent it."""
    return any(part in _plain(key) for part in _SECRET)


def is_sensitive(key: object) -> bool:
    """Whether the value under this key must not be logged: a secret, or personal data."""
    plain = _plain(key)
    return plain in _PERSONAL_EXACT or any(part in plain for part in (*_SECRET, *_PERSONAL))


def _plain(key: object) -> str:
    return str(key).lower().replace("_", "").replace("-", "")


def masked_text(text: str) -> str:
    """The text without tokens, and without the user part and the query of URLs."""
    if "://" in text:
        text = _USERINFO.sub(HIDDEN, text)
    if "?" in text:
        text = _QUERY.sub(HIDDEN, text)
    if "eyJ" in text:
        text = _JWT.sub(HIDDEN, text)
    return _BEARER.sub(rf"\1 {HIDDEN}", text)


def masked(value: Any, depth: int = 0) -> Any:
    """The value with everything sensitive in it hidden, however deep; below six levels nothing is shown."""
    if isinstance(value, str):
        return masked_text(value)
    if not isinstance(value, Mapping | list | tuple | set | frozenset):
        return value
    if depth >= _MAX_DEPTH:
        return HIDDEN
    if isinstance(value, Mapping):
        return {k: HIDDEN if is_sensitive(k) else masked(inner, depth + 1) for k, inner in value.items()}
    return [masked(inner, depth + 1) for inner in value]
