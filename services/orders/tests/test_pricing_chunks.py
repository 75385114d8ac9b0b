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
from services.orders.domain.refusals import OrderUnknown, PriceMissing
from services.orders.tests.dealing_examples import (
    ACCOUNT,
    MONDAY,
    OTHER_FUND,
    SECOND,
    SUB_FUND,
    TUESDAY,
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
    published_at,
)  # fmt: skip
from services.orders.tests.examples import b_usd, terms


def test_g1_o5_a_subscription_is_priced_by_the_nav_of_its_own_day_and_told_to_the_register() -> None:
    house = House()
    house.rows["share_classes"][A] = class_row(terms(entry_fee={"rate": "0.03", "base": "gross"}))
    house.place("S1", quantity="gross 10000")
    priced, moved = published_at("137.4281", house).price("S1")
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
    first, second, _ = published_at("141.2050", house).price("R2", "R1")
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
    events = published_at("141.2050", house).price("W1")
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
    events = published_at("100", house).price("W1")
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
    events = published_at(
        "100", house, prices=[{"share_class": A, "nav": "100"}, {"share_class": B, "nav": nav}]
    ).price("W1")
    if far:
        house.close(TUESDAY, OTHER_FUND)
        house.publish(TUESDAY, OTHER_FUND, prices=[{"share_class": C, "nav": "2000000"}])
        events = house.price("W1", valuation_date=TUESDAY, sub_fund=OTHER_FUND)
        assert names(events) == ["OrderReversed", "MovementsReversed"]
    else:
        assert names(events) == ["OrderRejected"]
    assert house.order("W1").is_final


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
    (found,) = published_at(price, house).price("X")
    assert isinstance(found, OrderRejected)
    assert (found.reason, found.stage, house.order("X").status) == (reason, "pricing", "rejected")


def test_i6_an_account_that_was_frozen_since_is_not_dealt() -> None:
    house = House()
    house.place("R1", "redemption")
    house.change("accounts", ACCOUNT, blocks=["asset_freeze"])
    (found,) = published_at("100", house).price("R1")
    assert isinstance(found, OrderRejected)
    assert found.reason == "account_blocked"


def test_a_chunk_that_is_wrong_prices_nothing() -> None:
    house = House()
    house.place("S1")
    house.place("W1", "switch", "units 1", into=into(B))
    published_at("100", house, rates=[], prices=[{"share_class": A, "nav": "100"}])
    house.when("PriceOrders", **house.chunk("W1")).then_refused(PriceMissing, "rates")
    chunk = house.chunk("S1")
    other = {**chunk["orders"][0], "account": SECOND}
    house.when("PriceOrders", **{**chunk, "orders": [other]}).then_refused(InvalidValue, "orders")
    unknown = {**chunk["orders"][0], "order": named("none")}
    house.when("PriceOrders", **{**chunk, "orders": [unknown]}).then_refused(OrderUnknown, "order")
    house.publish(revision=2, prices=[{"share_class": B, "nav": "100"}])
    house.when("PriceOrders", **house.chunk("S1", revision=2)).then_refused(PriceMissing, "share_class")


@pytest.mark.parametrize(
    ("count", "kind", "gated"),
    [(150, "subscription", False), (75, "switch", False), (100, "redemption", True), (50, "switch", True)],
)
def test_w6_a_chunk_fits_a_decision(count: int, kind: str, gated: bool) -> None:
    house = House().gated() if gated else House()
    every = [f"X{number}" for number in range(count)]
    for name in every:
        quantity = "gross 1234.56" if kind == "subscription" else "units 1.2345"
        house.place(name, kind, quantity, **({"into": into(B)} if kind == "switch" else {}))
    half = [{"share_class": A, "requested_units": "2.469", "capacity_units": "1.2346"}] if gated else []
    published_at("137.4281", house, gates=half)
    cut = {name: {"requested": "1.2345", "executed": "0.6173"} for name in every} if gated else None
    events = house.price(*every, shares=cut)
    size = len(canonical([[event.type_name(), event.stream(), event.data()] for event in events]))
    assert len(events) <= MAX_DECISION_EVENTS
    assert size <= MAX_DECISION_BYTES, size
