"""The reviewer's word: approval, rejection, questions, the periodic review and the end (TA-I-2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, assert_never

from libs.kernel.errors import CheckUnavailable
from libs.kernel.events import Event
from libs.kernel.personal import Personal
from libs.messages import investors as published
from services.investors.domain.commands import (
    ApproveInvestor,
    CompleteReview,
    EndRelationship,
    MarkReviewOverdue,
    RejectInvestor,
    RequestMoreInformation,
)
from services.investors.domain.investor import Investor, in_status, own, screening_requested, visible
from services.investors.domain.periods import retained_until, review_due
from services.investors.domain.refusals import AccountsAreOpen, RoundIsPast, TaxNotCertified
from services.investors.domain.screening import check_screened

# --- Commands

ReviewCommands = (
    RequestMoreInformation | ApproveInvestor | RejectInvestor | CompleteReview | MarkReviewOverdue | EndRelationship
)

# --- Decide


def decide(command: ReviewCommands, investor: Investor | None) -> Sequence[Event]:
    """The events of a reviewer's command, or of the clock's."""
    match command:
        case RequestMoreInformation():
            return request_more_information(command, own(investor, command))
        case ApproveInvestor():
            return approve_investor(command, own(investor, command))
        case RejectInvestor():
            return reject_investor(command, own(investor, command))
        case CompleteReview():
            return complete_review(command, own(investor, command))
        case MarkReviewOverdue():
            return mark_review_overdue(command, visible(investor, command))
        case EndRelationship():
            return end_relationship(command, own(investor, command))
        case _:
            assert_never(command)


def request_more_information(command: RequestMoreInformation, investor: Investor) -> Sequence[Event]:
    """in review → more information; another question may follow the first."""
    if investor.status == "more_information" and investor.asked == Personal.of(command.what):
        return []
    in_status(investor, frozenset({"in_review", "more_information"}), command)
    return [published.MoreInformationRequested(investor=command.investor, what=Personal.of(command.what))]


def approve_investor(command: ApproveInvestor, investor: Investor) -> Sequence[Event]:
    """in review → approved: screened in the present round, every hit dismissed, tax status certified (I-2 … I-4)."""
    due = review_due(command.now, command.risk, command.review_after)
    if investor.status == "approved" and investor.risk == command.risk:
        return []
    in_status(investor, frozenset({"in_review"}), command)
    if command.round is not None and (investor.screening is None or investor.screening.round != command.round):
        raise RoundIsPast("look at the person and the hits of the present round", field="round", value=command.round)
    check_screened(investor)
    if investor.certified is None:
        raise TaxNotCertified("certify the tax status first", field="tax")
    return [published.InvestorApproved(investor=command.investor, risk=command.risk, review_due_at=due)]


def reject_investor(command: RejectInvestor, investor: Investor) -> Sequence[Event]:
    """submitted | in review | more information → rejected; the file is kept for the retention period."""
    until = retained_until(command.now, command.retention)
    if investor.status == "rejected" and investor.rejected == command.reason:
        return []
    in_status(investor, frozenset({"submitted", "in_review", "more_information"}), command)
    return [published.InvestorRejected(investor=command.investor, reason=command.reason, retain_until=until)]


def complete_review(command: CompleteReview, investor: Investor) -> Sequence[Event]:
    """The next review is due by the new rating, and the person is screened again (I-2, I-3)."""
    due = review_due(command.now, command.risk, command.review_after)
    in_status(investor, frozenset({"approved"}), command)
    if (investor.risk, investor.review_due_at, investor.review_overdue) == (command.risk, due, False):
        return []
    completed = published.ReviewCompleted(investor=command.investor, risk=command.risk, review_due_at=due)
    return [completed, screening_requested(command, investor)]


def mark_review_overdue(command: MarkReviewOverdue, investor: Investor | None) -> Sequence[Event]:
    """Only for the due time that stands: a review that was made, or a relationship that ended, overtook the others."""
    if investor is None or investor.status != "approved" or investor.review_overdue:
        return []
    if investor.review_due_at != command.due_at or command.now < command.due_at:
        return []
    return [published.ReviewFellDue(investor=command.investor)]


def end_relationship(command: EndRelationship, investor: Investor) -> Sequence[Event]:
    """approved → ended, after the last account; the file is kept for the retention period from now."""
    until = retained_until(command.now, command.retention)
    if investor.status == "ended":
        return []
    in_status(investor, frozenset({"approved"}), command)
    check_no_accounts(investor, command.investor_row)
    return [published.RelationshipEnded(investor=command.investor, retain_until=until)]


def check_no_accounts(investor: Investor, row: Mapping[str, Any] | None) -> None:
    """Raise AccountsAreOpen for a holder of an open account, its own or one that another leads; CheckUnavailable."""
    if row is None:
        raise CheckUnavailable("the accounts of the investor are not known yet", field="investor")
    count = max(len(investor.accounts), int(row["open_accounts"]))
    if count:
        raise AccountsAreOpen(f"{count} accounts are open", field="investor", value=investor.registered.investor)
