"""Chunks of priced movements: issued, cancelled, refused one by one, each once (TA-R-1 … TA-R-3, TA-R-5)."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from libs.kernel.canonical import canonical
from libs.kernel.errors import InvalidValue
from libs.kernel.ids import named_id
from libs.messages import register as published
from libs.messages.register_values import LotsTaken, RefusedMovement
from services.register.domain.refusals import ChunkExists
from services.register.tests.examples import (
    ACCOUNT_ROW,
    CLASS_ROW,
    CONTRACTUAL,
    DAY,
    NOW,
    SETTLES,
    SHARE_CLASS,
    UMBRELLA,
    X,
    Y,
    answer,
    book,
    cancel,
    carried_out,
    carry_out,
    command,
    given,
    holding,
    issue,
    lots,
    order,
    refused,
    share_class_of,
    together,
)

IDS: dict[str, Any] = {"umbrella": UMBRELLA, "share_class": SHARE_CLASS}
DATES: dict[str, Any] = {"valuation_date": DAY, "booking_date": NOW.date()}
MOVED: dict[str, Any] = {**IDS, **DATES, "account": X, "settlement_date": SETTLES}
TEN, THOUSAND = Decimal(10), Decimal(1000)


def test_r1_r2_an_issue_is_a_lot_with_three_dates_and_is_answered_in_the_same_decision() -> None:
    given().when(book(issue("a"))).then(
        published.UnitsIssued(**MOVED, order=order("a"), units=TEN, amount=THOUSAND),
        published.UnitsInIssueChanged(**IDS, **DATES, issued=TEN, cancelled=Decimal(0), units_in_issue=TEN, holders=1),
        published.MovementsBooked(**IDS, valuation_date=DAY, chunk=0, booked=(order("a"),)),
    )


def test_r1_r2_a_cancel_takes_the_oldest_lots() -> None:
    past = carried_out(book(issue("a"), issue("b", units="5", amount="525.03")))
    past.when(book(cancel("c", units="12", amount="1300"), chunk=1)).then(
        published.UnitsCancelled(
            **MOVED,
            order=order("c"),
            units=Decimal(12),
            amount=Decimal(1300),
            taken=LotsTaken(whole=1, part_units=Decimal(2), part_cost=Decimal("210.01"), cost=Decimal("1210.01")),
        ),
        published.UnitsInIssueChanged(
            **IDS, **DATES, issued=Decimal(0), cancelled=Decimal(12), units_in_issue=Decimal(3), holders=1
        ),
        published.MovementsBooked(**IDS, valuation_date=DAY, chunk=1, booked=(order("c"),)),
    )
    assert lots(holding(past)) == [f"{DAY} 3.0000 315.02"]


def test_r2_a_chunk_twice_is_nothing() -> None:
    chunk = book(issue("a"), cancel("b", Y))
    carried_out(chunk).when(chunk).then_nothing()


def test_r2_a_chunk_of_other_orders_under_the_same_number_is_refused() -> None:
    carried_out(book(issue("a"))).when(book(issue("b"))).then_refused(ChunkExists, "chunk")


def test_r2_an_order_moves_its_units_once_in_whichever_chunk() -> None:
    past = carried_out(book(issue("a")))
    events = carry_out(past, book(issue("a"), issue("b"), issue("b"), chunk=1))
    assert answer(events).booked == (order("b"),)
    assert answer(events).refused == (
        RefusedMovement(order("a"), "movement-exists"),
        RefusedMovement(order("b"), "movement-exists"),
    )
    assert holding(past).units == 20


def test_r2_what_was_refused_may_come_again_in_another_chunk() -> None:
    past = carried_out(book(cancel("a"), issue("b")))
    assert refused(carry_out(past, book(cancel("a"), chunk=1))) == []
    assert holding(past).units == 0


def test_r2_an_order_carried_by_a_gate_moves_again_on_its_next_valuation_date() -> None:
    past = carried_out(book(issue("a")), book(cancel("b", units="4"), chunk=1))
    later = book(cancel("b", units="5"), valuation_date=DAY + timedelta(days=1))
    assert refused(carry_out(past, later)) == []
    assert holding(past).units == 1


BAD: list[tuple[dict[str, Any], str]] = [
    (issue("bad", units="0"), "quantity-invalid"),
    (issue("bad", units="-1"), "quantity-invalid"),
    (issue("bad", units="1E+30"), "quantity-invalid"),
    (issue("bad", units="0.00001"), "quantity-invalid"),
    (issue("bad", amount="-0.01"), "amount-invalid"),
    (issue("bad", amount="0.001"), "amount-invalid"),
    (issue("bad", amount="1E+30"), "amount-invalid"),
    (issue("bad", currency="USD"), "amount-invalid"),
    (issue("bad", settlement_date=DAY - timedelta(days=1)), "date-invalid"),
    (cancel("bad", units="10.0001"), "holding-too-small"),
    (cancel("bad", named_id("account", "W"), units="1"), "holding-too-small"),
]


@pytest.mark.parametrize(("bad", "reason"), BAD)
def test_r2_r5_one_bad_movement_is_refused_by_name_and_hurts_no_other(bad: dict[str, Any], reason: str) -> None:
    past = carried_out(book(issue("before")))
    events = carry_out(past, book(issue("good", Y), bad, cancel("last", Y, units="1"), chunk=1))
    assert answer(events).refused == (RefusedMovement(order("bad"), reason),)
    assert answer(events).booked == (order("good"), order("last"))
    assert share_class_of(past).units_in_issue == 19


ROWS: list[tuple[dict[str, Any] | None, str, str]] = [
    (None, "account-unknown", "account-unknown"),
    ({**ACCOUNT_ROW, "frozen": True}, "account-is-frozen", "account-is-frozen"),
    ({**ACCOUNT_ROW, "closed": True}, "account-is-closed", "-"),
    ({**ACCOUNT_ROW, "transfers_blocked": True}, "-", "-"),
]


@pytest.mark.parametrize(("row", "on_issue", "on_cancel"), ROWS)
def test_r2_an_account_takes_and_gives_what_its_row_allows(
    row: dict[str, Any] | None, on_issue: str, on_cancel: str
) -> None:
    past = carried_out(book(issue("before")))
    assert refused(carry_out(past, book(issue("a"), chunk=1, rows={X: row}))) == ([on_issue] if on_issue != "-" else [])
    past = carried_out(book(issue("before")))
    found = refused(carry_out(past, book(cancel("a"), chunk=1, rows={X: row})))
    assert found == ([on_cancel] if on_cancel != "-" else [])


def test_r2_a_closed_class_issues_nothing_and_still_cancels() -> None:
    past = carried_out(book(issue("before")))
    closed = {SHARE_CLASS: {**CLASS_ROW, "status": "closed"}}
    events = carry_out(past, book(issue("a"), cancel("b", units="1"), chunk=1, rows=closed))
    assert (refused(events), answer(events).booked) == (["share-class-is-closed"], (order("b"),))


@pytest.mark.parametrize("row", [None, {**CLASS_ROW, "umbrella": named_id("example", "other umbrella")}])
def test_r2_movements_of_an_unknown_class_are_answered_too(row: dict[str, Any] | None) -> None:
    events = carried_out().decide(book(issue("a"), issue("b", Y), rows={SHARE_CLASS: row}))
    assert refused(list(events)) == ["share-class-unknown"] * 2
    assert len(events) == 1


def test_r1_units_are_not_valued_in_the_future() -> None:
    future = NOW.date() + timedelta(days=2)
    events = carried_out().decide(book(issue("a", settlement_date=future), valuation_date=future))
    assert refused(list(events)) == ["date-invalid"]


def test_r6_contractual_units_are_blocked_until_their_money_comes() -> None:
    past = carried_out(book(issue("a"), rows={SHARE_CLASS: CONTRACTUAL}))
    assert together(holding(past).units, holding(past).free) == [10, 0]
    assert refused(carry_out(past, book(cancel("b", units="0.0001"), chunk=1))) == ["holding-too-small"]


def test_r1_a_movement_that_comes_late_takes_its_place_by_valuation_date() -> None:
    late = book(issue("late", amount="900"), valuation_date=date(2026, 11, 2))
    assert lots(holding(carried_out(book(issue("a")), late))) == ["2026-11-02 10.0000 900.00", f"{DAY} 10.0000 1000.00"]


def test_w6_the_largest_chunk_fits_a_decision_even_when_every_holding_is_split_on_the_way() -> None:
    accounts = [named_id("account", str(number)) for number in range(150)]
    units, amount = "1234567890.1234", "1234567890123.12"
    past = carried_out(book(*(issue(f"i{a}", a, units, amount) for a in accounts), rows={SHARE_CLASS: CONTRACTUAL}))
    for each in accounts:
        carry_out(past, command("ReleasePaidUnits", account=each, order=order(f"i{each}")))
    tomorrow = DAY + timedelta(days=1)
    carry_out(past, command("StartSplit", action=named_id("action", "1"), new=7, old=3, effective_date=tomorrow))
    sold = book(*(cancel(f"c{a}", a, "1234567890.1234", amount) for a in accounts), valuation_date=tomorrow)
    events = list(past.decide(sold))
    assert refused(events) == []
    assert len(events) <= 500
    assert len(canonical([[event.type_name(), event.stream(), event.data()] for event in events])) <= 200_000


@pytest.mark.parametrize("fields", [{"movements": []}, {"chunk": -1}, {"movements": [issue(n) for n in range(151)]}])
def test_w6_a_chunk_has_one_to_150_movements(fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidValue):
        command("BookMovements", **{"chunk": 0, "movements": [issue("a")], **fields})
