"""The NAV from assets, liabilities, accruals, rates and class-only lines reproduces itself (TA-N-1)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.kernel.errors import InvalidValue
from libs.kernel.money import Money
from libs.messages.fund_values import RoundingModes
from services.nav.domain.checks import Expected, Tolerances, findings
from services.nav.domain.computation import ClassBooks, Computed, Line, Valuation, compute, reproduces
from services.nav.tests.examples import IN_EUR, A, class_a, class_b, class_nav, line

DAY = date(2026, 11, 23)
LINES = [
    line("asset", "38000000.00"),
    line("asset", "12000000.00", "USD"),
    line("asset", "163250000", "JPY"),
    line("accrued_income", "120000.00"),
    line("liability", "350000.00"),
    line("accrued_expense", "54185.00", "USD"),
]


def test_n1_the_pool_is_what_is_owned_less_what_is_owed_in_the_funds_currency() -> None:
    found = compute(IN_EUR, LINES, [class_a()])
    # 38,000,000 + 11,073,175.23 + 1,000,000 + 120,000 − 350,000 − 50,000
    assert found.pool == Money(Decimal("49793175.23"), "EUR")
    (share,) = found.shares
    assert share.of_pool == share.nav.total == Decimal("49793175.23")
    assert str(share.nav.price) == "165.9773"


def test_n1_classes_share_the_pool_by_what_they_were_worth() -> None:
    a, b = compute(IN_EUR, LINES, [class_a(), class_b()]).shares
    # 300,000 × 136.90 = 41,070,000 against 80,000 × 112.50 ÷ 1.0837 = 8,304,881.42…
    assert [str(a.of_pool), str(b.of_pool)] == ["41417936.56", "8375238.67"]
    assert [str(a.nav.total), str(a.nav.price)] == ["41417936.56", "138.0598"]
    assert [b.nav.currency, str(b.nav.total), str(b.nav.price)] == ["USD", "9076246.15", "113.4531"]


def test_n1_a_line_of_one_class_falls_on_that_class_alone() -> None:
    plain_a, plain_b = compute(IN_EUR, LINES, [class_a(), class_b()]).shares
    hedge, fees = line("asset", "-25000.00", "USD"), line("accrued_expense", "1000.00", "EUR")
    a, b = compute(IN_EUR, LINES, [class_a(), class_b(hedge, fees)]).shares
    assert (a, b.of_pool) == (plain_a, plain_b.of_pool)
    # −25,000.00 − HALF_UP(1,000 × 1.0837)
    assert (str(b.own_lines), str(b.nav.total)) == ("-26083.70", "9050162.45")
    assert str(b.nav.price) == "113.1270"


def test_n1_a_third_currency_is_exchanged_by_way_of_the_funds_and_rounded_once() -> None:
    assert IN_EUR.converted(Money(Decimal(163), "JPY"), "USD") == Decimal("1.08")
    assert IN_EUR.converted(Money(Decimal(16325), "JPY"), "USD") == Decimal("108.37")


@pytest.mark.parametrize(
    ("total", "units", "price", "is_right"),
    [
        ("1374281.00", "10000.0000", "137.4281", True),
        ("1374281.00", "10000.0000", "137.4282", False),
        ("1374281.49", "10000.0000", "137.4281", True),
        ("1374281.51", "10000.0000", "137.4281", False),
        # One unit in issue: 137.43 is what 137.4281 rounds to.
        ("137.43", "1.0000", "137.4281", True),
        ("137.43", "1.0000", "137.4350", True),
        ("137.43", "1.0000", "137.4351", False),
        ("137.43", "0.0000", "137.4300", False),
        ("137.43", "1.0000", "137.43000001", False),
    ],
)
def test_n1_total_net_assets_by_units_reproduce_the_price(total: str, units: str, price: str, is_right: bool) -> None:
    assert reproduces(class_nav(total, units, price)) is is_right


def test_n1_the_classs_own_rounding_of_its_amounts_counts() -> None:
    cut = class_nav("137.43", "1.0000", "137.4399", amount="DOWN")
    assert reproduces(cut)
    assert not reproduces(class_nav("137.43", "1.0000", "137.4299", amount="DOWN"))
    assert reproduces(class_nav("137.43", "1.0000", "137.4201", amount="UP"))


WRONG: dict[str, tuple[list[Line], list[ClassBooks]]] = {
    "net assets are positive": ([line("liability", "1")], [class_a()]),
    "units in issue": (LINES, [class_a(units="0")]),
    "a last NAV": (LINES, [class_a(last_nav="0")]),
    "needs its rate": ([*LINES, line("asset", "1", "GBP")], [class_a()]),
    "worth something": (LINES, [class_a(line("liability", "49793175.23"))]),
    "some class's": (LINES, []),
}


@pytest.mark.parametrize("detail", WRONG)
def test_n1_what_gives_no_nav_is_named(detail: str) -> None:
    with pytest.raises(InvalidValue, match=detail):
        compute(IN_EUR, *WRONG[detail])


money = st.integers(1, 10**16).map(lambda cents: str(Decimal(cents).scaleb(-2)))
lines = st.builds(line, st.sampled_from(["asset", "accrued_income"]), money, st.sampled_from(["EUR", "USD"]))
classes = st.builds(
    lambda units, nav: class_a(units=f"{units}E-4", last_nav=f"{nav}E-4"), st.integers(1, 10**34), st.integers(1, 10**9)
)


def computed(some: list[Line], books: list[ClassBooks]) -> Computed | None:
    """The NAVs; None where a class has so many units that its price rounds to nothing."""
    try:
        return compute(IN_EUR, some, books)
    except InvalidValue:
        return None


@settings(deadline=None)
@given(st.lists(lines, min_size=1, max_size=5), st.lists(classes, min_size=1, max_size=4))
def test_n1_shares_add_up_to_the_pool_and_every_price_reproduces_itself(
    some: list[Line], books: list[ClassBooks]
) -> None:
    found = computed(some, books)
    if found is None:
        return
    assert sum(Fraction(share.of_pool) for share in found.shares) == Fraction(found.pool.amount)
    assert all(share.of_pool >= 0 for share in found.shares)
    for share, class_books in zip(found.shares, books, strict=True):
        assert reproduces(share.nav)
        expected = Expected(share.nav.price, class_books.units)
        assert findings(share.nav, expected, [], DAY, Tolerances(Decimal(0))) == ()


@settings(deadline=None)
@given(st.lists(lines, min_size=1, max_size=5), st.randoms(use_true_random=False))
def test_n1_the_order_of_lines_changes_nothing(some: list[Line], chance: Any) -> None:
    books = [class_a(units="1.0000"), class_b(units="1.000")]
    assert computed(chance.sample(some, len(some)), books) == computed(some, books)


def test_a_valuation_in_one_currency_needs_no_rates() -> None:
    books = ClassBooks(A, "EUR", Decimal(10), Decimal(100), 2, RoundingModes())
    (share,) = compute(Valuation("EUR", {}), [line("asset", "1001.00")], [books]).shares
    assert str(share.nav.price) == "100.10"
