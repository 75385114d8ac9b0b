"""The NAV of each class from what its sub-fund owns and owes (TA-N-1).

The sub-fund's lines make one pool, which its classes share by their net assets before (units × last NAV); lines of one
class alone, a hedge's result or its fees, fall on that class. Each amount is rounded once, after its exchange.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from uuid import UUID

from libs.kernel.allocation import complete
from libs.kernel.errors import InvalidValue
from libs.kernel.exchange import ExchangeRate
from libs.kernel.money import Money, Rounding, exactly, has_decimals, minor_units, ratio, rounded
from libs.messages.fund_values import RoundingModes


class LineKind(StrEnum):
    """What a line adds to net assets, or takes from them."""

    ASSET = "asset"
    ACCRUED_INCOME = "accrued_income"
    LIABILITY = "liability"
    ACCRUED_EXPENSE = "accrued_expense"


_ADDING = {LineKind.ASSET, LineKind.ACCRUED_INCOME}


@dataclass(frozen=True, slots=True)
class Line:
    """One figure of the books, in its own currency; a loss on a hedge is a liability or an asset below zero."""

    name: str
    kind: LineKind
    money: Money


@dataclass(frozen=True, slots=True)
class ClassBooks:
    """A class before its NAV: units in issue without the valuation date's own orders, last NAV, lines of its own."""

    share_class: UUID
    currency: str
    units: Decimal
    last_nav: Decimal
    price_decimals: int
    rounding: RoundingModes
    lines: tuple[Line, ...] = ()


@dataclass(frozen=True, slots=True)
class ClassNav:
    """Total net assets, units and price of a class, computed or imported, and how its figures are rounded."""

    share_class: UUID
    currency: str
    total: Decimal
    units: Decimal
    price: Decimal
    price_decimals: int
    rounding: RoundingModes


@dataclass(frozen=True, slots=True)
class Share:
    """A class's part of the pool, in the sub-fund's currency, and the NAV that it and the class's own lines make."""

    of_pool: Decimal
    own_lines: Decimal
    nav: ClassNav


@dataclass(frozen=True, slots=True)
class Computed:
    """The pool in the sub-fund's currency, and its classes in the order given; their shares add up to the pool."""

    pool: Money
    shares: tuple[Share, ...]


@dataclass(frozen=True, slots=True)
class Valuation:
    """A sub-fund's currency and the rates between it and every other one, for valuation."""

    currency: str
    rates: Mapping[str, ExchangeRate]

    def converted(self, money: Money, currency: str, mode: Rounding = Rounding.HALF_UP) -> Decimal:
        """The amount in the fund's or a class's currency, by way of the fund's, rounded once at the end.

        Raises InvalidValue where a rate is missing.
        """
        amount = Fraction(money.amount)
        if money.currency != currency:
            amount = self._step(self._step(amount, money.currency, money.currency), currency, self.currency)
        return rounded(amount, minor_units(currency), mode)

    def unrounded(self, amount: Decimal, currency: str) -> Fraction:
        """An amount in the sub-fund's currency."""
        return self._step(Fraction(amount), currency, currency)

    def _step(self, amount: Fraction, foreign: str, of: str) -> Fraction:
        if foreign == self.currency:
            return amount
        if foreign not in self.rates:
            raise InvalidValue("a currency needs its rate", field="rates", value=foreign)
        return self.rates[foreign].unrounded(amount, of)


@exactly
def compute(valuation: Valuation, lines: Sequence[Line], classes: Sequence[ClassBooks]) -> Computed:
    """The pool, its shares (DOWN, missing cents to the largest remainders) and the price of each class (TA-N-1).

    Raises InvalidValue for a pool or a class worth nothing or less, a class without units in issue or a last NAV.
    """
    for books in classes:
        if books.units <= 0 or books.last_nav <= 0:
            raise InvalidValue("a class has units in issue and a last NAV", field="class", value=books.share_class)
    pool = sum((_signed(line, valuation, valuation.currency) for line in lines), Decimal(0))
    if pool <= 0 or not classes:
        raise InvalidValue("net assets are positive, and some class's", field="lines", value=pool)
    weights = [valuation.unrounded(books.units * books.last_nav, books.currency) for books in classes]
    parts = [Fraction(pool) * weight / sum(weights, Fraction(0)) for weight in weights]
    of_pool = complete(pool, parts, minor_units(valuation.currency))
    shares = (_share(valuation, books, part) for books, part in zip(classes, of_pool, strict=True))
    return Computed(Money(pool, valuation.currency), tuple(shares))


def _signed(line: Line, valuation: Valuation, currency: str) -> Decimal:
    amount = valuation.converted(line.money, currency)
    return amount if line.kind in _ADDING else -amount


def _share(valuation: Valuation, books: ClassBooks, of_pool: Decimal) -> Share:
    """In the class's own currency: its share of the pool, then each of its own lines, then the price."""
    own = sum((_signed(line, valuation, books.currency) for line in books.lines), Decimal(0))
    total = valuation.converted(Money(of_pool, valuation.currency), books.currency, books.rounding.amount) + own
    price = rounded(ratio(total, books.units), books.price_decimals, books.rounding.price)
    if price <= 0:
        raise InvalidValue("a class is worth something", field="class", value=books.share_class)
    nav = ClassNav(books.share_class, books.currency, total, books.units, price, books.price_decimals, books.rounding)
    return Share(of_pool, own, nav)


@exactly
def reproduces(nav: ClassNav) -> bool:
    """Whether total net assets ÷ units give the price, within the class's rounding of both (TA-N-1).

    The total is known to a minor unit only, so every total that rounds to it counts: with few units in issue one price
    more than the quotient's own is right.
    """
    if nav.units <= 0 or not has_decimals(nav.price, nav.price_decimals):
        return False
    step = Decimal(1).scaleb(-minor_units(nav.currency))
    below, above = {
        Rounding.DOWN: (Decimal(0), step),
        Rounding.UP: (-step, Decimal(0)),
    }.get(nav.rounding.amount, (-step / 2, step / 2))
    lowest, highest = (
        rounded(ratio(nav.total + edge, nav.units), nav.price_decimals, nav.rounding.price) for edge in (below, above)
    )
    return lowest <= nav.price <= highest
