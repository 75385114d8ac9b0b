"""Who checks the batches: worker processes side by side, or this process when there are none."""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
from collections.abc import Awaitable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TYPE_CHECKING, NamedTuple, Protocol

from libs.kernel.errors import CartularyError
from libs.ledger.opening import BadBatch, Lie
from libs.ledger.port import LedgerIdentity, ProducerKey
from libs.ledger.verify.batches import BatchChecker, Job, Summary

if TYPE_CHECKING:
    from libs.ledger.verify.rows import Database, RowReader, Rows


class WorkerLost(CartularyError):
    """A worker process ended before its time: out of memory, or killed."""

    code = "worker-lost"


class Outcome(NamedTuple):
    """What became of a batch: its summary and its rows, or the lie in it."""

    summary: Summary | None
    rows: Rows | None = None
    lie: Lie | None = None
    detail: str = ""


class Work(NamedTuple):
    """What every checker needs."""

    identity: LedgerIdentity
    registrations: Sequence[ProducerKey]
    databases: Sequence[Database]


class Checkers(Protocol):
    """Batches in, outcomes out."""

    def submit(self, job: Job) -> Awaitable[Outcome]:
        """The outcome of a batch, some time later."""
        ...

    async def close(self) -> None:
        """End the workers."""
        ...


class _Checker:
    """A checker with its database connections."""

    def __init__(self, work: Work, readers: Sequence[RowReader]) -> None:
        self._batches = BatchChecker(work.identity, work.registrations)
        self._readers = readers

    async def check(self, job: Job) -> Outcome:
        try:
            runs = self._batches.open(job)
            summary = self._batches.summary(job.place, runs)
        except BadBatch as lie:
            return Outcome(None, None, lie.kind, lie.finding)
        if not self._readers:
            return Outcome(summary)
        # Only a walk with databases pays for the database's client.
        from libs.ledger.verify.rows import Rows  # noqa: PLC0415

        rows, events = Rows(), self._batches.events(job.place, runs)
        for reader in self._readers:
            await reader.hold(job.place, events, rows)
        return Outcome(summary, rows)


class Inline:
    """Checks in this process."""

    def __init__(self, work: Work, readers: Sequence[RowReader]) -> None:
        self._checker = _Checker(work, readers)

    def submit(self, job: Job) -> Awaitable[Outcome]:
        """See Checkers.submit."""
        return self._checker.check(job)

    async def close(self) -> None:
        """See Checkers.close."""


class Workers:
    """Checks in processes of its own (spawned, so that nothing of this one is copied)."""

    def __init__(self, work: Work, count: int) -> None:
        self._pool = ProcessPoolExecutor(count, multiprocessing.get_context("spawn"), _begin, (work,))

    async def _outcome(self, job: Job) -> Outcome:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, _check, job)
        except BrokenProcessPool as error:
            raise WorkerLost("a worker process ended before its time (out of memory?); verify again") from error

    def submit(self, job: Job) -> Awaitable[Outcome]:
        """See Checkers.submit."""
        return asyncio.ensure_future(self._outcome(job))

    async def close(self) -> None:
        """See Checkers.close."""
        await asyncio.to_thread(self._pool.shutdown, cancel_futures=True)


# --- in a worker process ----------------------------------------------------------------------------------------------

_mine: tuple[asyncio.AbstractEventLoop, _Checker] | None = None


def _begin(work: Work) -> None:
    global _mine
    # What a check makes has no cycles: looking for them takes a tenth of its time.
    gc.set_threshold(200_000, 50, 100)
    loop = asyncio.new_event_loop()
    readers: list[RowReader] = []
    if work.databases:
        from libs.ledger.verify.rows import RowReader  # noqa: PLC0415

        readers = [RowReader(database) for database in work.databases]
    for reader in readers:
        loop.run_until_complete(reader.open())
    _mine = loop, _Checker(work, readers)


def _check(job: Job) -> Outcome:
    if _mine is None:
        raise WorkerLost("the worker was not begun")
    loop, checker = _mine
    return loop.run_until_complete(checker.check(job))
