"""Pricing: what an order costs or brings at the NAV of its own valuation date (TA-O-5, golden G1, G2)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import assert_never

from libs.kernel.errors import InvalidValue
from libs.kernel.money import Rounding, exactly, has_decimals, minor_units, ratio, rounded
from libs.messages.fund_values import ShareClassTerms
from services.orders.domain.charges import (
    Amounts,
    Cents,
    Charges,
    redeemed_for_gross,
    redeemed_for_net,
    subscribed_for_gross,
    subscribed_for_net,
)

# The most units, or money, that an order may be about.
LARGEST = Decimal(10) ** 30
# A quotient on a contract note shows at least so many decimals, and 4 more than the figure that is made of it.
_SHOWN_DECIMALS = 8

# --- What is ordered


@dataclass(frozen=True, slots=True)
class ByUnits:
    """So many units."""

    units: Decimal


@dataclass(frozen=True, slots=True)
class ByGross:
    """ISO 20022 `GrssAmt`: paid by the subscriber, charges included; or the value of the units redeemed."""

    amount: Decimal


@dataclass(frozen=True, slots=True)
class ByNet:
    """ISO 20022 `NetAmt`: what buys units, or what the redeemer receives; charges excluded."""

    amount: Decimal


@dataclass(frozen=True, slots=True)
class AllUnits:
    """All that is free at pricing, after every earlier order of the account and class (`HldgsRedRate` 100)."""


Quantity = ByUnits | ByGross | ByNet | AllUnits


class Side(StrEnum):
    """Whether the investor buys from or sells to the fund."""

    SUBSCRIPTION = "subscription"
    REDEMPTION = "redemption"


@dataclass(frozen=True, slots=True)
class Prices:
    """The published prices of a class on a valuation date; `swung` says that `nav` is a swung one."""

    nav: Decimal
    bid: Decimal | None = None
    offer: Decimal | None = None
    swung: bool = False


@dataclass(frozen=True, slots=True)
class Holding:
    """An account's units of the class: free ones, and those blocked or pledged."""

    free: Decimal
    blocked: Decimal = Decimal(0)


# --- What comes of it


class Reason(StrEnum):
    """Why an order cannot be priced as it is (TA-O-4)."""

    QUANTITY = "quantity"
    BUYS_NO_UNIT = "buys_no_unit"
    BELOW_MINIMUM = "below_minimum"
    HOLDING_TOO_SMALL = "holding_too_small"
    REST_BELOW_MINIMUM = "rest_below_minimum"


ISO_CODES = {
    Reason.QUANTITY: "DQUA",
    Reason.BUYS_NO_UNIT: "DQUA",
    Reason.BELOW_MINIMUM: "BMIN",
    Reason.HOLDING_TOO_SMALL: "DQUA",
    Reason.REST_BELOW_MINIMUM: "BMRV",
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """A named reason, the figure that was found and the one that it is held against."""

    reason: Reason
    found: Decimal
    limit: Decimal

    @property
    def iso_code(self) -> str:
        """The rejection code of `setr.016` (golden A1)."""
        return ISO_CODES[self.reason]


@dataclass(frozen=True, slots=True)
class Priced:
    """Every step from the quantity ordered to units and money, as the contract note shows them.

    `units_raw` (amount ÷ price, cut) is None for an order by units; so is `residual`, what the fund keeps of the
    difference between `value` (units × price, unrounded) and the money. `units_left` is the whole holding after a
    redemption, blocked units included.
    """

    side: Side
    quantity: Quantity
    currency: str
    price: Decimal
    amounts: Amounts
    units_raw: Decimal | None
    units: Decimal
    value: Decimal
    residual: Decimal | None
    units_left: Decimal | None = None


def dealing_price(side: Side, terms: ShareClassTerms, prices: Prices) -> Decimal:
    """The NAV, or for a class with two prices the offer to subscribers and the bid to redeemers.

    Raises InvalidValue for a price that is missing, not positive, or finer than the class's prices.
    """
    price: Decimal | None = prices.nav
    if terms.price_type == "bid_and_offer":
        if prices.bid is not None and prices.offer is not None and prices.bid > prices.offer:
            raise InvalidValue("the bid is not above the offer", field="bid", value=prices.bid)
        price = prices.offer if side is Side.SUBSCRIPTION else prices.bid
    if price is None or not price.is_finite() or price <= 0:
        raise InvalidValue("an order needs a positive price", field="price", value=price)
    if not has_decimals(price, terms.price_decimals):
        raise InvalidValue(f"a price has {terms.price_decimals} decimals", field="price", value=price)
    return rounded(price, terms.price_decimals, Rounding.DOWN)


def quantity_refused(quantity: Quantity, terms: ShareClassTerms) -> Refusal | None:
    """Units or an amount are positive, not absurd, and have no more decimals than the class or its currency."""
    match quantity:
        case AllUnits():
            return None
        case ByUnits(units):
            asked, decimals = units, terms.unit_decimals
        case ByGross(amount) | ByNet(amount):
            asked, decimals = amount, minor_units(terms.currency)
        case _:
            assert_never(quantity)
    if has_decimals(asked, decimals) and 0 < asked <= LARGEST:
        return None
    return Refusal(Reason.QUANTITY, asked, Decimal(1).scaleb(-decimals))


def cents_of(terms: ShareClassTerms) -> Cents:
    """How the class's money is rounded."""
    return Cents(minor_units(terms.currency), terms.rounding.amount)


def never_both(prices: Prices, charges: Charges) -> None:
    """Raise InvalidValue for a levy on top of a swung NAV (TA-F-3)."""
    if prices.swung and charges.levy_rate:
        raise InvalidValue("a levy and a swing never apply together", field="levy", value=charges.levy_rate)


# --- Subscriptions


@exactly
def price_subscription(
    quantity: ByUnits | ByGross | ByNet,
    terms: ShareClassTerms,
    prices: Prices,
    charges: Charges,
    *,
    minimum: Decimal = Decimal(0),
) -> Priced | Refusal:
    """Units for an amount round DOWN, the residual stays in the fund (TA-O-5, G1).

    `minimum` is the class's first or next one; what buys units is held against it, charges excluded.
    """
    never_both(prices, charges)
    price, cents = dealing_price(Side.SUBSCRIPTION, terms, prices), cents_of(terms)
    refused = quantity_refused(quantity, terms)
    if refused is not None:
        return refused
    match quantity:
        case ByUnits(units):
            amounts = subscribed_for_net(cents.of(units * price), charges, cents)
        case ByNet(amount):
            amounts = subscribed_for_net(amount, charges, cents)
        case ByGross(amount):
            amounts = subscribed_for_gross(amount, charges, cents)
        case _:
            assert_never(quantity)
    if amounts.net < minimum:
        return Refusal(Reason.BELOW_MINIMUM, amounts.net, minimum)
    priced = _with_units(Side.SUBSCRIPTION, quantity, terms, price, amounts)
    if not priced.units or not amounts.net:
        return Refusal(Reason.BUYS_NO_UNIT, amounts.net, price)
    return priced


def _with_units(
    side: Side, quantity: ByUnits | ByGross | ByNet, terms: ShareClassTerms, price: Decimal, amounts: Amounts
) -> Priced:
    """Issued units round DOWN, cancelled ones UP; what the fund keeps of an amount is shown."""
    bought = side is Side.SUBSCRIPTION
    money = amounts.net if bought else amounts.gross
    if isinstance(quantity, ByUnits):
        units = rounded(quantity.units, terms.unit_decimals, Rounding.DOWN)
        return Priced(side, quantity, terms.currency, price, amounts, None, units, units * price, None)
    raw = ratio(money, price)
    units = rounded(raw, terms.unit_decimals, terms.rounding.units_issued if bought else terms.rounding.units_cancelled)
    value = units * price
    residual = money - value if bought else value - money
    shown = _shown(raw, terms.unit_decimals)
    return Priced(side, quantity, terms.currency, price, amounts, shown, units, value, residual)


def _shown(raw: Fraction, decimals: int) -> Decimal:
    return rounded(raw, max(_SHOWN_DECIMALS, decimals + 4), Rounding.DOWN)


# --- Redemptions


@exactly
def price_redemption(
    quantity: Quantity, terms: ShareClassTerms, prices: Prices, charges: Charges, holding: Holding
) -> Priced | Refusal:
    """Units for an amount round UP, the amount paid is the amount ordered (TA-O-5, G2).

    More than the free units is refused; a rest below the minimum holding is refused, or all units are redeemed, as the
    class says. Whoever takes all free units passes, blocked ones or not.
    """
    price = dealing_price(Side.REDEMPTION, terms, prices)
    refused = quantity_refused(quantity, terms)
    if refused is not None:
        return refused
    if isinstance(quantity, AllUnits):
        return _all_units(terms, prices, charges, holding)
    priced = redeemed(quantity, terms, prices, charges)
    if priced.units > holding.free:
        return Refusal(Reason.HOLDING_TOO_SMALL, priced.units, holding.free)
    left = holding.free + holding.blocked - priced.units
    if priced.units < holding.free and left * price < terms.minimum_holding:
        if terms.below_minimum_holding == "redeem_all":
            return _all_units(terms, prices, charges, holding)
        return Refusal(Reason.REST_BELOW_MINIMUM, left * price, terms.minimum_holding)
    return replace(priced, units_left=left)


def _all_units(terms: ShareClassTerms, prices: Prices, charges: Charges, holding: Holding) -> Priced | Refusal:
    if not holding.free:
        return Refusal(Reason.HOLDING_TOO_SMALL, holding.free, Decimal(1).scaleb(-terms.unit_decimals))
    priced = redeemed(ByUnits(holding.free), terms, prices, charges)
    return replace(priced, quantity=AllUnits(), units_left=holding.blocked)


@exactly
def redeemed(quantity: ByUnits | ByGross | ByNet, terms: ShareClassTerms, prices: Prices, charges: Charges) -> Priced:
    """A redemption whatever the account holds: the part of an order that a gate lets through (TA-O-6)."""
    never_both(prices, charges)
    price, cents = dealing_price(Side.REDEMPTION, terms, prices), cents_of(terms)
    match quantity:
        case ByUnits(units):
            amounts = redeemed_for_gross(cents.of(units * price), price, charges, cents)
        case ByGross(amount):
            amounts = redeemed_for_gross(amount, price, charges, cents)
        case ByNet(amount):
            amounts = redeemed_for_net(amount, price, charges, cents)
        case _:
            assert_never(quantity)
    return _with_units(Side.REDEMPTION, quantity, terms, price, amounts)
