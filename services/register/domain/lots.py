"""Lots of a holding, first in first out, for cost and tax (TA-R-1, golden G8).

A holding is a tuple of lots, the oldest first; lots of one day stand in the order in which they came.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from libs.kernel.errors import InvalidValue
from libs.kernel.money import Rounding, exactly, has_decimals, ratio, rounded


@dataclass(frozen=True, slots=True)
class Lot:
    """Units acquired on one valuation date and what they cost, in the class's currency at its minor units.

    Raises InvalidValue for units that are not positive, or a cost below zero.
    """

    acquired: date
    units: Decimal
    cost: Decimal

    def __post_init__(self) -> None:
        if not self.units.is_finite() or self.units <= 0:
            raise InvalidValue("a lot has units", field="units", value=self.units)
        if not self.cost.is_finite() or self.cost < 0:
            raise InvalidValue("a cost is not negative", field="cost", value=self.cost)


Lots = tuple[Lot, ...]


@dataclass(frozen=True, slots=True)
class Taken:
    """Lots, or parts of them, that leave a holding, and those that stay; units and cost of both add up to before."""

    parts: Lots
    left: Lots


@dataclass(frozen=True, slots=True)
class Disposal:
    """What one lot brought: gain = proceeds − cost."""

    lot: Lot
    proceeds: Decimal
    gain: Decimal


@dataclass(frozen=True, slots=True)
class Redeemed:
    """The lots that a redemption used up, each with its part of the proceeds, and those that stay."""

    disposals: tuple[Disposal, ...]
    left: Lots
    gain: Decimal


@exactly
def units_of(lots: Iterable[Lot]) -> Decimal:
    """The units of a holding, which are the sum of its lots'."""
    return sum((lot.units for lot in lots), Decimal(0))


@exactly
def cost_of(lots: Iterable[Lot]) -> Decimal:
    """What a holding cost."""
    return sum((lot.cost for lot in lots), Decimal(0))


def issued(lots: Lots, new: Iterable[Lot]) -> Lots:
    """The holding with more lots, each in its place by date, behind those of the same date."""
    return tuple(sorted((*lots, *new), key=lambda lot: lot.acquired))


@exactly
def taken(lots: Lots, units: Decimal, cost_decimals: int) -> Taken:
    """Take units from the oldest lots on; a part of a lot costs HALF_UP(cost × part ÷ units), its rest what is left.

    Raises InvalidValue for units that are not positive, or more than the lots have (TA-R-5).
    """
    if not units.is_finite() or units <= 0:
        raise InvalidValue("units taken are positive", field="units", value=units)
    held = units_of(lots)
    if units > held:
        raise InvalidValue("no more units are taken than are held", field="units", value=units)
    parts: list[Lot] = []
    for position, lot in enumerate(lots):
        if units < lot.units:
            break
        parts.append(lot)
        units -= lot.units
        if not units:
            return Taken(tuple(parts), lots[position + 1 :])
    split = lots[len(parts)]
    cost = rounded(ratio(split.cost * units, split.units), cost_decimals, Rounding.HALF_UP)
    rest = Lot(split.acquired, split.units - units, split.cost - cost)
    return Taken((*parts, Lot(split.acquired, units, cost)), (rest, *lots[len(parts) + 1 :]))


def cancelled(lots: Lots, units: Decimal, cost_decimals: int) -> Lots:
    """The holding without so many of its oldest units, such as those of a subscription never paid for (TA-R-6)."""
    return taken(lots, units, cost_decimals).left


def transferred(giver: Lots, receiver: Lots, units: Decimal, cost_decimals: int) -> tuple[Lots, Lots, Lots]:
    """What giver and receiver have after a transfer without change of owner, and what moved: dates and costs stay.

    Raises InvalidValue as `taken` does.
    """
    moved = taken(giver, units, cost_decimals)
    return moved.left, issued(receiver, moved.parts), moved.parts


@exactly
def redeemed(lots: Lots, units: Decimal, price: Decimal, proceeds: Decimal, cost_decimals: int) -> Redeemed:
    """Take units and share out what they brought: HALF_UP(lot units × price) each, the last by subtraction.

    No lot gets more than is left of `proceeds`, so that roundings that add up make none negative. Raises InvalidValue
    as `taken` does, for a price that is not positive, or proceeds below zero or finer than `cost_decimals`.
    """
    if price <= 0 or proceeds < 0 or not has_decimals(proceeds, cost_decimals):
        raise InvalidValue("a price is positive, proceeds are money", field="proceeds", value=proceeds)
    gone = taken(lots, units, cost_decimals)
    unshared = proceeds
    disposals: list[Disposal] = []
    for lot in gone.parts:
        part = min(rounded(lot.units * price, cost_decimals, Rounding.HALF_UP), unshared)
        if len(disposals) == len(gone.parts) - 1:
            part = unshared
        unshared -= part
        disposals.append(Disposal(lot, part, part - lot.cost))
    return Redeemed(tuple(disposals), gone.left, proceeds - cost_of(gone.parts))
