"""Master keys in HashiCorp Vault's transit engine, over HTTP: keys of subjects go there to be wrapped and unwrapped.

`rewrap` is not used: it takes no associated data, which binds each wrapped key to its subject.
"""

from __future__ import annotations

import asyncio
import binascii
import re
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import aiohttp
import orjson
import structlog
from pydantic import SecretStr

from libs.kernel.errors import CartularyError
from libs.vault.errors import MasterKeyAway, MasterKeyMissing, MasterKeyWrong
from libs.vault.master import Wrapped

log = structlog.get_logger(__name__)

# One request; a batch of 500 keys is about 100 kB.
BATCH = 500
_CIPHERTEXT = re.compile(r"vault:(v[0-9]+):[A-Za-z0-9+/=]+")
_REFUSED = (401, 403)
_NOT_FOUND = 404
# A performance standby that lags behind; too many requests.
_PASSING = (412, 429)


@dataclass(frozen=True, slots=True)
class Patience:
    """Bounds of waiting: for one answer, for how many tries, and between them (doubled each time)."""

    answer_s: float = 5.0
    tries: int = 4
    pause_s: float = 0.2


class TransitKeys:
    """A named key of a transit engine; its versions are the master keys. Implements MasterKeys.

    The key must exist: `vault write -f transit/keys/<name>`; the token may encrypt, decrypt, read and rotate it.
    """

    def __init__(
        self, url: str, token: SecretStr, key: str, mount: str = "transit", patience: Patience | None = None
    ) -> None:
        self._base = f"{url.rstrip('/')}/v1/{quote(mount.strip('/'))}"
        self._token, self._name, self._patience = token, key, patience or Patience()
        self._prefix = f"transit/{mount.strip('/')}/{key}:"
        self._session: aiohttp.ClientSession | None = None

    def knows(self, kek: str) -> bool:
        """Whether the id is a version of this key."""
        return kek.startswith(self._prefix)

    async def newest(self) -> str:
        """The id of the key's latest version; raises MasterKeyAway, MasterKeyMissing."""
        found = await self._ask("GET", f"keys/{quote(self._name, safe='')}")
        try:
            return f"{self._prefix}v{int(found['latest_version'])}"
        except (KeyError, TypeError, ValueError):
            raise MasterKeyAway("the transit engine's answer has no version", field="transit_url") from None

    async def wrap(self, keys: Sequence[tuple[bytes, bytes]]) -> list[Wrapped]:
        """Each (key, context) under the latest version; raises MasterKeyAway, MasterKeyMissing, MasterKeyWrong."""
        items = [{"plaintext": _text(key), "associated_data": _text(context)} for key, context in keys]
        wrapped = []
        for result in await self._batches("encrypt", items):
            text = result.get("ciphertext", "")
            if (named := _CIPHERTEXT.fullmatch(text)) is None:
                raise MasterKeyWrong("the transit engine did not wrap a key", field="transit_key", value=self._name)
            wrapped.append(Wrapped(self._prefix + named[1], text.encode()))
        return wrapped

    async def unwrap(self, keys: Sequence[tuple[Wrapped, bytes]]) -> list[bytes | CartularyError]:
        """Each (wrapped key, context) opened, or why not; raises MasterKeyAway."""
        ours = [at for at, (wrapped, _) in enumerate(keys) if self.knows(wrapped.kek)]
        items = [
            {"ciphertext": keys[at][0].content.decode("ascii", "replace"), "associated_data": _text(keys[at][1])}
            for at in ours
        ]
        results = dict(zip(ours, await self._batches("decrypt", items), strict=True))
        return [self._unwrapped(wrapped, results.get(at)) for at, (wrapped, _) in enumerate(keys)]

    async def rotate(self) -> str:
        """A new version of the key."""
        # Not tried again: whether an unanswered one was done shows in `newest`.
        await self._ask("POST", f"keys/{quote(self._name, safe='')}/rotate", {}, tries=1)
        return await self.newest()

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _unwrapped(self, wrapped: Wrapped, result: Mapping[str, Any] | None) -> bytes | CartularyError:
        if result is None:
            return MasterKeyMissing("a key is wrapped by a master key of another kind", field="kek", value=wrapped.kek)
        try:
            # The error first: an item that failed has an empty plaintext beside it.
            if not result.get("error") and result.get("plaintext"):
                return b64decode(result["plaintext"], validate=True)
        except (binascii.Error, TypeError, ValueError):
            return MasterKeyWrong("the transit engine's answer is not base64", field="kek", value=wrapped.kek)
        return MasterKeyWrong("the transit engine does not open a wrapped key", field="kek", value=wrapped.kek)

    async def _batches(self, action: str, items: list[dict[str, str]]) -> list[Mapping[str, Any]]:
        """A result for each item, in order."""
        results: list[Mapping[str, Any]] = []
        for start in range(0, len(items), BATCH):
            part = items[start : start + BATCH]
            data = await self._ask("POST", f"{action}/{quote(self._name, safe='')}", {"batch_input": part})
            found = data.get("batch_results")
            if not isinstance(found, list) or len(found) != len(part) or not all(isinstance(r, dict) for r in found):
                raise MasterKeyAway("the transit engine answered another number of items", field="transit_url")
            results += found
        return results

    async def _ask(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, tries: int | None = None
    ) -> Mapping[str, Any]:
        """The `data` of an answer; tries again what may pass: silence, a sealed node, too many requests."""
        pause_s, reason = self._patience.pause_s, ""
        for left in reversed(range(tries or self._patience.tries)):
            try:
                status, found = await self._once(method, path, body)
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                reason = type(error).__name__
            else:
                if (data := _data(status, found)) is not None:
                    return data
                self._refuse(status, path, found)
                reason = f"status {status}"
            if left:
                log.info("transit_asked_again", reason=reason, pause_ms=round(pause_s * 1000))
                await asyncio.sleep(pause_s)
                pause_s *= 2
        raise MasterKeyAway(f"the transit engine did not answer: {reason}", field="transit_url")

    def _refuse(self, status: int, path: str, found: Mapping[str, Any]) -> None:
        """Raise for a status that the next try would get too."""
        if status in _REFUSED:
            raise MasterKeyAway("the transit engine refuses the token", field="transit_token")
        if status == _NOT_FOUND or "key not found" in str(found.get("errors")):
            raise MasterKeyMissing("there is no such key in the transit engine", field="transit_key", value=self._name)
        if status < 500 and status not in _PASSING:
            raise MasterKeyAway(f"the transit engine refuses {path.partition('/')[0]}: status {status}")

    async def _once(self, method: str, path: str, body: Mapping[str, Any] | None) -> tuple[int, Mapping[str, Any]]:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=self._patience.answer_s))
        headers = {"X-Vault-Token": self._token.get_secret_value(), "X-Vault-Request": "true"}
        content = None if body is None else orjson.dumps(body)
        request = self._session.request(
            method, f"{self._base}/{path}", data=content, headers=headers, allow_redirects=False
        )
        async with request as answer:
            try:
                found = orjson.loads(await answer.read() or b"{}")
            except orjson.JSONDecodeError:
                return answer.status, {}
        return answer.status, found if isinstance(found, dict) else {}


def _data(status: int, found: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """What was asked for; results of items count whatever the status says of the whole."""
    data = found.get("data") or {}
    if isinstance(data, dict) and (status < 300 or "batch_results" in data):
        return data
    return None


def _text(content: bytes) -> str:
    return b64encode(content).decode()
