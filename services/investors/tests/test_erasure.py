"""Export and erasure (TA-I-7, ADR 0014)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from libs.kernel.decider import Command
from libs.kernel.errors import CheckUnavailable
from libs.messages import investors as published
from services.investors.domain import refusals
from services.investors.tests.examples import (
    DECIDER,
    INVESTOR,
    NO_ACCOUNTS,
    NOW,
    approved,
    command,
    ended,
    erased,
    given,
    history,
    holder,
    in_review,
    registered,
    submitted,
)

ALONE = {holder(INVESTOR): NO_ACCOUNTS}
REJECTED = [*in_review(), command("RejectInvestor")]
ASKED = [*in_review(), command("RequestMoreInformation")]
KEPT_UNTIL = NOW.replace(year=2031)


def erase(basis: str, **fields: Any) -> Command:
    return command("EraseInvestor", legal_basis=basis, rows=ALONE, **fields)


@pytest.mark.parametrize("basis", ["consent_withdrawn", "retention_over", "unlawful", "legal_obligation"])
@pytest.mark.parametrize("past", [registered(), [*registered(), command("WithdrawOnboarding")]])
def test_i7_what_was_never_submitted_is_erased_at_once(past: list[Command], basis: str) -> None:
    (event,) = given(*history(*past)).decide(erase(basis))
    assert isinstance(event, published.InvestorErased)
    assert (event.legal_basis, event.erased_at) == (basis, NOW)
    assert [due.kind for due in event.due()] == ["DestroyKey"]


@pytest.mark.parametrize(
    "past", [submitted(), in_review(), approved(), [*in_review(), command("RequestMoreInformation")]]
)
@pytest.mark.parametrize("basis", ["consent_withdrawn", "unlawful", "legal_obligation"])
def test_i7_no_basis_erases_while_the_relationship_stands_or_is_being_made(past: list[Command], basis: str) -> None:
    given(*history(*past)).when(erase(basis)).then_refused(refusals.RelationshipStands, "status")


@pytest.mark.parametrize("past", [REJECTED, ended()])
@pytest.mark.parametrize("basis", ["consent_withdrawn", "retention_over"])
def test_i7_a_duty_to_keep_goes_before_a_persons_wish_until_it_is_over(past: list[Command], basis: str) -> None:
    """GDPR 17(3)(b); AMLR 2024/1624, 77(3)."""
    early = erase(basis, now=KEPT_UNTIL - timedelta(microseconds=1))
    refusal = given(*history(*past)).when(early).then_refused(refusals.MustBeRetained, "legal_basis")
    assert "2031-11-23" in refusal.detail
    assert len(given(*history(*past)).decide(erase(basis, now=KEPT_UNTIL))) == 1


@pytest.mark.parametrize("past", [REJECTED, ended()])
@pytest.mark.parametrize("basis", ["unlawful", "legal_obligation"])
def test_i7_data_that_must_not_be_held_is_erased_before(past: list[Command], basis: str) -> None:
    assert len(given(*history(*past)).decide(erase(basis))) == 1


def test_i7_nobody_is_erased_who_still_holds_an_account_with_another() -> None:
    joint = command("EraseInvestor", legal_basis="unlawful", rows={holder(INVESTOR): {"open_accounts": 1}})
    given(*history(*ended())).when(joint).then_refused(refusals.AccountsAreOpen, "investor")
    unknown = command("EraseInvestor", legal_basis="unlawful", rows={holder(INVESTOR): None})
    given(*history(*ended())).when(unknown).then_refused(CheckUnavailable, "investor")


def test_i7_after_an_erasure_only_the_destruction_of_the_key_is_accepted() -> None:
    past = history(*erased())
    overtaken = {"RecordScreening", "RecordScreeningUnavailable", "MarkReviewOverdue", "EraseInvestor"}
    fields: dict[str, dict[str, Any]] = {
        "MarkReviewOverdue": {"due_at": NOW},
        "SetPayoutAccount": {"bank_account": INVESTOR},
    }
    for name in DECIDER.commands:
        each = command(name, **fields.get(name, {}))
        if name in overtaken:
            given(*past).when(each).then_nothing()
        elif name == "RecordKeyDestroyed":
            done = given(*past).when(each).then(published.KeyDestroyed(investor=INVESTOR))
            done.when(each).then_nothing()
        elif "Distributor" not in name:
            given(*past).when(each).then_refused(refusals.InvestorIsErased, "investor")


def test_i7_a_key_is_destroyed_only_after_the_erasure() -> None:
    destroyed = command("RecordKeyDestroyed")
    given().when(destroyed).then_refused(refusals.InvestorUnknown, "investor")
    given(*history(*ended())).when(destroyed).then_refused(refusals.NotErased, "investor")


def test_i7_an_erasure_takes_two_people_and_is_known_to_nobody_elses_distributor() -> None:
    assert erase("unlawful").four_eyes
    foreign = erase("unlawful", placed_by="DIST-1")
    given(*history(*registered())).when(foreign).then_refused(refusals.InvestorUnknown, "investor")


def test_i7_every_handing_out_of_data_is_on_record_with_its_time() -> None:
    export = command("ExportPersonalData")
    past = given(*history(*ended()))
    after = past.when(export).then(
        published.PersonalDataExported(investor=INVESTOR, purpose="subject_request", exported_at=NOW)
    )
    after.when(export).then_nothing()
    assert len(after.decide(command("ExportPersonalData", now=NOW + timedelta(hours=1)))) == 1
