"""The commands on an investor, and on a distributor (TA-I-2, TA-I-3, TA-I-4, TA-I-7, TA-I-8)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, ClassVar, Self
from uuid import UUID

from pydantic import Field

from libs.kernel.decider import Reference
from libs.kernel.streams import stream_name
from libs.messages import investors as published
from libs.messages.person_values import Address, BankDetails, Contact, Identity, TaxIdentity, TaxStatus
from libs.messages.values import Code, Country, Currency, Lei, Moment, Name
from services.investors.domain.commands.base import SERVICE, InvestorCommand, InvestorsCommand, bank_account_stream


class RegisterInvestor(InvestorCommand):
    """Put a person on the books as a draft, or as a complete file with `submit` (which needs `tax`).

    A first bank account is given whole: `bank_account` (its id), `bank`, `bank_currency`.
    """

    personal: ClassVar[frozenset[str]] = frozenset({"identity", "address", "contact", "tax_identities", "bank"})

    category: published.Category
    reference: published.Reference | None = None
    distributor: Code | None = None
    identity: Identity
    address: Address
    contact: Contact | None = None
    tax: TaxStatus | None = None
    tax_identities: Annotated[tuple[TaxIdentity, ...], Field(max_length=10)] = ()
    bank_account: UUID | None = None
    bank: BankDetails | None = None
    bank_currency: Currency | None = None
    submit: bool = False

    distributor_row: Mapping[str, Any] | None = Field(None, exclude=True, repr=False)

    @property
    def introduced_by(self) -> str | None:
        """The distributor that introduced it: the one that the caller is bound to, if any."""
        return self.placed_by if self.distributor is None else self.distributor

    def streams(self) -> tuple[str, ...]:
        """The investor, then its first bank account, if it is given."""
        if self.bank_account is None:
            return (self.investor_stream(),)
        return (self.investor_stream(), bank_account_stream(self.investor, self.bank_account))

    def references(self) -> tuple[Reference, ...]:
        """The distributor that introduced it, by its code; of its row `ended` is read."""
        return () if self.introduced_by is None else (Reference("distributors", {"code": self.introduced_by}),)

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
    media_type: published.MediaType
    size_bytes: Annotated[int, Field(gt=0)]


class SubmitOnboarding(InvestorCommand):
    """Hand the file in for screening and review; again after more information was asked for."""


class WithdrawOnboarding(InvestorCommand):
    """Give up a draft that was never submitted."""


class RecordScreening(InvestorCommand):
    """What the provider found in this round."""

    personal: ClassVar[frozenset[str]] = frozenset({"hits"})

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
    """Dismiss or confirm a hit of the present round; one that was confirmed in a former round: dismiss it.

    `hit` is its number in `round`, from 1.
    """

    personal: ClassVar[frozenset[str]] = frozenset({"reason"})

    round: published.Round
    hit: published.HitNumber
    outcome: published.HitOutcome
    reason: published.Text


class RequestMoreInformation(InvestorCommand):
    """Send the file back."""

    personal: ClassVar[frozenset[str]] = frozenset({"what"})

    what: published.Text


class ApproveInvestor(InvestorCommand):
    """Take the investor on; the next review is due by the rating, or earlier after `review_after` (TA-I-2).

    `round` is the screening that the reviewer looked at: a name that changed since is another person's.
    """

    risk: published.Risk
    round: published.Round | None = None
    review_after: timedelta | None = None


class RejectInvestor(InvestorCommand):
    """Do not take the investor on; the file is kept five years, or longer for `retention` (AMLR 2024/1624, 77)."""

    reason: published.RejectionReason
    retention: timedelta | None = None


class CompleteReview(InvestorCommand):
    """The periodic review is done, or the rating changed."""

    risk: published.Risk
    review_after: timedelta | None = None


class MarkReviewOverdue(InvestorCommand):
    """The clock says that a review fell due."""

    due_at: Moment


class LeavingCommand(InvestorCommand):
    """A command that no open account may stand against, not even one that somebody else leads."""

    investor_row: Mapping[str, Any] | None = Field(None, exclude=True, repr=False)

    def references(self) -> tuple[Reference, ...]:
        """The investor's own row: `open_accounts` counts all accounts in which it is a holder."""
        return (Reference("investors", {"investor": str(self.investor)}),)

    def given(self, rows: Mapping[Reference, Mapping[str, Any] | None]) -> Self:
        """With that row."""
        return self.model_copy(update={"investor_row": next(iter(rows.values()), None)})


class EndRelationship(LeavingCommand):
    """The business relationship ends; refused while an account is open. `retention` may be longer than five years."""

    retention: timedelta | None = None


class ExportPersonalData(InvestorCommand):
    """Record that the subject's whole data is handed out."""

    purpose: published.ExportPurpose


class EraseInvestor(LeavingCommand):
    """Destroy the person's data for good (TA-I-7); two people, since nothing brings it back."""

    four_eyes: ClassVar[bool] = True

    legal_basis: published.LegalBasis


class RecordKeyDestroyed(InvestorCommand):
    """The vault has destroyed the key."""


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
