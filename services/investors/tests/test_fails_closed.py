"""What is not known to be clear is not taken for clear, and nobody is tipped off (TA-I-3, TA-I-6, invariant 11)."""

from __future__ import annotations

from typing import Any

import pytest

from libs.messages import investors as published
from services.investors.domain import refusals
from services.investors.tests.examples import (
    ADDRESS,
    APPROVED_ROW,
    GROUND,
    HIT,
    OTHER,
    PERSON,
    approved,
    command,
    distributor,
    given,
    history,
    in_review,
    joint_holder,
    opened,
)

RENAMED = {**PERSON, "family_name": "Primerov"}
CONFIRMED = command("ResolveHit", outcome="confirmed", round=1)
# A file of a distributor, and what that distributor sends.
BOUND: dict[str, Any] = {"distributor": "DIST-1"}
PLACED: dict[str, Any] = {"placed_by": "DIST-1"}


def renamed() -> list[Any]:
    """Approved under one name, and now of another that nobody screened yet."""
    return [*approved(), command("AmendParticulars", identity=RENAMED)]


def test_i3_no_account_is_opened_for_a_name_that_is_not_screened_yet() -> None:
    waiting = given(*history(*renamed()))
    waiting.when(command("OpenAccount")).then_refused(refusals.ScreeningIsOpen, "screening")
    away = given(*history(*renamed(), command("RecordScreeningUnavailable", round=2)))
    away.when(command("OpenAccount")).then_refused(refusals.ScreeningIsOpen, "screening")


def test_i3_another_country_is_screened_again_since_it_is_what_lists_go_by() -> None:
    moved = command("AmendParticulars", address={**ADDRESS, "country": "RU"})
    events = given(*history(*approved())).decide(moved)
    assert [type(event) for event in events] == [published.ParticularsAmended, published.ScreeningRequested]
    within = command("AmendParticulars", address={**ADDRESS, "city": "Potsdam"})
    assert len(given(*history(*approved())).decide(within)) == 1


@pytest.mark.parametrize("found", [(), (HIT,)], ids=["clear under the new name", "found again"])
def test_i3_a_confirmed_hit_outlives_a_new_name_and_its_round(found: tuple[dict[str, Any], ...]) -> None:
    past = [*in_review(HIT), CONFIRMED, command("AmendParticulars", identity=RENAMED)]
    waiting = given(*history(*past))
    waiting.when(command("ApproveInvestor")).then_refused(refusals.HitIsConfirmed)
    answered = [*past, command("RecordScreening", round=2, hits=found)]
    if found:
        answered.append(command("ResolveHit", round=2, outcome="dismissed"))
    given(*history(*answered)).when(command("ApproveInvestor")).then_refused(refusals.HitIsConfirmed)
    mistaken = [*answered, command("ResolveHit", round=1, outcome="dismissed")]
    (taken_on,) = given(*history(*mistaken)).decide(command("ApproveInvestor"))
    assert isinstance(taken_on, published.InvestorApproved)


def test_i3_a_former_hit_is_spoken_of_only_while_it_stands() -> None:
    past = [*in_review(HIT), CONFIRMED, command("AmendParticulars", identity=RENAMED)]
    again = command("ResolveHit", round=1, outcome="confirmed")
    given(*history(*past)).when(again).then_nothing()
    dismissed = command("ResolveHit", round=1, outcome="dismissed")
    given(*history(*past, dismissed)).when(dismissed).then_refused(refusals.RoundIsPast, "round")
    other = command("ResolveHit", round=1, hit=2, outcome="dismissed")
    given(*history(*past)).when(other).then_refused(refusals.RoundIsPast, "round")


def test_i3_a_periodic_review_does_not_undo_a_confirmed_hit() -> None:
    past = [
        *approved(), command("AmendParticulars", identity=RENAMED), command("RecordScreening", round=2, hits=[HIT]),
        command("ResolveHit", round=2, outcome="confirmed"), command("CompleteReview"),
    ]  # fmt: skip
    given(*history(*past)).when(command("OpenAccount")).then_refused(refusals.HitIsConfirmed)
    clear = [*past, command("RecordScreening", round=3)]
    given(*history(*clear)).when(command("OpenAccount")).then_refused(refusals.HitIsConfirmed)


@pytest.mark.parametrize(
    "found", [(), (command("RecordScreening", round=2, hits=[HIT]),)], ids=["not answered", "a hit is open"]
)
def test_i6_a_distributor_is_told_the_same_whether_a_screening_is_open_or_has_hits(found: tuple[Any, ...]) -> None:
    past = [*approved(**BOUND, **PLACED), command("AmendParticulars", identity=RENAMED), *found]
    told = given(*history(*past)).when(command("OpenAccount", **PLACED)).then_refused(refusals.HolderIsLookedAt)
    assert "hit" not in str(told.as_problem()).lower().replace("urn:cartulary", "")


@pytest.mark.parametrize(
    "more", [{"screening": "requested"}, {"screening": "hits", "hits_left": 2}], ids=["not answered", "a hit is open"]
)
def test_i6_nor_is_it_told_of_the_other_holders_hits(more: dict[str, Any]) -> None:
    row = {**APPROVED_ROW, **more, "distributor": "DIST-1"}
    joint = command(
        "OpenAccount", kind="joint", joint_holders=[OTHER], **PLACED,
        rows={joint_holder(OTHER): row, distributor("DIST-1"): {"ended": False}},
    )  # fmt: skip
    given(*history(*approved(**BOUND, **PLACED))).when(joint).then_refused(refusals.HolderIsLookedAt)


@pytest.mark.parametrize("reason", ["aml", "sanctions", "regulator", "client_request"])
@pytest.mark.parametrize("scope", ["redemptions", "payments", "asset_freeze"])
def test_i6_what_a_distributor_may_alter_in_a_blocked_account_tells_no_ground(reason: str, scope: str) -> None:
    open_one = [*approved(**BOUND, **PLACED), command("OpenAccount", **BOUND)]
    blocked = command("BlockAccount", scope=scope, ground={**GROUND, "reason": reason})
    past = given(*history(*open_one, blocked))
    past.when(command("SetInstructions", **PLACED)).then_refused(refusals.AccountIsBlocked, "account")
    past.when(command("CloseAccount", **PLACED)).then_refused(refusals.AccountIsBlocked, "account")


def test_i8_an_id_is_claimed_so_that_no_other_stream_writes_its_row() -> None:
    """Read tables know accounts, bank accounts and blocks by id alone; their streams lie under the investor's."""
    for event in history(*opened(), command("BlockAccount")):
        if isinstance(event, published.AccountOpened | published.AccountBlocked | published.BankAccountAdded):
            identity = event.stream().rpartition("/")[2]
            own = event.block if isinstance(event, published.AccountBlocked) else identity
            assert str(own) in {claim.value for claim in event.claims()}


def test_i3_who_is_approved_is_whom_the_reviewer_looked_at() -> None:
    """A new name was screened and found clear while the reviewer still read of the former."""
    since = [command("AmendParticulars", identity=RENAMED), command("RecordScreening", round=2)]
    past = given(*history(*in_review(), *since))
    past.when(command("ApproveInvestor", round=1)).then_refused(refusals.RoundIsPast, "round")
    (taken_on,) = past.decide(command("ApproveInvestor", round=2))
    assert isinstance(taken_on, published.InvestorApproved)


def test_i5_i8_a_distributor_does_not_rename_whom_the_management_company_approved() -> None:
    """Under another name a bank account of its own would match; drafts and files in review are the distributor's."""
    past = given(*history(*approved(**BOUND, **PLACED)))
    past.when(command("AmendParticulars", identity=RENAMED, **PLACED)).then_refused(
        refusals.IdentityIsReviewed, "identity"
    )
    assert past.decide(command("AmendParticulars", identity=RENAMED))
    waiting = given(*history(*in_review(**BOUND, **PLACED)))
    assert waiting.decide(command("AmendParticulars", identity=RENAMED, **PLACED))
