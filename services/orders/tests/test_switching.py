"""Every value of golden G3, both directions, one currency, and a gated out leg (TA-O-1)."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.kernel.errors import InvalidValue
from libs.kernel.exchange import ExchangeRate
from libs.messages.fund_values import LiquidityTools
from services.orders.domain.charges import Charges, switch_charges
from services.orders.domain.pricing import ByUnits, Holding, Prices, Reason, Refusal, price_redemption
from services.orders.domain.switching import InLeg, OutLeg, Switched, invest, price_switch
from services.orders.tests.examples import EUR_USD, b_usd, nav, priced, quantity, refused, terms

A = terms(switch_fee={"rate": "0.005", "base": "gross"}, exit_fee={"rate": "0.02", "base": "gross"})
CHARGES = switch_charges(A, LiquidityTools(), levied=False, free_units=Decimal(0))
OUT = OutLeg(quantity("units 100.0000"), A, nav("141.2050"), CHARGES, Holding(Decimal(250)))
INTO = InLeg(b_usd(entry_fee={"rate": "0.03", "base": "gross"}), nav("98.7654"))


def switched(outcome: Switched | Refusal) -> Switched:
    assert isinstance(outcome, Switched), outcome
    return outcome


def test_g3_o1_every_step_of_a_switch_between_currencies() -> None:
    found = switched(price_switch(OUT, INTO, EUR_USD))
    out, invested = found.out.amounts, found.invested
    assert [str(each) for each in (out.gross, out.fee, out.net)] == ["14120.50", "70.60", "14049.90"]
    assert found.out.value * A.switch_fee.rate == Decimal("70.6025")  # type: ignore[union-attr]
    assert invested.converted_raw == Decimal("15225.87663")
    assert (str(invested.converted.amount), invested.converted.currency) == ("15225.88", "USD")
    assert [str(each) for each in (invested.leg.units_raw, invested.leg.units)] == ["154.16208510", "154.162"]
    assert invested.leg.residual == Decimal("0.0084052")
    assert [found.out.units_left, found.units_not_executed] == [150, 0]
    # Postings: each currency sums to zero.
    assert out.gross == out.fee + out.net
    assert invested.leg.amounts.fund == invested.leg.amounts.gross == invested.converted.amount


def test_g3_the_opposite_direction_divides_by_the_offer() -> None:
    usd = priced(price_redemption(ByUnits(Decimal("154.162")), b_usd(), nav("98.7654"), Charges(), OUT.holding))
    paid = replace(usd, amounts=replace(usd.amounts, net=Decimal("15225.88")))
    back = invest(paid, InLeg(terms(), nav("141.2050")), EUR_USD)
    assert not isinstance(back, Refusal)
    assert (str(back.converted.amount), back.converted.currency) == ("14042.13", "EUR")
    assert str(back.leg.units) == "99.4449"


def test_g4_a_switch_inside_a_swinging_sub_fund() -> None:
    rate = ExchangeRate.middle("EUR", "USD", Decimal("1.0837"))
    out = OutLeg(
        quantity("units 500.0000"), terms(), Prices(Decimal("137.9091"), swung=True), Charges(), Holding(Decimal(500))
    )
    found = switched(price_switch(out, InLeg(b_usd(), Prices(Decimal("113.3955"), swung=True)), rate))
    assert str(found.out.amounts.net) == "68954.55"
    assert [str(found.invested.converted.amount), str(found.invested.leg.units)] == ["74726.05", "658.986"]


def test_o1_a_switch_in_one_currency_exchanges_nothing() -> None:
    found = switched(price_switch(OUT, InLeg(terms(), nav("98.7654"))))
    assert found.invested.converted_raw is None
    assert str(found.invested.converted.amount) == "14049.90"
    assert str(found.invested.leg.units) == "142.2552"


def test_o1_only_what_the_gate_executed_goes_on() -> None:
    found = switched(price_switch(OUT, INTO, EUR_USD, executed=Decimal("66.0923")))
    assert found.units_not_executed == Decimal("33.9077")
    amounts = found.out.amounts
    assert [str(each) for each in (amounts.gross, amounts.fee, amounts.net)] == ["9332.56", "46.66", "9285.90"]
    assert str(found.invested.converted.amount) == "10063.13"
    assert str(found.invested.leg.units) == "101.889"


def test_o1_the_in_leg_bears_its_own_levy_and_no_entry_fee() -> None:
    into = replace(INTO, levy_rate=Decimal("0.005"))
    leg = switched(price_switch(OUT, into, EUR_USD)).invested.leg.amounts
    assert [leg.fee, leg.levy, leg.net] == [0, Decimal("75.75"), Decimal("15150.13")]
    assert leg.fund == leg.net + leg.levy == Decimal("15225.88")


def test_o1_a_switch_is_refused_as_one() -> None:
    no_units = replace(OUT, quantity=quantity("units 251"))
    assert refused(price_switch(no_units, INTO, EUR_USD)).reason is Reason.HOLDING_TOO_SMALL
    dear = replace(INTO, prices=nav("99999999"))
    assert refused(price_switch(OUT, dear, EUR_USD)).reason is Reason.BUYS_NO_UNIT


@pytest.mark.parametrize(
    ("into", "rate"),
    [
        (INTO, None),
        (InLeg(terms(), nav("98.7654")), EUR_USD),
        (INTO, ExchangeRate.middle("EUR", "GBP", Decimal("0.86"))),
        (INTO, ExchangeRate.middle("GBP", "USD", Decimal("1.26"))),
    ],
)
def test_a_rate_missing_one_too_many_or_of_other_currencies_is_named(into: InLeg, rate: ExchangeRate | None) -> None:
    with pytest.raises(InvalidValue, match="rate of"):
        price_switch(OUT, into, rate)


@pytest.mark.parametrize("executed", ["0", "-1", "100.0001"])
def test_a_gate_lets_through_some_of_what_was_asked_for_and_no_more(executed: str) -> None:
    with pytest.raises(InvalidValue):
        price_switch(OUT, INTO, EUR_USD, executed=Decimal(executed))


@settings(deadline=None)
@given(st.integers(1, 10**12), st.integers(1, 2_500_000))
def test_o1_what_goes_in_is_what_came_out_whatever_part_was_executed(price: int, part: int) -> None:
    out = replace(OUT, quantity=quantity("units 250"), prices=Prices(Decimal(price).scaleb(-4)))
    found = price_switch(out, InLeg(terms(), nav("0.0007")), executed=Decimal(part).scaleb(-4))
    if isinstance(found, Refusal):
        assert found.reason is Reason.QUANTITY
        return
    assert found.invested.leg.amounts.fund + found.out.amounts.fee == found.out.amounts.gross
    assert found.out.units + found.units_not_executed == 250
