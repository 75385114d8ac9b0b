"""Published events of nav (TA-N); names and fields are the stored format."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import Field

from libs.kernel.events import Catalogue, Event
from libs.messages.fund_values import Swing
from libs.messages.nav_values import (
    MAX_CLASSES,
    MAX_RATES,
    ClassFlow,
    ClassPrice,
    ClassShare,
    CompensationClaim,
    CompensationTotals,
    CurrencyRate,
    Explanation,
    Figure,
    NavFinding,
    NavInput,
    NavPolicy,
    OrderEffect,
    Revision,
    Swung,
    ValuationDate,
    WrongPrice,
)
from libs.messages.values import Amount, Currency, Moment, Name, Price, Rate

Rates = Annotated[tuple[CurrencyRate, ...], Field(max_length=MAX_RATES)]
Classes = Annotated[tuple[UUID, ...], Field(max_length=MAX_CLASSES)]


class NavEvent(Event):
    """An event of nav; the umbrella is the lane key (W-2)."""

    service: ClassVar[str] = "nav"
    aggregate: ClassVar[str] = "sub_fund"
    key_field: ClassVar[str] = "umbrella"
    id_field: ClassVar[str] = "sub_fund"

    umbrella: UUID
    sub_fund: UUID


# --- The sub-fund: its policy, what was published last


class NavPolicySet(NavEvent):
    """The sub-fund's NAVs are held against these tolerances from now on."""

    policy: NavPolicy


class SubFundPublished(NavEvent):
    """Every class that deals on the valuation date is published; this prices orders (TA-O-5, TA-O-10, TA-N-4).

    `net_assets`: of the published classes, in the sub-fund's currency.
    """

    valuation_date: ValuationDate
    revision: Revision
    currency: Currency
    net_assets: Amount
    prices: Annotated[tuple[ClassPrice, ...], Field(max_length=MAX_CLASSES)]
    rates: Rates
    levy_due: bool


# --- The sub-fund's valuation date


class DayEvent(NavEvent):
    """An event of a sub-fund's valuation date."""

    aggregate: ClassVar[str] = "sub_fund_day"
    id_field: ClassVar[str] = "day"

    valuation_date: ValuationDate

    @property
    def day(self) -> str:
        """`<sub-fund>:<valuation date>`."""
        return f"{self.sub_fund}:{self.valuation_date.isoformat()}"


class RatesSet(DayEvent):
    """The valuation date's exchange rates."""

    rates: Rates


class SubFundValued(DayEvent):
    """The pool of the books, in the sub-fund's currency, and how the classes share it (TA-N-1)."""

    currency: Currency
    pool: Amount
    shares: Annotated[tuple[ClassShare, ...], Field(max_length=MAX_CLASSES)]


class FlowsMeasured(DayEvent):
    """The one test of the closed dealing day: which way all prices swing, whether a levy is due (TA-N-4, TA-F-3).

    `closing` is the revision of the day's totals; `classes` are those that deal. `net_assets`, the last published, and
    `part` are None before the first NAV. `swing` is the tool by which prices swing, whatever becomes of it meanwhile.
    """

    closed_at: Moment
    closing: Revision
    classes: Classes
    currency: Currency
    flows: Annotated[tuple[ClassFlow, ...], Field(max_length=MAX_CLASSES)]
    net_flow: Figure
    net_assets: Amount | None
    part: Figure | None
    swung: Swung | None
    swing: Swing | None
    levy_due: bool


class ClassPublished(DayEvent):
    """A class's NAV counts for the day."""

    price: ClassPrice


class ClassWithdrawn(DayEvent):
    """A class's NAV counts no more."""

    share_class: UUID
    revision: Revision


class DayCompleted(DayEvent):
    """Every class that deals is published; this revision of the sub-fund's prices is whole."""

    revision: Revision


# --- The NAV of a class and valuation date


class ClassNavEvent(NavEvent):
    """An event of the NAV of a class and valuation date."""

    aggregate: ClassVar[str] = "class_nav"
    id_field: ClassVar[str] = "class_day"

    share_class: UUID
    valuation_date: ValuationDate

    @property
    def class_day(self) -> str:
        """`<class>:<valuation date>`."""
        return f"{self.share_class}:{self.valuation_date.isoformat()}"


class NavFigures(ClassNavEvent):
    """Total net assets, units in issue and NAV per unit; `source` is the file and line, or `books`."""

    source: Name
    currency: Currency
    total: Amount
    units: Amount
    nav: Price
    bid: Price | None = None
    offer: Price | None = None


class NavEstimated(NavFigures):
    """An estimate; nothing is dealt at it."""


class NavComputed(NavFigures):
    """The NAV as imported or computed, and what is found wrong with it (TA-N-1, TA-N-2)."""

    previous: Price | None
    benchmark_return: Figure | None
    inputs: Annotated[tuple[NavInput, ...], Field(max_length=100)]
    findings: Annotated[tuple[NavFinding, ...], Field(max_length=110)]


class NavApproved(ClassNavEvent):
    """Every finding has a reason."""

    explanations: Annotated[tuple[Explanation, ...], Field(max_length=110)]
    bid: Price | None
    offer: Price | None


class NavPublished(ClassNavEvent):
    """The NAV is out: `nav` is unswung and kept, `price`, or `bid` and `offer`, is what is dealt at (TA-N-4)."""

    revision: Revision
    currency: Currency
    nav: Price
    price: Price | None
    bid: Price | None
    offer: Price | None
    swung: Swung | None
    net_assets: Amount
    units_in_issue: Amount


class NavCancelled(ClassNavEvent):
    """A published NAV is withdrawn, to be replaced by the next revision (TA-N-3).

    `dealt`: the sub-fund's prices were whole with it, so that orders were priced by it.
    """

    revision: Revision
    currency: Currency
    nav: Price
    reason: Name
    dealt: bool


class NavErrorFound(ClassNavEvent):
    """The NAV that orders were dealt at was wrong (TA-N-5); `error` to 10 decimals, DOWN, compared unrounded."""

    revision: Revision
    currency: Currency
    prices: WrongPrice
    error: Figure
    tolerance: Rate
    material: bool


class NavErrorTaken(ClassNavEvent):
    """The error is compensated once, by this compensation."""

    compensation: UUID


# --- The compensation of a class's wrong NAVs


class CompensationEvent(NavEvent):
    """An event of one compensation."""

    aggregate: ClassVar[str] = "compensation"
    id_field: ClassVar[str] = "compensation"

    compensation: UUID
    share_class: UUID


class CompensationOpened(CompensationEvent):
    """Who dealt on these material dates is compensated, in cash, or in units where they are still held."""

    currency: Currency
    unit_decimals: Annotated[int, Field(ge=0, le=8)]
    days: Annotated[tuple[WrongPrice, ...], Field(min_length=1, max_length=60)]
    de_minimis: Amount
    paid_in: Literal["cash", "units"]


class CompensationCalculated(CompensationEvent):
    """The effects and compensations of some accounts, each amount traced to its orders."""

    chunk: Annotated[int, Field(ge=0)]
    last_account: UUID
    effects: tuple[OrderEffect, ...]
    compensations: tuple[CompensationClaim, ...]
    totals: CompensationTotals


class CompensationClosed(CompensationEvent):
    """All orders are in; what the fund had, paid, received and kept."""

    orders: int
    totals: CompensationTotals


CATALOGUE = Catalogue(
    [
        NavPolicySet,
        SubFundPublished,
        RatesSet,
        SubFundValued,
        FlowsMeasured,
        ClassPublished,
        ClassWithdrawn,
        DayCompleted,
        NavEstimated,
        NavComputed,
        NavApproved,
        NavPublished,
        NavCancelled,
        NavErrorFound,
        NavErrorTaken,
        CompensationOpened,
        CompensationCalculated,
        CompensationClosed,
    ]
)
