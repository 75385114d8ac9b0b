"""Money is exact, and has its currency's decimals."""

from __future__ import annotations

from decimal import Decimal, Inexact, localcontext
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.kernel.errors import InvalidValue
from libs.kernel.money import Money, Rounding, exactly, has_decimals, minor_units, multiply, ratio, rounded

decimals = st.integers(0, 10)
currencies = st.sampled_from(["EUR", "JPY", "KWD", "CLF"])
# Past the 28 digits at which Python rounds when nobody tells it otherwise.
steps = st.integers(-(10**40), 10**40)


def amount(count: int, places: int) -> Decimal:
    """So many of the smallest steps."""
    return Decimal(f"{count}E-{places}")


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


@given(st.fractions(), decimals, st.sampled_from(Rounding))
def test_a_quotient_and_a_number_are_rounded_alike(value: Fraction, places: int, mode: Rounding) -> None:
    result = rounded(value, places, mode)
    error, step = Fraction(result) - value, Fraction(1, 10**places)
    assert abs(error) < step
    assert result.as_tuple().exponent == -places
    if mode in {Rounding.HALF_UP, Rounding.HALF_EVEN}:
        assert abs(error) <= step / 2
    if mode is Rounding.DOWN:
        assert abs(Fraction(result)) <= abs(value)
    if mode is Rounding.UP:
        assert abs(Fraction(result)) >= abs(value)


@given(steps, decimals, decimals, st.sampled_from(Rounding))
def test_a_number_is_rounded_the_same_as_a_fraction(count: int, places: int, wanted: int, mode: Rounding) -> None:
    value = amount(count, places)
    assert rounded(value, wanted, mode) == rounded(Fraction(value), wanted, mode)


def test_a_quotient_is_rounded_once() -> None:
    """Divided at 28 digits first, the third of this would be a half, and rounded up."""
    almost = Decimal("0.04499999999999999999999999999999999")
    assert rounded(almost / 3, 2, Rounding.HALF_UP) == Decimal("0.02")
    assert rounded(ratio(almost, Decimal(3)), 2, Rounding.HALF_UP) == Decimal("0.01")
    with pytest.raises(InvalidValue, match="not zero"):
        ratio(Decimal(1), Decimal(0))


def test_inside_exactly_nothing_is_rounded_unseen() -> None:
    units, price = Decimal(10**30) + Decimal("0.0000000001"), Decimal("137.4281999999")

    @exactly
    def value() -> Decimal:
        return units * price - price

    @exactly
    def third() -> Decimal:
        return Decimal(1) / 3

    with localcontext() as context:
        context.prec = 5
        assert Fraction(value()) == Fraction(units) * Fraction(price) - Fraction(price)
    with pytest.raises(Inexact):
        third()


@pytest.mark.parametrize(
    ("text", "places", "fits"),
    [("1.50", 1, True), ("1.55", 1, False), ("1E+30", 10, True), ("1E+999999", 2, False), ("NaN", 2, False)],
)
def test_decimals_are_counted_by_need(text: str, places: int, fits: bool) -> None:
    assert has_decimals(Decimal(text), places) is fits


def test_an_absurd_amount_is_named() -> None:
    with pytest.raises(InvalidValue):
        Money(Decimal("1E+400"), "EUR")
