"""O-3: amendments, cancellations before and after the cut-off, reversals."""

from __future__ import annotations

from typing import Any

import pytest

from libs.kernel.decider import Command
from libs.kernel.errors import CheckUnavailable
from libs.messages.orders import MovementsReversed, OrderCancelled, OrderRejected, OrderReversed
from libs.rules.four_eyes import ApproveChange, NeedsApproval, ProposeChange, Rules
from services.orders.domain.refusals import AfterCutOff, NavIsPublished, OrderUnknown, StatusForbids
from services.orders.tests.dealing_examples import (
    CUT_OFF,
    DECIDER,
    DISTRIBUTOR,
    MICROSECOND,
    MONDAY,
    PUBLISHED,
    SECOND,
    STRANGE,
    SUB_FUND,
    UMBRELLA,
    A,
    B,
    House,
    into,
    named,
    names,
    placed,
    totals,
)  # fmt: skip


def one_order(*fields: Any, **more: Any) -> House:
    """One accepted order."""
    house = House()
    house.place("S1", *fields, **more)
    return house


def amended(**fields: Any) -> dict[str, Any]:
    """The fields of an amendment of S1 to twice its money."""
    return {**placed("S2", quantity="gross 2000"), "original": named("S1"), **fields}


def test_o3_an_amendment_is_one_decision_cancel_and_new_linked() -> None:
    house = one_order()
    events = house.do("AmendOrder", **amended())
    assert names(events) == [
        "OrderReceived", "OrderAccepted", "OrderCounted", "OrderCancelled", "OrderUncounted",
    ]  # fmt: skip
    assert (house.order("S2").received.replaces, house.order("S1").status) == (named("S1"), "cancelled")
    gone = house.order("S1").cancelled
    assert gone is not None
    assert (gone.by, gone.replaced_by) == ("client", named("S2"))
    assert [tally.cash for tally in house.day().tallies.values()] == [2000]
    house.when("AmendOrder", **amended()).then_nothing()


@pytest.mark.parametrize(
    ("change", "reason", "code"),
    [
        ({"quantity": {"by": "units", "units": "0"}}, "quantity", "DQUA"),
        ({"account": SECOND}, "original_gone", "NALC"),
        ({"now": CUT_OFF + MICROSECOND}, "too_late", "CUTO"),
    ],
)
def test_o3_when_an_amendment_is_refused_the_original_stands(change: dict[str, Any], reason: str, code: str) -> None:
    house = one_order()
    events = house.do("AmendOrder", **amended(**change))
    assert names(events) == ["OrderReceived", "OrderRejected"]
    assert isinstance(events[1], OrderRejected)
    assert (events[1].reason, events[1].iso_code) == (reason, code)
    assert (house.order("S1").status, house.order("S2").status) == ("accepted", "rejected")


def test_o3_what_is_gone_is_not_amended() -> None:
    house = one_order()
    house.do("CancelOrder", order=named("S1"))
    assert names(house.do("AmendOrder", **amended())) == ["OrderReceived", "OrderRejected"]


def test_o3_an_order_is_withdrawn_until_its_cut_off_and_no_longer() -> None:
    house = one_order()
    house.when("CancelOrder", order=named("S1"), now=CUT_OFF + MICROSECOND).then_refused(AfterCutOff, "now")
    house.now = CUT_OFF
    events = house.do("CancelOrder", order=named("S1"))
    assert names(events) == ["OrderUncounted", "OrderCancelled"]
    assert house.day().tallies == {}
    house.when("CancelOrder", order=named("S1")).then_nothing()


def test_o3_both_legs_of_a_switch_are_withdrawn() -> None:
    house = one_order("switch", "units 10", into=into(B))
    assert names(house.do("CancelOrder", order=named("S1"))) == ["OrderUncounted", "OrderUncounted", "OrderCancelled"]


def test_i8_the_order_of_another_distributor_does_not_exist_for_one() -> None:
    house = House()
    house.place("S1", placed_by=DISTRIBUTOR, account=STRANGE)
    order = named("S1", DISTRIBUTOR)
    for name in ("CancelOrder", "ReverseOrder", "CancelAfterCutOff"):
        fields = {} if name == "CancelOrder" else {"reason": "duplicate"}
        house.when(name, order=order, placed_by="DIST-2", **fields).then_refused(OrderUnknown, "order")
    original = {**amended(), "original": order, "placed_by": "DIST-2"}
    house.when("AmendOrder", **original).then_refused(OrderUnknown, "order")
    assert names(house.do("CancelOrder", order=order, placed_by=DISTRIBUTOR)) == ["OrderUncounted", "OrderCancelled"]
    house.when("CancelOrder", order=named("none")).then_refused(OrderUnknown, "order")


LATE = {"order": named("S1"), "reason": "input_error"}


def test_o3_after_the_cut_off_the_agent_cancels_and_the_day_is_counted_again() -> None:
    house = one_order()
    house.place("S2")
    house.close()
    events = house.do("CancelAfterCutOff", **LATE)
    assert names(events) == ["OrderUncounted", "OrderCancelled", "DealingDayClosed"]
    closed = house.day().closed
    assert closed is not None
    assert (closed.revision, totals(closed)[A, "subscription"].flows) == (2, 1)
    assert isinstance(events[1], OrderCancelled)
    assert (events[1].by, events[1].reason) == ("agent", "input_error")
    house.when("CancelAfterCutOff", **LATE).then_nothing()


def test_o3_once_the_nav_is_published_nothing_is_cancelled() -> None:
    house = one_order()
    house.close()
    row = {"revision": 1, "published_at": PUBLISHED}
    house.rows["published_days"][SUB_FUND, str(MONDAY)] = row
    house.when("CancelAfterCutOff", **LATE).then_refused(NavIsPublished, "valuation_date")
    house.rows["published_days"].clear()
    house.publish()
    house.when("CancelAfterCutOff", **LATE).then_refused(NavIsPublished, "valuation_date")
    house.price("S1")
    house.when("CancelAfterCutOff", **LATE).then_refused(StatusForbids, "status")
    house.when("CancelOrder", order=named("S1")).then_refused(StatusForbids, "status")


def test_w24_an_agent_cancels_only_when_it_is_known_that_nothing_is_published() -> None:
    house = one_order()
    command = house.command("CancelAfterCutOff", **LATE)
    house.past.when(command.model_copy(update={"rows": None})).then_refused(CheckUnavailable, "published_days")


@pytest.mark.parametrize("name", ["CancelAfterCutOff", "ReverseOrder"])
def test_o3_agent_cancels_and_reversals_take_a_second_person(name: str) -> None:
    command: Command = one_order().command(name, **LATE)
    with pytest.raises(NeedsApproval):
        Rules(DECIDER).decide(command, {})


def test_o3_f4_an_agent_cancel_takes_effect_when_a_second_person_approves_it() -> None:
    house, rules = one_order(), Rules(DECIDER)
    house.close()
    asked = house.command("CancelAfterCutOff", **LATE)
    payload = asked.model_dump(mode="json", exclude={"now"})
    change: dict[str, Any] = {
        "now": house.now, "service": "orders", "change": str(named("change")), "key": str(UMBRELLA),
        "reads": asked.streams(), "needs": asked.references(), "rows": dict.fromkeys(asked.references()),
    }  # fmt: skip
    proposal = ProposeChange(**change, by="olga", command="CancelAfterCutOff", payload=payload)
    states = {stream: house.past.states.get(stream) for stream in proposal.streams()}
    (proposed,) = rules.decide(proposal, states)
    states[proposal.streams()[0]] = rules.evolve(None, proposed)
    assert house.order("S1").status == "accepted"
    events = rules.decide(ApproveChange(**change, by="piet"), states)
    assert names(events)[1:-1] == ["OrderUncounted", "OrderCancelled", "DealingDayClosed"]


def dealt(*fields: Any, **more: Any) -> House:
    """One order, priced."""
    house = one_order(*fields, **more)
    house.close()
    house.publish()
    return house


def test_o3_after_the_publication_what_was_dealt_is_reversed_and_taken_back_by_the_register() -> None:
    house = dealt("switch", "units 10", into=into(B))
    house.when("ReverseOrder", **LATE).then_refused(StatusForbids, "status")
    priced = house.price("S1")
    house.when("ReverseOrder", **LATE).then_refused(StatusForbids, "status")
    house.book(priced)
    reversal, undone = house.do("ReverseOrder", **LATE)
    assert isinstance(reversal, OrderReversed)
    assert isinstance(undone, MovementsReversed)
    assert reversal.parts == (1, 2)
    assert [(each.share_class, each.side) for each in undone.movements] == [(A, "issue"), (B, "cancel")]
    assert house.order("S1").status == "reversed"
    house.when("ReverseOrder", **LATE).then_nothing()


def test_o3_what_the_register_refused_is_reversed_without_a_movement() -> None:
    house = dealt()
    house.price("S1")
    refused = [{"order": named("S1"), "reason": "holding-too-small"}]
    day = {"valuation_date": MONDAY, "share_class": A, "chunk": 1}
    assert names(house.do("RecordBookings", **day, refused=refused)) == ["RegistrationRefused"]
    house.when("RecordBookings", **day, refused=refused).then_nothing()
    assert house.order("S1").status == "registration_refused"
    assert names(house.do("ReverseOrder", **LATE)) == ["OrderReversed"]
    assert house.order("S1").is_final


def test_every_stream_of_a_command_has_the_umbrella_as_its_key() -> None:
    command = one_order().command("AmendOrder", **amended())
    assert {stream.split("/")[1] for stream in command.streams()} == {str(UMBRELLA)}
