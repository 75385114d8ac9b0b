"""Registered accounts and distributors (TA-I-1, TA-I-2, TA-I-4, TA-I-6, TA-I-8)."""

from __future__ import annotations

from typing import Any

import pytest

from libs.kernel.decider import Command
from libs.kernel.errors import InvalidValue
from libs.kernel.personal import Personal
from libs.messages import investors as published
from libs.messages.person_values import BlockGround
from services.investors.domain import refusals
from services.investors.tests.examples import (
    ACCOUNT,
    APPROVED_ROW,
    BANK_ACCOUNT,
    BLOCK,
    DISTRIBUTOR,
    GROUND,
    HIT,
    INVESTOR,
    NOW,
    OTHER,
    approved,
    approved_company,
    command,
    distributor,
    given,
    history,
    in_review,
    joint_holder,
    opened,
    registered,
)

OPEN = command("OpenAccount")
JOINT: dict[str, Any] = {"kind": "joint", "joint_holders": [OTHER]}


# --- Opening


def test_i1_an_approved_investor_opens_an_account() -> None:
    past = given(*history(*approved()))
    after = past.when(OPEN).then(
        published.AccountOpened(
            investor=INVESTOR, account=ACCOUNT, reference="A-1001", kind="single", holders=(INVESTOR,), signatures=1
        ),
        published.InvestorAccountAdded(investor=INVESTOR, account=ACCOUNT),
    )
    after.when(OPEN).then_nothing()
    after.when(command("OpenAccount", reinvest=True)).then_refused(refusals.AccountExists, "account")


@pytest.mark.parametrize("past", [registered(), in_review()])
def test_i2_nobody_else_does(past: list[Command]) -> None:
    given(*history(*past)).when(OPEN).then_refused(refusals.HolderNotApproved, "investor")


def test_i4_the_self_certification_stands_before_the_account_opens() -> None:
    past = [event for event in history(*approved()) if not isinstance(event, published.SelfCertified)]
    given(*past).when(OPEN).then_refused(refusals.TaxNotCertified, "investor")


def test_i2_an_overdue_review_stops_a_new_account() -> None:
    due = NOW.replace(year=2029)
    past = history(*approved(), command("MarkReviewOverdue", due_at=due, now=due))
    given(*past).when(OPEN).then_refused(refusals.ReviewIsOverdue, "investor")


def test_i3_a_hit_of_the_periodic_screening_stops_a_new_account() -> None:
    past = [*approved(), command("CompleteReview"), command("RecordScreening", round=2, hits=[HIT])]
    given(*history(*past)).when(OPEN).then_refused(refusals.HitsAreOpen, "hits")
    cleared = given(*history(*past, command("ResolveHit", round=2)))
    assert len(cleared.decide(OPEN)) == 2


def test_i1_a_joint_account_has_a_rule_who_signs() -> None:
    events = given(*history(*approved())).decide(command("OpenAccount", **JOINT, signatures=2))
    assert isinstance(events[0], published.AccountOpened)
    assert (events[0].holders, events[0].signatures) == ((INVESTOR, OTHER), 2)


@pytest.mark.parametrize(
    ("row", "error"),
    [
        (None, refusals.HolderUnknown),
        ({**APPROVED_ROW, "status": "in_review"}, refusals.HolderNotApproved),
        ({**APPROVED_ROW, "tax": None}, refusals.TaxNotCertified),
        ({**APPROVED_ROW, "review_overdue": True}, refusals.ReviewIsOverdue),
        ({**APPROVED_ROW, "screening": "requested"}, refusals.ScreeningIsOpen),
        ({**APPROVED_ROW, "screening": "unavailable"}, refusals.ScreeningIsOpen),
        ({**APPROVED_ROW, "screening": "hits", "hits_left": 1}, refusals.HitsAreOpen),
    ],
)
def test_i1_every_joint_holder_is_known_approved_and_certified(
    row: dict[str, Any] | None, error: type[refusals.HolderUnknown]
) -> None:
    joint = command("OpenAccount", **JOINT, rows={joint_holder(OTHER): row})
    given(*history(*approved())).when(joint).then_refused(error, "joint_holders.0")


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"kind": "joint"}, "joint_holders"),
        ({"kind": "single", "joint_holders": [OTHER]}, "joint_holders"),
        ({"kind": "omnibus", "joint_holders": [OTHER]}, "joint_holders"),
        ({"kind": "joint", "joint_holders": [INVESTOR]}, "joint_holders"),
        ({"signatures": 2}, "signatures"),
        ({**JOINT, "signatures": 3}, "signatures"),
    ],
)
def test_i1_holders_and_signatures_fit_the_kind(fields: dict[str, Any], field: str) -> None:
    given(*history(*approved())).when(command("OpenAccount", **fields)).then_refused(InvalidValue, field)


@pytest.mark.parametrize("kind", ["nominee", "omnibus"])
def test_i1_only_a_legal_person_holds_for_others(kind: str) -> None:
    account = command("OpenAccount", kind=kind)
    given(*history(*approved())).when(account).then_refused(refusals.NotALegalPerson, "kind")
    assert len(given(*history(*approved_company())).decide(account)) == 2


def test_i5_an_account_may_be_opened_with_its_verified_payout_account() -> None:
    paid = command("OpenAccount", payout_account=BANK_ACCOUNT)
    added = [*approved(), command("AddBankAccount")]
    given(*history(*added)).when(paid).then_refused(refusals.BankAccountNotVerified, "payout_account")
    past = history(*added, command("VerifyBankAccount"), paid)
    given(*past).when(command("SetPayoutAccount", bank_account=BANK_ACCOUNT)).then_nothing()


def test_i8_a_distributor_opens_under_its_code_and_for_its_own_investors() -> None:
    past = given(*history(*approved(distributor="DIST-1")))
    (event, _) = past.decide(command("OpenAccount", placed_by="DIST-1"))
    assert event.model_dump()["distributor"] == "DIST-1"
    other_code = command("OpenAccount", placed_by="DIST-1", distributor="DIST-2")
    past.when(other_code).then_refused(refusals.ForeignDistributor, "distributor")
    foreign = command("OpenAccount", **JOINT, placed_by="DIST-1")
    past.when(foreign).then_refused(refusals.HolderUnknown, "joint_holders.0")


@pytest.mark.parametrize("row", [None, {"ended": True}])
def test_i8_nothing_is_opened_under_an_unknown_or_ended_distributor(row: dict[str, bool] | None) -> None:
    error = refusals.DistributorUnknown if row is None else refusals.DistributorIsEnded
    account = command("OpenAccount", distributor="DIST-1", rows={distributor("DIST-1"): row})
    given(*history(*approved())).when(account).then_refused(error, "distributor")


# --- Blocks, instructions, closing


def test_i6_a_block_has_scope_reason_and_authority_and_the_ground_is_personal() -> None:
    block = command("BlockAccount")
    past = given(*history(*opened()))
    after = past.when(block).then(
        published.AccountBlocked(
            investor=INVESTOR,
            account=ACCOUNT,
            block=BLOCK,
            scope="payments",
            ground=Personal.of(BlockGround(**GROUND)),
        )
    )
    after.when(block).then_nothing()
    after.when(command("BlockAccount", scope="all")).then_refused(refusals.BlockExists, "block")


def test_i6_a_block_is_lifted_by_two_people_once_and_never_set_again() -> None:
    unblock = command("UnblockAccount")
    past = given(*history(*opened()))
    past.when(unblock).then_refused(refusals.BlockUnknown, "block")
    lifted = past.when(command("BlockAccount"), unblock).then(
        published.AccountUnblocked(
            investor=INVESTOR, account=ACCOUNT, block=BLOCK, reason=Personal.of("Cleared by compliance")
        )
    )
    lifted.when(unblock).then_nothing()
    lifted.when(command("BlockAccount")).then_refused(refusals.BlockExists, "block")


def test_i1_instructions_are_set_once() -> None:
    given(*history(*opened())).when(command("SetInstructions"), command("SetInstructions")).then_nothing()


def test_i1_in_a_closed_account_nothing_changes_any_more() -> None:
    past = given(*history(*opened(), command("CloseAccount")))
    past.when(command("CloseAccount")).then_nothing()
    for name in ("SetInstructions", "ChangeBankAccount", "BlockAccount"):
        past.when(command(name)).then_refused(refusals.AccountIsClosed, "account")


def test_i1_an_account_closes_and_its_investor_has_one_less() -> None:
    given(*history(*opened())).when(command("CloseAccount")).then(
        published.AccountClosed(investor=INVESTOR, account=ACCOUNT, reference="A-1001", holders=(INVESTOR,)),
        published.InvestorAccountRemoved(investor=INVESTOR, account=ACCOUNT),
    )


def test_i1_an_account_that_nobody_opened_is_unknown() -> None:
    given(*history(*approved())).when(command("CloseAccount")).then_refused(refusals.AccountUnknown, "account")


@pytest.mark.parametrize("name", ["SetInstructions", "ChangeBankAccount", "CloseAccount", "BlockAccount"])
def test_i8_another_distributors_account_does_not_exist_even_of_an_own_investor(name: str) -> None:
    past = given(*history(*opened(distributor="DIST-2")))
    past.when(command(name, placed_by="DIST-1")).then_refused(refusals.AccountUnknown, "account")
    assert past.decide(command(name, placed_by="DIST-2")) != []


# --- Distributors


def test_i8_a_distributor_is_registered_once_under_a_code_of_its_own() -> None:
    register = command("RegisterDistributor")
    past = (
        given()
        .when(register)
        .then(
            published.DistributorRegistered(
                distributor=DISTRIBUTOR, code="DIST-1", name="Example Distribution", country="LU"
            )
        )
    )
    past.when(register).then_nothing()
    past.when(command("RegisterDistributor", code="DIST-2")).then_refused(refusals.DistributorExists, "distributor")
    assert [claim.value for claim in history(register)[0].claims()] == ["DIST-1"]
    given().when(command("RegisterDistributor", country="QQ")).then_refused(InvalidValue, "country")


def test_i8_an_agreement_ends_once() -> None:
    end = command("EndDistributor")
    given().when(end).then_refused(refusals.DistributorUnknown, "distributor")
    past = given(*history(command("RegisterDistributor")))
    past.when(end).then(published.DistributorEnded(distributor=DISTRIBUTOR, code="DIST-1")).when(end).then_nothing()
