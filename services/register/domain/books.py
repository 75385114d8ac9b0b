"""The holdings and classes that one decision touches, as they become event by event; then their tally (TA-R-3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID

from libs.kernel.events import Event
from libs.messages import register as published
from services.register.domain import holding as holdings
from services.register.domain import share_class as classes
from services.register.domain.commands import RegisterCommand
from services.register.domain.corporate_actions import exchanged
from services.register.domain.holding import NOTHING, Holding
from services.register.domain.refusals import BeforeCorporateAction, ShareClassIsMerged
from services.register.domain.share_class import NEW, Progress, ShareClass


@dataclass(slots=True)
class _Tally:
    """What a decision came to in one class: units by valuation date, holdings by corporate action."""

    issued: dict[date, Decimal] = field(default_factory=dict)
    cancelled: dict[date, Decimal] = field(default_factory=dict)
    exchanged: dict[UUID, Progress] = field(default_factory=dict)
    holders: int = 0
    waiting: int = 0


class Books:
    """One decision's working copy; `record` folds an event, `close` gives them all with the tallies of the classes."""

    def __init__(
        self,
        command: RegisterCommand,
        seen: Mapping[tuple[UUID, UUID], Holding | None],
        share_classes: Mapping[UUID, ShareClass | None],
    ) -> None:
        self._umbrella, self.booked_on = command.umbrella, command.now.date()
        self._holdings = dict(seen)
        self.classes = {name: each or NEW for name, each in share_classes.items()}
        self._tallies: dict[UUID, _Tally] = {}
        self._events: list[Event] = []

    def holding(self, account: UUID, share_class: UUID) -> Holding:
        """What the account holds by now."""
        return self._holdings[account, share_class] or NOTHING

    def record(self, event: published.HoldingEvent) -> None:
        """Fold an event of a holding."""
        key = (event.account, event.share_class)
        before = self._holdings[key]
        after = holdings.evolve(before, event)
        self._holdings[key] = after
        self._events.append(event)
        if isinstance(event, published.MovementEvent):
            self._count(event, before or NOTHING, after)

    def caught_up(self, account: UUID, share_class: UUID, valuation_date: date) -> Holding:
        """The holding in the units of a valuation date: a split that is effective by then and still due comes first.

        Raises BeforeCorporateAction, ShareClassIsMerged.
        """
        generation = classes.generation_on(self.classes[share_class], valuation_date)
        return self.brought_to(account, share_class, generation)

    def brought_to(self, account: UUID, share_class: UUID, generation: int) -> Holding:
        """The holding after so many corporate actions; an empty one just counts on."""
        held = self.holding(account, share_class)
        if held.generation > generation:
            raise BeforeCorporateAction(
                "the holding went through a later corporate action", field="account", value=account
            )
        if held.units:
            for action in self.classes[share_class].actions[held.generation : generation]:
                if isinstance(action, published.MergerStarted):
                    raise ShareClassIsMerged("merge the holding instead", field="share_class", value=share_class)
                self._split(account, action)
        return self.holding(account, share_class)

    def generation(self, share_class: UUID, valuation_date: date) -> int:
        """How many corporate actions a movement of that date is counted after."""
        return classes.generation_on(self.classes[share_class], valuation_date)

    def _split(self, account: UUID, action: published.SplitStarted) -> None:
        held = self.holding(account, action.share_class)
        factor = classes.factor_of(action)
        found = exchanged(tuple(held.lots), factor, action.unit_decimals)
        self.record(
            published.HoldingSplit(
                umbrella=self._umbrella,
                share_class=action.share_class,
                account=account,
                valuation_date=action.effective_date,
                booking_date=self.booked_on,
                settlement_date=action.effective_date,
                generation=held.generation + 1,
                action=action.action,
                factor=factor,
                unit_decimals=action.unit_decimals,
                given=held.units,
                received=found.units,
                residual=found.residual,
                cost_dropped=found.cost_dropped,
            )
        )
        done = Progress(1, held.units, found.units, found.residual, found.cost_dropped)
        self.exchanged(action, done)

    def exchanged(self, action: classes.Started, done: Progress) -> None:
        """Add to what came of a corporate action in this decision."""
        tally = self._tallies.setdefault(action.share_class, _Tally())
        tally.exchanged[action.action] = added(tally.exchanged.get(action.action, Progress()), done)

    def _count(self, event: published.MovementEvent, before: Holding, after: Holding) -> None:
        tally = self._tallies.setdefault(event.share_class, _Tally())
        latest = len(self.classes[event.share_class].actions)
        tally.holders += bool(after.units) - bool(before.units)
        tally.waiting += _waits(after, latest) - _waits(before, latest)
        if isinstance(event, published.HoldingSplit) or _merged_away(event):
            return
        nothing, day = Decimal(0), event.valuation_date
        tally.issued.setdefault(day, nothing)
        tally.cancelled.setdefault(day, nothing)
        if isinstance(event, published.UnitsTransferred):
            return
        side = tally.issued if event.change > 0 else tally.cancelled
        side[day] += abs(event.change)

    def touch(self, share_class: UUID) -> None:
        """Look at the class when the books are closed, even if none of its holdings changed."""
        self._tallies.setdefault(share_class, _Tally())

    def close(self) -> list[Event]:
        """All events: of the holdings in their order, then of each class what they come to."""
        for share_class, tally in self._tallies.items():
            self._close_class(share_class, tally)
        return self._events

    def _close_class(self, share_class: UUID, tally: _Tally) -> None:
        before = self.classes[share_class]
        units = before.units_in_issue
        ids = {"umbrella": self._umbrella, "share_class": share_class}
        said: dict[str, Any] = {
            **ids, "booking_date": self.booked_on,
            "holders": before.holders + tally.holders, "waiting": before.waiting + tally.waiting,
        }  # fmt: skip
        after = before
        for action in before.actions:
            done = tally.exchanged.get(action.action)
            if done is None:
                continue
            split = isinstance(action, published.SplitStarted)
            units += (done.received if split else Decimal(0)) - done.given
            after = self._class_event(after, published.HoldingsExchanged(
                **said, valuation_date=action.effective_date, units_in_issue=units,
                action=action.action, holdings=done.holdings, given=done.given, received=done.received,
                residual=done.residual, cost_dropped=done.cost_dropped,
            ))  # fmt: skip
        for day in sorted(tally.issued):
            units += tally.issued[day] - tally.cancelled[day]
            after = self._class_event(after, published.UnitsInIssueChanged(
                **said, valuation_date=day, units_in_issue=units,
                issued=tally.issued[day], cancelled=tally.cancelled[day],
            ))  # fmt: skip
        last = before.actions[-1] if before.actions else None
        # Before its effective date even a class without holders still takes units of the former kind.
        if last and after.running and not after.waiting and last.effective_date <= self.booked_on:
            self._class_event(after, completed(ids, last.action, after.running))

    def _class_event(self, share_class: ShareClass, event: published.ClassEvent) -> ShareClass:
        self._events.append(event)
        return classes.evolve(share_class, event)


def added(progress: Progress, more: Progress) -> Progress:
    """Both together."""
    return Progress(
        progress.holdings + more.holdings,
        progress.given + more.given,
        progress.received + more.received,
        progress.residual + more.residual,
        progress.cost_dropped + more.cost_dropped,
    )


def completed(ids: Mapping[str, UUID], action: UUID, done: Progress) -> published.CorporateActionCompleted:
    """The end of a corporate action, with its totals."""
    return published.CorporateActionCompleted(
        umbrella=ids["umbrella"],
        share_class=ids["share_class"],
        action=action,
        holdings=done.holdings,
        given=done.given,
        received=done.received,
        residual=Fraction(done.residual),
        cost_dropped=done.cost_dropped,
    )


def _waits(holding: Holding, latest: int) -> bool:
    return bool(holding.units) and holding.generation < latest


def _merged_away(event: published.MovementEvent) -> bool:
    return isinstance(event, published.UnitsConverted) and event.merger and event.leg == "out"
