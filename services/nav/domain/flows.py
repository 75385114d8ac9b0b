"""A class's net flow out of the totals of its closed dealing day (TA-N-4, golden G4)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal

from libs.kernel.exchange import ExchangeRate
from libs.kernel.money import Money, minor_units, multiply, rounded
from services.nav.domain.references import ClassTotals, SubFundFacts
from services.nav.domain.refusals import LastNavMissing
from services.nav.domain.sub_fund import SubFund
from services.nav.domain.swing import AmountFlow, Flow, Leg, UnitFlow, net_flow


def flow_of(
    totals: ClassTotals, facts: SubFundFacts, rates: Mapping[str, ExchangeRate], sub_fund: SubFund, valuation_date: date
) -> Money:
    """What enters (+) or leaves (−) the fund by one class, in the sub-fund's currency.

    Each total is rounded in its own currency, exchanged, rounded again. Raises LastNavMissing, ShareClassUnknown.
    """

    def by_units(leg: Leg, units: Decimal) -> Flow:
        known = facts.class_of(totals.share_class)
        return UnitFlow(leg, units, last_nav(totals.share_class), known.currency)

    def last_nav(share_class: object) -> Decimal:
        known = next(each for each in facts.classes if each.share_class == share_class)
        nav = sub_fund.nav_before(valuation_date, known.share_class) or known.offer_price
        if nav is None:
            raise LastNavMissing("publish its first NAV", field="share_class", value=known.share_class)
        return nav

    def all_of_it() -> Iterator[Flow]:
        currency = facts.class_of(totals.share_class).currency
        for leg, amount, units in (
            (Leg.SUBSCRIPTION, totals.subscription_amount, totals.subscription_units),
            (Leg.REDEMPTION, totals.redemption_amount, totals.redemption_units),
            (Leg.SWITCH_OUT, totals.switch_out_amount, totals.switch_out_units),
        ):
            if amount:
                yield AmountFlow(leg, Money(amount, currency))
            if units:
                yield by_units(leg, units)
        for each in totals.switched_in:
            if each.amount:
                yield AmountFlow(Leg.SWITCH_IN, Money(each.amount, each.currency), "gross", each.fee)
            if each.units and each.of_class is not None:
                source = facts.class_of(each.of_class)
                value = rounded(
                    multiply(each.units, last_nav(each.of_class)), minor_units(source.currency), source.rounding.amount
                )
                yield AmountFlow(Leg.SWITCH_IN, Money(value, source.currency), "gross", each.fee)

    return net_flow(all_of_it(), facts.currency, rates)
