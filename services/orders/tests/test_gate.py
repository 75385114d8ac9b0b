"""Every value of golden G5, and several classes (TA-O-6)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

import pytest

from libs.kernel.errors import InvalidValue
from libs.kernel.exchange import ExchangeRate
from libs.kernel.money import Rounding, rounded
from libs.messages.fund_values import RedemptionGate
from services.orders.domain.charges import Charges
from services.orders.domain.gate import (
    ClassRequests,
    Execution,
    Gated,
    Request,
    SubFundDay,
    apply_gate,
    executed_part,
)
from services.orders.domain.pricing import redeemed
from services.orders.tests.examples import NO_CHARGES, nav, order, priced, quantity, redeem, terms

TEN_PERCENT = RedemptionGate(threshold=Decimal("0.1"), remainder="carried")
A, B = order("class A"), order("class B")
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
MIDDLE = {"USD": ExchangeRate.middle("EUR", "USD", Decimal("1.0837"))}

# order, requested, raw share, executed, paid, carried
DAY_1 = """
R1 | 40000.0000 | 26436.933698505 | 26436.9337 | 2709785.70 | 13563.0663
R2 | 25000.0000 | 16523.083561565 | 16523.0835 | 1693616.06 |  8476.9165
R3 | 12345.6789 |  8159.547363558 |  8159.5474 |  836353.61 |  4186.1315
R4 |   999.9999 |   660.923276370 |   660.9233 |   67744.64 |   339.0766
"""
DAY_2 = """
R1 | 13563.0663 | 12344.553983381 | 12344.5540 | 1249886.09 |  1218.5123
R2 |  8476.9165 |  7715.346296498 |  7715.3463 |  781178.81 |   761.5702
R3 |  4186.1315 |  3810.047458315 |  3810.0474 |  385767.30 |   376.0841
R4 |   339.0766 |   308.613797250 |   308.6138 |   31247.15 |    30.4628
R5 | 12500.0000 | 11376.994064554 | 11376.9941 | 1151920.65 |  1123.0059
"""


def rows(table: str) -> list[list[str]]:
    """The cells of a table."""
    return [[cell.strip() for cell in line.split("|")] for line in table.strip().splitlines()]


def requests(units: dict[str, str], price: str, share_class: UUID = A, currency: str = "EUR") -> ClassRequests:
    """Requests in the order of their receipt."""
    made = (
        Request(order(name), NOON + timedelta(minutes=position), Decimal(text))
        for position, (name, text) in enumerate(units.items())
    )
    return ClassRequests(share_class, currency, Decimal(price), 4 if currency == "EUR" else 3, tuple(made))


def day(net_assets: str, subscriptions: str = "0") -> SubFundDay:
    """A day of a sub-fund in EUR."""
    return SubFundDay("EUR", Decimal(net_assets), Decimal(subscriptions), MIDDLE)


def of_table(table: str, price: str) -> ClassRequests:
    return requests({row[0]: row[1] for row in rows(table)}, price)


def holds(gated: Gated, table: str, price: str) -> None:
    """Each order got what the table says, and is paid it."""
    (share_class,) = gated.classes
    for found, (name, requested, raw, executed, paid, carried) in zip(share_class.executions, rows(table), strict=True):
        assert found.order == order(name)
        assert rounded(found.raw, 9, Rounding.DOWN) == Decimal(raw)
        assert (str(found.requested), str(found.executed)) == (requested, executed)
        assert [str(found.carried), str(found.lapsed)] == [carried, "0"]
        asked = redeemed(quantity(f"units {requested}"), terms(), nav(price), NO_CHARGES)  # type: ignore[arg-type]
        part = executed_part(asked, found.executed, terms(), nav(price), NO_CHARGES)
        assert part is not None
        assert str(part.amounts.net) == paid


def total(gated: Gated, name: str) -> Decimal:
    return sum((getattr(each, name) for each in gated.classes[0].executions), Decimal(0))


def test_g5_o6_day_one_to_the_last_unit() -> None:
    today = of_table(DAY_1, "102.5000")
    found = apply_gate(TEN_PERCENT, day("50000000.00", "307500.00"), [today])
    assert found.is_gated
    assert rounded(found.net_part * 100, 9, Rounding.DOWN) == Decimal("15.445864154")
    assert found.net_part * 50_000_000 == Fraction("7722932.077")
    assert found.capacity == Decimal("5307500.00")
    assert rounded(Fraction(found.capacity) / Fraction("102.5"), 8, Rounding.DOWN) == Decimal("51780.48780487")
    assert found.classes[0].capacity_units == Decimal("51780.4879")
    holds(found, DAY_1, "102.5000")
    sums = [total(found, name) for name in ("requested", "executed", "carried")]
    assert sums == [Decimal("78345.6788"), Decimal("51780.4879"), Decimal("26565.1909")]


def test_g5_o6_day_two_ranks_what_was_carried_equally() -> None:
    found = apply_gate(TEN_PERCENT, day("36000000.00"), [of_table(DAY_2, "101.2500")])
    assert rounded(found.net_part * 100, 8, Rounding.DOWN) == Decimal("10.98708494")
    assert found.net_part * 36_000_000 == Fraction("3955350.578625")
    assert (found.capacity, found.classes[0].capacity_units) == (Decimal(3600000), Decimal("35555.5556"))
    holds(found, DAY_2, "101.2500")
    sums = [total(found, name) for name in ("requested", "executed", "carried")]
    assert sums == [Decimal("39065.1909"), Decimal("35555.5556"), Decimal("3509.6353")]


def test_g5_day_one_leaves_what_day_two_starts_from_and_sums_to_the_tables_totals() -> None:
    carried = {row[0]: row[5] for row in rows(DAY_1)}
    assert {row[0]: row[1] for row in rows(DAY_2) if row[0] != "R5"} == carried
    assert sum(Decimal(row[4]) for row in rows(DAY_1)) == Decimal("5307500.01")
    assert sum(Decimal(row[4]) for row in rows(DAY_2)) == Decimal("3600000.00")


def test_g5_an_order_by_amount_becomes_units_and_pays_its_amount_only_when_executed_whole() -> None:
    asked = priced(redeem("gross 2562500.00", "102.5000"))
    assert str(asked.units) == "25000.0000"
    asked = priced(redeem("gross 2562500.01", "102.5000"))
    assert (str(asked.units), str(asked.amounts.net)) == ("25000.0001", "2562500.01")
    whole = executed_part(asked, asked.units, terms(), nav("102.5000"), Charges())
    assert whole == asked
    part = executed_part(asked, Decimal("25000.0000"), terms(), nav("102.5000"), Charges())
    assert part is not None
    assert str(part.amounts.net) == "2562500.00"
    assert executed_part(asked, Decimal(0), terms(), nav("102.5000"), Charges()) is None


def test_o6_at_the_threshold_nothing_is_gated_and_a_step_above_it_is() -> None:
    at = apply_gate(TEN_PERCENT, day("1000.00"), [requests({"R1": "1"}, "100")])
    assert not at.is_gated
    assert at.classes[0].executions == (
        Execution(order("R1"), Decimal(1), Fraction(1), Decimal(1), Decimal(0), Decimal(0)),
    )
    assert apply_gate(TEN_PERCENT, day("1000.00"), [requests({"R1": "1.0001"}, "100")]).is_gated
    assert not apply_gate(TEN_PERCENT, day("1000.00", "0.01"), [requests({"R1": "1.0001"}, "100")]).is_gated


def test_o6_what_is_left_lapses_where_the_sub_fund_says_so() -> None:
    lapsing = RedemptionGate(threshold=Decimal("0.1"), remainder="lapses")
    (found,) = apply_gate(lapsing, day("1000.00"), [requests({"R1": "3"}, "100")]).classes[0].executions
    assert [found.executed, found.carried, found.lapsed] == [1, 0, 2]


def test_o6_ties_go_to_the_earlier_receipt_whatever_the_order_of_arrival() -> None:
    thirds = requests({"R1": "1", "R2": "1", "R3": "1"}, "100")
    shuffled = replace(thirds, requests=thirds.requests[::-1])
    one_unit = day("1000.00")
    assert apply_gate(TEN_PERCENT, one_unit, [shuffled]) == apply_gate(TEN_PERCENT, one_unit, [thirds])
    executed = [each.executed for each in apply_gate(TEN_PERCENT, one_unit, [shuffled]).classes[0].executions]
    assert executed == [Decimal("0.3334"), Decimal("0.3333"), Decimal("0.3333")]


def test_g5_several_classes_share_one_ratio_in_the_sub_funds_currency() -> None:
    a = requests({"R1": "2000.0000", "R2": "1000.0001"}, "136.9000")
    b = requests({"R3": "1000.000"}, "112.5000", B, "USD")
    found = apply_gate(TEN_PERCENT, day("4000000.00"), [a, b])
    requested = Fraction("3000.0001") * Fraction("136.9") + Fraction("112500") / Fraction("1.0837")
    part = 400_000 / requested
    assert found.capacity == 400_000
    assert found.net_part == requested / 4_000_000
    units = [each.capacity_units for each in found.classes]
    assert units == [rounded(Fraction("3000.0001") * part, 4, Rounding.UP), rounded(1000 * part, 3, Rounding.UP)]
    assert units == [Decimal("2332.3116"), Decimal("777.438")]
    assert [sum(each.executed for each in one.executions) for one in found.classes] == units


WRONG = {
    "net assets are positive": (day("0"), requests({"R1": "1"}, "100")),
    "subscriptions are not negative": (day("1000", "-1"), requests({"R1": "1"}, "100")),
    "a NAV is positive": (day("1000"), requests({"R1": "1"}, "0")),
    "units are positive": (day("1000"), requests({"R1": "0"}, "100")),
    "have 4 decimals": (day("1000"), requests({"R1": "0.00001"}, "100")),
    "stands once": (day("1000"), replace(requests({"R1": "1"}, "1"), requests=requests({"R1": "1"}, "1").requests * 2)),
    "needs its rate": (day("1000"), requests({"R1": "1"}, "100", currency="GBP")),
}


@pytest.mark.parametrize("detail", WRONG)
def test_a_gate_names_what_cannot_be(detail: str) -> None:
    today, wrong = WRONG[detail]
    with pytest.raises(InvalidValue, match=detail):
        apply_gate(TEN_PERCENT, today, [wrong])


def test_a_day_without_redemptions_is_no_gate() -> None:
    found = apply_gate(TEN_PERCENT, day("1000", "500"), [requests({}, "100")])
    assert (found.is_gated, found.classes[0].executions) == (False, ())
    assert found.net_part == Fraction(-1, 2)
