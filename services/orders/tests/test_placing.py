"""O-1 … O-4, O-9: an order is received, then accepted or rejected by name, once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from libs.kernel.decider import Command
from libs.kernel.errors import CheckUnavailable
from libs.kernel.events import Claim
from libs.messages.orders import OrderAccepted, OrderReceived, OrderRejected
from services.orders.domain.commands import PlaceOrder
from services.orders.domain.placing import days_of
from services.orders.domain.refusals import DatesMoved, DuplicateReference
from services.orders.tests.dealing_examples import (
    ACCOUNT,
    CUT_OFF,
    DECIDER,
    DISTRIBUTOR,
    MICROSECOND,
    MONDAY,
    NOW,
    OTHER_FUND,
    SECOND,
    STRANGE,
    SUB_FUND,
    TUESDAY,
    UMBRELLA,
    A,
    B,
    C,
    House,
    class_row,
    into,
    named,
    names,
    placed,
    publication,
    written,
)  # fmt: skip
from services.orders.tests.examples import b_usd, terms

Change = Callable[[House], object]


def test_o2_the_receipt_time_is_the_clock_of_the_service_and_stands_in_the_event() -> None:
    received, accepted, *_ = House().place("S1")
    assert isinstance(received, OrderReceived)
    assert received.received_at == NOW
    assert isinstance(accepted, OrderAccepted)
    assert accepted.dates is not None
    assert (accepted.dates.valuation_date, accepted.dates.deadline) == (MONDAY, CUT_OFF)
    assert "received_at" not in PlaceOrder.model_fields


@pytest.mark.parametrize(("late", "expected"), [(timedelta(0), MONDAY), (MICROSECOND, TUESDAY)])
def test_o2_an_order_at_the_cut_off_is_in_time_and_one_microsecond_later_takes_the_next_day(
    late: timedelta, expected: object
) -> None:
    house = House()
    house.now = CUT_OFF + late
    house.place("S1")
    waiting = house.order("S1").waiting
    assert waiting is not None
    assert waiting.dates.valuation_date == expected


def rejected(house: House, **fields: Any) -> OrderRejected:
    """The rejection that an order comes to; it was received all the same."""
    events = house.do("PlaceOrder", **placed("X", **fields))
    assert names(events) == ["OrderReceived", "OrderRejected"]
    assert house.order("X", fields.get("placed_by")).status == "rejected"
    assert isinstance(events[1], OrderRejected)
    return events[1]


def nothing(house: House) -> None:
    """No row is changed."""


def of_class(**columns: Any) -> Change:
    return lambda house: house.change("share_classes", A, **columns)


def of_account(**columns: Any) -> Change:
    return lambda house: house.change("accounts", ACCOUNT, **columns)


def with_terms(**changed: Any) -> Change:
    return lambda house: house.rows["share_classes"].update({A: class_row(terms(**changed))})


def without(table: str, key: Any) -> Change:
    return lambda house: house.rows[table].pop(key)


def soft_closed_to_who_holds_nothing(house: House) -> None:
    house.change("share_classes", A, status="soft_closed", existing_holders_may_subscribe=True)
    del house.rows["holdings"][ACCOUNT, A]


RED: dict[str, Any] = {"kind": "redemption", "quantity": "units 10"}
SWITCH: dict[str, Any] = {"kind": "switch", "quantity": "units 10", "into": into(B)}
MOVE: dict[str, Any] = {"kind": "transfer", "quantity": "units 10", "to_account": SECOND}

REFUSALS: list[tuple[str, str | None, Change, dict[str, Any]]] = [
    ("class_unknown", "DSEC", without("share_classes", A), {}),
    ("class_unknown", "DSEC", of_class(umbrella=SUB_FUND), {}),
    ("class_unknown", "DSEC", nothing, {"sub_fund": OTHER_FUND}),
    ("class_unknown", "DSEC", nothing, {"kind": "switch", "quantity": "units 10"}),
    ("class_unknown", "DSEC", without("share_classes", B), SWITCH),
    ("same_class", None, nothing, {**SWITCH, "into": into(A)}),
    ("class_closed", "CLOS", of_class(status="closed"), {}),
    ("class_closed", "CLOS", of_class(status="closed"), MOVE),
    ("class_closed", "CLOS", lambda house: house.change("sub_funds", SUB_FUND, status="closed"), {}),
    ("class_not_open", "CLOS", of_class(status="draft"), {}),
    ("class_not_open", "CLOS", of_class(status="initial_offer"), {}),
    ("class_soft_closed", "CLOS", of_class(status="soft_closed", existing_holders_may_subscribe=False), {}),
    ("class_soft_closed", "CLOS", soft_closed_to_who_holds_nothing, {}),
    ("class_suspended", None, of_class(status="suspended"), {}),
    ("class_suspended", None, lambda house: house.change("sub_funds", SUB_FUND, status="suspended"), RED),
    ("class_suspended", None, lambda house: house.change("share_classes", B, status="suspended"), SWITCH),
    ("account_unknown", "SAFE", without("accounts", ACCOUNT), {}),
    ("account_unknown", "SAFE", nothing, {"account": STRANGE}),
    ("account_unknown", "SAFE", nothing, {"placed_by": DISTRIBUTOR}),
    ("account_unknown", "SAFE", nothing, {**MOVE, "to_account": ACCOUNT}),
    ("account_not_approved", "DOCC", of_account(approved=False), {}),
    ("account_not_approved", "DOCC", of_account(status="closed"), RED),
    ("review_overdue", "DOCC", of_account(review_overdue=True), {}),
    ("account_blocked", "BLCA", of_account(blocks=["all"]), RED),
    ("account_blocked", "BLCA", of_account(blocks=["subscriptions"]), {}),
    ("account_blocked", "BLCA", of_account(blocks=["redemptions"]), SWITCH),
    ("account_blocked", "BLCA", of_account(blocks=["asset_freeze"]), RED),
    ("account_blocked", "BLCA", of_account(blocks=["transfers"]), MOVE),
    ("investor_ineligible", None, of_account(categories=["retail", "professional"]), {}),
    ("investor_ineligible", None, of_account(countries=["US"]), {}),
    ("investor_ineligible", None, lambda house: house.change("accounts", SECOND, countries=["US"]), MOVE),
    ("currency", "UDCY", nothing, {"quantity": written("gross 1000", "USD")}),
    ("quantity", "DQUA", nothing, {"quantity": "gross 0"}),
    ("quantity", "DQUA", nothing, {"quantity": "gross -1"}),
    ("quantity", "DQUA", nothing, {"quantity": "gross 10.001"}),
    ("quantity", "DQUA", nothing, {"quantity": "units 1.00001"}),
    ("quantity", "DQUA", nothing, {"quantity": "units 1000000000000000000000000000000.1"}),
    ("quantity", "DQUA", nothing, {"quantity": "all"}),
    ("quantity", "DQUA", nothing, {**MOVE, "quantity": "gross 10"}),
    ("below_minimum_next", "BMIN", with_terms(minimum_next="1000.01"), {}),
    ("holding_too_small", "DQUA", nothing, {**RED, "quantity": "units 1000.0001"}),
    ("holding_too_small", "DQUA", without("holdings", (ACCOUNT, A)), {**RED, "quantity": "all"}),
    ("holding_too_small", "DQUA", without("holdings", (ACCOUNT, A)), MOVE),
    ("no_dealing_date", "CLOS", lambda house: setattr(house, "now", NOW.replace(year=2150)), {}),
]  # fmt: skip


@pytest.mark.parametrize(("reason", "code", "change", "fields"), REFUSALS)
def test_o4_a1_every_refusal_has_a_name_and_its_iso_code(
    reason: str, code: str | None, change: Change, fields: dict[str, Any]
) -> None:
    house = House()
    change(house)
    found = rejected(house, **fields)
    assert (found.reason, found.iso_code, found.stage) == (reason, code, "acceptance")
    assert found.field


def test_o4_the_first_minimum_is_for_who_holds_nothing_and_charges_are_no_part_of_it() -> None:
    house = House()
    with_terms(minimum_first="1000", entry_fee={"rate": "0.03", "base": "gross"})(house)
    del house.rows["holdings"][ACCOUNT, A]
    found = rejected(house)
    assert (found.reason, found.found, found.limit) == ("below_minimum_first", Decimal(970), Decimal(1000))


@pytest.mark.parametrize("change", [of_account(review_overdue=True), of_account(blocks=["payments", "subscriptions"])])
def test_i2_i6_overdue_reviews_and_blocks_of_payments_stop_no_redemption(change: Change) -> None:
    house = House()
    change(house)
    assert "OrderAccepted" in names(house.place("R1", "redemption", "all"))


def test_f1_existing_holders_subscribe_in_a_soft_closed_class_that_lets_them() -> None:
    house = House()
    of_class(status="soft_closed", existing_holders_may_subscribe=True)(house)
    assert "OrderAccepted" in names(house.place("S1"))


def test_o9_the_same_instruction_again_is_no_event_on_any_later_day_and_by_any_way() -> None:
    house = House()
    house.place("S1")
    rejected(house, **{**RED, "quantity": "units 5000"})
    house.now = NOW + timedelta(days=3)
    house.when("PlaceOrder", **placed("S1")).then_nothing()
    house.when("PlaceOrder", **placed("S1", source="message")).then_nothing()
    house.when("PlaceOrder", **placed("X", "redemption", "units 5000")).then_nothing()


def test_o4_another_instruction_under_the_same_client_reference_is_refused() -> None:
    house = House()
    house.place("S1")
    house.when("PlaceOrder", **placed("S1", quantity="gross 1001")).then_refused(DuplicateReference, "client_reference")


def test_w4_a_client_reference_is_one_order_of_its_distributor() -> None:
    house = House()
    mine, theirs = house.place("S1")[0], house.place("S1", placed_by=DISTRIBUTOR, account=STRANGE)[0]
    assert mine.claims() == (Claim("client_reference", "-/S1"), Claim("order", str(named("S1"))))
    assert theirs.claims()[0] == Claim("client_reference", "DIST-1/S1")
    assert named("S1") != named("S1", DISTRIBUTOR)


def test_i8_operations_enter_an_order_in_a_distributors_name() -> None:
    events = House().place("S1", distributor=DISTRIBUTOR, account=STRANGE)
    assert isinstance(events[0], OrderReceived)
    assert (names(events)[1], events[0].distributor) == ("OrderAccepted", DISTRIBUTOR)


def test_o1_a_switch_is_accepted_whole_and_its_in_leg_takes_its_own_next_valuation_date() -> None:
    house = House()
    house.place("W1", "switch", "units 10", into=into(C, OTHER_FUND))
    waiting = house.order("W1").waiting
    assert waiting is not None
    assert waiting.into is not None
    assert (waiting.dates.valuation_date, waiting.into.valuation_date) == (MONDAY, TUESDAY)


def test_o1_a_switch_is_rejected_whole_when_its_in_leg_is() -> None:
    house = House()
    house.rows["share_classes"][B] = class_row(b_usd(investor_types=["institutional"]))
    assert rejected(house, **SWITCH).reason == "investor_ineligible"
    assert f"orders/{UMBRELLA}/dealing_day/{SUB_FUND}:{MONDAY}" not in house.past.states


def test_o1_r1_a_transfer_is_told_to_the_register_at_once_and_has_no_dealing_day() -> None:
    house = House()
    events = house.place("T1", "transfer", "all", to_account=SECOND)
    assert names(events) == ["OrderReceived", "OrderAccepted", "TransferInstructed"]
    assert house.order("T1").status == "accepted"


def test_o5_an_order_is_not_taken_for_a_nav_that_was_published_when_it_came() -> None:
    house = House()
    house.place("S1")
    house.close()
    house.do("OpenPricing", **publication(CUT_OFF - timedelta(hours=1)))
    house.now = CUT_OFF
    assert rejected(house).reason == "nav_known"
    # In time, before that publication, and decided only now: it is dealt.
    house.now = CUT_OFF - timedelta(hours=2)
    assert "OrderAccepted" in names(house.place("S2"))


def test_w24_without_its_rows_nothing_is_decided() -> None:
    command = DECIDER.commands["PlaceOrder"].model_validate({**placed("S1"), "now": NOW, "umbrella": UMBRELLA})
    House().past.when(command).then_refused(CheckUnavailable, "share_classes")


def test_w2_a_decision_asks_for_the_dealing_day_that_it_needs() -> None:
    house = House()
    command = house.command("PlaceOrder", **placed("S1"))
    assert isinstance(command, PlaceOrder)
    assert command.days == days_of(command)
    bare = command.model_copy(update={"days": ()})
    assert house.past.when(bare).then_refused(DatesMoved, "days").value == f"{SUB_FUND}:{MONDAY}"


def test_w2_days_of_a_rejected_order_or_a_transfer_are_none() -> None:
    house = House()
    for fields in (placed("X", quantity="gross 0"), placed("T1", "transfer", "all", to_account=SECOND)):
        command = house.command("PlaceOrder", **fields)
        assert isinstance(command, PlaceOrder)
        assert days_of(command) == ()


def test_a_command_of_another_service_is_a_mistake_of_the_code() -> None:
    house = House()
    with pytest.raises(ValueError, match="time zone"):
        house.command("PlaceOrder", **placed("S1"), now=NOW.replace(tzinfo=None))
    with pytest.raises(TypeError, match="no command of orders"):
        DECIDER.decide(Command(now=NOW), {})
