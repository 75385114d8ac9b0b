"""O-5, O-6, O-1: chunks of a dealing day by golden G1, G2, G3, G5, and what cannot be dealt."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from libs.kernel.canonical import canonical
from libs.kernel.errors import InvalidValue
from libs.messages.orders import MovementsPriced, OrderPriced, OrderRejected
from libs.runtime.planning import MAX_DECISION_BYTES, MAX_DECISION_EVENTS
from services.orders.domain.refusals import DatesMoved, OrderUnknown, PriceMissing, ShareOutsideGate
from services.orders.tests.dealing_examples import (
    ACCOUNT,
    CUT_OFF,
    MONDAY,
    OTHER_FUND,
    SECOND,
    SUB_FUND,
    TUESDAY,
    WEDNESDAY,
    ZERO,
    A,
    B,
    C,
    House,
    class_row,
    holding_row,
    into,
    named,
    names,
    of_kind,
    sub_fund_row,
)  # fmt: skip
from services.orders.tests.examples import b_usd, terms


def at(nav: str, house: House, **fields: Any) -> House:
    """The day is closed and published: class A at this NAV."""
    house.close()
    prices = [{"share_class": A, "nav": nav}, {"share_class": B, "nav": "98.7654"}, {"share_class": C, "nav": "200"}]
    house.publish(**{"prices": prices, **fields})
    return house


def test_g1_o5_a_subscription_is_priced_by_the_nav_of_its_own_day_and_told_to_the_register() -> None:
    house = House()
    house.rows["share_classes"][A] = class_row(terms(entry_fee={"rate": "0.03", "base": "gross"}))
    house.place("S1", quantity="gross 10000")
    priced, moved = at("137.4281", house).price("S1")
    assert isinstance(priced, OrderPriced)
    steps = priced.steps
    assert (steps.net, steps.fee, steps.gross) == (Decimal(9700), Decimal(300), Decimal(10_000))
    assert (steps.units_raw, steps.units) == (Decimal("70.5823627"), Decimal("70.5823"))
    assert (steps.value, steps.residual) == (Decimal("9699.99138263"), Decimal("0.00861737"))
    assert isinstance(moved, MovementsPriced)
    (movement,) = moved.movements
    assert (moved.chunk, movement.side, movement.units) == (1, "issue", Decimal("70.5823"))
    assert (movement.amount, movement.settlement_date.isoformat()) == (Decimal(9700), "2026-11-25")
    house.when("PriceOrders", **house.chunk("S1")).then_nothing()


def test_g2_all_units_are_what_earlier_orders_of_the_account_leave() -> None:
    house = House()
    house.rows["share_classes"][A] = class_row(terms(exit_fee={"rate": "0.01", "base": "gross"}))
    house.rows["holdings"][ACCOUNT, A] = holding_row("95.5823")
    house.place("R1", "redemption", "units 25")
    house.now += timedelta(seconds=1)
    house.place("R2", "redemption", "all")
    first, second, _ = at("141.2050", house).price("R2", "R1")
    assert isinstance(first, OrderPriced)
    assert isinstance(second, OrderPriced)
    assert (first.order, first.steps.gross, first.steps.fee) == (named("R1"), Decimal("3530.13"), Decimal("35.30"))
    assert (second.steps.units, second.steps.gross, second.steps.net) == (
        Decimal("70.5823"), Decimal("9966.57"), Decimal("9866.90"),
    )  # fmt: skip


def test_g3_o1_a_switch_within_a_sub_fund_is_priced_whole_in_one_decision() -> None:
    house = House()
    house.rows["share_classes"] |= {
        A: class_row(terms(switch_fee={"rate": "0.005", "base": "gross"})), B: class_row(b_usd()),
    }  # fmt: skip
    house.place("W1", "switch", "units 100", into=into(B))
    events = at("141.2050", house).price("W1")
    out, inward = of_kind(events, "OrderPriced")
    assert (out.leg, out.steps.net, out.steps.fee) == ("out", Decimal("14049.90"), Decimal("70.60"))
    assert (inward.leg, inward.steps.converted_raw, inward.steps.gross) == (
        "in", Decimal("15225.87663"), Decimal("15225.88"),
    )  # fmt: skip
    assert (inward.steps.units, inward.steps.residual) == (Decimal("154.162"), Decimal("0.0084052"))
    assert inward.steps.converted_from == out.steps.net
    assert [moved.share_class for moved in of_kind(events, "MovementsPriced")] == [A, B]
    assert house.order("W1").status == "priced"


def test_g3_o1_an_in_leg_of_another_sub_fund_waits_for_its_own_nav_with_what_the_out_leg_brought() -> None:
    house = House()
    house.place("W1", "switch", "units 10", into=into(C, OTHER_FUND))
    events = at("100", house).price("W1")
    assert names(events) == ["OrderUncounted", "OrderPriced", "OrderCounted", "MovementsPriced"]
    assert house.order("W1").status == "partly_executed"
    (tally,) = house.day(TUESDAY, OTHER_FUND).tallies.values()
    assert (tally.flows, tally.cash, tally.units) == (1, Decimal(1000), ZERO)
    house.close(TUESDAY, OTHER_FUND)
    house.publish(TUESDAY, OTHER_FUND)
    (inward, moved) = house.price("W1", valuation_date=TUESDAY, sub_fund=OTHER_FUND)
    assert isinstance(inward, OrderPriced)
    assert isinstance(moved, MovementsPriced)
    assert (inward.valuation_date, inward.steps.units, moved.share_class) == (TUESDAY, Decimal(5), C)


@pytest.mark.parametrize("nav", ["2000000", "100"])
def test_o1_an_in_leg_that_buys_nothing_leaves_no_out_leg_behind(nav: str) -> None:
    house = House()
    far = nav == "100"
    house.place("W1", "switch", "units 0.0001", into=into(C, OTHER_FUND) if far else into(B))
    events = at("100", house, prices=[{"share_class": A, "nav": "100"}, {"share_class": B, "nav": nav}]).price("W1")
    if far:
        house.close(TUESDAY, OTHER_FUND)
        house.publish(TUESDAY, OTHER_FUND, prices=[{"share_class": C, "nav": "2000000"}])
        events = house.price("W1", valuation_date=TUESDAY, sub_fund=OTHER_FUND)
        assert names(events) == ["OrderReversed", "MovementsReversed"]
    else:
        assert names(events) == ["OrderRejected"]
    assert house.order("W1").is_final


G5_DAY_1 = {
    "R1": ("units 40000", "26436.9337", "2709785.70", "13563.0663"),
    "R2": ("gross 2562500", "16523.0835", "1693616.06", "8476.9165"),
    "R3": ("units 12345.6789", "8159.5474", "836353.61", "4186.1315"),
    "R4": ("all", "660.9233", "67744.64", "339.0766"),
}
REQUESTED = {"R1": "40000", "R2": "25000", "R3": "12345.6789", "R4": "999.9999"}
GATES = [{"share_class": A, "requested_units": "78345.6788", "capacity_units": "51780.4879"}]


def shares() -> dict[str, dict[str, str]]:
    """The shares of golden G5, day 1."""
    return {name: {"requested": REQUESTED[name], "executed": row[1]} for name, row in G5_DAY_1.items()}


def g5(remainder: str = "carried") -> House:
    """The orders of golden G5, day 1."""
    house = House().gated(remainder)
    house.rows["holdings"] |= {(ACCOUNT, A): holding_row("500000"), (SECOND, A): holding_row("999.9999")}
    for name, (quantity, *_) in G5_DAY_1.items():
        house.now += timedelta(seconds=1)
        house.place(name, "redemption", quantity, account=SECOND if name == "R4" else ACCOUNT)
    return at("102.5000", house, gates=GATES)


def test_g5_o6_a_gated_day_executes_the_shares_and_carries_the_rest_in_units_to_the_next_day() -> None:
    house = g5()
    events = house.price("R1", "R2", "R3", "R4", shares=shares())
    for name, (_, executed, paid, carried) in G5_DAY_1.items():
        (part,), waiting = house.order(name).parts, house.order(name).waiting
        assert (part.steps.units, part.steps.gross) == (Decimal(executed), Decimal(paid))
        assert waiting is not None
        assert getattr(waiting.quantity, "units") == Decimal(carried)  # noqa: B009
        assert waiting.dates.valuation_date == TUESDAY
        assert house.order(name).status == "partly_executed"
    assert sum(event.steps.units for event in of_kind(events, "OrderPriced")) == Decimal("51780.4879")
    (tally,) = house.day(TUESDAY).tallies.values()
    assert (tally.flows, tally.units, tally.cash) == (4, Decimal("26565.1909"), ZERO)


def test_g5_o6_a_remainder_takes_the_nav_of_the_day_on_which_it_is_executed() -> None:
    house = g5()
    house.book(house.price("R1", "R2", "R3", "R4", shares=shares()))
    house.now = CUT_OFF + timedelta(hours=20)
    house.place("R5", "redemption", "units 12500")
    house.close(TUESDAY)
    gates = [{"share_class": A, "requested_units": "39065.1909", "capacity_units": "35555.5556"}]
    house.publish(TUESDAY, prices=[{"share_class": A, "nav": "101.2500"}], gates=gates)
    of_day = {
        "R1": {"requested": "13563.0663", "executed": "12344.5540"},
        "R5": {"requested": "12500", "executed": "11376.9941"},
    }
    events = house.price("R1", "R5", valuation_date=TUESDAY, shares=of_day)
    old, new = of_kind(events, "OrderPriced")
    assert (old.part, old.steps.gross, old.carried) == (2, Decimal("1249886.09"), Decimal("1218.5123"))
    assert (new.part, new.steps.gross, new.carried) == (1, Decimal("1151920.65"), Decimal("1123.0059"))
    assert [carried.dates.valuation_date for carried in of_kind(events, "OrderCarried")] == [WEDNESDAY, WEDNESDAY]


def test_o6_a_remainder_lapses_where_the_sub_fund_says_so() -> None:
    house = g5("lapses")
    events = house.price("R1", shares=shares())
    assert names(events) == ["OrderPriced", "RemainderLapsed", "MovementsPriced"]
    house.book(events)
    assert house.order("R1").status == "confirmed"


def test_o6_an_order_whose_share_is_nothing_waits_or_lapses_whole() -> None:
    for remainder, status in (("carried", "accepted"), ("lapses", "lapsed")):
        house = House().gated(remainder)
        house.place("R1", "redemption", "units 0.0001")
        at("100", house, gates=[{"share_class": A, "requested_units": "1000", "capacity_units": "1"}])
        house.price("R1", shares={"R1": {"requested": "0.0001", "executed": "0"}})
        assert (house.order("R1").status, house.order("R1").parts) == (status, ())


def test_o6_a_share_is_the_gates_ratio_to_a_step() -> None:
    house = g5()
    house.when("PriceOrders", **house.chunk("R1")).then_refused(ShareOutsideGate, "share")
    for executed in ("26436.9335", "26436.9340", "40000"):
        wrong = house.chunk("R1", shares={"R1": {"requested": "40000", "executed": executed}})
        house.when("PriceOrders", **wrong).then_refused(ShareOutsideGate, "share")


def test_o6_a_gated_switch_invests_only_what_its_out_leg_executed_and_carries_both_legs() -> None:
    house = House().gated()
    house.place("W1", "switch", "units 100", into=into(C, OTHER_FUND))
    at("100", house, gates=[{"share_class": A, "requested_units": "100", "capacity_units": "60"}])
    house.price("W1", shares={"W1": {"requested": "100", "executed": "60"}})
    order = house.order("W1")
    assert order.waiting is not None
    assert order.waiting.into is not None
    assert [each.amount for each in order.investing] == [Decimal(6000)]
    assert (order.waiting.dates.valuation_date, order.waiting.into.valuation_date) == (TUESDAY, TUESDAY)
    (tally,) = house.day(TUESDAY, OTHER_FUND).tallies.values()
    assert (tally.flows, tally.cash, tally.units) == (2, Decimal(6000), Decimal(40))


def test_o5_nothing_is_priced_by_a_nav_that_was_known_at_its_receipt() -> None:
    house = House()
    house.place("S1")
    house.close()
    house.publish(published_at=house.order("S1").received.received_at)
    (found,) = house.price("S1")
    assert isinstance(found, OrderRejected)
    assert (found.reason, found.stage) == ("nav_known", "pricing")


def test_o5_a_nav_that_was_known_stays_known_though_it_was_cancelled() -> None:
    house = House()
    house.place("S1")
    house.close()
    house.publish(published_at=house.order("S1").received.received_at)
    house.do("StopPricing", sub_fund=SUB_FUND, valuation_date=MONDAY, revision=1)
    house.publish(revision=2)
    (found,) = house.price("S1", revision=2)
    assert isinstance(found, OrderRejected)
    assert found.reason == "nav_known"


@pytest.mark.parametrize(
    ("changed", "kind", "quantity", "reason"),
    [
        ({}, "subscription", "units 0.0001", "buys_no_unit"),
        ({"minimum_next": "500"}, "subscription", "units 4", "below_minimum_next"),
        ({}, "redemption", "gross 100001", "holding_too_small"),
        ({"minimum_holding": "500"}, "redemption", "gross 99900", "rest_below_minimum"),
    ],
)
def test_o4_what_cannot_be_dealt_at_its_nav_is_rejected_by_name(
    changed: dict[str, Any], kind: str, quantity: str, reason: str
) -> None:
    house = House()
    house.rows["share_classes"][A] = class_row(terms(**changed))
    house.place("X", kind, quantity)
    price = "1" if reason == "buys_no_unit" else "100"
    (found,) = at(price, house).price("X")
    assert isinstance(found, OrderRejected)
    assert (found.reason, found.stage, house.order("X").status) == (reason, "pricing", "rejected")


def test_i6_an_account_that_was_frozen_since_is_not_dealt() -> None:
    house = House()
    house.place("R1", "redemption")
    house.change("accounts", ACCOUNT, blocks=["asset_freeze"])
    (found,) = at("100", house).price("R1")
    assert isinstance(found, OrderRejected)
    assert found.reason == "account_blocked"


def test_a_chunk_that_is_wrong_prices_nothing() -> None:
    house = House()
    house.place("S1")
    house.place("W1", "switch", "units 1", into=into(B))
    at("100", house, rates=[], prices=[{"share_class": A, "nav": "100"}])
    house.when("PriceOrders", **house.chunk("W1")).then_refused(PriceMissing, "rates")
    chunk = house.chunk("S1")
    other = {**chunk["orders"][0], "account": SECOND}
    house.when("PriceOrders", **{**chunk, "orders": [other]}).then_refused(InvalidValue, "orders")
    unknown = {**chunk["orders"][0], "order": named("none")}
    house.when("PriceOrders", **{**chunk, "orders": [unknown]}).then_refused(OrderUnknown, "order")
    house.publish(revision=2, prices=[{"share_class": B, "nav": "100"}])
    house.when("PriceOrders", **house.chunk("S1", revision=2)).then_refused(PriceMissing, "share_class")


def test_w2_a_remainder_needs_its_next_day_named() -> None:
    house = g5()
    command = house.command("PriceOrders", **house.chunk("R1", shares=shares()))
    assert f"{SUB_FUND}:{TUESDAY}" in command.streams()[-1]
    bare = command.model_copy(update={"days": ()})
    assert house.past.when(bare).then_refused(DatesMoved, "days").value == f"{SUB_FUND}:{TUESDAY}"


@pytest.mark.parametrize(
    ("count", "kind", "fields"),
    [(150, "subscription", {}), (75, "switch", {"into": into(B)}), (100, "redemption", {"gate": True})],
)
def test_w6_a_chunk_fits_a_decision(count: int, kind: str, fields: dict[str, Any]) -> None:
    house = House()
    gate = bool(fields.get("gate"))
    house.change("sub_funds", SUB_FUND, tools=sub_fund_row()["tools"])
    if gate:
        house.gated()
    every = [f"X{number}" for number in range(count)]
    for name in every:
        quantity = "gross 1234.56" if kind == "subscription" else "units 1.2345"
        house.place(name, kind, quantity, **{key: fields[key] for key in fields if key == "into"})
    half = [{"share_class": A, "requested_units": "2.469", "capacity_units": "1.2346"}] if gate else []
    at("137.4281", house, gates=half)
    cut = {name: {"requested": "1.2345", "executed": "0.6173"} for name in every} if gate else None
    events = house.price(*every, shares=cut)
    size = len(canonical([[event.type_name(), event.stream(), event.data()] for event in events]))
    assert len(events) <= MAX_DECISION_EVENTS
    assert size <= MAX_DECISION_BYTES, size
    assert house.now > CUT_OFF
    assert MONDAY < TUESDAY
