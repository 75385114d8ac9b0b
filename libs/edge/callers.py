"""The callers' side of the path: submit, wait for the commit, ask what became of a command (W-1)."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from itertools import islice

import structlog

from libs.kernel.decider import Command
from libs.kernel.envelope import Actor
from libs.kernel.errors import CartularyError, NotReady
from libs.kernel.keyed import KeyedHashes
from libs.ports import Outcome, Store
from libs.runtime.deciding import DecideLoop
from libs.runtime.planning import Request

log = structlog.get_logger(__name__)

LOOK_AGAIN_S = 1.0
MOST_AT_ONCE = 2_000


class Gateway:
    """One per process; `run` answers those who wait, with one look at the store for all of them."""

    def __init__(self, store: Store, keyed: KeyedHashes) -> None:
        self._store, self._keyed = store, keyed
        self._loop: DecideLoop | None = None
        self._waiting: dict[tuple[str, str], set[asyncio.Future[Outcome]]] = defaultdict(set)

    def command_hash(self, tenant: str, actor: Actor, idempotency_key: str) -> str:
        """The keyed hash that names a caller's command in status addresses."""
        return self._keyed.command(tenant, actor.caller, idempotency_key)

    def decide_by(self, loop: DecideLoop | None) -> None:
        """Decide by this loop from now on; None while none runs."""
        self._loop = loop

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
        if self._loop is None:
            raise NotReady("the service is starting")
        key = self._keyed.key(tenant, actor.caller, idempotency_key, request)
        return await self._loop.submit(
            Request(command, tenant, actor, key, correlation=correlation, traceparent=traceparent)
        )

    async def outcome(self, tenant: str, command_hash: str) -> Outcome | None:
        """What became of a command so far; None for one that this tenant never sent."""
        found = (await self._store.outcomes(tenant, [command_hash])).get(command_hash)
        if found is None and self._loop is None:
            raise NotReady("the service is starting")
        return found

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
            if waiting := self._waiting.get(name):
                waiting.discard(future)
                if not waiting:
                    del self._waiting[name]

    async def run(self) -> None:
        """Answer until cancelled."""
        signal = self._store.signal("commits")
        while True:
            await signal.wait(LOOK_AGAIN_S)
            try:
                while await self._look():
                    log.debug("answers_given")
            except CartularyError as error:
                log.warning("answers_wait", code=error.code, reason=error.detail)

    async def _look(self) -> bool:
        """Answer those that wait longest (commits come in order); whether to look at the next ones at once."""
        by_tenant: dict[str, list[str]] = defaultdict(list)
        for tenant, command in islice(self._waiting, MOST_AT_ONCE):
            by_tenant[tenant].append(command)
        answered = 0
        for tenant, commands in by_tenant.items():
            for command, outcome in (await self._store.outcomes(tenant, commands, final=True)).items():
                self._answer((tenant, command), outcome)
                answered += 1
        return answered == MOST_AT_ONCE

    def _answer(self, name: tuple[str, str], outcome: Outcome) -> None:
        for future in self._waiting.pop(name, ()):
            if not future.done():
                future.set_result(outcome)
