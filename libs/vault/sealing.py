"""Sealing of personal values: AES-256-GCM under the subject's key, bound to the one place where the value stands."""

from __future__ import annotations

import binascii
import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from libs.kernel.canonical import canonical
from libs.kernel.errors import InvalidValue
from libs.kernel.personal import OF, is_leaf
from libs.kernel.streams import key_of
from libs.vault.errors import AlreadySealed, SealBroken, SubjectErased

KEY_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 16
# Most of what an event holds is no place for a leaf, and need not be looked into.
_SCALARS = frozenset({str, int, bool, type(None)})


class Place(NamedTuple):
    """Where an event's values stand: the associated data of a seal without subject and field."""

    tenant: str
    type_name: str
    stream: str
    version: int

    @property
    def subject(self) -> str:
        """The data subject that a leaf without `of` speaks of: the key of the stream."""
        return key_of(self.stream)

    def associated(self, subject: str, field: str) -> bytes:
        """The associated data of one leaf: canonical JSON of tenant, subject, type, stream, version and field."""
        return canonical([self.tenant, subject, self.type_name, self.stream, self.version, field])


class DataKey:
    """A subject's key (DEK) with its cipher; it has no text form, so that no log can show it."""

    __slots__ = ("cipher", "raw")

    def __init__(self, raw: bytes) -> None:
        if len(raw) != KEY_BYTES:
            raise SealBroken(f"a key has {KEY_BYTES} bytes", field="key", value=len(raw))
        self.raw = raw
        self.cipher = AESGCM(raw)

    @classmethod
    def fresh(cls) -> DataKey:
        """A new random key."""
        return cls(os.urandom(KEY_BYTES))

    def encrypt(self, content: bytes, associated: bytes) -> bytes:
        """Nonce, ciphertext and tag; the nonce is 96 random bits."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self.cipher.encrypt(nonce, content, associated)

    def decrypt(self, sealed: bytes, associated: bytes) -> bytes:
        """What `encrypt` was given; raises SealBroken for other bytes, another key or another place."""
        if len(sealed) < NONCE_BYTES + TAG_BYTES:
            raise SealBroken("a sealed value is cut", field="bytes", value=len(sealed))
        try:
            return self.cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], associated)
        except InvalidTag:
            raise SealBroken("a sealed value was altered, or stands where it was not sealed") from None


# The key of a subject; None says that the subject is erased. Raises what the subject's state calls for.
Keys = Callable[[str], DataKey | None]


def seal_value(key: DataKey, value: Any, associated: bytes) -> str:
    """A JSON value sealed: base64url without padding of nonce, ciphertext and tag."""
    return urlsafe_b64encode(key.encrypt(canonical(value), associated)).rstrip(b"=").decode()


def open_value(key: DataKey, text: object, associated: bytes) -> Any:
    """The JSON value that was sealed for this place; raises SealBroken."""
    return orjson.loads(key.decrypt(_bytes(text), associated))


def _bytes(text: object) -> bytes:
    """The bytes of the text that `seal_value` wrote; another text with the same bytes is refused."""
    if not isinstance(text, str):
        raise SealBroken("a sealed value is a text")
    try:
        raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        raise SealBroken("a sealed value is base64url without padding") from None
    if urlsafe_b64encode(raw).rstrip(b"=") != text.encode():
        raise SealBroken("a sealed value is base64url without padding, in its one form")
    return raw


def subjects_of(data: Mapping[str, Any], stream: str) -> set[str]:
    """The data subjects of an event's data: the key of its stream when a leaf is its, and those that leaves name."""
    default = key_of(stream)
    return {leaf.get(OF) or default for leaf in _leaves(data)}


def seal_leaves(data: Mapping[str, Any], place: Place, keys: Keys) -> dict[str, Any]:
    """The data with every clear leaf sealed; raises AlreadySealed, SubjectErased, InvalidValue."""

    def sealed(leaf: Mapping[str, Any], field: str) -> dict[str, Any]:
        if "sealed" in leaf:
            raise AlreadySealed("a seal was made for another place", field=field)
        if "erased" in leaf:
            return dict(leaf)
        subject = leaf.get(OF) or place.subject
        key = keys(subject)
        if key is None:
            raise SubjectErased("a data subject was erased; nothing is sealed for it again", field=field)
        return {"sealed": seal_value(key, leaf["clear"], place.associated(subject, field)), **_of(leaf)}

    result: dict[str, Any] = _mapped(data, "", sealed)
    return result


def open_leaves(data: Mapping[str, Any], place: Place, keys: Keys) -> dict[str, Any]:
    """The data with every sealed leaf clear, or erased with its subject; raises SealBroken and what `keys` raises."""

    def opened(leaf: Mapping[str, Any], field: str) -> dict[str, Any]:
        return open_leaf(leaf, field, place, keys)

    result: dict[str, Any] = _mapped(data, "", opened)
    return result


def open_leaf(leaf: Mapping[str, Any], field: str, place: Place, keys: Keys) -> dict[str, Any]:
    """One leaf, clear or erased; a clear one in a store is no seal: SealBroken."""
    if "erased" in leaf:
        return dict(leaf)
    if "sealed" not in leaf:
        raise SealBroken("a stored personal value is not sealed", field=field)
    subject = leaf.get(OF) or place.subject
    key = keys(subject)
    if key is None:
        return {"erased": True, **_of(leaf)}
    return {"clear": open_value(key, leaf["sealed"], place.associated(subject, field)), **_of(leaf)}


def _of(leaf: Mapping[str, Any]) -> dict[str, Any]:
    return {OF: leaf[OF]} if OF in leaf else {}


def _leaves(value: Any) -> Iterator[Mapping[str, Any]]:
    if is_leaf(value):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _leaves(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _leaves(inner)


def _mapped(value: Any, path: str, change: Callable[[Mapping[str, Any], str], dict[str, Any]]) -> Any:
    """The value with every leaf changed; the path of a leaf is its keys and positions, with dots between."""
    if isinstance(value, Mapping):
        if is_leaf(value):
            return change(value, path)
        return {
            key: inner if type(inner) in _SCALARS else _mapped(inner, _joined(path, key), change)
            for key, inner in value.items()
        }
    if isinstance(value, list | tuple):
        return [
            inner if type(inner) in _SCALARS else _mapped(inner, _joined(path, str(at)), change)
            for at, inner in enumerate(value)
        ]
    return value


def _joined(path: str, part: str) -> str:
    if "." in part:
        # Two places would have one name, and a seal could be moved from one to the other.
        raise InvalidValue("a key of an event's data has no dot", field=path or None)
    return f"{path}.{part}" if path else part
