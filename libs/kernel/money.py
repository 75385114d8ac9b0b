"""Money and units: `Decimal` with a currency's or a share class's own precision, never a float."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import (
    ROUND_DOWN,
    ROUND_HALF_EVEN,
    ROUND_HALF_UP,
    ROUND_UP,
    Context,
    Decimal,
    DivisionByZero,
    Inexact,
    InvalidOperation,
    Overflow,
    localcontext,
)
from enum import StrEnum
from fractions import Fraction
from functools import wraps
from typing import ParamSpec, TypeVar

from libs.kernel.errors import InvalidValue

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

# Wide enough for 10^30 units at 10 decimals times a price of 10 digits, exactly; what is wider raises, never rounds.
_DIGITS = 96
_EXACT = Context(prec=_DIGITS, traps=[DivisionByZero, Inexact, InvalidOperation, Overflow])
_ROUNDING = Context(prec=_DIGITS, traps=[DivisionByZero, InvalidOperation, Overflow])

# ISO 4217 minor units that are not 2.
_MINOR_UNITS = {
    **dict.fromkeys("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split(), 0),
    **dict.fromkeys("BHD IQD JOD KWD LYD OMR TND".split(), 3),
    **dict.fromkeys("CLF UYW".split(), 4),
}


class Rounding(StrEnum):
    """The rounding modes that a share class may name."""

    HALF_UP = "HALF_UP"
    HALF_EVEN = "HALF_EVEN"
    DOWN = "DOWN"
    UP = "UP"


_MODES = {
    Rounding.HALF_UP: ROUND_HALF_UP,
    Rounding.HALF_EVEN: ROUND_HALF_EVEN,
    Rounding.DOWN: ROUND_DOWN,
    Rounding.UP: ROUND_UP,
}


def minor_units(currency: str) -> int:
    """The decimals of an ISO 4217 currency's minor unit."""
    return _MINOR_UNITS.get(currency, 2)


def exactly(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """A function inside which + - * of decimals are exact, whatever context its caller has set.

    A quotient without an end raises decimal.Inexact there: divide with `ratio`, then round by name. Not for generators,
    whose body would run in the caller's context.
    """

    @wraps(function)
    def within(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        with localcontext(_EXACT):
            return function(*args, **kwargs)

    return within


def ratio(numerator: Decimal, denominator: Decimal) -> Fraction:
    """The quotient, unrounded; raises InvalidValue for a denominator of zero."""
    if not denominator:
        raise InvalidValue("a quotient needs a denominator that is not zero", field="denominator", value=denominator)
    return Fraction(numerator) / Fraction(denominator)


def rounded(value: Decimal | Fraction, decimals: int, mode: Rounding) -> Decimal:
    """`value` at exactly `decimals` decimals, rounded once by the named mode."""
    if isinstance(value, Fraction):
        return _rounded_fraction(value, decimals, mode)
    return value.quantize(Decimal(1).scaleb(-decimals), rounding=_MODES[mode], context=_ROUNDING)


def _rounded_fraction(value: Fraction, decimals: int, mode: Rounding) -> Decimal:
    steps, rest = divmod(abs(value.numerator) * 10**decimals, value.denominator)
    above_half = 2 * rest - value.denominator
    match mode:
        case Rounding.HALF_UP:
            steps += above_half >= 0
        case Rounding.HALF_EVEN:
            steps += above_half > 0 or (above_half == 0 and steps % 2 == 1)
        case Rounding.UP:
            steps += rest > 0
        case Rounding.DOWN:
            pass
    return Decimal(-steps if value < 0 else steps).scaleb(-decimals, context=_EXACT)


def multiply(left: Decimal, right: Decimal) -> Decimal:
    """The exact product."""
    return _EXACT.multiply(left, right)


def has_decimals(value: Decimal, decimals: int) -> bool:
    """Whether the number needs no more decimals than these; False for one that is not finite, or absurdly large."""
    if not value.is_finite() or value.adjusted() + decimals >= _DIGITS:
        return False
    return value == rounded(value, decimals, Rounding.DOWN)


@dataclass(frozen=True, slots=True)
class Money:
    """An amount of one currency, at that currency's minor units; raises InvalidValue for finer amounts."""

    amount: Decimal
    currency: str

    def __post_init__(self) -> None:
        if not self.amount.is_finite():
            raise InvalidValue("an amount must be finite", field="amount", value=self.amount)
        decimals = minor_units(self.currency)
        if not has_decimals(self.amount, decimals):
            raise InvalidValue(f"{self.currency} has {decimals} decimals", field="amount", value=self.amount)
        object.__setattr__(self, "amount", rounded(self.amount, decimals, Rounding.DOWN))

    def __add__(self, other: Money) -> Money:
        self._same_currency(other)
        return Money(_EXACT.add(self.amount, other.amount), self.currency)

    def __sub__(self, other: Money) -> Money:
        self._same_currency(other)
        return Money(_EXACT.subtract(self.amount, other.amount), self.currency)

    def __neg__(self) -> Money:
        return Money(_EXACT.minus(self.amount), self.currency)

    def _same_currency(self, other: Money) -> None:
        if self.currency != other.currency:
            raise InvalidValue(f"{self.currency} expected", field="currency", value=other.currency)
