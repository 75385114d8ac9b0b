"""Decisions on a ledger that is only imagined: batches and events as a committer would get them."""

from __future__ import annotations

from collections.abc import Sequence

from libs.kernel.envelope import AttestedEvent, BatchPlace, Decision
from libs.ledger.codec import decode_run, encode_run, records
from libs.ledger.hashing import extend, genesis_head, leaf, merkle_root
from libs.ports import Commit, CommittedDecision, Position

CONSUMER = "commit"


class ImaginedLane:
    """One lane that takes whatever it is given, batch by batch; `service` decided all of it."""

    def __init__(self, service: str, lane: int) -> None:
        self.service, self.lane = service, lane
        self.position = Position(1, genesis_head(1, bytes(20), lane), 0)

    def attest(self, epoch: int, first: int, decisions: Sequence[Decision]) -> list[AttestedEvent]:
        """The events of a batch of its own that holds these decisions."""
        run = decode_run(encode_run(self.service, self.lane, epoch, first, decisions))
        bodies = records(run)
        leaves = [leaf(raw) for raw, _ in bodies]
        sequence, head, block = self.position
        place = BatchPlace(
            self.lane, sequence, len(bodies), head, extend(head, leaves), merkle_root(leaves), block + 1,
            leaf(b"block %d" % (block + 1)), 1_700_000_000 + block, leaf(b"%d %d" % (self.lane, sequence)), 0,
        )  # fmt: skip
        self.position = Position(sequence + len(bodies), place.head, place.block)
        return [AttestedEvent(raw, body, sequence + n, place) for n, (raw, body) in enumerate(bodies)]

    def commit(self, epoch: int, first: int, decisions: Sequence[Decision], *, void: bool = False) -> Commit:
        """A commit of one batch with these decisions: events, streams, outcomes and position, nothing folded."""
        events = self.attest(epoch, first, decisions)
        committed = [CommittedDecision(d.id, d.tenant, d.command, d.request, _versions(d), void) for d in decisions]
        return Commit(
            {self.lane: self.position},
            [events[0].place],
            [(event, void) for event in events],
            committed,
            markers=[(e.body["data"]["epoch"], self.lane) for e in events if ".EpochBegun." in e.type],
        )


def _versions(decision: Decision) -> tuple[tuple[str, int], ...]:
    return tuple({event.stream: event.version for event in decision.events}.items())
