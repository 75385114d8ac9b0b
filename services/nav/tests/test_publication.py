"""Four eyes, the register's units, publication, cancel and correct (TA-N-2 … TA-N-5)."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from libs.messages.nav import ClassWithdrawn, NavCancelled, NavComputed, NavErrorFound, NavPublished, SubFundPublished
from libs.messages.nav_values import WrongPrice
from libs.rules.four_eyes import ApproveChange, NeedsApproval, ProposeChange, Rules, SameSubject
from services.nav.domain import refusals
from services.nav.domain.sub_fund import KEPT_DAYS
from services.nav.tests.dealing_days import (
    DAY,
    DAY_IDS,
    DECIDER,
    LAST,
    NOW,
    READY,
    ROWS,
    UMBRELLA,
    WHOLE,
    A,
    B,
    approve,
    cancel,
    carried_out,
    class_facts,
    line_a,
    measure,
    on_the_day,
    publish,
    published_before,
    rates,
    read,
    sub_fund_row,
    units_row,
)

# 1,000 more units than the register has, and what they are worth at 137.4281.
MORE = {"total": "41365858.10", "units": "301000"}
CORRECT = {"source": "corrected.csv#1", "total": "40596000.00", "nav": "135.32"}
CORRECTED = (cancel(), line_a(**CORRECT), approve(nav="135.32"))


def cancelled(*, dealt: bool) -> NavCancelled:
    fields = {"share_class": A, "revision": 1, "currency": "EUR", "nav": "137.4281", "reason": "stale price"}
    return NavCancelled.model_validate({**DAY_IDS, **fields, "dealt": dealt})


WITHDRAWN = ClassWithdrawn(**DAY_IDS, share_class=A, revision=1)

# --- Four eyes


@pytest.mark.parametrize("name", sorted(DECIDER.commands))
def test_n2_what_becomes_public_or_is_paid_needs_a_second_person(name: str) -> None:
    of_two = {"SetNavPolicy", "PublishNav", "CancelNav", "OpenCompensation"}
    assert DECIDER.commands[name].four_eyes == (name in of_two)


def test_n2_a_nav_with_a_finding_is_published_by_another_person_than_proposed_it() -> None:
    rules = Rules(DECIDER)
    wanted = publish()
    row_of = {reference: read(reference, ROWS) for reference in wanted.references()}
    past = on_the_day(*READY)
    names = {"service": "nav", "change": "c1", "key": str(UMBRELLA), "now": NOW, "reads": wanted.streams()}
    payload = {key: value for key, value in wanted.model_dump(mode="json").items() if key != "now"}
    propose = ProposeChange.model_validate(
        {**names, "by": "anna", "command": "PublishNav", "payload": payload, "needs": wanted.references()}
    ).given(row_of)
    states = {stream: past.states.get(stream) for stream in propose.streams()}
    with pytest.raises(NeedsApproval):
        rules.decide(wanted, states)
    (proposed,) = rules.decide(propose, states)
    states[propose.streams()[0]] = rules.evolve(None, proposed)

    def approved_by(who: str) -> ApproveChange:
        bare = ApproveChange.model_validate({**names, "by": who, "needs": wanted.references()})
        return bare.given(row_of)

    with pytest.raises(SameSubject):
        rules.decide(approved_by("anna"), states)
    events = rules.decide(approved_by("bert"), states)
    assert [type(event).__name__ for event in events[1:3]] == ["NavPublished", "ClassPublished"]


# --- The register


@pytest.mark.parametrize(
    "row", [None, units_row("300000", booked_through=None), units_row("300000", booked_through="2026-11-19")]
)
def test_n2_publication_waits_until_the_register_has_booked_the_former_date(row: Any) -> None:
    past = on_the_day(*READY)
    past.when(publish(rows={"units_in_issue": {A: row}})).then_refused(refusals.RegisterNotReady, "units")


def test_n2_units_that_differ_from_the_registers_need_a_reason_before_publication() -> None:
    unknown: dict[str, Any] = {"units_in_issue": {}}
    past = on_the_day(rates(), measure(), line_a(**MORE, rows=unknown), approve(rows=unknown))
    past.when(publish()).then_refused(refusals.FindingUnexplained, "explanations")
    why = {"check": "units_differ_from_register", "subject": "units", "reason": "order of Friday is booked late"}
    past = carried_out(past, approve(explanations=[why]))
    out = past.decide(publish())[0]
    assert isinstance(out, NavPublished)
    assert out.units_in_issue == Decimal(301000)


# --- Publication


def test_n3_a_nav_is_published_once() -> None:
    past = on_the_day(*WHOLE)
    past.when(publish()).then_nothing()
    past.when(publish(nav="137.4282")).then_refused(refusals.NavIsPublished, "nav")


def test_n3_only_an_approved_nav_is_published_and_only_the_one_that_was_seen() -> None:
    on_the_day().when(publish()).then_refused(refusals.NavUnknown, "valuation_date")
    on_the_day(*READY[:3]).when(publish()).then_refused(refusals.StatusForbids, "valuation_date")
    on_the_day(*READY).when(publish(nav="137.4282")).then_refused(refusals.NavDiffers, "nav")


def test_n4_bid_and_offer_swing_alike() -> None:
    row = {"sub_funds": sub_fund_row(class_facts(A, "EUR", 4, price_type="bid_and_offer"), class_facts(B, "USD", 3))}
    past = on_the_day(rates(rows=row), measure(rows=row), line_a(rows=row), approve(rows=row, bid="137", offer="138"))
    out = past.decide(publish(rows=row))[0]
    assert isinstance(out, NavPublished)
    assert (out.nav, out.price, out.bid, out.offer) == (
        Decimal("137.4281"),
        None,
        Decimal("137.4795"),
        Decimal("138.483"),
    )


# --- Cancel and correct


def test_n3_a_published_nav_is_cancelled_with_its_reason_once() -> None:
    past = on_the_day(*WHOLE).when(cancel()).then(cancelled(dealt=True), WITHDRAWN)
    past.when(cancel()).then_nothing()
    past.when(cancel(revision=2)).then_refused(refusals.NavUnknown, "revision")
    on_the_day(*READY).when(cancel()).then_refused(refusals.NavUnknown, "revision")
    on_the_day(*WHOLE).when(cancel(sub_fund=B)).then_refused(refusals.NavUnknown, "revision")


def test_n3_a_cancelled_nav_is_published_again_only_as_the_next_revision() -> None:
    past = on_the_day(*WHOLE, cancel())
    past.when(publish()).then_refused(refusals.StatusForbids)
    past = carried_out(past, *CORRECTED[1:], publish(nav="135.32"))
    past.when(cancel()).then_nothing()
    past.when(cancel(revision=3)).then_refused(refusals.NavUnknown)


def test_n5_a_correction_tells_the_error_of_what_was_dealt_at_and_prices_the_sub_fund_anew() -> None:
    out, error, _, completed, whole = on_the_day(*WHOLE, *CORRECTED).decide(publish(nav="135.32"))
    assert isinstance(out, NavPublished)
    # The direction that was dealt stays: 135.32 × 1.0035.
    assert (out.revision, out.price, out.swung) == (2, Decimal("135.7936"), "up")
    prices = {
        "valuation_date": DAY,
        "published": "137.4281",
        "correct": "135.32",
        "subscribed_at": "137.9091",
        "subscribed_correctly": "135.7936",
        "redeemed_at": "137.9091",
        "redeemed_correctly": "135.7936",
    }
    assert error == NavErrorFound(
        **DAY_IDS, share_class=A, revision=2, currency="EUR", prices=WrongPrice.model_validate(prices),
        error=Decimal("0.0155786284"), tolerance=Decimal("0.01"), material=True,
    )  # fmt: skip
    assert isinstance(whole, SubFundPublished)
    assert completed.data()["revision"] == whole.revision == 2
    assert {each.share_class: each.revision for each in whole.prices} == {A: 2, B: 1}


def test_n5_nothing_was_dealt_at_a_nav_that_was_cancelled_before_the_sub_funds_prices_were_whole() -> None:
    past = on_the_day(*READY, publish()).when(cancel()).then(cancelled(dealt=False), WITHDRAWN)
    events = carried_out(past, *CORRECTED[1:]).decide(publish(nav="135.32"))
    assert [type(event).__name__ for event in events] == ["NavPublished", "ClassPublished"]


def test_n5_a_correction_to_the_same_price_is_no_error() -> None:
    same = line_a(source="corrected.csv#1", total="41228431.00")
    events = on_the_day(*WHOLE, cancel(), same, approve()).decide(publish())
    assert not [event for event in events if isinstance(event, NavErrorFound)]


def test_n5_a_second_correction_is_held_against_what_was_dealt_at() -> None:
    back = line_a(source="corrected.csv#2")
    past = on_the_day(*WHOLE, *CORRECTED, publish(nav="135.32"), cancel(revision=2), back, approve())
    (error,) = (event for event in past.decide(publish()) if isinstance(event, NavErrorFound))
    assert (error.revision, error.error, error.material) == (3, Decimal(0), False)


def test_n3_a_correction_may_have_other_rates_and_keeps_the_direction() -> None:
    past = on_the_day(*WHOLE, cancel())
    past.when(rates(rates=[])).then_refused(refusals.RatesAreFixed)
    past = carried_out(past, cancel(B), rates(rates=[{"base": "EUR", "quote": "USD", "bid": "1.1", "offer": "1.1"}]))
    past = carried_out(past, *CORRECTED[1:], publish(nav="135.32"))
    past.when(measure()).then_nothing()


def test_n3_a_correction_waits_for_every_class_that_was_dealt_at() -> None:
    row = {"sub_funds": sub_fund_row(class_facts(A, "EUR", 4), class_facts(B, "USD", 3, status="suspended"))}
    past = on_the_day(*WHOLE, cancel(), cancel(B), *CORRECTED[1:])
    events = past.decide(publish(nav="135.32", rows=row))
    assert not [event for event in events if isinstance(event, SubFundPublished)]


def test_n3_what_was_last_published_stands_beside_the_dates_of_its_kind() -> None:
    past = on_the_day(*WHOLE)
    kept = past.states[publish().streams()[2]]
    assert sorted(kept.days) == [LAST, DAY]
    assert kept.nav_before(DAY, A) == Decimal("136.9")


def test_n2_a_correction_of_a_date_long_past_is_held_against_what_it_was_before() -> None:
    past = on_the_day(*WHOLE)
    for later in range(1, KEPT_DAYS + 1):
        past.apply(published_before(valuation_date=DAY + timedelta(days=later)))
    assert LAST not in past.states[publish().streams()[2]].days
    computed = carried_out(past, cancel()).decide(line_a(**CORRECT))[0]
    assert isinstance(computed, NavComputed)
    assert (computed.previous, computed.findings) == (Decimal("136.9"), ())
