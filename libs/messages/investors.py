"""Published events of investors (TA-I); names and fields are the stored format, personal values are sealed."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import Field

from libs.kernel.events import Catalogue, Claim, Due
from libs.kernel.personal import Personal, Term
from libs.messages.investor_accounts import AccountBlocked as AccountBlocked
from libs.messages.investor_accounts import AccountClosed as AccountClosed
from libs.messages.investor_accounts import AccountEvent as AccountEvent
from libs.messages.investor_accounts import AccountInstructionsSet as AccountInstructionsSet
from libs.messages.investor_accounts import AccountOpened as AccountOpened
from libs.messages.investor_accounts import AccountUnblocked as AccountUnblocked
from libs.messages.investor_accounts import BankAccountAdded as BankAccountAdded
from libs.messages.investor_accounts import BankAccountClosed as BankAccountClosed
from libs.messages.investor_accounts import BankAccountEvent as BankAccountEvent
from libs.messages.investor_accounts import BankAccountVerified as BankAccountVerified
from libs.messages.investor_accounts import DistributorEnded as DistributorEnded
from libs.messages.investor_accounts import DistributorEvent as DistributorEvent
from libs.messages.investor_accounts import DistributorRegistered as DistributorRegistered
from libs.messages.investor_accounts import PayoutAccountSet as PayoutAccountSet
from libs.messages.investor_kinds import MAX_HITS as MAX_HITS
from libs.messages.investor_kinds import AccountKind as AccountKind
from libs.messages.investor_kinds import BlockScope as BlockScope
from libs.messages.investor_kinds import Category as Category
from libs.messages.investor_kinds import DocumentId as DocumentId
from libs.messages.investor_kinds import DocumentKind as DocumentKind
from libs.messages.investor_kinds import Evidence as Evidence
from libs.messages.investor_kinds import ExportPurpose as ExportPurpose
from libs.messages.investor_kinds import HitNumber as HitNumber
from libs.messages.investor_kinds import HitOutcome as HitOutcome
from libs.messages.investor_kinds import InvestorKind as InvestorKind
from libs.messages.investor_kinds import InvestorsEvent as InvestorsEvent
from libs.messages.investor_kinds import LegalBasis as LegalBasis
from libs.messages.investor_kinds import MediaType as MediaType
from libs.messages.investor_kinds import NameMatch as NameMatch
from libs.messages.investor_kinds import Reference as Reference
from libs.messages.investor_kinds import RejectionReason as RejectionReason
from libs.messages.investor_kinds import Risk as Risk
from libs.messages.investor_kinds import Round as Round
from libs.messages.investor_kinds import ScreeningHit as ScreeningHit
from libs.messages.investor_kinds import Text as Text
from libs.messages.person_values import Address, Contact, Identity, TaxIdentity, TaxStatus
from libs.messages.values import Code, Country, Moment, Name


class InvestorRegistered(InvestorsEvent):
    """A person is on the books as a draft (TA-I-1, TA-I-2); `distributor` introduced it (TA-I-8)."""

    kind: InvestorKind
    category: Category
    reference: Reference | None = None
    distributor: Code | None = None
    country: Country
    identity: Personal[Identity]
    address: Personal[Address]
    contact: Personal[Contact] | None = None

    def claims(self) -> tuple[Claim, ...]:
        """A reference belongs to one investor of its distributor."""
        return () if self.reference is None else (Claim("reference", f"{self.distributor or ''}/{self.reference}"),)

    def search(self) -> tuple[Term, ...]:
        """By name, by reference."""
        own = () if self.reference is None else (Term("reference", self.reference),)
        return (Term("name", self.identity.clear.full_name), *own)


class ParticularsAmended(InvestorsEvent):
    """Name, address or contact changed; what is None stays. An approved investor is screened again by the new name."""

    category: Category | None = None
    country: Country | None = None
    identity: Personal[Identity] | None = None
    address: Personal[Address] | None = None
    contact: Personal[Contact] | None = None

    def search(self) -> tuple[Term, ...]:
        """By the new name too."""
        return () if self.identity is None else (Term("name", self.identity.clear.full_name),)


class SelfCertified(InvestorsEvent):
    """The investor certified its tax residences (TA-I-4); `document` is the signed form, if it is filed."""

    status: TaxStatus
    tax_identities: Personal[tuple[TaxIdentity, ...]]
    document: DocumentId | None = None

    def search(self) -> tuple[Term, ...]:
        """By tax number."""
        return tuple(Term("tin", one.tin) for one in self.tax_identities.clear if one.tin is not None)


class DocumentFiled(InvestorsEvent):
    """A document lies in the vault, encrypted, outside the event; `document` is a keyed hash of its content."""

    document: DocumentId
    kind: DocumentKind
    media_type: MediaType
    size_bytes: Annotated[int, Field(gt=0)]


class OnboardingSubmitted(InvestorsEvent):
    """The file is complete and goes to screening, then to review (TA-I-2)."""


class ScreeningRequested(InvestorsEvent):
    """The person is to be screened: at submission, under a new name, at a periodic review (TA-I-3)."""

    round: Round
    requested_at: Moment

    def due(self) -> tuple[Due, ...]:
        """Screening, at once."""
        return (_screening(self.investor, self.requested_at, self.round, 1),)


class ScreeningRecorded(InvestorsEvent):
    """The provider answered: the file is in review with so many hits, none when it is clean (TA-I-3).

    `hits` are numbered from 1 in their order; by that number everything else speaks of them.
    """

    round: Round
    provider: Name
    list_version: Name
    hit_count: Annotated[int, Field(ge=0, le=MAX_HITS)]
    hits: Personal[Annotated[tuple[ScreeningHit, ...], Field(max_length=MAX_HITS)]]


class ScreeningUnavailable(InvestorsEvent):
    """The provider did not answer: the file is in review and cannot be approved (TA-I-3, invariant 11)."""

    round: Round
    attempt: Round
    retry_at: Moment

    def due(self) -> tuple[Due, ...]:
        """The next attempt."""
        return (_screening(self.investor, self.retry_at, self.round, self.attempt + 1),)


class HitResolved(InvestorsEvent):
    """A reviewer looked at a hit: it is somebody else (`dismissed`), or it is the person (`confirmed`)."""

    round: Round
    hit: HitNumber
    outcome: HitOutcome
    reason: Personal[Text]


class MoreInformationRequested(InvestorsEvent):
    """The reviewer needs more; the file goes back to who submitted it."""

    what: Personal[Text]


class InvestorApproved(InvestorsEvent):
    """The investor may have accounts; the next review falls due by its risk (TA-I-2)."""

    risk: Risk
    review_due_at: Moment

    def due(self) -> tuple[Due, ...]:
        """The periodic review."""
        return (Due("MarkReviewOverdue", self.review_due_at, {"investor": str(self.investor)}),)


class InvestorRejected(InvestorsEvent):
    """The investor is not taken on; the file is kept until `retain_until` (AMLR 2024/1624, 77)."""

    reason: RejectionReason
    retain_until: Moment


class OnboardingWithdrawn(InvestorsEvent):
    """A draft that was never submitted is given up by the applicant."""


class ReviewFellDue(InvestorsEvent):
    """The periodic review is overdue: no new subscriptions until it is done (TA-I-2)."""


class ReviewCompleted(InvestorsEvent):
    """The periodic review, or a change of the risk rating; the next falls due by the new rating."""

    risk: Risk
    review_due_at: Moment

    def due(self) -> tuple[Due, ...]:
        """The next periodic review."""
        return (Due("MarkReviewOverdue", self.review_due_at, {"investor": str(self.investor)}),)


class InvestorAccountAdded(InvestorsEvent):
    """The investor leads one more account."""

    account: UUID


class InvestorAccountRemoved(InvestorsEvent):
    """One of the investor's accounts is closed."""

    account: UUID


class RelationshipEnded(InvestorsEvent):
    """The business relationship is over; what must be kept is kept until `retain_until` (AMLR 2024/1624, 77)."""

    retain_until: Moment


class PersonalDataExported(InvestorsEvent):
    """The whole data of the subject was handed out (GDPR 15, 20): an audited act."""

    purpose: ExportPurpose
    exported_at: Moment


class InvestorErased(InvestorsEvent):
    """The person's data is to be destroyed: its key is, as soon as the ledger has this (TA-I-7).

    `rounds` are those of screening that were answered: read tables keep the hits of each.
    """

    legal_basis: LegalBasis
    erased_at: Moment
    rounds: tuple[Round, ...] = ()

    def due(self) -> tuple[Due, ...]:
        """The destruction of the key, at once."""
        return (Due("DestroyKey", self.erased_at, {"investor": str(self.investor)}),)


class KeyDestroyed(InvestorsEvent):
    """The key is gone: what the ledger holds of the person opens for nobody."""


def _screening(investor: UUID, at: Moment, round_: int, attempt: int) -> Due:
    return Due("ScreenInvestor", at, {"investor": str(investor), "round": round_, "attempt": attempt})


CATALOGUE = Catalogue(
    [
        InvestorRegistered, ParticularsAmended, SelfCertified, DocumentFiled, OnboardingSubmitted,
        ScreeningRequested, ScreeningRecorded, ScreeningUnavailable, HitResolved, MoreInformationRequested,
        InvestorApproved, InvestorRejected, OnboardingWithdrawn, ReviewFellDue, ReviewCompleted,
        InvestorAccountAdded, InvestorAccountRemoved, RelationshipEnded, PersonalDataExported, InvestorErased,
        KeyDestroyed, BankAccountAdded, BankAccountVerified, BankAccountClosed, AccountOpened, PayoutAccountSet,
        AccountInstructionsSet, AccountBlocked, AccountUnblocked, AccountClosed, DistributorRegistered,
        DistributorEnded,
    ]
)  # fmt: skip
