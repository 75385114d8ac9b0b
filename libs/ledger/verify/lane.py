"""A lane's walk: what must continue from batch to batch (W-9, W-10, W-21, W-23, invariant 12)."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from libs.ledger.abi import Mark
from libs.ledger.hashing import producer_name
from libs.ledger.opening import BadBatch, Lie
from libs.ledger.port import LaneState, ProducerMark
from libs.ledger.verify.batches import BatchChecker, DecisionUse, Job, Summary
from libs.ledger.verify.report import VoidDecision
from libs.ledger.verify.tables import IdTable, StreamState, StreamTable


class Known(NamedTuple):
    """Somebody knows that the lane had this head before this sequence number; `lie` is the kind when it has another."""

    sequence: int
    head: bytes
    who: str
    lie: Lie


@dataclass(slots=True)
class Memory:
    """What a walk remembers across lanes."""

    streams: StreamTable = field(default_factory=StreamTable)
    ids: IdTable = field(default_factory=IdTable)


class LaneWalk:
    """One lane from its genesis; `link` is called for each batch as it is read, `fold` with its summary, in order."""

    def __init__(self, lane: int, genesis: bytes, first_block: int, known: Iterable[Known], memory: Memory) -> None:
        self.lane, self.next, self.head = lane, 1, genesis
        self.folded_to, self.folded_head = 1, genesis
        self.batches = 0
        self.marks: dict[bytes, tuple[int, int]] = {}
        self._place, self._time = (first_block, -1), 0
        self._known = sorted(known, reverse=True)
        self._memory = memory
        self._pass()

    # --- as batches are read ------------------------------------------------------------------------------------------

    def link(self, job: Job) -> None:
        """Hold the batch against the one before it; raises BadBatch."""
        place = job.place
        if job.call.expected_head != self.head:
            raise BadBatch(Lie.BROKEN_LINK, f"{_batch(job)} does not continue the one before it")
        at = (place.block, place.transaction_index)
        if at <= self._place or place.block_time < self._time:
            raise BadBatch(Lie.WRONG_HEIGHT, f"{_batch(job)} stands before its forerunner, in block {place.block}")
        for mark in job.call.marks:
            self._move(mark, place.first)
        self._place, self._time = at, place.block_time
        self.next, self.head = place.first + place.count, place.head
        self._pass()

    def _move(self, mark: Mark, first: int) -> None:
        """W-9, recomputed."""
        epoch, last = self.marks.get(mark.producer, (0, 0))
        continues = mark.first == last + 1 if mark.epoch == epoch else mark.epoch > epoch and mark.first == 1
        if not continues or mark.last < mark.first:
            name = mark.producer.rstrip(b"\0").decode("ascii", "replace")
            raise BadBatch(
                Lie.WRONG_MARK,
                f"batch {first} of lane {self.lane} has decisions {mark.first} to {mark.last} of {name} in its life"
                f" {mark.epoch}, after decision {last} of life {epoch}",
            )
        self.marks[mark.producer] = (mark.epoch, mark.last)

    def _pass(self) -> None:
        """Hold everything that is known of the lane up to here against it."""
        while self._known and self._known[-1].sequence <= self.next:
            known = self._known.pop()
            if (known.sequence, known.head) != (self.next, self.head):
                where = f"before record {known.sequence} of lane {self.lane}"
                raise BadBatch(known.lie, f"{where} {known.who} had another head")

    def end(self, state: LaneState, marks: dict[str, ProducerMark]) -> None:
        """Everything was read: nothing that is known may be left, and the contract's counters are those walked.

        `state` and `marks` were read before the walk began, so that the walk is level with them or past them.
        """
        for known in reversed(self._known):
            kind = Lie.SHORTER_HISTORY if known.lie is Lie.FORKED_HISTORY else Lie.MISSING_RECORD
            had = f"{known.who} had it up to record {known.sequence - 1}"
            raise BadBatch(kind, f"lane {self.lane} ends before record {self.next}, {had}")
        for service, mark in marks.items():
            walked = self.marks.get(producer_name(service), (0, 0))
            if walked < mark or (state.next == self.next and walked != mark):
                said = (
                    f"the contract's mark of {service} in lane {self.lane} is decision {mark.last} of life {mark.epoch}"
                )
                leads = f"its history leads to decision {walked[1]} of life {walked[0]}"
                raise BadBatch(Lie.WRONG_STATE, f"{said}, {leads}")

    # --- as summaries come back ---------------------------------------------------------------------------------------

    def fold(self, job: Job, summary: Summary, checker: BatchChecker, void: Callable[[VoidDecision], None]) -> None:
        """Take a checked batch in; raises BadBatch."""
        place = job.place
        add = self._memory.ids.add
        for at, key in enumerate(array("Q", summary.decisions), start=1):
            if not add(key):
                raise BadBatch(Lie.REPEATED_ID, f"decision {at} of {_batch(job)} was attested before")
        if not (summary.plain and self._memory.streams.apply(summary.streams, summary.uses)):
            for decision in checker.decisions(job):
                self._decision(decision, void)
        self.batches += 1
        self.folded_to, self.folded_head = place.first + place.count, place.head

    def _decision(self, decision: DecisionUse, void: Callable[[VoidDecision], None]) -> None:
        """The slow way, decision by decision: it is void when one of its versions stands already (W-21)."""
        streams, fresh = self._memory.streams, dict[str, StreamState]()
        where = f"record {decision.sequence} of lane {self.lane}"
        for stream, version in decision.writes:
            stands = streams.state(stream)
            if version <= stands.version:
                if decision.epoch <= stands.epoch:
                    raise BadBatch(Lie.WRONG_VERSION, f"{where}: {stream} gets version {version} twice in one life")
                size = len(decision.writes)
                void(VoidDecision(self.lane, decision.sequence, size, decision.service, stream, version))
                return
        for stream, version in decision.writes:
            state = fresh.get(stream) or streams.state(stream)
            if version != state.version + 1:
                raise BadBatch(Lie.WRONG_VERSION, f"{where}: {stream} gets version {version} after {state.version}")
            if decision.time < state.time:
                raise BadBatch(Lie.TIME_WENT_BACK, f"{where}: {stream} goes back in time at version {version}")
            fresh[stream] = StreamState(version, decision.epoch, decision.time)
        for stream, state in fresh.items():
            streams.put(stream, state)


def _batch(job: Job) -> str:
    return f"batch {job.place.first} of lane {job.place.lane}"
