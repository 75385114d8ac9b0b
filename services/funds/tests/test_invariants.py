"""The numbered invariants of the README, each as a property."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given as forall
from hypothesis import settings
from hypothesis import strategies as st
from stdnum import isin as isin_numbers

from libs.kernel.decider import Command
from libs.kernel.errors import InvalidValue, Refused
from libs.kernel.events import Event
from libs.kernel.ids import named_id
from libs.messages import funds
from libs.messages.fund_values import LiquidityTools
from libs.testkit.given import Given
from services.funds.domain.share_class import Closed, Draft, Offered, Open, ShareClass, SoftClosed, Suspended
from services.funds.domain.sub_fund import Closed as SubFundClosed
from services.funds.domain.sub_fund import SubFund
from services.funds.tests.examples import (
    DECIDER,
    LEVY,
    NOW,
    SWING,
    TERMS,
    command,
    register_sub_fund,
    register_umbrella,
)

# --- Random histories of one sub-fund with two classes

CLASSES = [named_id("example", "class", "one"), named_id("example", "class", "two")]
ISINS = ["LU0323134006", "IE00B4L5Y983"]
ENDS = [NOW + timedelta(days=30), NOW + timedelta(days=60)]
ARROWS = {
    (Draft, Offered), (Draft, Closed), (Offered, Offered), (Offered, Open), (Offered, Closed),
    (Open, SoftClosed), (SoftClosed, Open), (Open, Suspended), (Suspended, Open),
    (Open, Closed), (SoftClosed, Closed), (Suspended, Closed),
}  # fmt: skip

moments = st.sampled_from([NOW, *ENDS, ENDS[1] + timedelta(days=1)])
reasons = st.sampled_from(["market_closed", "merger"])
closures = st.sampled_from(["liquidation", "merger"])
class_terms = st.fixed_dictionaries(
    {"currency": st.sampled_from(["EUR", "USD"]), "unit_decimals": st.sampled_from([3, 4])}
).map(lambda change: {**TERMS, **change})
offers = st.fixed_dictionaries(
    {
        "price": st.sampled_from(["10", "12.5"]),
        "closes_at": st.sampled_from([end.isoformat() for end in ENDS]),
        "minimum_raise": st.sampled_from([None, "1000"]),
    }
)


def of_sub_fund(name: str, /, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Command]:
    return st.builds(lambda now, own: command(name, now=now, **own), moments, st.fixed_dictionaries(fields))


def of_class(name: str, /, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Command]:
    return of_sub_fund(name, share_class=st.sampled_from(CLASSES), **fields)


drafts = st.builds(
    lambda which, terms: command("DraftShareClass", share_class=CLASSES[which], isin=ISINS[which], terms=terms),
    st.integers(0, 1),
    class_terms,
)
commands = st.one_of(
    drafts,
    of_class("OpenInitialOffer", offer=offers),
    of_class("ExtendInitialOffer", closes_at=st.sampled_from(ENDS)),
    of_class("EndInitialOffer", closes_at=st.sampled_from(ENDS)),
    of_class("CloseInitialOffer", raised=st.sampled_from(["0", "999.99", "1000"])),
    of_class("AmendShareClassTerms", terms=class_terms),
    of_class("SoftCloseShareClass", existing_holders_may_subscribe=st.booleans()),
    of_class("ReopenShareClass"),
    of_class("SuspendShareClass", reason=reasons),
    of_class("ResumeShareClass"),
    of_class("CloseShareClass", reason=closures),
    of_sub_fund("SuspendSubFund", reason=reasons),
    of_sub_fund("ResumeSubFund"),
    of_sub_fund("CloseSubFund", reason=closures),
    of_sub_fund("SetLiquidityTools", tools=st.sampled_from([{}, {"swing": SWING}, {"levy": LEVY}])),
    of_sub_fund("RenameSubFund", name=st.sampled_from(["One", "Two"])),
)
# An open class from the start, so that the later arrows are walked often.
OPENING = [
    command("DraftShareClass", share_class=CLASSES[0], isin=ISINS[0], terms=TERMS),
    command("OpenInitialOffer", share_class=CLASSES[0], offer={"price": "10", "closes_at": ENDS[0].isoformat()}),
    command("EndInitialOffer", share_class=CLASSES[0], now=ENDS[0], closes_at=ENDS[0]),
]
histories = st.tuples(st.booleans(), st.lists(commands, max_size=25)).map(
    lambda drawn: [register_umbrella(), register_sub_fund(), *(OPENING if drawn[0] else []), *drawn[1]]
)


def carried_out(past: Given, each: Command) -> Sequence[Event]:
    """The events of a command, folded; none where the rules refuse it."""
    try:
        events = past.decide(each)
    except (Refused, InvalidValue):
        return []
    for event in events:
        past.apply(event)
    return events


def classes_of(past: Given) -> dict[str, ShareClass]:
    return {stream: state for stream, state in past.states.items() if isinstance(state, ShareClass)}


def sub_fund_of(past: Given) -> SubFund:
    (sub_fund,) = (state for state in past.states.values() if isinstance(state, SubFund))
    return sub_fund


@settings(deadline=None)
@forall(histories)
def test_funds_inv_2_10_a_class_moves_along_its_lifecycle_with_fixed_currency(history: list[Command]) -> None:
    past = Given(DECIDER, [])
    for each in history:
        before = classes_of(past)
        carried_out(past, each)
        for stream, now in classes_of(past).items():
            was = before.get(stream)
            if was is None:
                assert now.status == Draft()
                continue
            assert was.status == now.status or (type(was.status), type(now.status)) in ARROWS
            if not isinstance(was.status, Draft):
                assert (was.terms.currency, was.terms.unit_decimals) == (now.terms.currency, now.terms.unit_decimals)


@settings(deadline=None)
@forall(histories)
def test_funds_inv_8_a_command_that_was_carried_out_gives_nothing_again(history: list[Command]) -> None:
    past = Given(DECIDER, [])
    for each in history:
        if carried_out(past, each):
            assert list(past.decide(each)) == []


@settings(deadline=None)
@forall(histories)
def test_funds_inv_9_state_folds_from_stored_events_alone(history: list[Command]) -> None:
    """`Given.apply` reads each event back from its stored form; a second fold of all gives the same states."""
    past = Given(DECIDER, [])
    events = [event for each in history for event in carried_out(past, each)]
    assert Given(DECIDER, events).states == past.states


@settings(deadline=None)
@forall(histories)
def test_funds_inv_11_a_closed_sub_fund_has_no_living_class(history: list[Command]) -> None:
    past = Given(DECIDER, [])
    for each in history:
        carried_out(past, each)
    living = {state.drafted.share_class for state in classes_of(past).values() if not isinstance(state.status, Closed)}
    assert sub_fund_of(past).living_classes == living
    assert not (isinstance(sub_fund_of(past).standing, SubFundClosed) and living)


@settings(deadline=None)
@forall(histories)
def test_funds_inv_12_an_offer_opens_with_its_minimum_or_refunds_it_all(history: list[Command]) -> None:
    past = Given(DECIDER, [])
    for each in history:
        before = classes_of(past)
        for event in carried_out(past, each):
            if not isinstance(event, funds.InitialOfferClosed):
                continue
            offer = before[event.stream()].offer
            assert offer is not None
            minimum = offer.minimum_raise or Decimal(0)
            enough = event.raised is None or event.raised >= minimum
            assert event.outcome == ("succeeded" if enough else "failed")
            assert event.refund == (None if enough else event.raised)
            assert isinstance(classes_of(past)[event.stream()].status, Open if enough else Closed)


# --- ISIN, tools, four eyes


@forall(st.integers(0, 10**9 - 1), st.sampled_from("0123456789"))
def test_funds_inv_1_one_check_digit_of_ten_is_an_isin(number: int, digit: str) -> None:
    body = f"LU{number:09d}"
    if isin_numbers.calc_check_digit(body) == digit:
        drafted = command("DraftShareClass", isin=body + digit, terms=TERMS)
        assert drafted.model_dump()["isin"] == body + digit
        return
    with pytest.raises(InvalidValue, match="check digit"):
        command("DraftShareClass", isin=body + digit, terms=TERMS)


def test_funds_inv_1_the_isin_is_what_a_drafted_class_claims() -> None:
    past = Given(DECIDER, [])
    events = [
        event for each in (register_umbrella(), register_sub_fund(), OPENING[0]) for event in carried_out(past, each)
    ]
    assert [claim for event in events for claim in event.claims() if claim.kind == "isin"] == [("isin", ISINS[0])]


@forall(st.sampled_from([None, SWING]), st.sampled_from([None, LEVY]))
def test_funds_inv_6_levy_and_swing_never_apply_together(swing: Any, levy: Any) -> None:
    document = {"swing": swing, "levy": levy}
    if swing and levy:
        with pytest.raises(ValueError, match="never apply together"):
            LiquidityTools.model_validate(document)
    else:
        LiquidityTools.model_validate(document)


@pytest.mark.parametrize("name", sorted(DECIDER.commands))
def test_funds_inv_7_every_change_of_what_exists_needs_a_second_person(name: str) -> None:
    first_time = {"RegisterUmbrella", "RegisterSubFund", "DraftShareClass"}
    by_the_clock = {"EndInitialOffer"}
    assert DECIDER.commands[name].four_eyes == (name not in first_time | by_the_clock)
