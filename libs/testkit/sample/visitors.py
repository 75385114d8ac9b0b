"""A market's book of visitors: personal values, changed under four eyes, and forgotten for good (invariant 6)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

from libs.edge.path import Parts
from libs.kernel.decider import Command
from libs.kernel.envelope import AttestedEvent
from libs.kernel.errors import InvalidValue, NotFound, Refused
from libs.kernel.events import Catalogue, Due, Event, UnknownEvent
from libs.kernel.personal import Personal, Term
from libs.kernel.streams import stream_name
from libs.ports import DueRow, Privacy
from libs.ports.changes import Change, Put
from libs.runtime.automatic import DueCommand
from libs.vault.rows import kept

SERVICE = "visitors"


class VisitorEvent(Event):
    """What is known of a visitor, who is the data subject."""

    service: ClassVar[str] = SERVICE
    aggregate: ClassVar[str] = "visitor"
    key_field: ClassVar[str] = "visitor"
    id_field: ClassVar[str] = "visitor"

    visitor: str


class VisitorNoted(VisitorEvent):
    """A visitor is in the book."""

    name: Personal[str]

    def search(self) -> tuple[Term, ...]:
        """By name."""
        return (Term("name", self.name.clear),)


class VisitorRenamed(VisitorEvent):
    """The visitor has another name."""

    name: Personal[str]


class VisitorForgotten(VisitorEvent):
    """The visitor's key is to be destroyed."""

    forgotten_at: datetime

    def due(self) -> tuple[Due, ...]:
        """The destruction, at once."""
        return (Due("DestroyKey", self.forgotten_at, {"visitor": self.visitor}),)


class KeyDestroyed(VisitorEvent):
    """The key is gone."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """State of a visitor; the name is carried, never looked at, by `evolve`."""

    name: Personal[str]
    forgotten: bool = False
    destroyed: bool = False


class VisitorCommand(Command):
    """A command on a visitor."""

    visitor: str

    def streams(self) -> tuple[str, ...]:
        """The visitor's stream."""
        return (visitor_stream(self.visitor),)


class NoteVisitor(VisitorCommand):
    """Write a visitor into the book."""

    personal: ClassVar[frozenset[str]] = frozenset({"name"})

    name: str


class RenameVisitor(VisitorCommand):
    """Correct the name; needs a second person."""

    four_eyes: ClassVar[bool] = True
    personal: ClassVar[frozenset[str]] = frozenset({"name"})

    name: str


class ForgetVisitor(VisitorCommand):
    """Destroy what is known of the visitor."""


class RecordKeyDestroyed(VisitorCommand):
    """The key store has destroyed the key."""


def visitor_stream(visitor: str) -> str:
    """`visitors/<visitor>/visitor/<visitor>`."""
    return stream_name(SERVICE, visitor, "visitor", visitor)


class Visitors:
    """The decider."""

    service = SERVICE
    catalogue = Catalogue([VisitorNoted, VisitorRenamed, VisitorForgotten, KeyDestroyed])
    commands: Mapping[str, type[Command]] = {
        kind.__name__: kind for kind in (NoteVisitor, RenameVisitor, ForgetVisitor, RecordKeyDestroyed)
    }

    def decide(self, command: Command, states: Mapping[str, Any]) -> Sequence[Event]:
        """See Decider.decide."""
        visitor: Visitor | None = states[command.streams()[0]]
        match command:
            case NoteVisitor(visitor=who, name=name):
                return _noted(visitor, who, name)
            case RenameVisitor(visitor=who, name=name):
                known = _known(visitor, who)
                return [] if known.name.clear == name else [VisitorRenamed(visitor=who, name=Personal.of(name))]
            case ForgetVisitor(visitor=who, now=now):
                if visitor is not None and visitor.forgotten:
                    return []
                _known(visitor, who)
                return [VisitorForgotten(visitor=who, forgotten_at=now)]
            case RecordKeyDestroyed(visitor=who):
                return [KeyDestroyed(visitor=who)] if visitor and visitor.forgotten and not visitor.destroyed else []
            case _:
                raise InvalidValue("not a command of visitors", field="command", value=type(command).__name__)

    def evolve(self, state: Any, event: Event) -> Visitor:
        """See Decider.evolve."""
        visitor: Visitor = state
        match event:
            case VisitorNoted(name=name):
                return Visitor(name)
            case VisitorRenamed(name=name):
                return replace(visitor, name=name)
            case VisitorForgotten():
                return replace(visitor, forgotten=True)
            case KeyDestroyed():
                return replace(visitor, destroyed=True)
            case _:
                raise UnknownEvent("not an event of a visitor", field="type", value=type(event).__name__)


def _noted(visitor: Visitor | None, who: str, name: str) -> Sequence[Event]:
    """A visitor is noted once; the same name again is a repetition."""
    if visitor is None:
        return [VisitorNoted(visitor=who, name=Personal.of(name))]
    if visitor.forgotten or visitor.name.clear != name:
        raise Refused("noted with another name, or forgotten", field="name", value=name)
    return []


def _known(visitor: Visitor | None, who: str) -> Visitor:
    if visitor is None or visitor.forgotten:
        raise NotFound("there is no such visitor", field="visitor", value=who)
    return visitor


def project(event: Event, seen: AttestedEvent) -> Iterable[Change]:
    """The read table `visitors`, names sealed."""
    key = {"visitor": seen.body["data"]["visitor"]}
    match event:
        case VisitorNoted() | VisitorRenamed():
            name = kept(seen.body["data"]["name"], seen.type, seen.stream, seen.body["version"], "name")
            yield Put("visitors", key, {"name": name, "status": "noted"})
        case VisitorForgotten():
            yield Put("visitors", key, {"status": "forgotten"})
        case KeyDestroyed():
            yield Put("visitors", key, {"status": "destroyed"})
        case _:
            raise UnknownEvent("not an event of a visitor", field="type", value=type(event).__name__)


def due_by(privacy: Privacy) -> Mapping[str, DueCommand]:
    """What falls due: the destruction of a key, then the record of it."""

    async def destroy(row: DueRow, now: datetime) -> Command:
        await privacy.erase(row.tenant, row.payload["visitor"], row.at)
        return RecordKeyDestroyed(now=now, visitor=row.payload["visitor"])

    return {"DestroyKey": destroy}


PARTS = Parts(
    Visitors(),
    {kind.type_name().rpartition(".v")[0]: project for kind in Visitors.catalogue.types()},
    Path(__file__).with_name("migrations") / "visitors",
)
