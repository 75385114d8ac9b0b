"""The parts of a service that a process runs, and the supervisor that keeps them running."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from fastapi import FastAPI

from libs.edge import metrics
from libs.edge.health import Check, Level, State
from libs.edge.logging import described
from libs.ports import Clock

log = structlog.get_logger(__name__)

FIRST_BACKOFF_S = 0.1
MAX_BACKOFF_S = 30.0
# A component that ran for so long is well again: its next failure starts at the first backoff.
WELL_AFTER_S = 60.0
# What feeds others stops before what it feeds; what is not listed stops last.
STOP_ORDER = ("api", "clock", "react", "relay", "commit", "attest", "publish")


async def nothing() -> None:
    """Nothing to open, to drain or to close."""


@dataclass(frozen=True, slots=True)
class Component:
    """A coroutine that runs until it is cancelled, under a name and the roles that call for it (`--only`).

    Its first role says when it stops (STOP_ORDER). `drain` returns when nothing is left in hand; it is awaited while
    `run` still runs, before that is cancelled.
    """

    name: str
    run: Callable[[], Awaitable[None]]
    roles: tuple[str, ...]
    drain: Callable[[], Awaitable[None]] = nothing


@dataclass(frozen=True, slots=True)
class ServiceParts:
    """What a service's `app.py` names: its API, its components, what to open before and close after them.

    `open` connects; it is tried again while it fails, so it leaves nothing behind then. Until it is through, the API
    answers 503. `close` ends what `open` made. The checks are asked through the process's `/health/ready`, whatever
    roles it plays.
    """

    name: str
    api: FastAPI | None = None
    components: Sequence[Component] = ()
    checks: Sequence[Check] = ()
    open: Callable[[], Awaitable[None]] = nothing
    close: Callable[[], Awaitable[None]] = nothing


class Kept:
    """One component kept running: restarted with backoff when it fails, its state to be seen on `/health/ready`."""

    def __init__(self, label: str, component: Component, clock: Clock) -> None:
        self.label, self.component, self._clock = label, component, clock
        self.restarts = 0
        self._failing: tuple[str, datetime] | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def running(self) -> bool:
        """Whether it was started and is kept."""
        return self._task is not None and not self._task.done()

    def start(self) -> None:
        """Run it from now on."""
        self._task = asyncio.create_task(self._keep(), name=self.label)

    async def stop(self, drain_s: float) -> None:
        """Drain it for at most so long, then cancel it; a component that is failing has nothing to drain."""
        if self._task is None:
            return
        if self._failing is None:
            try:
                async with asyncio.timeout(drain_s):
                    await self.component.drain()
            except TimeoutError:
                log.warning("drain_out_of_time", component=self.label, drain_ms=round(drain_s * 1000))
            except Exception:
                log.exception("drain_failed", component=self.label)
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        log.info("component_stopped", component=self.label)

    def check(self) -> Check:
        """Its state: an API part that fails takes the process out of service, another one is shown."""

        async def state() -> State:
            if self._failing is None:
                return State("ok", f"restarted {self.restarts} times" if self.restarts else "")
            reason, since = self._failing
            level: Level = "failing" if "api" in self.component.roles else "degraded"
            return State(level, f"restarted {self.restarts} times, last failure: {reason}", since)

        return Check(f"component {self.label}", state)

    async def _keep(self) -> None:
        backoff_s = FIRST_BACKOFF_S
        while True:
            started = self._clock.monotonic()
            reason = await self._run_once()
            if self._clock.monotonic() - started >= WELL_AFTER_S:
                backoff_s, self._failing = FIRST_BACKOFF_S, None
            self._failing = (reason, self._failing[1] if self._failing else self._clock.now())
            metrics.RUNNING.labels(self.label).set(0)
            log.error("component_failed", component=self.label, reason=reason, backoff_ms=round(backoff_s * 1000))
            await self._clock.sleep(backoff_s)
            backoff_s = min(backoff_s * 2, MAX_BACKOFF_S)
            self.restarts += 1
            metrics.RESTARTS.labels(self.label).inc()

    async def _run_once(self) -> str:
        """Run until it ends, which it should not; why it did."""
        metrics.RUNNING.labels(self.label).set(1)
        well = asyncio.create_task(self._well())
        try:
            await self.component.run()
        except Exception as error:
            log.exception("component_raised", component=self.label)
            return described(error)
        finally:
            well.cancel()
        return "it ended by itself"

    async def _well(self) -> None:
        await self._clock.sleep(WELL_AFTER_S)
        self._failing = None


async def stop_in_order(kept: Iterable[Kept], ends_at: float, clock: Clock) -> None:
    """Stop role by role in STOP_ORDER, those of one role at once; nothing is drained past `ends_at` (monotonic)."""
    by_role: dict[int, list[Kept]] = {}
    for one in kept:
        role = one.component.roles[0]
        rank = STOP_ORDER.index(role) if role in STOP_ORDER else len(STOP_ORDER)
        by_role.setdefault(rank, []).append(one)
    for rank in sorted(by_role):
        left_s = max(0.0, ends_at - clock.monotonic())
        await asyncio.gather(*(one.stop(left_s) for one in by_role[rank]))
