"""A fee as a part of a gross or of a net amount, from either of the two (golden G1, G2)."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from libs.kernel.errors import InvalidValue
from libs.kernel.money import Rounding, exactly, ratio, rounded

_ONE = Decimal(1)


@dataclass(frozen=True, slots=True)
class Split:
    """gross = net + fee; `raw` is the figure before the one rounding that made the split."""

    gross: Decimal
    net: Decimal
    fee: Decimal
    raw: Fraction


@exactly
def fee_out_of(
    gross: Decimal, rate: Decimal, *, of_gross: bool, decimals: int, mode: Rounding = Rounding.HALF_UP
) -> Split:
    """Take a fee out of an amount that holds it; the last part is what is left, never rounded on its own (TA-O-5).

    Of gross: fee = gross × rate. Of net: net = gross ÷ (1 + rate). Raises InvalidValue for a rate outside [0, 1).
    """
    _check_rate(rate)
    if of_gross:
        raw = Fraction(gross * rate)
        fee = rounded(raw, decimals, mode)
        return Split(gross, gross - fee, fee, raw)
    raw = ratio(gross, _ONE + rate)
    net = rounded(raw, decimals, mode)
    return Split(gross, net, gross - net, raw)


@exactly
def fee_on_top(
    net: Decimal, rate: Decimal, *, of_gross: bool, decimals: int, mode: Rounding = Rounding.HALF_UP
) -> Split:
    """Put a fee on an amount that is without it; the last part is what is left, never rounded on its own (TA-O-5).

    Of net: fee = net × rate. Of gross: gross = net ÷ (1 − rate). Raises InvalidValue for a rate outside [0, 1).
    """
    _check_rate(rate)
    if of_gross:
        raw = ratio(net, _ONE - rate)
        gross = rounded(raw, decimals, mode)
        return Split(gross, net, gross - net, raw)
    raw = Fraction(net * rate)
    fee = rounded(raw, decimals, mode)
    return Split(net + fee, net, fee, raw)


def _check_rate(rate: Decimal) -> None:
    if not 0 <= rate < 1:
        raise InvalidValue("a fee's rate is at least 0 and below 1", field="rate", value=rate)
