"""Every value of golden G8 about the split; reverse split, merger and conversion by the same rule (TA-R-1, TA-R-3)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest

from libs.kernel.errors import InvalidValue
from libs.kernel.exchange import ExchangeRate
from libs.kernel.ids import named_id
from libs.kernel.money import Rounding
from services.register.domain.corporate_actions import (
    convert,
    costs_in,
    exchanged,
    merge,
    merger_factor,
    split,
    split_factor,
    split_price,
)
from services.register.domain.lots import Lot, Lots, cost_of, issued, units_of

X, Z = named_id("account", "X"), named_id("account", "Z")
DAYS = [date(2025, 1, 10), date(2025, 3, 14), date(2025, 6, 20)]
EUR_USD = ExchangeRate.middle("EUR", "USD", Decimal("1.0837"))
# lot, units, cost, raw × 1.5, units after
G8 = """
L1 | 10.0001 | 1000.01 | 15.00015 | 15.0002
L2 |  5.0003 |  525.03 |  7.50045 |  7.5004
L3 |  7.7777 |  855.55 | 11.66655 | 11.6665
"""
ROWS = [[cell.strip() for cell in line.split("|")] for line in G8.strip().splitlines()]


def held(*units_and_costs: tuple[str, str]) -> Lots:
    """Lots of one day after another."""
    return tuple(
        Lot(day, Decimal(units), Decimal(cost)) for day, (units, cost) in zip(DAYS, units_and_costs, strict=False)
    )


X_BEFORE = held(*((row[1], row[2]) for row in ROWS))
ACCOUNTS = {X: X_BEFORE, Z: held(("0.3333", "33.33"))}


def test_g8_r1_a_split_to_the_last_unit_of_every_lot() -> None:
    found = split(ACCOUNTS, 3, 2, 4).accounts[X]
    assert [str(lot.units) for lot in found.lots] == [row[4] for row in ROWS]
    assert [str(lot.cost) for lot in found.lots] == [row[2] for row in ROWS]
    assert [lot.acquired for lot in found.lots] == DAYS
    assert [lot.units * split_factor(3, 2).numerator / 2 for lot in X_BEFORE] == [Decimal(row[3]) for row in ROWS]
    assert [str(units_of(X_BEFORE)), str(cost_of(X_BEFORE))] == ["22.7781", "2380.59"]
    assert [str(found.units), str(cost_of(found.lots))] == ["34.1671", "2380.59"]
    assert Fraction(found.units) + found.residual == Fraction("34.16715")


def test_g8_r3_units_in_issue_are_the_sum_of_holdings_and_the_rest_is_shown() -> None:
    found = split(ACCOUNTS, 3, 2, 4)
    assert str(found.accounts[Z].units) == "0.4999"
    assert Fraction(found.accounts[Z].units) + found.accounts[Z].residual == Fraction("0.49995")
    assert [str(found.units_before), str(found.units_after)] == ["23.1114", "34.6670"]
    assert found.residual == Fraction("0.00010")
    assert Fraction(found.units_after) + found.residual == Fraction("34.6671")


def test_g8_the_price_after_a_split() -> None:
    assert str(split_price(Decimal("112.6851"), 3, 2, 4, Rounding.HALF_UP)) == "75.1234"
    assert str(split_price(Decimal("0.5000"), 1, 100, 4, Rounding.HALF_UP)) == "50.0000"


def test_r1_a_reverse_split_hands_the_cost_of_a_lot_that_vanished_to_the_next() -> None:
    found = exchanged(held(("0.0004", "1.00"), ("2.0000", "20.00"), ("0.0005", "3.00")), split_factor(1, 10), 4)
    assert [(str(lot.units), str(lot.cost)) for lot in found.lots] == [("0.2000", "24.00")]
    assert [found.residual, found.cost_dropped] == [Fraction("0.00009"), 0]
    found = exchanged(held(("0.0004", "1.00"), ("2.0000", "20.00")), split_factor(1, 10), 4)
    assert [(lot.acquired, str(lot.cost)) for lot in found.lots] == [(DAYS[1], "21.00")]


def test_r1_a_holding_that_vanished_shows_what_it_cost() -> None:
    found = exchanged(held(("0.0004", "1.00")), split_factor(1, 10), 4)
    assert [found.lots, found.units, found.residual] == [(), 0, Fraction("0.00004")]
    assert found.cost_dropped == Decimal("1.00")


def test_r1_a_merger_gives_units_by_the_ratio_of_prices() -> None:
    factor = merger_factor(Decimal("141.2050"), Decimal("98.7654"), "EUR", "USD", EUR_USD)
    assert factor == Fraction("141.205") * Fraction("1.0837") / Fraction("98.7654")
    found = merge({X: held(("100.0000", "10000.00")), Z: held(("0.0003", "0.04"))}, factor, 3)
    assert str(found.accounts[X].units) == "154.936"
    assert (found.accounts[Z].lots, found.accounts[Z].cost_dropped) == ((), Decimal("0.04"))
    assert Fraction(found.units_after) + found.residual == factor * Fraction("100.0003")


def test_r1_a_merger_of_equals_changes_nothing() -> None:
    factor = merger_factor(Decimal("75.1234"), Decimal("75.1234"), "EUR", "EUR")
    assert merge(ACCOUNTS, factor, 4).accounts[X].lots == X_BEFORE


def test_r1_a_conversion_takes_the_oldest_lots_and_keeps_dates_and_costs() -> None:
    found = convert(X_BEFORE, Decimal("12.0000"), Fraction(2), 3, 2)
    assert [str(lot.units) for lot in found.given] == ["10.0001", "1.9999"]
    assert [(lot.acquired, str(lot.units)) for lot in found.received.lots] == [(DAYS[0], "20.000"), (DAYS[1], "4.000")]
    assert cost_of(found.received.lots) + cost_of(found.left) == cost_of(X_BEFORE)
    assert found.received.residual == 0
    assert issued(found.received.lots, found.left)[0].acquired == DAYS[0]


def test_r1_costs_follow_into_another_currency() -> None:
    assert [str(lot.cost) for lot in costs_in(X_BEFORE, "EUR", "USD", EUR_USD)] == ["1083.71", "568.98", "927.16"]
    with pytest.raises(InvalidValue, match="rate of"):
        costs_in(X_BEFORE, "EUR", "GBP", EUR_USD)


def test_what_cannot_be_is_named() -> None:
    for new, old in ((0, 1), (1, 0), (-3, 2)):
        with pytest.raises(InvalidValue, match="whole units"):
            split(ACCOUNTS, new, old, 4)
    with pytest.raises(InvalidValue, match="positive factor"):
        exchanged(X_BEFORE, Fraction(0), 4)
    for price, into in (("0", "1"), ("1", "0"), ("-1", "1")):
        with pytest.raises(InvalidValue, match="price"):
            merger_factor(Decimal(price), Decimal(into), "EUR", "EUR")
    for currency, rate in (("USD", None), ("EUR", EUR_USD), ("GBP", EUR_USD)):
        with pytest.raises(InvalidValue, match="rate of"):
            merger_factor(Decimal(1), Decimal(1), "EUR", currency, rate)
