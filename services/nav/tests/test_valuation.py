"""The NAVs of all classes out of the books, through the aggregates (TA-N-1)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from libs.kernel.decider import Command
from libs.kernel.errors import InvalidValue
from libs.messages.nav import NavComputed, SubFundValued
from libs.messages.nav_values import ClassShare
from libs.testkit.given import Given
from services.nav.domain import refusals
from services.nav.tests.dealing_days import (
    DAY_IDS,
    DECIDER,
    RATES,
    A,
    B,
    approve,
    carried_out,
    class_facts,
    command,
    measure,
    on_the_day,
    policy_set,
    publish,
    rates,
    sub_fund_row,
    units_row,
)

YEN = {"base": "EUR", "quote": "JPY", "bid": "163.20", "offer": "163.30"}


def line(kind: str, amount: str, currency: str = "EUR") -> dict[str, str]:
    return {"name": kind, "kind": kind, "amount": amount, "currency": currency}


LINES = [
    line("asset", "38000000.00"),
    line("asset", "12000000.00", "USD"),
    line("asset", "163250000", "JPY"),
    line("accrued_income", "120000.00"),
    line("liability", "350000.00"),
    line("accrued_expense", "54185.00", "USD"),
]
HEDGE = [line("asset", "-25000.00", "USD"), line("accrued_expense", "1000.00")]


def compute(*classes: dict[str, Any], **fields: Any) -> Command:
    return command(
        "ComputeNavs", **{"lines": LINES, "classes": classes or [{"share_class": A}, {"share_class": B}], **fields}
    )


def valued() -> Given:
    """The date with its rates; the yen at the middle of bid and offer, 163.25."""
    return on_the_day(rates(rates=[*RATES, YEN]))


def share(share_class: UUID, of_pool: str, own_lines: str = "0") -> ClassShare:
    return ClassShare(share_class=share_class, of_pool=Decimal(of_pool), own_lines=Decimal(own_lines))


def computed(share_class: UUID, **figures: str) -> NavComputed:
    rest = {"source": "books", "benchmark_return": None, "inputs": (), "findings": ()}
    return NavComputed.model_validate({**DAY_IDS, "share_class": share_class, **rest, **figures})


A_COMPUTED = computed(A, currency="EUR", total="41417936.56", units="300000", nav="138.0598", previous="136.9")
B_COMPUTED = computed(B, currency="USD", total="9076246.15", units="80000", nav="113.4531", previous="112.5")


def test_n1_classes_share_the_pool_and_each_gets_its_nav() -> None:
    shares = (share(A, "41417936.56"), share(B, "8375238.67"))
    pool = SubFundValued(**DAY_IDS, currency="EUR", pool=Decimal("49793175.23"), shares=shares)
    past = valued().when(compute()).then(pool, A_COMPUTED, B_COMPUTED)
    past.when(compute()).then_nothing()


def test_n1_a_line_of_one_class_falls_on_that_class_alone() -> None:
    pool, plain, hedged = valued().decide(compute({"share_class": A}, {"share_class": B, "lines": HEDGE}))
    assert isinstance(pool, SubFundValued)
    assert pool.shares[1] == share(B, "8375238.67", "-26083.70")
    assert plain == A_COMPUTED
    assert isinstance(hedged, NavComputed)
    assert (hedged.total, hedged.nav) == (Decimal("9050162.45"), Decimal("113.127"))


def test_n1_what_changed_is_computed_anew_until_it_is_published() -> None:
    past = carried_out(valued(), compute(), measure(), approve(nav="138.0598"), publish(nav="138.0598"))
    hedged = compute({"share_class": A}, {"share_class": B, "lines": HEDGE})
    assert [type(event).__name__ for event in past.decide(hedged)] == ["SubFundValued", "NavComputed"]
    other = compute({"share_class": A, "lines": HEDGE}, {"share_class": B})
    past.when(other).then_refused(refusals.NavIsPublished, "nav")


def test_n1_without_rates_units_or_a_last_nav_nothing_is_computed() -> None:
    on_the_day().when(compute()).then_refused(refusals.RateMissing, "rates")
    on_the_day(rates()).when(compute()).then_refused(refusals.NothingIsValued, "rates")
    nobody: dict[str, Any] = {"units_in_issue": {A: units_row("300000")}}
    valued().when(compute(rows=nobody)).then_refused(refusals.RegisterNotReady, "classes")
    new = {"sub_funds": sub_fund_row(class_facts(A, "EUR", 4))}
    bare = carried_out(Given(DECIDER, [policy_set()]), rates(rates=[*RATES, YEN]))
    bare.when(compute({"share_class": A}, rows=new)).then_refused(refusals.LastNavMissing, "classes")


def test_n1_the_first_nav_after_an_initial_offer_starts_from_its_price() -> None:
    new = {"sub_funds": sub_fund_row(class_facts(A, "EUR", 4, offer_price="100"))}
    past = carried_out(Given(DECIDER, [policy_set()]), rates(rates=[*RATES, YEN]))
    _, first = past.decide(compute({"share_class": A}, rows=new))
    assert isinstance(first, NavComputed)
    assert (first.nav, first.previous) == (Decimal("165.9773"), None)


BAD_BOOKS = [
    ([line("liability", "1")], "lines"),
    ([*LINES, line("asset", "1", "GBP")], "rates"),
    ([line("asset", "1.001")], "amount"),
]


@pytest.mark.parametrize(("lines", "field"), BAD_BOOKS)
def test_n1_books_that_give_no_nav_are_named(lines: list[Any], field: str) -> None:
    valued().when(compute(lines=lines)).then_refused(refusals.NothingIsValued, field)


def test_n1_a_class_stands_in_the_books_once() -> None:
    with pytest.raises(InvalidValue, match="once"):
        compute({"share_class": A}, {"share_class": A})


def test_f2_a_class_is_not_valued_on_a_day_that_is_no_valuation_date() -> None:
    nothing: dict[str, Any] = {"valuation_days": {}}
    valued().when(compute(rows=nothing)).then_refused(refusals.NotAValuationDate, "valuation_date")


def test_n1_an_unknown_class_is_not_valued() -> None:
    stranger = DAY_IDS["umbrella"]
    rows = {"units_in_issue": {stranger: units_row("1")}}
    valued().when(compute({"share_class": stranger}, rows=rows)).then_refused(refusals.ShareClassUnknown, "share_class")
