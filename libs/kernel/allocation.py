"""Splitting without a rest: each share DOWN, the missing steps to the largest remainders, ties to the earlier share."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from math import floor

from libs.kernel.errors import InvalidValue
from libs.kernel.money import exactly, has_decimals


@exactly
def allocate(total: Decimal, weights: Sequence[Decimal], decimals: int) -> list[Decimal]:
    """Split `total` pro rata: each share DOWN, missing steps one by one to the largest remainders.

    Ties go to the earlier weight; the shares add up to `total` exactly (golden.md, conventions). A negative total is
    split as its opposite is: DOWN is towards zero.
    Raises InvalidValue for no positive weight, a negative weight, or a total finer than `decimals`.
    """
    if any(weight < 0 for weight in weights) or not any(weights):
        raise InvalidValue("weights must be non-negative and not all zero", field="weights", value=list(weights))
    _check_total(total, decimals)
    if total < 0:
        return [-share for share in allocate(-total, weights, decimals)]
    step = Decimal(1).scaleb(-decimals)
    unit = sum(weights, Decimal(0)) * step
    parts = [divmod(total * weight, unit) for weight in weights]
    steps = _with_missing([int(whole) for whole, _ in parts], [rest for _, rest in parts], int(total.scaleb(decimals)))
    return [count * step for count in steps]


@exactly
def complete(total: Decimal, raw_shares: Sequence[Fraction], decimals: int) -> list[Decimal]:
    """Round shares that are known unrounded so that they add up to `total`, which was rounded on its own (golden G8).

    Raises InvalidValue for a negative share, a total finer than `decimals`, or one that is no rounding of the shares'
    sum: less than all shares DOWN, or more than one step for each above that.
    """
    if any(share < 0 for share in raw_shares):
        raise InvalidValue("a share is not negative", field="raw_shares", value=[str(share) for share in raw_shares])
    _check_total(total, decimals)
    scaled = [share * 10**decimals for share in raw_shares]
    down = [floor(share) for share in scaled]
    wanted = int(total.scaleb(decimals))
    if not 0 <= wanted - sum(down) <= len(down):
        raise InvalidValue("the total is no rounding of the sum of the shares", field="total", value=total)
    steps = _with_missing(down, [share - whole for share, whole in zip(scaled, down, strict=True)], wanted)
    return [Decimal(count).scaleb(-decimals) for count in steps]


def _check_total(total: Decimal, decimals: int) -> None:
    if not has_decimals(total, decimals):
        raise InvalidValue(f"the total has more than {decimals} decimals", field="total", value=total)


def _with_missing(steps: list[int], remainders: Sequence[Decimal] | Sequence[Fraction], wanted: int) -> list[int]:
    by_remainder = sorted(range(len(steps)), key=lambda i: (-remainders[i], i))
    for position in by_remainder[: wanted - sum(steps)]:
        steps[position] += 1
    return steps
