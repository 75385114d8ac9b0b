"""F-3, O-5, O-10: two prices, liquidity tools, class settings in a chunk; what golden G4 asks of a close."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from libs.messages import order_values as values
from libs.messages.orders import OrderPriced
from services.orders.tests.dealing_examples import (
    ACCOUNT,
    SUB_FUND,
    ZERO,
    A,
    B,
    House,
    class_row,
    holding_row,
    into,
    of_kind,
    published_at,
    totals,
)  # fmt: skip
from services.orders.tests.examples import b_usd, terms


def steps(house: House, name: str, nav: str = "100", **fields: Any) -> values.PricedSteps:
    """The steps of an order that is priced by itself."""
    priced = published_at(nav, house, **fields).price(name)[0]
    assert isinstance(priced, OrderPriced)
    return priced.steps


def test_g4_o10_the_totals_of_a_close_are_the_flows_of_the_swing_test() -> None:
    house = House()
    house.rows["share_classes"][A] = class_row(terms(entry_fee={"rate": "0.01", "base": "gross"}))
    house.rows["holdings"] |= {(ACCOUNT, A): holding_row("9000"), (ACCOUNT, B): holding_row("9000")}
    dollars = {"by": "gross", "amount": "150000", "currency": "USD"}
    house.place("S1", quantity="gross 1200000")
    house.place("R1", "redemption", "units 2000")
    house.place("R2", "redemption", "units 1000", share_class=B)
    house.place("S2", quantity=dollars, share_class=B)
    house.place("W1", "switch", "units 500", into=into(B))
    house.close()
    closed = house.day().closed
    assert closed is not None
    found = {key: (each.cash, each.units) for key, each in totals(closed).items()}
    assert found == {
        (A, "subscription"): (Decimal(1_188_000), ZERO),
        (A, "redemption"): (ZERO, Decimal(2000)),
        (B, "redemption"): (ZERO, Decimal(1000)),
        (B, "subscription"): (Decimal(150_000), ZERO),
        (A, "switch_out"): (ZERO, Decimal(500)),
        (B, "switch_in"): (ZERO, Decimal(500)),
    }


def test_g4_o5_a_swung_nav_is_what_is_dealt_at() -> None:
    house = House()
    house.rows["share_classes"][A] = class_row(terms(entry_fee={"rate": "0.01", "base": "gross"}))
    house.place("S1", quantity="gross 1200000")
    swung = [{"share_class": A, "nav": "137.9091", "swung": True}]
    assert steps(house, "S1", prices=swung).units == Decimal("8614.3699")


def test_o5_subscribers_pay_the_offer_and_redeemers_get_the_bid() -> None:
    house = House()
    house.rows["share_classes"][A] = class_row(terms(price_type="bid_and_offer"))
    house.place("S1")
    house.place("R1", "redemption", "units 10")
    both = [{"share_class": A, "nav": "100", "bid": "99", "offer": "101"}]
    priced = of_kind(published_at("100", house, prices=both).price("S1", "R1"), "OrderPriced")
    assert {event.steps.side: event.steps.price for event in priced} == {
        "subscription": Decimal(101), "redemption": Decimal(99),
    }  # fmt: skip


def test_f3_a_levy_is_taken_on_the_days_on_which_the_publication_says_it_is_due() -> None:
    for due, expected in ((False, ZERO), (True, Decimal(10))):
        house = House()
        house.change("sub_funds", SUB_FUND, tools={"levy": {"subscription_rate": "0.01", "redemption_rate": "0.01"}})
        house.place("R1", "redemption", "units 10")
        assert steps(house, "R1", levy_due=due).levy == expected


def test_f3_a_redemption_fee_is_borne_by_units_that_were_held_too_shortly() -> None:
    house = House()
    house.change("sub_funds", SUB_FUND, tools={"redemption_fee": {"rate": "0.02", "held_up_to_days": 90}})
    house.change("holdings", (ACCOUNT, A), long_held="4")
    house.place("R1", "redemption", "units 10")
    assert steps(house, "R1").redemption_fee == Decimal(12)


def test_g2_f1_a_rest_below_the_minimum_is_redeemed_too_where_the_class_says_so() -> None:
    house = House()
    changed = {"minimum_holding": "500", "below_minimum_holding": "redeem_all"}
    house.rows["share_classes"][A] = class_row(terms(exit_fee={"rate": "0.01", "base": "gross"}, **changed))
    house.rows["holdings"][ACCOUNT, A] = holding_row("70.5823")
    house.place("R1", "redemption", "gross 9950")
    found = steps(house, "R1", "141.2050")
    assert (found.quantity, found.units, found.net) == (values.InAll(), Decimal("70.5823"), Decimal("9866.90"))


def test_g3_o1_a_switch_within_one_currency_takes_no_rate() -> None:
    house = House()
    house.rows["share_classes"][B] = class_row(b_usd(currency="EUR"))
    house.place("W1", "switch", "units 10", into=into(B))
    prices = [{"share_class": A, "nav": "100"}, {"share_class": B, "nav": "50"}]
    inward = of_kind(published_at("100", house, prices=prices, rates=[]).price("W1"), "OrderPriced")[1]
    assert (inward.steps.units, inward.steps.converted_raw, inward.steps.rate) == (Decimal(20), None, None)
