"""The NAVs of all classes of a sub-fund out of its books (TA-N-1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from pydantic import Field, field_validator

from libs.kernel.decider import Reference
from libs.kernel.errors import InvalidValue
from libs.kernel.events import Event
from libs.kernel.money import Money
from libs.messages.nav import SubFundValued
from libs.messages.nav_values import MAX_CLASSES, ClassShare, Figure, NavInput
from libs.messages.values import Currency, Name, Value
from services.nav.domain.class_nav import Nav, computed
from services.nav.domain.commands import DayCommand, units_row
from services.nav.domain.completion import Day, rates_of
from services.nav.domain.computation import ClassBooks, Computed, Line, LineKind, Valuation, compute
from services.nav.domain.references import SubFundFacts, check_valuation_date, sub_fund_of, units_of
from services.nav.domain.refusals import LastNavMissing, NothingIsValued, RegisterNotReady
from services.nav.domain.sub_fund import SubFund

SOURCE = "books"

# --- Commands


class BookLine(Value):
    """One figure of the books; a loss on a hedge is a liability, or an asset below zero."""

    name: Name
    kind: LineKind
    amount: Figure
    currency: Currency


Lines = Annotated[tuple[BookLine, ...], Field(max_length=500)]


class ClassLines(Value):
    """A class to be valued, and what falls on it alone."""

    share_class: UUID
    lines: Lines = ()
    benchmark_return: Figure | None = None


class ComputeNavs(DayCommand):
    """Compute the NAV of each of these classes, which are all that share the pool."""

    lines: Lines
    classes: Annotated[tuple[ClassLines, ...], Field(min_length=1, max_length=MAX_CLASSES)]
    inputs: Annotated[tuple[NavInput, ...], Field(max_length=100)] = ()

    @field_validator("classes")
    @classmethod
    def _each_class_once(cls, value: tuple[ClassLines, ...]) -> tuple[ClassLines, ...]:
        if len({each.share_class for each in value}) < len(value):
            raise ValueError("a class stands there once")
        return value

    def streams(self) -> tuple[str, ...]:
        """The day, the sub-fund, the NAV of each class."""
        return (*super().streams(), *(self.class_stream(each.share_class) for each in self.classes))

    def references(self) -> tuple[Reference, ...]:
        """The sub-fund, the date, the register's units of each class."""
        return (*super().references(), *(units_row(each.share_class) for each in self.classes))


# --- Decide


def decide(command: ComputeNavs, day: Day | None, sub_fund: SubFund | None, *navs: Nav | None) -> Sequence[Event]:
    """Each class's NAV with its findings, and the pool that they share (N-1, N-2).

    Raises NothingIsValued where the books give none, RateMissing, RegisterNotReady, LastNavMissing.
    """
    facts = sub_fund_of(command)
    check_valuation_date(command, is_final=True)
    sub_fund = SubFund() if sub_fund is None else sub_fund
    valuation = Valuation(facts.currency, rates_of(Day() if day is None else day, facts))
    books = [_books(command, each, facts, sub_fund) for each in command.classes]
    try:
        found = compute(valuation, [_line(line) for line in command.lines], books)
    except InvalidValue as error:
        raise NothingIsValued(error.detail, field=error.field, value=error.value) from error
    events: list[Event] = []
    for each, share, nav in zip(command.classes, found.shares, navs, strict=True):
        line = {
            **command.day_ids(),
            "share_class": each.share_class,
            "source": SOURCE,
            "currency": share.nav.currency,
            "total": share.nav.total,
            "units": share.nav.units,
            "nav": share.nav.price,
        }
        known = facts.class_of(each.share_class)
        events += computed(command, nav, known, sub_fund, line, each.benchmark_return, command.inputs)
    return [_valued(command, found), *events] if events else []


def _books(command: ComputeNavs, each: ClassLines, facts: SubFundFacts, sub_fund: SubFund) -> ClassBooks:
    """The register's units without the date's own orders, and what each was worth last."""
    known = facts.class_of(each.share_class)
    register = units_of(command, each.share_class)
    if register is None:
        raise RegisterNotReady("the register has not told of its units", field="classes", value=each.share_class)
    last = sub_fund.nav_before(command.valuation_date, each.share_class) or known.offer_price
    if last is None:
        raise LastNavMissing("import its first NAV", field="classes", value=each.share_class)
    return ClassBooks(
        each.share_class,
        known.currency,
        register.before(command.valuation_date),
        last,
        known.price_decimals,
        known.rounding,
        tuple(map(_line, each.lines)),
    )


def _line(line: BookLine) -> Line:
    return Line(line.name, line.kind, Money(line.amount, line.currency))


def _valued(command: ComputeNavs, found: Computed) -> Event:
    shares = tuple(
        ClassShare(share_class=share.nav.share_class, of_pool=share.of_pool, own_lines=share.own_lines)
        for share in found.shares
    )
    return SubFundValued(**command.day_ids(), currency=found.pool.currency, pool=found.pool.amount, shares=shares)
