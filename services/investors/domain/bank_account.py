"""The bank account of an investor: added, verified by evidence, closed (TA-I-5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import assert_never
from uuid import UUID

from libs.kernel.events import Event
from libs.kernel.personal import Personal
from libs.messages import investors as published
from libs.messages.codes import check_currency
from libs.messages.person_values import BankDetails, Identity
from services.investors.domain.commands import (
    AddBankAccount,
    BankAccountCommand,
    ChangeBankAccount,
    CloseBankAccount,
    VerifyBankAccount,
)
from services.investors.domain.investor import LIVING, Investor, in_status, own
from services.investors.domain.names import holder_match
from services.investors.domain.refusals import (
    BankAccountExists,
    BankAccountIsClosed,
    BankAccountNotVerified,
    BankAccountUnknown,
    EvidenceTooWeak,
    unexpected,
)

# Who says that the account is the investor's though its holder has another name.
STRONG_EVIDENCE: frozenset[published.Evidence] = frozenset({"bank_confirmation", "provider_check"})

# --- State


@dataclass(frozen=True, slots=True)
class BankAccount:
    """A bank account as it was added, the evidence that it is the investor's, whether it is still used."""

    added: published.BankAccountAdded
    evidence: published.Evidence | None = None
    closed: bool = False

    def same_as(self, other: published.BankAccountAdded) -> bool:
        """Whether the other is this bank account, though the name was measured against another one since."""
        return (self.added.details, self.added.currency) == (other.details, other.currency)


# --- Commands

BankAccountCommands = AddBankAccount | VerifyBankAccount | CloseBankAccount

# --- Decide


def decide(
    command: BankAccountCommands, bank_account: BankAccount | None, investor: Investor | None
) -> Sequence[Event]:
    """The events of a command on a bank account."""
    investor = own(investor, command)
    match command:
        case AddBankAccount():
            return add_bank_account(command, bank_account, investor)
        case VerifyBankAccount():
            return verify_bank_account(command, known(bank_account, command))
        case CloseBankAccount():
            return close_bank_account(command, known(bank_account, command))
        case _:
            assert_never(command)


def add_bank_account(
    command: AddBankAccount | ChangeBankAccount, bank_account: BankAccount | None, investor: Investor
) -> Sequence[Event]:
    """A bank account comes unverified, its holder measured against the investor's name."""
    check_currency(command.currency, "currency")
    event = added(command.investor, command.bank_account, command.currency, command.details, investor.identity.clear)
    if bank_account is None:
        in_status(investor, LIVING, command)
        return [event]
    if not bank_account.same_as(event):
        raise BankAccountExists("known with other particulars", field="bank_account", value=command.bank_account)
    return []


def verify_bank_account(command: VerifyBankAccount | ChangeBankAccount, bank_account: BankAccount) -> Sequence[Event]:
    """Another holder's name takes the bank's or a provider's word; better evidence may follow."""
    if bank_account.evidence == command.evidence:
        return []
    open_one(bank_account)
    if bank_account.added.name_match == "mismatch" and command.evidence not in STRONG_EVIDENCE:
        raise EvidenceTooWeak("the holder has another name", field="evidence", value=command.evidence)
    return [
        published.BankAccountVerified(
            investor=command.investor, bank_account=command.bank_account, evidence=command.evidence
        )
    ]


def close_bank_account(command: CloseBankAccount, bank_account: BankAccount) -> Sequence[Event]:
    """That a bank closed an account nobody can refuse: what is paid to it waits for ChangeBankAccount."""
    if bank_account.closed:
        return []
    return [published.BankAccountClosed(investor=command.investor, bank_account=command.bank_account)]


def added(
    investor: UUID, bank_account: UUID, currency: str, details: BankDetails, identity: Identity
) -> published.BankAccountAdded:
    """The event of a new bank account; its country is the IBAN's."""
    verdict, percent = holder_match(identity, details.holder)
    return published.BankAccountAdded(
        investor=investor,
        bank_account=bank_account,
        country=details.iban[:2],
        currency=currency,
        details=Personal.of(details),
        name_match=verdict,
        match_percent=percent,
    )


def known(bank_account: BankAccount | None, command: BankAccountCommand) -> BankAccount:
    """The bank account, or BankAccountUnknown."""
    if bank_account is None:
        raise BankAccountUnknown("add the bank account first", field="bank_account", value=command.bank_account)
    return bank_account


def open_one(bank_account: BankAccount) -> BankAccount:
    """The bank account, or BankAccountIsClosed."""
    if bank_account.closed:
        raise BankAccountIsClosed("add another one", field="bank_account", value=bank_account.added.bank_account)
    return bank_account


def check_payable(bank_account: BankAccount | None, identity: UUID, field: str) -> None:
    """Raise BankAccountUnknown, BankAccountIsClosed or BankAccountNotVerified, naming the field (I-5)."""
    if bank_account is None:
        raise BankAccountUnknown("add the bank account first", field=field, value=identity)
    if bank_account.closed:
        raise BankAccountIsClosed("take another one", field=field, value=identity)
    if bank_account.evidence is None:
        raise BankAccountNotVerified("verify the bank account first", field=field, value=identity)


# --- Evolve


def evolve(bank_account: BankAccount | None, event: Event) -> BankAccount:
    """The bank account after the event."""
    match bank_account, event:
        case None, published.BankAccountAdded():
            return BankAccount(event)
        case BankAccount(), published.BankAccountVerified(evidence=evidence):
            return replace(bank_account, evidence=evidence)
        case BankAccount(), published.BankAccountClosed():
            return replace(bank_account, closed=True)
        case _:
            raise unexpected(event, bank_account)
