"""Money and units: `Decimal` with a currency's or a share class's own precision, never a float."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, ROUND_UP, Context, Decimal, localcontext
from enum import StrEnum

from libs.kernel.errors import InvalidValue

# Wide enough for 10^30 units at 10 decimals times a price of 10 digits, exactly.
_EXACT = Context(prec=96)

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


def rounded(value: Decimal, decimals: int, mode: Rounding) -> Decimal:
    """`value` at exactly `decimals` decimals, rounded by the named mode."""
    return value.quantize(Decimal(1).scaleb(-decimals), rounding=_MODES[mode], context=_EXACT)


def multiply(left: Decimal, right: Decimal) -> Decimal:
    """The exact product."""
    return _EXACT.multiply(left, right)


@dataclass(frozen=True, slots=True)
class Money:
    """An amount of one currency, at that currency's minor units; raises InvalidValue for finer amounts."""

    amount: Decimal
    currency: str

    def __post_init__(self) -> None:
        if not self.amount.is_finite():
            raise InvalidValue("an amount must be finite", field="amount", value=self.amount)
        decimals = minor_units(self.currency)
        at_scale = rounded(self.amount, decimals, Rounding.DOWN)
        if at_scale != self.amount:
            raise InvalidValue(f"{self.currency} has {decimals} decimals", field="amount", value=self.amount)
        object.__setattr__(self, "amount", at_scale)

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


def allocate(total: Decimal, weights: Sequence[Decimal], decimals: int) -> list[Decimal]:
    """Split `total` pro rata: each share DOWN, missing steps one by one to the largest remainders.

    Ties go to the earlier weight; the shares add up to `total` exactly (golden.md, conventions). A negative total is
    split as its opposite is: DOWN is towards zero.
    Raises InvalidValue for no positive weight, a negative weight, or a total finer than `decimals`.
    """
    if any(weight < 0 for weight in weights) or not sum(weights):
        raise InvalidValue("weights must be non-negative and not all zero", field="weights", value=list(weights))
    step = Decimal(1).scaleb(-decimals)
    if rounded(total, decimals, Rounding.DOWN) != total:
        raise InvalidValue(f"the total has more than {decimals} decimals", field="total", value=total)
    if total < 0:
        return [_EXACT.minus(share) for share in allocate(_EXACT.minus(total), weights, decimals)]
    with localcontext(_EXACT):
        unit = sum(weights, Decimal(0)) * step
        parts = [divmod(total * weight, unit) for weight in weights]
        steps = [int(whole) for whole, _ in parts]
        missing = int(total / step) - sum(steps)
        by_remainder = sorted(range(len(parts)), key=lambda i: (-parts[i][1], i))
        for position in by_remainder[:missing]:
            steps[position] += 1
        return [count * step for count in steps]
