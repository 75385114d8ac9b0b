"""The commands of investors (TA-I): what each needs to be decided; personal fields are named as such."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, ClassVar, Self
from uuid import UUID

from pydantic import ConfigDict, Field, field_validator

from libs.kernel.decider import Command, Reference
from libs.kernel.streams import stream_name
from libs.messages import investors as published
from libs.messages.person_values import Address, BankDetails, BlockGround, Contact, Identity, TaxIdentity, TaxStatus
from libs.messages.values import Code, Country, Currency, Lei, Moment, Name

SERVICE = "investors"


class InvestorsCommand(Command):
    """A command of investors; no error shows what was given."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    @field_validator("now")
    @classmethod
    def _in_utc(cls, value: datetime) -> datetime:
        if value.tzinfo is None:
            raise ValueError("a time needs a time zone")
        return value.astimezone(UTC)


class InvestorCommand(InvestorsCommand):
    """A command on an investor, or on something of its own; `placed_by` is the distributor that the caller is bound to.

    What is another distributor's does not exist for it (TA-I-8).
    """

    investor: UUID
    placed_by: Code | None = None

    def investor_stream(self) -> str:
        """The investor's stream."""
        return stream_name(SERVICE, self.investor, "investor", self.investor)

    def streams(self) -> tuple[str, ...]:
        """The investor alone."""
        return (self.investor_stream(),)


class RegisterInvestor(InvestorCommand):
    """Put a person on the books as a draft, or as a complete file with `submit` (which needs `tax`)."""

    personal: ClassVar[frozenset[str]] = frozenset({"identity", "address", "contact", "tax_identities", "bank"})

    category: published.Category
    reference: published.Reference | None = None
    distributor: Code | None = None
    identity: Identity
    address: Address
    contact: Contact | None = None
    tax: TaxStatus | None = None
    tax_identities: Annotated[tuple[TaxIdentity, ...], Field(max_length=10)] = ()
    submit: bool = False

    def references(self) -> tuple[Reference, ...]:
        """The distributor that introduced it, by its code."""
        return () if self.distributor is None else (Reference("distributors", {"code": self.distributor}),)

    distributor_row: Mapping[str, Any] | None = Field(None, exclude=True, repr=False)

    def given(self, rows: Mapping[Reference, Mapping[str, Any] | None]) -> Self:
        """With the distributor's row."""
        return self.model_copy(update={"distributor_row": next(iter(rows.values()), None)})


class AmendParticulars(InvestorCommand):
    """Change what is given; an identity that changes is screened again."""

    personal: ClassVar[frozenset[str]] = frozenset({"identity", "address", "contact"})

    category: published.Category | None = None
    identity: Identity | None = None
    address: Address | None = None
    contact: Contact | None = None


class CertifyTaxStatus(InvestorCommand):
    """File the self-certification (TA-I-4)."""

    personal: ClassVar[frozenset[str]] = frozenset({"tax_identities"})

    tax: TaxStatus
    tax_identities: Annotated[tuple[TaxIdentity, ...], Field(min_length=1, max_length=10)]
    document: published.DocumentId | None = None


class FileDocument(InvestorCommand):
    """Record a document that lies in the vault."""

    document: published.DocumentId
    kind: published.DocumentKind
    media_type: str
    size_bytes: int


class SubmitOnboarding(InvestorCommand):
    """Hand the file in for screening and review; again after more information was asked for."""


class WithdrawOnboarding(InvestorCommand):
    """Give up a draft that was never submitted."""


class RecordScreening(InvestorCommand):
    """What the provider found in this round."""

    round: published.Round
    provider: Name
    list_version: Name
    hits: tuple[published.ScreeningHit, ...] = ()


class RecordScreeningUnavailable(InvestorCommand):
    """The provider did not answer; it is asked again at `retry_at`."""

    round: published.Round
    attempt: published.Round
    retry_at: Moment


class ResolveHit(InvestorCommand):
    """Dismiss or confirm a hit of the present round."""

    personal: ClassVar[frozenset[str]] = frozenset({"reason"})

    entry: str
    outcome: Annotated[str, Field(pattern="^(dismissed|confirmed)$")]
    reason: published.Text


class RequestMoreInformation(InvestorCommand):
    """Send the file back."""

    personal: ClassVar[frozenset[str]] = frozenset({"what"})

    what: published.Text


class ApproveInvestor(InvestorCommand):
    """Take the investor on; `review_after` is the time to the next review for this rating (TA-I-2)."""

    risk: published.Risk
    review_after: timedelta


class RejectInvestor(InvestorCommand):
    """Do not take the investor on; what must be kept is kept for `retention` (AMLR 2024/1624, 77)."""

    reason: published.RejectionReason
    retention: timedelta


class CompleteReview(InvestorCommand):
    """The periodic review is done, or the rating changed."""

    risk: published.Risk
    review_after: timedelta


class MarkReviewOverdue(InvestorCommand):
    """The clock says that a review fell due."""

    due_at: Moment


class EndRelationship(InvestorCommand):
    """The business relationship ends; refused while an account is open."""

    retention: timedelta

    account_row: Mapping[str, Any] | None = Field(None, exclude=True, repr=False)

    def references(self) -> tuple[Reference, ...]:
        """The investor's own row, which counts the accounts that it holds with others."""
        return (Reference("investors", {"investor": str(self.investor)}),)

    def given(self, rows: Mapping[Reference, Mapping[str, Any] | None]) -> Self:
        """With that row."""
        return self.model_copy(update={"account_row": next(iter(rows.values()), None)})


class ExportPersonalData(InvestorCommand):
    """Record that the subject's whole data is handed out."""

    purpose: Annotated[str, Field(pattern="^(subject_request|authority_request|portability)$")]


class EraseInvestor(InvestorCommand):
    """Destroy the person's data for good (TA-I-7); two people, since nothing brings it back."""

    four_eyes: ClassVar[bool] = True

    legal_basis: published.LegalBasis


class RecordKeyDestroyed(InvestorCommand):
    """The vault has destroyed the key."""


class BankAccountCommand(InvestorCommand):
    """A command on a bank account of an investor."""

    bank_account: UUID

    def streams(self) -> tuple[str, ...]:
        """The bank account, then its investor."""
        return (stream_name(SERVICE, self.investor, "bank_account", self.bank_account), self.investor_stream())


class AddBankAccount(BankAccountCommand):
    """Make a bank account known (TA-I-5)."""

    personal: ClassVar[frozenset[str]] = frozenset({"details"})

    currency: Currency
    details: BankDetails


class VerifyBankAccount(BankAccountCommand):
    """The bank account is the investor's, by this evidence."""

    evidence: published.Evidence


class CloseBankAccount(BankAccountCommand):
    """Use the bank account no more."""


class AccountCommand(InvestorCommand):
    """A command on a registered account; `investor` is its first holder."""

    account: UUID

    def account_stream(self) -> str:
        """The account's stream."""
        return stream_name(SERVICE, self.investor, "account", self.account)

    def streams(self) -> tuple[str, ...]:
        """The account, then its first holder."""
        return (self.account_stream(), self.investor_stream())


class OpenAccount(AccountCommand):
    """Open a registered account (TA-I-1); every holder is approved and has certified its tax status (TA-I-4)."""

    reference: published.Reference
    kind: published.AccountKind
    joint_holders: Annotated[tuple[UUID, ...], Field(max_length=9)] = ()
    signatures: Annotated[int, Field(ge=1, le=10)] = 1
    distributor: Code | None = None
    reinvest: bool = False

    rows: Mapping[Reference, Mapping[str, Any] | None] | None = Field(None, exclude=True, repr=False)

    def references(self) -> tuple[Reference, ...]:
        """The other holders' rows and the distributor's."""
        holders = [Reference("investors", {"investor": str(holder)}) for holder in self.joint_holders]
        placed = [] if self.distributor is None else [Reference("distributors", {"code": self.distributor})]
        return (*holders, *placed)

    def given(self, rows: Mapping[Reference, Mapping[str, Any] | None]) -> Self:
        """With these rows."""
        return self.model_copy(update={"rows": dict(rows)})


class SetInstructions(AccountCommand):
    """Reinvest distributions, or pay them in cash."""

    reinvest: bool


class SetPayoutAccount(AccountCommand):
    """Name the verified bank account that an account is paid to, the first time; a change is ChangeBankAccount."""

    bank_account: UUID

    def streams(self) -> tuple[str, ...]:
        """The account, its first holder, the bank account."""
        return (*super().streams(), stream_name(SERVICE, self.investor, "bank_account", self.bank_account))


class ChangeBankAccount(AccountCommand):
    """Pay an account to another bank account from now on: a second person approves (TA-I-5)."""

    four_eyes: ClassVar[bool] = True
    personal: ClassVar[frozenset[str]] = frozenset({"details"})

    bank_account: UUID
    currency: Currency
    details: BankDetails
    evidence: published.Evidence

    def streams(self) -> tuple[str, ...]:
        """The account, its first holder, the new bank account."""
        return (*super().streams(), stream_name(SERVICE, self.investor, "bank_account", self.bank_account))


class BlockAccount(AccountCommand):
    """Forbid something to an account, with reason and authority (TA-I-6)."""

    personal: ClassVar[frozenset[str]] = frozenset({"ground"})

    block: UUID
    scope: published.BlockScope
    ground: BlockGround


class UnblockAccount(AccountCommand):
    """Lift a block: a second person approves."""

    four_eyes: ClassVar[bool] = True
    personal: ClassVar[frozenset[str]] = frozenset({"reason"})

    block: UUID
    reason: published.Text


class CloseAccount(AccountCommand):
    """Close an account that holds nothing."""


class DistributorCommand(InvestorsCommand):
    """A command on a distributor."""

    distributor: UUID

    def streams(self) -> tuple[str, ...]:
        """The distributor alone."""
        return (stream_name(SERVICE, self.distributor, "distributor", self.distributor),)


class RegisterDistributor(DistributorCommand):
    """Put a distributor on the books under a code (TA-I-8)."""

    code: Code
    name: Name
    country: Country
    lei: Lei | None = None


class EndDistributor(DistributorCommand):
    """The agreement with the distributor ends."""
