"""Values inside the published events of nav: prices, rates, findings, flows, compensations (TA-N-1 … TA-N-5)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from libs.kernel.exchange import ExchangeRate
from libs.messages.fund_values import Days
from libs.messages.values import Amount, Currency, Moment, Name, Price, Rate, Value, written

# A command brings at most so many orders, an event holds at most so many (W-6).
MAX_DEALS = 150
MAX_CLASSES = 60
MAX_RATES = 60


def _no_float(value: Any) -> Any:
    if isinstance(value, float | bool):
        raise ValueError("a decimal is written as text, never as a float")
    return value


def _plain(value: Decimal) -> Decimal:
    return Decimal(f"{(value + 0).normalize():f}")


def _all_digits(value: Decimal) -> Decimal:
    """One spelling, too, of a number that has more digits than the context rounds to."""
    text = f"{value:f}"
    return Decimal(text.rstrip("0").rstrip(".") if "." in text else text) if value else Decimal(0)


# May be below zero, or zero.
Figure = Annotated[Decimal, BeforeValidator(_no_float), Field(max_digits=24, decimal_places=10), AfterValidator(_plain)]
# A product that is not rounded yet: units × a difference of prices.
Unrounded = Annotated[
    Decimal, BeforeValidator(_no_float), Field(max_digits=60, decimal_places=20), AfterValidator(_all_digits)
]
Tolerance = Annotated[Decimal, BeforeValidator(_no_float), Field(ge=0, le=1, decimal_places=6), AfterValidator(_plain)]
Revision = Annotated[int, Field(ge=1)]
ValuationDate = Annotated[date, BeforeValidator(written)]
Swung = Literal["up", "down"]
CheckName = Literal[
    "not_positive",
    "not_reproduced",
    "change_beyond_tolerance",
    "beyond_benchmark_tolerance",
    "stale_input",
    "units_differ_from_register",
    "no_previous_nav",
    "no_benchmark_return",
]


class CurrencyRate(Value):
    """The price of one `base` in `quote`; a fund is valued, and its flows are measured, at the middle."""

    base: Currency
    quote: Currency
    bid: Price
    offer: Price

    @model_validator(mode="after")
    def _of_two_currencies(self) -> Self:
        if self.base == self.quote or self.bid > self.offer:
            raise ValueError("a rate is of two currencies, and its bid is not above its offer")
        return self

    def middle(self) -> ExchangeRate:
        """The rate for valuation."""
        return ExchangeRate.middle(self.base, self.quote, (self.bid + self.offer) / 2)

    def foreign(self, currency: str) -> str:
        """The currency beside this one; the base where neither is it."""
        return self.quote if self.base == currency else self.base


class NavInput(Value):
    """A price, rate or accrual that a NAV is made of, and the day it is of."""

    name: Name
    as_of: ValuationDate


class NavFinding(Value):
    """A breach of a check: what was found and what was allowed, as text (TA-N-2)."""

    check: CheckName
    subject: Name
    found: Name
    expected: Name


class Explanation(Value):
    """Why a NAV may stand in spite of a finding (TA-N-2)."""

    check: CheckName
    subject: Name
    reason: Name


class NavPolicy(Value):
    """What a sub-fund's NAVs are held against (TA-N-2, TA-N-5); fractions of one.

    `error_tolerance` None is the legal one of the kind of fund; `host_tolerances` are those of countries of sale. The
    de minimis is in the class's currency.
    """

    change_tolerance: Tolerance
    benchmark_tolerance: Tolerance | None = None
    input_age_days: Days = 0
    error_tolerance: Rate | None = None
    host_tolerances: Annotated[tuple[Rate, ...], Field(max_length=40)] = ()
    is_reserved: bool = False
    de_minimis: Amount = Decimal(0)


class ClassPrice(Value):
    """What a class is worth and dealt at; `nav` is unswung, a class has a price, or a bid and an offer."""

    share_class: UUID
    revision: Revision
    currency: Currency
    nav: Price
    price: Price | None
    bid: Price | None
    offer: Price | None
    swung: Swung | None
    net_assets: Amount
    units_in_issue: Amount

    def subscribed_at(self) -> Decimal:
        """What a subscriber pays per unit: the offer, where there are two prices."""
        return _one_of(self.price, self.offer)

    def redeemed_at(self) -> Decimal:
        """What a redeemer gets per unit: the bid, where there are two prices."""
        return _one_of(self.price, self.bid)


def _one_of(single: Decimal | None, quoted: Decimal | None) -> Decimal:
    price = quoted if single is None else single
    if price is None:
        raise ValueError("a class has a price, or a bid and an offer")
    return price


class ClassFlow(Value):
    """One class's net flow, in the sub-fund's currency."""

    share_class: UUID
    net: Figure


class ClassShare(Value):
    """A class's part of the sub-fund's pool, in the sub-fund's currency, and its own lines, in the class's."""

    share_class: UUID
    of_pool: Figure
    own_lines: Figure


class WrongPrice(Value):
    """A valuation date's unswung NAVs, and the prices at which was dealt and should have been (TA-N-5)."""

    valuation_date: ValuationDate
    published: Price
    correct: Price
    subscribed_at: Price
    subscribed_correctly: Price
    redeemed_at: Price
    redeemed_correctly: Price


class DealtOrder(Value):
    """An order that was priced by a NAV that was wrong, not by its correction; `received` orders those of one day."""

    order: UUID
    account: UUID
    side: Literal["subscription", "redemption"]
    valuation_date: ValuationDate
    received: Moment
    units: Annotated[Amount, Field(gt=0)]


class OrderEffect(Value):
    """What an order dealt at a wrong price did: above zero is owed to the investor, below is what was gained."""

    order: UUID
    raw: Unrounded
    amount: Figure


class ClaimPart(Value):
    """Units of one order inside a claim, with their part of its effect."""

    order: UUID
    units: Amount
    amount: Figure


class CompensationClaim(Value):
    """One compensation, traced to its orders; `is_kept`: below the de minimis, it stays in the fund.

    `units` in place of the amount, at the correct NAV, and the residual of that; both None for cash.
    """

    account: UUID
    parts: tuple[ClaimPart, ...]
    payer: Literal["fund", "party_at_fault", "nobody"]
    amount: Amount
    is_kept: bool
    units: Amount | None = None
    residual: Unrounded | None = None


class CompensationTotals(Value):
    """Sums of rounded amounts: excess in − excess out − paid + received − kept = 0, to the cent."""

    excess_in: Amount = Decimal(0)
    excess_out: Amount = Decimal(0)
    paid: Amount = Decimal(0)
    received: Amount = Decimal(0)
    kept: Amount = Decimal(0)

    def plus(self, other: CompensationTotals) -> CompensationTotals:
        """Both together."""
        return CompensationTotals(
            excess_in=self.excess_in + other.excess_in,
            excess_out=self.excess_out + other.excess_out,
            paid=self.paid + other.paid,
            received=self.received + other.received,
            kept=self.kept + other.kept,
        )
