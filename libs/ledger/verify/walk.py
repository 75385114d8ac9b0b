"""The walk over a whole ledger: every lane, every batch, every record, and everything that must go on between them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

from libs.ledger.hashing import genesis_head
from libs.ledger.opening import BadBatch, Lie
from libs.ledger.port import LaneState, LedgerIdentity, LedgerReader, ProducerKey, ProducerMark
from libs.ledger.reader import history
from libs.ledger.verify import remembered
from libs.ledger.verify.batches import BatchChecker, ClockFinding, Job
from libs.ledger.verify.lane import Known, LaneWalk, Memory
from libs.ledger.verify.pool import Checkers, Inline, Outcome, Work, Workers
from libs.ledger.verify.remembered import Remembered
from libs.ledger.verify.report import Found, LaneReport, Report, RowsReport, VoidDecision
from libs.ledger.verify.rows import RowReader, Rows, open_rows

Progress = Callable[[int, int, int], None]


def _silent(lane: int, events: int, of: int) -> None:
    return None


@dataclass(frozen=True, slots=True)
class Against:
    """What the ledger is held against besides itself.

    `expected` is the deployment's ledger (`ledger.json`), `checkpoint` the file of the last verified heads, `dsn` and
    `passwords` (service → password of its `_verify` role) the databases.
    """

    expected: LedgerIdentity | None = None
    checkpoint: Path | None = None
    dsn: str = ""
    passwords: dict[str, str] | None = None


async def verify(
    reader: LedgerReader,
    against: Against | None = None,
    *,
    workers: int = 0,
    progress: Progress = _silent,
    clock_finding: Callable[[ClockFinding], None] | None = None,
) -> Report:
    """Walk the whole ledger; the report's `is_true` says whether everything held.

    `workers` processes check the batches, this one alone for 0. `progress(lane, events, of)` is told as it goes on,
    `clock_finding` every decision whose block time is far from its own (W-23). Memory grows by some 80 bytes a stream
    and 20 a decision. After a walk without a lie the checkpoint is written. Raises LedgerUnreachable,
    DatabaseUnreachable.
    """
    against = against or Against()
    readers: list[RowReader] = []
    report = Report(reader.identity, 0)
    if against.passwords is not None:
        readers, report.not_held = await open_rows(against.dsn, against.passwords)
    walk = _Walk(reader, against, readers, report, progress, clock_finding)
    try:
        await walk.run(workers)
    finally:
        for rows in readers:
            await rows.close()
    return report


class _Walk:
    """One verification under way."""

    def __init__(
        self, reader: LedgerReader, against: Against, readers: Sequence[RowReader], report: Report, progress: Progress,
        clock_finding: Callable[[ClockFinding], None] | None,
    ) -> None:  # fmt: skip
        self._reader, self._against, self._rows, self._report = reader, against, readers, report
        self._progress, self._clock_finding = progress, clock_finding
        self._memory = Memory()
        self._remembered: Remembered | None = None

    async def run(self, workers: int) -> None:
        """The whole of it: what is expected first, then lane by lane, then what is left over."""
        reader, report = self._reader, self._report
        # What the contract says is read first, so that the walk can only be level with it or past it.
        states = [await reader.lane(lane) for lane in range(reader.identity.lanes)]
        before = await reader.producers()
        services = sorted({key.service for key in before})
        marks = [{name: await reader.mark(lane, name) for name in services} for lane in range(reader.identity.lanes)]
        report.block = await reader.height()
        keys = await reader.producers()
        try:
            self._expect(keys)
        except BadBatch as lie:
            report.add(Found(lie.kind, 0, 0, lie.finding))
            return
        for rows in self._rows:
            report.databases[rows.database.service] = RowsReport()
        work = Work(reader.identity, keys, [rows.database for rows in self._rows])
        checkers: Checkers = Workers(work, workers) if workers else Inline(work, self._rows)
        self._slow = BatchChecker(reader.identity, keys)
        try:
            for lane, state in enumerate(states):
                await self._lane(lane, state, marks[lane], checkers, 2 * workers + 2)
        finally:
            await checkers.close()
        for rows in self._rows:
            if outside := await rows.nowhere(reader.identity.lanes):
                report.add(outside)
        report.streams = len(self._memory.streams)
        if report.is_true and self._against.checkpoint:
            lanes = [LaneState(one.next, one.head) for one in report.lanes]
            remembered.save(self._against.checkpoint, Remembered(reader.identity, lanes, keys))

    def _expect(self, keys: Sequence[ProducerKey]) -> None:
        """Hold the ledger's identity against what is known of it."""
        if self._against.expected is not None:
            remembered.check(self._reader.identity, self._against.expected, "this deployment (ledger.json)")
        if self._against.checkpoint is not None:
            self._remembered = remembered.load(self._against.checkpoint)
        if self._remembered is not None:
            whose = f"the last verification ({self._against.checkpoint})"
            remembered.check(self._reader.identity, self._remembered.identity, whose)
            remembered.check_keys(keys, self._remembered.keys)

    def _known(self, lane: int, state: LaneState) -> list[Known]:
        known = [Known(state.next, state.head, "the contract", Lie.WRONG_STATE)]
        if self._remembered is not None:
            last = self._remembered.lanes[lane]
            known.append(Known(last.next, last.head, "the last verification", Lie.FORKED_HISTORY))
        return known + [one for rows in self._rows for one in rows.known(lane)]

    async def _lane(
        self, lane: int, state: LaneState, marks: dict[str, ProducerMark], checkers: Checkers, depth: int
    ) -> None:
        """Walk a lane to its end or its first lie."""
        identity = self._reader.identity
        entry = LaneReport(lane, 0, 0, 1, genesis_head(identity.chain_id, identity.contract, lane))
        self._report.lanes.append(entry)
        walk: LaneWalk | None = None
        try:
            known = self._known(lane, state)
            walk = LaneWalk(lane, entry.head, identity.deployed_block, known, self._memory)
            await self._batches(walk, entry, state, checkers, depth)
            walk.end(state, marks)
            for rows in self._rows:
                if outside := await rows.beyond(lane, entry.next):
                    self._report.add(outside)
        except BadBatch as lie:
            self._report.add(Found(lie.kind, lane, entry.next, lie.finding))

    async def _batches(
        self, walk: LaneWalk, entry: LaneReport, state: LaneState, checkers: Checkers, depth: int
    ) -> None:
        """Read ahead, check side by side, take in by order: an earlier lie is always told before a later one."""
        under_way: deque[tuple[Job, Awaitable[Outcome]]] = deque()
        later: BadBatch | None = None
        height, first_block = self._report.block, self._reader.identity.deployed_block
        try:
            async with aclosing(history(self._reader, walk.lane, 1, first_block, height)) as batches:
                while True:
                    try:
                        read = await anext(batches, None)
                        if read is None:
                            break
                        job = Job(*read)
                        walk.link(job)
                    except BadBatch as lie:
                        later = lie
                        break
                    under_way.append((job, checkers.submit(job)))
                    if len(under_way) >= depth:
                        await self._fold(walk, entry, *under_way.popleft())
                        self._progress(walk.lane, entry.events, max(state.next, walk.next) - 1)
            while under_way:
                await self._fold(walk, entry, *under_way.popleft())
        finally:
            await asyncio.gather(*(outcome for _, outcome in under_way), return_exceptions=True)
        self._progress(walk.lane, entry.events, entry.events)
        if later is not None:
            raise later

    async def _fold(self, walk: LaneWalk, entry: LaneReport, job: Job, checked: Awaitable[Outcome]) -> None:
        outcome = await checked
        if outcome.summary is None:
            raise BadBatch(outcome.lie or Lie.UNREADABLE, outcome.detail)
        voids: list[VoidDecision] = []
        walk.fold(job, outcome.summary, self._slow, voids.append)
        report, place = self._report, job.place
        entry.batches, entry.next, entry.head = entry.batches + 1, place.first + place.count, place.head
        entry.events += place.count
        for service, count in outcome.summary.services.items():
            report.services[service] = report.services.get(service, 0) + count
        for finding in outcome.summary.clocks:
            report.note_clock(finding)
            if self._clock_finding:
                self._clock_finding(finding)
        for void in voids:
            report.note_void(void)
        if outcome.rows is not None:
            self._fold_rows(place.lane, outcome.rows, voids)

    def _fold_rows(self, lane: int, rows: Rows, voids: Sequence[VoidDecision]) -> None:
        for name, entry in self._report.databases.items():
            entry.rows += rows.rows[name]
            entry.waiting += rows.waiting[name]
        for lie in rows.lies:
            self._report.add(lie)
        committed = {one.database.service: one.database.committed.get(lane, 1) for one in self._rows}
        due = {
            (void.service, sequence) for void in voids for sequence in range(void.sequence, void.sequence + void.events)
            if sequence < committed.get(void.service, 1)
        }  # fmt: skip
        for service, sequence in sorted(due ^ set(rows.void)):
            detail = f"event {sequence} of lane {lane} in the database of {service}, column void"
            self._report.add(Found(Lie.ALTERED_ROW, lane, sequence, detail, service))
