"""The sub-fund: its dealing calendar, its liquidity tools, its standing (TA-F-2, TA-F-3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, assert_never
from uuid import UUID

from libs.calendars.dealing import check_calendar
from libs.kernel.events import Event
from libs.messages.codes import check_currency
from libs.messages.fund_values import DealingCalendar, LiquidityTools
from libs.messages.funds import (
    AssetClass,
    ClosureReason,
    DealingCalendarSet,
    LiquidityToolsSet,
    ShareClassAdded,
    ShareClassRemoved,
    SubFundClosed,
    SubFundRegistered,
    SubFundRenamed,
    SubFundResumed,
    SubFundSuspended,
    SuspensionReason,
)
from libs.messages.values import Code, Currency, Lei, Name
from services.funds.domain.commands import SubFundCommand
from services.funds.domain.refusals import (
    StatusForbids,
    SubFundExists,
    SubFundHasClasses,
    SubFundIsClosed,
    SubFundUnknown,
)
from services.funds.domain.umbrella import Umbrella, existing, unexpected

# --- State


@dataclass(frozen=True, slots=True)
class Dealing:
    """Its classes deal, each as its own status says."""


@dataclass(frozen=True, slots=True)
class Suspended:
    """No class deals."""

    reason: SuspensionReason


@dataclass(frozen=True, slots=True)
class Closed:
    """It is over."""

    reason: ClosureReason


Standing = Dealing | Suspended | Closed


@dataclass(frozen=True, slots=True)
class SubFund:
    """A sub-fund: as registered, as it is now, and its classes that are not closed."""

    registered: SubFundRegistered
    name: str
    calendar: DealingCalendar
    tools: LiquidityTools
    standing: Standing = Dealing()
    living_classes: frozenset[UUID] = frozenset()


# --- Commands


class RegisterSubFund(SubFundCommand):
    """Put a sub-fund on the books."""

    code: Code
    name: Name
    base_currency: Currency
    asset_class: AssetClass
    lei: Lei | None = None
    calendar: DealingCalendar
    tools: LiquidityTools = LiquidityTools()


class RenameSubFund(SubFundCommand):
    """Give the sub-fund another name."""

    four_eyes: ClassVar[bool] = True

    name: Name


class SetDealingCalendar(SubFundCommand):
    """Let orders from now on take their dates from this calendar."""

    four_eyes: ClassVar[bool] = True

    calendar: DealingCalendar


class SetLiquidityTools(SubFundCommand):
    """Let these tools, and no others, bind all classes."""

    four_eyes: ClassVar[bool] = True

    tools: LiquidityTools


class SuspendSubFund(SubFundCommand):
    """Stop dealing in all classes."""

    four_eyes: ClassVar[bool] = True

    reason: SuspensionReason


class ResumeSubFund(SubFundCommand):
    """Let dealing go on."""

    four_eyes: ClassVar[bool] = True


class CloseSubFund(SubFundCommand):
    """End the sub-fund after its last class."""

    four_eyes: ClassVar[bool] = True

    reason: ClosureReason


SubFundCommands = (
    RegisterSubFund
    | RenameSubFund
    | SetDealingCalendar
    | SetLiquidityTools
    | SuspendSubFund
    | ResumeSubFund
    | CloseSubFund
)

# --- Decide


def decide(command: SubFundCommands, sub_fund: SubFund | None, umbrella: Umbrella | None) -> Sequence[Event]:
    """The events of a command on a sub-fund."""
    existing(umbrella, command)
    match command:
        case RegisterSubFund():
            return register_sub_fund(command, sub_fund)
        case RenameSubFund():
            return rename_sub_fund(command, not_closed(sub_fund, command))
        case SetDealingCalendar():
            return set_dealing_calendar(command, not_closed(sub_fund, command))
        case SetLiquidityTools():
            return set_liquidity_tools(command, not_closed(sub_fund, command))
        case SuspendSubFund():
            return suspend_sub_fund(command, not_closed(sub_fund, command))
        case ResumeSubFund():
            return resume_sub_fund(command, not_closed(sub_fund, command))
        case CloseSubFund():
            return close_sub_fund(command, known(sub_fund, command))
        case _:
            assert_never(command)


def register_sub_fund(command: RegisterSubFund, sub_fund: SubFund | None) -> Sequence[Event]:
    """A sub-fund is registered once, with a calendar that keeps forward pricing (F-2)."""
    check_currency(command.base_currency, "base_currency")
    check_calendar(command.calendar, command.now)
    registered = SubFundRegistered(
        **command.ids(),
        code=command.code,
        name=command.name,
        base_currency=command.base_currency,
        asset_class=command.asset_class,
        lei=command.lei,
        calendar=command.calendar,
        tools=command.tools,
    )
    if sub_fund is None:
        return [registered]
    if sub_fund.registered != registered:
        raise SubFundExists("registered with other particulars", field="sub_fund", value=command.sub_fund)
    return []


def rename_sub_fund(command: RenameSubFund, sub_fund: SubFund) -> Sequence[Event]:
    """The same name again is no event."""
    if sub_fund.name == command.name:
        return []
    return [SubFundRenamed(**command.ids(), name=command.name)]


def set_dealing_calendar(command: SetDealingCalendar, sub_fund: SubFund) -> Sequence[Event]:
    """The cut-off must precede the moment the NAV can be known (F-2)."""
    check_calendar(command.calendar, command.now)
    if sub_fund.calendar == command.calendar:
        return []
    return [DealingCalendarSet(**command.ids(), calendar=command.calendar)]


def set_liquidity_tools(command: SetLiquidityTools, sub_fund: SubFund) -> Sequence[Event]:
    """The whole set of tools is replaced (F-3)."""
    if sub_fund.tools == command.tools:
        return []
    return [LiquidityToolsSet(**command.ids(), tools=command.tools)]


def suspend_sub_fund(command: SuspendSubFund, sub_fund: SubFund) -> Sequence[Event]:
    """A suspension has one reason; another one needs a resumption first."""
    match sub_fund.standing:
        case Dealing():
            return [SubFundSuspended(**command.ids(), reason=command.reason)]
        case Suspended(reason=reason) if reason == command.reason:
            return []
        case standing:
            raise StatusForbids(f"the sub-fund is {standing}", field="reason", value=command.reason)


def resume_sub_fund(command: ResumeSubFund, sub_fund: SubFund) -> Sequence[Event]:
    """What deals already is left as it is."""
    if isinstance(sub_fund.standing, Dealing):
        return []
    return [SubFundResumed(**command.ids())]


def close_sub_fund(command: CloseSubFund, sub_fund: SubFund) -> Sequence[Event]:
    """It closes after its last class, from a suspension too."""
    if sub_fund.standing == Closed(command.reason):
        return []
    not_closed(sub_fund, command)
    if sub_fund.living_classes:
        raise SubFundHasClasses(
            f"close its {len(sub_fund.living_classes)} share classes first",
            field="sub_fund",
            value=command.sub_fund,
        )
    return [SubFundClosed(**command.ids(), reason=command.reason)]


def known(sub_fund: SubFund | None, command: SubFundCommand) -> SubFund:
    """The sub-fund, or SubFundUnknown."""
    if sub_fund is None:
        raise SubFundUnknown("register the sub-fund first", field="sub_fund", value=command.sub_fund)
    return sub_fund


def not_closed(sub_fund: SubFund | None, command: SubFundCommand) -> SubFund:
    """The sub-fund, or SubFundUnknown, or SubFundIsClosed."""
    sub_fund = known(sub_fund, command)
    if isinstance(sub_fund.standing, Closed):
        raise SubFundIsClosed("nothing changes in it any more", field="sub_fund", value=command.sub_fund)
    return sub_fund


# --- Evolve


def evolve(sub_fund: SubFund | None, event: Event) -> SubFund:
    """The sub-fund after the event."""
    match sub_fund, event:
        case None, SubFundRegistered():
            return SubFund(event, event.name, event.calendar, event.tools)
        case SubFund(), SubFundRenamed(name=name):
            return replace(sub_fund, name=name)
        case SubFund(), DealingCalendarSet(calendar=calendar):
            return replace(sub_fund, calendar=calendar)
        case SubFund(), LiquidityToolsSet(tools=tools):
            return replace(sub_fund, tools=tools)
        case SubFund(), SubFundSuspended(reason=suspension):
            return replace(sub_fund, standing=Suspended(suspension))
        case SubFund(), SubFundResumed():
            return replace(sub_fund, standing=Dealing())
        case SubFund(), SubFundClosed(reason=closure):
            return replace(sub_fund, standing=Closed(closure))
        case SubFund(), ShareClassAdded(share_class=added):
            return replace(sub_fund, living_classes=sub_fund.living_classes | {added})
        case SubFund(), ShareClassRemoved(share_class=removed):
            return replace(sub_fund, living_classes=sub_fund.living_classes - {removed})
        case _:
            raise unexpected(event, sub_fund)
