"""The registered account: opened for approved holders, paid to a verified bank account, blocked, closed (TA-I-1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import assert_never
from uuid import UUID

from libs.kernel.events import Event
from libs.kernel.personal import Personal
from libs.messages import investors as published
from services.investors.domain import bank_account as banks
from services.investors.domain.bank_account import BankAccount, check_payable
from services.investors.domain.commands import (
    AccountCommand,
    BlockAccount,
    ChangeBankAccount,
    CloseAccount,
    SetInstructions,
    SetPayoutAccount,
    UnblockAccount,
)
from services.investors.domain.investor import Investor, living
from services.investors.domain.refusals import (
    AccountIsBlocked,
    AccountIsClosed,
    AccountUnknown,
    BlockExists,
    BlockUnknown,
    PayoutAccountStands,
    unexpected,
)

# An authority's word, on which nothing moves until it is lifted.
_AUTHORITY = frozenset({"sanctions", "court_order", "regulator"})

# --- State


@dataclass(frozen=True, slots=True)
class Account:
    """An account as it was opened, its instructions, the blocks that stand and the ids of those that were lifted."""

    opened: published.AccountOpened
    reinvest: bool
    payout: UUID | None
    blocks: Mapping[UUID, published.AccountBlocked] = field(default_factory=dict)
    lifted: frozenset[UUID] = frozenset()
    closed: bool = False


# --- Commands

AccountCommands = SetInstructions | SetPayoutAccount | ChangeBankAccount | BlockAccount | UnblockAccount | CloseAccount

# --- Decide


def decide(
    command: AccountCommands,
    account: Account | None,
    investor: Investor | None,
    bank_account: BankAccount | None = None,
) -> Sequence[Event]:
    """The events of a command on an account that is open."""
    investor, account = living(investor, command), placed(account, command)
    match command:
        case SetInstructions():
            return set_instructions(command, account)
        case SetPayoutAccount():
            return set_payout_account(command, account, bank_account)
        case ChangeBankAccount():
            return change_bank_account(command, account, investor, bank_account)
        case BlockAccount():
            return block_account(command, account)
        case UnblockAccount():
            return unblock_account(command, account)
        case CloseAccount():
            return close_account(command, account)
        case _:
            assert_never(command)


def set_instructions(command: SetInstructions, account: Account) -> Sequence[Event]:
    """Reinvested or paid in cash; not altered while an authority holds the account."""
    if account.reinvest == command.reinvest:
        return []
    check_free(account, command)
    return [
        published.AccountInstructionsSet(investor=command.investor, account=command.account, reinvest=command.reinvest)
    ]


def set_payout_account(
    command: SetPayoutAccount, account: Account, bank_account: BankAccount | None
) -> Sequence[Event]:
    """The first one, verified; a change is another command, of two people (I-5)."""
    if account.payout == command.bank_account:
        return []
    check_free(account, command)
    if account.payout is not None:
        raise PayoutAccountStands("a second person approves a change", field="bank_account", value=command.bank_account)
    check_payable(bank_account, command.bank_account, "bank_account")
    return [_payout(command)]


def change_bank_account(
    command: ChangeBankAccount, account: Account, investor: Investor, bank_account: BankAccount | None
) -> Sequence[Event]:
    """Another bank account is added, verified and paid to, in one decision; the former stays known (I-5).

    Not under an asset freeze or an authority's block, where nothing is altered; under a block of payments it is: a
    wrong bank account may be why they are held.
    """
    events = list(banks.add_bank_account(command, bank_account, investor))
    for event in events:
        bank_account = banks.evolve(bank_account, event)
    if bank_account is not None:
        events += banks.verify_bank_account(command, banks.open_one(bank_account))
    if account.payout != command.bank_account:
        events.append(_payout(command))
    if events:
        check_free(account, command)
    return events


def block_account(command: BlockAccount, account: Account) -> Sequence[Event]:
    """A block has an id; one that was lifted is not set again (I-6)."""
    blocked = published.AccountBlocked(
        investor=command.investor,
        account=command.account,
        block=command.block,
        scope=command.scope,
        ground=Personal.of(command.ground),
    )
    if account.blocks.get(command.block) == blocked:
        return []
    if command.block in account.blocks or command.block in account.lifted:
        raise BlockExists("take another id", field="block", value=command.block)
    check_open(account)
    return [blocked]


def unblock_account(command: UnblockAccount, account: Account) -> Sequence[Event]:
    """One block is lifted; the others stand (I-6)."""
    if command.block in account.lifted:
        return []
    if command.block not in account.blocks:
        raise BlockUnknown("the account has no such block", field="block", value=command.block)
    return [
        published.AccountUnblocked(
            investor=command.investor,
            account=command.account,
            block=command.block,
            reason=Personal.of(command.reason),
        )
    ]


def close_account(command: CloseAccount, account: Account) -> Sequence[Event]:
    """Not while an authority holds it: what is frozen keeps its account."""
    if account.closed:
        return []
    check_free(account, command)
    return [
        published.AccountClosed(
            investor=command.investor,
            account=command.account,
            reference=account.opened.reference,
            holders=account.opened.holders,
        ),
        published.InvestorAccountRemoved(investor=command.investor, account=command.account),
    ]


def _payout(command: SetPayoutAccount | ChangeBankAccount) -> Event:
    return published.PayoutAccountSet(
        investor=command.investor, account=command.account, bank_account=command.bank_account
    )


def placed(account: Account | None, command: AccountCommand) -> Account:
    """The account; AccountUnknown also for another distributor's (I-8)."""
    if account is None or command.placed_by not in (None, account.opened.distributor):
        raise AccountUnknown("open the account first", field="account", value=command.account)
    return account


def check_open(account: Account) -> None:
    """Raise AccountIsClosed."""
    if account.closed:
        raise AccountIsClosed("nothing changes in it any more", field="account", value=account.opened.account)


def check_free(account: Account, command: AccountCommand) -> None:
    """Raise AccountIsClosed, or AccountIsBlocked under an asset freeze or an authority's block (I-6).

    A distributor alters nothing under any block: what it may alter would tell it the ground.
    """
    check_open(account)
    for block in account.blocks.values():
        bound = command.placed_by is not None
        if bound or block.scope == "asset_freeze" or block.ground.clear.reason in _AUTHORITY:
            raise AccountIsBlocked("nothing of it is altered now", field="account", value=account.opened.account)


# --- Evolve


def evolve(account: Account | None, event: Event) -> Account:
    """The account after the event."""
    match account, event:
        case None, published.AccountOpened():
            return Account(event, event.reinvest, event.payout_account)
        case Account(), published.PayoutAccountSet(bank_account=payout):
            return replace(account, payout=payout)
        case Account(), published.AccountInstructionsSet(reinvest=reinvest):
            return replace(account, reinvest=reinvest)
        case Account(), published.AccountBlocked(block=block):
            return replace(account, blocks={**account.blocks, block: event})
        case Account(), published.AccountUnblocked(block=block):
            others = {name: blocked for name, blocked in account.blocks.items() if name != block}
            return replace(account, blocks=others, lifted=account.lifted | {block})
        case Account(), published.AccountClosed():
            return replace(account, closed=True)
        case _:
            raise unexpected(event, account)
