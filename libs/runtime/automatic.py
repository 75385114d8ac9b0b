"""Commands that nobody sends: reactions to attested events and work that falls due (W-18, W-25)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

import structlog

from libs.kernel.decider import Command
from libs.kernel.envelope import Actor, AttestedEvent
from libs.kernel.errors import CartularyError
from libs.kernel.events import Event
from libs.kernel.keyed import KeyedHashes
from libs.ledger.port import LedgerReader
from libs.ports import Bus, Clock, CommandKey, DueRow, Outcome, Position, Store, StoreUnreachable
from libs.rules.four_eyes import ApplyChange, ExpireChange, RecordEvent, RefuseCommand
from libs.rules.records import SYSTEM_TENANT
from libs.runtime.deciding import DecideLoop
from libs.runtime.log import Attested, AttestedLog
from libs.runtime.planning import Request
from libs.runtime.relay import nowhere

log = structlog.get_logger(__name__)

CONSUMER = "react"
CHUNK = 500
CURSOR_EVENTS = 1_000
CURSOR_S = 10.0
LOOK_S = 0.5
RETRY_FIRST_S, RETRY_MOST_S = 0.2, 10.0
RETRY_DUE = timedelta(seconds=5)

Reaction = Callable[[Event, AttestedEvent, datetime], Iterable[Command]]
# One that asks a provider first is awaited; what it cannot find out it says in its command.
DueCommand = Callable[[DueRow, datetime], Command | Awaitable[Command]]


class Automatic:
    """Submits automatic commands: again until decided, and a refusal onto the record of its target."""

    def __init__(self, service: str, loop: DecideLoop, clock: Clock, keyed: KeyedHashes) -> None:
        self.service, self.clock, self.keyed = service, clock, keyed
        self._loop, self._actor = loop, Actor(f"service:{service}", "service")

    async def decide(
        self, kind: str, command: Command, *, tenant: str, cause: str | None, correlation: str | None = None
    ) -> None:
        """Decide once per (kind, cause, target); returns when it is decided or its refusal is."""
        target = command.streams()[0]
        key = self.keyed.automatic(kind, cause or "", target)
        outcome = await self._submit(Request(command, tenant, self._actor, key, cause, correlation))
        if outcome.status == "refused" and outcome.problem is not None:
            name, problem = type(command).__name__, outcome.problem
            log.info("automatic_command_refused", service=self.service, command=name, reason=problem["type"])
            refusal = RefuseCommand(
                now=self.clock.now(), target=target, command=name, reason=str(problem["type"]),
                detail=str(problem["detail"]),
            )  # fmt: skip
            refusal_key = self.keyed.automatic(f"{kind}:refused", cause or "", target)
            await self._submit(Request(refusal, tenant, self._actor, refusal_key, cause, correlation))

    async def record(self, event: Event, key: CommandKey) -> None:
        """Store one of the runtime's own events."""
        command = RecordEvent(now=self.clock.now(), event=event)
        await self._submit(Request(command, SYSTEM_TENANT, self._actor, key))

    async def _submit(self, request: Request) -> Outcome:
        wait_s = RETRY_FIRST_S
        while True:
            try:
                return await self._loop.submit(request)
            except CartularyError as error:
                if error.code == "life-changed" or error.status < 500:
                    raise
                log.info("automatic_command_waits", service=self.service, code=error.code, reason=error.detail)
            await self.clock.sleep(wait_s)
            wait_s = min(wait_s * 2, RETRY_MOST_S)


class Reactor:
    """Turns attested events into commands of this service; `reactions` are keyed by type without version.

    `parse(service, type, data)` reads an event of another service.
    """

    def __init__(
        self,
        automatic: Automatic,
        store: Store,
        bus: Bus,
        node: LedgerReader,
        cursor_type: type[Any],
        reactions: Mapping[str, Reaction],
        parse: Callable[[str, str, dict[str, Any]], Event],
        *,
        lanes: int,
        at: Callable[[str], Awaitable[None]] = nowhere,
    ) -> None:
        self._automatic, self._store, self._bus, self._node = automatic, store, bus, node
        self._reactions, self._parse, self._lanes, self._at = reactions, parse, lanes, at
        self._clock = automatic.clock
        self._cursor_type = cursor_type

    async def run(self) -> None:
        """React until cancelled; only once the life is settled, so that former decisions are known (W-21)."""
        if not self._reactions:
            return
        while (life := await self._store.life()) is None or not life.settled:
            await self._clock.sleep(LOOK_S)
        positions = await self._store.positions(CONSUMER)
        async with asyncio.TaskGroup() as group:
            for lane in range(self._lanes):
                group.create_task(self._react(lane, positions.get(lane)))

    async def _react(self, lane: int, position: Position | None) -> None:
        attested = AttestedLog(self._bus, self._node, self._clock, lane, position)
        seen_events, since = 0, self._clock.monotonic()
        try:
            while True:
                for batch in await attested.next(1.0) or await attested.missed():
                    seen_events += await self._react_to(batch)
                    await self._at("react.decided")
                    await self._store.move(CONSUMER, lane, batch.after)
                due = seen_events >= CURSOR_EVENTS or self._clock.monotonic() - since >= CURSOR_S
                if due and seen_events:
                    await self._attest_cursor(lane, attested.position)
                    seen_events, since = 0, self._clock.monotonic()
        finally:
            await attested.close()

    async def _react_to(self, batch: Attested) -> int:
        """Decide everything that the batch causes; the number of its events that are no cursors."""
        domain_events = 0
        for seen in batch.events:
            stem = seen.type.rpartition(".v")[0]
            domain_events += not stem.endswith(".CursorAdvanced")
            if reaction := self._reactions.get(stem):
                event = self._parse(seen.service, seen.type, seen.body["data"])
                await self._decide(stem, reaction(event, seen, self._clock.now()), seen)
        return domain_events

    async def _decide(self, stem: str, commands: Iterable[Command], seen: AttestedEvent) -> None:
        """In chunks: a published NAV prices all its orders; a second run finds those that are decided by their keys."""
        correlation = str(seen.body["correlation"])
        remaining = iter(commands)
        while chunk := list(islice(remaining, CHUNK)):
            async with asyncio.TaskGroup() as group:
                for command in chunk:
                    group.create_task(
                        self._automatic.decide(
                            stem, command, tenant=seen.tenant, cause=seen.id, correlation=correlation
                        )
                    )

    async def _attest_cursor(self, lane: int, position: Position) -> None:
        event = self._cursor_type(
            lane=lane, consumer=CONSUMER, sequence=position.sequence, head=position.head.hex(), block=position.block
        )
        key = self._automatic.keyed.automatic("cursor", str(position.sequence), event.stream())
        await self._automatic.record(event, key)


class DueLoop:
    """Turns due rows into commands, unique per (causing event, kind, due time)."""

    def __init__(self, automatic: Automatic, store: Store, commands: Mapping[str, DueCommand]) -> None:
        self._automatic, self._store = automatic, store
        service = automatic.service
        self._commands: dict[str, DueCommand] = {
            "ExpireChange": lambda row, now: ExpireChange(now=now, service=service, **row.payload),
            "ApplyChange": lambda row, now: ApplyChange(now=now, service=service, **row.payload),
            **commands,
        }
        # When to try again what a key store or a provider that is away kept from being done.
        self._failed: dict[tuple[str, str, datetime], datetime] = {}

    async def run(self) -> None:
        """Look for due work until cancelled; what cannot be done now keeps nothing else waiting."""
        while True:
            looked = 0
            try:
                looked = await self._look()
            except StoreUnreachable as error:
                log.warning("due_work_waits", service=self._automatic.service, reason=error.detail)
            if looked < CHUNK:
                await self._automatic.clock.sleep(LOOK_S)

    async def _look(self) -> int:
        """Do what is due and did not fail a moment ago; how much that was."""
        now = self._automatic.clock.now()
        rows = await self._store.due(now, CHUNK + len(self._failed))
        ready = [row for row in rows if self._failed.get(_name(row), now) <= now]
        async with asyncio.TaskGroup() as group:
            for row in ready:
                group.create_task(self._done(row))
        if done := [row for row in ready if _name(row) not in self._failed]:
            await self._store.due_done(done)
        return len(ready)

    async def _done(self, row: DueRow) -> None:
        self._failed.pop(_name(row), None)
        try:
            await self._decide(row)
        except CartularyError as error:
            if error.code == "life-changed":
                raise
            log.warning("due_work_waits", service=self._automatic.service, kind=row.kind, reason=error.detail)
            self._failed[_name(row)] = self._automatic.clock.now() + RETRY_DUE

    async def _decide(self, row: DueRow) -> None:
        made = self._commands[row.kind](row, self._automatic.clock.now())
        command = made if isinstance(made, Command) else await made
        kind = f"due:{row.kind}:{row.at.isoformat()}"
        await self._automatic.decide(kind, command, tenant=row.tenant, cause=row.cause)


def _name(row: DueRow) -> tuple[str, str, datetime]:
    return row.cause, row.kind, row.at
