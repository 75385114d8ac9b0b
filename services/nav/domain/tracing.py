"""What a chunk of orders is owed or gained, each amount traced to its order (TA-N-5, golden G6)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from uuid import UUID

from libs.kernel.ids import named_id
from libs.kernel.money import has_decimals
from libs.messages.nav import CompensationOpened
from libs.messages.nav_values import ClaimPart, CompensationClaim, CompensationTotals, DealtOrder
from services.nav.domain.compensation import (
    Claim,
    Compensation,
    Deal,
    FundTotals,
    Payer,
    WrongDay,
    compensate,
    in_units,
)
from services.nav.domain.refusals import DealNotAffected, TooManyDecimals

# The dates are material by their unswung NAVs already; whatever was dealt on them counts.
_EVERY_DIFFERENCE = Decimal(0)


def compensated(deals: Sequence[DealtOrder], opened: CompensationOpened) -> Compensation:
    """What follows from these orders; raises DealNotAffected, TooManyDecimals, InvalidValue for one twice."""
    days: Mapping[date, WrongDay] = {
        each.valuation_date: WrongDay(
            each.subscribed_at, each.subscribed_correctly, (each.redeemed_at, each.redeemed_correctly)
        )
        for each in opened.days
    }
    for each in deals:
        if each.valuation_date not in days:
            raise DealNotAffected(f"dealt on {each.valuation_date}", field="deals", value=each.order)
        if not has_decimals(each.units, opened.unit_decimals):
            raise TooManyDecimals(f"{opened.unit_decimals} decimals", field="deals", value=each.units)
    dealt = [
        Deal(each.order, each.account, each.side, each.valuation_date, each.received, each.units) for each in deals
    ]
    return compensate(days, dealt, currency=opened.currency, tolerance=_EVERY_DIFFERENCE, de_minimis=opened.de_minimis)


def claim_of(claim: Claim, deals: Sequence[DealtOrder], opened: CompensationOpened) -> CompensationClaim:
    """In units where that was chosen and the investor still holds what was subscribed; everybody else in cash."""
    units = residual = None
    dealt = {each.order: each for each in deals}
    holds = all(dealt[part.order].side == "subscription" for part in claim.parts)
    if opened.paid_in == "units" and holds and claim.payer is Payer.FUND and not claim.is_kept:
        day = dealt[claim.parts[0].order].valuation_date
        correct = next(each.correct for each in opened.days if each.valuation_date == day)
        units, residual = in_units(claim.amount, correct, opened.unit_decimals)
    return CompensationClaim(
        account=claim.account,
        parts=tuple(ClaimPart(order=part.order, units=part.units, amount=part.amount) for part in claim.parts),
        payer=claim.payer.value,
        amount=claim.amount,
        is_kept=claim.is_kept,
        units=units,
        residual=residual,
    )


def name_of(orders: Iterable[UUID]) -> UUID:
    """The one name of a chunk of these orders, in whatever sequence."""
    return named_id(*sorted(map(str, orders)))


def totals_of(fund: FundTotals) -> CompensationTotals:
    """The fund's totals as they are published."""
    return CompensationTotals(
        excess_in=fund.excess_in,
        excess_out=fund.excess_out,
        paid=fund.paid,
        received=fund.received,
        kept=fund.kept,
    )
