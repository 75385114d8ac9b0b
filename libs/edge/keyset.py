"""The issuer's public keys (JWKS), from a file or a URL: cached, and rotated without restart."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import structlog
from jwt import PyJWK
from jwt.exceptions import PyJWTError

from libs.kernel.errors import CheckUnavailable
from libs.ports import Clock

log = structlog.get_logger(__name__)

_MAX_BYTES = 256_000
_MAX_KEYS = 100
_FETCH_TIMEOUT_S = 5.0
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
    """The keys of a JWKS by key id; `source` is a file or an http(s) URL."""

    def __init__(self, source: str, clock: Clock, cache_s: float, retry_s: float) -> None:
        self._source, self._clock = source, clock
        self._cache_s, self._retry_s = cache_s, retry_s
        self._keys: Mapping[str, PublicKey] = {}
        self._read_at: float | None = None
        self._tried_at: float | None = None
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
        async with self._reading:
            fresh = self._age(self._read_at) <= self._cache_s and kid in self._keys
            if fresh or self._age(self._tried_at) < self._retry_s:
                return
            self._tried_at = self._clock.monotonic()
            try:
                found = parse_jwks(await self._fetch())
            except (OSError, ValueError, TimeoutError) as error:
                log.warning("jwks_unreadable", reason=type(error).__name__, keys=len(self._keys))
                return
            if found.keys() != self._keys.keys():
                log.info("jwks_read", keys=len(found))
            self._keys, self._read_at = found, self._clock.monotonic()

    async def _fetch(self) -> bytes:
        if "://" not in self._source:
            return await asyncio.to_thread(_read_file, Path(self._source))
        # Only a process that verifies against a remote issuer pays for the import.
        import aiohttp  # noqa: PLC0415

        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_FETCH_TIMEOUT_S)) as session,
                session.get(self._source, allow_redirects=False) as answer,
            ):
                if answer.status != 200:
                    raise ValueError(f"status {answer.status}")
                body = await answer.content.read(_MAX_BYTES + 1)
                while len(body) <= _MAX_BYTES and (more := await answer.content.read(_MAX_BYTES)):
                    body += more
        except aiohttp.ClientError as error:
            raise OSError(type(error).__name__) from error
        if len(body) > _MAX_BYTES:
            raise ValueError("the JWKS is too large")
        return body


def _read_file(path: Path) -> bytes:
    with path.open("rb") as file:
        body = file.read(_MAX_BYTES + 1)
    if len(body) > _MAX_BYTES:
        raise ValueError("the JWKS is too large")
    return body


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
