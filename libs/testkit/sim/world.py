"""What may go wrong, and when: seeded chance, named nodes that crash and come back, points where they do."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

_T = TypeVar("_T")

BEGINNING = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)


class NodeCrashed(BaseException):
    """The node that made this call is gone; nothing of it may go on."""


@dataclass(frozen=True, slots=True)
class Rates:
    """Chances between 0 and 1 a port call, and times in seconds."""

    usual_s: float = 0.004
    slow: float = 0.02
    slow_s: float = 1.5
    unreachable: float = 0.01
    lost_answer: float = 0.01
    late: float = 0.005
    crash: float = 0.0
    repeated: float = 0.02
    lost_pool: float = 0.02
    lagging: float = 0.2


QUIET = Rates(slow=0, unreachable=0, lost_answer=0, late=0, repeated=0, lost_pool=0, lagging=0)


class World:
    """One simulated run: everything by chance is drawn here, so that a seed names a schedule."""

    def __init__(self, seed: int, rates: Rates = QUIET) -> None:
        self.seed = seed
        self.random = random.Random(seed)
        self.rates = rates
        self.visited: Counter[str] = Counter()
        self.crashes: Counter[str] = Counter()
        self.trace: list[tuple[float, str, str]] = []
        self.crash_at: dict[str, int] = {}
        self.violations: list[str] = []
        self._lives: Counter[str] = Counter()

    def node(self, name: str) -> Node:
        """A fresh life of the named node."""
        self._lives[name] += 1
        return Node(self, name, self._lives[name])

    def now(self) -> datetime:
        """The world's UTC time."""
        return BEGINNING + timedelta(seconds=self.elapsed())

    def elapsed(self) -> float:
        """Virtual seconds since the beginning."""
        return asyncio.get_running_loop().time()

    def chance(self, rate: float) -> bool:
        """True that often."""
        return rate > 0 and self.random.random() < rate

    def delay_s(self) -> float:
        """How long a call takes one way."""
        rates = self.rates
        if self.chance(rates.slow):
            return self.random.uniform(0, rates.slow_s)
        return self.random.expovariate(1 / rates.usual_s) if rates.usual_s else 0.0

    def note(self, who: str, what: str) -> None:
        """Write into the trace by which two runs of a seed are compared."""
        self.trace.append((round(self.elapsed(), 6), who, what))


class Node:
    """One life of a process: its tasks end with it, and so does the effect of its calls."""

    def __init__(self, world: World, name: str, life: int) -> None:
        self.world, self.name, self.life = world, name, life
        self.alive = True
        self.on_crash: list[Any] = []
        self._tasks: dict[asyncio.Task[Any], None] = {}

    def start(self, work: Coroutine[Any, Any, _T], name: str = "") -> asyncio.Task[_T]:
        """Run as a task of this node."""
        self.check()
        task = asyncio.get_running_loop().create_task(work, name=f"{self.name}.{self.life}:{name}")
        self._tasks[task] = None
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.pop(task, None)
        if not self.alive and not task.cancelled():
            task.exception()

    def check(self) -> None:
        """Raise NodeCrashed when this life is over."""
        if not self.alive:
            raise NodeCrashed(f"{self.name}.{self.life}")

    def crash(self, why: str = "") -> None:
        """End this life: cancel its tasks; whatever they still call raises."""
        if not self.alive:
            return
        self.alive = False
        self.world.crashes[why or self.name] += 1
        self.world.note(self.name, f"crashed {why}")
        for task in list(self._tasks):
            task.cancel()
        for tell in self.on_crash:
            tell()

    async def at(self, point: str) -> None:
        """A named point where this node may crash."""
        self.check()
        world = self.world
        world.visited[point] += 1
        left = world.crash_at.get(point)
        if left is not None:
            world.crash_at[point] = left - 1
        if left == 0 or world.chance(world.rates.crash):
            self.crash(point)
            raise NodeCrashed(f"{self.name}.{self.life} at {point}")

    async def ask(self, point: str, unreachable: Exception) -> None:
        """The way to a port: it takes time, may fail with nothing done, and the node may crash before."""
        await self.at(f"{point}.asked")
        await asyncio.sleep(self.world.delay_s())
        self.check()
        if self.world.chance(self.world.rates.unreachable):
            self.world.note(self.name, f"{point} unreachable")
            raise unreachable

    async def answer(self, point: str, unreachable: Exception) -> None:
        """The way back: what was done stands, but the answer may be lost, and the node may crash."""
        await asyncio.sleep(self.world.delay_s())
        await self.at(f"{point}.done")
        if self.world.chance(self.world.rates.lost_answer):
            self.world.note(self.name, f"{point} answer lost")
            raise unreachable
