"""Registration and what a draft is made of (TA-I-1, TA-I-4, TA-I-8)."""

from __future__ import annotations

from typing import Any

import pytest

from libs.kernel.errors import InvalidValue
from libs.kernel.ids import named_id
from libs.kernel.personal import Personal
from libs.messages import investors as published
from libs.messages.person_values import Address, BankDetails, Contact, NaturalPerson, TaxIdentity, TaxStatus
from services.investors.domain import refusals
from services.investors.tests.examples import (
    ADDRESS,
    BANK,
    BANK_ACCOUNT,
    COMPANY,
    INVESTOR,
    NOW,
    OTHER_BANK,
    PERSON,
    TAX,
    TAX_IDENTITIES,
    approved,
    command,
    distributor,
    erased,
    given,
    history,
    registered,
)

FILE: dict[str, Any] = {"tax": TAX, "tax_identities": TAX_IDENTITIES, "submit": True}
WITH_BANK: dict[str, Any] = {"bank_account": BANK_ACCOUNT, "bank": BANK, "bank_currency": "EUR"}


def test_i1_a_natural_person_is_registered_as_a_draft_from_the_country_of_its_address() -> None:
    given().when(command("RegisterInvestor", reference="C-1", contact={"email": "anna@example.com"})).then(
        published.InvestorRegistered(
            investor=INVESTOR,
            kind="natural",
            category="retail",
            reference="C-1",
            country="DE",
            identity=Personal.of(NaturalPerson(**PERSON)),
            address=Personal.of(Address(**ADDRESS)),
            contact=Personal.of(Contact(email="anna@example.com")),
        )
    )


def test_i1_a_whole_file_is_one_decision_that_ends_in_screening() -> None:
    events = history(command("RegisterInvestor", **FILE, **WITH_BANK))
    certified = published.SelfCertified(
        investor=INVESTOR,
        status=TaxStatus(**TAX),
        tax_identities=Personal.of(tuple(TaxIdentity(**one) for one in TAX_IDENTITIES)),
    )
    bank = published.BankAccountAdded(
        investor=INVESTOR,
        bank_account=BANK_ACCOUNT,
        country="DE",
        currency="EUR",
        details=Personal.of(BankDetails(**BANK)),
        name_match="match",
        match_percent=100,
    )
    asked = published.ScreeningRequested(investor=INVESTOR, round=1, requested_at=NOW)
    assert events[1:] == [certified, bank, published.OnboardingSubmitted(investor=INVESTOR), asked]


def test_i1_the_streams_of_a_registration_include_its_bank_account() -> None:
    streams = command("RegisterInvestor", **WITH_BANK).streams()
    assert streams == (
        f"investors/{INVESTOR}/investor/{INVESTOR}",
        f"investors/{INVESTOR}/bank_account/{BANK_ACCOUNT}",
    )


def test_i1_the_same_registration_again_is_nothing_even_after_amendments() -> None:
    first = command("RegisterInvestor", **FILE, **WITH_BANK)
    moved = command("AmendParticulars", address={**ADDRESS, "city": "Potsdam"})
    given().when(first, moved, first).then_nothing()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"category": "professional"}, "investor"),
        ({"identity": {**PERSON, "family_name": "Ødegård"}}, "investor"),
        ({"tax": {**TAX, "signed_on": "2026-11-02"}}, "tax"),
        ({"bank": OTHER_BANK}, "bank_account"),
    ],
)
def test_i1_other_particulars_under_the_same_id_are_refused_without_a_value_of_them(
    change: dict[str, Any], field: str
) -> None:
    first = command("RegisterInvestor", **FILE, **WITH_BANK)
    again = command("RegisterInvestor", **{**FILE, **WITH_BANK, **change})
    refusal = given().when(first, again).then_refused(refusals.InvestorExists, field)
    assert "Weber" not in f"{refusal.as_problem()}"


def test_i1_an_erased_id_is_not_registered_again() -> None:
    given(*history(*erased())).when(*registered()).then_refused(refusals.InvestorIsErased, "investor")


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"address": {**ADDRESS, "country": "QQ"}}, "address.country"),
        ({"identity": {**PERSON, "nationality": "QQ"}}, "identity.nationality"),
        ({"identity": {**PERSON, "birth_country": "QQ"}}, "identity.birth_country"),
        ({"identity": {**PERSON, "birth_date": "2026-11-25"}}, "identity.birth_date"),
        ({"identity": {**COMPANY, "incorporated_on": "2027-01-01"}}, "identity.incorporated_on"),
        ({"identity": {**COMPANY, "controllers": [{**PERSON, "nationality": "QQ"}]}},
         "identity.controllers.0.nationality"),
        ({"tax_identities": TAX_IDENTITIES}, "tax"),
        ({"submit": True}, "tax"),
        ({"bank": BANK}, "bank_account"),
        ({**WITH_BANK, "bank_currency": "QQQ"}, "bank_currency"),
    ],
)  # fmt: skip
def test_i1_what_can_never_be_a_file_is_invalid_and_names_its_field(fields: dict[str, Any], field: str) -> None:
    refusal = given().when(command("RegisterInvestor", **fields)).then_refused(InvalidValue, field)
    assert refusal.value in (None, "QQQ")


def test_i8_a_registration_by_a_distributor_takes_its_code() -> None:
    (event,) = history(command("RegisterInvestor", placed_by="DIST-1"))
    assert isinstance(event, published.InvestorRegistered)
    assert event.distributor == "DIST-1"


@pytest.mark.parametrize("row", [None, {"ended": True}])
def test_i8_the_distributor_exists_and_its_agreement_stands(row: dict[str, bool] | None) -> None:
    error = refusals.DistributorUnknown if row is None else refusals.DistributorIsEnded
    fields: dict[str, Any] = {"distributor": "DIST-1", "rows": {distributor("DIST-1"): row}}
    given().when(command("RegisterInvestor", **fields)).then_refused(error, "distributor")


def test_i8_a_distributor_registers_under_no_other_code_not_even_what_is_registered() -> None:
    theirs = command("RegisterInvestor", distributor="DIST-2")
    mine = command("RegisterInvestor", distributor="DIST-2", placed_by="DIST-1")
    given().when(theirs, mine).then_refused(refusals.ForeignDistributor, "distributor")


@pytest.mark.parametrize(
    "name",
    ["AmendParticulars", "CertifyTaxStatus", "FileDocument", "SubmitOnboarding", "WithdrawOnboarding", "ResolveHit",
     "ExportPersonalData", "AddBankAccount", "OpenAccount", "ApproveInvestor"],
)  # fmt: skip
def test_i8_another_distributors_investor_does_not_exist(name: str) -> None:
    """The same refusal, word for word, as for one that nobody registered."""
    foreign = command(name, placed_by="DIST-1", investor=INVESTOR)
    unknown = given().when(foreign).then_refused(refusals.InvestorUnknown, "investor")
    past = given(*history(*approved(distributor="DIST-2")))
    assert past.when(foreign).then_refused(refusals.InvestorUnknown, "investor").as_problem() == unknown.as_problem()


def test_i8_two_distributors_may_use_the_same_reference() -> None:
    claims = [
        history(command("RegisterInvestor", reference="C-1", distributor=code))[0].claims() for code in ("A", "B", None)
    ]
    assert len(set(claims)) == 3


def test_w4_an_investor_of_its_own_id_only() -> None:
    other = command("RegisterInvestor", investor=named_id("example", "third"))
    assert given(*history(*registered())).decide(other) != []
