"""Health: alive, and ready or why not; each check says its state, a reason and since when (invariant 14)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from typing import Any, Literal, NamedTuple

import orjson
import structlog
from fastapi import APIRouter
from starlette.responses import Response

from libs.edge import metrics
from libs.kernel.errors import CartularyError
from libs.kernel.time import to_wire
from libs.ports import Clock

log = structlog.get_logger(__name__)

Level = Literal["ok", "degraded", "failing"]
PROBE_TIMEOUT_S = 2.0
# Whoever asks more often gets the last answer: asking must not become a load.
REUSE_S = 0.5
_WORST = {"ok": 0, "degraded": 1, "failing": 2}


class State(NamedTuple):
    """What a check found: `degraded` is shown and stays ready, `failing` takes the process out of service.

    `since` is when it came to that, where the check knows; otherwise when it was first seen.
    """

    status: Level = "ok"
    detail: str = ""
    since: datetime | None = None


class Check(NamedTuple):
    """A named question about a part; an error or no answer in 2 s counts as `failing`."""

    name: str
    probe: Callable[[], Awaitable[State]]


class Health:
    """The checks of a process or a service."""

    def __init__(self, name: str, clock: Clock, checks: Iterable[Check] = ()) -> None:
        self.name, self._clock = name, clock
        self._checks = list(checks)
        self._since: dict[str, tuple[Level, datetime]] = {}
        self._last: tuple[float, dict[str, Any]] | None = None
        self._looking = asyncio.Lock()

    def add(self, checks: Iterable[Check]) -> None:
        """Ask these too."""
        self._checks.extend(checks)

    def checks(self, prefix: str = "") -> list[Check]:
        """The checks, named for the process that composes several services."""
        return [Check(prefix + check.name, check.probe) for check in self._checks]

    async def ready(self) -> dict[str, Any]:
        """`{service, status, checks: [{name, status, detail, since}]}`; the worst check is the status."""
        async with self._looking:
            if self._last is None or self._clock.monotonic() - self._last[0] > REUSE_S:
                self._last = (self._clock.monotonic(), await self._look())
            return self._last[1]

    async def _look(self) -> dict[str, Any]:
        states = await asyncio.gather(*(_ask(check) for check in self._checks))
        shown = [self._shown(check.name, state) for check, state in zip(self._checks, states, strict=True)]
        worst = max((state.status for state in states), key=_WORST.__getitem__, default="ok")
        return {"service": self.name, "status": worst, "checks": shown}

    def _shown(self, name: str, state: State) -> dict[str, str]:
        before = self._since.get(name)
        if before is None or before[0] != state.status:
            before = self._since[name] = (state.status, self._clock.now())
            if state.status != "ok":
                log.warning("check_not_well", check=name, status=state.status, reason=state.detail)
        since = to_wire(state.since or before[1])
        return {"name": name, "status": state.status, "detail": state.detail, "since": since}


async def _ask(check: Check) -> State:
    try:
        async with asyncio.timeout(PROBE_TIMEOUT_S):
            return await check.probe()
    except TimeoutError:
        return State("failing", f"no answer within {PROBE_TIMEOUT_S:g} s")
    except CartularyError as error:
        return State("failing", error.detail)
    except Exception as error:
        log.exception("check_broken", check=check.name)
        return State("failing", type(error).__name__)


def health_routes(health: Health) -> APIRouter:
    """`/health/live`, `/health/ready` and `/metrics`: for probes, without a token, not in OpenAPI."""
    router = APIRouter(include_in_schema=False)

    @router.get("/health/live")
    async def live() -> Response:
        return _json({"service": health.name, "status": "live"}, 200)

    @router.get("/health/ready")
    async def ready() -> Response:
        found = await health.ready()
        return _json(found, 503 if found["status"] == "failing" else 200)

    @router.get("/metrics")
    async def exposition() -> Response:
        content, media_type = metrics.exposition()
        return Response(content, media_type=media_type)

    return router


def _json(content: dict[str, Any], status: int) -> Response:
    headers = {"Cache-Control": "no-store", **({"Retry-After": "2"} if status == 503 else {})}
    return Response(orjson.dumps(content), status, headers, "application/json")
