"""O-7: a suspension holds what is not priced; its lifting gives it the first dealing date after it."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from libs.kernel.errors import CheckUnavailable, InvalidValue
from services.orders.domain.refusals import OrderUnknown
from services.orders.tests.dealing_examples import (
    CUT_OFF,
    NOW,
    OTHER_FUND,
    SUB_FUND,
    TUESDAY,
    WEDNESDAY,
    A,
    B,
    C,
    House,
    into,
    named,
    names,
    placed,
)  # fmt: skip

LIFTED = NOW + timedelta(days=2)


def held(*fields: Any, **more: Any) -> House:
    """One order, held."""
    house = House()
    house.place("S1", *fields, **more)
    house.do("HoldOrders", orders=[named("S1")], reason="sub_fund_suspended")
    return house


def release(house: House, *orders: str) -> dict[str, Any]:
    """The fields of a release."""
    every = [house.order(name).received for name in orders]
    return {"orders": [each.model_dump(include={"order", "sub_fund", "share_class", "into"}) for each in every]}


def test_o7_an_accepted_order_is_held_and_dealt_on_no_day() -> None:
    house = held()
    assert (house.order("S1").status, house.day().tallies) == ("held", {})
    house.when("HoldOrders", orders=[named("S1")], reason="share_class_suspended").then_nothing()
    house.close()
    house.publish()
    house.when("PriceOrders", **house.chunk("S1")).then_nothing()


def test_o7_a_held_order_may_be_withdrawn_after_its_cut_off_too() -> None:
    house = held()
    house.now = CUT_OFF + timedelta(hours=3)
    assert names(house.do("CancelOrder", order=named("S1"))) == ["OrderCancelled"]
    assert house.order("S1").status == "cancelled"


def test_o7_a_held_order_may_be_cancelled_by_the_agent() -> None:
    house = held()
    cancelled = house.do("CancelAfterCutOff", order=named("S1"), reason="client_request", now=LIFTED)
    assert names(cancelled) == ["OrderCancelled"]


def test_o7_lifting_gives_the_first_dealing_date_after_it() -> None:
    house = held()
    house.now = LIFTED
    events = house.do("ReleaseOrders", **release(house, "S1"))
    assert names(events) == ["DealingDayOpened", "OrderReleased", "OrderCounted"]
    waiting = house.order("S1").waiting
    assert waiting is not None
    assert (waiting.dates.valuation_date, house.order("S1").status) == (WEDNESDAY, "accepted")
    house.when("ReleaseOrders", **release(house, "S1")).then_nothing()
    late = held()
    late.now = CUT_OFF + timedelta(seconds=1)
    late.do("ReleaseOrders", **release(late, "S1"))
    after = late.order("S1").waiting
    assert after is not None
    assert after.dates.valuation_date == TUESDAY


def test_o7_an_order_for_a_later_date_keeps_it() -> None:
    house = House()
    house.change("sub_funds", SUB_FUND, tools={"notice": {"days": 2, "counted": "business"}})
    house.place("S1", "redemption", "units 1")
    house.do("HoldOrders", orders=[named("S1")], reason="share_class_suspended")
    house.now = NOW + timedelta(days=1)
    house.do("ReleaseOrders", **release(house, "S1"))
    waiting = house.order("S1").waiting
    assert waiting is not None
    assert waiting.dates.valuation_date == WEDNESDAY


def test_o7_both_legs_of_a_switch_are_held_and_released_together() -> None:
    house = held("switch", "units 10", into=into(C, OTHER_FUND))
    assert house.day().tallies == house.day(TUESDAY, OTHER_FUND).tallies == {}
    house.now = LIFTED
    house.do("ReleaseOrders", **release(house, "S1"))
    waiting = house.order("S1").waiting
    assert waiting is not None
    assert waiting.into is not None
    # The Tuesday of the next week: the in leg's own next valuation date.
    assert (waiting.dates.valuation_date, waiting.into.valuation_date) == (WEDNESDAY, TUESDAY + timedelta(days=7))


def test_o7_an_in_leg_whose_out_leg_is_dealt_waits_through_the_suspension() -> None:
    house = House()
    house.place("W1", "switch", "units 10", into=into(C, OTHER_FUND))
    house.close()
    house.publish()
    house.price("W1")
    house.do("HoldOrders", orders=[named("W1")], reason="sub_fund_suspended")
    assert (house.order("W1").status, house.day(TUESDAY, OTHER_FUND).tallies) == ("held", {})
    house.now = LIFTED
    house.do("ReleaseOrders", **release(house, "W1"))
    (investing,) = house.order("W1").investing
    assert investing.dates.valuation_date == TUESDAY + timedelta(days=7)


def test_o7_an_order_whose_nav_is_published_is_dealt() -> None:
    house = House()
    house.place("S1")
    house.close()
    house.publish()
    house.when("HoldOrders", orders=[named("S1")], reason="sub_fund_suspended").then_nothing()
    assert names(house.price("S1")) == ["OrderPriced", "MovementsPriced"]


def test_o7_new_orders_are_refused_meanwhile_and_an_amendment_leaves_the_held_order_as_it_is() -> None:
    house = held().change("sub_funds", SUB_FUND, status="suspended")
    assert names(house.place("S2")) == ["OrderReceived", "OrderRejected"]
    amended = {**placed("S3", quantity="gross 2000"), "original": named("S1")}
    assert names(house.do("AmendOrder", **amended)) == ["OrderReceived", "OrderRejected"]
    assert house.order("S1").status == "held"


def test_o7_a_held_order_that_is_amended_after_the_lifting_is_counted_once() -> None:
    house = held()
    amended = {**placed("S2", quantity="gross 2000"), "original": named("S1")}
    assert "OrderUncounted" not in names(house.do("AmendOrder", **amended))
    assert [(tally.flows, tally.cash) for tally in house.day().tallies.values()] == [(1, Decimal(2000))]


def test_a_release_names_the_orders_own_classes() -> None:
    house = held()
    house.now = LIFTED
    wrong = release(house, "S1")
    wrong["orders"][0]["share_class"] = B
    house.when("ReleaseOrders", **wrong).then_refused(InvalidValue, "orders")
    house.when("HoldOrders", orders=[named("none")], reason="sub_fund_suspended").then_refused(OrderUnknown, "order")
    right = release(house, "S1")
    for table, key, field in (("share_classes", A, "share_class"), ("sub_funds", SUB_FUND, "sub_fund")):
        row = house.rows[table].pop(key)
        house.when("ReleaseOrders", **right).then_refused(CheckUnavailable, field)
        house.rows[table][key] = row
