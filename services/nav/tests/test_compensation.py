"""Every value of golden G6: who pays whom after an error of the NAV (TA-N-5)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from libs.kernel.errors import InvalidValue
from libs.kernel.ids import named_id
from libs.kernel.money import Rounding, ratio, rounded
from services.nav.domain.compensation import (
    Claim,
    Compensation,
    Deal,
    Payer,
    WrongDay,
    compensate,
    in_units,
    is_material,
    nav_error,
    tolerance_of,
)

ONE_PERCENT = Decimal("0.01")
D1, D2, D3 = date(2026, 11, 23), date(2026, 11, 24), date(2026, 11, 25)
WRONG = {
    D1: WrongDay(Decimal("103.4512"), Decimal("101.8746")),
    D2: WrongDay(Decimal("104.2000"), Decimal("102.9500")),
    D3: WrongDay(Decimal("98.0000"), Decimal("99.2500")),
}


def deal(order: str, side: Any, day: date, units: str, account: str | None = None, minute: int = 0) -> Deal:
    """An order of an account, which is called like the order where no other name is given."""
    received = datetime(day.year, day.month, day.day, 9, tzinfo=UTC) + timedelta(minutes=minute)
    owner = named_id("account", account or order)
    return Deal(named_id("order", order), owner, side, day, received, Decimal(units))


S1 = deal("S1", "subscription", D1, "241.6598")
R1 = deal("R1", "redemption", D1, "150.0000")
X1 = deal("X1", "subscription", D1, "96.6639", "X")
X2 = deal("X2", "redemption", D2, "96.6639", "X")
S2 = deal("S2", "subscription", D3, "408.1632")
R2 = deal("R2", "redemption", D3, "75.5000")


def compensated(*deals: Deal, de_minimis: str = "0", days: dict[date, WrongDay] = WRONG) -> Compensation:
    return compensate(days, deals, currency="EUR", tolerance=ONE_PERCENT, de_minimis=Decimal(de_minimis))


def claim_of(found: Compensation, *orders: str) -> Claim:
    """The claim that is traced to exactly these orders."""
    wanted = {named_id("order", order) for order in orders}
    (claim,) = (claim for claim in found.claims if {part.order for part in claim.parts} == wanted)
    return claim


def text_of(claim: Claim) -> str:
    return f"{claim.payer} {claim.amount}{' kept' if claim.is_kept else ''}"


@pytest.mark.parametrize(
    ("published", "correct", "percent"),
    [
        ("103.4512", "101.8746", "1.54758889"),
        ("104.2000", "102.9500", "1.21418164"),
        ("98.0000", "99.2500", "-1.25944584"),
    ],
)
def test_g6_n5_the_error_is_a_part_of_the_correct_price(published: str, correct: str, percent: str) -> None:
    error = nav_error(Decimal(published), Decimal(correct))
    assert rounded(error * 100, 8, Rounding.DOWN) == Decimal(percent)


@pytest.mark.parametrize(
    ("published", "material"), [("101.0000", True), ("99.0000", True), ("100.9999", False), ("99.0001", False)]
)
def test_g6_n5_an_error_that_reaches_the_tolerance_is_material(published: str, material: bool) -> None:
    assert is_material(Decimal(published), Decimal("100.0000"), ONE_PERCENT) is material


@pytest.mark.parametrize(
    ("order", "raw", "amount"),
    [
        (S1, "381.00084068", "381.00"),
        (R1, "-236.49", "-236.49"),
        (X1, "152.40030474", "152.40"),
        (X2, "-120.829875", "-120.83"),
        (S2, "-510.204", "-510.20"),
        (R2, "94.375", "94.38"),
    ],
)
def test_g6_n5_what_each_order_lost_or_gained(order: Deal, raw: str, amount: str) -> None:
    (effect,) = compensated(order).effects
    assert effect.raw == Decimal(raw)
    assert str(effect.amount) == amount


@pytest.mark.parametrize(
    ("order", "price", "dealt"),
    [
        (R1, WRONG[D1].published, "15517.68"),
        (R1, WRONG[D1].correct, "15281.19"),
        (X2, WRONG[D2].published, "10072.38"),
        (R2, WRONG[D3].published, "7399.00"),
        (R2, WRONG[D3].correct, "7493.38"),
    ],
)
def test_g6_the_amounts_dealt_are_those_of_the_table(order: Deal, price: Decimal, dealt: str) -> None:
    assert str(rounded(order.units * price, 2, Rounding.HALF_UP)) == dealt


@pytest.mark.parametrize(("order", "amount", "day"), [(S1, "25000.00", D1), (X1, "10000.00", D1), (S2, "40000.00", D3)])
def test_g6_the_units_dealt_are_those_of_the_table(order: Deal, amount: str, day: date) -> None:
    assert rounded(ratio(Decimal(amount), WRONG[day].published), 4, Rounding.DOWN) == order.units


def test_g6_n5_who_pays_whom_after_an_overstated_nav() -> None:
    found = compensated(S1, R1, X1, X2)
    assert text_of(claim_of(found, "S1")) == "fund 381.00"
    assert text_of(claim_of(found, "R1")) == "party_at_fault 236.49"
    assert text_of(claim_of(found, "X1", "X2")) == "fund 31.57"
    assert [str(part.amount) for part in claim_of(found, "X1", "X2").parts] == ["152.40", "-120.83"]
    fund = found.fund
    assert [str(each) for each in (fund.excess_in, fund.excess_out)] == ["533.40", "357.32"]
    assert [str(each) for each in (fund.paid, fund.received, fund.kept)] == ["412.57", "236.49", "0"]
    assert fund.excess_in - fund.excess_out - fund.paid + fund.received == 0


def test_g6_n5_who_pays_whom_after_an_understated_nav() -> None:
    found = compensated(S2, R2)
    assert text_of(claim_of(found, "S2")) == "party_at_fault 510.20"
    assert text_of(claim_of(found, "R2")) == "fund 94.38"


@pytest.mark.parametrize(
    ("de_minimis", "of_x", "of_r1", "paid", "kept"),
    [
        ("50.00", "fund 31.57 kept", "party_at_fault 236.49", "381.00", "31.57"),
        ("31.57", "fund 31.57", "party_at_fault 236.49", "412.57", "0"),
        ("1000.00", "fund 31.57 kept", "party_at_fault 236.49", "0", "412.57"),
    ],
)
def test_g6_n5_the_de_minimis_keeps_small_payments_in_the_fund_never_what_it_is_owed(
    de_minimis: str, of_x: str, of_r1: str, paid: str, kept: str
) -> None:
    found = compensated(S1, R1, X1, X2, de_minimis=de_minimis)
    assert [text_of(claim_of(found, "X1", "X2")), text_of(claim_of(found, "R1"))] == [of_x, of_r1]
    assert [str(found.fund.paid), str(found.fund.kept)] == [paid, kept]


def test_n5_the_de_minimis_is_held_against_all_that_an_account_is_owed() -> None:
    halves = [deal(name, "subscription", D1, "20.0000", "Y", minute) for minute, name in enumerate(["Y1", "Y2"])]
    assert [text_of(claim) for claim in compensated(*halves, de_minimis="63.06").claims] == ["fund 31.53"] * 2
    assert [text_of(claim) for claim in compensated(*halves, de_minimis="63.07").claims] == ["fund 31.53 kept"] * 2


def test_g6_n5_a_net_gain_of_a_round_trip_is_paid_to_the_fund_by_the_party_at_fault() -> None:
    more = {**WRONG, D2: WrongDay(Decimal("106.0000"), Decimal("102.9500"))}
    found = compensated(X1, X2, days=more)
    assert text_of(claim_of(found, "X1", "X2")) == "party_at_fault 142.42"


def test_g6_n5_a_round_trip_is_matched_first_in_first_out_and_the_rest_stands_alone() -> None:
    first = deal("first", "subscription", D1, "10.0000", "Y")
    second = deal("second", "subscription", D1, "10.0000", "Y", 1)
    out = deal("out", "redemption", D2, "15.0000", "Y")
    found = compensated(out, second, first)
    trip = claim_of(found, "first", "second", "out")
    assert [str(part.units) for part in trip.parts] == ["10.0000", "5.0000", "15.0000"]
    assert [str(part.amount) for part in trip.parts] == ["15.77", "7.89", "-18.75"]
    assert text_of(trip) == "fund 4.91"
    assert text_of(claim_of(found, "second")) == "fund 7.88"
    too_much = compensated(first, deal("out", "redemption", D2, "15.0000", "Y"))
    assert text_of(claim_of(too_much, "first", "out")) == "fund 3.27"
    assert text_of(claim_of(too_much, "out")) == "party_at_fault 6.25"


def test_n5_units_of_one_day_are_not_redeemed_on_it() -> None:
    found = compensated(X1, deal("X3", "redemption", D1, "96.6639", "X", 5))
    assert [text_of(claim_of(found, order)) for order in ("X1", "X3")] == ["fund 152.40", "party_at_fault 152.40"]


def test_n5_days_that_are_not_material_count_for_nothing() -> None:
    small = {**WRONG, D2: WrongDay(Decimal("103.0000"), Decimal("102.9500"))}
    found = compensated(X1, X2, days=small)
    assert [text_of(claim) for claim in found.claims] == ["fund 152.40"]


def test_g6_n5_a_compensation_in_units_instead_of_cash() -> None:
    units, residual = in_units(Decimal("381.00"), WRONG[D1].correct, 4)
    assert str(units) == "3.7398"
    assert residual == Decimal("381.00") - Decimal("3.7398") * Decimal("101.8746")
    assert 0 <= residual < Decimal("101.8746") / 10_000


@pytest.mark.parametrize(
    ("kind", "options", "tolerance"),
    [
        ("money_market", {}, "0.0020"),
        ("bond", {}, "0.0050"),
        ("mixed", {}, "0.0050"),
        ("equity", {}, "0.0100"),
        ("other", {}, "0.0100"),
        ("equity", {"hosts": [Decimal("0.005"), Decimal("0.02")]}, "0.005"),
        ("equity", {"chosen": Decimal("0.008")}, "0.008"),
        ("equity", {"chosen": Decimal("0.05"), "regime": "sif"}, "0.05"),
        ("equity", {"chosen": Decimal("0.05"), "regime": "part_ii", "is_reserved": True}, "0.05"),
        ("equity", {"chosen": Decimal("0.05"), "regime": "eltif", "is_reserved": True, "hosts": [ONE_PERCENT]}, "0.01"),
    ],
)
def test_n5_the_tolerance_by_kind_of_fund_or_a_lower_one(kind: Any, options: Any, tolerance: str) -> None:
    assert tolerance_of(kind, **options) == Decimal(tolerance)


@pytest.mark.parametrize(
    "options",
    [
        {"chosen": Decimal("0.011")},
        {"chosen": Decimal("0.05"), "regime": "part_ii"},
        {"chosen": Decimal("0.05"), "regime": "raif"},
        {"chosen": Decimal("0.0501"), "regime": "sif"},
        {"chosen": Decimal(0)},
        {"hosts": [Decimal(0)]},
    ],
)
def test_n5_no_other_tolerance_is_allowed(options: Any) -> None:
    with pytest.raises(InvalidValue, match="tolerance"):
        tolerance_of("equity", **options)


def test_n5_what_cannot_be_is_named() -> None:
    for published, correct in (("0", "1"), ("1", "0"), ("-1", "1")):
        with pytest.raises(InvalidValue, match="NAV"):
            nav_error(Decimal(published), Decimal(correct))
    with pytest.raises(InvalidValue, match="units"):
        compensated(deal("S", "subscription", D1, "0"))
    with pytest.raises(InvalidValue, match="once"):
        compensated(S1, S1)
    with pytest.raises(InvalidValue, match="NAV"):
        in_units(Decimal(1), Decimal(0), 4)
    assert compensated().claims == ()
    assert Payer("nobody") is Payer.NOBODY
