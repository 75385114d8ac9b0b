"""What queries of investors answer; a personal field is null where `sealed` (not for this caller) or `erased`."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel

from libs.messages.investors import (
    AccountKind,
    BlockScope,
    Category,
    DocumentKind,
    InvestorKind,
    NameMatch,
    RejectionReason,
    Risk,
)
from libs.messages.person_values import Address, BankDetails, BlockGround, Contact, Identity, TaxIdentity, TaxStatus

InvestorStatus = Literal[
    "draft", "submitted", "in_review", "more_information", "approved", "rejected", "withdrawn", "ended", "erased"
]
Screening = Literal["none", "requested", "clear", "hits", "unavailable"]
BankAccountStatus = Literal["added", "verified", "closed"]
AccountStatus = Literal["open", "closed"]


class PersonalView(BaseModel):
    """A view with personal fields: whether they are withheld, or gone for good."""

    sealed: bool
    erased: bool


class InvestorView(PersonalView):
    """An investor as it stands; `screening`, `risk`, `rejection` and `review_due_at` are null for a distributor.

    `asked` is what a reviewer still needs.
    """

    investor: UUID
    kind: InvestorKind
    category: Category
    reference: str | None
    distributor: str | None
    country: str
    identity: Identity | None
    address: Address | None
    contact: Contact | None
    tax: TaxStatus | None
    tax_identities: list[TaxIdentity] | None
    asked: str | None
    status: InvestorStatus
    screening: Screening | None
    rejection: RejectionReason | None
    risk: Risk | None
    review_due_at: datetime | None
    review_overdue: bool
    open_accounts: int
    retain_until: datetime | None
    registered_at: datetime
    changed_at: datetime


class FoundInvestors(BaseModel):
    """What a search found; `next` goes on where it ended, also when nothing was found so far."""

    items: list[InvestorView]
    next: UUID | None


class HitView(PersonalView):
    """A hit of a list and how it was resolved; `hit` is its number in its round, by which a resolution names it."""

    round: int
    hit: int
    entry: str | None
    list_name: str | None
    score_percent: int | None
    list_version: str
    provider: str
    found_at: datetime
    outcome: Literal["dismissed", "confirmed"] | None
    reason: str | None
    resolved_by: str | None
    resolved_at: datetime | None


class ScreeningView(BaseModel):
    """Where the screening of an investor stands, with the hits of its present round and the confirmed ones of any."""

    investor: UUID
    screening: Screening
    round: int
    hits: list[HitView]


class DocumentView(BaseModel):
    """A document's entry in the file; its content is at `/investors/{investor}/documents/{document}`."""

    document: str
    kind: DocumentKind
    media_type: str
    size_bytes: int
    filed_at: datetime


class BankAccountView(PersonalView):
    """A bank account; only a verified one is paid to (TA-I-5)."""

    bank_account: UUID
    investor: UUID
    country: str
    currency: str
    details: BankDetails | None
    name_match: NameMatch
    match_percent: int
    status: BankAccountStatus
    evidence: str | None
    added_at: datetime
    changed_at: datetime


class AccountView(BaseModel):
    """A registered account; `blocked` are the scopes of its blocks, whatever their grounds (TA-I-6)."""

    account: UUID
    investor: UUID
    reference: str
    kind: AccountKind
    holders: list[UUID]
    signatures: int
    distributor: str | None
    reinvest: bool
    payout_account: UUID | None
    blocked: list[BlockScope]
    status: AccountStatus
    opened_at: datetime
    changed_at: datetime


class BlockView(PersonalView):
    """A block; its ground and why it was lifted are for those who may block."""

    block: UUID
    scope: BlockScope
    ground: BlockGround | None
    blocked_at: datetime
    lifted_at: datetime | None
    lift_reason: str | None


class DistributorView(BaseModel):
    """A distributor and its code (TA-I-8)."""

    distributor: UUID
    code: str
    name: str
    country: str
    lei: str | None
    ended: bool
    registered_at: datetime
    changed_at: datetime


class EventView(BaseModel):
    """An event of a person's file: what, when, by whom, and where the ledger has it.

    `version` is null where events are left out.
    """

    type: str
    time: datetime
    stream: str
    version: int | None
    role: str
    sub: str
    lane: int
    sequence: int
    block: int


class PersonView(PersonalView):
    """A person as its own data: without what reviewers found or asked for."""

    investor: UUID
    kind: InvestorKind
    category: Category
    reference: str | None
    distributor: str | None
    country: str
    identity: Identity | None
    address: Address | None
    contact: Contact | None
    tax: TaxStatus | None
    tax_identities: list[TaxIdentity] | None
    status: InvestorStatus
    registered_at: datetime
    changed_at: datetime


class HeldAccountView(BaseModel):
    """A registered account as its holder may know it."""

    account: UUID
    investor: UUID
    reference: str
    kind: AccountKind
    holders: list[UUID]
    signatures: int
    distributor: str | None
    reinvest: bool
    payout_account: UUID | None
    status: AccountStatus
    opened_at: datetime
    changed_at: datetime


class SubjectView(BaseModel):
    """Everything of one person (GDPR 15, 20)."""

    investor: PersonView
    bank_accounts: list[BankAccountView]
    accounts: list[HeldAccountView]
    documents: list[DocumentView]
    events: list[EventView]
