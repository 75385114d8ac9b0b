"""The investor: its particulars, tax status, documents and the way of its file (TA-I-1, TA-I-2, TA-I-4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal, assert_never
from uuid import UUID

from libs.kernel.events import Event
from libs.kernel.personal import Personal
from libs.messages import investors as published
from libs.messages.person_values import Address, Contact, Identity
from services.investors.domain.commands import (
    AmendParticulars,
    CertifyTaxStatus,
    FileDocument,
    InvestorCommand,
    SubmitOnboarding,
    WithdrawOnboarding,
)
from services.investors.domain.particulars import check_particulars
from services.investors.domain.refusals import (
    DocumentExists,
    DocumentUnknown,
    IdentityIsReviewed,
    InvestorIsErased,
    InvestorUnknown,
    KindIsFixed,
    StatusForbids,
    TaxNotCertified,
    unexpected,
)
from services.investors.domain.rounds import Hit, Screening
from services.investors.domain.tax import check_certification

Status = Literal[
    "draft", "submitted", "in_review", "more_information", "approved", "rejected", "withdrawn", "ended", "erased"
]  # fmt: skip
# The file is worked on: particulars, tax status, documents and bank accounts may change.
LIVING: frozenset[Status] = frozenset({"draft", "submitted", "in_review", "more_information", "approved"})
_PARTICULARS = frozenset({"category", "country", "identity", "address", "contact"})
SCREENED_AGAIN: frozenset[Status] = frozenset({"submitted", "in_review", "approved"})

# --- State


@dataclass(frozen=True, slots=True)
class Investor:
    """An investor: as registered, as it is now; personal values are carried, never looked at by `evolve`."""

    registered: published.InvestorRegistered
    category: published.Category
    country: str
    identity: Personal[Identity]
    address: Personal[Address]
    contact: Personal[Contact] | None
    status: Status = "draft"
    first_certified: published.SelfCertified | None = None
    certified: published.SelfCertified | None = None
    documents: Mapping[str, published.DocumentFiled] = field(default_factory=dict)
    screening: Screening | None = None
    asked: Personal[str] | None = None
    risk: published.Risk | None = None
    review_due_at: datetime | None = None
    review_overdue: bool = False
    rejected: published.RejectionReason | None = None
    accounts: frozenset[UUID] = frozenset()
    retain_until: datetime | None = None
    exported: published.PersonalDataExported | None = None
    key_destroyed: bool = False


# --- Commands

FileCommands = AmendParticulars | CertifyTaxStatus | FileDocument | SubmitOnboarding | WithdrawOnboarding

# --- Decide


def decide(command: FileCommands, investor: Investor | None) -> Sequence[Event]:
    """The events of a command on the investor's file."""
    investor = own(investor, command)
    match command:
        case AmendParticulars():
            return amend_particulars(command, investor)
        case CertifyTaxStatus():
            return certify_tax_status(command, investor)
        case FileDocument():
            return file_document(command, investor)
        case SubmitOnboarding():
            return submit_onboarding(command, investor)
        case WithdrawOnboarding():
            return withdraw_onboarding(command, investor)
        case _:
            assert_never(command)


def amend_particulars(command: AmendParticulars, investor: Investor) -> Sequence[Event]:
    """What differs changes; under another identity or country a file that was submitted is screened again (I-3)."""
    if command.identity is not None and command.identity.kind != investor.registered.kind:
        raise KindIsFixed(f"the investor is {investor.registered.kind}", field="identity.kind")
    check_particulars(command.identity, command.address, command.now)
    changed: dict[str, Any] = {}
    if command.category not in (None, investor.category):
        changed["category"] = command.category
    for name in ("identity", "address", "contact"):
        value = getattr(command, name)
        if value is not None and Personal.of(value) != getattr(investor, name):
            changed[name] = Personal.of(value)
    if not changed:
        return []
    in_status(investor, LIVING, command)
    if "identity" in changed and command.placed_by is not None and investor.status == "approved":
        # Else a distributor could make a bank account of its own match the investor's name for a moment (I-5).
        raise IdentityIsReviewed("ask the management company to change it", field="identity")
    if "address" in changed and changed["address"].clear.country != investor.country:
        changed["country"] = changed["address"].clear.country
    events: list[Event] = [published.ParticularsAmended(investor=command.investor, **changed)]
    if changed.keys() & {"identity", "country"} and investor.status in SCREENED_AGAIN:
        events.append(screening_requested(command, investor))
    return events


def certify_tax_status(command: CertifyTaxStatus, investor: Investor) -> Sequence[Event]:
    """The latest certification counts; a signed form that it names is on file (I-4)."""
    check_certification(command.tax, command.tax_identities, investor.registered.kind, command.now)
    certified = published.SelfCertified(
        investor=command.investor,
        status=command.tax,
        tax_identities=Personal.of(command.tax_identities),
        document=command.document,
    )
    if investor.certified == certified:
        return []
    in_status(investor, LIVING, command)
    filed = investor.documents.get(command.document or "")
    if command.document is not None and (filed is None or filed.kind != "self_certification"):
        raise DocumentUnknown("file the signed form first", field="document", value=command.document)
    return [certified]


def file_document(command: FileDocument, investor: Investor) -> Sequence[Event]:
    """The same content is filed once."""
    filed = published.DocumentFiled(
        investor=command.investor,
        document=command.document,
        kind=command.kind,
        media_type=command.media_type,
        size_bytes=command.size_bytes,
    )
    known = investor.documents.get(command.document)
    if known == filed:
        return []
    if known is not None:
        raise DocumentExists(f"filed as {known.kind}", field="document", value=command.document)
    in_status(investor, LIVING, command)
    return [filed]


def submit_onboarding(command: SubmitOnboarding, investor: Investor) -> Sequence[Event]:
    """draft | more information → submitted, and the person is screened (I-2, I-3)."""
    if investor.status in ("submitted", "in_review"):
        return []
    in_status(investor, frozenset({"draft", "more_information"}), command)
    if investor.certified is None:
        raise TaxNotCertified("certify the tax status first", field="tax")
    return [published.OnboardingSubmitted(investor=command.investor), screening_requested(command, investor)]


def withdraw_onboarding(command: WithdrawOnboarding, investor: Investor) -> Sequence[Event]:
    """draft → withdrawn; a file that was ever submitted is rejected instead, and kept (AMLR 2024/1624, 77)."""
    if investor.status == "withdrawn":
        return []
    in_status(investor, frozenset({"draft"}), command)
    return [published.OnboardingWithdrawn(investor=command.investor)]


def screening_requested(command: InvestorCommand, investor: Investor | None) -> Event:
    """The next round."""
    before = investor.screening.round if investor is not None and investor.screening is not None else 0
    return published.ScreeningRequested(investor=command.investor, round=before + 1, requested_at=command.now)


def visible(investor: Investor | None, command: InvestorCommand) -> Investor | None:
    """The investor, None for another distributor's (I-8)."""
    foreign = investor is not None and command.placed_by not in (None, investor.registered.distributor)
    return None if foreign else investor


def own(investor: Investor | None, command: InvestorCommand) -> Investor:
    """The investor; InvestorUnknown also for another distributor's (I-8), InvestorIsErased."""
    return living(visible(investor, command), command)


def living(investor: Investor | None, command: InvestorCommand) -> Investor:
    """The investor, whoever introduced it; InvestorUnknown, InvestorIsErased."""
    if investor is None:
        raise InvestorUnknown("register the investor first", field="investor", value=command.investor)
    if investor.status == "erased":
        raise InvestorIsErased("nothing happens to it any more", field="investor", value=command.investor)
    return investor


def in_status(investor: Investor, allowed: frozenset[Status], command: InvestorCommand) -> None:
    """Raise StatusForbids, naming the status and the command, outside the allowed ones."""
    if investor.status not in allowed:
        raise StatusForbids(
            f"{type(command).__name__} does not follow on {investor.status}", field="status", value=investor.status
        )


# --- Evolve


def evolve(investor: Investor | None, event: Event) -> Investor:
    """The investor after the event."""
    if investor is None:
        if not isinstance(event, published.InvestorRegistered):
            raise unexpected(event, investor)
        return Investor(event, event.category, event.country, event.identity, event.address, event.contact)
    match event:
        case published.ParticularsAmended():
            given = {name: getattr(event, name) for name in _PARTICULARS}
            return replace(investor, **{name: value for name, value in given.items() if value is not None})
        case published.SelfCertified():
            return replace(investor, certified=event, first_certified=investor.first_certified or event)
        case published.DocumentFiled(document=document):
            return replace(investor, documents={**investor.documents, document: event})
        case published.InvestorAccountAdded(account=account):
            return replace(investor, accounts=investor.accounts | {account})
        case published.InvestorAccountRemoved(account=account):
            return replace(investor, accounts=investor.accounts - {account})
        case published.PersonalDataExported():
            return replace(investor, exported=event)
        case (
            published.ScreeningRequested()
            | published.ScreeningRecorded()
            | published.ScreeningUnavailable()
            | published.HitResolved()
        ):
            return _screened(investor, event)
        case _:
            return _moved(investor, event)


def _screened(investor: Investor, event: Event) -> Investor:
    screening = investor.screening
    if isinstance(event, published.ScreeningRequested):
        following = Screening(event.round) if screening is None else screening.next(event.round)
        return replace(investor, screening=following)
    if screening is None:
        raise unexpected(event, investor)
    match event:
        case published.ScreeningRecorded():
            screening = replace(screening, answer=event)
        case published.ScreeningUnavailable(attempt=attempt):
            screening = replace(screening, attempts=attempt)
        case published.HitResolved(round=number, hit=hit) if number != screening.round:
            screening = replace(screening, confirmed=screening.confirmed - {Hit(number, hit)})
        case published.HitResolved(hit=hit, outcome=outcome):
            screening = replace(screening, outcomes={**screening.outcomes, hit: outcome})
        case _:
            raise unexpected(event, investor)
    status: Status = "in_review" if investor.status == "submitted" else investor.status
    return replace(investor, screening=screening, status=status)


def _moved(investor: Investor, event: Event) -> Investor:
    match event:
        case published.OnboardingSubmitted():
            return replace(investor, status="submitted", asked=None)
        case published.MoreInformationRequested(what=what):
            return replace(investor, status="more_information", asked=what)
        case (
            published.InvestorApproved(risk=risk, review_due_at=due)
            | published.ReviewCompleted(risk=risk, review_due_at=due)
        ):
            return replace(investor, status="approved", risk=risk, review_due_at=due, review_overdue=False)
        case published.ReviewFellDue():
            return replace(investor, review_overdue=True)
        case published.InvestorRejected(reason=reason, retain_until=until):
            return replace(investor, status="rejected", rejected=reason, retain_until=until)
        case published.OnboardingWithdrawn():
            return replace(investor, status="withdrawn")
        case published.RelationshipEnded(retain_until=until):
            return replace(investor, status="ended", retain_until=until)
        case published.InvestorErased():
            return replace(investor, status="erased")
        case published.KeyDestroyed():
            return replace(investor, key_destroyed=True)
        case _:
            raise unexpected(event, investor)
