"""One batch checked by itself, in a worker: opened with everything recomputed, then boiled down to a summary."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import NamedTuple

from libs.kernel.envelope import AttestedEvent, BatchPlace
from libs.kernel.errors import InvalidValue
from libs.kernel.streams import lane_of_stream
from libs.kernel.time import from_wire
from libs.ledger.abi import AttestCall
from libs.ledger.codec import Run, records
from libs.ledger.hashing import genesis_head
from libs.ledger.opening import BadBatch, Lie, ProducerKeys, check_batch
from libs.ledger.port import LedgerIdentity, ProducerKey

SECOND_US = 1_000_000
# W-23: a block is at most 30 s after what it holds, and at most 2 s before it.
MOST_AFTER_US = 30 * SECOND_US
MOST_BEFORE_US = 2 * SECOND_US
_MOST_CACHED = 50_000
_STREAM_PARTS = 4


class Job(NamedTuple):
    """A batch as it was read from the ledger."""

    place: BatchPlace
    payload: bytes
    call: AttestCall


class ClockFinding(NamedTuple):
    """A decision whose block time is far from its own (W-23); `after_s` is negative when the block is before it."""

    lane: int
    sequence: int
    events: int
    service: str
    after_s: float


class Summary(NamedTuple):
    """What the walk needs of a batch: events by service, decision ids (8 bytes each), what each stream did (`USE`).

    `plain` is False when a stream's versions or times do not simply go on within the batch.
    """

    services: dict[str, int]
    decisions: bytes
    streams: list[str]
    uses: bytes
    plain: bool
    clocks: list[ClockFinding]


class DecisionUse(NamedTuple):
    """A decision in full, for the slow way: its first record, who decided it when (µs), the (stream, version)s."""

    sequence: int
    service: str
    epoch: int
    time: int
    writes: list[tuple[str, int]]


class BatchChecker:
    """Checks batches of one ledger."""

    def __init__(self, identity: LedgerIdentity, registrations: Sequence[ProducerKey]) -> None:
        self._lanes = identity.lanes
        self._keys = ProducerKeys(registrations)
        self._genesis = [genesis_head(identity.chain_id, identity.contract, lane) for lane in range(identity.lanes)]
        self._lane_of: dict[str, int] = {}
        self._seconds: dict[str, int] = {}

    def open(self, job: Job) -> list[Run]:
        """The batch's runs, everything recomputed; raises BadBatch."""
        place = job.place
        return check_batch(place, job.payload, call=job.call, keys=self._keys, genesis_head=self._genesis[place.lane])

    def summary(self, place: BatchPlace, runs: Sequence[Run]) -> Summary:
        """The batch boiled down; raises BadBatch for what is wrong whatever came before it (W-2)."""
        block_us, sequence, plain = place.block_time * SECOND_US, place.first, True
        services: dict[str, int] = {}
        ids, clocks = array("Q"), list[ClockFinding]()
        streams: dict[str, list[int]] = {}
        for run in runs:
            service, epoch, began = run.service, run.epoch, sequence
            for row in run.rows:
                at, events = self._micros(row[1], place, sequence), row[8]
                ids.append(_id_key(row[0]))
                if not -MOST_BEFORE_US <= block_us - at <= MOST_AFTER_US:
                    after_s = (block_us - at) / SECOND_US
                    clocks.append(ClockFinding(place.lane, sequence, len(events), service, after_s))
                if len(events) > 1 and len({event[1].split("/", 2)[1] for event in events}) > 1:
                    raise BadBatch(
                        Lie.WRONG_LANE, f"the decision at {_at(place, sequence)} writes streams of two keys (W-2)"
                    )
                for _, stream, version, _ in events:
                    known = streams.get(stream)
                    if known is None:
                        self._check_stream(stream, service, place, sequence)
                        streams[stream] = [version, version, epoch, at, at]
                    elif known[1] + 1 == version and known[4] <= at:
                        known[1], known[2], known[4] = version, epoch, at
                    else:
                        plain = False
                    sequence += 1
            services[service] = services.get(service, 0) + sequence - began
        uses = array("Q")
        for known in streams.values():
            uses.extend(known)
        return Summary(services, ids.tobytes(), list(streams), uses.tobytes(), plain, clocks)

    def events(self, place: BatchPlace, runs: Sequence[Run]) -> list[AttestedEvent]:
        """The events of checked runs, with their bodies."""
        bodies = [body for run in runs for body in records(run)]
        return [AttestedEvent(raw, body, at, place) for at, (raw, body) in enumerate(bodies, start=place.first)]

    def decisions(self, job: Job) -> list[DecisionUse]:
        """The batch decision by decision, for a walk that has found something out of the ordinary."""
        found, sequence = list[DecisionUse](), job.place.first
        for run in self.open(job):
            for row in run.rows:
                writes = [(stream, version) for _, stream, version, _ in row[8]]
                at = self._micros(row[1], job.place, sequence)
                found.append(DecisionUse(sequence, run.service, run.epoch, at, writes))
                sequence += len(writes)
        return found

    def _check_stream(self, stream: str, service: str, place: BatchPlace, sequence: int) -> None:
        """W-2: a service writes its own streams only, each in its lane."""
        parts = stream.split("/")
        if parts[0] != service:
            owner = parts[0] or "nobody"
            raise BadBatch(Lie.WRONG_LANE, f"{service} wrote into a stream of {owner} at {_at(place, sequence)}")
        key = parts[1] if len(parts) == _STREAM_PARTS else ""
        lane = self._lane_of.get(key)
        if lane is None:
            try:
                lane = lane_of_stream(stream, self._lanes)
            except InvalidValue as error:
                raise BadBatch(Lie.WRONG_LANE, f"the stream at {_at(place, sequence)}: {error.detail}") from error
            if len(self._lane_of) >= _MOST_CACHED:
                self._lane_of.clear()
            if key:
                self._lane_of[key] = lane
        if lane != place.lane:
            raise BadBatch(Lie.WRONG_LANE, f"the stream at {_at(place, sequence)} belongs into lane {lane} (W-2)")

    def _micros(self, wire: str, place: BatchPlace, sequence: int) -> int:
        """A wire time in microseconds since 1970; the part up to the second is parsed once."""
        try:
            seconds = self._seconds.get(wire[:19])
            if seconds is None or len(wire) != 27 or wire[19] != "." or wire[26] != "Z" or not wire[20:26].isdecimal():
                seconds = int(from_wire(wire).timestamp())
                if len(self._seconds) >= _MOST_CACHED:
                    self._seconds.clear()
                self._seconds[wire[:19]] = seconds
            if seconds < 0:
                raise InvalidValue("before 1970", field="time", value=wire)
            return seconds * SECOND_US + int(wire[20:26])
        except (InvalidValue, TypeError, IndexError) as error:
            raise BadBatch(Lie.UNREADABLE, f"the time at {_at(place, sequence)} is none: {error}") from error


def _id_key(decision: str) -> int:
    whole = int(decision.replace("-", ""), 16)
    return (whole >> 64) ^ (whole & 0xFFFF_FFFF_FFFF_FFFF)


def _at(place: BatchPlace, sequence: int) -> str:
    return f"record {sequence} of lane {place.lane}"
