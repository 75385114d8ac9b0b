"""A class's net flow out of the totals of its closed dealing day (TA-N-4, golden G4)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from uuid import UUID

from libs.kernel.exchange import ExchangeRate
from libs.kernel.money import Money
from services.nav.domain.references import ClassTotals, FlowTotals, SubFundFacts
from services.nav.domain.refusals import LastNavMissing
from services.nav.domain.sub_fund import SubFund
from services.nav.domain.swing import AmountFlow, Flow, Leg, UnitFlow, net_flow


def flow_of(
    totals: ClassTotals, facts: SubFundFacts, rates: Mapping[str, ExchangeRate], sub_fund: SubFund, valuation_date: date
) -> Money:
    """What enters (+) or leaves (−) the fund by one class, in the sub-fund's currency.

    Each total is rounded in its own currency, exchanged, rounded again. Raises LastNavMissing, ShareClassUnknown.
    """
    flows: list[Flow] = []
    for each in totals.totals:
        if each.cash:
            flows.append(AmountFlow(each.kind, Money(each.cash, each.currency)))
        if each.units or each.estimated_units:
            flows.append(_by_units(each, totals.share_class, facts, sub_fund, valuation_date))
    return net_flow(flows, facts.currency, rates)


def _by_units(
    totals: FlowTotals, share_class: UUID, facts: SubFundFacts, sub_fund: SubFund, valuation_date: date
) -> Flow:
    """At the last published unswung NAV of the class whose units they are, or at its initial offer's price."""
    of_class = totals.other_class if totals.kind is Leg.SWITCH_IN and totals.other_class is not None else share_class
    known = facts.class_of(of_class)
    nav = sub_fund.nav_before(valuation_date, of_class) or known.offer_price
    if nav is None:
        raise LastNavMissing("publish its first NAV", field="share_class", value=of_class)
    return UnitFlow(totals.kind, totals.units + totals.estimated_units, nav, known.currency)
