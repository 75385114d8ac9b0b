"""A sub-fund's valuation date: its rates, the one test of its flows, which classes are published (TA-N-4, TA-F-3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Annotated, assert_never

from pydantic import Field

from libs.kernel.decider import Reference
from libs.kernel.errors import InvalidValue
from libs.kernel.events import Event
from libs.kernel.exchange import ExchangeRate
from libs.kernel.money import Money, Rounding, exactly, ratio, rounded
from libs.messages.codes import check_currency
from libs.messages.nav import ClassPublished, ClassWithdrawn, DayCompleted, FlowsMeasured, RatesSet, SubFundValued
from libs.messages.nav_values import MAX_RATES, ClassFlow, CurrencyRate, Swung
from services.nav.domain.commands import DayCommand
from services.nav.domain.completion import Day, completion, rates_of
from services.nav.domain.flows import flow_of
from services.nav.domain.references import ClosedDay, SubFundFacts, check_valuation_date, closed_day_of, sub_fund_of
from services.nav.domain.refusals import ClassesMissing, RatesAreFixed, unexpected
from services.nav.domain.sub_fund import SubFund
from services.nav.domain.swing import Direction, levy_is_due, swing_test

_SHOWN_DECIMALS = 10

# --- Commands


class SetRates(DayCommand):
    """Give the exchange rates of the valuation date, one for each foreign currency."""

    rates: Annotated[tuple[CurrencyRate, ...], Field(max_length=MAX_RATES)]


class MeasureFlows(DayCommand):
    """Hold the closed dealing day's net flow against the last net assets, once for all classes."""

    def references(self) -> tuple[Reference, ...]:
        """The sub-fund, the date, the closed day."""
        return (*super().references(), self.closed_day_row())


class CompleteDay(DayCommand):
    """Publish the sub-fund's prices though a class was suspended since its flows were measured."""


DayCommands = SetRates | MeasureFlows | CompleteDay

# --- Decide


def decide(command: DayCommands, day: Day | None, sub_fund: SubFund | None) -> Sequence[Event]:
    """The events of a command on a sub-fund's valuation date."""
    day = Day() if day is None else day
    match command:
        case SetRates():
            return set_rates(command, day)
        case MeasureFlows():
            return measure_flows(command, day, sub_fund or SubFund())
        case CompleteDay():
            return complete_day(command, day)
        case _:
            assert_never(command)


def set_rates(command: SetRates, day: Day) -> Sequence[Event]:
    """New rates while nothing is published void the test; a correction's rates leave the direction that was dealt."""
    facts = sub_fund_of(command)
    check_valuation_date(command, is_final=False)
    foreign = [rate.foreign(facts.currency) for rate in command.rates]
    for position, rate in enumerate(command.rates):
        check_currency(rate.base, f"rates.{position}.base")
        check_currency(rate.quote, f"rates.{position}.quote")
        if facts.currency not in (rate.base, rate.quote) or foreign.count(foreign[position]) > 1:
            detail = f"one rate between {facts.currency} and each other currency"
            raise InvalidValue(detail, field=f"rates.{position}", value=f"{rate.base}/{rate.quote}")
    ordered = tuple(sorted(command.rates, key=lambda rate: (rate.base, rate.quote)))
    if day.rates == ordered:
        return []
    if day.published:
        raise RatesAreFixed("cancel what is published first", field="rates")
    return [RatesSet(**command.day_ids(), rates=ordered)]


def measure_flows(command: MeasureFlows, day: Day, sub_fund: SubFund) -> Sequence[Event]:
    """One test per sub-fund and date, one direction for all classes (N-4).

    A day that closed anew is measured anew while none of its prices are out; after that the test stands.
    """
    facts = sub_fund_of(command)
    check_valuation_date(command, is_final=False)
    closed = closed_day_of(command)
    if day.test is not None and (day.is_out() or day.test.closing == closed.revision):
        return []
    return [_measured(command, facts, closed, rates_of(day, facts), sub_fund)]


def complete_day(command: CompleteDay, day: Day) -> Sequence[Event]:
    """What deals no more is not waited for (O-5, O-7)."""
    events = completion(command, sub_fund_of(command), day)
    if not events and not day.is_whole:
        detail = "a class that deals is not published"
        raise ClassesMissing(detail, field="valuation_date", value=command.valuation_date)
    return events


@exactly
def _measured(
    command: MeasureFlows, facts: SubFundFacts, closed: ClosedDay, rates: Mapping[str, ExchangeRate], sub_fund: SubFund
) -> FlowsMeasured:
    """The day's figures; before the first NAV nobody holds what a flow could dilute, so nothing swings."""
    nets = [flow_of(each, facts, rates, sub_fund, command.valuation_date).amount for each in closed.classes]
    net = Money(sum(nets, Decimal(0)), facts.currency)
    last = sub_fund.last_before(command.valuation_date)
    swung: Swung | None = None
    part: Decimal | None = None
    levy = facts.tools.levy
    levy_due = levy is not None and levy.threshold is None
    if last is not None:
        assets = Money(last[1].net_assets, facts.currency)
        part = rounded(ratio(net.amount, assets.amount), _SHOWN_DECIMALS, Rounding.DOWN)
        swung = _direction(facts, net, assets)
        levy_due = levy is not None and levy_is_due(levy, net, assets)
    return FlowsMeasured(
        **command.day_ids(),
        closed_at=closed.closed_at,
        closing=closed.revision,
        classes=tuple(each.share_class for each in facts.dealing()),
        currency=facts.currency,
        flows=tuple(
            ClassFlow(share_class=each.share_class, net=flow) for each, flow in zip(closed.classes, nets, strict=True)
        ),
        net_flow=net.amount,
        net_assets=None if last is None else last[1].net_assets,
        part=part,
        swung=swung,
        swing=None if swung is None else facts.tools.swing,
        levy_due=levy_due,
    )


def _direction(facts: SubFundFacts, net: Money, assets: Money) -> Swung | None:
    if facts.tools.swing is None:
        return None
    match swing_test(facts.tools.swing, net, assets).direction:
        case Direction.UP:
            return "up"
        case Direction.DOWN:
            return "down"
        case Direction.NONE:
            return None


# --- Evolve


def evolve(day: Day | None, event: Event) -> Day:
    """The date after the event."""
    day = Day() if day is None else day
    match event:
        case RatesSet(rates=rates):
            return replace(day, rates=rates, test=day.test if day.is_out() else None)
        case FlowsMeasured():
            return replace(day, test=event)
        case SubFundValued():
            return day
        case ClassPublished(price=price):
            return replace(day, published={**day.published, price.share_class: price})
        case ClassWithdrawn(share_class=withdrawn):
            others = {name: price for name, price in day.published.items() if name != withdrawn}
            return replace(day, published=others, is_whole=False)
        case DayCompleted(revision=revision):
            return replace(day, revision=revision, is_whole=True, whole=frozenset(day.published))
        case _:
            raise unexpected(event, day)
