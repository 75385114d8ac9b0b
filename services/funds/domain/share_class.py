"""The share class: draft, initial offer, open ⇄ suspended, open ⇄ soft-closed, closed (TA-F-1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, assert_never

from libs.kernel.events import Event
from libs.messages import funds
from libs.messages.fund_values import InitialOffer, ShareClassTerms
from libs.messages.values import Isin
from services.funds.domain.commands import ShareClassCommand
from services.funds.domain.refusals import ShareClassExists, ShareClassUnknown, StatusForbids
from services.funds.domain.sub_fund import SubFund, not_closed
from services.funds.domain.terms import check_fixed, check_price, check_terms
from services.funds.domain.umbrella import Umbrella, existing, unexpected

# --- State


@dataclass(frozen=True, slots=True)
class Draft:
    """Written down; nobody deals."""


@dataclass(frozen=True, slots=True)
class Offered:
    """Subscriptions at the offer's price until it ended."""

    ended: bool = False


@dataclass(frozen=True, slots=True)
class Open:
    """Deals at its NAV."""


@dataclass(frozen=True, slots=True)
class SoftClosed:
    """Redemptions; subscriptions by those who hold already, if they may."""

    existing_holders_may_subscribe: bool


@dataclass(frozen=True, slots=True)
class Suspended:
    """Nobody deals for a time."""

    reason: funds.SuspensionReason


@dataclass(frozen=True, slots=True)
class Closed:
    """It is over."""

    reason: funds.ClosureReason


Status = Draft | Offered | Open | SoftClosed | Suspended | Closed


@dataclass(frozen=True, slots=True)
class ShareClass:
    """A class: as drafted, its terms now, its offer and what that came to."""

    drafted: funds.ShareClassDrafted
    terms: ShareClassTerms
    status: Status = Draft()
    offer: InitialOffer | None = None
    outcome: funds.InitialOfferClosed | None = None


# --- Commands


class DraftShareClass(ShareClassCommand):
    """Write down a class with its ISIN and terms."""

    isin: Isin
    terms: ShareClassTerms


class AmendShareClassTerms(ShareClassCommand):
    """Replace the terms; currency and unit decimals only in draft."""

    four_eyes: ClassVar[bool] = True

    terms: ShareClassTerms


class SoftCloseShareClass(ShareClassCommand):
    """Take no new investors."""

    four_eyes: ClassVar[bool] = True

    existing_holders_may_subscribe: bool


class ReopenShareClass(ShareClassCommand):
    """Take new investors again."""

    four_eyes: ClassVar[bool] = True


class SuspendShareClass(ShareClassCommand):
    """Stop dealing for a time."""

    four_eyes: ClassVar[bool] = True

    reason: funds.SuspensionReason


class ResumeShareClass(ShareClassCommand):
    """Let dealing go on."""

    four_eyes: ClassVar[bool] = True


class CloseShareClass(ShareClassCommand):
    """End the class."""

    four_eyes: ClassVar[bool] = True

    reason: funds.ClosureReason


ShareClassCommands = (
    DraftShareClass
    | AmendShareClassTerms
    | SoftCloseShareClass
    | ReopenShareClass
    | SuspendShareClass
    | ResumeShareClass
    | CloseShareClass
)

# --- Decide


def decide(
    command: ShareClassCommands,
    share_class: ShareClass | None,
    sub_fund: SubFund | None,
    umbrella: Umbrella | None,
) -> Sequence[Event]:
    """The events of a command on a share class."""
    existing(umbrella, command)
    match command:
        case DraftShareClass():
            return draft_share_class(command, share_class, sub_fund)
        case AmendShareClassTerms():
            return amend_share_class_terms(command, known(share_class, command))
        case SoftCloseShareClass():
            return soft_close_share_class(command, known(share_class, command))
        case ReopenShareClass():
            return reopen_share_class(command, known(share_class, command))
        case SuspendShareClass():
            return suspend_share_class(command, known(share_class, command))
        case ResumeShareClass():
            return resume_share_class(command, known(share_class, command))
        case CloseShareClass():
            return close_share_class(command, known(share_class, command))
        case _:
            assert_never(command)


def draft_share_class(
    command: DraftShareClass, share_class: ShareClass | None, sub_fund: SubFund | None
) -> Sequence[Event]:
    """A class is drafted once, in a sub-fund that is not closed (F-1)."""
    check_terms(command.terms, command.now.year)
    drafted = funds.ShareClassDrafted(**command.ids(), isin=command.isin, terms=command.terms)
    if share_class is None:
        not_closed(sub_fund, command)
        return [drafted, funds.ShareClassAdded(**command.ids())]
    if share_class.drafted != drafted:
        raise ShareClassExists("drafted with other particulars", field="share_class", value=command.share_class)
    return []


def amend_share_class_terms(command: AmendShareClassTerms, share_class: ShareClass) -> Sequence[Event]:
    """Terms change while the class lives; what holdings are kept in only while it is a draft."""
    check_terms(command.terms, command.now.year)
    if share_class.terms == command.terms:
        return []
    if isinstance(share_class.status, Closed):
        raise forbidden(share_class, command)
    if not isinstance(share_class.status, Draft):
        check_fixed(share_class.terms, command.terms)
    if share_class.offer is not None and share_class.outcome is None:
        check_price(share_class.offer.price, command.terms, "terms.price_decimals")
    return [funds.ShareClassTermsAmended(**command.ids(), terms=command.terms)]


def soft_close_share_class(command: SoftCloseShareClass, share_class: ShareClass) -> Sequence[Event]:
    """open → soft-closed."""
    may = command.existing_holders_may_subscribe
    event = funds.ShareClassSoftClosed(**command.ids(), existing_holders_may_subscribe=may)
    return _step(share_class, command, Open, SoftClosed(may), event)


def reopen_share_class(command: ReopenShareClass, share_class: ShareClass) -> Sequence[Event]:
    """soft-closed → open."""
    return _step(share_class, command, SoftClosed, Open(), funds.ShareClassReopened(**command.ids()))


def suspend_share_class(command: SuspendShareClass, share_class: ShareClass) -> Sequence[Event]:
    """open → suspended; a soft-closed class stops with its sub-fund."""
    event = funds.ShareClassSuspended(**command.ids(), reason=command.reason)
    return _step(share_class, command, Open, Suspended(command.reason), event)


def resume_share_class(command: ResumeShareClass, share_class: ShareClass) -> Sequence[Event]:
    """suspended → open."""
    return _step(share_class, command, Suspended, Open(), funds.ShareClassResumed(**command.ids()))


def close_share_class(command: CloseShareClass, share_class: ShareClass) -> Sequence[Event]:
    """→ closed; one in its initial offer closes by the offer's outcome: there may be money to pay back."""
    if share_class.status == Closed(command.reason):
        return []
    if isinstance(share_class.status, Offered | Closed):
        raise forbidden(share_class, command)
    return closing(command, command.reason)


def _step(
    share_class: ShareClass, command: ShareClassCommand, source: type[Status], target: Status, event: Event
) -> Sequence[Event]:
    """One arrow of the lifecycle; who is there already stays there."""
    if share_class.status == target:
        return []
    if not isinstance(share_class.status, source):
        raise forbidden(share_class, command)
    return [event]


def closing(command: ShareClassCommand, reason: funds.ClosureReason) -> list[Event]:
    """The class ends, and its sub-fund has one less."""
    return [funds.ShareClassClosed(**command.ids(), reason=reason), funds.ShareClassRemoved(**command.ids())]


def known(share_class: ShareClass | None, command: ShareClassCommand) -> ShareClass:
    """The class, or ShareClassUnknown."""
    if share_class is None:
        raise ShareClassUnknown("draft the class first", field="share_class", value=command.share_class)
    return share_class


def forbidden(share_class: ShareClass, command: ShareClassCommand) -> StatusForbids:
    """The refusal that names the status and the command."""
    status = type(share_class.status).__name__
    return StatusForbids(f"{type(command).__name__} does not follow on {status}", field="status", value=status)


# --- Evolve


def evolve(share_class: ShareClass | None, event: Event) -> ShareClass:
    """The class after the event."""
    match share_class, event:
        case None, funds.ShareClassDrafted():
            return ShareClass(event, event.terms)
        case ShareClass(), funds.ShareClassTermsAmended(terms=terms):
            return replace(share_class, terms=terms)
        case ShareClass(), funds.InitialOfferOpened(offer=offer):
            return replace(share_class, status=Offered(), offer=offer)
        case ShareClass(offer=InitialOffer() as offer), funds.InitialOfferExtended(closes_at=closes_at):
            return replace(share_class, offer=offer.model_copy(update={"closes_at": closes_at}))
        case ShareClass(), funds.InitialOfferClosed():
            return replace(share_class, outcome=event)
        case ShareClass(), _:
            return replace(share_class, status=_status_after(share_class, event))
        case _:
            raise unexpected(event, share_class)


def _status_after(share_class: ShareClass, event: Event) -> Status:
    match event:
        case funds.InitialOfferEnded():
            return Offered(ended=True)
        case funds.ShareClassOpened() | funds.ShareClassReopened() | funds.ShareClassResumed():
            return Open()
        case funds.ShareClassSoftClosed(existing_holders_may_subscribe=may):
            return SoftClosed(may)
        case funds.ShareClassSuspended(reason=suspension):
            return Suspended(suspension)
        case funds.ShareClassClosed(reason=closure):
            return Closed(closure)
        case _:
            raise unexpected(event, share_class)
