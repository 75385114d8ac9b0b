"""Every value of golden G4 (TA-N-4), full swing, and when a levy is due (TA-F-3)."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.kernel.errors import InvalidValue
from libs.kernel.exchange import ExchangeRate
from libs.kernel.money import Money, Rounding, rounded
from libs.messages.fund_values import AntiDilutionLevy, Fee, FeeBase, Swing
from services.nav.domain.swing import (
    AmountFlow,
    Direction,
    Flow,
    Leg,
    UnitFlow,
    cash_of,
    kept_in_fund,
    levy_is_due,
    net_flow,
    swing_test,
    swung_nav,
)

RATES = {"USD": ExchangeRate.middle("EUR", "USD", Decimal("1.0837"))}
PARTIAL = Swing(mode="partial", threshold=Decimal("0.01"), factor_up=Decimal("0.0035"), factor_down=Decimal("0.003"))
FULL = Swing(mode="full", factor_up=Decimal("0.0035"), factor_down=Decimal("0.003"))
ONE_PERCENT = Fee(rate=Decimal("0.01"), base=FeeBase.GROSS)


def eur(text: str) -> Money:
    return Money(Decimal(text), "EUR")


def usd(text: str) -> Money:
    return Money(Decimal(text), "USD")


def units(leg: Leg, count: str, last_nav: str, currency: str = "EUR") -> UnitFlow:
    return UnitFlow(leg, Decimal(count), Decimal(last_nav), currency)


LAST_NET_ASSETS = eur("49800000.00")
# The flow in EUR of each order.
G4: list[tuple[Flow, str]] = [
    (AmountFlow(Leg.SUBSCRIPTION, eur("1200000.00"), "gross", ONE_PERCENT), "1188000.00"),
    (units(Leg.REDEMPTION, "2000.0000", "136.9000"), "-273800.00"),
    (units(Leg.REDEMPTION, "1000.000", "112.5000", "USD"), "-103811.02"),
    (AmountFlow(Leg.SUBSCRIPTION, usd("150000.00")), "138414.69"),
    (units(Leg.SWITCH_OUT, "500.0000", "136.9000"), "-68450.00"),
    (AmountFlow(Leg.SWITCH_IN, eur("68450.00")), "68450.00"),
]


@pytest.mark.parametrize(("flow", "in_eur"), G4)
def test_g4_n4_each_orders_flow(flow: Flow, in_eur: str) -> None:
    assert str(net_flow([flow], "EUR", RATES).amount) == in_eur


def test_g4_n4_one_net_flow_one_test_one_direction() -> None:
    flow = net_flow([flow for flow, _ in G4], "EUR", RATES)
    assert str(flow.amount) == "948803.67"
    found = swing_test(PARTIAL, flow, LAST_NET_ASSETS)
    assert rounded(found.part * 100, 8, Rounding.DOWN) == Decimal("1.90522825")
    assert found.direction is Direction.UP


@pytest.mark.parametrize(
    ("nav", "direction", "swung"),
    [
        ("137.4281", Direction.UP, "137.9091"),
        ("113.0000", Direction.UP, "113.3955"),
        ("137.4281", Direction.DOWN, "137.0158"),
        ("137.4281", Direction.NONE, "137.4281"),
    ],
)
def test_g4_n4_the_nav_of_every_class_swings_the_same_way(nav: str, direction: Direction, swung: str) -> None:
    assert str(swung_nav(Decimal(nav), direction, PARTIAL, 4, Rounding.HALF_UP)) == swung


def test_g4_n4_what_the_swing_keeps_in_the_fund() -> None:
    kept_a = kept_in_fund(Decimal("8614.3699"), Decimal(2500), Decimal("137.9091"), Decimal("137.4281"))
    kept_b = kept_in_fund(Decimal("1322.803") + Decimal("658.986"), Decimal(1000), Decimal("113.3955"), Decimal(113))
    assert [kept_a, kept_b] == [Decimal("2941.0119219"), Decimal("388.2975495")]


@pytest.mark.parametrize(
    ("flow", "direction"),
    [("498000.00", "none"), ("498000.01", "up"), ("-498000.00", "none"), ("-498000.01", "down"), ("0.00", "none")],
)
def test_g4_n4_only_strictly_above_the_threshold(flow: str, direction: str) -> None:
    assert swing_test(PARTIAL, eur(flow), LAST_NET_ASSETS).direction == direction


@pytest.mark.parametrize(("flow", "direction"), [("0.01", "up"), ("-0.01", "down"), ("0.00", "none")])
def test_n4_a_full_swing_follows_any_net_flow(flow: str, direction: str) -> None:
    assert swing_test(FULL, eur(flow), LAST_NET_ASSETS).direction == direction


@pytest.mark.parametrize(
    ("leg", "meaning", "fee", "cash"),
    [
        (Leg.SUBSCRIPTION, "net", ONE_PERCENT, "10000.00"),
        (Leg.SUBSCRIPTION, "gross", Fee(rate=Decimal("0.03"), base=FeeBase.NET), "9708.74"),
        (Leg.SUBSCRIPTION, "gross", None, "10000.00"),
        (Leg.REDEMPTION, "gross", ONE_PERCENT, "-10000.00"),
        (Leg.REDEMPTION, "net", ONE_PERCENT, "-10101.01"),
        (Leg.REDEMPTION, "net", Fee(rate=Decimal("0.01"), base=FeeBase.NET), "-10100.00"),
        (Leg.SWITCH_OUT, "net", ONE_PERCENT, "-10101.01"),
    ],
)
def test_n4_fees_never_count_as_what_enters_and_always_as_what_leaves(
    leg: Leg, meaning: Any, fee: Fee | None, cash: str
) -> None:
    assert str(cash_of(AmountFlow(leg, eur("10000.00"), meaning, fee)).amount) == cash


def test_f3_a_levy_is_due_always_or_strictly_above_its_threshold() -> None:
    rates = {"subscription_rate": Decimal("0.001"), "redemption_rate": Decimal("0.001")}
    assert levy_is_due(AntiDilutionLevy(**rates), eur("0.00"), LAST_NET_ASSETS)
    above = AntiDilutionLevy(**rates, threshold=Decimal("0.01"))
    due = [levy_is_due(above, eur(flow), LAST_NET_ASSETS) for flow in ("498000.00", "498000.01", "-498000.01")]
    assert due == [False, True, True]


def test_n4_what_cannot_be_is_named() -> None:
    with pytest.raises(InvalidValue, match="net assets"):
        swing_test(PARTIAL, eur("1"), eur("0"))
    with pytest.raises(InvalidValue, match="EUR expected"):
        swing_test(PARTIAL, usd("1"), LAST_NET_ASSETS)
    with pytest.raises(InvalidValue, match="NAV"):
        swung_nav(Decimal(0), Direction.UP, FULL, 4, Rounding.HALF_UP)
    with pytest.raises(InvalidValue, match="rate"):
        net_flow([AmountFlow(Leg.SUBSCRIPTION, Money(Decimal(1), "GBP"))], "EUR", RATES)
    with pytest.raises(InvalidValue, match="positive"):
        cash_of(units(Leg.REDEMPTION, "-1", "100"))


flows = st.builds(
    UnitFlow,
    st.sampled_from(Leg),
    st.integers(1, 10**34).map(lambda count: Decimal(count).scaleb(-4)),
    st.integers(1, 10**9).map(lambda count: Decimal(count).scaleb(-4)),
    st.sampled_from(["EUR", "USD"]),
)


@settings(deadline=None)
@given(st.lists(flows, max_size=8), st.randoms(use_true_random=False))
def test_n4_the_order_of_orders_changes_no_net_flow(some: list[UnitFlow], chance: Any) -> None:
    shuffled = chance.sample(some, len(some))
    assert net_flow(shuffled, "EUR", RATES) == net_flow(some, "EUR", RATES)
    parts = [net_flow([flow], "EUR", RATES) for flow in some]
    assert net_flow(some, "EUR", RATES) == sum(parts, eur("0"))


@settings(deadline=None)
@given(st.integers(-(10**12), 10**12), st.integers(1, 10**12))
def test_n4_a_swing_moves_against_those_who_deal(cents: int, assets: int) -> None:
    flow, net_assets = Money(Decimal(cents).scaleb(-2), "EUR"), Money(Decimal(assets).scaleb(-2), "EUR")
    for swing in (PARTIAL, FULL):
        found = swing_test(swing, flow, net_assets)
        nav = Decimal("137.4281")
        swung = swung_nav(nav, found.direction, swing, 4, Rounding.HALF_UP)
        assert (swung > nav) == (found.direction is Direction.UP)
        assert (swung < nav) == (found.direction is Direction.DOWN)
        assert kept_in_fund(max(flow.amount, Decimal(0)), max(-flow.amount, Decimal(0)), swung, nav) >= 0
        assert (found.direction is Direction.NONE) == (abs(found.part) <= Fraction(swing.threshold or 0))
