"""An OpenID provider by the address of its issuer: its configuration says where its keys are (OpenID Discovery 1.0)."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import orjson
import structlog

from libs.ports import Clock

log = structlog.get_logger(__name__)

MAX_BYTES = 256_000
FETCH_TIMEOUT_S = 5.0
_THIS_MACHINE = frozenset({"127.0.0.1", "::1", "localhost"})
_WELL_KNOWN = "/.well-known/openid-configuration"


class Provider:
    """The keys of the provider at `issuer`; where they are is asked again after `cache_s`."""

    def __init__(self, issuer: str, clock: Clock, cache_s: float) -> None:
        host = urlsplit(issuer)
        if host.scheme != "https" and host.hostname not in _THIS_MACHINE:
            log.warning("provider_without_tls", host=host.hostname)
        self._issuer, self._clock, self._cache_s = issuer, clock, cache_s
        self._keys_at: str | None = None
        self._asked_at = 0.0

    async def jwks(self) -> bytes:
        """The JWKS; raises OSError, TimeoutError, or ValueError for an answer that cannot be used."""
        if self._keys_at is None or self._clock.monotonic() - self._asked_at > self._cache_s:
            address = self._issuer.rstrip("/") + _WELL_KNOWN
            self._keys_at = keys_address(await fetch(address), self._issuer)
            self._asked_at = self._clock.monotonic()
        try:
            return await fetch(self._keys_at)
        except (OSError, ValueError, TimeoutError):
            # They may have moved.
            self._keys_at = None
            raise


def keys_address(document: bytes, issuer: str) -> str:
    """The `jwks_uri` of a provider's configuration; raises ValueError when it is another issuer's, or not usable."""
    found = orjson.loads(document)
    if not isinstance(found, dict) or found.get("issuer") != issuer:
        raise ValueError("the configuration is not this issuer's")
    address = found.get("jwks_uri")
    parts = urlsplit(address) if isinstance(address, str) else None
    if parts is None or not parts.hostname or parts.scheme not in {"http", "https"}:
        raise ValueError("the configuration names no address of keys")
    if urlsplit(issuer).scheme == "https" and parts.scheme != "https":
        raise ValueError("the keys of a provider behind TLS are behind TLS")
    return str(address)


async def fetch(url: str) -> bytes:
    """What is at an address, at most 256,000 bytes of it, within 5 s; raises OSError, TimeoutError, ValueError.

    A redirect is not followed: who is asked is what the settings say.
    """
    # Only a process that verifies against a remote issuer pays for the import.
    import aiohttp  # noqa: PLC0415

    limits = aiohttp.ClientTimeout(total=FETCH_TIMEOUT_S)
    plain = {"Accept": "application/json", "Accept-Encoding": "identity"}
    try:
        async with (
            aiohttp.ClientSession(timeout=limits, headers=plain, auto_decompress=False) as session,
            session.get(url, allow_redirects=False) as answer,
        ):
            if answer.status != 200:
                raise ValueError(f"status {answer.status}")
            body = await answer.content.read(MAX_BYTES + 1)
            while len(body) <= MAX_BYTES and (more := await answer.content.read(MAX_BYTES)):
                body += more
    except aiohttp.ClientError as error:
        raise OSError(type(error).__name__) from error
    return _bounded(body)


def read_file(path: Path) -> bytes:
    """What is in a file, at most 256,000 bytes; raises OSError, ValueError."""
    with path.open("rb") as file:
        return _bounded(file.read(MAX_BYTES + 1))


def _bounded(body: bytes) -> bytes:
    if len(body) > MAX_BYTES:
        raise ValueError("the answer is too large")
    return body
