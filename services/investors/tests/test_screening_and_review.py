"""Screening rounds and the reviewer's word (TA-I-2, TA-I-3)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from libs.kernel.decider import Command
from libs.kernel.errors import InvalidValue
from libs.kernel.personal import Personal
from libs.messages import investors as published
from services.investors.domain import refusals
from services.investors.domain.investor import Investor
from services.investors.tests.examples import (
    HIT,
    INVESTOR,
    NO_ACCOUNTS,
    NOW,
    PERSON,
    approved,
    command,
    ended,
    erased,
    given,
    history,
    holder,
    in_review,
    opened,
    registered,
    submitted,
)

RENAME = command("AmendParticulars", identity={**PERSON, "family_name": "Weber"})
AWAY = command("RecordScreeningUnavailable")


def status_after(*commands: Command) -> str:
    investor = given(*history(*commands)).states[f"investors/{INVESTOR}/investor/{INVESTOR}"]
    assert isinstance(investor, Investor)
    return investor.status


# --- Screening


def test_i3_an_answer_moves_the_file_into_review() -> None:
    recorded = command("RecordScreening", hits=[HIT])
    given(*history(*submitted())).when(recorded).then(
        published.ScreeningRecorded(
            investor=INVESTOR,
            round=1,
            provider="list",
            list_version="2026-11",
            hit_count=1,
            hits=Personal.of((published.ScreeningHit(**HIT),)),
        )
    )
    assert status_after(*submitted(), recorded) == "in_review"


def test_i3_no_answer_moves_it_into_review_too_and_approval_waits_for_one() -> None:
    past = given(*history(*submitted(), AWAY))
    assert status_after(*submitted(), AWAY) == "in_review"
    past.when(command("ApproveInvestor")).then_refused(refusals.ScreeningIsOpen, "screening")
    past.when(AWAY).then_nothing()
    past.when(command("RecordScreeningUnavailable", attempt=2), command("RecordScreening")).then(
        published.ScreeningRecorded(
            investor=INVESTOR, round=1, provider="list", list_version="2026-11", hit_count=0, hits=Personal.of(())
        )
    )


def test_i3_the_provider_is_asked_again_at_the_time_on_record() -> None:
    (event,) = given(*history(*submitted())).decide(AWAY)
    assert [(due.kind, due.payload["attempt"]) for due in event.due()] == [("ScreenInvestor", 2)]


@pytest.mark.parametrize(
    "past",
    [
        [*submitted(), RENAME],
        in_review(),
        [*in_review(), command("RejectInvestor")],
        ended(),
        erased(),
        registered(),
    ],
)
@pytest.mark.parametrize("name", ["RecordScreening", "RecordScreeningUnavailable"])
def test_i3_an_answer_that_is_not_waited_for_is_nothing(past: list[Command], name: str) -> None:
    given(*history(*past)).when(command(name)).then_nothing()


def test_i3_an_entry_that_hit_twice_counts_once_at_its_best_and_at_most_fifty_are_kept() -> None:
    hits = [{**HIT, "entry": f"EX-{n % 60}", "score_percent": n % 100} for n in range(180)]
    (event,) = given(*history(*submitted())).decide(command("RecordScreening", hits=hits))
    assert isinstance(event, published.ScreeningRecorded)
    scores = [hit.score_percent for hit in event.hits.clear]
    assert len({hit.entry for hit in event.hits.clear}) == len(scores) == event.hit_count == 50
    assert scores == sorted(scores, reverse=True)


def test_i3_a_hit_is_dismissed_with_a_reason_that_is_personal() -> None:
    past = given(*history(*in_review(HIT)))
    past.when(command("ApproveInvestor")).then_refused(refusals.HitsAreOpen, "hits")
    past.when(command("ResolveHit")).then(
        published.HitResolved(
            investor=INVESTOR,
            round=1,
            hit=1,
            outcome="dismissed",
            reason=Personal.of("Born in another century"),
        )
    )
    past.when(command("ResolveHit")).then_nothing()
    assert len(past.decide(command("ApproveInvestor"))) == 1


def test_i3_a_confirmed_hit_leaves_only_rejection_until_it_is_dismissed_after_all() -> None:
    past = given(*history(*in_review(HIT), command("ResolveHit", outcome="confirmed")))
    past.when(command("ApproveInvestor")).then_refused(refusals.HitIsConfirmed, "hits")
    assert len(past.decide(command("RejectInvestor", reason="sanctions_hit"))) == 1
    assert len(past.decide(command("ResolveHit"))) == 1


@pytest.mark.parametrize(
    ("fields", "error"),
    [({"hit": 2}, refusals.HitUnknown), ({"round": 2}, refusals.RoundIsPast)],
)
def test_i3_only_a_hit_of_the_present_round_is_resolved(
    fields: dict[str, Any], error: type[refusals.HitUnknown]
) -> None:
    given(*history(*in_review(HIT))).when(command("ResolveHit", **fields)).then_refused(error)


def test_i3_what_was_dismissed_under_the_old_name_is_open_under_the_new() -> None:
    past = history(*in_review(HIT), command("ResolveHit"), RENAME, command("RecordScreening", round=2, hits=[HIT]))
    given(*past).when(command("ApproveInvestor")).then_refused(refusals.HitsAreOpen, "hits")


# --- The reviewer's word


@pytest.mark.parametrize(("risk", "year"), [("high", 2027), ("medium", 2029), ("low", 2031)])
def test_i2_the_next_review_is_due_by_risk(risk: str, year: int) -> None:
    (event,) = given(*history(*in_review())).decide(command("ApproveInvestor", risk=risk))
    assert isinstance(event, published.InvestorApproved)
    assert event.review_due_at == NOW.replace(year=year)
    assert [due.kind for due in event.due()] == ["MarkReviewOverdue"]


def test_i2_a_review_may_be_due_earlier_never_later_than_its_rating_says() -> None:
    past = given(*history(*in_review()))
    (event,) = past.decide(command("ApproveInvestor", review_after=timedelta(days=90)))
    assert event.model_dump()["review_due_at"] == NOW + timedelta(days=90)
    for days in (0, 1097):
        late = command("ApproveInvestor", review_after=timedelta(days=days))
        past.when(late).then_refused(InvalidValue, "review_after")


def test_i2_a_leap_day_is_followed_by_the_first_of_march() -> None:
    leap = datetime(2028, 2, 29, 12, tzinfo=UTC)
    (event,) = given(*history(*in_review())).decide(command("ApproveInvestor", risk="high", now=leap))
    assert event.model_dump()["review_due_at"] == datetime(2029, 3, 1, 12, tzinfo=UTC)


def test_i2_approval_follows_on_review_alone_and_once() -> None:
    approve = command("ApproveInvestor")
    given(*history(*submitted())).when(approve).then_refused(refusals.StatusForbids, "status")
    given(*history(*approved())).when(command("ApproveInvestor", now=NOW + timedelta(days=1))).then_nothing()
    given(*history(*approved())).when(command("ApproveInvestor", risk="low")).then_refused(refusals.StatusForbids)


def test_i4_nobody_is_approved_without_a_certified_tax_status() -> None:
    """Submission asks for it; approval does not trust that it did."""
    past = [event for event in history(*in_review()) if not isinstance(event, published.SelfCertified)]
    given(*past).when(command("ApproveInvestor")).then_refused(refusals.TaxNotCertified, "tax")


def test_i2_more_information_is_asked_for_once_by_the_same_words() -> None:
    ask = command("RequestMoreInformation")
    past = given(*history(*in_review(), ask))
    past.when(ask).then_nothing()
    assert len(past.decide(command("RequestMoreInformation", what="A proof of address"))) == 1
    given(*history(*approved())).when(ask).then_refused(refusals.StatusForbids, "status")


def test_i2_a_rejection_is_kept_for_five_years_or_longer() -> None:
    past = given(*history(*in_review()))
    past.when(command("RejectInvestor")).then(
        published.InvestorRejected(investor=INVESTOR, reason="incomplete", retain_until=NOW.replace(year=2031))
    )
    past.when(command("RejectInvestor")).then_nothing()
    past.when(command("RejectInvestor", reason="other")).then_refused(refusals.StatusForbids, "status")
    for years in (4, 11):
        odd = command("RejectInvestor", retention=timedelta(days=366 * years))
        given(*history(*in_review())).when(odd).then_refused(InvalidValue, "retention")


def test_i2_a_review_gives_the_next_due_time_and_a_new_round() -> None:
    review = command("CompleteReview")
    past = given(*history(*approved()))
    past.when(review).then(
        published.ReviewCompleted(investor=INVESTOR, risk="high", review_due_at=NOW.replace(year=2027)),
        published.ScreeningRequested(investor=INVESTOR, round=2, requested_at=NOW),
    )
    past.when(review).then_nothing()
    given(*history(*in_review())).when(review).then_refused(refusals.StatusForbids, "status")


def test_i2_only_the_due_time_that_stands_makes_a_review_overdue() -> None:
    due = NOW.replace(year=2029)
    overdue = command("MarkReviewOverdue", due_at=due, now=due)
    past = given(*history(*approved()))
    past.when(command("MarkReviewOverdue", due_at=due)).then_nothing()
    past.when(command("MarkReviewOverdue", due_at=due - timedelta(days=1), now=due)).then_nothing()
    past.when(overdue).then(published.ReviewFellDue(investor=INVESTOR))
    past.when(overdue).then_nothing()
    given().when(overdue).then_nothing()
    given(*history(*ended())).when(overdue).then_nothing()
    assert len(past.decide(command("CompleteReview", now=due))) == 2


def test_i2_a_relationship_ends_after_its_last_account() -> None:
    end = command("EndRelationship", rows={holder(INVESTOR): NO_ACCOUNTS})
    given(*history(*opened())).when(end).then_refused(refusals.AccountsAreOpen, "investor")
    joint = command("EndRelationship", rows={holder(INVESTOR): {"open_accounts": 1}})
    given(*history(*approved())).when(joint).then_refused(refusals.AccountsAreOpen, "investor")
    closed = given(*history(*opened(), command("CloseAccount")))
    closed.when(end).then(published.RelationshipEnded(investor=INVESTOR, retain_until=NOW.replace(year=2031)))
    closed.when(end).then_nothing()
    given(*history(*in_review())).when(end).then_refused(refusals.StatusForbids, "status")
