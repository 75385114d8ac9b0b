"""O-3: what the register and payments answer; no order ends in silence."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from libs.kernel.errors import InvalidValue
from libs.messages.orders import OrderConfirmed
from services.orders.domain.refusals import PartUnknown, StatusForbids
from services.orders.tests.dealing_examples import (
    MONDAY,
    OTHER_FUND,
    SECOND,
    TUESDAY,
    A,
    C,
    House,
    into,
    named,
    names,
)  # fmt: skip

BOOKED = {"valuation_date": MONDAY, "share_class": A, "chunk": 1}


def priced(*fields: Any, **more: Any) -> House:
    """One order, priced."""
    house = House()
    house.place("S1", *fields, **more)
    house.close()
    house.publish()
    house.price("S1")
    return house


def booked() -> House:
    """One order, confirmed."""
    house = priced()
    house.do("RecordBookings", **BOOKED, booked=[named("S1")])
    return house


def test_o3_a_booked_order_is_registered_and_confirmed() -> None:
    house = priced()
    assert names(house.do("RecordBookings", **BOOKED, booked=[named("S1")])) == ["OrderRegistered", "OrderConfirmed"]
    assert house.order("S1").status == "confirmed"
    house.when("RecordBookings", **BOOKED, booked=[named("S1")]).then_nothing()
    with pytest.raises(ValidationError, match="about an order"):
        house.command("RecordBookings", **BOOKED)


def test_o3_an_answer_about_what_was_not_priced_is_refused() -> None:
    house = priced()
    other = {**BOOKED, "share_class": C}
    house.when("RecordBookings", **other, booked=[named("S1")]).then_refused(PartUnknown, "order")


def test_o3_of_a_switch_both_legs_are_confirmed_together() -> None:
    house = House()
    house.place("W1", "switch", "units 10", into=into(C, OTHER_FUND))
    house.close()
    house.publish()
    assert names(house.book(house.price("W1"))) == ["OrderRegistered"]
    house.close(TUESDAY, OTHER_FUND)
    house.publish(TUESDAY, OTHER_FUND)
    answers = house.book(house.price("W1", valuation_date=TUESDAY, sub_fund=OTHER_FUND))
    assert names(answers) == ["OrderRegistered", "OrderConfirmed"]
    assert isinstance(answers[1], OrderConfirmed)
    assert answers[1].parts == (1, 2)


def test_o1_an_out_leg_that_the_register_refused_pays_for_no_in_leg() -> None:
    house = House()
    house.place("W1", "switch", "units 10", into=into(C, OTHER_FUND))
    house.close()
    house.publish()
    house.price("W1")
    refused = [{"order": named("W1"), "reason": "holding-too-small"}]
    events = house.do("RecordBookings", **BOOKED, refused=refused)
    assert names(events) == ["OrderUncounted", "RegistrationRefused"]
    assert house.day(TUESDAY, OTHER_FUND).tallies == {}
    assert (house.order("W1").investing, house.order("W1").status) == ((), "registration_refused")
    house.do("ReverseOrder", order=named("W1"), reason="input_error")
    assert house.order("W1").status == "reversed"


def test_o3_matched_money_settles_what_is_confirmed() -> None:
    house = priced()
    settle = {"order": named("S1"), "parts": [1]}
    house.when("SettleOrder", **settle).then_refused(StatusForbids, "parts")
    house.do("RecordBookings", **BOOKED, booked=[named("S1")])
    assert names(house.do("SettleOrder", **settle)) == ["OrderSettled"]
    assert house.order("S1").is_final
    house.when("SettleOrder", **settle).then_nothing()
    house.when("SettleOrder", order=named("S1"), parts=[2]).then_refused(PartUnknown, "parts")


def test_o3_settlement_that_failed_is_visible_and_may_still_come() -> None:
    house = booked()
    fail = {"order": named("S1"), "parts": [1], "reason": "money_missing"}
    assert names(house.do("FailSettlement", **fail)) == ["SettlementFailed"]
    assert house.order("S1").status == "settlement_failed"
    house.when("FailSettlement", **fail).then_nothing()
    house.do("SettleOrder", order=named("S1"), parts=[1])
    house.when("FailSettlement", **fail).then_refused(StatusForbids, "parts")
    returned = {**fail, "reason": "payment_returned"}
    assert names(house.do("FailSettlement", **returned)) == ["SettlementFailed"]


def test_r1_a_transfer_is_settled_or_rejected_by_the_registers_answer() -> None:
    for answer, status in (({"units": "10"}, "settled"), ({"refused": "account-blocked"}, "rejected")):
        house = House()
        house.place("T1", "transfer", "units 10", to_account=SECOND)
        house.do("RecordTransfer", order=named("T1"), **answer)
        assert house.order("T1").status == status
        house.when("RecordTransfer", order=named("T1"), **answer).then_nothing()


def test_r1_an_answer_to_a_transfer_is_one_thing_and_to_a_transfer() -> None:
    house = priced()
    house.place("T1", "transfer", "units 10", to_account=SECOND)
    house.when("RecordTransfer", order=named("T1")).then_refused(InvalidValue, "units")
    house.when("RecordTransfer", order=named("S1"), units="1").then_refused(StatusForbids, "status")
