"""A service asked over HTTP again and again until it answers, as an import needs it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import aiohttp
import orjson

from libs.kernel.errors import CartularyError
from libs.ports import Clock

WAIT_S = 20
PAUSE_S = 0.5


class ServiceAway(CartularyError):
    """The service did not take a command in time, though it was asked again and again."""

    code = "service-away"
    status = 503
    title = "The service does not answer"


class Asking:
    """Asks the service at `url` in one session; what it is asked for in vain for `patience_s` raises ServiceAway."""

    def __init__(self, url: str, session: aiohttp.ClientSession, clock: Clock, patience_s: float) -> None:
        self._url, self._session = url.rstrip("/"), session
        self._clock, self._patience_s = clock, patience_s
        self._ends_at = 0.0
        self.begin()

    def begin(self) -> None:
        """Something was done: be patient anew."""
        self._ends_at = self._clock.monotonic() + self._patience_s

    def check_patience(self, reason: str) -> None:
        """Raise ServiceAway when there is none left."""
        if self._clock.monotonic() > self._ends_at:
            raise ServiceAway(reason)

    async def pause(self, seconds: float = PAUSE_S) -> None:
        """Give the service time."""
        await self._clock.sleep(seconds)

    async def ask(
        self,
        method: str,
        address: str,
        token: str,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, dict[str, Any]]:
        """Status and body of an answer; asked again while the service is away, not ready, or asks to slow down."""
        more = {"Authorization": f"Bearer {token}", **(headers or {})}
        data = None
        if body is not None:
            more["Content-Type"], data = "application/json", orjson.dumps(body)
        while True:
            pause_s = PAUSE_S
            try:
                async with self._session.request(method, self._url + address, data=data, headers=more) as response:
                    if response.status < 500 and response.status != 429:
                        return response.status, orjson.loads(await response.read())
                    pause_s = float(response.headers.get("Retry-After", pause_s))
                    reason = f"{self._url} answered {response.status}: {(await response.text())[:300]}"
            except (aiohttp.ClientError, TimeoutError, ValueError) as error:
                reason = f"{self._url} did not answer: {error!r}"
            self.check_patience(reason)
            await self.pause(pause_s)


def session(waits: int = 1) -> aiohttp.ClientSession:
    """A session for so many requests at once, each of which may wait for its commit."""
    connector = aiohttp.TCPConnector(limit=max(100, waits))
    return aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=WAIT_S * 2), connector=connector)
