"""The file of an investor: particulars, tax status, documents, submission, withdrawal (TA-I-2, TA-I-4)."""

from __future__ import annotations

from typing import Any

import pytest

from libs.kernel.decider import Command
from libs.kernel.errors import InvalidValue
from libs.kernel.personal import Personal
from libs.messages import investors as published
from libs.messages.person_values import Address, NaturalPerson
from services.investors.domain import refusals
from services.investors.domain.investor import Investor
from services.investors.tests.examples import (
    ADDRESS,
    COMPANY,
    DOCUMENT,
    INVESTOR,
    NOW,
    PERSON,
    TAX,
    TAX_IDENTITIES,
    approved,
    command,
    ended,
    given,
    history,
    in_review,
    registered,
    submitted,
)

RENAMED = {**PERSON, "family_name": "Weber"}


def test_i1_an_amendment_holds_only_what_differs() -> None:
    moved = {**ADDRESS, "city": "Vienna", "country": "AT"}
    amend = command("AmendParticulars", identity=PERSON, address=moved, category="retail")
    given(*history(*registered())).when(amend).then(
        published.ParticularsAmended(investor=INVESTOR, country="AT", address=Personal.of(Address(**moved)))
    )


def test_i1_an_amendment_that_changes_nothing_is_nothing() -> None:
    given(*history(*ended())).when(command("AmendParticulars", identity=PERSON)).then_nothing()


@pytest.mark.parametrize("file", [submitted(), in_review(), approved()])
def test_i3_under_another_name_the_person_is_screened_again(file: list[Command]) -> None:
    given(*history(*file)).when(command("AmendParticulars", identity=RENAMED)).then(
        published.ParticularsAmended(investor=INVESTOR, identity=Personal.of(NaturalPerson(**RENAMED))),
        published.ScreeningRequested(investor=INVESTOR, round=2, requested_at=NOW),
    )


def test_i3_a_draft_is_not_screened() -> None:
    amend = command("AmendParticulars", identity=RENAMED)
    assert [type(event).__name__ for event in given(*history(*registered())).decide(amend)] == ["ParticularsAmended"]


def test_i1_a_person_does_not_become_a_company() -> None:
    amend = command("AmendParticulars", identity=COMPANY)
    given(*history(*registered())).when(amend).then_refused(refusals.KindIsFixed, "identity.kind")


def test_i2_the_file_of_an_ended_relationship_is_closed() -> None:
    past = history(*ended())
    for name in ("AmendParticulars", "CertifyTaxStatus", "FileDocument", "AddBankAccount"):
        fields: dict[str, Any] = {"AmendParticulars": {"category": "professional"}}.get(name, {})
        if name == "CertifyTaxStatus":
            fields = {"tax": {**TAX, "signed_on": "2026-10-01"}}
        given(*past).when(command(name, **fields)).then_refused(refusals.StatusForbids, "status")


# --- Tax status


def test_i4_the_latest_certification_counts() -> None:
    later = command("CertifyTaxStatus", tax={**TAX, "signed_on": "2026-11-20"})
    past = given(*history(*submitted(), later))
    (investor,) = past.states.values()
    assert isinstance(investor, Investor)
    assert investor.certified is not None
    assert str(investor.certified.status.signed_on) == "2026-11-20"
    past.when(later).then_nothing()


def test_i4_a_certification_names_a_signed_form_only_if_it_is_on_file() -> None:
    certify = command("CertifyTaxStatus", document=DOCUMENT)
    given(*history(*registered())).when(certify).then_refused(refusals.DocumentUnknown, "document")
    passport = command("FileDocument", kind="identity")
    given(*history(*registered(), passport)).when(certify).then_refused(refusals.DocumentUnknown, "document")
    assert given(*history(*registered(), command("FileDocument"))).decide(certify) != []


@pytest.mark.parametrize(
    ("tax", "identities", "field"),
    [
        ({}, [], "tax_identities"),
        ({}, [{"country": "AT", "missing_reason": "A"}], "tax_identities"),
        ({}, [{"country": "DE", "tin": "36574261808"}], "tax_identities.0.tin"),
        ({}, [{"country": "DE", "tin": "36574261809", "missing_reason": "B"}], "tax_identities.0.tin"),
        ({}, [{"country": "DE"}], "tax_identities.0.tin"),
        ({}, [*TAX_IDENTITIES, *TAX_IDENTITIES], "tax_identities.1.country"),
        ({}, [*TAX_IDENTITIES, {"country": "QQ", "tin": "123"}], "tax_identities.1.country"),
        ({"residences": ["QQ"]}, TAX_IDENTITIES, "tax.residences.0"),
        ({"signed_on": "2026-11-25"}, TAX_IDENTITIES, "tax.signed_on"),
        ({"crs": "active_nfe"}, TAX_IDENTITIES, "tax.crs"),
        ({"fatca": "exempt"}, TAX_IDENTITIES, "tax.fatca"),
        ({"fatca": "us_person"}, TAX_IDENTITIES, "tax_identities"),
    ],
)
def test_i4_status_residences_and_numbers_fit_each_other(
    tax: dict[str, Any], identities: list[dict[str, Any]], field: str
) -> None:
    registration = command("RegisterInvestor", tax={**TAX, **tax}, tax_identities=identities)
    refusal = given().when(registration).then_refused(InvalidValue, field)
    assert "365742" not in f"{refusal.as_problem()}"


def test_i4_a_us_person_abroad_has_the_number_of_both_countries() -> None:
    numbers = [*TAX_IDENTITIES, {"country": "US", "tin": "536-90-4399"}]
    assert history(command("RegisterInvestor", tax={**TAX, "fatca": "us_person"}, tax_identities=numbers))


# --- Documents


def test_i4_the_same_document_is_filed_once_and_as_one_kind() -> None:
    past = given(*history(*registered(), command("FileDocument")))
    past.when(command("FileDocument")).then_nothing()
    past.when(command("FileDocument", kind="identity")).then_refused(refusals.DocumentExists, "document")


# --- The way of the file


def test_i2_a_draft_with_its_tax_status_is_submitted_and_screened() -> None:
    given(*history(*registered(), command("CertifyTaxStatus"))).when(command("SubmitOnboarding")).then(
        published.OnboardingSubmitted(investor=INVESTOR),
        published.ScreeningRequested(investor=INVESTOR, round=1, requested_at=NOW),
    )


def test_i4_a_draft_without_its_tax_status_is_not_submitted() -> None:
    given(*history(*registered())).when(command("SubmitOnboarding")).then_refused(refusals.TaxNotCertified, "tax")


@pytest.mark.parametrize("file", [submitted(), in_review()])
def test_i2_what_is_submitted_is_submitted(file: list[Command]) -> None:
    given(*history(*file)).when(command("SubmitOnboarding")).then_nothing()


def test_i2_after_more_information_the_file_comes_back_and_is_screened_in_a_new_round() -> None:
    past = history(*in_review(), command("RequestMoreInformation"))
    given(*past).when(command("SubmitOnboarding")).then(
        published.OnboardingSubmitted(investor=INVESTOR),
        published.ScreeningRequested(investor=INVESTOR, round=2, requested_at=NOW),
    )


def test_i2_an_approved_file_is_not_submitted_again() -> None:
    given(*history(*approved())).when(command("SubmitOnboarding")).then_refused(refusals.StatusForbids, "status")


def test_i2_only_a_draft_is_withdrawn_and_once() -> None:
    withdraw = command("WithdrawOnboarding")
    given(*history(*registered(), withdraw)).when(withdraw).then_nothing()
    given(*history(*submitted())).when(withdraw).then_refused(refusals.StatusForbids, "status")


def test_i2_nothing_is_done_for_an_investor_that_nobody_registered() -> None:
    given().when(command("SubmitOnboarding")).then_refused(refusals.InvestorUnknown, "investor")
