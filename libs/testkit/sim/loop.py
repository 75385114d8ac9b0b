"""An asyncio loop in virtual time: one thread, no waiting, the same order of steps for the same seed."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from contextvars import Context
from itertools import count
from typing import Any, TypeVar

_T = TypeVar("_T")
_MOST_STEPS = 3_000_000


class DeadlockError(Exception):
    """Nothing is scheduled, and somebody waits."""


class TooManyStepsError(Exception):
    """The simulation did not come to rest within its bound."""


class _Task(asyncio.Task[Any]):
    """A task with a hash of its own, so that sets of tasks are walked in the same order in every run."""

    _numbers = count()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._number = next(self._numbers)
        super().__init__(*args, **kwargs)

    def __hash__(self) -> int:
        return self._number

    def __eq__(self, other: object) -> bool:
        return self is other


class _VirtualSelector(selectors.BaseSelector):
    """Never waits: it moves the clock to the next timer instead."""

    def __init__(self, most_steps: int) -> None:
        self.now = 0.0
        self.steps = 0
        self._most_steps = most_steps
        self._keys: dict[Any, selectors.SelectorKey] = {}

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        number = fileobj if isinstance(fileobj, int) else fileobj.fileno()
        self._keys[fileobj] = key = selectors.SelectorKey(fileobj, number, events, data)
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._keys.pop(fileobj)

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.steps += 1
        if self.steps > self._most_steps:
            raise TooManyStepsError(f"{self._most_steps} steps, {self.now:.1f} s of virtual time")
        if timeout is None:
            waiting = "\n".join(sorted(f"{t.get_name()}: {t.get_coro()}" for t in asyncio.all_tasks(_current())))
            raise DeadlockError(f"nothing is scheduled at {self.now:.3f} s; these wait:\n{waiting}")
        self.now += max(timeout, 0.0)
        return []

    def get_map(self) -> dict[Any, selectors.SelectorKey]:
        return self._keys


def _current() -> asyncio.AbstractEventLoop:
    return asyncio.get_running_loop()


class SimLoop(asyncio.SelectorEventLoop):
    """The loop; `time()` is virtual and starts at 0, executors run their function at once."""

    def __init__(self, most_steps: int = _MOST_STEPS) -> None:
        self._virtual = _VirtualSelector(most_steps)
        super().__init__(self._virtual)
        self._clock_resolution = 1e-9
        _Task._numbers = count()
        self.set_task_factory(_new_task)

    def time(self) -> float:
        """Virtual seconds since the start."""
        return self._virtual.now

    @property
    def steps(self) -> int:
        """How often the loop turned."""
        return self._virtual.steps

    def run_in_executor(  # type: ignore[override]
        self, executor: Executor | None, func: Callable[..., _T], *args: Any
    ) -> asyncio.Future[_T]:
        """Run the function now; threads would make the order of steps a matter of chance."""
        future: asyncio.Future[_T] = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:  # noqa: BLE001  # whatever it is, it is the awaiter's
            future.set_exception(error)
        return future


def _new_task(loop: asyncio.AbstractEventLoop, coro: Any, context: Context | None = None) -> _Task:
    return _Task(coro, loop=loop, context=context)


def simulate(main: Callable[[], Coroutine[Any, Any, _T]], *, most_steps: int = _MOST_STEPS) -> _T:
    """Run in virtual time until `main` returns; raises DeadlockError, TooManyStepsError, or what `main` raises."""
    loop = SimLoop(most_steps)
    try:
        return loop.run_until_complete(main())
    finally:
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(_rest(loop))
        loop.close()


async def _rest(loop: SimLoop) -> None:
    others = asyncio.all_tasks(loop) - {asyncio.current_task()}
    await asyncio.gather(*others, return_exceptions=True)
