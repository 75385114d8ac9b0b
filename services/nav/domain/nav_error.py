"""The compensation of a class's wrong NAVs: opened for material dates, fed order by order, closed (TA-N-5, G6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Annotated, ClassVar, Literal, assert_never
from uuid import UUID

from pydantic import Field

from libs.kernel.decider import Reference
from libs.kernel.events import Event
from libs.kernel.streams import stream_name
from libs.messages.nav import CompensationCalculated, CompensationClosed, CompensationOpened, NavErrorTaken
from libs.messages.nav_values import (
    MAX_DEALS,
    CompensationTotals,
    DealtOrder,
    OrderEffect,
    ValuationDate,
    WrongPrice,
)
from services.nav.domain.class_nav import Nav
from services.nav.domain.commands import SERVICE, NavCommand
from services.nav.domain.references import sub_fund_of
from services.nav.domain.refusals import (
    AccountsOutOfOrder,
    ChunkOutOfTurn,
    CompensationExists,
    CompensationIsClosed,
    CompensationUnknown,
    DealsMissing,
    ErrorIsTaken,
    ErrorNotMaterial,
    NoNavError,
    unexpected,
)
from services.nav.domain.sub_fund import SubFund, policy_of
from services.nav.domain.tracing import claim_of, compensated, name_of, totals_of

# --- State


@dataclass(frozen=True, slots=True)
class Running:
    """A compensation: what it is about, a name of each chunk's orders, the last account, the totals so far."""

    opened: CompensationOpened
    chunks: tuple[UUID, ...] = ()
    last_account: UUID | None = None
    orders: int = 0
    totals: CompensationTotals = field(default_factory=CompensationTotals)
    closed: CompensationClosed | None = None


# --- Commands


class CompensationCommand(NavCommand):
    """A command on the compensation of one class's errors."""

    compensation: UUID
    share_class: UUID

    def ids(self) -> dict[str, UUID]:
        """What every event of this target names."""
        return {**super().ids(), "compensation": self.compensation, "share_class": self.share_class}

    def compensation_stream(self) -> str:
        """The compensation's stream."""
        return stream_name(SERVICE, self.umbrella, "compensation", self.compensation)

    def streams(self) -> tuple[str, ...]:
        """The compensation alone."""
        return (self.compensation_stream(),)

    def references(self) -> tuple[Reference, ...]:
        """None: what it is about was fixed when it was opened."""
        return ()


class OpenCompensation(CompensationCommand):
    """Compensate who dealt in a class on these dates; dates whose error is not material are left out."""

    four_eyes: ClassVar[bool] = True

    valuation_dates: Annotated[tuple[ValuationDate, ...], Field(min_length=1, max_length=60)]
    paid_in: Literal["cash", "units"] = "cash"

    def dates(self) -> tuple[date, ...]:
        """In order, each once."""
        return tuple(sorted(set(self.valuation_dates)))

    def nav_stream(self, day: date) -> str:
        """The stream of the class's NAV of a date."""
        return stream_name(SERVICE, self.umbrella, "class_nav", f"{self.share_class}:{day.isoformat()}")

    def streams(self) -> tuple[str, ...]:
        """The compensation, the sub-fund, the NAV of each date."""
        return (*super().streams(), self.sub_fund_stream(), *map(self.nav_stream, self.dates()))

    def references(self) -> tuple[Reference, ...]:
        """The sub-fund."""
        return (self.sub_fund_row(),)


class CalculateCompensation(CompensationCommand):
    """Take the orders of some accounts, all of each account's, accounts ascending over the chunks."""

    chunk: Annotated[int, Field(ge=0)]
    deals: Annotated[tuple[DealtOrder, ...], Field(min_length=1, max_length=MAX_DEALS)]


class CloseCompensation(CompensationCommand):
    """State that all orders are in: as many as were dealt on the compensation's dates."""

    orders: Annotated[int, Field(ge=0)]


CompensationCommands = OpenCompensation | CalculateCompensation | CloseCompensation

# --- Decide


def decide(command: CompensationCommands, running: Running | None, *others: object) -> Sequence[Event]:
    """The events of a command on a compensation; opening reads the sub-fund and the NAV of each date."""
    match command:
        case OpenCompensation():
            sub_fund, *navs = others
            policies = sub_fund if isinstance(sub_fund, SubFund) else None
            return open_compensation(
                command, running, policies, [nav if isinstance(nav, Nav) else None for nav in navs]
            )
        case CalculateCompensation():
            return calculate(command, _known(running, command))
        case CloseCompensation():
            return close(command, _known(running, command))
        case _:
            assert_never(command)


def open_compensation(
    command: OpenCompensation, running: Running | None, sub_fund: SubFund | None, navs: Sequence[Nav | None]
) -> Sequence[Event]:
    """For the dates whose error reached the tolerance, each once (N-5)."""
    share_class = sub_fund_of(command).class_of(command.share_class)
    if running is not None:
        opened = running.opened
        same = {each.valuation_date for each in opened.days} <= set(command.dates())
        if same and (opened.share_class, opened.paid_in) == (command.share_class, command.paid_in):
            return []
        raise CompensationExists("take another id", field="compensation", value=command.compensation)
    material: list[WrongPrice] = []
    for day, nav in zip(command.dates(), navs, strict=True):
        if nav is None or nav.error is None:
            raise NoNavError("no correction of this date differs", field="valuation_dates", value=day)
        if nav.taken_by is not None:
            raise ErrorIsTaken(f"compensation {nav.taken_by}", field="valuation_dates", value=day)
        if nav.error.material:
            material.append(nav.error.prices)
    if not material:
        raise ErrorNotMaterial("no date's error reaches the tolerance", field="valuation_dates")
    opened = CompensationOpened(
        **command.ids(),
        currency=share_class.currency,
        unit_decimals=share_class.unit_decimals,
        days=tuple(material),
        de_minimis=policy_of(sub_fund, command).de_minimis,
        paid_in=command.paid_in,
    )
    ids = {"umbrella": command.umbrella, "sub_fund": command.sub_fund, "share_class": command.share_class}
    taken = (
        NavErrorTaken(**ids, valuation_date=each.valuation_date, compensation=command.compensation) for each in material
    )
    return [opened, *taken]


def calculate(command: CalculateCompensation, running: Running) -> Sequence[Event]:
    """Each account's orders at once, for a round trip is netted and the de minimis held against all (N-5)."""
    if running.chunks[command.chunk : command.chunk + 1] == (name_of(each.order for each in command.deals),):
        return []
    if running.closed is not None:
        raise CompensationIsClosed("its orders are all in", field="compensation", value=command.compensation)
    if command.chunk != len(running.chunks):
        raise ChunkOutOfTurn(f"chunk {len(running.chunks)} is next", field="chunk", value=command.chunk)
    accounts = [each.account for each in command.deals]
    if running.last_account is not None and min(accounts) <= running.last_account:
        detail = "an account comes in one chunk, after those of the former chunks"
        raise AccountsOutOfOrder(detail, field="deals", value=min(accounts))
    found = compensated(command.deals, running.opened)
    return [
        CompensationCalculated(
            **command.ids(),
            chunk=command.chunk,
            last_account=max(accounts),
            effects=tuple(
                OrderEffect(order=each.deal.order, raw=each.raw, amount=each.amount) for each in found.effects
            ),
            compensations=tuple(claim_of(each, command.deals, running.opened) for each in found.claims),
            totals=totals_of(found.fund),
        )
    ]


def close(command: CloseCompensation, running: Running) -> Sequence[Event]:
    """Nobody is left out: the orders that came are as many as were dealt."""
    if running.closed is not None and running.closed.orders == command.orders:
        return []
    if running.closed is not None or running.orders != command.orders:
        raise DealsMissing(f"{running.orders} orders came", field="orders", value=command.orders)
    return [CompensationClosed(**command.ids(), orders=running.orders, totals=running.totals)]


def _known(running: Running | None, command: CompensationCommand) -> Running:
    ids = (command.sub_fund, command.share_class)
    if running is None or (running.opened.sub_fund, running.opened.share_class) != ids:
        raise CompensationUnknown("open it first", field="compensation", value=command.compensation)
    return running


# --- Evolve


def evolve(running: Running | None, event: Event) -> Running:
    """The compensation after the event."""
    match running, event:
        case None, CompensationOpened():
            return Running(event)
        case Running(), CompensationCalculated():
            return replace(
                running,
                chunks=(*running.chunks, name_of(each.order for each in event.effects)),
                last_account=event.last_account,
                orders=running.orders + len(event.effects),
                totals=running.totals.plus(event.totals),
            )
        case Running(), CompensationClosed():
            return replace(running, closed=event)
        case _:
            raise unexpected(event, running)
