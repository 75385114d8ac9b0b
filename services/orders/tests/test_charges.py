"""Levy and redemption fee stay in the fund; swing and levy never meet (TA-F-3, TA-O-5)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from libs.kernel.errors import InvalidValue
from libs.messages.fund_values import LiquidityTools
from services.orders.domain.charges import Charges, entry_charges, exit_charges, switch_charges
from services.orders.domain.pricing import AllUnits, Holding, Prices, price_redemption, price_subscription
from services.orders.tests.examples import fee, priced, quantity, redeem, subscribe, terms

LEVY = Decimal("0.005")
TOOLS = LiquidityTools.model_validate(
    {
        "levy": {"subscription_rate": "0.002", "redemption_rate": "0.005"},
        "redemption_fee": {"rate": "0.01", "held_up_to_days": 90},
    }
)


def split(outcome: Any) -> list[str]:
    """Gross, fee, levy, redemption fee, net, and what enters or leaves the fund."""
    found = priced(outcome).amounts
    parts = (found.gross, found.fee, found.levy, found.redemption_fee, found.net, found.fund)
    return [f"{part:.2f}" for part in parts]


@pytest.mark.parametrize(
    ("asked", "base", "parts"),
    [
        ("gross 10000.00", "gross", "10000.00 300.00 48.26 0.00 9651.74 9700.00"),
        ("gross 10000.00", "net", "10000.00 291.26 48.30 0.00 9660.44 9708.74"),
        ("net 10000.00", "net", "10351.50 301.50 50.00 0.00 10000.00 10050.00"),
        ("net 10000.00", "gross", "10360.82 310.82 50.00 0.00 10000.00 10050.00"),
        ("units 100", "gross", "10360.82 310.82 50.00 0.00 10000.00 10050.00"),
    ],
)
def test_f3_a_subscribers_levy_buys_no_units_and_goes_to_the_fund(asked: str, base: str, parts: str) -> None:
    outcome = subscribe(asked, "100", Charges(fee("0.03", base), LEVY))
    assert split(outcome) == parts.split()
    assert priced(outcome).value <= priced(outcome).amounts.net


@pytest.mark.parametrize(
    ("asked", "base", "free_units", "parts"),
    [
        ("units 100", "gross", "0", "10000.00 100.00 50.00 100.00 9750.00 9850.00"),
        ("units 100", "net", "0", "10000.00 97.52 50.00 100.00 9752.48 9850.00"),
        ("units 100", "gross", "60", "10000.00 100.00 50.00 40.00 9810.00 9910.00"),
        ("units 100", "gross", "100", "10000.00 100.00 50.00 0.00 9850.00 9950.00"),
        ("net 9750.00", "gross", "0", "10000.00 100.00 50.00 100.00 9750.00 9850.00"),
        ("net 9810.00", "gross", "60", "10000.00 100.00 50.00 40.00 9810.00 9910.00"),
        ("net 9850.00", "gross", "100", "10000.00 100.00 50.00 0.00 9850.00 9950.00"),
        ("net 9850.00", "gross", "150", "10000.00 100.00 50.00 0.00 9850.00 9950.00"),
        ("net 9752.48", "net", "0", "10000.00 97.52 50.00 100.00 9752.48 9850.00"),
        ("gross 10000.00", "gross", "60", "10000.00 100.00 50.00 40.00 9810.00 9910.00"),
    ],
)
def test_f3_a_redeemers_levy_and_redemption_fee_stay_in_the_fund(
    asked: str, base: str, free_units: str, parts: str
) -> None:
    charges = Charges(fee("0.01", base), LEVY, Decimal("0.01"), Decimal(free_units))
    assert split(redeem(asked, "100", charges)) == parts.split()


def test_o5_a_net_amount_pays_exactly_that_though_roundings_of_its_charges_meet() -> None:
    """Half a cent of levy and of redemption fee round up to the cent that gross has more than net."""
    charges = Charges(fee("0.0001", "gross"), LEVY, LEVY)
    assert split(redeem("net 0.99", "1", charges)) == "1.00 0.00 0.01 0.00 0.99 0.99".split()


def test_f3_without_a_fee_the_last_charge_is_what_is_left() -> None:
    assert split(redeem("net 100.00", "1", Charges())) == "100.00 0.00 0.00 0.00 100.00 100.00".split()
    assert split(redeem("net 100.00", "1", Charges(levy_rate=LEVY))) == "100.50 0.00 0.50 0.00 100.00 100.00".split()
    only_fee = Charges(redemption_fee_rate=LEVY)
    assert split(redeem("net 100.00", "1", only_fee)) == "100.50 0.00 0.00 0.50 100.00 100.00".split()


def test_f3_charges_come_from_the_class_and_the_tools_of_its_sub_fund() -> None:
    share_class = terms(
        entry_fee={"rate": "0.03", "base": "net"},
        exit_fee={"rate": "0.01", "base": "gross"},
        switch_fee={"rate": "0.004", "base": "gross"},
    )
    young = Decimal(7)
    levied = exit_charges(share_class, TOOLS, levied=True, free_units=young)
    assert levied == Charges(fee("0.01", "gross"), LEVY, Decimal("0.01"), young)
    assert switch_charges(share_class, TOOLS, levied=False, free_units=young).levy_rate == 0
    assert switch_charges(share_class, TOOLS, levied=False, free_units=young).fee == share_class.switch_fee
    assert entry_charges(share_class, TOOLS, levied=True) == Charges(fee("0.03", "net"), Decimal("0.002"))
    assert entry_charges(share_class, LiquidityTools(), levied=True) == Charges(fee("0.03", "net"))
    for_ever = LiquidityTools.model_validate({"redemption_fee": {"rate": "0.01"}})
    assert exit_charges(share_class, for_ever, levied=True, free_units=young).free_units == 0


def test_f3_a_levy_on_top_of_a_swung_nav_is_an_error() -> None:
    swung, levied = Prices(Decimal(100), swung=True), Charges(levy_rate=LEVY)
    with pytest.raises(InvalidValue, match="never apply together"):
        price_redemption(AllUnits(), terms(), swung, levied, Holding(Decimal(1)))
    with pytest.raises(InvalidValue, match="never apply together"):
        price_subscription(quantity("net 100"), terms(), swung, levied)  # type: ignore[arg-type]


def test_charges_leave_something() -> None:
    with pytest.raises(InvalidValue, match="take all"):
        Charges(fee("0.5", "gross"), Decimal("0.3"), Decimal("0.2"))
