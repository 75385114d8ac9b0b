"""One batch checked by itself, in a worker: opened with everything recomputed, then boiled down to a summary."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from hashlib import blake2b
from typing import NamedTuple

from libs.kernel.envelope import AttestedEvent, BatchPlace
from libs.kernel.errors import InvalidValue
from libs.kernel.streams import lane_of_stream
from libs.kernel.time import from_wire
from libs.ledger.abi import AttestCall
from libs.ledger.hashing import genesis_head
from libs.ledger.opening import BadBatch, Lie, ProducerKeys, open_batch
from libs.ledger.port import LedgerIdentity, ProducerKey
from libs.ledger.verify.tables import NUMBER_LIMIT, STREAM

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
    """What the walk needs of a batch: events by service, decision ids (8 bytes each), what its streams did (`STREAM`).

    `plain` is False when a stream's versions or times do not simply go on within the batch.
    """

    services: dict[str, int]
    decisions: bytes
    streams: bytes
    plain: bool
    clocks: list[ClockFinding]


class StreamUse(NamedTuple):
    """An event's stream (64-bit key, and name) and version."""

    key: int
    stream: str
    version: int


class DecisionUse(NamedTuple):
    """A decision in full, for the slow way: where it begins, who decided it when (microseconds), and what it wrote."""

    sequence: int
    service: str
    epoch: int
    time: int
    writes: list[StreamUse]


class BatchChecker:
    """Checks batches of one ledger; `secret` keys the digests of stream names."""

    def __init__(self, identity: LedgerIdentity, registrations: Sequence[ProducerKey], secret: bytes) -> None:
        self._lanes = identity.lanes
        self._keys = ProducerKeys(registrations)
        self._genesis = [genesis_head(identity.chain_id, identity.contract, lane) for lane in range(identity.lanes)]
        self._secret = secret
        self._lane_of: dict[str, int] = {}
        self._seconds: dict[str, int] = {}

    def open(self, job: Job) -> list[AttestedEvent]:
        """The batch's events; raises BadBatch."""
        place = job.place
        return open_batch(place, job.payload, call=job.call, keys=self._keys, genesis_head=self._genesis[place.lane])

    def summary(self, place: BatchPlace, events: Sequence[AttestedEvent]) -> Summary:
        """The batch boiled down; raises BadBatch for what is wrong whatever came before it (W-2)."""
        block_us = place.block_time * SECOND_US
        services: dict[str, int] = {}
        ids, clocks, plain = array("Q"), list[ClockFinding](), True
        streams: dict[str, list[int]] = {}
        service, epoch, at, key = "", 0, 0, ""
        for event in events:
            body = event.body
            stream, version = body["stream"], body["version"]
            if body["decision"]["index"] == 0:
                service, epoch = body["producer"]["service"], body["producer"]["epoch"]
                at, key = self._micros(body["time"], event), stream.split("/", 2)[1:2]
                count = body["decision"]["count"]
                services[service] = services.get(service, 0) + count
                ids.append(_id_key(body["decision"]["id"]))
                if not -MOST_BEFORE_US <= block_us - at <= MOST_AFTER_US:
                    after_s = (block_us - at) / SECOND_US
                    clocks.append(ClockFinding(place.lane, event.sequence, count, service, after_s))
            elif stream.split("/", 2)[1:2] != key:
                raise BadBatch(Lie.WRONG_LANE, f"the decision at {_at(event)} writes streams of two keys (W-2)")
            known = streams.get(stream)
            if known is None:
                self._check_stream(event, service)
                streams[stream] = [version, version, epoch, at, at]
            elif known[1] + 1 == version and known[4] <= at:
                known[1], known[2], known[4] = version, epoch, at
            else:
                plain = False
            if version >= NUMBER_LIMIT or epoch >= NUMBER_LIMIT:
                raise BadBatch(Lie.WRONG_VERSION, f"a version or an epoch at {_at(event)} is past 2^63")
        packed = b"".join(STREAM.pack(self.key(stream), *known) for stream, known in streams.items())
        return Summary(services, ids.tobytes(), packed, plain, clocks)

    def decisions(self, job: Job) -> list[DecisionUse]:
        """The batch decision by decision, for a walk that has found something out of the ordinary."""
        found: list[DecisionUse] = []
        for event in self.open(job):
            body = event.body
            if body["decision"]["index"] == 0:
                producer, at = body["producer"], self._micros(body["time"], event)
                found.append(DecisionUse(event.sequence, producer["service"], producer["epoch"], at, []))
            found[-1].writes.append(StreamUse(self.key(event.stream), event.stream, body["version"]))
        return found

    def key(self, stream: str) -> int:
        """The 64-bit key of a stream's name."""
        return int.from_bytes(blake2b(stream.encode(), digest_size=8, key=self._secret).digest(), "little")

    def _check_stream(self, event: AttestedEvent, service: str) -> None:
        """W-2: a service writes its own streams only, each in its lane."""
        parts = event.stream.split("/")
        if parts[0] != service:
            raise BadBatch(Lie.WRONG_LANE, f"{service} wrote into a stream of {parts[0] or 'nobody'} at {_at(event)}")
        key = parts[1] if len(parts) == _STREAM_PARTS else ""
        lane = self._lane_of.get(key)
        if lane is None:
            try:
                lane = lane_of_stream(event.stream, self._lanes)
            except InvalidValue as error:
                raise BadBatch(Lie.WRONG_LANE, f"the stream at {_at(event)}: {error.detail}") from error
            if len(self._lane_of) >= _MOST_CACHED:
                self._lane_of.clear()
            if key:
                self._lane_of[key] = lane
        if lane != event.place.lane:
            raise BadBatch(Lie.WRONG_LANE, f"the stream at {_at(event)} belongs into lane {lane} (W-2)")

    def _micros(self, wire: str, event: AttestedEvent) -> int:
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
            raise BadBatch(Lie.UNREADABLE, f"the time at {_at(event)} is none: {error}") from error


def _id_key(decision: str) -> int:
    whole = int(decision.replace("-", ""), 16)
    return (whole >> 64) ^ (whole & 0xFFFF_FFFF_FFFF_FFFF)


def _at(event: AttestedEvent) -> str:
    return f"record {event.sequence} of lane {event.place.lane}"
