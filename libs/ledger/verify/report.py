"""What a verification found, in words that a person understands."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from libs.ledger.opening import Lie
from libs.ledger.port import LedgerIdentity
from libs.ledger.verify.batches import ClockFinding

SAMPLES = 100

SENTENCES = {
    Lie.UNREADABLE: "What the ledger holds there is not a batch of events that anybody could read.",
    Lie.ALTERED_BODY: "The text of an event is not the text that was attested: somebody changed it.",
    Lie.MISSING_RECORD: "Events that the ledger counted are not shown: something was left out.",
    Lie.EXTRA_RECORD: "More events are shown than the ledger counted: something was put in.",
    Lie.REORDERED_RECORDS: "The events are the attested ones, but they are shown in another order.",
    Lie.BROKEN_LINK: "A batch does not continue the one before it: the chain of hashes is cut there.",
    Lie.WRONG_ROOT: "The Merkle root shown for a batch is not the root of its events.",
    Lie.WRONG_HEIGHT: "A batch is shown at a place of the chain where it cannot stand.",
    Lie.WRONG_LANE: "An event lies in a lane or in a stream where it does not belong.",
    Lie.WRONG_MARK: "A service's decisions do not follow one another: one is missing, repeated or of an ended life.",
    Lie.FOREIGN_SIGNATURE: "Decisions are not signed by the service in whose name they stand.",
    Lie.WRONG_VERSION: "The versions of a stream do not count 1, 2, 3 …: an event of it is missing or repeated.",
    Lie.TIME_WENT_BACK: "An event says that it happened before the one ahead of it in its stream.",
    Lie.REPEATED_ID: "Two decisions carry the same id, so that their events could not be told apart.",
    Lie.WRONG_STATE: "The contract's own counters are not those that its history leads to.",
    Lie.OTHER_LEDGER: "This is not the ledger that belongs to this deployment.",
    Lie.SHORTER_HISTORY: "The ledger holds less than is known to have been attested: its end is missing.",
    Lie.FORKED_HISTORY: "The ledger tells another history than the one that is known to have been attested.",
    Lie.ALTERED_ROW: "A row of the database differs from the event or the batch on the ledger: somebody changed it.",
    Lie.ROW_WITHOUT_RECORD: "A row of the database has no event on the ledger: somebody put it in.",
    Lie.RECORD_WITHOUT_ROW: "An event of the ledger has no row in the database: somebody took it out.",
}


class Found(NamedTuple):
    """A lie and where it is; `service` is set for the database's."""

    kind: Lie
    lane: int
    sequence: int
    detail: str
    service: str = ""

    def sentence(self) -> str:
        """What happened, then where."""
        return f"{SENTENCES[self.kind]} {self.detail[:1].upper()}{self.detail[1:]}."


class VoidDecision(NamedTuple):
    """A decision of a former life that repeats a version; it has no effect (W-21)."""

    lane: int
    sequence: int
    events: int
    service: str
    stream: str
    version: int


@dataclass(slots=True)
class LaneReport:
    """How far a lane was walked, and where it ended: the next sequence number and the head."""

    lane: int
    batches: int
    events: int
    next: int
    head: bytes


@dataclass(slots=True)
class RowsReport:
    """A service's database: the rows held against the ledger, and the records that it has not committed yet."""

    rows: int = 0
    waiting: int = 0


@dataclass(slots=True)
class Report:
    """The outcome; `lies` are in the order of lanes and sequence numbers, the first of each lane and every row's.

    `clocks` and `voids` are the first SAMPLES of as many as the counts say; neither makes the ledger untrue (W-23).
    """

    identity: LedgerIdentity
    block: int
    lanes: list[LaneReport] = field(default_factory=list)
    services: dict[str, int] = field(default_factory=dict)
    lies: list[Found] = field(default_factory=list)
    lie_count: int = 0
    clocks: list[ClockFinding] = field(default_factory=list)
    events_late: int = 0
    events_early: int = 0
    voids: list[VoidDecision] = field(default_factory=list)
    void_count: int = 0
    streams: int = 0
    databases: dict[str, RowsReport] = field(default_factory=dict)
    not_held: list[str] = field(default_factory=list)

    @property
    def is_true(self) -> bool:
        """Whether no lie was found."""
        return not self.lie_count

    @property
    def events(self) -> int:
        """How many events were walked."""
        return sum(lane.events for lane in self.lanes)

    def add(self, lie: Found) -> None:
        """Note a lie; all are counted, the first SAMPLES kept."""
        self.lie_count += 1
        if len(self.lies) < SAMPLES:
            self.lies.append(lie)

    def note_clock(self, finding: ClockFinding) -> None:
        """Note a decision whose block time is far from its own."""
        if finding.after_s > 0:
            self.events_late += finding.events
        else:
            self.events_early += finding.events
        if len(self.clocks) < SAMPLES:
            self.clocks.append(finding)

    def note_void(self, void: VoidDecision) -> None:
        """Note a decision without effect."""
        self.void_count += 1
        if len(self.voids) < SAMPLES:
            self.voids.append(void)

    def wire(self) -> dict[str, Any]:
        """The report as JSON values."""
        return {
            "true": self.is_true,
            "chainId": self.identity.chain_id,
            "contract": "0x" + self.identity.contract.hex(),
            "block": self.block,
            "events": self.events,
            "streams": self.streams,
            "services": self.services,
            "lanes": [
                {"lane": one.lane, "batches": one.batches, "events": one.events, "next": one.next,
                 "head": one.head.hex()}
                for one in self.lanes
            ],
            "lieCount": self.lie_count,
            "lies": [{**lie._asdict(), "kind": lie.kind.value, "sentence": lie.sentence()} for lie in self.lies],
            "clocks": {
                "late": self.events_late, "early": self.events_early, "first": [one._asdict() for one in self.clocks],
            },
            "voids": {"count": self.void_count, "first": [one._asdict() for one in self.voids]},
            "databases": {
                name: {"rows": one.rows, "waiting": one.waiting} for name, one in self.databases.items()
            },
            "notHeld": self.not_held,
        }  # fmt: skip
