"""Checks before a NAV may be published; a finding needs a reason and a second person (TA-N-2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from libs.kernel.errors import InvalidValue
from libs.kernel.money import Rounding, exactly, ratio, rounded
from services.nav.domain.computation import ClassNav, reproduces

# A change is shown at so many decimals of a fraction; it is compared unrounded.
_SHOWN_DECIMALS = 8


class Check(StrEnum):
    """What was found wrong."""

    NOT_POSITIVE = "not_positive"
    NOT_REPRODUCED = "not_reproduced"
    CHANGE = "change_beyond_tolerance"
    BENCHMARK = "beyond_benchmark_tolerance"
    STALE_INPUT = "stale_input"
    UNITS_DIFFER = "units_differ_from_register"
    NO_PREVIOUS = "no_previous_nav"
    NO_BENCHMARK = "no_benchmark_return"


@dataclass(frozen=True, slots=True)
class Finding:
    """One breach: of which check, on what, the figure found and the one that was allowed or expected."""

    check: Check
    subject: str
    found: Decimal | date
    expected: Decimal | date


@dataclass(frozen=True, slots=True)
class Tolerances:
    """How far a price may move; fractions of one, None where the class has no such check."""

    change: Decimal
    benchmark: Decimal | None = None
    input_age_days: int = 0


@dataclass(frozen=True, slots=True)
class Input:
    """A price, rate or accrual that the NAV is made of, and the day it is of."""

    name: str
    as_of: date


@dataclass(frozen=True, slots=True)
class Expected:
    """What a NAV is held against: the register's units of the valuation date, without that date's own orders.

    `previous` is the last published unswung NAV, None for a first one; `benchmark_return` since then, 0.01 for 1 %.
    """

    previous: Decimal | None
    register_units: Decimal
    benchmark_return: Decimal | None = None


@exactly
def findings(
    nav: ClassNav, expected: Expected, inputs: Sequence[Input], valuation_date: date, tolerances: Tolerances
) -> tuple[Finding, ...]:
    """Everything that is wrong with a NAV, price first; nothing means that it may be approved (TA-N-2).

    What cannot be checked is a finding, too. A tolerance is breached strictly above it; an input is stale when it is
    older than `input_age_days` calendar days. Raises InvalidValue for a previous NAV that is not positive.
    """
    found = [*_of_the_price(nav), *_of_the_change(nav, expected, tolerances)]
    oldest = valuation_date - timedelta(days=tolerances.input_age_days)
    found += [Finding(Check.STALE_INPUT, each.name, each.as_of, oldest) for each in inputs if each.as_of < oldest]
    if nav.units != expected.register_units:
        found.append(Finding(Check.UNITS_DIFFER, "units", nav.units, expected.register_units))
    return tuple(found)


def _of_the_price(nav: ClassNav) -> list[Finding]:
    """The price by itself (TA-N-1)."""
    if nav.price <= 0:
        return [Finding(Check.NOT_POSITIVE, "price", nav.price, Decimal(0))]
    if reproduces(nav):
        return []
    if nav.units <= 0:
        return [Finding(Check.NOT_REPRODUCED, "units", nav.units, Decimal(0))]
    quotient = rounded(ratio(nav.total, nav.units), nav.price_decimals, nav.rounding.price)
    return [Finding(Check.NOT_REPRODUCED, "price", nav.price, quotient)]


def _of_the_change(nav: ClassNav, expected: Expected, tolerances: Tolerances) -> list[Finding]:
    """The price against the last one, and against what the benchmark did meanwhile."""
    if expected.previous is None:
        return [Finding(Check.NO_PREVIOUS, "price", nav.price, Decimal(0))]
    if expected.previous <= 0:
        raise InvalidValue("a published NAV is positive", field="previous", value=expected.previous)
    change = ratio(nav.price - expected.previous, expected.previous)
    found = []
    if abs(change) > tolerances.change:
        found.append(Finding(Check.CHANGE, "price", _shown(change), tolerances.change))
    if tolerances.benchmark is None:
        return found
    if expected.benchmark_return is None:
        return [*found, Finding(Check.NO_BENCHMARK, "price", _shown(change), tolerances.benchmark)]
    beside = change - Fraction(expected.benchmark_return)
    if abs(beside) > tolerances.benchmark:
        found.append(Finding(Check.BENCHMARK, "price", _shown(beside), tolerances.benchmark))
    return found


def _shown(change: Fraction) -> Decimal:
    return rounded(change, _SHOWN_DECIMALS, Rounding.DOWN)
