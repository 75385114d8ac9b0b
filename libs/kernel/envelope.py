"""The record of an event as the ledger holds it, and its place there (ledger.md, "The record")."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from libs.kernel.ids import attestation_id


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acted: a pseudonymous subject, in which role, for whom; never a name or an e-mail.

    `distributor` is the one whose accounts alone the subject acts on (TA-I-8); only then the record names it.
    """

    sub: str
    role: str
    on_behalf_of: str | None = None
    distributor: str | None = None

    @property
    def caller(self) -> str:
        """Whose an idempotency key is (W-20): one subject that acts for several is as many callers."""
        bound = (self.on_behalf_of or "", self.distributor or "")
        return "\n".join((self.sub, *bound)) if any(bound) else self.sub

    def wire(self) -> dict[str, str | None]:
        """The `actor` member of a record."""
        wire = {"sub": self.sub, "role": self.role, "onBehalfOf": self.on_behalf_of}
        return wire if self.distributor is None else {**wire, "distributor": self.distributor}

    @staticmethod
    def parse(wire: dict[str, Any]) -> Actor:
        """The actor that `wire` wrote."""
        return Actor(wire["sub"], wire["role"], wire["onBehalfOf"], wire.get("distributor"))


class EventEntry(NamedTuple):
    """One event inside a decision: type name with version, stream, version in it, the delta."""

    type: str
    stream: str
    version: int
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Decision:
    """The events that one command produced; indivisible (invariant 12).

    `id` and `correlation` are UUID texts; `causation` is the causing event's id or None; `time` is RFC 3339 UTC
    with microseconds; `command` and `request` are keyed hashes in hex (W-20). `traceparent` (W3C) does not
    reach the ledger.
    """

    id: str
    time: str
    tenant: str
    actor: Actor
    causation: str | None
    correlation: str
    command: str
    request: str
    events: tuple[EventEntry, ...]
    traceparent: str | None = None


class Producer(NamedTuple):
    """Which decision of which life of a service this is (W-7)."""

    service: str
    epoch: int
    seq: int


def body(decision: Decision, index: int, producer: Producer) -> dict[str, Any]:
    """The body of the decision's event at `index`: what canonical JSON and the data hash are made of."""
    entry = decision.events[index]
    return {
        "actor": decision.actor.wire(),
        "causation": decision.causation,
        "command": decision.command,
        "correlation": decision.correlation,
        "data": entry.data,
        "decision": {"count": len(decision.events), "id": decision.id, "index": index},
        "id": attestation_id(UUID(decision.id).bytes, index),
        "producer": {"epoch": producer.epoch, "seq": producer.seq, "service": producer.service},
        "request": decision.request,
        "stream": entry.stream,
        "tenant": decision.tenant,
        "time": decision.time,
        "type": entry.type,
        "version": entry.version,
    }


@dataclass(frozen=True, slots=True)
class BatchPlace:
    """Where a batch stands on the ledger: hashes are 32 bytes, `block_time` is Unix seconds."""

    lane: int
    first: int
    count: int
    previous_head: bytes
    head: bytes
    root: bytes
    block: int
    block_hash: bytes
    block_time: int
    transaction: bytes
    transaction_index: int


class AttestedEvent(NamedTuple):
    """An event with its ledger position: the only form that other services may see.

    `raw` is the canonical body, `body` the same parsed; `sequence` counts from 1 in the lane.
    """

    raw: bytes
    body: dict[str, Any]
    sequence: int
    place: BatchPlace

    @property
    def type(self) -> str:
        """The type name with its version: `funds.SubFundRegistered.v1`."""
        return str(self.body["type"])

    @property
    def id(self) -> str:
        """The attestation id."""
        return str(self.body["id"])

    @property
    def stream(self) -> str:
        """The stream's name."""
        return str(self.body["stream"])

    @property
    def tenant(self) -> str:
        """Whose data it is."""
        return str(self.body["tenant"])

    @property
    def service(self) -> str:
        """The service that decided it."""
        return str(self.body["producer"]["service"])
