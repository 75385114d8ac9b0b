"""Asking a service over HTTP as a patient caller does: again while it is away, until the answer is final."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

import aiohttp

from libs.kernel.errors import CartularyError
from libs.ports import Clock

WAIT_S = 20
_PAUSE_S = 0.5
_PAGE = 200
_NOT_YET, _TOO_MANY = 202, 429


class ServiceAway(CartularyError):
    """The service did not take a command in time, though it was asked again and again."""

    code = "service-away"
    status = 503
    title = "The service does not answer"


class Asker:
    """One caller of the service at `url` (`http://…/funds`), known by its token.

    `patience_s` bounds, from the last final answer on, how long a service that is not ready is asked again.
    """

    def __init__(
        self, session: aiohttp.ClientSession, url: str, token: str, clock: Clock, patience_s: float = 120.0
    ) -> None:
        self.url = url.rstrip("/")
        self._session, self._clock = session, clock
        self._headers = {"Authorization": f"Bearer {token}"}
        self._patience_s, self._ends_at = patience_s, clock.monotonic() + patience_s

    async def get(self, address: str) -> dict[str, Any] | None:
        """What is there; None for nothing. Raises ServiceAway."""
        status, answer = await self.asked("GET", address)
        return answer if status == 200 else None

    async def listed(self, address: str) -> AsyncIterator[dict[str, Any]]:
        """Every item of a list, page by page. Raises ServiceAway."""
        join, cursor = "&" if "?" in address else "?", ""
        while True:
            _, answer = await self.asked("GET", f"{address}{join}limit={_PAGE}{cursor}")
            for item in answer["items"]:
                yield item
            if answer["next"] is None:
                return
            cursor = f"&cursor={answer['next']}"

    async def search(self, address: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to a question that is too private for an address. Raises ServiceAway."""
        _, answer = await self.asked("POST", address, body)
        return answer

    async def post(
        self, address: str, body: Mapping[str, Any] | None, key: str, *, raw: tuple[str, bytes] | None = None
    ) -> dict[str, Any]:
        """The final answer to a command: committed, or the problem of its refusal (which has a `type`).

        `raw` is a media type and a body that is no JSON. Raises ServiceAway.
        """
        headers = {"Idempotency-Key": key, "Prefer": f"wait={WAIT_S}"}
        while True:
            status, answer = await self.asked("POST", address, body, headers, raw)
            if status != 202:
                return answer
            # Sent again it is the same command: the answer comes when the ledger has it.
            self.check_patience("the ledger has not taken a command")

    async def asked(
        self,
        method: str,
        address: str,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        raw: tuple[str, bytes] | None = None,
    ) -> tuple[int, dict[str, Any]]:
        """Status and body of an answer; asked again while the service is away, not ready or too busy.

        `raw` is a media type and a body. Raises ServiceAway.
        """
        more = {**self._headers, **(headers or {})}
        sent: dict[str, Any] = {"json": body}
        if raw is not None:
            more["Content-Type"], sent = raw[0], {"data": raw[1]}
        while True:
            pause_s = _PAUSE_S
            try:
                async with self._session.request(method, self.url + address, headers=more, **sent) as response:
                    if response.status < 500 and response.status != _TOO_MANY:
                        if response.status != _NOT_YET:
                            self._ends_at = self._clock.monotonic() + self._patience_s
                        return response.status, await response.json(content_type=None)
                    reason = f"{self.url} answered {response.status}: {(await response.text())[:300]}"
                    if response.status == _TOO_MANY:
                        pause_s = max(pause_s, float(response.headers.get("Retry-After", pause_s)))
            except (aiohttp.ClientError, TimeoutError) as error:
                reason = f"{self.url} did not answer: {error!r}"
            self.check_patience(reason)
            await self.pause(pause_s)

    async def pause(self, pause_s: float = _PAUSE_S) -> None:
        """Give the service time."""
        await self._clock.sleep(pause_s)

    def check_patience(self, reason: str) -> None:
        """Raise ServiceAway for this reason when there is no patience left."""
        if self._clock.monotonic() > self._ends_at:
            raise ServiceAway(reason)
