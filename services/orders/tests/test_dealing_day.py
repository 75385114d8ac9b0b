"""O-10: a dealing day is opened by its first order, counts, and closes after its cut-off, losing nothing."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from libs.messages.dealing_days import DealingDayClosed, DealingDayOpened
from services.orders.domain.refusals import DayIsOpen, DayUnknown, PricingNotOpen, RevisionIsPast
from services.orders.tests.dealing_examples import (
    CLOSE,
    CUT_OFF,
    MICROSECOND,
    MONDAY,
    OTHER_FUND,
    PUBLISHED,
    SUB_FUND,
    TUESDAY,
    A,
    B,
    C,
    House,
    class_row,
    into,
    names,
    placed,
    publication,
    totals,
)  # fmt: skip
from services.orders.tests.examples import terms

DAY = {"sub_fund": SUB_FUND, "valuation_date": MONDAY}


def test_o10_the_first_order_opens_the_day_and_its_close_falls_due_after_the_guard() -> None:
    house = House()
    opened = house.place("S1")[2]
    assert isinstance(opened, DealingDayOpened)
    (due,) = opened.due()
    assert (due.kind, due.at, due.payload["valuation_date"]) == ("CloseDealingDay", CLOSE, "2026-11-23")
    house.when("CloseDealingDay", **DAY, now=CLOSE - MICROSECOND).then_refused(DayIsOpen, "now")
    house.now = CLOSE
    assert names(house.do("CloseDealingDay", **DAY)) == ["DealingDayClosed"]
    house.when("CloseDealingDay", **DAY).then_nothing()


def test_o10_a_day_without_orders_is_unknown() -> None:
    house = House()
    for name, fields in (("CloseDealingDay", {}), ("StopPricing", {"revision": 1})):
        house.when(name, **DAY, **fields).then_refused(DayUnknown, "valuation_date")
    house.when("OpenPricing", **publication(PUBLISHED)).then_refused(DayUnknown, "valuation_date")


def test_o10_the_totals_hold_what_swing_and_gate_need() -> None:
    house = House()
    fees = {"entry_fee": {"rate": "0.03", "base": "gross"}, "exit_fee": {"rate": "0.01", "base": "gross"}}
    house.rows["share_classes"][A] = class_row(terms(**fees, switch_fee={"rate": "0.005", "base": "gross"}))
    house.place("S1", quantity="gross 10000")
    house.place("S2", quantity="net 10000")
    house.place("S3", quantity="units 70")
    house.place("R1", "redemption", "net 4000")
    house.place("R2", "redemption", "units 25")
    house.place("R3", "redemption", "all")
    house.place("W1", "switch", "gross 1000", into=into(B))
    house.close()
    closed = house.day().closed
    assert closed is not None
    found = totals(closed)
    bought, sold, out = found[A, "subscription"], found[A, "redemption"], found[A, "switch_out"]
    # Golden G1 a and c: the cash that enters the fund; G2 c: the cash that leaves it.
    assert (bought.flows, bought.cash, bought.units) == (3, Decimal(19_700), Decimal(70))
    assert (sold.flows, sold.cash, sold.units) == (3, Decimal("4040.40"), Decimal(25))
    assert (sold.all_units, sold.estimated_units) == (1, Decimal(1000))
    assert (out.cash, found[B, "switch_in"].cash) == (Decimal(1000), Decimal(995))
    assert found[B, "switch_in"].other_class == A
    assert sorted(each.flows for each in closed.classes) == [1, 7]


def test_o10_an_order_in_time_that_is_decided_after_the_close_is_not_lost_and_the_totals_stay_right() -> None:
    house = House()
    house.place("S1")
    house.close()
    house.now = CUT_OFF
    events = house.place("S2")
    assert names(events) == ["OrderReceived", "OrderAccepted", "OrderCounted", "DealingDayClosed"]
    closed = events[-1]
    assert isinstance(closed, DealingDayClosed)
    assert (closed.revision, totals(closed)[A, "subscription"].flows) == (2, 2)


def test_o10_such_an_order_is_priced_after_the_publication_too() -> None:
    house = House()
    house.place("S1")
    house.close()
    house.publish()
    house.now = CUT_OFF
    house.place("S2")
    house.now = PUBLISHED
    assert names(house.price("S1", "S2")) == ["OrderPriced", "OrderPriced", "MovementsPriced"]


def test_o1_the_legs_of_a_switch_are_counted_on_their_own_days() -> None:
    house = House()
    house.place("W1", "switch", "units 10", into=into(C, OTHER_FUND))
    assert [key.kind for key in house.day().tallies] == ["switch_out"]
    assert [key.kind for key in house.day(TUESDAY, OTHER_FUND).tallies] == ["switch_in"]


def test_o5_pricing_waits_for_the_close() -> None:
    house = House()
    house.place("S1")
    house.when("OpenPricing", **publication(PUBLISHED)).then_refused(DayIsOpen, "valuation_date")


def test_n3_a_cancelled_publication_prices_nothing_more_and_the_next_revision_goes_on() -> None:
    house = House()
    for name in ("S1", "S2"):
        house.place(name)
    house.close()
    house.when("PriceOrders", **house.chunk("S1")).then_refused(PricingNotOpen, "valuation_date")
    house.when("StopPricing", **DAY, revision=1).then_refused(PricingNotOpen, "revision")
    house.publish()
    house.when("OpenPricing", **publication(house.now)).then_nothing()
    house.price("S1")
    assert names(house.do("StopPricing", **DAY, revision=1)) == ["PricingStopped"]
    house.when("StopPricing", **DAY, revision=1).then_nothing()
    house.when("PriceOrders", **house.chunk("S2")).then_refused(PricingNotOpen, "valuation_date")
    later = publication(house.now + timedelta(hours=1))
    house.when("OpenPricing", **later).then_refused(RevisionIsPast, "revision")
    house.publish(revision=2, prices=[{"share_class": A, "nav": "101"}])
    house.when("PriceOrders", **house.chunk("S2")).then_refused(RevisionIsPast, "revision")
    house.when("StopPricing", **DAY, revision=1).then_nothing()
    house.price("S1", "S2", revision=2)
    assert [house.order(name).parts[0].steps.price for name in ("S1", "S2")] == [100, 101]


@pytest.mark.parametrize("placed_at", [CUT_OFF, CUT_OFF + MICROSECOND])
def test_f2_an_order_keeps_the_date_of_its_receipt_whatever_the_day_did_meanwhile(placed_at: object) -> None:
    house = House()
    house.place("S1")
    house.close()
    house.do("PlaceOrder", **placed("S2"), now=placed_at)
    waiting = house.order("S2").waiting
    assert waiting is not None
    assert waiting.dates.valuation_date == (MONDAY if placed_at == CUT_OFF else TUESDAY)
