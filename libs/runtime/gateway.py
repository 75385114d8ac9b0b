"""The callers' side of the path: submit, wait for the commit, ask what became of a command (W-1)."""

from __future__ import annotations

import asyncio
from collections import defaultdict

import structlog

from libs.kernel.decider import Command
from libs.kernel.envelope import Actor
from libs.kernel.errors import CartularyError
from libs.runtime.deciding import DecideLoop, Request
from libs.runtime.keyed import KeyedHashes
from libs.runtime.ports import Outcome, Store

log = structlog.get_logger(__name__)

LOOK_AGAIN_S = 1.0
_FINAL = ("committed", "refused")


class Gateway:
    """One per process; `run` answers those who wait, with one look at the store for all of them."""

    def __init__(self, store: Store, loop: DecideLoop, keyed: KeyedHashes) -> None:
        self._store, self.loop, self._keyed = store, loop, keyed
        self._waiting: dict[tuple[str, str], set[asyncio.Future[Outcome]]] = defaultdict(set)

    def command_hash(self, tenant: str, actor: Actor, idempotency_key: str) -> str:
        """The keyed hash that names a caller's command in status addresses."""
        return self._keyed.command(tenant, actor.sub, idempotency_key)

    async def submit(
        self,
        command: Command,
        tenant: str,
        actor: Actor,
        idempotency_key: str,
        request: bytes,
        traceparent: str | None = None,
        correlation: str | None = None,
    ) -> Outcome:
        """Decide; see DecideLoop.submit for what it raises."""
        key = self._keyed.key(tenant, actor.sub, idempotency_key, request)
        return await self.loop.submit(
            Request(command, tenant, actor, key, correlation=correlation, traceparent=traceparent)
        )

    async def outcome(self, tenant: str, command_hash: str) -> Outcome | None:
        """What became of a command so far; None for one that this tenant never sent."""
        return (await self._store.outcomes(tenant, [command_hash])).get(command_hash)

    async def settled(self, tenant: str, command_hash: str, timeout_s: float) -> Outcome | None:
        """The final outcome, None when it did not come in time."""
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        name = (tenant, command_hash)
        self._waiting[name].add(future)
        try:
            async with asyncio.timeout(timeout_s):
                return await future
        except TimeoutError:
            return None
        finally:
            self._waiting[name].discard(future)
            if not self._waiting[name]:
                del self._waiting[name]

    async def run(self) -> None:
        """Answer until cancelled."""
        signal = self._store.signal("commits")
        while True:
            await signal.wait(LOOK_AGAIN_S)
            by_tenant: dict[str, list[str]] = defaultdict(list)
            for tenant, command in self._waiting:
                by_tenant[tenant].append(command)
            for tenant, commands in by_tenant.items():
                try:
                    found = await self._store.outcomes(tenant, commands)
                except CartularyError as error:
                    log.warning("answers_wait", code=error.code, reason=error.detail)
                    continue
                for command, outcome in found.items():
                    if outcome.status in _FINAL:
                        self._answer((tenant, command), outcome)

    def _answer(self, name: tuple[str, str], outcome: Outcome) -> None:
        for future in self._waiting.get(name, ()):
            if not future.done():
                future.set_result(outcome)
