"""Switches: out of one class into another, with an exchange where their currencies differ (TA-O-1, golden G3).

The out leg is a redemption that is charged the switch fee; the in leg invests what it brought, without an entry fee.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from libs.kernel.errors import InvalidValue
from libs.kernel.exchange import ExchangeRate
from libs.kernel.money import Money, exactly
from libs.messages.fund_values import ShareClassTerms
from services.orders.domain.charges import Charges
from services.orders.domain.gate import executed_part
from services.orders.domain.pricing import (
    ByGross,
    Holding,
    Priced,
    Prices,
    Quantity,
    Refusal,
    price_redemption,
    price_subscription,
)


@dataclass(frozen=True, slots=True)
class OutLeg:
    """What is given up; `charges` by `switch_charges`."""

    quantity: Quantity
    terms: ShareClassTerms
    prices: Prices
    charges: Charges
    holding: Holding


@dataclass(frozen=True, slots=True)
class InLeg:
    """What it goes into; of its sub-fund only a levy can fall due here."""

    terms: ShareClassTerms
    prices: Prices
    levy_rate: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Invested:
    """The in leg; `converted_raw` is what the exchange gave before rounding, None within one currency."""

    converted_raw: Fraction | None
    converted: Money
    leg: Priced


@dataclass(frozen=True, slots=True)
class Switched:
    """Both legs, and the units of the out leg that a gate did not let through."""

    out: Priced
    invested: Invested
    units_not_executed: Decimal


@exactly
def price_switch(
    out: OutLeg, into: InLeg, rate: ExchangeRate | None = None, *, executed: Decimal | None = None
) -> Switched | Refusal:
    """Both legs, or the refusal of either: a switch is accepted or refused as one (TA-O-1).

    `executed`: the units that a gate let through, more than none of those asked for; only they go on, the rest of both
    legs waits or lapses. `rate` as `invest` takes it.
    """
    asked = price_redemption(out.quantity, out.terms, out.prices, out.charges, out.holding)
    if isinstance(asked, Refusal):
        return asked
    part = asked if executed is None else executed_part(asked, executed, out.terms, out.prices, out.charges)
    if part is None:
        raise InvalidValue("nothing of the out leg was executed", field="executed", value=executed)
    invested = invest(part, into, rate)
    return invested if isinstance(invested, Refusal) else Switched(part, invested, asked.units - part.units)


@exactly
def invest(out: Priced, into: InLeg, rate: ExchangeRate | None) -> Invested | Refusal:
    """The in leg at its own valuation date, for the net amount of what the out leg executed (TA-O-1).

    The currency given up is sold: base × bid, quote ÷ offer, rounded once. Raises InvalidValue for a rate of other
    currencies, one too many, or none where it is needed.
    """
    paid = Money(out.amounts.net, out.currency)
    currency = into.terms.currency
    if (rate is None) != (paid.currency == currency) or (rate is not None and currency not in (rate.base, rate.quote)):
        raise InvalidValue(f"a rate of {paid.currency} and {currency}, if they differ", field="rate", value=rate)
    raw = None if rate is None else rate.unrounded(paid.amount, paid.currency)
    converted = paid if rate is None else rate.sold(paid, into.terms.rounding.amount)
    leg = price_subscription(ByGross(converted.amount), into.terms, into.prices, Charges(levy_rate=into.levy_rate))
    return leg if isinstance(leg, Refusal) else Invested(raw, converted, leg)
