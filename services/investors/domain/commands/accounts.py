"""The commands on bank accounts and registered accounts (TA-I-1, TA-I-5, TA-I-6)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Self
from uuid import UUID

from pydantic import Field

from libs.kernel.decider import Reference
from libs.kernel.streams import stream_name
from libs.messages import investors as published
from libs.messages.person_values import BankDetails, BlockGround
from libs.messages.values import Code, Currency
from services.investors.domain.commands.base import SERVICE, InvestorCommand, bank_account_stream


class BankAccountCommand(InvestorCommand):
    """A command on a bank account of an investor."""

    bank_account: UUID

    def streams(self) -> tuple[str, ...]:
        """The bank account, then its investor."""
        return (bank_account_stream(self.investor, self.bank_account), self.investor_stream())


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
    payout_account: UUID | None = None

    rows: Mapping[Reference, Mapping[str, Any] | None] | None = Field(None, exclude=True, repr=False)

    @property
    def placed_under(self) -> str | None:
        """The distributor whose account it is: the one that the caller is bound to, if any."""
        return self.placed_by if self.distributor is None else self.distributor

    def streams(self) -> tuple[str, ...]:
        """The account, its first holder, the bank account that it is paid to, if it is given."""
        if self.payout_account is None:
            return super().streams()
        return (*super().streams(), bank_account_stream(self.investor, self.payout_account))

    def references(self) -> tuple[Reference, ...]:
        """The other holders' rows (`status`, `review_overdue`, `tax`, `distributor`, `screening`, `hits_left`), and the
        distributor's (`ended`)."""
        holders = [Reference("holders", {"investor": str(holder)}) for holder in self.joint_holders]
        placed = [] if self.placed_under is None else [Reference("distributors", {"code": self.placed_under})]
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
        return (*super().streams(), bank_account_stream(self.investor, self.bank_account))


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
        return (*super().streams(), bank_account_stream(self.investor, self.bank_account))


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
