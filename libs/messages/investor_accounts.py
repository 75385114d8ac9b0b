"""Published events of bank accounts, registered accounts and distributors (TA-I-1, TA-I-5, TA-I-6, TA-I-8)."""

from __future__ import annotations

from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import Field

from libs.kernel.events import Claim, Event
from libs.kernel.personal import Personal, Term
from libs.messages.investor_kinds import AccountKind, BlockScope, Evidence, InvestorsEvent, NameMatch, Reference, Text
from libs.messages.person_values import BankDetails, BlockGround
from libs.messages.values import Code, Country, Currency, Lei, Name


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

    def claims(self) -> tuple[Claim, ...]:
        """An id is one bank account's, whoever's: read tables know it by that alone."""
        return (Claim("bank_account", str(self.bank_account)),)

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
        """An account number is one account's, and so is an id (which is longer than any number)."""
        return (Claim("account", self.reference), Claim("account", str(self.account)))


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

    def claims(self) -> tuple[Claim, ...]:
        """An id is one block's."""
        return (Claim("block", str(self.block)),)


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
