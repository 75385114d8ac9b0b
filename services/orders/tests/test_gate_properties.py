"""A gate executes at least its capacity, to the last unit, and never more than was asked for (TA-O-6)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from libs.kernel.exchange import ExchangeRate
from libs.messages.fund_values import RedemptionGate
from services.orders.domain.gate import ClassRequests, Gated, Request, SubFundDay, apply_gate
from services.orders.tests.examples import order

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
DECIMALS = {"EUR": 4, "USD": 3, "JPY": 0}


@st.composite
def classes(draw: st.DrawFn) -> list[ClassRequests]:
    """A few classes in several currencies with a few requests each, up to 10^30 units, some received at once."""
    made = []
    for currency in draw(st.lists(st.sampled_from(sorted(DECIMALS)), min_size=1, max_size=3, unique=True)):
        most = 10 ** draw(st.sampled_from([3, 8, 34]))
        counts = draw(st.lists(st.integers(1, most), min_size=1, max_size=8))
        requests = [
            Request(
                order(f"{currency} {position}"),
                NOON + timedelta(seconds=draw(st.integers(0, 2))),
                Decimal(count).scaleb(-DECIMALS[currency]),
            )
            for position, count in enumerate(counts)
        ]
        nav = Decimal(draw(st.integers(1, 10**9))).scaleb(-4)
        made.append(ClassRequests(order(currency), currency, nav, DECIMALS[currency], tuple(requests)))
    return made


gates = st.builds(
    RedemptionGate, threshold=st.decimals("0.000001", "0.5", places=6), remainder=st.sampled_from(["carried", "lapses"])
)
rates = st.decimals("0.01", 200, places=4)
days = st.builds(
    lambda net_assets, subscriptions, usd, jpy: SubFundDay(
        "EUR",
        Decimal(net_assets).scaleb(-2),
        Decimal(subscriptions).scaleb(-2),
        {"USD": ExchangeRate.middle("EUR", "USD", usd), "JPY": ExchangeRate.middle("EUR", "JPY", jpy)},
    ),
    st.integers(1, 10**14),
    st.integers(0, 10**10),
    rates,
    rates,
)


def value(gated: Gated, asked: list[ClassRequests], day: SubFundDay, name: str) -> Fraction:
    """The value of what was requested or executed, in the sub-fund's currency."""
    worth = Fraction(0)
    for share_class, found in zip(asked, gated.classes, strict=True):
        units = sum((Fraction(getattr(each, name)) for each in found.executions), Fraction(0))
        amount = units * Fraction(share_class.nav)
        rate = day.rates.get(share_class.currency)
        worth += amount if rate is None else amount / Fraction(rate.offer)
    return worth


@settings(deadline=None)
@given(gates, days, classes())
def test_o6_at_least_the_capacity_to_the_last_unit_never_more_than_asked_for(
    gate: RedemptionGate, day: SubFundDay, asked: list[ClassRequests]
) -> None:
    found = apply_gate(gate, day, asked)
    requested, executed = (value(found, asked, day, name) for name in ("requested", "executed"))
    assert executed >= min(requested, Fraction(found.capacity))
    assert found.is_gated == (requested > Fraction(found.capacity)) == (found.net_part > Fraction(gate.threshold))
    for share_class, result in zip(asked, found.classes, strict=True):
        step = Decimal(1).scaleb(-share_class.unit_decimals)
        assert sum(Fraction(each.executed) for each in result.executions) == Fraction(result.capacity_units)
        for each in result.executions:
            assert 0 <= each.executed <= each.requested
            assert Fraction(each.requested) == sum(map(Fraction, (each.executed, each.carried, each.lapsed)))
            assert abs(each.raw - Fraction(each.executed)) < Fraction(step)
            assert (each.carried if gate.remainder == "lapses" else each.lapsed) == 0
            assert found.is_gated or each.executed == each.requested


@settings(deadline=None)
@given(gates, days, classes(), st.integers(0, 99))
def test_o6_the_order_in_which_requests_are_listed_changes_nothing(
    gate: RedemptionGate, day: SubFundDay, asked: list[ClassRequests], seed: int
) -> None:
    shuffled = [
        ClassRequests(
            each.share_class,
            each.currency,
            each.nav,
            each.unit_decimals,
            tuple(Random(seed).sample(each.requests, len(each.requests))),
        )
        for each in asked
    ]
    assert apply_gate(gate, day, shuffled) == apply_gate(gate, day, asked)


@settings(deadline=None)
@given(days, classes(), st.decimals("0.000001", "0.5", places=6), st.decimals("0.000001", "0.4", places=6))
def test_o6_a_wider_gate_executes_no_less_of_any_class(
    day: SubFundDay, asked: list[ClassRequests], threshold: Decimal, more: Decimal
) -> None:
    narrow, wide = (
        apply_gate(RedemptionGate(threshold=each, remainder="carried"), day, asked)
        for each in (threshold, threshold + more)
    )
    for less, greater in zip(narrow.classes, wide.classes, strict=True):
        assert less.capacity_units <= greater.capacity_units
