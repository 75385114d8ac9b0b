"""Transfers and conversions: both legs in one decision, once, and never below what is free (TA-R-1, TA-R-2, TA-R-5)."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from libs.kernel.decider import Command
from libs.kernel.errors import CartularyError, InvalidValue
from libs.kernel.ids import named_id
from libs.messages import register as published
from libs.messages.register_values import LotRow
from services.register.domain.refusals import (
    AccountIsBlocked,
    AccountIsClosed,
    AccountIsFrozen,
    AccountUnknown,
    AmountInvalid,
    DateInvalid,
    HoldingTooSmall,
    MovementExists,
    QuantityInvalid,
    ShareClassIsClosed,
    ShareClassUnknown,
)
from services.register.tests.examples import (
    ACCOUNT_ROW,
    CLASS_ROW,
    DAY,
    DOLLARS,
    SHARE_CLASS,
    UMBRELLA,
    X,
    Y,
    book,
    carried_out,
    carry_out,
    command,
    holding,
    issue,
    lots,
    share_class_of,
    together,
    transfer,
)


def convert(units: str, **fields: Any) -> Command:
    """X turns units of the class into units of the dollar class."""
    own = {"conversion": named_id("conversion", "1"), "account": X, "into_class": DOLLARS, "units": units}
    prices = {"price": "141.2050", "into_price": "98.7654", "rate": "1.0837"}
    return command("ConvertUnits", **{**own, **prices, **fields})


def test_r1_with_change_of_owner_the_receiver_has_a_lot_of_its_own() -> None:
    past = carried_out(book(issue("a")))
    out, into, tally = carry_out(past, transfer("4", consideration="480.00"))
    assert isinstance(out, published.UnitsTransferred)
    assert isinstance(into, published.UnitsTransferred)
    assert out.taken is not None
    assert (out.taken.cost, out.consideration) == (Decimal(400), Decimal(480))
    assert into.lots == (LotRow(DAY, Decimal(4), Decimal(480)),)
    assert out.stream() == into.stream().replace(str(Y), str(X))
    assert isinstance(tally, published.UnitsInIssueChanged)
    assert together(tally.issued, tally.cancelled, tally.units_in_issue, tally.holders) == [0, 0, 10, 2]


def test_r2_a_transfer_twice_is_nothing_and_another_under_its_id_is_refused() -> None:
    past = carried_out(book(issue("a")), transfer("4"))
    past.when(transfer("4")).then_nothing()
    past.when(transfer("3")).then_refused(MovementExists, "transfer")


REFUSED: list[tuple[dict[str, Any], type[CartularyError], str]] = [
    ({"units": "10.0001"}, HoldingTooSmall, "units"),
    ({"units": "0.00001"}, QuantityInvalid, "units"),
    ({"consideration": "1.001"}, AmountInvalid, "amount"),
    ({"settlement_date": DAY - timedelta(days=1)}, DateInvalid, "settlement_date"),
    ({"to_account": X}, InvalidValue, "to_account"),
    ({"rows": {X: None}}, AccountUnknown, "account"),
    ({"rows": {Y: None}}, AccountUnknown, "to_account"),
    ({"rows": {X: {**ACCOUNT_ROW, "transfers_blocked": True}}}, AccountIsBlocked, "account"),
    ({"rows": {Y: {**ACCOUNT_ROW, "transfers_blocked": True}}}, AccountIsBlocked, "to_account"),
    ({"rows": {X: {**ACCOUNT_ROW, "frozen": True}}}, AccountIsFrozen, "account"),
    ({"rows": {Y: {**ACCOUNT_ROW, "frozen": True}}}, AccountIsFrozen, "to_account"),
    ({"rows": {Y: {**ACCOUNT_ROW, "closed": True}}}, AccountIsClosed, "to_account"),
    ({"rows": {SHARE_CLASS: None}}, ShareClassUnknown, "share_class"),
]


@pytest.mark.parametrize(("fields", "error", "field"), REFUSED)
def test_r5_a_transfer_is_refused_by_name(fields: dict[str, Any], error: type[CartularyError], field: str) -> None:
    carried_out(book(issue("a"))).when(transfer(**{"units": "10", **fields})).then_refused(error, field)


def test_r1_units_leave_a_closed_account() -> None:
    past = carried_out(book(issue("a")))
    carry_out(past, transfer("10", rows={X: {**ACCOUNT_ROW, "closed": True}}))
    assert together(holding(past).units, holding(past, Y).units) == [0, 10]


def test_r1_a_conversion_gives_units_by_both_prices_and_keeps_dates() -> None:
    past = carried_out(book(issue("a", units="100", amount="10000")))
    out, into, of_class, of_dollars = carry_out(past, convert("40"))
    assert isinstance(out, published.UnitsConverted)
    assert isinstance(into, published.UnitsConverted)
    factor = Fraction("141.205") * Fraction("1.0837") / Fraction("98.7654")
    assert into.units == Decimal("61.974")
    assert into.residual == 40 * factor - Fraction("61.974")
    assert into.lots == (LotRow(DAY, Decimal("61.974"), Decimal("4334.80")),)
    assert isinstance(of_class, published.UnitsInIssueChanged)
    assert isinstance(of_dollars, published.UnitsInIssueChanged)
    assert together(of_class.cancelled, of_class.units_in_issue) == [40, 60]
    assert (of_dollars.issued, of_dollars.units_in_issue) == (Decimal("61.974"), Decimal("61.974"))
    assert lots(holding(past)) == [f"{DAY} 60.0000 6000.00"]
    assert share_class_of(past, DOLLARS).holders == 1


def test_r2_a_conversion_twice_is_nothing_and_another_under_its_id_is_refused() -> None:
    past = carried_out(book(issue("a")), convert("4"))
    past.when(convert("4")).then_nothing()
    past.when(convert("3")).then_refused(MovementExists, "conversion")


NOT_CONVERTED: list[tuple[dict[str, Any], type[CartularyError], str]] = [
    ({"units": "10.0001"}, HoldingTooSmall, "units"),
    ({"units": "0.0001", "into_price": "1000000"}, QuantityInvalid, "units"),
    ({"units": "0.00001"}, QuantityInvalid, "units"),
    ({"into_class": SHARE_CLASS}, InvalidValue, "into_class"),
    ({"rate": None}, InvalidValue, "rate"),
    ({"rows": {X: {**ACCOUNT_ROW, "frozen": True}}}, AccountIsFrozen, "account"),
    ({"rows": {DOLLARS: None}}, ShareClassUnknown, "into_class"),
    ({"rows": {DOLLARS: {**CLASS_ROW, "status": "closed"}}}, ShareClassIsClosed, "share_class"),
    ({"settlement_date": DAY - timedelta(days=1)}, DateInvalid, "settlement_date"),
]


@pytest.mark.parametrize(("fields", "error", "field"), NOT_CONVERTED)
def test_r5_a_conversion_is_refused_by_name(fields: dict[str, Any], error: type[CartularyError], field: str) -> None:
    carried_out(book(issue("a"))).when(convert(**{"units": "4", **fields})).then_refused(error, field)


def test_w2_both_legs_lie_in_the_lane_of_the_umbrella() -> None:
    for each in (transfer("1"), convert("1")):
        assert {stream.split("/")[1] for stream in each.streams()} == {str(UMBRELLA)}
