"""Bank accounts: added, verified by evidence, paid to, changed by two people (TA-I-5)."""

from __future__ import annotations

from typing import Any

import pytest

from libs.kernel.errors import InvalidValue
from libs.kernel.personal import Personal
from libs.messages import investors as published
from libs.messages.person_values import BankDetails
from services.investors.domain import refusals
from services.investors.domain.names import CLOSE_PERCENT
from services.investors.tests.examples import (
    ACCOUNT,
    BANK,
    BANK_ACCOUNT,
    DECIDER,
    INVESTOR,
    MISMATCH,
    OTHER_BANK,
    SECOND_BANK,
    approved,
    command,
    given,
    history,
    opened,
    paid_out,
    registered,
)

ADDED = [*registered(), command("AddBankAccount")]
PAY = command("SetPayoutAccount", bank_account=BANK_ACCOUNT)


def test_i5_a_bank_account_comes_unverified_with_its_name_match_on_record() -> None:
    (event,) = given(*history(*registered())).decide(command("AddBankAccount", details=MISMATCH))
    assert isinstance(event, published.BankAccountAdded)
    assert (event.details.clear, event.country) == (BankDetails(**MISMATCH), "LU")
    assert event.name_match == "mismatch"
    assert event.match_percent < CLOSE_PERCENT
    assert [(term.kind, term.text) for term in event.search()] == [("iban", "LU280019400644750000")]


def test_i5_the_same_bank_account_is_added_once_and_its_id_is_no_others() -> None:
    past = given(*history(*ADDED))
    past.when(command("AddBankAccount")).then_nothing()
    past.when(command("AddBankAccount", details=OTHER_BANK)).then_refused(refusals.BankAccountExists, "bank_account")
    past.when(command("AddBankAccount", currency="QQQ")).then_refused(InvalidValue, "currency")


def test_i5_a_bank_account_added_before_the_name_changed_is_still_the_same() -> None:
    renamed = command("AmendParticulars", identity={**registered()[0].model_dump()["identity"], "family_name": "Blum"})
    given(*history(*ADDED, renamed)).when(command("AddBankAccount")).then_nothing()


@pytest.mark.parametrize("evidence", ["penny_test", "statement_seen"])
def test_i5_another_holders_name_is_verified_by_strong_evidence_only(evidence: str) -> None:
    past = given(*history(*registered(), command("AddBankAccount", details=MISMATCH)))
    weak = command("VerifyBankAccount", evidence=evidence)
    past.when(weak).then_refused(refusals.EvidenceTooWeak, "evidence")
    for strong in ("bank_confirmation", "provider_check"):
        verified = published.BankAccountVerified(investor=INVESTOR, bank_account=BANK_ACCOUNT, evidence=strong)
        past.when(command("VerifyBankAccount", evidence=strong)).then(verified)


def test_i5_a_verification_again_is_nothing_and_better_evidence_may_follow() -> None:
    past = given(*history(*ADDED, command("VerifyBankAccount")))
    past.when(command("VerifyBankAccount")).then_nothing()
    assert len(past.decide(command("VerifyBankAccount", evidence="bank_confirmation"))) == 1


def test_i5_a_closed_bank_account_is_not_verified_nor_paid_to() -> None:
    close = command("CloseBankAccount")
    past = given(*history(*opened(), close))
    past.when(close).then_nothing()
    past.when(command("VerifyBankAccount", evidence="bank_confirmation")).then_refused(
        refusals.BankAccountIsClosed, "bank_account"
    )
    past.when(PAY).then_refused(refusals.BankAccountIsClosed, "bank_account")


@pytest.mark.parametrize("name", ["VerifyBankAccount", "CloseBankAccount"])
def test_i5_a_bank_account_that_nobody_added_is_unknown(name: str) -> None:
    given(*history(*registered())).when(command(name)).then_refused(refusals.BankAccountUnknown, "bank_account")


# --- Paid to


def test_i5_an_account_is_paid_to_a_verified_bank_account_only() -> None:
    unverified = [*approved(), command("AddBankAccount"), command("OpenAccount")]
    given(*history(*unverified)).when(PAY).then_refused(refusals.BankAccountNotVerified, "bank_account")
    nowhere = [*approved(), command("OpenAccount")]
    given(*history(*nowhere)).when(PAY).then_refused(refusals.BankAccountUnknown, "bank_account")
    given(*history(*opened())).when(PAY).then(
        published.PayoutAccountSet(investor=INVESTOR, account=ACCOUNT, bank_account=BANK_ACCOUNT)
    )


def test_i5_one_person_names_the_first_payout_account_and_no_other() -> None:
    another = command("AddBankAccount", bank_account=SECOND_BANK, details=OTHER_BANK)
    verified = command("VerifyBankAccount", bank_account=SECOND_BANK)
    past = given(*history(*paid_out(), another, verified))
    past.when(PAY).then_nothing()
    change = command("SetPayoutAccount", bank_account=SECOND_BANK)
    past.when(change).then_refused(refusals.PayoutAccountStands, "bank_account")


def test_i5_a_change_is_one_decision_of_two_people() -> None:
    change = command("ChangeBankAccount")
    assert change.four_eyes
    past = given(*history(*paid_out()))
    after = past.when(change).then(
        published.BankAccountAdded(
            investor=INVESTOR,
            bank_account=SECOND_BANK,
            country="LU",
            currency="EUR",
            details=Personal.of(BankDetails(**OTHER_BANK)),
            name_match="match",
            match_percent=100,
        ),
        published.BankAccountVerified(investor=INVESTOR, bank_account=SECOND_BANK, evidence="bank_confirmation"),
        published.PayoutAccountSet(investor=INVESTOR, account=ACCOUNT, bank_account=SECOND_BANK),
    )
    after.when(change).then_nothing()
    after.when(command("AddBankAccount")).then_nothing()


def test_i5_a_change_to_a_known_bank_account_adds_nothing_twice() -> None:
    known = command("AddBankAccount", bank_account=SECOND_BANK, details=OTHER_BANK)
    past = given(*history(*paid_out(), known))
    names = [type(event).__name__ for event in past.decide(command("ChangeBankAccount"))]
    assert names == ["BankAccountVerified", "PayoutAccountSet"]
    other = command("ChangeBankAccount", details=BANK)
    past.when(other).then_refused(refusals.BankAccountExists, "bank_account")


def test_i5_a_change_to_another_holder_takes_strong_evidence_too() -> None:
    weak = command("ChangeBankAccount", details=MISMATCH, evidence="statement_seen")
    given(*history(*paid_out())).when(weak).then_refused(refusals.EvidenceTooWeak, "evidence")


@pytest.mark.parametrize(
    ("scope", "reason", "allowed"),
    [
        ("asset_freeze", "aml", False),
        ("all", "court_order", False),
        ("payments", "sanctions", False),
        ("payments", "regulator", False),
        ("payments", "aml", True),
        ("all", "deceased", True),
    ],
)
def test_i6_nothing_is_altered_on_an_account_that_an_authority_holds(scope: str, reason: str, allowed: bool) -> None:
    """A change of bank account under a mere block of payments is how those may be released."""
    block = command("BlockAccount", scope=scope, ground={"reason": reason, "authority": "Example court"})
    past = given(*history(*paid_out(), block))
    for name in ("ChangeBankAccount", "CloseAccount", "SetInstructions"):
        if allowed:
            assert past.decide(command(name)) != []
        else:
            refusal = past.when(command(name)).then_refused(refusals.AccountIsBlocked, "account")
            assert reason not in f"{refusal.as_problem()}".lower()


def test_i8_the_first_payout_account_of_another_distributors_account_is_not_ours_to_name() -> None:
    theirs: dict[str, Any] = {"distributor": "DIST-2"}
    past = given(*history(*opened(**theirs)))
    foreign = command("SetPayoutAccount", bank_account=BANK_ACCOUNT, placed_by="DIST-1")
    past.when(foreign).then_refused(refusals.AccountUnknown, "account")


def test_i5_exactly_these_changes_take_a_second_person() -> None:
    four_eyes = {name for name, kind in DECIDER.commands.items() if kind.four_eyes}
    assert four_eyes == {"ChangeBankAccount", "UnblockAccount", "EraseInvestor"}
