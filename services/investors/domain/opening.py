"""Opening an account: who may hold it, who signs, under which distributor (TA-I-1, TA-I-2, TA-I-4, TA-I-8)."""

from __future__ import annotations

from collections.abc import Sequence

from libs.kernel.decider import Reference
from libs.kernel.errors import InvalidValue, Refused
from libs.kernel.events import Event
from libs.messages import investors as published
from services.investors.domain.account import Account
from services.investors.domain.bank_account import BankAccount, check_payable
from services.investors.domain.commands import OpenAccount
from services.investors.domain.distributor import check_code, check_row
from services.investors.domain.investor import Investor, own
from services.investors.domain.refusals import (
    AccountExists,
    HitsAreOpen,
    HolderIsLookedAt,
    HolderNotApproved,
    HolderUnknown,
    NotALegalPerson,
    ReviewIsOverdue,
    ScreeningIsOpen,
    TaxNotCertified,
)
from services.investors.domain.screening import check_screened

# --- Commands

OpeningCommand = OpenAccount

# --- Decide


def decide(
    command: OpeningCommand,
    account: Account | None,
    investor: Investor | None,
    bank_account: BankAccount | None = None,
) -> Sequence[Event]:
    """An account is opened once; again with the same particulars is no event."""
    check_kind(command)
    check_code(command.placed_under, command.placed_by)
    investor = own(investor, command)
    opened = published.AccountOpened(
        investor=command.investor,
        account=command.account,
        reference=command.reference,
        kind=command.kind,
        holders=(command.investor, *command.joint_holders),
        signatures=command.signatures,
        distributor=command.placed_under,
        reinvest=command.reinvest,
        payout_account=command.payout_account,
    )
    if account is not None:
        if account.opened != opened:
            raise AccountExists("opened with other particulars", field="account", value=command.account)
        return []
    rows = command.rows or {}
    code = command.placed_under
    check_row(code, rows.get(Reference("distributors", {"code": code or ""})))
    check_first_holder(command, investor)
    for position in range(len(command.joint_holders)):
        check_joint_holder(command, position)
    if command.payout_account is not None:
        check_payable(bank_account, command.payout_account, "payout_account")
    return [opened, published.InvestorAccountAdded(investor=command.investor, account=command.account)]


def check_kind(command: OpenAccount) -> None:
    """Raise InvalidValue unless holders and signatures fit the kind (I-1)."""
    holders = (command.investor, *command.joint_holders)
    if len(set(holders)) != len(holders):
        raise InvalidValue("a holder is named twice", field="joint_holders")
    if (command.kind == "joint") != bool(command.joint_holders):
        raise InvalidValue("a joint account has several holders, any other has one", field="joint_holders")
    if command.signatures > len(holders):
        raise InvalidValue(f"there are {len(holders)} holders", field="signatures", value=command.signatures)


def check_first_holder(command: OpenAccount, investor: Investor) -> None:
    """Raise the refusal that its own state gives; what is not screened and clear stops it too (I-1 … I-4)."""
    if command.kind in ("nominee", "omnibus") and investor.registered.kind != "legal":
        raise NotALegalPerson("an intermediary is a legal person", field="kind", value=command.kind)
    check_holder("investor", command, investor.status, investor.review_overdue, investor.certified is not None)
    try:
        check_screened(investor)
    except Refused as refusal:
        raise told(command, refusal, "investor") from None


def check_joint_holder(command: OpenAccount, position: int) -> None:
    """Raise the refusal that another holder's row gives; HolderUnknown also for another distributor's (I-8)."""
    holder, field = command.joint_holders[position], f"joint_holders.{position}"
    row = (command.rows or {}).get(Reference("holders", {"investor": str(holder)}))
    if row is None or command.placed_by not in (None, row["distributor"]):
        raise HolderUnknown("register and approve the holder first", field=field, value=holder)
    check_holder(field, command, row["status"], bool(row["review_overdue"]), row["tax"] is not None)
    if row["screening"] not in ("clear", "hits"):
        raise told(command, ScreeningIsOpen("the holder's present round is not answered", field=field), field)
    if row["hits_left"]:
        raise told(command, HitsAreOpen("a hit of the holder is open, or confirmed", field=field), field)


def told(command: OpenAccount, refusal: Refused, field: str) -> Refused:
    """The refusal as the caller may know it: a distributor learns neither of a hit nor that there is none (I-6)."""
    if command.placed_by is None:
        return refusal
    return HolderIsLookedAt("the transfer agent has not finished with the holder's file", field=field)


def check_holder(field: str, command: OpenAccount, status: str, overdue: bool, certified: bool) -> None:
    """Raise HolderNotApproved, TaxNotCertified or ReviewIsOverdue, naming the holder's field."""
    if status != "approved":
        raise HolderNotApproved(f"the holder is {status}", field=field)
    if not certified:
        raise TaxNotCertified("certify the tax status first", field=field)
    if overdue:
        raise ReviewIsOverdue("complete the review first", field=field)
