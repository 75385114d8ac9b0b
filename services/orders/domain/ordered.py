"""What an instruction says in the words of pricing: quantity, minimum, the money known of it (TA-O-5)."""

from __future__ import annotations

from decimal import Decimal
from typing import assert_never

from libs.kernel.money import minor_units
from libs.messages import order_values as values
from libs.messages.fund_values import LiquidityTools, ShareClassTerms
from libs.messages.order_values import Refused
from services.orders.domain.charges import (
    Charges,
    entry_charges,
    redeemed_for_gross,
    redeemed_for_net,
    subscribed_for_gross,
    subscribed_for_net,
)
from services.orders.domain.commands import PlaceOrder
from services.orders.domain.pricing import AllUnits, ByGross, ByNet, ByUnits, Quantity, cents_of
from services.orders.domain.references import HoldingRow


def quantity_of(quantity: values.OrderQuantity) -> Quantity:
    """The quantity as pricing takes it."""
    match quantity:
        case values.InUnits(units=units):
            return ByUnits(units)
        case values.InGross(amount=amount):
            return ByGross(amount)
        case values.InNet(amount=amount):
            return ByNet(amount)
        case values.InAll():
            return AllUnits()
        case _:
            assert_never(quantity)


def minimum_of(terms: ShareClassTerms, holding: HoldingRow) -> tuple[Refused, Decimal]:
    """The first minimum for who holds nothing, the next one for others."""
    if holding.free + holding.blocked:
        return Refused.BELOW_NEXT, terms.minimum_next
    return Refused.BELOW_FIRST, terms.minimum_first


def expected_of(command: PlaceOrder, terms: ShareClassTerms, holding: HoldingRow) -> values.Expected:
    """The cash that the order moves as far as it is known before pricing (golden G4).

    Subscriptions net of the entry fee, redemptions and out legs gross, for their fees leave the fund, too; of an
    out leg what is left to invest.
    """
    cents, zero = cents_of(terms), Decimal(0).scaleb(-minor_units(terms.currency))
    cash = invested = zero
    fee = terms.switch_fee if command.kind == "switch" else terms.exit_fee
    selling = Charges(fee)
    # The price matters for redemption fees alone, which stay in the fund: none is charged here.
    any_price = Decimal(1)
    match command.quantity, command.kind:
        case values.InGross(amount=amount), "subscription":
            cash = subscribed_for_gross(amount, entry_charges(terms, LiquidityTools(), levied=False), cents).fund
        case values.InNet(amount=amount), "subscription":
            cash = subscribed_for_net(amount, entry_charges(terms, LiquidityTools(), levied=False), cents).fund
        case values.InGross(amount=amount), _:
            cash, invested = amount, redeemed_for_gross(amount, any_price, selling, cents).net
        case values.InNet(amount=amount), _:
            cash, invested = redeemed_for_net(amount, any_price, selling, cents).gross, amount
        case _:
            pass
    whole = holding.free if isinstance(command.quantity, values.InAll) else Decimal(0)
    return values.Expected(
        currency=terms.currency,
        cash=cash,
        invested=invested if command.kind == "switch" else zero,
        units=whole,
    )
