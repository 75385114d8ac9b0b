"""Splits and mergers over many holdings: in chunks, resumable, residuals shown, reservations kept (TA-R-1, TA-R-3)."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from libs.kernel.canonical import canonical
from libs.kernel.decider import Command
from libs.kernel.errors import CartularyError, InvalidValue
from libs.kernel.events import Event
from libs.kernel.ids import named_id
from libs.messages import register as published
from libs.testkit.given import Given
from services.register.domain.refusals import (
    ActionExists,
    ActionIsEarly,
    ActionIsLate,
    ActionStillRuns,
    ActionUnknown,
    BeforeCorporateAction,
    ShareClassIsClosed,
    ShareClassIsMerged,
    ShareClassUnknown,
)
from services.register.tests.examples import (
    CLASS_ROW,
    CONTRACTUAL,
    DAY,
    DOLLARS,
    NOW,
    SHARE_CLASS,
    X,
    Y,
    Z,
    book,
    cancel,
    carried_out,
    carry_out,
    command,
    holding,
    issue,
    lots,
    order,
    refused,
    share_class_of,
    together,
    transfer,
)

EFFECTIVE = DAY + timedelta(days=1)
ACTION, PLEDGE = named_id("action", "1"), named_id("reservation", "1")
MERGER: dict[str, Any] = {"into_class": DOLLARS, "price": "141.205", "into_price": "98.7654", "rate": "1.0837"}


def start(new: int = 3, old: int = 2, **fields: Any) -> Command:
    return command("StartSplit", **{"action": ACTION, "new": new, "old": old, "effective_date": EFFECTIVE, **fields})


def split(*accounts: object, **fields: Any) -> Command:
    return command("SplitHoldings", **{"action": ACTION, "accounts": accounts, **fields})


def start_merger(**fields: Any) -> Command:
    return command("StartMerger", **{"action": ACTION, "effective_date": EFFECTIVE, **MERGER, **fields})


def merge(*accounts: object, **fields: Any) -> Command:
    return command("MergeHoldings", **{"action": ACTION, "accounts": accounts, "into_class": DOLLARS, **fields})


def three() -> list[Command]:
    """X, Y and Z hold 10 units each, at 1,000.00."""
    return [book(issue("x"), issue("y", Y), issue("z", Z))]


def valued(day: date, *movements: dict[str, Any], chunk: int = 0) -> Command:
    later = [{**each, "settlement_date": day} for each in movements]
    return book(*later, valuation_date=day, chunk=chunk)


def test_r1_a_split_goes_on_where_it_stopped_and_a_chunk_twice_is_nothing() -> None:
    past = carried_out(*three(), start(), split(X))
    assert together(share_class_of(past).waiting, share_class_of(past).units_in_issue) == [2, 35]
    past.when(split(X)).then_nothing()
    carry_out(past, split(X, Y))
    assert together(share_class_of(past).waiting, share_class_of(past).units_in_issue) == [1, 40]
    completed = carry_out(past, split(Z, X, Z))[-1]
    assert isinstance(completed, published.CorporateActionCompleted)
    assert together(completed.holdings, completed.given, completed.received, completed.residual) == [3, 30, 45, 0]
    past.when(split(X, Y, Z)).then_nothing()
    past.when(start()).then_nothing()


def test_r1_a_movement_from_the_effective_date_on_first_splits_its_holding() -> None:
    past = carried_out(*three(), start())
    events = carry_out(past, valued(EFFECTIVE, cancel("c", units="15")))
    assert [type(event).__name__ for event in events] == [
        "HoldingSplit", "UnitsCancelled", "HoldingsExchanged", "UnitsInIssueChanged", "MovementsBooked",
    ]  # fmt: skip
    assert together(holding(past).units, share_class_of(past).waiting, share_class_of(past).units_in_issue) == [
        0,
        2,
        20,
    ]
    carry_out(past, split(X, Y, Z))
    assert together(share_class_of(past).units_in_issue, share_class_of(past).running) == [30, None]


def test_r1_a_movement_from_before_it_is_booked_in_the_former_units_while_its_holding_waits() -> None:
    past = carried_out(*three(), start(), split(X))
    events = carry_out(past, book(cancel("late", Y, "4"), cancel("too-late", X, "4"), chunk=1))
    assert refused(events) == ["before-corporate-action"]
    carry_out(past, split(Y, Z))
    assert holding(past, Y).units == 9
    assert refused(carry_out(past, book(issue("later", named_id("account", "W")), chunk=2))) == [
        "before-corporate-action"
    ]


def test_r1_a_transfer_splits_both_holdings_or_is_refused_when_one_is_ahead() -> None:
    past = carried_out(*three(), start(), split(Y))
    past.when(transfer("1")).then_refused(BeforeCorporateAction, "account")
    carry_out(past, transfer("15", valuation_date=EFFECTIVE, settlement_date=EFFECTIVE))
    assert together(holding(past).units, holding(past, Y).units) == [0, 30]


def test_r1_a_new_holding_is_in_the_units_of_its_valuation_date() -> None:
    past = carried_out(*three(), start(), split(X, Y, Z))
    carry_out(past, valued(EFFECTIVE, issue("w", named_id("account", "W"))))
    assert holding(past, named_id("account", "W")).generation == 1
    past.when(split(named_id("account", "W"))).then_nothing()


def test_r1_a_reverse_split_shows_holding_and_cost_that_it_dropped() -> None:
    past = carried_out(book(issue("x", units="0.0009", amount="0.09"), issue("y", Y)), start(1, 10))
    completed = carry_out(past, split(X, Y))[-1]
    assert isinstance(completed, published.CorporateActionCompleted)
    assert (completed.residual, completed.cost_dropped) == (Fraction("0.00009"), Decimal("0.09"))
    assert together(share_class_of(past).units_in_issue, share_class_of(past).holders) == [1, 1]


def test_r5_what_is_reserved_is_split_with_its_holding() -> None:
    pledge = command("PledgeUnits", account=X, reservation=PLEDGE, units="0.3333", reference="deed 7")
    past = carried_out(book(issue("x", units="0.3333", amount="33.33")), pledge, start(), split(X))
    assert together(holding(past).units, holding(past).free) == [Decimal("0.4999"), 0]
    past.when(pledge).then_nothing()


def test_r1_a_class_that_nobody_holds_is_split_on_its_effective_date() -> None:
    tomorrow = NOW.date() + timedelta(days=1)
    past = carried_out(start(effective_date=tomorrow))
    carry_out(past, book(issue("x"), cancel("y")))
    past.when(split(X)).then_refused(ActionIsEarly, "action")
    completed = carry_out(past, split(X, now=NOW + timedelta(days=1)))
    assert [type(event).__name__ for event in completed] == ["CorporateActionCompleted"]
    assert len(list(carried_out().decide(start()))) == 2


STARTS: list[tuple[Command, type[CartularyError], str]] = [
    (start(4, 2), ActionExists, "action"),
    (start(action=named_id("action", "2"), effective_date=EFFECTIVE + timedelta(days=1)), ActionStillRuns, "action"),
    (start(2, 2), InvalidValue, "new"),
    (start(rows={SHARE_CLASS: None}), ShareClassUnknown, "share_class"),
    (split(X, action=named_id("action", "2")), ActionUnknown, "action"),
    (split(X, now=NOW - timedelta(days=3)), ActionIsEarly, "action"),
    (merge(X), ActionUnknown, "action"),
    (start_merger(into_class=SHARE_CLASS), InvalidValue, "into_class"),
    (start_merger(rate=None), InvalidValue, "rate"),
    (start_merger(rows={DOLLARS: None}), ShareClassUnknown, "into_class"),
    (start_merger(action=PLEDGE, rows={DOLLARS: {**CLASS_ROW, "currency": "USD", "status": "closed"}}),
     ShareClassIsClosed, "share_class"),
]  # fmt: skip


@pytest.mark.parametrize(("each", "error", "field"), STARTS)
def test_r1_a_corporate_action_is_refused_by_name(each: Command, error: type[CartularyError], field: str) -> None:
    carried_out(*three(), start()).when(each).then_refused(error, field)


def test_r1_no_action_starts_behind_what_is_booked() -> None:
    carried_out(*three()).when(start(effective_date=DAY)).then_refused(ActionIsLate, "effective_date")


def merged() -> Given:
    """X, Y and Z in dollars; X had pledged 4 of its 10 units, Y had not paid for 5."""
    return merging()[0]


def merging() -> tuple[Given, list[Event]]:
    pledge = command("PledgeUnits", account=X, reservation=PLEDGE, units="4", reference="deed 7")
    unpaid = book(issue("y2", Y, "5", "500"), chunk=1, rows={SHARE_CLASS: CONTRACTUAL})
    past = carried_out(*three(), unpaid, pledge, start_merger(), merge(X))
    assert together(share_class_of(past).waiting, share_class_of(past).units_in_issue) == [2, 25]
    return past, carry_out(past, merge(X, Y, Z))


def test_r1_r3_a_merger_moves_lots_costs_and_reservations_into_the_other_class() -> None:
    past, events = merging()
    factor = Fraction("141.205") * Fraction("1.0837") / Fraction("98.7654")
    assert together(share_class_of(past).units_in_issue, share_class_of(past).holders) == [0, 0]
    units = [holding(past, account, DOLLARS).units for account in (X, Y, Z)]
    assert [str(each) for each in units] == ["15.493", "23.240", "15.493"]
    assert share_class_of(past, DOLLARS).units_in_issue == sum(units)
    assert lots(holding(past, X, DOLLARS)) == [f"{DAY} 15.4930 1083.70"]
    assert holding(past, X, DOLLARS).reserved[PLEDGE].units == Decimal("6.197")
    assert together(holding(past).reserved_units, len(holding(past).reserved)) == [0, 0]
    owed = holding(past, Y, DOLLARS).reserved[order("y2")]
    assert (owed.units, owed.owed) == (Decimal("7.746"), Decimal("541.85"))
    (completed,) = (event for event in events if isinstance(event, published.CorporateActionCompleted))
    assert together(completed.given, completed.received) == [35, sum(units)]
    assert completed.residual == 35 * factor - Fraction(sum(units))


def test_r1_nothing_is_booked_in_a_class_that_was_merged() -> None:
    past = merged()
    assert refused(carry_out(past, valued(EFFECTIVE, issue("new")))) == ["share-class-is-merged"]
    assert refused(carry_out(past, book(issue("late"), chunk=2))) == ["before-corporate-action"]
    past.when(merge(X, Y, Z)).then_nothing()
    past.when(start_merger()).then_nothing()
    again = start(action=named_id("action", "2"), effective_date=EFFECTIVE + timedelta(days=1))
    past.when(again).then_refused(ShareClassIsMerged, "share_class")


def test_r1_the_class_that_takes_the_units_is_not_on_its_way_itself() -> None:
    dollars: dict[str, Any] = {"share_class": DOLLARS, "action": named_id("action", "2")}
    running = carried_out(*three(), book(issue("d", currency="USD"), share_class=DOLLARS), start(**dollars))
    running.when(start_merger()).then_refused(ActionStillRuns, "into_class")
    later = carried_out(start(**{**dollars, "effective_date": EFFECTIVE + timedelta(days=2)}, now=NOW))
    carry_out(later, command("SplitHoldings", accounts=[X], **dollars))
    later.when(start_merger()).then_refused(ActionIsLate, "effective_date")


def test_r1_a_class_that_expects_units_splits_after_they_came() -> None:
    past = carried_out(*three(), start_merger(), merge(X, Y))
    later = NOW.date() + timedelta(days=3)
    dollars: dict[str, Any] = {"share_class": DOLLARS, "action": named_id("action", "2"), "effective_date": later}
    past.when(start(**dollars)).then_refused(ActionStillRuns, "action")
    last = carry_out(past, book(cancel("last", Z), chunk=1))
    assert any(isinstance(event, published.CorporateActionCompleted) for event in last)
    past.when(start(**dollars)).then_refused(ActionStillRuns, "action")
    arrived = carry_out(past, merge(X))
    assert [type(event).__name__ for event in arrived] == ["MergerArrived"]
    assert len(carry_out(past, start(**dollars))) == 1


def test_w6_a_merger_of_many_lots_stops_where_its_decision_is_full_and_goes_on() -> None:
    accounts = [named_id("account", str(number)) for number in range(75)]
    chunks = [
        book(
            *(issue(f"{a}/{chunk}/{half}", a, "1234567.1234", "123456789.12") for a in accounts for half in "ab"),
            chunk=chunk,
            rows={SHARE_CLASS: CONTRACTUAL} if chunk == 0 else None,
        )
        for chunk in range(6)
    ]
    past = carried_out(*chunks, start_merger())
    decisions = 0
    while share_class_of(past).waiting:
        events = carry_out(past, merge(*accounts))
        assert len(events) <= 500
        assert len(canonical([[event.type_name(), event.stream(), event.data()] for event in events])) <= 200_000
        decisions += 1
    assert 1 < decisions < 5
    past.when(merge(*accounts)).then_nothing()
