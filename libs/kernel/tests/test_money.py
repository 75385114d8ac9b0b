"""Money is exact, has its currency's decimals, and is split without a remainder."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.kernel.errors import InvalidValue
from libs.kernel.money import Money, Rounding, allocate, minor_units, multiply, rounded

decimals = st.integers(0, 10)
currencies = st.sampled_from(["EUR", "JPY", "KWD", "CLF"])
# Past the 28 digits at which Python rounds when nobody tells it otherwise.
steps = st.integers(-(10**40), 10**40)
weights = st.lists(st.decimals(0, 10**12, places=4), min_size=1, max_size=8).filter(any)


def amount(count: int, places: int) -> Decimal:
    """So many of the smallest steps."""
    return Decimal(f"{count}E-{places}")


@given(steps, decimals, weights)
def test_an_allocation_adds_up_and_no_share_is_a_step_off(
    count: int, places: int, given_weights: list[Decimal]
) -> None:
    total = amount(count, places)
    shares = allocate(total, given_weights, places)
    assert sum(map(Fraction, shares)) == Fraction(total)
    step, whole = Fraction(1, 10**places), sum(map(Fraction, given_weights))
    for share, weight in zip(shares, given_weights, strict=True):
        assert abs(Fraction(share) - Fraction(total) * Fraction(weight) / whole) < step
        assert rounded(share, places, Rounding.DOWN) == share


@given(st.integers(0, 10**12), decimals, weights)
def test_who_weighs_nothing_gets_nothing(count: int, places: int, given_weights: list[Decimal]) -> None:
    shares = allocate(amount(count, places), given_weights, places)
    assert all(share == 0 for share, weight in zip(shares, given_weights, strict=True) if weight == 0)


@given(st.integers(0, 10**12), st.integers(1, 9))
def test_equal_weights_differ_by_one_step_and_the_earlier_get_more(count: int, parts: int) -> None:
    shares = allocate(amount(count, 2), [Decimal(1)] * parts, 2)
    assert shares == sorted(shares, reverse=True)
    assert shares[0] - shares[-1] <= Decimal("0.01")


def test_the_largest_remainders_get_the_missing_steps() -> None:
    thirds = allocate(Decimal("100.00"), [Decimal(1), Decimal(1), Decimal(1)], 2)
    assert thirds == [Decimal("33.34"), Decimal("33.33"), Decimal("33.33")]
    assert allocate(Decimal("0.01"), [Decimal(1), Decimal(2)], 2) == [Decimal("0.00"), Decimal("0.01")]
    assert allocate(Decimal("-100.00"), [Decimal(1), Decimal(1), Decimal(1)], 2) == [-share for share in thirds]


@pytest.mark.parametrize("wrong", [[], [Decimal(0)], [Decimal(0), Decimal(0)], [Decimal(2), Decimal(-1)]])
def test_weights_that_split_nothing_are_refused(wrong: list[Decimal]) -> None:
    with pytest.raises(InvalidValue):
        allocate(Decimal(1), wrong, 2)


def test_a_total_finer_than_its_shares_is_refused() -> None:
    with pytest.raises(InvalidValue, match="more than 2 decimals"):
        allocate(Decimal("0.001"), [Decimal(1)], 2)


@given(steps, steps, currencies)
def test_money_is_added_and_taken_away_exactly(one: int, other: int, currency: str) -> None:
    places = minor_units(currency)
    left, right = Money(amount(one, places), currency), Money(amount(other, places), currency)
    assert (left + right) - right == left
    assert left + right == right + left
    assert left + -left == Money(Decimal(0), currency)
    assert (left + right).amount == amount(one + other, places)


@given(steps, decimals, steps, decimals)
def test_a_product_is_exact(one: int, places: int, other: int, more: int) -> None:
    product = multiply(amount(one, places), amount(other, more))
    assert Fraction(product) == Fraction(amount(one, places)) * Fraction(amount(other, more))


@pytest.mark.parametrize(
    ("mode", "up", "down"),
    [
        (Rounding.HALF_UP, "2.13", "-2.13"),
        (Rounding.HALF_EVEN, "2.12", "-2.12"),
        (Rounding.DOWN, "2.12", "-2.12"),
        (Rounding.UP, "2.13", "-2.13"),
    ],
)
def test_each_rounding_rounds_as_its_name_says(mode: Rounding, up: str, down: str) -> None:
    assert rounded(Decimal("2.125"), 2, mode) == Decimal(up)
    assert rounded(Decimal("-2.125"), 2, mode) == Decimal(down)


def test_money_has_its_currencys_decimals_and_no_finer() -> None:
    assert str(Money(Decimal("1.5"), "EUR").amount) == "1.50"
    assert str(Money(Decimal(1500), "JPY").amount) == "1500"
    for finer, currency in ((Decimal("0.001"), "EUR"), (Decimal("0.1"), "JPY"), (Decimal("0.0001"), "KWD")):
        with pytest.raises(InvalidValue, match="decimals"):
            Money(finer, currency)


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity"])
def test_an_amount_is_finite(text: str) -> None:
    with pytest.raises(InvalidValue, match="finite"):
        Money(Decimal(text), "EUR")


def test_currencies_are_not_mixed() -> None:
    with pytest.raises(InvalidValue, match="EUR expected"):
        Money(Decimal(1), "EUR") + Money(Decimal(1), "USD")
