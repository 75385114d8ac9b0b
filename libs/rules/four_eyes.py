"""Four eyes: a proposal, its approval by another subject, its expiry or rejection; one mechanism for all (TA-F-4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Self

from pydantic import Field, ValidationError

from libs.kernel.decider import Command, Decider, Reference
from libs.kernel.errors import InvalidValue, NotFound, Refused
from libs.kernel.events import Catalogue, Event
from libs.kernel.personal import NotClear, to_clear, to_seal
from libs.rules.records import (
    ChangeApproved,
    ChangeEnded,
    ChangeProposed,
    RuntimeEvent,
    RuntimeTypes,
    change_stream,
)

DEFAULT_LIFETIME = timedelta(days=7)


class SameSubject(Refused):
    """Whoever proposed a change cannot approve it."""

    code = "same-subject"
    status = 403
    title = "A second person must approve"


class ChangeNotOpen(Refused):
    """The change was decided on already, or it expired."""

    code = "change-not-open"


class NeedsApproval(Refused):
    """The command takes effect only as an approved change."""

    code = "needs-approval"
    status = 403
    title = "This command needs a second person: propose it as a change"


@dataclass(frozen=True, slots=True)
class Change:
    """State of a proposal: `proposed`, `approved`, or ended."""

    proposal: ChangeProposed
    status: str = "proposed"


class _ChangeCommand(Command):
    service: str
    change: str
    key: str
    by: str = "clock"
    # On whose behalf `by` acts, if on anybody's: a person, whatever its agent is called.
    behalf: str | None = None
    # What the command under four eyes reads must be loaded with the change, and its reference rows with them.
    reads: tuple[str, ...] = ()
    needs: tuple[Reference, ...] = ()
    rows: Mapping[Reference, Mapping[str, Any] | None] | None = Field(None, exclude=True, repr=False)

    def streams(self) -> tuple[str, ...]:
        """The change, then what the wrapped command reads."""
        return (change_stream(self.service, self.key, self.change), *self.reads)

    def references(self) -> tuple[Reference, ...]:
        """The wrapped command's."""
        return self.needs

    def given(self, rows: Mapping[Reference, Mapping[str, Any] | None]) -> Self:
        """With the wrapped command's rows."""
        return self.model_copy(update={"rows": dict(rows)})


class ProposeChange(_ChangeCommand):
    """Propose `command` with `payload`, to take effect at `effective_at` (None: on approval)."""

    command: str
    payload: dict[str, Any]
    effective_at: datetime | None = None
    expires_at: datetime | None = None


class ApproveChange(_ChangeCommand):
    """Approve a change that another subject proposed."""


class RejectChange(_ChangeCommand):
    """Reject (or, by its proposer, withdraw) a change, also one that is approved and does not count yet."""

    reason: str


class ExpireChange(_ChangeCommand):
    """Nobody decided in time; the clock says so."""


class ApplyChange(_ChangeCommand):
    """The effective time of an approved change has come."""


class RefuseCommand(Command):
    """Record on `target` that an automatic command was refused (W-18)."""

    target: str
    command: str
    reason: str
    detail: str

    def streams(self) -> tuple[str, ...]:
        """The refused command's target."""
        return (self.target,)


class RecordEvent(Command):
    """Store one of the runtime's own events as it stands: a cursor (W-18)."""

    event: Any

    def streams(self) -> tuple[str, ...]:
        """The event's stream."""
        return (self.event.stream(),)


class Rules:
    """A service's decider with the runtime's own commands around it; what `DecideLoop` decides by."""

    def __init__(self, decider: Decider) -> None:
        self.decider = decider
        self.service = decider.service
        self.types = RuntimeTypes(decider.service, decider.commands.values())
        self.catalogue = Catalogue([*decider.catalogue.types(), *self.types.all()])

    def wrapped(self, name: str, payload: Mapping[str, Any], now: datetime) -> Command:
        """The command that a payload describes, all of it clear; raises InvalidValue naming the field."""
        kind = self.decider.commands.get(name)
        if kind is None or not kind.four_eyes:
            raise InvalidValue("not a command under four eyes", field="command", value=name)
        for field in sorted(payload.keys() & _filled_in(kind)):
            # It would be overwritten, and what nobody checked would stand on the ledger.
            raise InvalidValue("it is not for the proposal to say", field=f"payload.{field}")
        try:
            return kind.model_validate({**payload, "now": now})
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, ("payload", *first["loc"])))
            shown = None if self._hidden(kind, first) else first.get("input")
            raise InvalidValue(first["msg"], field=place, value=shown) from (None if shown is None else error)

    def _hidden(self, kind: type[Command], finding: Mapping[str, Any]) -> bool:
        """Whether what was given is not shown: it is personal, perhaps under a misspelt name, or an object."""
        misspelt = finding["type"] == "extra_forbidden" and self.types.change_proposed.holds_personal
        whole = not isinstance(finding.get("input"), str | int)
        return misspelt or whole or not kind.personal.isdisjoint(map(str, finding["loc"]))

    def proposed(self, proposal: ChangeProposed, now: datetime) -> Command:
        """The command that was proposed; raises NotClear when its data subject was erased since."""
        kind = self.decider.commands.get(proposal.command, Command)
        return self.wrapped(proposal.command, to_clear(proposal.payload, kind.personal), now)

    def decide(self, command: Command, states: Mapping[str, Any]) -> Sequence[Event]:
        """The events of a command, of the service or of the runtime; raises Refused."""
        match command:
            case ProposeChange():
                return self._propose(command, states)
            case ApproveChange():
                return self._approve(command, states)
            case RejectChange() | ExpireChange():
                return self._end(command, states)
            case ApplyChange():
                return self._apply(command, states)
            case RefuseCommand(target=target, reason=reason, detail=detail):
                return [self.types.refused[command.command](target=target, reason=reason, detail=detail)]
            case RecordEvent(event=event):
                return [event]
            case _ if command.four_eyes:
                raise NeedsApproval(f"{type(command).__name__} needs a second person", field="command")
            case _:
                return self.decider.decide(command, states)

    def evolve(self, state: Any, event: Event) -> Any:
        """The state after the event; the runtime's own events leave a service's state as it is."""
        match event:
            case ChangeProposed():
                return Change(event)
            case ChangeApproved():
                return replace(state, status="approved")
            case ChangeEnded(status=status):
                return replace(state, status=status)
            case RuntimeEvent():
                return state
            case _:
                return self.decider.evolve(state, event)

    def _propose(self, command: ProposeChange, states: Mapping[str, Any]) -> Sequence[Event]:
        wrapped = self.wrapped(command.command, command.payload, command.now)
        if states[command.streams()[0]] is not None:
            return []
        if command.effective_at is None:
            self.decider.decide(wrapped.given(command.rows or {}), states)
        elif wrapped.references():
            raise InvalidValue("it takes effect on its approval", field="effective_at", value=command.effective_at)
        expires_at = command.expires_at or command.now + DEFAULT_LIFETIME
        if expires_at <= command.now:
            raise InvalidValue("a change must expire later than now", field="expires_at", value=expires_at)
        return [
            self.types.change_proposed(
                change=command.change, key=command.key, command=command.command,
                payload=to_seal(command.payload, type(wrapped).personal),
                reads=command.reads, proposer=command.by, behalf=command.behalf,
                effective_at=command.effective_at, expires_at=expires_at,
            )
        ]  # fmt: skip

    def _approve(self, command: ApproveChange, states: Mapping[str, Any]) -> Sequence[Event]:
        proposal = self._open(command, states)
        if not {proposal.proposer, proposal.behalf or proposal.proposer}.isdisjoint({command.by, command.behalf}):
            raise SameSubject("whoever proposed a change cannot approve it", field="sub", value=command.by)
        effective_at = proposal.effective_at
        later = effective_at is not None and effective_at > command.now
        approved = self.types.change_approved(
            change=command.change, key=command.key, approver=command.by, command=proposal.command,
            payload=proposal.payload, reads=proposal.reads, effective_at=effective_at if later else None,
        )  # fmt: skip
        if later:
            return [approved]
        wrapped = self.proposed(proposal, command.now).given(command.rows or {})
        return [approved, *self.decider.decide(wrapped, states), self._ended(command, "applied")]

    def _apply(self, command: ApplyChange, states: Mapping[str, Any]) -> Sequence[Event]:
        change = states[command.streams()[0]]
        if change is None or change.status != "approved":
            return []
        try:
            wrapped = self.proposed(change.proposal, command.now)
            return [*self.decider.decide(wrapped, states), self._ended(command, "applied")]
        except (Refused, NotClear) as refusal:
            return [self._ended(command, "failed", f"{refusal.code}: {refusal.detail}")]

    def _end(self, command: RejectChange | ExpireChange, states: Mapping[str, Any]) -> Sequence[Event]:
        if isinstance(command, ExpireChange):
            change = states[command.streams()[0]]
            still_open = change is not None and change.status == "proposed"
            return [self._ended(command, "expired")] if still_open else []
        self._open(command, states, "proposed", "approved")
        # What somebody writes about a change in a service of persons is about a person (invariant 6).
        sealed = self.types.change_ended.holds_personal
        return [self._ended(command, "rejected", {"clear": command.reason} if sealed else command.reason)]

    def _open(self, command: _ChangeCommand, states: Mapping[str, Any], *open_in: str) -> ChangeProposed:
        """The proposal while it is open: undecided, or in these statuses."""
        change = states[command.streams()[0]]
        if change is None:
            raise NotFound("there is no such change", field="change", value=command.change)
        over = change.status == "proposed" and change.proposal.expires_at <= command.now
        if over or change.status not in (open_in or ("proposed",)):
            raise ChangeNotOpen(f"the change is {change.status}", field="change", value=command.change)
        proposal: ChangeProposed = change.proposal
        return proposal

    def _ended(self, command: _ChangeCommand, status: str, reason: str | dict[str, Any] = "") -> Event:
        ended: Event = self.types.change_ended(
            change=command.change, key=command.key, status=status, by=command.by, reason=reason
        )
        return ended


def _filled_in(kind: type[Command]) -> frozenset[str]:
    """The fields that come from the clock and from reference rows, never from who proposes."""
    return frozenset({"now", *(name for name, field in kind.model_fields.items() if field.exclude)})
