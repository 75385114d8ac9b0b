"""The dealing day of a sub-fund: opened by its first order, counted, closed after its cut-off, priced (TA-O-10).

Every accepted leg is counted on the day's own stream in the decision that accepts it, and whatever withdraws it
uncounts it there. Two writers never take the same version of a stream (W-5), so a close sees every order that was
accepted before it, and none is lost: one that was in time but is decided after the close is counted all the same, and
the day is closed again with the next revision. An order keeps the date of its receipt, however long it took.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from libs.kernel.events import Event
from libs.kernel.money import exactly
from libs.messages import dealing_days as published
from libs.messages import order_values as values
from services.orders.domain.commands import CloseDealingDay, OpenPricing, StopPricing
from services.orders.domain.refusals import DayIsOpen, DayUnknown, PricingNotOpen, RevisionIsPast, unexpected

# How long after the cut-off a command that was received before it may still be running.
GUARD = timedelta(seconds=60)

# --- State


class FlowKey(NamedTuple):
    """What flows are added up by."""

    share_class: UUID
    kind: values.FlowKind
    other_class: UUID | None
    currency: str


class Tally(NamedTuple):
    """The sums of flows."""

    flows: int
    cash: Decimal
    units: Decimal
    all_units: int
    estimated_units: Decimal


_EMPTY = Tally(0, Decimal(0), Decimal(0), 0, Decimal(0))


@dataclass(frozen=True, slots=True)
class Day:
    """A dealing day: no list of its orders, for it may have hundreds of thousands.

    `known_since`: when a NAV of the day was first published, whatever became of that publication.
    """

    opened: published.DealingDayOpened
    tallies: Mapping[FlowKey, Tally] = field(default_factory=dict)
    closed: published.DealingDayClosed | None = None
    pricing: published.PricingOpened | None = None
    known_since: datetime | None = None
    stopped: bool = False
    chunks: int = 0


# --- Decide


def close_dealing_day(command: CloseDealingDay, day: Day | None) -> Sequence[Event]:
    """Count and totals, once the guard after the cut-off is over (O-10)."""
    day = known(day, command.valuation_date)
    if day.closed is not None:
        return []
    if command.now < day.opened.closes_at:
        raise DayIsOpen("closes after its cut-off and a guard", field="now", value=day.opened.closes_at)
    return [closing(day, command.now)]


def open_pricing(command: OpenPricing, day: Day | None) -> Sequence[Event]:
    """The day's own NAVs, and no others, price its orders; a later publication takes the place of a former (O-5)."""
    day = known(day, command.valuation_date)
    opened = published.PricingOpened(
        umbrella=command.umbrella, sub_fund=command.sub_fund, valuation_date=command.valuation_date,
        revision=command.revision, published_at=command.published_at, currency=command.currency,
        prices=command.prices, rates=command.rates, levy_due=command.levy_due, gates=command.gates,
    )  # fmt: skip
    if day.pricing == opened:
        return []
    if day.closed is None:
        raise DayIsOpen("pricing waits for the close", field="valuation_date", value=command.valuation_date)
    if day.pricing is not None and command.revision <= day.pricing.revision:
        raise RevisionIsPast("another publication stands", field="revision", value=day.pricing.revision)
    return [opened]


def stop_pricing(command: StopPricing, day: Day | None) -> Sequence[Event]:
    """Nothing more is priced by cancelled NAVs; what was is corrected by nav (N-3, N-5)."""
    day = known(day, command.valuation_date)
    if day.pricing is None or command.revision > day.pricing.revision:
        raise PricingNotOpen("this publication did not price", field="revision", value=command.revision)
    if command.revision < day.pricing.revision or day.stopped:
        return []
    return [
        published.PricingStopped(
            umbrella=command.umbrella,
            sub_fund=command.sub_fund,
            valuation_date=command.valuation_date,
            revision=command.revision,
        )
    ]


def being_priced(day: Day | None, revision: int, valuation_date: object) -> published.PricingOpened:
    """The publication that prices; DayUnknown, PricingNotOpen, RevisionIsPast."""
    day = known(day, valuation_date)
    if day.pricing is None or day.stopped:
        raise PricingNotOpen("no NAV of the day stands", field="valuation_date", value=valuation_date)
    if revision != day.pricing.revision:
        raise RevisionIsPast("another publication stands", field="revision", value=day.pricing.revision)
    return day.pricing


def known(day: Day | None, valuation_date: object) -> Day:
    """The day, or DayUnknown."""
    if day is None:
        raise DayUnknown("nothing was ordered for it", field="valuation_date", value=valuation_date)
    return day


def closing(day: Day, now: datetime) -> published.DealingDayClosed:
    """The day's totals as they are now, with the next revision."""
    of_class: dict[UUID, list[tuple[FlowKey, Tally]]] = {}
    for key, tally in sorted(day.tallies.items(), key=lambda item: tuple(map(str, item[0]))):
        of_class.setdefault(key.share_class, []).append((key, tally))
    return published.DealingDayClosed(
        umbrella=day.opened.umbrella,
        sub_fund=day.opened.sub_fund,
        valuation_date=day.opened.valuation_date,
        closed_at=now,
        revision=1 if day.closed is None else day.closed.revision + 1,
        classes=tuple(_totals(share_class, sums) for share_class, sums in of_class.items()),
    )


def _totals(share_class: UUID, sums: Sequence[tuple[FlowKey, Tally]]) -> values.ClassTotals:
    totals = tuple(
        values.FlowTotals(
            kind=key.kind,
            currency=key.currency,
            other_class=key.other_class,
            flows=tally.flows,
            cash=tally.cash,
            units=tally.units,
            all_units=tally.all_units,
            estimated_units=tally.estimated_units,
        )
        for key, tally in sums
    )
    return values.ClassTotals(share_class=share_class, flows=sum(each.flows for each in totals), totals=totals)


# --- Evolve


def evolve(day: Day | None, event: Event) -> Day:
    """The day after the event."""
    match day, event:
        case None, published.DealingDayOpened():
            return Day(event)
        case Day(), published.OrderCounted(flow=flow):
            return replace(day, tallies=_added(day.tallies, flow, 1))
        case Day(), published.OrderUncounted(flow=flow):
            return replace(day, tallies=_added(day.tallies, flow, -1))
        case Day(), published.DealingDayClosed():
            return replace(day, closed=event)
        case Day(), published.PricingOpened(published_at=at):
            since = at if day.known_since is None else min(at, day.known_since)
            return replace(day, pricing=event, known_since=since, stopped=False)
        case Day(), published.PricingStopped():
            return replace(day, stopped=True)
        case Day(), published.MovementsPriced(chunk=chunk):
            return replace(day, chunks=chunk)
        case _:
            raise unexpected(event, day)


@exactly
def _added(tallies: Mapping[FlowKey, Tally], flow: values.Flow, sign: int) -> Mapping[FlowKey, Tally]:
    key = FlowKey(flow.share_class, flow.kind, flow.other_class, flow.currency)
    before = tallies.get(key, _EMPTY)
    after = Tally(
        before.flows + sign,
        before.cash + sign * flow.cash,
        before.units + sign * flow.units,
        before.all_units + sign * flow.all_units,
        before.estimated_units + sign * flow.estimated_units,
    )
    others = {name: tally for name, tally in tallies.items() if name != key}
    return {**others, key: after} if after.flows else others
