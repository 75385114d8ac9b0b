"""The issuer's public keys (JWKS), from a file or a URL: cached, and rotated without restart."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import structlog
from jwt import PyJWK
from jwt.exceptions import PyJWTError

from libs.edge.discovery import fetch, read_file
from libs.kernel.errors import CheckUnavailable
from libs.ports import Clock

log = structlog.get_logger(__name__)

_MAX_KEYS = 100
# With the issuer out of reach, keys once read go on for a day; then nobody is let in (invariant 11).
_STALE_S = 86_400.0
_MIN_RSA_BITS = 2048
_BY_CURVE = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512", "Ed25519": "EdDSA"}
_RSA = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"})


class PublicKey(NamedTuple):
    """A key and the one algorithm that it verifies: never the token's choice."""

    algorithm: str
    key: Any


class KeySet:
    """The keys of a JWKS by key id; `source` is a file, an http(s) URL, or what reads it."""

    def __init__(
        self, source: str | Callable[[], Awaitable[bytes]], clock: Clock, cache_s: float, retry_s: float
    ) -> None:
        self._source, self._clock = source, clock
        self._cache_s, self._retry_s = cache_s, retry_s
        self._keys: Mapping[str, PublicKey] = {}
        self._read_at: float | None = None
        self._tried_at: float | None = None
        self._failing = False
        self._reading = asyncio.Lock()

    async def key(self, kid: str) -> PublicKey | None:
        """The key of this id; None for an unknown one; raises CheckUnavailable when no keys can be read."""
        if self._age(self._read_at) > self._cache_s or kid not in self._keys:
            await self._refresh(kid)
        if self._age(self._read_at) > _STALE_S:
            raise CheckUnavailable("the keys of the token issuer cannot be read")
        return self._keys.get(kid)

    def _age(self, since: float | None) -> float:
        return float("inf") if since is None else self._clock.monotonic() - since

    async def _refresh(self, kid: str) -> None:
        if self._reading.locked() and self._failing and kid in self._keys:
            # One asks the issuer that is away; the others go on with what was read of it.
            return
        async with self._reading:
            fresh = self._age(self._read_at) <= self._cache_s and kid in self._keys
            if fresh or self._age(self._tried_at) < self._retry_s:
                return
            try:
                found = parse_jwks(await self._fetch())
            except (OSError, ValueError, TimeoutError) as error:
                self._failing = True
                log.warning("jwks_unreadable", reason=type(error).__name__, keys=len(self._keys))
                return
            finally:
                self._tried_at = self._clock.monotonic()
            self._failing = False
            if found.keys() != self._keys.keys():
                log.info("jwks_read", keys=len(found))
            self._keys, self._read_at = found, self._clock.monotonic()

    async def _fetch(self) -> bytes:
        if not isinstance(self._source, str):
            return await self._source()
        if "://" in self._source:
            return await fetch(self._source)
        return await asyncio.to_thread(read_file, Path(self._source))


def parse_jwks(body: bytes) -> dict[str, PublicKey]:
    """The usable signing keys of a JWKS by key id; raises ValueError for no JWKS, or an id used twice.

    Symmetric keys, weak ones, encryption keys and unknown kinds are left out.
    """
    document = orjson.loads(body)
    if not isinstance(document, dict) or not isinstance(document.get("keys"), list):
        raise ValueError("not a JWKS")
    found: dict[str, PublicKey] = {}
    for jwk in document["keys"][:_MAX_KEYS]:
        key = _usable(jwk)
        if key is not None:
            if jwk["kid"] in found:
                raise ValueError("two keys share an id")
            found[jwk["kid"]] = key
    return found


def _usable(jwk: Any) -> PublicKey | None:
    if not isinstance(jwk, dict) or not isinstance(jwk.get("kid"), str) or jwk.get("use", "sig") != "sig":
        return None
    stated = jwk.get("alg")
    if jwk.get("kty") == "RSA":
        algorithm = stated if stated in _RSA else "RS256" if stated is None else None
    elif jwk.get("kty") in {"EC", "OKP"}:
        algorithm = _BY_CURVE.get(str(jwk.get("crv")))
        algorithm = algorithm if stated in {None, algorithm} else None
    else:
        algorithm = None
    if algorithm is None:
        return None
    public = {name: value for name, value in jwk.items() if name != "d"}
    try:
        key = PyJWK(public, algorithm).key
    except PyJWTError:
        return None
    if getattr(key, "key_size", _MIN_RSA_BITS) < _MIN_RSA_BITS and jwk["kty"] == "RSA":
        return None
    return PublicKey(str(algorithm), key)
