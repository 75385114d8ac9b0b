"""Corporate actions: split, reverse split, merger, conversion; what is dropped is shown (TA-R-1, golden G8)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

from libs.kernel.allocation import complete
from libs.kernel.errors import InvalidValue
from libs.kernel.exchange import ExchangeRate
from libs.kernel.money import Money, Rounding, exactly, ratio, rounded
from services.register.domain.lots import Lot, Lots, cost_of, taken, units_of


@dataclass(frozen=True, slots=True)
class Exchanged:
    """One holding in its new units; `residual` units were dropped, `cost_dropped` only where no unit came of it all.

    Dates and costs of the lots stay. A lot of which no unit came gives its cost to the next lot, the last to the one
    before it.
    """

    lots: Lots
    units: Decimal
    residual: Fraction
    cost_dropped: Decimal


@dataclass(frozen=True, slots=True)
class Action:
    """What a corporate action did to every account of a class; units in issue are the sum of the holdings."""

    accounts: Mapping[UUID, Exchanged]
    units_before: Decimal
    units_after: Decimal
    residual: Fraction


@dataclass(frozen=True, slots=True)
class Conversion:
    """Part of a holding turned into another class: what is left, what came of it, the units that were given up."""

    left: Lots
    given: Lots
    received: Exchanged


@exactly
def exchanged(lots: Lots, factor: Fraction, unit_decimals: int) -> Exchanged:
    """Units × factor DOWN for the holding; each lot DOWN, missing steps by largest remainder, ties to the oldest lot.

    Raises InvalidValue for a factor that is not positive.
    """
    if factor <= 0:
        raise InvalidValue("units are exchanged by a positive factor", field="factor", value=str(factor))
    raw = [Fraction(lot.units) * factor for lot in lots]
    units = rounded(sum(raw, Fraction(0)), unit_decimals, Rounding.DOWN)
    parts = complete(units, raw, unit_decimals)
    return Exchanged(
        _with_cost(lots, parts), units, sum(raw, Fraction(0)) - Fraction(units), Decimal(0) if units else cost_of(lots)
    )


def _with_cost(lots: Lots, parts: list[Decimal]) -> Lots:
    """The lots that have units after the exchange, with every lot's cost."""
    made: list[Lot] = []
    waiting = Decimal(0)
    for lot, units in zip(lots, parts, strict=True):
        waiting += lot.cost
        if units:
            made.append(Lot(lot.acquired, units, waiting))
            waiting = Decimal(0)
    if made and waiting:
        made[-1] = Lot(made[-1].acquired, made[-1].units, made[-1].cost + waiting)
    return tuple(made)


def costs_in(lots: Lots, currency: str, into_currency: str, rate: ExchangeRate) -> Lots:
    """The lots with their costs in another currency, each HALF_UP, before they become units of a class in it."""
    if {rate.base, rate.quote} != {currency, into_currency}:
        raise InvalidValue(f"a rate of {currency} and {into_currency}", field="rate", value=rate)
    return tuple(Lot(lot.acquired, lot.units, rate.sold(Money(lot.cost, currency)).amount) for lot in lots)


@exactly
def exchange_all(accounts: Mapping[UUID, Lots], factor: Fraction, unit_decimals: int) -> Action:
    """Every account of a class by itself: units in issue become the sum of holdings, not factor × total (TA-R-3)."""
    done = {account: exchanged(lots, factor, unit_decimals) for account, lots in accounts.items()}
    before = sum((units_of(lots) for lots in accounts.values()), Decimal(0))
    after = sum((each.units for each in done.values()), Decimal(0))
    return Action(done, before, after, sum((each.residual for each in done.values()), Fraction(0)))


def split(accounts: Mapping[UUID, Lots], new: int, old: int, unit_decimals: int) -> Action:
    """`new` units for `old` ones, a reverse split when there are fewer: 3 for 2 makes 1.5 of each (golden G8).

    Raises InvalidValue for numbers below one.
    """
    return exchange_all(accounts, split_factor(new, old), unit_decimals)


def split_factor(new: int, old: int) -> Fraction:
    """How many units come of one; raises InvalidValue for numbers below one."""
    if new < 1 or old < 1:
        raise InvalidValue("a split gives whole units for whole units", field="split", value=f"{new} for {old}")
    return Fraction(new, old)


def split_price(price: Decimal, new: int, old: int, decimals: int, mode: Rounding) -> Decimal:
    """The price of a unit after the split, so that a holding is worth what it was: NAV ÷ 1.5 for 3 for 2."""
    return rounded(Fraction(price) / split_factor(new, old), decimals, mode)


@exactly
def merger_factor(
    price: Decimal, into_price: Decimal, currency: str, into_currency: str, rate: ExchangeRate | None = None
) -> Fraction:
    """Units of the receiving class for one of the merging class, unrounded: price, exchanged, ÷ its price.

    `rate` for valuation where the currencies differ. Raises InvalidValue for a price that is not positive, or a rate of
    other currencies, one too many or none where it is needed.
    """
    if price <= 0 or into_price <= 0:
        raise InvalidValue("a price is positive", field="price", value=min(price, into_price))
    if (rate is None) != (currency == into_currency):
        raise InvalidValue(f"a rate of {currency} and {into_currency}, if they differ", field="rate", value=rate)
    if rate is None:
        return ratio(price, into_price)
    if {rate.base, rate.quote} != {currency, into_currency}:
        raise InvalidValue(f"a rate of {currency} and {into_currency}", field="rate", value=rate)
    return rate.unrounded(price, currency) / Fraction(into_price)


def merge(accounts: Mapping[UUID, Lots], factor: Fraction, unit_decimals: int) -> Action:
    """All units of a class become units of another by `merger_factor`, at the decimals of that class."""
    return exchange_all(accounts, factor, unit_decimals)


@exactly
def convert(lots: Lots, units: Decimal, factor: Fraction, unit_decimals: int, cost_decimals: int) -> Conversion:
    """An account's oldest units become units of another class by `merger_factor`; dates and costs stay.

    Raises InvalidValue as `lots.taken` does.
    """
    gone = taken(lots, units, cost_decimals)
    return Conversion(gone.left, gone.parts, exchanged(gone.parts, factor, unit_decimals))
