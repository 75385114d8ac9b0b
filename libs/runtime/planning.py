"""Planning: what a group of commands comes to, before anything is stored; no I/O (W-3, W-4, W-6)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import structlog

from libs.kernel.canonical import canonical
from libs.kernel.decider import Command, Reference
from libs.kernel.envelope import Actor, Decision, EventEntry
from libs.kernel.errors import AlreadyExists, CartularyError, DecisionTooLarge
from libs.kernel.events import Event
from libs.kernel.keyed import KeyedHashes
from libs.kernel.streams import key_of
from libs.kernel.time import to_wire
from libs.ports import CommandKey, Intent, KeyedClaim, Outcome, Ring, Status
from libs.rules.four_eyes import Rules

log = structlog.get_logger(__name__)

MAX_DECISION_EVENTS = 500
MAX_DECISION_BYTES = 200_000


@dataclass(frozen=True, slots=True)
class Request:
    """A command with who sent it and what identifies it; `causation` and `correlation` are ids in text.

    `streams` are the command's, named once: each naming formats ids and checks every part.
    """

    command: Command
    tenant: str
    actor: Actor
    key: CommandKey
    causation: str | None = None
    correlation: str | None = None
    traceparent: str | None = None
    streams: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "streams", self.command.streams())


class Folded(NamedTuple):
    """A stream as far as it is decided: version, last time on the wire, state, its newest decision while pending."""

    version: int
    time: str
    state: Any
    pending: str | None


EMPTY = Folded(0, "", None, None)


@dataclass(slots=True)
class Plan:
    """What a group of commands comes to, before anything is stored."""

    intents: list[Intent] = field(default_factory=list)
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    settled: dict[str, Outcome] = field(default_factory=dict)
    failed: dict[str, Exception] = field(default_factory=dict)
    streams: dict[str, Folded] = field(default_factory=dict)
    claims: set[KeyedClaim] = field(default_factory=set)


class Planner:
    """Decides commands one after the other over states in memory."""

    def __init__(self, rules: Rules, keyed: KeyedHashes, new_id: Callable[[datetime], UUID]) -> None:
        self._rules, self._keyed, self._new_id = rules, keyed, new_id

    def plan(
        self,
        fresh: Sequence[Request],
        loaded: Mapping[str, Folded],
        rows: Mapping[str, dict[Reference, Mapping[str, Any] | None]],
        unavailable: CartularyError | None,
        held: set[KeyedClaim],
        ring: Ring | None = None,
    ) -> Plan:
        """The plan of commands in their order; `held` are claims that somebody else holds.

        `ring` has the keys of the data subjects whose personal values the events hold.
        """
        plan = Plan(streams=dict(loaded))
        for request in fresh:
            name = request.key.command
            try:
                if unavailable and request.command.references():
                    raise unavailable
                command = request.command.given(rows[name]) if name in rows else request.command
                self._one(plan, request, command, held, ring)
            except CartularyError as refusal:
                if refusal.status >= 500:
                    plan.failed[name] = refusal
                else:
                    problem = _shown(refusal, request.command).as_problem()
                    plan.settled[name] = Outcome(request.key.request, "refused", problem=problem)
            except Exception as error:
                log.exception("decide_failed", command=type(request.command).__name__)
                plan.failed[name] = error
        return plan

    def _one(self, plan: Plan, request: Request, command: Command, held: set[KeyedClaim], ring: Ring | None) -> None:
        streams = request.streams if command is request.command else command.streams()
        events = self._rules.decide(command, {stream: plan.streams[stream].state for stream in streams})
        if not events:
            target = plan.streams[streams[0]]
            status: Status = "decided" if target.pending else "committed"
            plan.settled[request.key.command] = Outcome(
                request.key.request, status, target.pending, tuple((s, plan.streams[s].version) for s in streams)
            )
            return
        decision_id = str(self._new_id(command.now))
        touched, entries = dict[str, Folded](), list[EventEntry]()
        time = max([to_wire(command.now), *(plan.streams[stream].time for stream in streams)])
        for event in events:
            stream = event.stream()
            before = touched.get(stream) or plan.streams[stream]
            after = Folded(before.version + 1, time, self._rules.evolve(before.state, event), decision_id)
            touched[stream] = after
            entries.append(_entry(event, stream, after.version, ring))
        claims = tuple(
            (event.stream(), self._keyed.claim(request.tenant, claim)) for event in events for claim in event.claims()
        )
        for _, claim in claims:
            if claim in held or claim in plan.claims:
                raise AlreadyExists(f"this {claim.kind} is taken", field=claim.kind)
        decision = Decision(
            decision_id, time, request.tenant, request.actor, request.causation, request.correlation or decision_id,
            request.key.command, request.key.request, tuple(entries), request.traceparent,
        )  # fmt: skip
        _check_size(decision)
        _index(events, ring)
        plan.streams.update(touched)
        plan.claims.update(claim for _, claim in claims)
        plan.intents.append(Intent(decision, claims))
        versions = tuple((stream, folded.version) for stream, folded in touched.items())
        plan.outcomes[request.key.command] = Outcome(request.key.request, "decided", decision_id, versions)


def _entry(event: Event, stream: str, version: int, ring: Ring | None) -> EventEntry:
    """The event as it is stored: its personal values sealed, once and for all (invariant 6)."""
    data, name = event.data(), event.type_name()
    if event.holds_personal:
        if ring is None:
            raise RuntimeError(f"{name} holds personal values, and this service has no key store")
        data = ring.seal(data, name, stream, version)
    return EventEntry(name, stream, version, data)


def _index(events: Sequence[Event], ring: Ring | None) -> None:
    if ring is not None:
        for event in events:
            if terms := event.search():
                ring.index(key_of(event.stream()), terms)


def _shown(refusal: CartularyError, command: Command) -> CartularyError:
    """The refusal as it may be stored and shown: without the value of a personal field."""
    personal = not command.personal.isdisjoint((refusal.field or "").split("."))
    return refusal.without_value() if personal else refusal


def _check_size(decision: Decision) -> None:
    """W-6: a decision that could not fit a batch is refused when it is decided."""
    size = len(canonical([[entry.type, entry.stream, entry.data] for entry in decision.events]))
    if len(decision.events) > MAX_DECISION_EVENTS or size > MAX_DECISION_BYTES:
        raise DecisionTooLarge(f"at most {MAX_DECISION_EVENTS} events and {MAX_DECISION_BYTES} bytes", value=size)
