"""What holds of every price, whatever is ordered: money and units are conserved, nothing is negative (TA-O-5)."""

from __future__ import annotations

from decimal import Decimal, localcontext
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from libs.kernel.money import has_decimals
from libs.messages.fund_values import Fee, FeeBase, ShareClassTerms
from services.orders.domain.charges import Charges
from services.orders.domain.pricing import (
    AllUnits,
    ByGross,
    ByNet,
    ByUnits,
    Holding,
    Priced,
    Prices,
    Quantity,
    Refusal,
    price_redemption,
    price_subscription,
    redeemed,
)
from services.orders.tests.examples import terms


def steps(decimals: int, most: int) -> st.SearchStrategy[Decimal]:
    """Positive numbers at so many decimals."""
    return st.integers(1, most).map(lambda count: Decimal(f"{count}E-{decimals}"))


rates = st.decimals("0.000001", "0.2", places=6)
fees = st.none() | st.builds(Fee, rate=rates, base=st.sampled_from(FeeBase))
prices = steps(4, 10**9)
classes = st.builds(
    terms,
    unit_decimals=st.just(4),
    minimum_holding=st.sampled_from(["0", "500.00"]),
    below_minimum_holding=st.sampled_from(["refuse", "redeem_all"]),
    rounding=st.sampled_from([{}, {"amount": "HALF_EVEN"}]),
)
amounts = steps(2, 10**14)
units = steps(4, 10**14)
quantities = st.builds(ByUnits, units) | st.builds(ByGross, amounts) | st.builds(ByNet, amounts)
charges = st.builds(
    Charges, fees, st.just(Decimal(0)) | rates, st.just(Decimal(0)) | rates, st.just(Decimal(0)) | units
)  # fmt: skip
holdings = st.builds(Holding, units, st.just(Decimal(0)) | units)


def conserves(found: Priced, charged: Charges) -> None:
    """Its parts add up, at their decimals, none is negative, and none is charged that has no rate."""
    parts = found.amounts
    assert charged.fee or not parts.fee
    assert charged.levy_rate or not parts.levy
    short_held = max(Fraction(parts.gross) - Fraction(charged.free_units) * Fraction(found.price), Fraction(0))
    assert parts.redemption_fee <= short_held * Fraction(charged.redemption_fee_rate) + Fraction(3, 100)
    assert charged.redemption_fee_rate or not parts.redemption_fee
    split = [parts.net, parts.fee, parts.levy, parts.redemption_fee]
    assert min(*split, parts.gross, parts.fund, found.units) >= 0
    assert sum(map(Fraction, split)) == Fraction(parts.gross)
    assert all(has_decimals(part, 2) for part in split)
    assert has_decimals(found.units, 4)
    assert Fraction(found.value) == Fraction(found.units) * Fraction(found.price)


@settings(deadline=None)
@given(quantities, classes, prices, charges)
def test_o5_a_subscription_conserves_money_and_its_residual_is_less_than_a_step(
    quantity: ByUnits | ByGross | ByNet, share_class: ShareClassTerms, price: Decimal, charged: Charges
) -> None:
    entry = Charges(charged.fee, charged.levy_rate)
    found = price_subscription(quantity, share_class, Prices(price), entry)
    if isinstance(found, Refusal):
        return
    conserves(found, entry)
    assert found.amounts.gross == found.amounts.fund + found.amounts.fee
    match quantity:
        case ByUnits(asked):
            assert (found.units, found.residual) == (asked, None)
        case ByGross(asked):
            assert found.amounts.gross == asked
        case ByNet(asked):
            assert found.amounts.net == asked
    if found.residual is not None:
        assert 0 <= Fraction(found.residual) < Fraction(price) / 10_000
        assert Fraction(found.residual) == Fraction(found.amounts.net) - Fraction(found.value)


@settings(deadline=None)
@given(quantities | st.just(AllUnits()), classes, prices, charges, holdings)
def test_o5_a_redemption_conserves_money_and_units(
    quantity: Quantity, share_class: ShareClassTerms, price: Decimal, charged: Charges, holding: Holding
) -> None:
    found = price_redemption(quantity, share_class, Prices(price), charged, holding)
    if isinstance(found, Refusal):
        return
    conserves(found, charged)
    assert found.units_left is not None
    assert found.units_left >= holding.blocked
    assert found.units + found.units_left == holding.free + holding.blocked
    assert found.amounts.fund == found.amounts.net + found.amounts.fee
    if found.quantity == quantity and isinstance(quantity, ByNet):
        assert found.amounts.net == quantity.amount
    if found.residual is not None:
        assert 0 <= Fraction(found.residual) < Fraction(price) / 10_000
        assert Fraction(found.residual) == Fraction(found.value) - Fraction(found.amounts.gross)


@settings(deadline=None)
@given(classes, prices, charges, st.lists(amounts, min_size=2, max_size=2).map(sorted))
def test_o5_more_money_never_buys_fewer_units_nor_frees_more_of_a_holding(
    share_class: ShareClassTerms, price: Decimal, charged: Charges, asked: list[Decimal]
) -> None:
    entry = Charges(charged.fee, charged.levy_rate)
    for kind in (ByGross, ByNet):
        less, more = (price_subscription(kind(amount), share_class, Prices(price), entry) for amount in asked)
        if isinstance(less, Priced) and isinstance(more, Priced):
            assert less.units <= more.units
            assert less.amounts.fee <= more.amounts.fee or charged.fee is None
        fewer, further = (redeemed(kind(amount), share_class, Prices(price), charged) for amount in asked)
        assert fewer.units <= further.units


@settings(deadline=None)
@given(quantities, classes, prices, charges, st.integers(1, 60))
def test_the_callers_decimal_context_changes_nothing(
    quantity: ByUnits | ByGross | ByNet, share_class: ShareClassTerms, price: Decimal, charged: Charges, digits: int
) -> None:
    usual = redeemed(quantity, share_class, Prices(price), charged)
    with localcontext() as context:
        context.prec = digits
        assert redeemed(quantity, share_class, Prices(price), charged) == usual
