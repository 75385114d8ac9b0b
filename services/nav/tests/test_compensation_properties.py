"""After an error of the NAV the fund is whole, nothing is claimed from investors, every cent has its order (TA-N-5)."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from libs.kernel.ids import named_id
from libs.kernel.money import has_decimals
from services.nav.domain.compensation import Compensation, Deal, Payer, WrongDay, compensate

FIRST = date(2026, 11, 23)
TOLERANCE = Decimal("0.01")
DAYS = [FIRST + timedelta(days=number) for number in range(4)]
prices = st.integers(10_000, 10_300).map(lambda count: Decimal(count).scaleb(-2))
wrong_days = st.fixed_dictionaries({day: st.builds(WrongDay, prices, prices) for day in DAYS})
limits = st.sampled_from([Decimal(0), Decimal(50), Decimal(10) ** 9])
sides: st.SearchStrategy[Literal["subscription", "redemption"]] = st.sampled_from(("subscription", "redemption"))


@st.composite
def deals(draw: st.DrawFn) -> list[Deal]:
    """Orders of two accounts on four days."""
    count = draw(st.integers(0, 8))
    return [
        Deal(
            named_id("order", str(number)),
            named_id("account", draw(st.sampled_from("XY"))),
            draw(sides),
            draw(st.sampled_from(DAYS)),
            datetime(2026, 11, 1, tzinfo=UTC) + timedelta(seconds=draw(st.integers(0, 2))),
            Decimal(draw(st.integers(1, 10 ** draw(st.sampled_from([5, 34]))))).scaleb(-4),
        )
        for number in range(count)
    ]


def compensated(days: dict[date, WrongDay], dealt: list[Deal], de_minimis: Decimal) -> Compensation:
    return compensate(days, dealt, currency="EUR", tolerance=TOLERANCE, de_minimis=de_minimis)


@settings(deadline=None)
@given(wrong_days, deals(), limits)
def test_n5_the_fund_is_whole_but_for_what_it_keeps(
    days: dict[date, WrongDay], dealt: list[Deal], de_minimis: Decimal
) -> None:
    found = compensated(days, dealt, de_minimis)
    fund = found.fund
    totals = (fund.excess_in, fund.received, fund.excess_out, fund.paid, fund.kept)
    assert all(total >= 0 and has_decimals(total, 2) for total in totals)
    excess_in, received, excess_out, paid, kept = map(Fraction, totals)
    assert excess_in + received == excess_out + paid + kept
    assert sum(Fraction(effect.amount) for effect in found.effects) == excess_in - excess_out


@settings(deadline=None)
@given(wrong_days, deals(), limits)
def test_n5_every_unit_and_cent_of_a_claim_is_an_orders_and_of_one_claim_only(
    days: dict[date, WrongDay], dealt: list[Deal], de_minimis: Decimal
) -> None:
    found = compensated(days, dealt, de_minimis)
    units: dict[UUID, Fraction] = defaultdict(Fraction)
    amounts: dict[UUID, Fraction] = defaultdict(Fraction)
    for claim in found.claims:
        for part in claim.parts:
            units[part.order] += Fraction(part.units)
            amounts[part.order] += Fraction(part.amount)
        net = sum(Fraction(part.amount) for part in claim.parts)
        assert abs(net) == Fraction(claim.amount)
        assert (claim.payer is Payer.FUND) == (net > 0)
        assert (claim.payer is Payer.PARTY_AT_FAULT) == (net < 0)
    assert units == {effect.deal.order: Fraction(effect.deal.units) for effect in found.effects}
    assert amounts == {effect.deal.order: Fraction(effect.amount) for effect in found.effects}


@settings(deadline=None)
@given(wrong_days, deals(), limits, st.randoms(use_true_random=False))
def test_n5_the_order_in_which_deals_are_listed_changes_nothing(
    days: dict[date, WrongDay], dealt: list[Deal], de_minimis: Decimal, chance: Any
) -> None:
    assert compensated(days, chance.sample(dealt, len(dealt)), de_minimis) == compensated(days, dealt, de_minimis)


@settings(deadline=None)
@given(wrong_days, deals())
def test_n5_one_account_changes_nothing_for_another(days: dict[date, WrongDay], dealt: list[Deal]) -> None:
    together = compensated(days, dealt, Decimal(50)).claims
    for account in {deal.account for deal in dealt}:
        alone = compensated(days, [deal for deal in dealt if deal.account == account], Decimal(50)).claims
        assert set(alone) == {claim for claim in together if claim.account == account}
