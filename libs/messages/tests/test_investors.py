"""The published events of investors: their names are the stored format (rule 6 of the house)."""

from __future__ import annotations

from libs.messages.investors import CATALOGUE

PUBLISHED = """
    investors.AccountBlocked.v1 investors.AccountClosed.v1 investors.AccountInstructionsSet.v1
    investors.AccountOpened.v1 investors.AccountUnblocked.v1 investors.BankAccountAdded.v1
    investors.BankAccountClosed.v1 investors.BankAccountVerified.v1 investors.DistributorEnded.v1
    investors.DistributorRegistered.v1 investors.DocumentFiled.v1 investors.HitResolved.v1
    investors.InvestorAccountAdded.v1 investors.InvestorAccountRemoved.v1 investors.InvestorApproved.v1
    investors.InvestorErased.v1 investors.InvestorRegistered.v1 investors.InvestorRejected.v1
    investors.KeyDestroyed.v1 investors.MoreInformationRequested.v1 investors.OnboardingSubmitted.v1
    investors.OnboardingWithdrawn.v1 investors.ParticularsAmended.v1 investors.PayoutAccountSet.v1
    investors.PersonalDataExported.v1 investors.RelationshipEnded.v1 investors.ReviewCompleted.v1
    investors.ReviewFellDue.v1 investors.ScreeningRecorded.v1 investors.ScreeningRequested.v1
    investors.ScreeningUnavailable.v1 investors.SelfCertified.v1
"""
PERSONAL = """
    InvestorRegistered ParticularsAmended SelfCertified ScreeningRecorded HitResolved MoreInformationRequested
    BankAccountAdded AccountBlocked AccountUnblocked
"""


def test_a_published_name_never_goes() -> None:
    assert {kind.type_name() for kind in CATALOGUE.types()} == set(PUBLISHED.split())


def test_every_event_has_its_investor_or_distributor_as_lane_key_and_data_subject() -> None:
    """W-2 and invariant 6: all streams of a decision share the key, which is the subject of what is sealed."""
    for kind in CATALOGUE.types():
        assert kind.key_field == ("distributor" if kind.aggregate == "distributor" else "investor")
    assert {kind.aggregate for kind in CATALOGUE.types()} == {"investor", "bank_account", "account", "distributor"}


def test_i7_these_events_and_no_others_hold_personal_values() -> None:
    assert {kind.__name__ for kind in CATALOGUE.types() if kind.holds_personal} == set(PERSONAL.split())
