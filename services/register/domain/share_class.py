"""The units of one class: how many are in issue, who waits in which corporate action (TA-R-1, TA-R-3)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

from libs.kernel.events import Event
from libs.messages import register as published
from services.register.domain.corporate_actions import split_factor
from services.register.domain.refusals import BeforeCorporateAction, ShareClassIsMerged, unexpected

# --- State

Started = published.SplitStarted | published.MergerStarted


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the running corporate action has come, over all its chunks."""

    holdings: int = 0
    given: Decimal = Decimal(0)
    received: Decimal = Decimal(0)
    residual: Fraction = Fraction(0)
    cost_dropped: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class ShareClass:
    """Units in issue and holders; corporate actions in their order, `running` of the last one until it is completed."""

    units_in_issue: Decimal = Decimal(0)
    holders: int = 0
    waiting: int = 0
    actions: tuple[Started, ...] = ()
    running: Progress | None = None
    latest_valuation: date = date.min
    # Mergers whose units are still coming into this class.
    expected: frozenset[UUID] = frozenset()

    @property
    def completed(self) -> int:
        """How many actions every holding went through."""
        return len(self.actions) - (self.running is not None)


NEW = ShareClass()

# --- What the decisions ask


def factor_of(action: Started) -> Fraction:
    """Units for one unit."""
    if isinstance(action, published.SplitStarted):
        return split_factor(action.new, action.old)
    return action.factor


def generation_on(share_class: ShareClass, valuation_date: date) -> int:
    """How many splits a movement of that date is counted after.

    Raises BeforeCorporateAction when every holding went through a later one, ShareClassIsMerged.
    """
    generation = sum(action.effective_date <= valuation_date for action in share_class.actions)
    if generation < share_class.completed:
        raise BeforeCorporateAction("it was completed for the class", field="valuation_date", value=valuation_date)
    if generation and isinstance(share_class.actions[generation - 1], published.MergerStarted):
        into = share_class.actions[generation - 1]
        raise ShareClassIsMerged(f"effective {into.effective_date}", field="valuation_date", value=valuation_date)
    return generation


# --- Evolve


def evolve(share_class: ShareClass | None, event: Event) -> ShareClass:
    """The class after the event."""
    before = NEW if share_class is None else share_class
    match event:
        case published.TallyEvent():
            after = replace(before, units_in_issue=event.units_in_issue, holders=event.holders, waiting=event.waiting)
            if isinstance(event, published.HoldingsExchanged):
                return replace(after, running=_advanced(before, event))
            return replace(after, latest_valuation=max(before.latest_valuation, event.valuation_date))
        case published.SplitStarted() | published.MergerStarted():
            return replace(before, actions=(*before.actions, event), running=Progress(), waiting=before.holders)
        case published.MergerExpected(action=action):
            return replace(before, expected=before.expected | {action})
        case published.MergerArrived(action=action):
            return replace(before, expected=before.expected - {action})
        case published.CorporateActionCompleted():
            return replace(before, running=None)
        case _:
            raise unexpected(event, share_class)


def _advanced(share_class: ShareClass, event: published.HoldingsExchanged) -> Progress:
    progress = share_class.running
    if progress is None:
        raise unexpected(event, share_class)
    return Progress(
        progress.holdings + event.holdings,
        progress.given + event.given,
        progress.received + event.received,
        progress.residual + event.residual,
        progress.cost_dropped + event.cost_dropped,
    )


def action_known(share_class: ShareClass, action: UUID) -> Started | None:
    """The corporate action of this id, if the class has it."""
    return next((each for each in share_class.actions if each.action == action), None)
