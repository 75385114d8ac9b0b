"""Golden G4 through the aggregates: the closed day's totals in, one direction and swung prices out (TA-N-4, TA-F-3)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import orjson
import pytest

from libs.kernel.errors import CheckUnavailable, InvalidValue
from libs.messages.nav import DayCompleted, FlowsMeasured, NavPublished, RatesSet, SubFundPublished
from libs.messages.nav_values import ClassFlow, CurrencyRate
from libs.testkit.given import Given
from services.nav.domain import refusals
from services.nav.tests.dealing_days import (
    CLOSED_AT,
    DAY,
    DAY_IDS,
    DECIDER,
    LEVY,
    NOW,
    RATES,
    READY,
    SUB_FUND,
    SWING,
    A,
    B,
    carried_out,
    class_facts,
    command,
    flow,
    line_a,
    measure,
    on_the_day,
    policy_set,
    publish,
    rates,
    sub_fund_row,
    totals,
)

IN_USD = CurrencyRate.model_validate(RATES[0])


def flows(**changes: Any) -> FlowsMeasured:
    fields: dict[str, Any] = {
        "closed_at": CLOSED_AT,
        "closing": 1,
        "classes": (A, B),
        "currency": "EUR",
        "flows": (
            ClassFlow(share_class=A, net=Decimal("845750.00")),
            ClassFlow(share_class=B, net=Decimal("103053.67")),
        ),
        "net_flow": Decimal("948803.67"),
        "net_assets": Decimal(49800000),
        "part": Decimal("0.0190522825"),
        "swung": "up",
        "levy_due": False,
    }
    fields |= changes
    return FlowsMeasured.model_validate({**DAY_IDS, "swing": SWING if fields["swung"] else None, **fields})


def closed(*classes: dict[str, Any], revision: int = 1) -> dict[str, Any]:
    return {"closed_days": {DAY: {"closed_at": CLOSED_AT, "revision": revision, "classes": classes}}}


# --- Rates


def test_n1_the_rates_of_the_date_are_set_once_for_all_classes() -> None:
    past = on_the_day().when(rates()).then(RatesSet(**DAY_IDS, rates=(IN_USD,)))
    past.when(rates()).then_nothing()
    yen = {"base": "JPY", "quote": "EUR", "bid": "0.0061", "offer": "0.0062"}
    on_the_day(rates(rates=[yen, RATES[0]])).when(rates(rates=[RATES[0], yen])).then_nothing()
    other = [{**RATES[0], "bid": "1.08", "offer": "1.09"}]
    past.when(rates(rates=other)).then(RatesSet(**DAY_IDS, rates=(CurrencyRate.model_validate(other[0]),)))


@pytest.mark.parametrize(
    ("bad", "field"),
    [
        ([{**RATES[0], "quote": "XXQ"}], "rates.0.quote"),
        ([{**RATES[0], "base": "GBP"}], "rates.0"),
        ([RATES[0], {"base": "USD", "quote": "EUR", "bid": "0.92", "offer": "0.93"}], "rates.0"),
    ],
)
def test_n1_a_rate_is_between_the_funds_currency_and_another_one(bad: list[Any], field: str) -> None:
    on_the_day().when(rates(rates=bad)).then_refused(InvalidValue, field)


@pytest.mark.parametrize("bad", [{"quote": "EUR"}, {"bid": "1.09"}, {"bid": "0"}, {"bid": 1.0837}, {"offer": "NaN"}])
def test_n1_a_rate_that_can_never_be_right_is_named(bad: dict[str, Any]) -> None:
    with pytest.raises(InvalidValue) as refusal:
        rates(rates=[{**RATES[0], **bad}])
    assert str(refusal.value.field).startswith("rates.0")


def test_n3_rates_are_fixed_while_something_is_published_by_them() -> None:
    past = on_the_day(*READY, publish())
    past.when(rates(rates=[])).then_refused(refusals.RatesAreFixed, "rates")
    past.when(rates()).then_nothing()


# --- Flows


def test_g4_n4_one_net_flow_one_direction_for_all_classes() -> None:
    past = on_the_day(rates()).when(measure()).then(flows())
    past.when(measure()).then_nothing()


def test_g4_n4_exactly_at_the_threshold_nothing_swings() -> None:
    at = closed(totals(A, flow("subscription", "EUR", "498000.00")))
    only = (ClassFlow(share_class=A, net=Decimal(498000)),)
    quiet = flows(flows=only, net_flow=Decimal(498000), part=Decimal("0.01"), swung=None)
    on_the_day(rates()).when(measure(rows=at)).then(quiet)
    above = closed(totals(A, flow("redemption", "EUR", "498000.01")))
    only = (ClassFlow(share_class=A, net=Decimal("-498000.01")),)
    swung = flows(flows=only, net_flow=Decimal("-498000.01"), part=Decimal("-0.0100000002"), swung="down")
    on_the_day(rates()).when(measure(rows=above)).then(swung)


def test_f3_a_levy_is_due_above_its_threshold_and_then_nothing_swings() -> None:
    tools = {"sub_funds": sub_fund_row(tools={"levy": LEVY})}
    on_the_day(rates()).when(measure(rows=tools)).then(flows(swung=None, levy_due=True))


def test_n4_before_the_first_nav_nothing_swings_and_unit_orders_count_at_the_offers_price() -> None:
    first = sub_fund_row(class_facts(A, "EUR", 4, offer_price="100"))
    row = {"sub_funds": first, **closed(totals(A, flow("subscription", "EUR", units="1000000")))}
    past = carried_out(Given(DECIDER, [policy_set()]))
    only = (ClassFlow(share_class=A, net=Decimal(100000000)),)
    expected = flows(classes=(A,), flows=only, net_flow=Decimal(100000000), net_assets=None, part=None, swung=None)
    past.when(measure(rows=row)).then(expected)


def test_n4_an_in_leg_whose_out_leg_was_priced_before_is_the_money_that_it_brings() -> None:
    known = closed(totals(B, flow("switch_in", "EUR", "68450.00", other_class=SUB_FUND)))
    (measured,) = on_the_day(rates()).decide(measure(rows=known))
    assert isinstance(measured, FlowsMeasured)
    assert measured.net_flow == Decimal(68450)


def test_o10_n4_a_day_that_closed_anew_is_measured_anew_while_no_price_is_out() -> None:
    anew = closed(totals(A, flow("redemption", "EUR", "600000")), revision=2)
    past = on_the_day(*READY)
    past.when(publish(rows=anew)).then_refused(refusals.FlowsNotMeasured, "valuation_date")
    (measured,) = past.decide(measure(rows=anew))
    assert isinstance(measured, FlowsMeasured)
    assert (measured.closing, measured.swung) == (2, "down")
    past = carried_out(past, publish())
    past.when(measure(rows=anew)).then_nothing()
    assert past.decide(publish(B, "113", rows=anew))


def test_n4_a_suspended_class_does_not_deal_and_is_not_waited_for() -> None:
    row = {"sub_funds": sub_fund_row(class_facts(A, "EUR", 4), class_facts(B, "USD", 3, status="suspended"))}
    on_the_day(rates()).when(measure(rows=row)).then(flows(classes=(A,)))


def test_o10_n4_flows_are_measured_when_the_day_is_closed_and_rates_are_there() -> None:
    open_day: dict[str, Any] = {"closed_days": {}}
    on_the_day(rates()).when(measure(rows=open_day)).then_refused(refusals.DealingDayNotClosed, "valuation_date")
    on_the_day().when(measure()).then_refused(refusals.RateMissing, "rates")


def test_n4_unit_orders_of_a_class_that_was_never_worth_anything_are_named() -> None:
    new = class_facts(B, "EUR", 3)
    row = {"sub_funds": sub_fund_row(new), **closed(totals(B, flow("subscription", "EUR", units="1")))}
    past = carried_out(Given(DECIDER, [policy_set()]))
    past.when(measure(rows=row)).then_refused(refusals.LastNavMissing, "share_class")


def test_n4_other_rates_before_publication_void_the_test() -> None:
    other = rates(rates=[{**RATES[0], "bid": "1.09", "offer": "1.09"}])
    past = on_the_day(*READY, other)
    past.when(publish()).then_refused(refusals.FlowsNotMeasured, "valuation_date")
    (measured,) = past.decide(measure())
    assert isinstance(measured, FlowsMeasured)
    assert measured.net_flow != Decimal("948803.67")


# --- Publication


def published(share_class: Any, **changes: Any) -> NavPublished:
    fields = {"revision": 1, "bid": None, "offer": None, "swung": "up", "share_class": share_class}
    return NavPublished.model_validate({**DAY_IDS, **fields, **changes})


A_OUT = published(A, currency="EUR", nav="137.4281", price="137.9091", net_assets="41228430", units_in_issue="300000")
B_OUT = published(B, currency="USD", nav="113", price="113.3955", net_assets="9040000", units_in_issue="80000")


def test_g4_n4_both_classes_swing_up_and_the_unswung_navs_are_kept() -> None:
    past = on_the_day(*READY)
    first, _ = past.decide(publish())
    assert first == A_OUT
    past = carried_out(past, publish())
    out, _, completed, whole = past.decide(publish(B, "113"))
    assert out == B_OUT
    assert completed == DayCompleted(**DAY_IDS, revision=1)
    assert isinstance(whole, SubFundPublished)
    # 41,228,430.00 + HALF_UP(9,040,000.00 ÷ 1.0837) = 8,341,792.01
    assert (whole.revision, whole.currency, whole.net_assets) == (1, "EUR", Decimal("49570222.01"))
    assert [(each.nav, each.price) for each in sorted(whole.prices, key=lambda each: each.currency)] == [
        (Decimal("137.4281"), Decimal("137.9091")),
        (Decimal(113), Decimal("113.3955")),
    ]
    assert (whole.rates, whole.levy_due) == ((IN_USD,), False)


def test_o10_nothing_is_published_before_the_dealing_day_is_closed() -> None:
    open_day: dict[str, Any] = {"closed_days": {}}
    past = on_the_day(rates(), *READY[2:])
    past.when(publish(rows=open_day)).then_refused(refusals.DealingDayNotClosed, "valuation_date")
    past.when(publish()).then_refused(refusals.FlowsNotMeasured, "valuation_date")


def test_o7_a_class_suspended_since_the_test_is_not_waited_for() -> None:
    row = {"sub_funds": sub_fund_row(class_facts(A, "EUR", 4), class_facts(B, "USD", 3, status="suspended"))}
    past = on_the_day(*READY, publish())
    past.when(command("CompleteDay")).then_refused(refusals.ClassesMissing, "valuation_date")
    completed, whole = past.decide(command("CompleteDay", rows=row))
    assert completed == DayCompleted(**DAY_IDS, revision=1)
    assert isinstance(whole, SubFundPublished)
    assert [each.share_class for each in whole.prices] == [A]
    past = carried_out(past, command("CompleteDay", rows=row))
    past.when(command("CompleteDay", rows=row)).then_nothing()


def test_o7_a_suspended_sub_fund_prices_no_orders() -> None:
    row = {"sub_funds": sub_fund_row(status="suspended")}
    past = on_the_day(*READY, publish())
    past.when(command("CompleteDay", rows=row)).then_refused(refusals.ClassesMissing)
    assert [type(event).__name__ for event in past.decide(publish(B, "113", rows=row))] == [
        "NavPublished",
        "ClassPublished",
    ]


# --- What is asked of others


def test_f2_a_day_that_is_no_valuation_date_has_no_nav_no_rates_no_test() -> None:
    sunday: dict[str, Any] = {"valuation_days": {}}
    for each in (rates(rows=sunday), measure(rows=sunday), line_a(rows=sunday)):
        on_the_day(rates()).when(each).then_refused(refusals.NotAValuationDate, "valuation_date")


def test_w24_what_funds_does_not_know_is_named() -> None:
    for row in (None, sub_fund_row(umbrella=A)):
        on_the_day().when(rates(rows={"sub_funds": row})).then_refused(refusals.SubFundUnknown, "sub_fund")
    strange = closed(totals(SUB_FUND, flow("redemption", "EUR", units="1")))
    on_the_day(rates()).when(measure(rows=strange)).then_refused(refusals.ShareClassUnknown, "share_class")


def test_w24_without_its_rows_nothing_is_decided() -> None:
    bare = DECIDER.commands["SetRates"].model_validate({**DAY_IDS, "now": NOW, "rates": RATES})
    on_the_day().when(bare).then_refused(CheckUnavailable)


def test_w24_a_json_column_may_come_as_its_text() -> None:
    row = sub_fund_row()
    texts = {**row, "tools": orjson.dumps(row["tools"]).decode(), "classes": orjson.dumps(row["classes"]).decode()}
    on_the_day(rates()).when(measure(rows={"sub_funds": texts})).then(flows())


def test_w24_a_decimal_of_a_row_is_never_a_float() -> None:
    rounded = closed(totals(A, flow("redemption", "EUR", units="1") | {"units": 0.1}))
    with pytest.raises(ValueError, match="never as a float"):
        on_the_day(rates()).decide(measure(rows=rounded))


def test_a_command_without_a_time_zone_is_named() -> None:
    with pytest.raises(InvalidValue, match="time zone"):
        rates(now=NOW.replace(tzinfo=None))
