"""A service's path put together: which parts it brings, which roles a process plays, what it does when a life ends."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

import structlog

from libs.edge.callers import Gateway
from libs.kernel.decider import Decider
from libs.kernel.errors import CartularyError, Conflict
from libs.kernel.events import Event
from libs.kernel.keyed import KeyedHashes
from libs.ledger.port import LedgerReader
from libs.ports import Bus, Clock, Life, Privacy, Store
from libs.ports.changes import Projection
from libs.rules.changes import CHANGE_PROJECTIONS
from libs.rules.four_eyes import Rules
from libs.runtime import life
from libs.runtime.automatic import Automatic, DueCommand, DueLoop, Reaction, Reactor
from libs.runtime.committing import Committer
from libs.runtime.deciding import DecideLoop
from libs.runtime.relay import At, Relay, Seal, nowhere

log = structlog.get_logger(__name__)

Role = Literal["api", "relay", "commit", "react", "clock"]
ROLES: tuple[Role, ...] = ("api", "relay", "commit", "react", "clock")
RETRY_FIRST_S, RETRY_MOST_S = 0.2, 5.0
LOOK_S = 0.2


@dataclass(frozen=True, slots=True)
class Parts:
    """What a service brings: its rules, and tables from event types (without version) to functions.

    `foreign` reads other services' events: service → (type, data) → event.
    """

    decider: Decider
    projections: Mapping[str, Projection]
    migrations: Path | None = None
    reactions: Mapping[str, Reaction] = field(default_factory=dict)
    due: Mapping[str, DueCommand] = field(default_factory=dict)
    foreign: Mapping[str, Callable[[str, dict[str, Any]], Event]] = field(default_factory=dict)

    @property
    def holds_personal(self) -> bool:
        """Whether an event of the service holds a personal value, so that it needs a key store."""
        return any(kind.holds_personal for kind in self.decider.catalogue.types())


class Keys(NamedTuple):
    """What a service hashes, signs its runs and seals personal values with."""

    hashes: KeyedHashes
    seal: Seal
    privacy: Privacy | None = None


class LivingStore(Store, Protocol):
    """A store whose schema can be made, and that can forget which life it knew."""

    async def prepare(self) -> None:
        """Bring the schema to its newest form."""
        ...

    def begin_anew(self) -> None:
        """Forget which life this process knew."""
        ...


class ServicePath:
    """One service in one process; `at` is told the named crash points."""

    def __init__(
        self, parts: Parts, store: LivingStore, bus: Bus, node: LedgerReader, clock: Clock, keys: Keys, *,
        gateway: Gateway | None = None, backlog_limit: int = 200_000, at: At = nowhere,
    ) -> None:  # fmt: skip
        self.parts, self.store, self.bus, self.node, self.clock, self.keys = parts, store, bus, node, clock, keys
        self.service, self.lanes = parts.decider.service, node.identity.lanes
        self._backlog_limit, self._at = backlog_limit, at
        self.state = "starting"
        self.rebuilt_events = 0
        self.gateway = gateway or Gateway(store, keys.hashes)
        self._assemble()

    def _assemble(self) -> None:
        parts, lanes = self.parts, self.lanes
        self.rules = Rules(parts.decider)
        own = {f"{self.service}.{stem}": projection for stem, projection in CHANGE_PROJECTIONS.items()}
        self.loop = DecideLoop(
            self.store, self.rules, self.clock, self.keys.hashes, lanes=lanes, backlog_limit=self._backlog_limit,
            privacy=self.keys.privacy,
        )  # fmt: skip
        self.relay = Relay(self.service, self.store, self.bus, self.clock, self.keys.seal, lanes=lanes, at=self._at)
        self.committer = Committer(
            self.store, self.rules, self.bus, self.node, self.clock, self.keys.hashes, {**own, **parts.projections},
            lanes=lanes, foreign=parts.foreign, at=self._at,
        )  # fmt: skip
        automatic = Automatic(self.service, self.loop, self.clock, self.keys.hashes)
        self.reactor = Reactor(
            automatic, self.store, self.bus, self.node, self.rules.types.cursor_advanced, parts.reactions, self._parse,
            lanes=lanes, at=self._at,
        )  # fmt: skip
        self.due = DueLoop(automatic, self.store, parts.due)

    def _parse(self, service: str, type_name: str, data: dict[str, Any]) -> Event:
        if service == self.service:
            return self.rules.catalogue.parse(type_name, data)
        return self.parts.foreign[service](type_name, data)

    async def run(self, roles: Sequence[Role] = ROLES) -> None:
        """Play these roles until cancelled; a failure starts them anew, with backoff and a state for `/health`."""
        wait_s = RETRY_FIRST_S
        while True:
            began = self.clock.monotonic()
            try:
                await self._begin(roles)
                self.gateway.decide_by(self.loop)
                self.state = "running"
                await self._play(roles)
            except* CartularyError as errors:
                first = _first(errors)
                self.state = f"{first.code}: {first.detail}"
                log.warning("service_starts_anew", service=self.service, code=first.code, reason=first.detail)
            except* Exception as errors:
                self.state = f"failed: {type(_first(errors)).__name__}"
                log.exception("service_failed", service=self.service)
            self.gateway.decide_by(None)
            if self.clock.monotonic() - began > RETRY_MOST_S:
                wait_s = RETRY_FIRST_S
            await self.clock.sleep(wait_s)
            wait_s = min(wait_s * 2, RETRY_MOST_S)
            self.store.begin_anew()
            self._assemble()

    async def _begin(self, roles: Sequence[Role]) -> None:
        """The commit role brings a schema to life: it rebuilds what the ledger holds and begins an epoch (W-21)."""
        if "commit" in roles:
            await self.store.prepare()
            if await self.store.life() is None:
                self.state = "rebuilding from the ledger"
                self.rebuilt_events = 0
                await life.rebuild(self.store, self.committer, self.bus, self.node, self.clock, self._rebuilt)
                try:
                    await life.begin(self.store, self.node, self.rules, self.clock, self.keys.hashes)
                except Conflict:
                    self.store.begin_anew()
        while await self._life() is None:
            self.state = "waiting for the schema's life to begin"
            await self.clock.sleep(LOOK_S)

    async def _life(self) -> Life | None:
        """The schema's life; None too while there is no schema yet."""
        try:
            return await self.store.life()
        except CartularyError as error:
            if error.code != "life-changed":
                raise
            return None

    def _rebuilt(self, lane: int, events: int) -> None:
        self.rebuilt_events += events
        self.state = f"rebuilding from the ledger: {self.rebuilt_events} events, lane {lane}"

    async def _play(self, roles: Sequence[Role]) -> None:
        runs: dict[Role, tuple[Callable[[], Awaitable[None]], ...]] = {
            "api": (self.loop.run, self.gateway.run),
            "relay": (self.relay.run,),
            "commit": (self.committer.run,),
            "react": (self.loop.run, self.reactor.run),
            "clock": (self.loop.run, self.due.run),
        }
        async with asyncio.TaskGroup() as group:
            for run in dict.fromkeys(run for role in roles for run in runs[role]):
                group.create_task(_until_cancelled(run))


async def _until_cancelled(run: Callable[[], Awaitable[None]]) -> None:
    await run()


def _first(errors: BaseExceptionGroup[Any]) -> Any:
    inner = errors.exceptions[0]
    return _first(inner) if isinstance(inner, BaseExceptionGroup) else inner
