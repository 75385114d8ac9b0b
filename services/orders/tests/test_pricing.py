"""Every value of golden G1 and G2, and the refusals of pricing (TA-O-4, TA-O-5)."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from libs.kernel.errors import InvalidValue
from libs.kernel.money import Rounding, rounded
from services.orders.domain.charges import Charges
from services.orders.domain.pricing import Prices, Reason, Side, dealing_price, price_subscription
from services.orders.tests.examples import fee, priced, quantity, redeem, refused, subscribe, terms

# base, order, net invested, fee, payable, units raw, units, units × NAV, residual, the raw figure of the split
G1 = {
    "a": "gross|gross 10000.00|9700.00|300.00|10000.00|70.58236270|70.5823|9699.99138263|0.00861737|300",
    "b": "net|gross 10000.00|9708.74|291.26|10000.00|70.64595959|70.6459|9708.73180979|0.00819021|9708.737864",
    "c": "net|net 10000.00|10000.00|300.00|10300.00|72.76532237|72.7653|9999.99692493|0.00307507|300",
    "d": "gross|net 10000.00|10000.00|309.28|10309.28|72.76532237|72.7653|9999.99692493|0.00307507|10309.278350",
    "e": "net|units 70.0000|9619.97|288.60|9908.57|–|70.0000|9619.967|–|288.5991",
    "f": "gross|units 70.0000|9619.97|297.52|9917.49|–|70.0000|9619.967|–|9917.494845",
}
HELD = {"free": "70.5823", "minimum_holding": "500.00"}
EXIT = Charges(fee("0.01", "gross"))


def text_of(value: Decimal | None) -> str:
    """The number as golden.md writes it; – where it has none."""
    return "–" if value is None else str(value)


@pytest.mark.parametrize("case", G1)
def test_g1_o5_a_subscription_is_priced_to_the_last_digit(case: str) -> None:
    base, asked, net, charged, payable, raw, units, value, residual, split = G1[case].split("|")
    found = priced(subscribe(asked, "137.4281", Charges(fee("0.03", base))))
    amounts = found.amounts
    assert [str(each) for each in (amounts.net, amounts.fee, amounts.gross)] == [net, charged, payable]
    assert [text_of(found.units_raw), str(found.units)] == [raw, units]
    assert found.value == Decimal(value)
    assert residual == text_of(found.residual)
    assert str(rounded(amounts.raw, 6, Rounding.DOWN)).startswith(split)
    # Postings: the investor owes what the fund and the fee's receiver get.
    assert amounts.fund == amounts.net
    assert amounts.gross == amounts.fund + amounts.fee


# order, units raw, units cancelled, units × NAV, gross, fee, paid, residual, units left
G2 = {
    "a": "units 25.0000|–|25.0000|3530.125|3530.13|35.30|3494.83|–|45.5823",
    "b": "gross 4000.00|28.32760879|28.3277|4000.0128785|4000.00|40.00|3960.00|0.01287850|42.2546",
    "c": "net 4000.00|28.61371764|28.6138|4040.411629|4040.40|40.40|4000.00|0.01162900|41.9685",
    "d": "all|–|70.5823|9966.5736715|9966.57|99.67|9866.90|–|0.0000",
}


@pytest.mark.parametrize("case", G2)
def test_g2_o5_a_redemption_is_priced_to_the_last_digit(case: str) -> None:
    asked, raw, units, value, gross, charged, paid, residual, left = G2[case].split("|")
    found = priced(redeem(asked, "141.2050", EXIT, **HELD))
    assert [text_of(found.units_raw), str(found.units)] == [raw, units]
    assert found.value == Decimal(value)
    amounts = found.amounts
    assert [str(each) for each in (amounts.gross, amounts.fee, amounts.net)] == [gross, charged, paid]
    assert text_of(found.residual) == residual
    assert found.units_left == Decimal(left)
    assert amounts.fund == amounts.gross == amounts.net + amounts.fee


def test_g2_e_a_rest_below_the_minimum_is_refused_or_everything_is_redeemed() -> None:
    found = refused(redeem("gross 9950.00", "141.2050", EXIT, **HELD))
    assert (found.reason, found.iso_code) == (Reason.REST_BELOW_MINIMUM, "BMRV")
    assert (found.found, found.limit) == (Decimal("16.5633465"), Decimal(500))
    alone = priced(redeem("gross 9950.00", "141.2050", EXIT, free="70.5823"))
    assert [str(each) for each in (alone.units_raw, alone.units)] == ["70.46492687", "70.4650"]
    assert alone.units_left == Decimal("0.1173")
    everything = redeem("gross 9950.00", "141.2050", EXIT, below_minimum_holding="redeem_all", **HELD)
    assert everything == redeem("all", "141.2050", EXIT, below_minimum_holding="redeem_all", **HELD)


def test_g2_f_more_than_the_free_units_is_refused() -> None:
    found = refused(redeem("gross 9970.00", "141.2050", EXIT, **HELD))
    assert (found.reason, found.iso_code) == (Reason.HOLDING_TOO_SMALL, "DQUA")
    assert (found.found, found.limit) == (Decimal("70.6066"), Decimal("70.5823"))
    alone = priced(redeem("gross 9970.00", "141.2050", EXIT))
    assert str(alone.units_raw) == "70.60656492"


def test_g4_orders_deal_at_the_swung_nav() -> None:
    swung = Prices(Decimal("137.9091"), swung=True)
    bought = priced(price_subscription(quantity("net 1188000.00"), terms(), swung, Charges()))  # type: ignore[arg-type]
    unswung = priced(subscribe("net 1188000.00", "137.4281"))
    assert [str(bought.units), str(unswung.units)] == ["8614.3699", "8644.5202"]
    assert str(priced(redeem("units 2000.0000", "137.9091")).amounts.net) == "275818.20"
    usd: dict[str, Any] = {"currency": "USD", "unit_decimals": 3}
    assert str(priced(redeem("units 1000.000", "113.3955", **usd)).amounts.net) == "113395.50"
    assert str(priced(subscribe("gross 150000.00", "113.3955", **usd)).units) == "1322.803"


# --- Minimums and the rest


def test_o4_what_buys_units_reaches_the_minimum_exactly_or_is_refused() -> None:
    three = Charges(fee("0.03", "gross"))
    assert priced(subscribe("gross 1000.00", "100", three, minimum="970.00")).amounts.net == 970
    found = refused(subscribe("gross 1000.00", "100", three, minimum="970.01"))
    assert (found.reason, found.iso_code, found.found) == (Reason.BELOW_MINIMUM, "BMIN", Decimal("970.00"))


def test_o5_a_rest_of_exactly_the_minimum_passes_and_is_compared_unrounded() -> None:
    assert priced(redeem("units 5", "100", free="10", minimum_holding="500")).units_left == 5
    assert refused(redeem("units 5", "99.9999", free="10", minimum_holding="500")).found == Decimal("499.9995")


def test_o5_blocked_units_count_in_the_rest() -> None:
    assert priced(redeem("units 9", "100", free="10", blocked="4", minimum_holding="500")).units_left == 5
    assert refused(redeem("units 9", "100", free="10", blocked="3.9999", minimum_holding="500")).limit == 500


def test_o5_whoever_takes_all_free_units_passes_though_blocked_ones_are_worth_too_little() -> None:
    for asked in ("all", "units 10", "gross 1000"):
        assert priced(redeem(asked, "100", free="10", blocked="1", minimum_holding="500")).units_left == 1


def test_o5_all_of_nothing_is_refused() -> None:
    assert refused(redeem("all", free="0", blocked="10")).reason is Reason.HOLDING_TOO_SMALL


# --- Prices


def test_f1_subscribers_pay_the_offer_and_redeemers_get_the_bid() -> None:
    dual, prices = terms(price_type="bid_and_offer"), Prices(Decimal(100), Decimal(99), Decimal("101.5"))
    assert dealing_price(Side.SUBSCRIPTION, dual, prices) == Decimal("101.5")
    assert dealing_price(Side.REDEMPTION, dual, prices) == Decimal(99)
    assert dealing_price(Side.REDEMPTION, terms(), prices) == Decimal(100)


@pytest.mark.parametrize("price", ["0", "-1", "NaN", "Infinity", "100.00001"])
def test_a_nav_of_zero_or_less_or_too_fine_prices_nothing(price: str) -> None:
    with pytest.raises(InvalidValue):
        subscribe("gross 100", price)
    with pytest.raises(InvalidValue):
        redeem("all", price)


@pytest.mark.parametrize("prices", [Prices(Decimal(100)), Prices(Decimal(100), Decimal(2), Decimal(1))])
def test_a_class_with_two_prices_needs_both_the_right_way_round(prices: Prices) -> None:
    with pytest.raises(InvalidValue):
        dealing_price(Side.SUBSCRIPTION, terms(price_type="bid_and_offer"), prices)


# --- Quantities that can never be right


@pytest.mark.parametrize(
    "asked",
    ["units 0", "units -1", "units 0.00001", "units NaN", "units 1E+31", "units 1E+999999", "gross 0", "net -0.01",
     "gross 0.001", "gross Infinity", "gross 1000000000000000000000000000000.01"],
)  # fmt: skip
def test_o4_a_quantity_that_is_not_positive_too_fine_or_absurd_is_refused_by_name(asked: str) -> None:
    for outcome in (subscribe(asked), redeem(asked)):
        assert (refused(outcome).reason, refused(outcome).iso_code) == (Reason.QUANTITY, "DQUA")


def test_o4_an_amount_has_its_currencys_decimals() -> None:
    assert refused(subscribe("gross 100.5", currency="JPY")).reason is Reason.QUANTITY
    assert priced(subscribe("gross 100.555", currency="KWD")).amounts.gross == Decimal("100.555")


def test_o4_an_amount_that_buys_no_unit_is_refused() -> None:
    for asked in ("gross 0.01", "net 0.01", "units 0.0001"):
        assert refused(subscribe(asked, "1.0000" if asked.startswith("units") else "500")).reason is Reason.BUYS_NO_UNIT


def test_o5_ten_to_the_thirty_units_are_priced_exactly() -> None:
    eight_decimals: dict[str, Any] = {"unit_decimals": 8, "price_decimals": 8}
    found = priced(subscribe("units 1E+30", "137.42819999", **eight_decimals))
    assert str(found.amounts.gross) == "137428199990000000000000000000000.00"
    units, price = "999999999999999999999999999999.99999999", "137.42819999"
    odd = priced(redeem(f"units {units}", price, free="1E+30", **eight_decimals))
    assert Fraction(odd.value) == Fraction(units) * Fraction(price)
    assert odd.units_left == Decimal("0.00000001")
