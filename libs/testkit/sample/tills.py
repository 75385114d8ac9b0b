"""Tills of a market: opened under a label of their own, paid into, out of and between; counted when it is time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

from libs.edge.path import Parts
from libs.kernel.decider import Command
from libs.kernel.envelope import AttestedEvent
from libs.kernel.errors import InvalidValue, NotFound, Refused
from libs.kernel.events import Catalogue, Claim, Due, Event, UnknownEvent
from libs.kernel.streams import stream_name
from libs.ports import DueRow
from libs.ports.changes import Add, Change, Drop, Put

SERVICE = "tills"
COUNT_AFTER = timedelta(seconds=20)


class NotEnough(Refused):
    """The till does not hold that much."""

    code = "not-enough"


class TillClosed(Refused):
    """The till is closed for good."""

    code = "till-closed"


class TillEvent(Event):
    """What happened to a till."""

    service: ClassVar[str] = SERVICE
    aggregate: ClassVar[str] = "till"
    key_field: ClassVar[str] = "market"
    id_field: ClassVar[str] = "till"

    market: str
    till: str


class TillOpened(TillEvent):
    """A till was opened; its label is its own, and it is counted when the time comes."""

    label: str
    count_at: datetime

    def claims(self) -> tuple[Claim, ...]:
        """The label is unique in the tenant (W-4)."""
        return (Claim("till label", self.label),)

    def due(self) -> tuple[Due, ...]:
        """The first count (W-25)."""
        return (Due("CountTill", self.count_at, {"market": self.market, "till": self.till}),)


class Deposited(TillEvent):
    """Money was paid in."""

    amount: Decimal


class Withdrawn(TillEvent):
    """Money was paid out."""

    amount: Decimal


class TillCounted(TillEvent):
    """The till was counted on time."""

    balance: Decimal


class TillShut(TillEvent):
    """The till was closed; its label is free again."""

    label: str

    def releases(self) -> tuple[Claim, ...]:
        """The label."""
        return (Claim("till label", self.label),)


@dataclass(frozen=True, slots=True)
class Till:
    """State of a till."""

    label: str
    balance: Decimal = Decimal(0)
    counted: bool = False
    shut: bool = False


class TillCommand(Command):
    """A command to one till."""

    market: str
    till: str

    def streams(self) -> tuple[str, ...]:
        """The till's stream."""
        return (till_stream(self.market, self.till),)


class OpenTill(TillCommand):
    """Open a till under a label."""

    label: str


class AmountCommand(TillCommand):
    """A command that moves money."""

    amount: Decimal


class Deposit(AmountCommand):
    """Pay in."""


class Withdraw(AmountCommand):
    """Pay out."""


class Transfer(AmountCommand):
    """Pay out of the till and into another one of the market: two streams, one decision."""

    to: str

    def streams(self) -> tuple[str, ...]:
        """Both tills' streams."""
        return (till_stream(self.market, self.till), till_stream(self.market, self.to))


class CountTill(TillCommand):
    """Count the till; sent by the clock."""


class ShutTill(TillCommand):
    """Close an empty till and free its label; needs a second person."""

    four_eyes: ClassVar[bool] = True


def till_stream(market: str, till: str) -> str:
    """`tills/<market>/till/<id>`."""
    return stream_name(SERVICE, market, "till", till)


class Tills:
    """The decider."""

    service = SERVICE
    catalogue = Catalogue([TillOpened, Deposited, Withdrawn, TillCounted, TillShut])
    commands: Mapping[str, type[Command]] = {
        kind.__name__: kind for kind in (OpenTill, Deposit, Withdraw, Transfer, CountTill, ShutTill)
    }

    def decide(self, command: Command, states: Mapping[str, Any]) -> Sequence[Event]:
        """See Decider.decide."""
        match command:
            case OpenTill():
                return open_till(command, states[command.streams()[0]])
            case Deposit():
                _open(states, command.market, command.till)
                return [deposited(command.market, command.till, command.amount)]
            case Withdraw():
                return [withdrawn(states, command.market, command.till, command.amount)]
            case Transfer():
                return transfer(command, states)
            case CountTill():
                return count_till(command, states)
            case ShutTill():
                return shut_till(command, states)
            case _:
                raise InvalidValue("not a command of tills", field="command", value=type(command).__name__)

    def evolve(self, state: Any, event: Event) -> Till:
        """See Decider.evolve."""
        till: Till = state
        match event:
            case TillOpened(label=label):
                return Till(label)
            case Deposited(amount=amount):
                return replace(till, balance=till.balance + amount)
            case Withdrawn(amount=amount):
                return replace(till, balance=till.balance - amount)
            case TillCounted():
                return replace(till, counted=True)
            case TillShut():
                return replace(till, shut=True)
            case _:
                raise UnknownEvent("not an event of a till", field="type", value=type(event).__name__)


def open_till(command: OpenTill, state: Till | None) -> Sequence[Event]:
    """A till opens once; the same label again is a repetition."""
    if state is not None:
        if state.label != command.label:
            raise Refused("the till has another label", field="label", value=state.label)
        return []
    return [
        TillOpened(market=command.market, till=command.till, label=command.label, count_at=command.now + COUNT_AFTER)
    ]


def deposited(market: str, till: str, amount: Decimal) -> Event:
    """A positive amount was paid in."""
    if amount <= 0:
        raise InvalidValue("an amount is positive", field="amount", value=amount)
    return Deposited(market=market, till=till, amount=amount)


def withdrawn(states: Mapping[str, Any], market: str, till: str, amount: Decimal) -> Event:
    """Never more than there is."""
    if _open(states, market, till).balance < amount:
        raise NotEnough("the till does not hold that much", field="amount", value=amount)
    return Withdrawn(market=market, till=till, amount=amount)


def transfer(command: Transfer, states: Mapping[str, Any]) -> Sequence[Event]:
    """Both legs or none."""
    _open(states, command.market, command.to)
    return [
        withdrawn(states, command.market, command.till, command.amount),
        deposited(command.market, command.to, command.amount),
    ]


def count_till(command: CountTill, states: Mapping[str, Any]) -> Sequence[Event]:
    """Once, and only while it is open."""
    state = states[command.streams()[0]]
    if state is None or state.shut or state.counted:
        return []
    return [TillCounted(market=command.market, till=command.till, balance=state.balance)]


def shut_till(command: ShutTill, states: Mapping[str, Any]) -> Sequence[Event]:
    """Only an empty till."""
    state = _open(states, command.market, command.till)
    if state.balance:
        raise Refused("the till is not empty", field="balance", value=state.balance)
    return [TillShut(market=command.market, till=command.till, label=state.label)]


def _open(states: Mapping[str, Any], market: str, till: str) -> Till:
    state: Till | None = states[till_stream(market, till)]
    if state is None:
        raise NotFound("there is no such till", field="till", value=till)
    if state.shut:
        raise TillClosed("the till is closed", field="till", value=till)
    return state


def project(event: Event, _seen: AttestedEvent) -> Iterable[Change]:
    """The read tables `tills`, `markets` and `open_tills`."""
    match event:
        case TillOpened():
            columns = {"market": event.market, "label": event.label, "balance": Decimal(0), "status": "open"}
            yield Put("tills", {"till": event.till}, columns)
            yield Put("open_tills", {"till": event.till}, {})
        case Deposited() | Withdrawn():
            amount = event.amount if isinstance(event, Deposited) else -event.amount
            yield Add("markets", {"market": event.market}, {"total": amount, "movements": 1})
            yield Add("tills", {"till": event.till}, {"balance": amount})
        case TillCounted():
            yield Put("tills", {"till": event.till}, {"status": "counted"})
        case TillShut():
            yield Put("tills", {"till": event.till}, {"status": "shut"})
            yield Drop("open_tills", {"till": event.till})
        case _:
            raise UnknownEvent("not an event of a till", field="type", value=type(event).__name__)


def count_due(row: DueRow, now: datetime) -> Command:
    """The reminder as a command."""
    return CountTill(now=now, **row.payload)


PARTS = Parts(
    Tills(),
    {kind.type_name().rpartition(".v")[0]: project for kind in Tills.catalogue.types()},
    Path(__file__).with_name("migrations") / "tills",
    due={"CountTill": count_due},
)
