"""The initial offer of a share class: fixed price, period, minimum raise, refund when it fails (TA-F-1).

A failed offer closes the class: its subscribers were promised their money back, and a new offer is a new
class.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, assert_never

from libs.kernel.events import Event
from libs.messages.fund_values import InitialOffer
from libs.messages.funds import (
    ClosureReason,
    InitialOfferClosed,
    InitialOfferEnded,
    InitialOfferExtended,
    InitialOfferOpened,
    ShareClassOpened,
)
from libs.messages.values import Amount, Moment
from services.funds.domain.commands import ShareClassCommand
from services.funds.domain.refusals import OfferPeriodIsPast, OfferStillRuns, SubFundIsSuspended
from services.funds.domain.share_class import (
    Draft,
    Offered,
    ShareClass,
    closing,
    forbidden,
    known,
)
from services.funds.domain.sub_fund import Dealing, SubFund, not_closed
from services.funds.domain.terms import check_amount, check_price
from services.funds.domain.umbrella import Umbrella, existing

# --- Commands


class OpenInitialOffer(ShareClassCommand):
    """Take subscriptions at a fixed price."""

    four_eyes: ClassVar[bool] = True

    offer: InitialOffer


class ExtendInitialOffer(ShareClassCommand):
    """Let a running offer end later."""

    four_eyes: ClassVar[bool] = True

    closes_at: Moment


class EndInitialOffer(ShareClassCommand):
    """The end of the offer fell due (W-25); `closes_at` says which end, for it may have been extended."""

    closes_at: Moment


class CloseInitialOffer(ShareClassCommand):
    """State what an ended offer raised; that opens the class, or closes it with a refund."""

    four_eyes: ClassVar[bool] = True

    raised: Amount


InitialOfferCommands = OpenInitialOffer | ExtendInitialOffer | EndInitialOffer | CloseInitialOffer

# --- Decide


def decide(
    command: InitialOfferCommands,
    share_class: ShareClass | None,
    sub_fund: SubFund | None,
    umbrella: Umbrella | None,
) -> Sequence[Event]:
    """The events of a command on the initial offer of a class."""
    existing(umbrella, command)
    share_class = known(share_class, command)
    match command:
        case OpenInitialOffer():
            return open_initial_offer(command, share_class, not_closed(sub_fund, command))
        case ExtendInitialOffer():
            return extend_initial_offer(command, share_class)
        case EndInitialOffer():
            return end_initial_offer(command, share_class)
        case CloseInitialOffer():
            return close_initial_offer(command, share_class)
        case _:
            assert_never(command)


def open_initial_offer(command: OpenInitialOffer, share_class: ShareClass, sub_fund: SubFund) -> Sequence[Event]:
    """draft → initial offer, for a period that ends in the future, while the sub-fund deals."""
    if share_class.offer == command.offer:
        return []
    if not isinstance(share_class.status, Draft):
        raise forbidden(share_class, command)
    if not isinstance(sub_fund.standing, Dealing):
        raise SubFundIsSuspended("resume it first", field="sub_fund", value=command.sub_fund)
    check_price(command.offer.price, share_class.terms, "offer.price")
    if command.offer.minimum_raise is not None:
        check_amount(command.offer.minimum_raise, share_class.terms, "offer.minimum_raise")
    if command.offer.closes_at <= command.now:
        raise OfferPeriodIsPast("an offer ends in the future", field="offer.closes_at", value=command.offer.closes_at)
    return [InitialOfferOpened(**command.ids(), offer=command.offer)]


def extend_initial_offer(command: ExtendInitialOffer, share_class: ShareClass) -> Sequence[Event]:
    """A running offer may end later, never earlier than subscribers were told."""
    offer = share_class.offer
    if offer is None or share_class.status != Offered():
        raise forbidden(share_class, command)
    if offer.closes_at == command.closes_at:
        return []
    if command.now >= offer.closes_at or command.closes_at < offer.closes_at:
        raise OfferPeriodIsPast(
            "an offer is extended while it runs, to a later end", field="closes_at", value=command.closes_at
        )
    return [InitialOfferExtended(**command.ids(), closes_at=command.closes_at)]


def end_initial_offer(command: EndInitialOffer, share_class: ShareClass) -> Sequence[Event]:
    """The period is over; without a minimum raise the class opens at once. A former end changes nothing."""
    offer = share_class.offer
    if offer is None:
        raise forbidden(share_class, command)
    if share_class.status != Offered() or offer.closes_at != command.closes_at:
        return []
    if command.now < offer.closes_at:
        raise OfferStillRuns("the period is not over", field="closes_at", value=offer.closes_at)
    ended = InitialOfferEnded(**command.ids())
    if offer.minimum_raise is not None:
        return [ended]
    closed = InitialOfferClosed(**command.ids(), outcome="succeeded", raised=None, refund=None)
    return [ended, closed, ShareClassOpened(**command.ids())]


def close_initial_offer(command: CloseInitialOffer, share_class: ShareClass) -> Sequence[Event]:
    """Raised at least the minimum: open. Less: everything raised is paid back and the class closes."""
    check_amount(command.raised, share_class.terms, "raised")
    if share_class.outcome is not None and share_class.outcome.raised == command.raised:
        return []
    offer = share_class.offer
    if share_class.status == Offered():
        raise OfferStillRuns("its period is not over", field="share_class", value=command.share_class)
    if offer is None or offer.minimum_raise is None or share_class.status != Offered(ended=True):
        raise forbidden(share_class, command)
    if command.raised >= offer.minimum_raise:
        closed = InitialOfferClosed(**command.ids(), outcome="succeeded", raised=command.raised, refund=None)
        return [closed, ShareClassOpened(**command.ids())]
    closed = InitialOfferClosed(**command.ids(), outcome="failed", raised=command.raised, refund=command.raised)
    return [closed, *closing(command, ClosureReason.NEVER_OPENED)]
