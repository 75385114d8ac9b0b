"""The sub-fund as nav keeps it: what its NAVs are held against, and what was published last (TA-N-2, TA-N-4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import ClassVar
from uuid import UUID

from libs.kernel.events import Event
from libs.messages.nav import NavPolicySet, SubFundPublished
from libs.messages.nav_values import NavPolicy
from services.nav.domain.checks import Tolerances
from services.nav.domain.commands import NavCommand
from services.nav.domain.compensation import tolerance_of
from services.nav.domain.references import SubFundFacts, sub_fund_of
from services.nav.domain.refusals import PolicyMissing, unexpected

# A date that is published late, or corrected, finds the one before it among so many.
KEPT_DAYS = 70

# --- State


@dataclass(frozen=True, slots=True)
class PublishedDay:
    """The net assets of a published date, in the sub-fund's currency, and the unswung NAV of each class."""

    net_assets: Decimal
    navs: Mapping[UUID, Decimal]


@dataclass(frozen=True, slots=True)
class SubFund:
    """Its policy, and its last published dates."""

    policy: NavPolicy | None = None
    days: Mapping[date, PublishedDay] = field(default_factory=dict)

    def last_before(self, valuation_date: date) -> tuple[date, PublishedDay] | None:
        """The last published date before this one, among those that are kept."""
        before = [day for day in self.days if day < valuation_date]
        return (max(before), self.days[max(before)]) if before else None

    def nav_before(self, valuation_date: date, share_class: UUID) -> Decimal | None:
        """The class's last published unswung NAV before the date."""
        for day in sorted((day for day in self.days if day < valuation_date), reverse=True):
            if share_class in self.days[day].navs:
                return self.days[day].navs[share_class]
        return None


# --- Commands


class SetNavPolicy(NavCommand):
    """Hold the sub-fund's NAVs against these tolerances."""

    four_eyes: ClassVar[bool] = True

    policy: NavPolicy


SubFundCommands = SetNavPolicy

# --- Decide


def decide(command: SubFundCommands, sub_fund: SubFund | None) -> Sequence[Event]:
    """The events of a command on a sub-fund."""
    return set_nav_policy(command, sub_fund)


def set_nav_policy(command: SetNavPolicy, sub_fund: SubFund | None) -> Sequence[Event]:
    """The tolerance of an error is one that the kind of fund may have (N-5)."""
    error_tolerance(command.policy, sub_fund_of(command))
    if sub_fund is not None and sub_fund.policy == command.policy:
        return []
    return [NavPolicySet(**command.ids(), policy=command.policy)]


def error_tolerance(policy: NavPolicy, facts: SubFundFacts) -> Decimal:
    """From what part of the correct NAV on an error is material (N-5); raises InvalidValue for one too large."""
    return tolerance_of(
        facts.asset_class,
        hosts=policy.host_tolerances,
        chosen=policy.error_tolerance,
        regime=facts.regime,
        is_reserved=policy.is_reserved,
    )


def policy_of(sub_fund: SubFund | None, command: NavCommand) -> NavPolicy:
    """The policy; raises PolicyMissing."""
    if sub_fund is None or sub_fund.policy is None:
        raise PolicyMissing("set its tolerances first", field="sub_fund", value=command.sub_fund)
    return sub_fund.policy


def tolerances_of(policy: NavPolicy) -> Tolerances:
    """What a new NAV is held against (N-2)."""
    return Tolerances(policy.change_tolerance, policy.benchmark_tolerance, policy.input_age_days)


# --- Evolve


def evolve(sub_fund: SubFund | None, event: Event) -> SubFund:
    """The sub-fund after the event."""
    sub_fund = SubFund() if sub_fund is None else sub_fund
    match event:
        case NavPolicySet(policy=policy):
            return replace(sub_fund, policy=policy)
        case SubFundPublished():
            published = PublishedDay(event.net_assets, {each.share_class: each.nav for each in event.prices})
            days = {**sub_fund.days, event.valuation_date: published}
            kept = sorted(days)[-KEPT_DAYS:]
            return replace(sub_fund, days={day: days[day] for day in kept})
        case _:
            raise unexpected(event, sub_fund)
