"""The Store port: one service's schema, by role; every method is a transaction or part of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple, Protocol

from libs.kernel.decider import Reference
from libs.kernel.envelope import AttestedEvent, BatchPlace, Decision
from libs.kernel.errors import CartularyError
from libs.kernel.keyed import CommandKey, KeyedClaim
from libs.ports.changes import Change


class StoreUnreachable(CartularyError):
    """The operational store did not answer; nothing was decided by this call as far as is known (W-1)."""

    code = "store-unreachable"
    status = 503


# The answer of a command whose decision another life's decision made void (W-21).
VOID_PROBLEM: Mapping[str, Any] = {
    "type": "urn:cartulary:problem:decision-void",
    "title": "The decision is void",
    "status": 409,
    "detail": "another life of the service took the version first; send the command again with a new key",
}


class LifeChanged(CartularyError):
    """The schema under this process was emptied or rebuilt by another life; start anew (W-21)."""

    code = "life-changed"
    status = 503


Status = Literal["running", "decided", "committed", "refused"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a command; `streams` are (stream, version) after it; `problem` is set for a refusal."""

    request: str
    status: Status
    decision: str | None = None
    streams: tuple[tuple[str, int], ...] = ()
    problem: Mapping[str, Any] | None = None


class Loaded(NamedTuple):
    """A stream: its version and last time with pending intents counted in (W-3), and the events after the known one."""

    version: int
    time: str
    events: list[tuple[str, dict[str, Any]]]
    # The decision of the newest version while it is pending: a repetition of it waits for the same commit.
    pending: str | None = None


@dataclass(frozen=True, slots=True)
class Intent:
    """A decision to store, and the claims that it takes, each with the stream that will hold it."""

    decision: Decision
    claims: tuple[tuple[str, KeyedClaim], ...] = ()


class Deciding(Protocol):
    """One open transaction of the `_api` role, bound to one tenant and lane, holding the lock of its keys."""

    async def begin(self, keys: Sequence[CommandKey]) -> list[Outcome | None]:
        """Insert the keys as `running`; None for a fresh one, what became of it for a known one (W-1)."""
        ...

    async def load(self, known: Mapping[str, int]) -> dict[str, Loaded]:
        """The streams, each with the events after the version already known (0 for all)."""
        ...

    async def rows(self, references: Sequence[Reference], now: datetime) -> list[Mapping[str, Any] | None]:
        """The reference rows in order, None for one that does not exist.

        Raises CheckUnavailable when they are more than 60 s behind the ledger (W-24).
        """
        ...

    async def held(self, claims: Sequence[KeyedClaim]) -> set[KeyedClaim]:
        """Those of the claims that somebody holds; `store` takes the others."""
        ...

    async def store(self, intents: Sequence[Intent], settled: Mapping[str, Outcome], forgotten: Sequence[str]) -> None:
        """Store decisions with their claims, outcomes that need no decision (by command), and forget commands.

        Raises Conflict when a version or a claim was taken meanwhile (W-4, W-5).
        """
        ...


class RunOfIntents(NamedTuple):
    """Consecutive numbered decisions, with the boundaries they were first given; the same at every reading (W-7)."""

    lane: int
    epoch: int
    first: int
    decisions: list[Decision]


@dataclass(frozen=True, slots=True)
class Life:
    """A life of a service: its epoch, and whether every lane's marker came back attested (W-21)."""

    epoch: int
    settled: bool
    lanes: int


class Position(NamedTuple):
    """Where a consumer stands in a lane: the next sequence number, the head before it, the block of the last batch."""

    sequence: int
    head: bytes
    block: int


class DueRow(NamedTuple):
    """Work that is due: the causing event, its kind, time and payload (W-25)."""

    cause: str
    kind: str
    at: datetime
    tenant: str
    stream: str
    payload: dict[str, Any]


class CommittedDecision(NamedTuple):
    """What the commit of a decision leaves for idempotency (W-20); `void` when a version stood already (W-21)."""

    decision: str
    tenant: str
    command: str
    request: str
    streams: tuple[tuple[str, int], ...]
    void: bool = False
    traceparent: str | None = None


@dataclass(frozen=True, slots=True)
class Commit:
    """Everything that one commit writes, together with the consumer's new positions (W-17)."""

    positions: Mapping[int, Position]
    batches: Sequence[BatchPlace] = ()
    events: Sequence[tuple[AttestedEvent, bool]] = ()
    decisions: Sequence[CommittedDecision] = ()
    claims: Sequence[tuple[str, str, KeyedClaim, bool]] = ()
    changes: Sequence[tuple[str, Change]] = ()
    due: Sequence[DueRow] = ()
    # (epoch, lane) of own markers: a lane is settled by the marker of the present life only (W-21).
    markers: Sequence[tuple[int, int]] = ()
    # Other consumers' positions, folded from attested cursors (W-18); they never go back.
    cursors: Mapping[tuple[str, int], Position] = field(default_factory=dict)
    # When the reference tables were known to be level with the ledger (W-24).
    level_at: datetime | None = None


class Committing(Protocol):
    """One open transaction of the `_commit` role."""

    async def positions(self, consumer: str) -> dict[int, Position]:
        """Where the consumer stands, by lane."""
        ...

    async def committed(self, streams: Sequence[str]) -> dict[str, int]:
        """The committed version of each stream that has one."""
        ...

    async def apply(self, consumer: str, work: Commit) -> None:
        """Write it all: batches, events, streams, idempotency, claims, read tables, due work, positions.

        `claims` are (tenant, stream, claim, taken or released); `changes` are (tenant, change) in ledger order.
        Intents of the decisions are removed; every command that waits for one of them is `committed`.
        Sends the `commits` signal.
        """
        ...


class Signal(Protocol):
    """A wake-up that may come early, and may be missed: whoever waits looks again after a while."""

    async def wait(self, timeout_s: float) -> None:
        """Return at the next signal or after the time."""
        ...


class Store(Protocol):
    """One service's schema. Every method raises StoreUnreachable; those that write raise LifeChanged."""

    def deciding(self, tenant: str, lane: int, keys: Sequence[str]) -> AbstractAsyncContextManager[Deciding]:
        """A deciding transaction: commit at the end of the block, roll back on an error. Raises NotReady (W-21)."""
        ...

    def committing(self) -> AbstractAsyncContextManager[Committing]:
        """A commit transaction."""
        ...

    def relay_lock(self, lane: int) -> AbstractAsyncContextManager[bool]:
        """Whether this process is the lane's one relay while the block lasts (W-7)."""
        ...

    async def number(self, lane: int, most_decisions: int, most_bytes: int) -> RunOfIntents | None:
        """Number the next committed, unnumbered decisions as one run and persist that; None when there are none."""
        ...

    async def numbered(self, lane: int, after: int, most_runs: int) -> list[RunOfIntents]:
        """Runs of the present epoch numbered past `after` and not yet committed, in order (W-8)."""
        ...

    async def oldest(self, lane: int) -> tuple[int, int] | None:
        """Epoch and first seq of the oldest run that is numbered and not committed; None when there is none."""
        ...

    async def backlog(self) -> tuple[int, datetime | None]:
        """How many intents wait for their commit, and the time of the oldest."""
        ...

    async def outcomes(self, tenant: str, commands: Sequence[str], *, final: bool = False) -> dict[str, Outcome]:
        """What became of these commands; unknown ones are missing, with `final` those that are not final too."""
        ...

    async def life(self) -> Life | None:
        """The present life; None in an empty schema."""
        ...

    async def begin_life(self, epoch: int, markers: Mapping[int, Decision]) -> None:
        """Raise the epoch and store the marker decision of every lane, numbered 1, in one transaction (W-21)."""
        ...

    async def due(self, now: datetime, most: int) -> list[DueRow]:
        """Work due by now and not done, oldest first."""
        ...

    async def due_done(self, rows: Sequence[DueRow]) -> None:
        """Mark as done."""
        ...

    async def positions(self, consumer: str) -> dict[int, Position]:
        """Where the consumer stands, by lane."""
        ...

    async def move(self, consumer: str, lane: int, position: Position) -> None:
        """Store a consumer's position by itself (a reaction's cursor, W-18)."""
        ...

    def signal(self, name: Literal["intents", "commits"]) -> Signal:
        """The wake-up that is sent when intents were stored, or events committed."""
        ...
