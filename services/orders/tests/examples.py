"""Classes, prices and ways of writing orders that the tests of orders start from."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

from libs.kernel.exchange import ExchangeRate
from libs.kernel.ids import named_id
from libs.messages.fund_values import Fee, FeeBase, LiquidityTools, ShareClassTerms
from services.orders.domain.charges import Charges
from services.orders.domain.pricing import (
    AllUnits,
    ByGross,
    ByNet,
    ByUnits,
    Holding,
    Priced,
    Prices,
    Quantity,
    Refusal,
    price_redemption,
    price_subscription,
)

EUR_USD = ExchangeRate("EUR", "USD", Decimal("1.0837"), Decimal("1.0843"))
NO_TOOLS = LiquidityTools()
NO_CHARGES = Charges()

_TERMS: dict[str, Any] = {
    "name": "A-EUR",
    "currency": "EUR",
    "income": "accumulating",
    "unit_decimals": 4,
    "price_decimals": 4,
    "minimum_first": "0",
    "minimum_next": "0",
    "minimum_holding": "0",
    "below_minimum_holding": "refuse",
    "price_type": "single",
    "investor_types": ["retail"],
    "countries": ["LU"],
    "payment": {"overpayment": "return_excess", "underpayment": "await_rest", "tolerance": "0"},
    "settlement": {
        "subscription_days": 2,
        "redemption_days": 3,
        "currency_holidays": "financial:ECB",
        "money": "contractual",
    },
}


def terms(**changed: Any) -> ShareClassTerms:
    """Class A-EUR with some terms changed."""
    return ShareClassTerms.model_validate({**_TERMS, **changed})


def b_usd(**changed: Any) -> ShareClassTerms:
    """Class B-USD: 3 unit decimals."""
    return terms(**{"name": "B-USD", "currency": "USD", "unit_decimals": 3, **changed})


def fee(rate: str, base: str) -> Fee:
    """A fee of a rate."""
    return Fee(rate=Decimal(rate), base=FeeBase(base))


def nav(price: str) -> Prices:
    """A single price."""
    return Prices(Decimal(price))


def quantity(text: str) -> Quantity:
    """`units 25`, `gross 4000`, `net 4000` or `all`."""
    kind, _, number = text.partition(" ")
    match kind:
        case "all":
            return AllUnits()
        case "units":
            return ByUnits(Decimal(number))
        case "gross":
            return ByGross(Decimal(number))
        case "net":
            return ByNet(Decimal(number))
        case _:
            raise ValueError(f"no such quantity: {text}")


def subscribe(text: str, price: str = "100", charges: Charges = NO_CHARGES, **options: Any) -> Priced | Refusal:
    """The subscription of a quantity at a NAV; `minimum` as text, other options are terms."""
    wanted = quantity(text)
    assert not isinstance(wanted, AllUnits)
    minimum = Decimal(options.pop("minimum", "0"))
    return price_subscription(wanted, terms(**options), nav(price), charges, minimum=minimum)


def redeem(
    text: str,
    price: str = "100",
    charges: Charges = NO_CHARGES,
    free: str = "1000000",
    blocked: str = "0",
    **changed: Any,
) -> Priced | Refusal:
    """The redemption of a quantity at a NAV out of a holding; other options are terms."""
    holding = Holding(Decimal(free), Decimal(blocked))
    return price_redemption(quantity(text), terms(**changed), nav(price), charges, holding)


def priced(outcome: Priced | Refusal) -> Priced:
    """The outcome, which is no refusal."""
    assert isinstance(outcome, Priced), outcome
    return outcome


def refused(outcome: object) -> Refusal:
    """The outcome, which is a refusal."""
    assert isinstance(outcome, Refusal), outcome
    return outcome


def order(name: str) -> UUID:
    """The id of an order that a test calls by name."""
    return named_id("example", name)
