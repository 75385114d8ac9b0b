"""Swing pricing, and when a levy is due: one test per sub-fund, one direction for all classes (TA-N-4, golden G4)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Literal, assert_never

from libs.kernel.errors import InvalidValue
from libs.kernel.exchange import ExchangeRate
from libs.kernel.fees import fee_on_top, fee_out_of
from libs.kernel.money import Money, Rounding, exactly, minor_units, multiply, ratio, rounded
from libs.messages.fund_values import AntiDilutionLevy, Fee, FeeBase, Swing

# --- Flows


class Leg(StrEnum):
    """What an order, or a leg of a switch, does to the fund's cash."""

    SUBSCRIPTION = "subscription"
    REDEMPTION = "redemption"
    SWITCH_OUT = "switch_out"
    SWITCH_IN = "switch_in"


_INCOMING = {Leg.SUBSCRIPTION, Leg.SWITCH_IN}


@dataclass(frozen=True, slots=True)
class UnitFlow:
    """An order by units of a class whose last published unswung NAV this is, in its currency."""

    leg: Leg
    units: Decimal
    last_nav: Decimal
    currency: str


@dataclass(frozen=True, slots=True)
class AmountFlow:
    """An order by amount, `GrssAmt` or `NetAmt`, and the entry, exit or switch fee that it is charged.

    A switch-in leg is the amount as invested, without a fee.
    """

    leg: Leg
    money: Money
    meaning: Literal["gross", "net"] = "gross"
    fee: Fee | None = None


Flow = UnitFlow | AmountFlow


@exactly
def cash_of(flow: Flow, mode: Rounding = Rounding.HALF_UP) -> Money:
    """The cash that enters (+) or leaves (−) the fund for one order, rounded in its own currency.

    Subscriptions net of the entry fee, redemptions and switch-out legs gross, as their fees leave the fund too. Raises
    InvalidValue for units or an amount below zero.
    """
    match flow:
        case UnitFlow(_, units, last_nav, currency):
            cash = rounded(units * last_nav, minor_units(currency), mode)
        case AmountFlow(leg, money, meaning, fee):
            currency = money.currency
            wanted = "net" if leg in _INCOMING else "gross"
            cash = money.amount if meaning == wanted or fee is None else _past_the_fee(money, meaning, fee, mode)
        case _:
            assert_never(flow)
    if cash < 0:
        raise InvalidValue("an order is about a positive quantity", field="flow", value=cash)
    return Money(cash if flow.leg in _INCOMING else -cash, currency)


def _past_the_fee(money: Money, meaning: Literal["gross", "net"], fee: Fee, mode: Rounding) -> Decimal:
    decimals, of_gross = minor_units(money.currency), fee.base is FeeBase.GROSS
    if meaning == "gross":
        return fee_out_of(money.amount, fee.rate, of_gross=of_gross, decimals=decimals, mode=mode).net
    return fee_on_top(money.amount, fee.rate, of_gross=of_gross, decimals=decimals, mode=mode).gross


def net_flow(flows: Iterable[Flow], currency: str, rates: Mapping[str, ExchangeRate]) -> Money:
    """The sum over all classes: each order rounded in its currency, converted, rounded again (HALF_UP).

    `rates` by a class's currency, for valuation. Raises InvalidValue where one is missing.
    """
    total = Money(Decimal(0), currency)
    for flow in flows:
        total += _in_currency(cash_of(flow), currency, rates)
    return total


def _in_currency(cash: Money, currency: str, rates: Mapping[str, ExchangeRate]) -> Money:
    if cash.currency == currency:
        return cash
    if cash.currency not in rates:
        raise InvalidValue("a class in another currency needs its rate", field="rates", value=cash.currency)
    return rates[cash.currency].sold(cash)


# --- The test


class Direction(StrEnum):
    """Which way all prices of the sub-fund swing."""

    UP = "up"
    DOWN = "down"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class SwingTest:
    """The figures of the day's one test; `part` is net flow ÷ last published unswung net assets."""

    net_flow: Decimal
    net_assets: Decimal
    part: Fraction
    direction: Direction


@exactly
def swing_test(swing: Swing, flow: Money, net_assets: Money) -> SwingTest:
    """Partial: only strictly above the threshold; full: on any net flow (TA-N-4).

    Raises InvalidValue for net assets that are not positive, or in another currency.
    """
    _check_assets(flow, net_assets)
    part = ratio(flow.amount, net_assets.amount)
    threshold = Decimal(0) if swing.threshold is None else swing.threshold
    if abs(flow.amount) <= threshold * net_assets.amount:
        return SwingTest(flow.amount, net_assets.amount, part, Direction.NONE)
    return SwingTest(flow.amount, net_assets.amount, part, Direction.UP if part > 0 else Direction.DOWN)


@exactly
def levy_is_due(levy: AntiDilutionLevy, flow: Money, net_assets: Money) -> bool:
    """Whether the day's orders bear the levy: always without a threshold, else strictly above it (TA-F-3)."""
    _check_assets(flow, net_assets)
    return levy.threshold is None or abs(flow.amount) > levy.threshold * net_assets.amount


def _check_assets(flow: Money, net_assets: Money) -> None:
    if flow.currency != net_assets.currency:
        raise InvalidValue(f"{net_assets.currency} expected", field="currency", value=flow.currency)
    if net_assets.amount <= 0:
        raise InvalidValue("net assets are positive", field="net_assets", value=net_assets.amount)


# --- Prices


@exactly
def swung_nav(nav: Decimal, direction: Direction, swing: Swing, decimals: int, mode: Rounding) -> Decimal:
    """The NAV × (1 ± factor) at the class's price decimals; the unswung one is kept beside it (TA-N-4).

    Raises InvalidValue for a NAV that is not positive.
    """
    if nav <= 0:
        raise InvalidValue("a NAV is positive", field="nav", value=nav)
    match direction:
        case Direction.UP:
            return rounded(nav * (1 + swing.factor_up), decimals, mode)
        case Direction.DOWN:
            return rounded(nav * (1 - swing.factor_down), decimals, mode)
        case Direction.NONE:
            return nav


@exactly
def kept_in_fund(units_issued: Decimal, units_cancelled: Decimal, swung: Decimal, unswung: Decimal) -> Decimal:
    """What a class's swing left in the fund for those who stay, unrounded, in the class's currency (golden G4)."""
    return multiply(units_issued - units_cancelled, swung - unswung)
