"""Every value of golden G8 about lots: transfer, redemption, gains (TA-R-1, TA-R-5)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from libs.kernel.errors import InvalidValue
from libs.kernel.money import ratio
from services.register.domain.lots import Lot, Lots, cancelled, cost_of, issued, redeemed, taken, transferred, units_of

# Account X after the split.
X = """
2025-01-10 | 15.0002 | 1000.01
2025-03-14 |  7.5004 |  525.03
2025-06-20 | 11.6665 |  855.55
"""


def lots(table: str) -> Lots:
    """Lots from lines of date, units and cost."""
    cells = [[cell.strip() for cell in line.split("|")] for line in table.strip().splitlines()]
    return tuple(Lot(date.fromisoformat(day), Decimal(units), Decimal(cost)) for day, units, cost in cells)


def texts(some: Lots) -> list[str]:
    return [f"{lot.acquired} {lot.units} {lot.cost}" for lot in some]


def test_g8_r1_a_transfer_without_change_of_owner_keeps_dates_and_costs() -> None:
    left, received, moved = transferred(lots(X), (), Decimal("20.0000"), 2)
    assert texts(received) == texts(moved) == ["2025-01-10 15.0002 1000.01", "2025-03-14 4.9998 349.99"]
    assert texts(left) == ["2025-03-14 2.5006 175.04", "2025-06-20 11.6665 855.55"]
    assert (cost_of(moved), cost_of(left)) == (Decimal("1350.00"), Decimal("1030.59"))
    assert cost_of(moved) + cost_of(left) == Decimal("2380.59")


def test_g8_r1_a_redemption_shares_its_proceeds_among_the_oldest_lots() -> None:
    left, _, _ = transferred(lots(X), (), Decimal("20.0000"), 2)
    found = redeemed(left, Decimal("10.0000"), Decimal("75.1234"), Decimal("751.23"), 2)
    second, third = found.disposals
    assert texts((second.lot, third.lot)) == ["2025-03-14 2.5006 175.04", "2025-06-20 7.4994 549.96"]
    assert [str(second.proceeds), str(second.gain)] == ["187.85", "12.81"]
    assert [str(third.proceeds), str(third.gain)] == ["563.38", "13.42"]
    assert str(found.gain) == "26.23"
    assert texts(found.left) == ["2025-06-20 4.1671 305.59"]


def test_g8_the_raw_figures_of_the_table() -> None:
    assert Decimal("10.0000") * Decimal("75.1234") == Decimal("751.234")
    moved = ratio(Decimal("525.03") * Decimal("4.9998"), Decimal("7.5004"))
    used = ratio(Decimal("855.55") * Decimal("7.4994"), Decimal("11.6665"))
    assert [int(moved * 10**8), int(used * 10**8)] == [34998733320, 54996028543]


def test_r1_a_new_lot_takes_its_place_by_date_behind_those_of_the_same_day() -> None:
    found = issued(lots(X), lots("2025-03-14 | 1 | 10\n2024-01-02 | 2 | 20"))
    assert [str(lot.units) for lot in found] == ["2", "15.0002", "7.5004", "1", "11.6665"]


def test_r1_whole_lots_are_taken_with_their_whole_cost() -> None:
    first, *rest = lots(X)
    found = taken(lots(X), first.units, 2)
    assert (found.parts, found.left) == ((first,), tuple(rest))
    assert taken(lots(X), units_of(lots(X)), 2).left == ()


def test_r6_units_never_paid_for_leave_the_oldest_first_like_any_other() -> None:
    assert texts(cancelled(lots(X), Decimal("22.5006"), 2)) == ["2025-06-20 11.6665 855.55"]


def test_r1_proceeds_whose_parts_round_up_leave_no_lot_with_less_than_nothing() -> None:
    """Ten lots of half a cent each: the first five take it all."""
    ten = tuple(Lot(date(2025, 1, day), Decimal("0.0001"), Decimal(0)) for day in range(1, 11))
    found = redeemed(ten, Decimal("0.0010"), Decimal(50), Decimal("0.05"), 2)
    assert [str(each.proceeds) for each in found.disposals] == ["0.01"] * 5 + ["0.00"] * 5


@pytest.mark.parametrize("units", ["0", "-1", "NaN", "34.1672", "1E+30"])
def test_r5_no_more_is_taken_than_is_held_and_never_nothing(units: str) -> None:
    with pytest.raises(InvalidValue, match="units"):
        taken(lots(X), Decimal(units), 2)


@pytest.mark.parametrize(("units", "cost"), [("0", "1"), ("-1", "1"), ("NaN", "1"), ("1", "-0.01"), ("1", "NaN")])
def test_a_lot_has_units_and_a_cost_that_is_not_negative(units: str, cost: str) -> None:
    with pytest.raises(InvalidValue):
        Lot(date(2025, 1, 10), Decimal(units), Decimal(cost))


@pytest.mark.parametrize(("price", "proceeds"), [("0", "1"), ("-1", "1"), ("1", "-1"), ("1", "0.001")])
def test_a_redemption_has_a_price_and_brings_money(price: str, proceeds: str) -> None:
    with pytest.raises(InvalidValue):
        redeemed(lots(X), Decimal(1), Decimal(price), Decimal(proceeds), 2)


def test_r1_ten_to_the_thirty_units_are_exact() -> None:
    huge = lots("2025-01-10 | 1000000000000000000000000000000.0000000001 | 999999999999999999999.99")
    found = taken(huge, Decimal("0.0000000001"), 2)
    assert texts(found.left) == ["2025-01-10 1000000000000000000000000000000.0000000000 999999999999999999999.99"]
    assert cost_of(found.parts) == 0
