"""Journeys over HTTP: people with tokens who send, read and wait, as callers of a served fleet do."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from libs.adapters.clock import SystemClock
from libs.edge.auth import Caller
from libs.edge.issuer import LocalIssuer
from libs.kernel.envelope import Actor
from libs.stack.part import until

_WITHIN_S = 60.0
_COMMIT_WITHIN_S = 30


@dataclass(frozen=True, slots=True)
class People:
    """Makes callers of one service: `url` is where it answers, `issuer` the one whose tokens it trusts."""

    url: str
    issuer: LocalIssuer

    def token(self, sub: str, tenant: str, role: str = "operations", distributor: str | None = None) -> str:
        """A token of the subject in a role, bound to a distributor if one is named."""
        actor = Actor(sub, role, distributor=distributor)
        return self.issuer.token(Caller(actor, tenant), SystemClock().now())

    def person(self, sub: str, tenant: str, role: str = "operations", distributor: str | None = None) -> Person:
        """Somebody who calls."""
        return Person(self.url, {"Authorization": f"Bearer {self.token(sub, tenant, role, distributor)}"})


@dataclass(frozen=True, slots=True)
class Person:
    """A caller of one service."""

    url: str
    headers: Mapping[str, str]

    async def get(self, address: str, **query: Any) -> httpx.Response:
        """Read; an address of a `Link` or `Location` header does, too."""
        return await self._send("GET", address, params=query or None)

    async def all(self, address: str, **query: Any) -> list[dict[str, Any]]:
        """Every item of a list, page by page."""
        answer = await self.get(address, **query)
        items: list[dict[str, Any]] = list(answer.json()["items"])
        while "next" in answer.links:
            answer = await self.get(answer.links["next"]["url"])
            items += answer.json()["items"]
        return items

    async def post(self, address: str, body: object = None, key: str | None = None) -> httpx.Response:
        """Send a command and wait for its commit; asked again while the service is not ready."""
        headers = {"Idempotency-Key": key or secrets.token_hex(16), "Prefer": f"wait={_COMMIT_WITHIN_S}"}
        answers: list[httpx.Response] = []

        async def answered() -> bool:
            answers.append(await self._send("POST", address, json=body, headers=headers))
            return answers[-1].status_code not in {202, 503}

        await until(answered, _WITHIN_S)
        return answers[-1]

    async def upload(self, address: str, content: bytes, media_type: str) -> httpx.Response:
        """Send a raw body as a command."""
        headers = {
            "Idempotency-Key": secrets.token_hex(16), "Prefer": f"wait={_COMMIT_WITHIN_S}", "Content-Type": media_type
        }  # fmt: skip
        return await self._send("POST", address, content=content, headers=headers)

    async def eventually(self, address: str, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """What is at an address as soon as it is so; raises AssertionError with the last answer."""
        seen: list[dict[str, Any]] = [{}]

        async def seen_so() -> bool:
            seen[0] = (await self.get(address)).json()
            return holds(seen[0])

        assert await until(seen_so, _WITHIN_S), seen[0]
        return seen[0]

    async def _send(self, method: str, address: str, **more: Any) -> httpx.Response:
        # Addresses in headers begin with the service's own path.
        prefix = httpx.URL(self.url).path
        url = self.url + address.removeprefix(prefix) if address.startswith("/") else address
        headers = {**self.headers, **more.pop("headers", {})}
        async with httpx.AsyncClient(timeout=_WITHIN_S) as client:
            return await client.request(method, url, headers=headers, **more)
