"""A fee is a part of a gross or of a net amount, and the two always differ by it (golden G1, G2)."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.kernel.errors import InvalidValue
from libs.kernel.fees import fee_on_top, fee_out_of
from libs.kernel.money import has_decimals

cents = st.integers(0, 10**32).map(lambda count: Decimal(count).scaleb(-2))
rates = st.decimals(0, "0.999999", places=6)


def texts(*amounts: Decimal) -> list[str]:
    return [str(amount) for amount in amounts]


@pytest.mark.parametrize(
    ("of_gross", "gross", "net", "fee"),
    [(True, "10000.00", "9700.00", "300.00"), (False, "10000.00", "9708.74", "291.26")],
)
def test_g1_a_fee_is_taken_out_of_gross(of_gross: bool, gross: str, net: str, fee: str) -> None:
    split = fee_out_of(Decimal(gross), Decimal("0.03"), of_gross=of_gross, decimals=2)
    assert texts(split.gross, split.net, split.fee) == [gross, net, fee]


@pytest.mark.parametrize(
    ("of_gross", "net", "fee", "gross"),
    [
        (False, "10000.00", "300.00", "10300.00"),
        (True, "10000.00", "309.28", "10309.28"),
        (False, "9619.97", "288.60", "9908.57"),
        (True, "9619.97", "297.52", "9917.49"),
    ],
)
def test_g1_a_fee_is_put_on_net(of_gross: bool, net: str, fee: str, gross: str) -> None:
    split = fee_on_top(Decimal(net), Decimal("0.03"), of_gross=of_gross, decimals=2)
    assert texts(split.net, split.fee, split.gross) == [net, fee, gross]


@settings(deadline=None)
@given(cents, rates, st.booleans())
def test_gross_is_net_and_fee_and_none_of_them_negative(amount: Decimal, rate: Decimal, of_gross: bool) -> None:
    for split in (
        fee_out_of(amount, rate, of_gross=of_gross, decimals=2),
        fee_on_top(amount, rate, of_gross=of_gross, decimals=2),
    ):
        assert min(split.gross, split.net, split.fee) >= 0
        assert Fraction(split.gross) == Fraction(split.net) + Fraction(split.fee)
        assert all(has_decimals(part, 2) for part in (split.gross, split.net, split.fee))


@pytest.mark.parametrize("rate", ["-0.01", "1", "1.5"])
def test_a_rate_leaves_something(rate: str) -> None:
    for split in (fee_out_of, fee_on_top):
        with pytest.raises(InvalidValue):
            split(Decimal(1), Decimal(rate), of_gross=True, decimals=2)
