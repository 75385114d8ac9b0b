"""A NAV is imported, checked and approved (TA-N-1, TA-N-2, TA-N-3)."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, get_args

import pytest

from libs.kernel.errors import InvalidValue
from libs.messages.nav import NavApproved, NavComputed, NavEstimated
from libs.messages.nav_values import CheckName, Explanation, NavFinding, NavPolicy
from libs.testkit.given import Given
from services.nav.domain import refusals
from services.nav.domain.checks import Check
from services.nav.tests.dealing_days import (
    DAY,
    DAY_IDS,
    DECIDER,
    LAST,
    LINE_A,
    READY,
    SUB_FUND,
    A,
    approve,
    cancel,
    carried_out,
    class_facts,
    command,
    line_a,
    on_the_day,
    policy_set,
    publish,
    sub_fund_row,
    units_row,
)

WIDE = {"sub_funds": sub_fund_row(class_facts(A, "EUR", 4, price_type="bid_and_offer"))}
JUMP = {"total": "45177000.00", "nav": "150.59"}
FOUND = NavFinding(check="change_beyond_tolerance", subject="price", found="0.1", expected="0.05")
WHY = {"check": "change_beyond_tolerance", "subject": "price", "reason": "index rose by 10 %"}


def computed(**changes: Any) -> NavComputed:
    fields: dict[str, Any] = {
        "share_class": A, "source": "navs.csv#1", **LINE_A, "previous": "136.9",
        "benchmark_return": None, "inputs": (), "findings": (),
    }  # fmt: skip
    return NavComputed.model_validate({**DAY_IDS, **fields, **changes})


def approved(*explanations: dict[str, str], bid: str | None = None, offer: str | None = None) -> NavApproved:
    fields = {"share_class": A, "explanations": explanations, "bid": bid, "offer": offer}
    return NavApproved.model_validate({**DAY_IDS, **fields})


# --- Policy


def test_n2_the_policy_of_a_sub_fund_is_set() -> None:
    set_it = command("SetNavPolicy", policy={"change_tolerance": "0.05"})
    Given(DECIDER, []).when(set_it).then(policy_set()).when(set_it).then_nothing()


def test_n5_a_tolerance_beyond_the_kind_of_funds_is_named() -> None:
    wide = {"change_tolerance": "0.05", "error_tolerance": "0.05"}
    Given(DECIDER, []).when(command("SetNavPolicy", policy=wide)).then_refused(InvalidValue, "tolerance")
    sif = {"sub_funds": sub_fund_row(regime="sif")}
    allowed = policy_set(error_tolerance="0.05")
    Given(DECIDER, []).when(command("SetNavPolicy", policy=wide, rows=sif)).then(allowed)
    assert allowed.policy == NavPolicy.model_validate(wide)


# --- Import


def test_n1_a_line_that_reproduces_its_price_is_a_computed_nav() -> None:
    on_the_day().when(line_a()).then(computed())


def test_n1_the_same_line_twice_is_nothing_at_every_stage() -> None:
    for stage in range(2, len(READY) + 1):
        on_the_day(*READY[:stage], line_a()).when(line_a()).then_nothing()
    on_the_day(*READY, publish()).when(line_a()).then_nothing()
    on_the_day(*READY, publish(), cancel()).when(line_a()).then_nothing()


def test_n3_an_estimate_is_replaced_by_another_and_by_the_nav_never_the_other_way() -> None:
    estimate = line_a(stage="estimated", source="estimates.csv#1")
    event = NavEstimated.model_validate({**DAY_IDS, "share_class": A, "source": "estimates.csv#1", **LINE_A})
    past = on_the_day().when(estimate).then(event)
    past.when(estimate).then_nothing()
    past.when(approve()).then_refused(refusals.StatusForbids, "valuation_date")
    other = line_a(stage="estimated", source="estimates.csv#2", total="41228460.00", nav="137.4282")
    past = carried_out(past, other, line_a())
    past.when(other).then_nothing()
    past.when(estimate).then_refused(refusals.StatusForbids, "stage")


def test_f2_an_estimate_may_come_before_the_nav_can_be_known_a_nav_may_not() -> None:
    early = datetime(2026, 11, 23, 16, 29, 59, tzinfo=UTC)
    on_the_day().when(line_a(now=early)).then_refused(refusals.NavNotKnownYet, "valuation_date")
    carried_out(on_the_day(), line_a(now=early, stage="estimated"))


def test_n3_another_line_before_publication_replaces_the_nav_and_its_approval() -> None:
    other = line_a(source="navs.csv#9", total="41228460.00", nav="137.4282")
    past = on_the_day(*READY)
    replaced = computed(source="navs.csv#9", total="41228460.00", nav="137.4282")
    past = past.when(other).then(replaced)
    past.when(publish()).then_refused(refusals.StatusForbids, "valuation_date")
    past.when(approve()).then_refused(refusals.NavDiffers, "nav")


def test_n3_another_price_for_a_published_nav_is_a_correction_only() -> None:
    past = on_the_day(*READY, publish())
    other = line_a(source="navs.csv#9", total="41228460.00", nav="137.4282")
    past.when(other).then_refused(refusals.NavIsPublished, "nav")
    past.when(line_a(stage="estimated")).then_refused(refusals.NavIsPublished, "nav")


BAD_LINES: list[tuple[str, dict[str, Any], type[Any], str]] = [
    ("a NAV of zero", {"nav": "0"}, refusals.NavNotPositive, "nav"),
    ("a NAV below zero", {"nav": "-1"}, refusals.NavNotPositive, "nav"),
    ("no net assets", {"total": "0.00"}, refusals.NavNotPositive, "total"),
    ("no units", {"units": "0"}, refusals.NavNotPositive, "units"),
    ("another currency", {"currency": "USD"}, refusals.CurrencyDiffers, "currency"),
    ("finer than a cent", {"total": "41228430.001"}, refusals.TooManyDecimals, "total"),
    ("finer than the class's units", {"units": "300000.00001"}, refusals.TooManyDecimals, "units"),
    ("finer than the class's price", {"nav": "137.42810001"}, refusals.TooManyDecimals, "nav"),
    ("a price that total and units do not give", {"nav": "137.4282"}, refusals.NavNotReproduced, "nav"),
    ("a bid without an offer", {"bid": "137"}, refusals.QuoteNotAllowed, "bid"),
    ("an unknown class", {"share_class": SUB_FUND}, refusals.ShareClassUnknown, "share_class"),
]


@pytest.mark.parametrize(("bad", "error", "field"), [each[1:] for each in BAD_LINES], ids=[e[0] for e in BAD_LINES])
def test_n1_a_line_that_cannot_be_right_is_refused_by_name(bad: dict[str, Any], error: type[Any], field: str) -> None:
    on_the_day().when(line_a(**bad)).then_refused(error, field)


@pytest.mark.parametrize("bad", [{"units": "1E+30"}, {"nav": "NaN"}, {"total": 1.5}, {"nav": "1.12345678901"}])
def test_n1_figures_beyond_all_bounds_are_named(bad: dict[str, Any]) -> None:
    with pytest.raises(InvalidValue) as refusal:
        line_a(**bad)
    assert refusal.value.field == next(iter(bad))


@pytest.mark.parametrize("status", ["draft", "closed"])
def test_n1_a_class_that_nobody_holds_has_no_nav(status: str) -> None:
    row = {"sub_funds": sub_fund_row(class_facts(A, "EUR", 4, status=status))}
    on_the_day().when(line_a(rows=row)).then_refused(refusals.ClassHasNoNav, "share_class")


def test_n2_without_a_policy_no_nav_is_taken() -> None:
    Given(DECIDER, []).when(line_a()).then_refused(refusals.PolicyMissing, "sub_fund")


# --- Findings


def test_n2_what_is_wrong_is_found_when_the_nav_comes() -> None:
    on_the_day().when(line_a(**JUMP)).then(computed(**JUMP, findings=(FOUND,)))


def test_n2_a_finding_needs_a_reason_and_a_reason_its_finding() -> None:
    past = on_the_day(line_a(**JUMP))
    past.when(approve(nav="150.59")).then_refused(refusals.FindingUnexplained, "explanations")
    past.when(approve(nav="150.59", explanations=[WHY])).then(approved(WHY))
    past.when(approve(nav="150.59", explanations=[WHY])).then_nothing()
    on_the_day(line_a()).when(approve(explanations=[WHY])).then_refused(refusals.FindingUnknown, "explanations")


def test_n2_the_registers_units_by_valuation_date_leave_out_the_dates_own_orders() -> None:
    own_orders = units_row("300100", movements={DAY: "150", LAST: "-50"})
    on_the_day().when(line_a(rows={"units_in_issue": {A: units_row("300000")}})).then(computed())
    differs = NavFinding(check="units_differ_from_register", subject="units", found="300000", expected="299950")
    on_the_day().when(line_a(rows={"units_in_issue": {A: own_orders}})).then(computed(findings=(differs,)))


def test_n2_a_first_nav_is_explained_too() -> None:
    first = NavFinding(check="no_previous_nav", subject="price", found="137.4281", expected="0")
    Given(DECIDER, [policy_set()]).when(line_a()).then(computed(previous=None, findings=(first,)))


def test_n2_a_benchmark_and_the_age_of_inputs_are_checked() -> None:
    strict = policy_set(benchmark_tolerance="0.01", input_age_days=1)
    stale = {"name": "Unlisted plc", "as_of": "2026-11-19"}
    past = Given(DECIDER, [strict])
    found = past.decide(line_a(benchmark_return="0.03", inputs=[stale]))[0]
    assert isinstance(found, NavComputed)
    assert [(each.check, each.subject) for each in found.findings] == [
        ("no_previous_nav", "price"),
        ("stale_input", "Unlisted plc"),
    ]
    past = on_the_day()
    past.apply(strict)
    found = past.decide(line_a(benchmark_return="0.03"))[0]
    assert isinstance(found, NavComputed)
    assert [each.check for each in found.findings] == ["beyond_benchmark_tolerance"]


def test_n2_every_check_has_its_name_in_the_stored_format() -> None:
    assert {each.value for each in Check} == set(get_args(CheckName))
    assert Explanation.model_validate(WHY).check == Check.CHANGE.value


# --- Approval


def test_n3_a_nav_is_approved_once() -> None:
    past = on_the_day(line_a()).when(approve()).then(approved())
    past.when(approve()).then_nothing()
    on_the_day().when(approve()).then_refused(refusals.NavUnknown, "valuation_date")
    on_the_day(*READY, publish()).when(approve()).then_nothing()


def test_n3_the_approval_of_a_published_nav_is_not_changed() -> None:
    past = on_the_day(*READY, publish())
    past.when(approve(explanations=[WHY])).then_refused(refusals.NavIsPublished, "nav")


def test_f1_a_class_of_two_prices_is_approved_with_both() -> None:
    past = carried_out(on_the_day(), line_a(rows=WIDE))
    past.when(approve(rows=WIDE)).then_refused(refusals.QuoteMissing)
    past.when(approve(rows=WIDE, bid="137")).then_refused(refusals.QuoteMissing, "offer")
    past.when(approve(rows=WIDE, bid="137.5", offer="138")).then_refused(refusals.QuoteCrossed, "bid")
    past.when(approve(rows=WIDE, bid="137", offer="138.00001")).then_refused(refusals.TooManyDecimals, "offer")
    past.when(approve(rows=WIDE, bid="137", offer="138")).then(approved(bid="137", offer="138"))
    carried_out(on_the_day(), line_a(rows=WIDE, bid="137", offer="138"), approve(rows=WIDE))


def test_n1_figures_have_one_spelling() -> None:
    assert computed(nav="137.42810").data()["nav"] == computed().data()["nav"] == "137.4281"
    assert computed().total == Decimal(41228430)
