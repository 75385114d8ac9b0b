"""Money is exchanged on the right side of the rate, and rounded once (golden G3)."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.kernel.errors import InvalidValue
from libs.kernel.exchange import ExchangeRate
from libs.kernel.money import Money

EUR_USD = ExchangeRate("EUR", "USD", Decimal("1.0837"), Decimal("1.0843"))
cents = st.integers(0, 10**18).map(lambda count: Decimal(count).scaleb(-2))
rates = st.decimals("0.0001", 1_000, places=6)


def eur(text: str) -> Money:
    return Money(Decimal(text), "EUR")


def usd(text: str) -> Money:
    return Money(Decimal(text), "USD")


def test_g3_the_base_is_sold_at_the_bid_and_bought_at_the_offer() -> None:
    assert EUR_USD.sold(eur("14049.90")) == usd("15225.88")
    assert EUR_USD.unrounded(Decimal("14049.90"), "EUR") == Decimal("15225.87663")
    assert EUR_USD.sold(usd("15225.88")) == eur("14042.13")


def test_g3_neither_the_wrong_side_nor_the_wrong_operation() -> None:
    assert ExchangeRate.middle("EUR", "USD", EUR_USD.offer).sold(eur("14049.90")) == usd("15234.31")
    assert ExchangeRate.middle("USD", "EUR", EUR_USD.bid).sold(eur("14049.90")) == usd("12964.75")


def test_g4_the_valuation_rate_is_one_for_both_sides() -> None:
    middle = ExchangeRate.middle("EUR", "USD", Decimal("1.0837"))
    assert middle.sold(usd("112500")) == eur("103811.02")
    assert middle.sold(usd("150000")) == eur("138414.69")


def test_the_bought_currency_has_its_own_minor_units() -> None:
    assert ExchangeRate.middle("EUR", "JPY", Decimal("163.27")).sold(eur("0.99")) == Money(Decimal(162), "JPY")


@settings(deadline=None)
@given(cents, rates, rates)
def test_there_and_back_never_gains_more_than_the_roundings(amount: Decimal, one: Decimal, other: Decimal) -> None:
    rate = ExchangeRate("EUR", "USD", min(one, other), max(one, other))
    there = rate.sold(Money(amount, "EUR"))
    back = rate.sold(there)
    assert back.amount <= amount + Decimal("0.005") / rate.offer + Decimal("0.005")


@pytest.mark.parametrize(("bid", "offer"), [("0", "1"), ("-1", "1"), ("2", "1"), ("NaN", "1"), ("1", "Infinity")])
def test_a_rate_is_positive_and_its_bid_not_above_its_offer(bid: str, offer: str) -> None:
    with pytest.raises(InvalidValue):
        ExchangeRate("EUR", "USD", Decimal(bid), Decimal(offer))


def test_a_rate_knows_two_currencies_and_no_third() -> None:
    with pytest.raises(InvalidValue, match="two currencies"):
        ExchangeRate.middle("EUR", "EUR", Decimal(1))
    with pytest.raises(InvalidValue, match="EUR and USD"):
        EUR_USD.sold(Money(Decimal(1), "GBP"))
