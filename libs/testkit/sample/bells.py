"""Bells of a market: two ring for every till that took a lot, until they are worn out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar, Self

from libs.edge.path import Parts
from libs.kernel.decider import Command, Reference
from libs.kernel.envelope import AttestedEvent
from libs.kernel.errors import CheckUnavailable, InvalidValue, Refused
from libs.kernel.events import Catalogue, Event, UnknownEvent
from libs.kernel.streams import stream_name
from libs.ports.changes import Add, Change, Put
from libs.testkit.sample import tills

SERVICE = "bells"
LOUD_FROM = Decimal(100)
MOST_RINGS = 6


class WornOut(Refused):
    """A bell rings only so often."""

    code = "bell-worn-out"


class BellRung(Event):
    """A bell rang for a deposit."""

    service: ClassVar[str] = SERVICE
    aggregate: ClassVar[str] = "bell"
    key_field: ClassVar[str] = "market"
    id_field: ClassVar[str] = "bell"

    market: str
    bell: str
    label: str
    deposit: str


@dataclass(frozen=True, slots=True)
class Bell:
    """State of a bell."""

    rings: int


class RingBell(Command):
    """Ring for a deposit into a till; the till's label is reference data (W-24)."""

    market: str
    bell: str
    till: str
    deposit: str
    label: str | None = None

    def streams(self) -> tuple[str, ...]:
        """The bell's stream."""
        return (stream_name(SERVICE, self.market, "bell", self.bell),)

    def references(self) -> tuple[Reference, ...]:
        """The till."""
        return (Reference("known_tills", {"till": self.till}),)

    def given(self, rows: Mapping[Reference, Mapping[str, Any] | None]) -> Self:
        """This command with the till's label; without it the check cannot be made."""
        row = rows[self.references()[0]]
        if row is None:
            raise CheckUnavailable("the till is not known here yet", field="till", value=self.till)
        return self.model_copy(update={"label": row["label"]})


class Bells:
    """The decider."""

    service = SERVICE
    catalogue = Catalogue([BellRung])
    commands: Mapping[str, type[Command]] = {"RingBell": RingBell}

    def decide(self, command: Command, states: Mapping[str, Any]) -> Sequence[Event]:
        """See Decider.decide."""
        if not isinstance(command, RingBell) or command.label is None:
            raise InvalidValue("not a command of bells", field="command", value=type(command).__name__)
        state: Bell | None = states[command.streams()[0]]
        if state is not None and state.rings >= MOST_RINGS:
            raise WornOut(f"a bell rings {MOST_RINGS} times", field="bell", value=command.bell)
        return [BellRung(market=command.market, bell=command.bell, label=command.label, deposit=command.deposit)]

    def evolve(self, state: Any, event: Event) -> Bell:
        """See Decider.evolve."""
        if not isinstance(event, BellRung):
            raise UnknownEvent("not an event of a bell", field="type", value=type(event).__name__)
        return Bell((state.rings if state else 0) + 1)


def ring(event: Event, seen: AttestedEvent, now: datetime) -> Iterable[Command]:
    """A deposit from LOUD_FROM on rings two bells of its market."""
    if isinstance(event, tills.Deposited) and event.amount >= LOUD_FROM:
        for side in ("left", "right"):
            yield RingBell(now=now, market=event.market, bell=f"{event.till}-{side}", till=event.till, deposit=seen.id)


def project(event: Event, _seen: AttestedEvent) -> Iterable[Change]:
    """The read table `bells`, and the reference table `known_tills`."""
    match event:
        case BellRung():
            yield Put("bells", {"bell": event.bell}, {"market": event.market, "label": event.label})
            yield Add("bells", {"bell": event.bell}, {"rings": 1})
        case tills.TillOpened():
            yield Put("known_tills", {"till": event.till}, {"label": event.label})
        case _:
            raise UnknownEvent("not an event for bells", field="type", value=type(event).__name__)


PARTS = Parts(
    Bells(),
    {"bells.BellRung": project, "tills.TillOpened": project},
    Path(__file__).with_name("migrations") / "bells",
    reactions={"tills.Deposited": ring},
    foreign={"tills": tills.Tills.catalogue.parse},
)
