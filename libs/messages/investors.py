"""Published events of investors (TA-I); names and fields are the stored format, personal values are sealed."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from libs.kernel.events import Catalogue, Claim, Due, Event
from libs.kernel.personal import Personal, Term
from libs.messages.person_values import Address, BankDetails, BlockGround, Contact, Identity, TaxIdentity, TaxStatus
from libs.messages.values import Code, Country, Currency, Lei, Moment, Name, Value

InvestorKind = Literal["natural", "legal"]
Category = Literal["retail", "professional", "institutional"]
Risk = Literal["low", "medium", "high"]
AccountKind = Literal["single", "joint", "nominee", "omnibus"]
BlockScope = Literal["all", "subscriptions", "redemptions", "transfers", "payments", "asset_freeze"]
DocumentKind = Literal["identity", "proof_of_address", "self_certification", "register_extract", "other"]
Evidence = Literal["bank_confirmation", "penny_test", "statement_seen", "provider_check"]
NameMatch = Literal["match", "close", "mismatch"]
LegalBasis = Literal["consent_withdrawn", "retention_over", "unlawful", "legal_obligation"]
RejectionReason = Literal[
    "sanctions_hit", "identity_not_proven", "source_of_funds", "ineligible", "incomplete", "other"
]
# A reference that the client or distributor gave; no person's name belongs in it.
Reference = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,34}$")]
# A keyed hash of the content, as the vault names it.
DocumentId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
Round = Annotated[int, Field(ge=1)]


class InvestorsEvent(Event):
    """An event of investors; the investor is the lane key and the data subject (W-2, invariant 6)."""

    service: ClassVar[str] = "investors"
    aggregate: ClassVar[str] = "investor"
    key_field: ClassVar[str] = "investor"
    id_field: ClassVar[str] = "investor"

    investor: UUID


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
    media_type: Literal["application/pdf", "image/png", "image/jpeg"]
    size_bytes: Annotated[int, Field(gt=0)]


class ScreeningHit(Value):
    """An entry of a list that is like the person; never the person's own name."""

    entry: Annotated[str, StringConstraints(min_length=1, max_length=80)]
    list_name: Annotated[str, StringConstraints(min_length=1, max_length=80)]
    score_percent: Annotated[int, Field(ge=0, le=100)]


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
    """The provider answered: the file is in review with these hits, none when it is clean (TA-I-3)."""

    round: Round
    provider: Name
    list_version: Name
    hits: Annotated[tuple[ScreeningHit, ...], Field(max_length=50)] = ()


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
    entry: str
    outcome: Literal["dismissed", "confirmed"]
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
    """The investor is not taken on."""

    reason: RejectionReason


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

    purpose: Literal["subject_request", "authority_request", "portability"]


class InvestorErased(InvestorsEvent):
    """The person's data is to be destroyed: its key is, as soon as the ledger has this (TA-I-7)."""

    legal_basis: LegalBasis
    erased_at: Moment

    def due(self) -> tuple[Due, ...]:
        """The destruction of the key, at once."""
        return (Due("DestroyKey", self.erased_at, {"investor": str(self.investor)}),)


class KeyDestroyed(InvestorsEvent):
    """The key is gone: what the ledger holds of the person opens for nobody."""


class BankAccountEvent(InvestorsEvent):
    """An event of one bank account of an investor (TA-I-5)."""

    aggregate: ClassVar[str] = "bank_account"
    id_field: ClassVar[str] = "bank_account"

    bank_account: UUID


class BankAccountAdded(BankAccountEvent):
    """A bank account is known; it pays nothing before it is verified. `name_match`: its holder against the investor."""

    country: Country
    currency: Currency
    details: Personal[BankDetails]
    name_match: NameMatch
    match_percent: Annotated[int, Field(ge=0, le=100)]

    def search(self) -> tuple[Term, ...]:
        """By IBAN."""
        return (Term("iban", self.details.clear.iban),)


class BankAccountVerified(BankAccountEvent):
    """The bank account is the investor's and may be paid to."""

    evidence: Evidence


class BankAccountClosed(BankAccountEvent):
    """The bank account is used no more."""


class AccountEvent(InvestorsEvent):
    """An event of one registered account; `investor` is its first holder."""

    aggregate: ClassVar[str] = "account"
    id_field: ClassVar[str] = "account"

    account: UUID


class AccountOpened(AccountEvent):
    """A registered account may hold units (TA-I-1); `signatures` of its holders bind it, `distributor` placed it."""

    reference: Reference
    kind: AccountKind
    holders: Annotated[tuple[UUID, ...], Field(min_length=1, max_length=10)]
    signatures: Annotated[int, Field(ge=1, le=10)]
    distributor: Code | None = None
    reinvest: bool = False
    payout_account: UUID | None = None

    def claims(self) -> tuple[Claim, ...]:
        """An account number is one account's."""
        return (Claim("account", self.reference),)


class PayoutAccountSet(AccountEvent):
    """Redemptions and distributions are paid to this verified bank account from now on."""

    bank_account: UUID


class AccountInstructionsSet(AccountEvent):
    """Distributions are reinvested, or paid in cash."""

    reinvest: bool


class AccountBlocked(AccountEvent):
    """Something is not allowed any more: `payments` holds proceeds, `asset_freeze` stops dealing too (TA-I-6)."""

    block: UUID
    scope: BlockScope
    ground: Personal[BlockGround]


class AccountUnblocked(AccountEvent):
    """A block is lifted; others stand."""

    block: UUID
    reason: Personal[Text]


class AccountClosed(AccountEvent):
    """The account holds nothing and takes nothing any more; `holders` are those that it was opened for."""

    reference: Reference
    holders: Annotated[tuple[UUID, ...], Field(min_length=1, max_length=10)]


class DistributorEvent(Event):
    """An event of a distributor (TA-I-8)."""

    service: ClassVar[str] = "investors"
    aggregate: ClassVar[str] = "distributor"
    key_field: ClassVar[str] = "distributor"
    id_field: ClassVar[str] = "distributor"

    distributor: UUID


class DistributorRegistered(DistributorEvent):
    """A distributor places orders under its code from now on."""

    code: Code
    name: Name
    country: Country
    lei: Lei | None = None

    def claims(self) -> tuple[Claim, ...]:
        """A code is one distributor's."""
        return (Claim("distributor", self.code),)


class DistributorEnded(DistributorEvent):
    """The agreement with the distributor ended; it opens no more accounts."""

    code: Code


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
