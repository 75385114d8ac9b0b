"""What the ledger itself holds, read from the chain alone and recomputed; nothing of Kafka or a database is asked."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from itertools import groupby
from typing import NamedTuple

from libs.kernel.envelope import AttestedEvent, BatchPlace
from libs.ledger.hashing import genesis_head
from libs.ledger.opening import ProducerKeys, open_batch
from libs.ledger.port import LedgerIdentity, ProducerMark
from libs.ledger.reader import RpcLedgerReader, history
from libs.ledger.rpc import JsonRpc


class Decided(NamedTuple):
    """A decision on the ledger: the command's hash, who produced it, its streams with the versions after it."""

    decision: str
    service: str
    command: str
    lane: int
    epoch: int
    seq: int
    streams: tuple[tuple[str, int], ...]


@dataclass
class Truth:
    """The ledger of a fleet; `found` holds what is wrong with it, one sentence each."""

    events: dict[tuple[int, int], AttestedEvent] = field(default_factory=dict)
    batches: dict[tuple[int, int], BatchPlace] = field(default_factory=dict)
    decisions: dict[str, Decided] = field(default_factory=dict)
    by_command: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    versions: Counter[str] = field(default_factory=Counter)
    next: dict[int, int] = field(default_factory=dict)
    marks: dict[tuple[int, str], ProducerMark] = field(default_factory=dict)
    found: list[str] = field(default_factory=list)

    def of(self, service: str) -> Truth:
        """What of it a service decided."""
        events = {place: seen for place, seen in self.events.items() if seen.service == service}
        batches = {(seen.place.lane, seen.place.first) for seen in events.values()}
        decisions = {name: one for name, one in self.decisions.items() if one.service == service}
        by_command: dict[str, set[str]] = defaultdict(set)
        for one in decisions.values():
            by_command[one.command].add(one.decision)
        return Truth(
            events,
            {place: self.batches[place] for place in sorted(batches)},
            decisions,
            by_command,
            Counter({stream: self.versions[stream] for stream in {seen.stream for seen in events.values()}}),
            self.next,
            {place: mark for place, mark in self.marks.items() if place[1] == service},
        )

    def in_ledger_order(self) -> list[AttestedEvent]:
        """The events as W-19 orders them."""
        order = {
            place: (event.place.block, event.place.transaction_index, event.sequence)
            for place, event in self.events.items()
        }
        return [self.events[place] for place in sorted(order, key=order.__getitem__)]


async def read_truth(rpc: str, identity: LedgerIdentity) -> Truth:
    """Read every lane from its genesis and hold it against the contract's own memory; raises BadBatch."""
    reader = RpcLedgerReader(JsonRpc([rpc], timeout_s=10.0), identity)
    truth = Truth()
    try:
        keys = ProducerKeys(await reader.producers())
        for lane in range(identity.lanes):
            await _read_lane(truth, reader, lane, keys)
    finally:
        await reader.close()
    for name, ids in truth.by_command.items():
        if len(ids) > 1:
            truth.found.append(f"doubled: command {name} took effect {len(ids)} times ({sorted(ids)})")
    return truth


async def _read_lane(truth: Truth, reader: RpcLedgerReader, lane: int, keys: ProducerKeys) -> None:
    identity = reader.identity
    head = genesis = genesis_head(identity.chain_id, identity.contract, lane)
    following, to_block = 1, await reader.height()
    events: list[AttestedEvent] = []
    async for place, payload, call in history(reader, lane, 1, identity.deployed_block, to_block):
        if (place.first, place.previous_head) != (following, head):
            truth.found.append(f"lane {lane} goes on at {place.first}, {following} was next")
        events += open_batch(place, payload, call=call, keys=keys, genesis_head=genesis)
        truth.batches[lane, place.first] = place
        head, following = place.head, place.first + place.count
    state = await reader.lane(lane)
    if (state.next, state.head) != (following, head):
        truth.found.append(f"lane {lane}: the contract stands at {state.next}, its batches lead to {following}")
    truth.next[lane] = following
    _read_events(truth, lane, events)
    for (marked, service), mark in truth.marks.items():
        if marked == lane and await reader.mark(lane, service) != mark:
            truth.found.append(f"lane {lane}: the mark of {service} is not {mark}")


def _read_events(truth: Truth, lane: int, events: list[AttestedEvent]) -> None:
    """Decisions whole, once, in the order of their marks (W-9, invariant 12); streams without gap or fork."""
    for decision, group in groupby(events, key=lambda event: str(event.body["decision"]["id"])):
        whole = list(group)
        body = whole[0].body
        service, epoch, seq = (body["producer"][name] for name in ("service", "epoch", "seq"))
        if decision in truth.decisions:
            truth.found.append(f"doubled: decision {decision} stands twice in lane {lane}")
        if [event.body["decision"]["index"] for event in whole] != list(range(body["decision"]["count"])):
            truth.found.append(f"decision {decision} is not whole")
        before = truth.marks.get((lane, service), ProducerMark(0, 0))
        if (epoch, seq) != (before.epoch, before.last + 1) and not (epoch > before.epoch and seq == 1):
            truth.found.append(f"attested twice or out of order in lane {lane}: {epoch}.{seq} after {before}")
        truth.marks[lane, service] = ProducerMark(epoch, seq)
        streams: dict[str, int] = {}
        for event in whole:
            truth.events[lane, event.sequence] = event
            truth.versions[event.stream] += 1
            streams[event.stream] = event.body["version"]
            if event.body["version"] != truth.versions[event.stream]:
                truth.found.append(f"fork: {event.stream} has version {event.body['version']} twice or out of order")
        truth.by_command[body["command"]].add(decision)
        truth.decisions[decision] = Decided(
            decision, service, body["command"], lane, epoch, seq, tuple(streams.items())
        )
