"""A NAV is published by two people once its dealing day closed, then only cancelled and corrected (TA-N-2 … TA-N-5)."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, ClassVar, assert_never

from pydantic import Field

from libs.kernel.decider import Reference
from libs.kernel.events import Event
from libs.kernel.money import Rounding, rounded
from libs.messages.nav import ClassPublished, ClassWithdrawn, FlowsMeasured, NavCancelled, NavErrorFound, NavPublished
from libs.messages.nav_values import ClassPrice, WrongPrice
from libs.messages.values import Name, Price
from services.nav.domain import day as days
from services.nav.domain.class_nav import Nav, check_explained, known
from services.nav.domain.commands import ClassNavCommand
from services.nav.domain.compensation import is_material, nav_error
from services.nav.domain.completion import Day, completion
from services.nav.domain.references import ClassFacts, SubFundFacts, class_of, closed_day_of, units_of
from services.nav.domain.refusals import (
    FlowsNotMeasured,
    NavDiffers,
    NavIsPublished,
    NavUnknown,
    RegisterNotReady,
    StatusForbids,
)
from services.nav.domain.sub_fund import SubFund, error_tolerance, policy_of
from services.nav.domain.swing import Direction, swung_nav

_ERROR_DECIMALS = 10

# --- Commands


class PublishNav(ClassNavCommand):
    """Publish this NAV; the sub-fund's prices follow with its last class."""

    four_eyes: ClassVar[bool] = True

    nav: Price

    def references(self) -> tuple[Reference, ...]:
        """The sub-fund, the date, the register's units, the closed day."""
        return (*super().references(), self.closed_day_row())


class CancelNav(ClassNavCommand):
    """Withdraw a published revision, so that a correct NAV can take its place."""

    four_eyes: ClassVar[bool] = True

    revision: Annotated[int, Field(ge=1)]
    reason: Name


PublicationCommands = PublishNav | CancelNav

# --- Decide


def decide(command: PublicationCommands, nav: Nav | None, day: Day | None, sub_fund: SubFund | None) -> Sequence[Event]:
    """The events of a command on what is, or becomes, public."""
    nav, day = known(nav, command), Day() if day is None else day
    match command:
        case PublishNav():
            return publish_nav(command, nav, day, sub_fund)
        case CancelNav():
            return cancel_nav(command, nav, day)
        case _:
            assert_never(command)


def publish_nav(command: PublishNav, nav: Nav, day: Day, sub_fund: SubFund | None) -> Sequence[Event]:
    """Not before the dealing day is closed and measured, nor before the register has the former dates' orders (N-2)."""
    facts, share_class = class_of(command)
    if nav.status == "published" and nav.published is not None:
        if nav.published.nav == command.nav:
            return []
        raise NavIsPublished("cancel and correct it", field="nav", value=command.nav)
    if nav.computed is None or nav.approved is None:
        raise StatusForbids(f"the NAV is {nav.status}", field="valuation_date", value=command.valuation_date)
    if nav.computed.nav != command.nav:
        raise NavDiffers("it was replaced", field="nav", value=nav.computed.nav)
    closed = closed_day_of(command)
    if day.test is None or (not day.is_out() and day.test.closing != closed.revision):
        raise FlowsNotMeasured("measure them first", field="valuation_date", value=command.valuation_date)
    _check_register(command, sub_fund)
    check_explained(command, nav.computed, nav.approved, share_class, sub_fund)
    published = _published(command, nav, day.test, share_class)
    counted = ClassPublished(**command.day_ids(), price=_price(published))
    return [
        published,
        *_error(command, nav, published, facts, sub_fund),
        counted,
        *completion(command, facts, days.evolve(day, counted)),
    ]


def cancel_nav(command: CancelNav, nav: Nav, day: Day) -> Sequence[Event]:
    """A published revision is withdrawn once, with its reason (N-3)."""
    published = nav.published
    is_known = published is not None and published.sub_fund == command.sub_fund
    if published is None or not is_known or command.revision > published.revision:
        raise NavUnknown("no such revision was published", field="revision", value=command.revision)
    if nav.status != "published" or command.revision < published.revision:
        return []
    cancelled = NavCancelled(
        **command.ids(),
        revision=published.revision,
        currency=published.currency,
        nav=published.nav,
        reason=command.reason,
        dealt=command.share_class in day.whole,
    )
    withdrawn = ClassWithdrawn(**command.day_ids(), share_class=command.share_class, revision=published.revision)
    return [cancelled, withdrawn]


def _check_register(command: PublishNav, sub_fund: SubFund | None) -> None:
    """Units by valuation date are known when the last published date's orders are booked or refused (N-2)."""
    register = units_of(command, command.share_class)
    last = None if sub_fund is None else sub_fund.last_before(command.valuation_date)
    through = None if register is None else register.booked_through
    if register is None or (last is not None and (through is None or through < last[0])):
        awaited = "its first units" if last is None else f"the orders of {last[0].isoformat()}"
        raise RegisterNotReady(f"the register has not told of {awaited}", field="units", value=through)


def _published(command: PublishNav, nav: Nav, test: FlowsMeasured, share_class: ClassFacts) -> NavPublished:
    """The unswung NAV is kept beside what is dealt at (N-4)."""
    if nav.computed is None or nav.approved is None:
        raise StatusForbids(f"the NAV is {nav.status}", field="valuation_date", value=command.valuation_date)

    def swung(price: Decimal | None) -> Decimal | None:
        if price is None or test.swing is None or test.swung is None:
            return price
        direction, mode = Direction(test.swung), share_class.rounding.price
        return swung_nav(price, direction, test.swing, share_class.price_decimals, mode)

    is_single = share_class.price_type == "single"
    return NavPublished(
        **command.ids(),
        revision=1 if nav.published is None else nav.published.revision + 1,
        currency=nav.computed.currency,
        nav=nav.computed.nav,
        price=swung(nav.computed.nav) if is_single else None,
        bid=swung(nav.approved.bid),
        offer=swung(nav.approved.offer),
        swung=test.swung,
        net_assets=nav.computed.total,
        units_in_issue=nav.computed.units,
    )


def _price(published: NavPublished) -> ClassPrice:
    return ClassPrice(
        share_class=published.share_class,
        revision=published.revision,
        currency=published.currency,
        nav=published.nav,
        price=published.price,
        bid=published.bid,
        offer=published.offer,
        swung=published.swung,
        net_assets=published.net_assets,
        units_in_issue=published.units_in_issue,
    )


def _error(
    command: PublishNav, nav: Nav, published: NavPublished, facts: SubFundFacts, sub_fund: SubFund | None
) -> Sequence[Event]:
    """What was dealt at against what is right now; also that a former error is none after all (N-5)."""
    if nav.dealt is None:
        return []
    dealt, correct = _price(nav.dealt), _price(published)
    prices = WrongPrice(
        valuation_date=command.valuation_date,
        published=dealt.nav,
        correct=correct.nav,
        subscribed_at=dealt.subscribed_at(),
        subscribed_correctly=correct.subscribed_at(),
        redeemed_at=dealt.redeemed_at(),
        redeemed_correctly=correct.redeemed_at(),
    )
    is_right = (dealt.nav, dealt.subscribed_at(), dealt.redeemed_at()) == (
        correct.nav,
        correct.subscribed_at(),
        correct.redeemed_at(),
    )
    if is_right and nav.error is None:
        return []
    tolerance = error_tolerance(policy_of(sub_fund, command), facts)
    return [
        NavErrorFound(
            **command.ids(),
            revision=published.revision,
            currency=published.currency,
            prices=prices,
            error=rounded(nav_error(dealt.nav, correct.nav), _ERROR_DECIMALS, Rounding.DOWN),
            tolerance=tolerance,
            material=is_material(dealt.nav, correct.nav, tolerance),
        )
    ]
