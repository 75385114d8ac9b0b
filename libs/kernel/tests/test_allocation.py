"""What is split adds up, to the last step."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.kernel.allocation import allocate, complete
from libs.kernel.errors import InvalidValue
from libs.kernel.money import Rounding, rounded

decimals = st.integers(0, 10)
# Past the 28 digits at which Python rounds when nobody tells it otherwise.
steps = st.integers(-(10**40), 10**40)
weights = st.lists(st.decimals(0, 10**12, places=4), min_size=1, max_size=8).filter(any)
shares_unrounded = st.lists(st.fractions(0, 10**9), min_size=1, max_size=8)


def amount(count: int, places: int) -> Decimal:
    """So many of the smallest steps."""
    return Decimal(f"{count}E-{places}")


@settings(deadline=None)
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


@settings(deadline=None)
@given(st.integers(0, 10**12), decimals, weights)
def test_who_weighs_nothing_gets_nothing(count: int, places: int, given_weights: list[Decimal]) -> None:
    shares = allocate(amount(count, places), given_weights, places)
    assert all(share == 0 for share, weight in zip(shares, given_weights, strict=True) if weight == 0)


@settings(deadline=None)
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


@settings(deadline=None)
@given(shares_unrounded, decimals)
def test_shares_known_unrounded_add_up_to_their_rounded_sum(raw: list[Fraction], places: int) -> None:
    total = rounded(sum(raw, Fraction(0)), places, Rounding.DOWN)
    shares = complete(total, raw, places)
    assert sum(map(Fraction, shares)) == Fraction(total)
    assert all(abs(Fraction(share) - each) < Fraction(1, 10**places) for share, each in zip(shares, raw, strict=True))


def test_ties_among_unrounded_shares_go_to_the_earlier_one() -> None:
    """Golden G8's lots: the missing step is the oldest lot's, though the second has the same remainder."""
    raw = [Fraction("15.00015"), Fraction("7.50045"), Fraction("11.66655")]
    assert complete(Decimal("34.1671"), raw, 4) == [Decimal("15.0002"), Decimal("7.5004"), Decimal("11.6665")]


@pytest.mark.parametrize(("total", "raw"), [("0.9", ["1"]), ("2.1", ["1"]), ("1", ["2", "-1"]), ("1.05", ["1"])])
def test_a_total_that_is_no_rounding_of_its_shares_is_refused(total: str, raw: list[str]) -> None:
    with pytest.raises(InvalidValue):
        complete(Decimal(total), [Fraction(each) for each in raw], 1)
