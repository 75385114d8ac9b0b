"""Golden G6 through the aggregates: wrong NAVs, their corrections, orders in chunks, claims to the cent (TA-N-5)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from libs.kernel.canonical import canonical
from libs.kernel.decider import Command
from libs.kernel.errors import InvalidValue
from libs.kernel.ids import named_id
from libs.messages.nav import (
    CompensationCalculated,
    CompensationClosed,
    CompensationOpened,
    NavErrorFound,
    NavErrorTaken,
)
from libs.messages.nav_values import CompensationTotals, WrongPrice
from libs.testkit.given import Given
from services.nav.domain import refusals
from services.nav.tests.dealing_days import (
    CLOSED_AT,
    DECIDER,
    IDS,
    LAST,
    A,
    carried_out,
    class_facts,
    command,
    policy_set,
    published_before,
    sub_fund_row,
    units_row,
)

MOST_BYTES_OF_A_DECISION = 200_000
D1, D2, D3 = date(2026, 11, 23), date(2026, 11, 24), date(2026, 11, 25)
WRONG = {D1: ("103.4512", "101.8746"), D2: ("104.2000", "102.9500"), D3: ("98.0000", "99.2500")}
ROWS: dict[str, Any] = {
    "sub_funds": sub_fund_row(class_facts(A, "EUR", 4), tools={}),
    "valuation_days": {day: {"nav_known_at": CLOSED_AT} for day in WRONG},
    "closed_days": {day: {"closed_at": CLOSED_AT, "classes": []} for day in WRONG},
    "units_in_issue": {A: units_row("10000", booked_through=D3)},
}
COMPENSATION = named_id("compensation", "one")
OWN_IDS: dict[str, Any] = {**IDS, "compensation": COMPENSATION, "share_class": A}
# Accounts in the order of their ids, as the chunks bring them.
S1, R1, X, S2, R2 = sorted(named_id("account", name) for name in ("S1", "R1", "X", "S2", "R2"))


def of_date(day: date, nav: str, source: str) -> list[Command]:
    """A NAV of the date, imported, approved and published."""
    line: dict[str, Any] = {
        "currency": "EUR",
        "total": str(Decimal(nav) * 10000),
        "units": "10000",
        "nav": nav,
        "source": source,
    }
    its: dict[str, Any] = {"valuation_date": day, "share_class": A, "rows": ROWS}
    return [
        command("ImportNav", **its, **line),
        command("ApproveNav", **its, nav=nav),
        command("PublishNav", **its, nav=nav),
    ]


def published(*days: date) -> Given:
    """These dates with their wrong NAVs, at which was dealt."""
    past = Given(DECIDER, [policy_set(change_tolerance="0.5", de_minimis="0"), published_before(valuation_date=LAST)])
    for day in days:
        measured = command("MeasureFlows", valuation_date=day, rows=ROWS)
        carried_out(past, measured, *of_date(day, WRONG[day][0], "wrong.csv#1"))
    return past


def cancelling(day: date) -> Command:
    return command("CancelNav", valuation_date=day, share_class=A, revision=1, reason="wrong price", rows=ROWS)


def corrected(*days: date) -> Given:
    """These dates with their wrong NAVs and then the correct ones."""
    past = published(*days)
    for day in days:
        carried_out(past, cancelling(day), *of_date(day, WRONG[day][1], "right.csv#1"))
    return past


def opening(*days: date, **fields: Any) -> Command:
    its = {"compensation": COMPENSATION, "share_class": A, "rows": ROWS}
    return command("OpenCompensation", **{**its, "valuation_dates": days, **fields})


def chunk(number: int, *deals: dict[str, Any], **fields: Any) -> Command:
    return command(
        "CalculateCompensation",
        **{"compensation": COMPENSATION, "share_class": A, "chunk": number, "deals": deals, **fields},
    )


def closing(orders: int) -> Command:
    return command("CloseCompensation", compensation=COMPENSATION, share_class=A, orders=orders)


def deal(order: str, account: UUID, side: str, day: date, units: str, minute: int = 0) -> dict[str, Any]:
    received = datetime(day.year, day.month, day.day, 9, tzinfo=UTC) + timedelta(minutes=minute)
    named = {"order": named_id("order", order), "account": account, "side": side}
    return {**named, "valuation_date": day, "received": received, "units": units}


DEALS = {
    S1: [deal("S1", S1, "subscription", D1, "241.6598")],
    R1: [deal("R1", R1, "redemption", D1, "150.0000")],
    X: [deal("X1", X, "subscription", D1, "96.6639"), deal("X2", X, "redemption", D2, "96.6639")],
    S2: [deal("S2", S2, "subscription", D3, "408.1632")],
    R2: [deal("R2", R2, "redemption", D3, "75.5000")],
}


def calculated(past: Given, each: Command) -> CompensationCalculated:
    (event,) = past.decide(each)
    assert isinstance(event, CompensationCalculated)
    past.apply(event)
    return event


def told(event: CompensationCalculated) -> list[str]:
    """Payer and amount of each claim, and whether it is kept."""
    return [f"{each.payer} {each.amount}{' kept' if each.is_kept else ''}" for each in event.compensations]


def wrong_price(day: date) -> WrongPrice:
    dealt, right = WRONG[day]
    names = ("published", "subscribed_at", "redeemed_at")
    prices = {**dict.fromkeys(names, dealt), "correct": right}
    rest = {"subscribed_correctly": right, "redeemed_correctly": right}
    return WrongPrice.model_validate({"valuation_date": day, **prices, **rest})


# --- The error


@pytest.mark.parametrize(("day", "error"), [(D1, "0.0154758889"), (D2, "0.0121418164"), (D3, "-0.0125944584")])
def test_g6_n5_a_corrected_nav_tells_its_error_and_that_it_is_material(day: date, error: str) -> None:
    past = carried_out(published(day), cancelling(day), *of_date(day, WRONG[day][1], "right.csv#1")[:2])
    found = past.decide(of_date(day, WRONG[day][1], "right.csv#1")[2])
    (told_error,) = (event for event in found if isinstance(event, NavErrorFound))
    assert (told_error.prices, told_error.error) == (wrong_price(day), Decimal(error))
    assert (told_error.tolerance, told_error.material, told_error.revision) == (Decimal("0.01"), True, 2)


@pytest.mark.parametrize(
    ("nav", "material"), [("101.0000", True), ("99.0000", True), ("100.9999", False), ("99.0001", False)]
)
def test_g6_n5_exactly_at_the_tolerance_an_error_is_material(nav: str, material: bool) -> None:
    past = Given(DECIDER, [policy_set(change_tolerance="0.5"), published_before()])
    carried_out(past, command("MeasureFlows", rows=ROWS), *of_date(D1, nav, "wrong.csv#1"), cancelling(D1))
    right = of_date(D1, "100.0000", "right.csv#1")
    (found,) = (event for event in carried_out(past, *right[:2]).decide(right[2]) if isinstance(event, NavErrorFound))
    assert found.material is material
    past = carried_out(past, right[2])
    if not material:
        past.when(opening(D1)).then_refused(refusals.ErrorNotMaterial, "valuation_dates")


# --- Opened, calculated, closed


def test_g6_n5_a_compensation_is_opened_for_its_dates_once() -> None:
    past = corrected(D1, D2)
    opened = CompensationOpened(
        **OWN_IDS, currency="EUR", unit_decimals=4, days=(wrong_price(D1), wrong_price(D2)),
        de_minimis=Decimal(0), paid_in="cash",
    )  # fmt: skip
    ids = {**IDS, "share_class": A, "compensation": COMPENSATION}
    taken = [NavErrorTaken.model_validate({**ids, "valuation_date": day}) for day in (D1, D2)]
    past = past.when(opening(D2, D1)).then(opened, *taken)
    past.when(opening(D1, D2)).then_nothing()
    past.when(opening(D1)).then_refused(refusals.CompensationExists, "compensation")
    past.when(opening(D1, D2, paid_in="units")).then_refused(refusals.CompensationExists, "compensation")
    past.when(opening(D1, compensation=named_id("other"))).then_refused(refusals.ErrorIsTaken, "valuation_dates")


def test_n5_what_was_not_corrected_is_not_compensated() -> None:
    published(D1).when(opening(D1)).then_refused(refusals.NoNavError, "valuation_dates")


def test_g6_n5_who_pays_whom_after_overstated_navs_to_the_cent() -> None:
    past = carried_out(corrected(D1, D2), opening(D1, D2))
    of_whom = {R1: ["party_at_fault 236.49"], S1: ["fund 381"], X: ["fund 31.57"]}
    for number, account in enumerate(sorted(of_whom)):
        event = calculated(past, chunk(number, *DEALS[account]))
        assert told(event) == of_whom[account]
        if account == X:
            assert [(str(each.raw), str(each.amount)) for each in event.effects] == [
                ("152.40030474", "152.4"),
                ("-120.829875", "-120.83"),
            ]
            (claim,) = event.compensations
            assert [(part.order, part.amount) for part in claim.parts] == [
                (named_id("order", "X1"), Decimal("152.40")),
                (named_id("order", "X2"), Decimal("-120.83")),
            ]
    totals = CompensationTotals.model_validate(
        {"excess_in": "533.40", "excess_out": "357.32", "paid": "412.57", "received": "236.49", "kept": "0"}
    )
    past.when(closing(5)).then_refused(refusals.DealsMissing, "orders")
    past = past.when(closing(4)).then(CompensationClosed(**OWN_IDS, orders=4, totals=totals))
    past.when(closing(4)).then_nothing()
    past.when(closing(3)).then_refused(refusals.DealsMissing, "orders")
    assert totals.excess_in - totals.excess_out - totals.paid + totals.received - totals.kept == 0


def test_g6_n5_who_pays_whom_after_an_understated_nav() -> None:
    past = carried_out(corrected(D3), opening(D3))
    event = calculated(past, chunk(0, *DEALS[S2], *DEALS[R2]))
    raw = {each.order: (str(each.raw), str(each.amount)) for each in event.effects}
    assert raw == {named_id("order", "S2"): ("-510.204", "-510.2"), named_id("order", "R2"): ("94.375", "94.38")}
    assert sorted(told(event)) == ["fund 94.38", "party_at_fault 510.2"]


@pytest.mark.parametrize(("least", "of_x"), [("50.00", "fund 31.57 kept"), ("31.57", "fund 31.57")])
def test_g6_n5_the_de_minimis_is_the_policys(least: str, of_x: str) -> None:
    past = corrected(D1, D2)
    past.apply(policy_set(change_tolerance="0.5", de_minimis=least))
    past = carried_out(past, opening(D1, D2))
    event = calculated(past, chunk(0, *DEALS[X], *DEALS[R1]))
    assert sorted(told(event)) == [of_x, "party_at_fault 236.49"]
    assert event.totals.kept + event.totals.paid == Decimal("31.57")


def test_g6_n5_who_still_holds_may_be_paid_in_units_at_the_correct_nav() -> None:
    past = carried_out(corrected(D1, D2), opening(D1, D2, paid_in="units"))
    event = calculated(past, chunk(0, *DEALS[S1], *DEALS[X]))
    units = {each.account: (each.units, each.residual) for each in event.compensations}
    # 381.00 − 3.7398 × 101.8746
    assert units == {S1: (Decimal("3.7398"), Decimal("0.00937092")), X: (None, None)}


# --- Chunks


def test_n5_a_chunk_counts_once_and_none_is_left_out() -> None:
    past = carried_out(corrected(D1, D2), opening(D1, D2))
    first, second, third = sorted((S1, R1, X))
    past.when(chunk(1, *DEALS[first])).then_refused(refusals.ChunkOutOfTurn, "chunk")
    past = carried_out(past, chunk(0, *DEALS[first]), chunk(1, *DEALS[second]))
    past.when(chunk(0, *DEALS[first])).then_nothing()
    past.when(chunk(0, *DEALS[third])).then_refused(refusals.ChunkOutOfTurn, "chunk")
    past.when(chunk(2, *DEALS[first])).then_refused(refusals.AccountsOutOfOrder, "deals")
    split = deal("more", second, "redemption", D2, "1")
    past.when(chunk(2, split)).then_refused(refusals.AccountsOutOfOrder, "deals")
    past = carried_out(past, chunk(2, *DEALS[third]), closing(4))
    past.when(chunk(3, deal("Z", named_id("Z"), "redemption", D1, "1"))).then_refused(refusals.CompensationIsClosed)


def test_n5_an_order_of_another_date_or_finer_than_the_class_or_twice_is_named() -> None:
    past = carried_out(corrected(D1), opening(D1))
    past.when(chunk(0, *DEALS[R2])).then_refused(refusals.DealNotAffected, "deals")
    past.when(chunk(0, deal("S1", S1, "subscription", D1, "1.00001"))).then_refused(refusals.TooManyDecimals, "deals")
    past.when(chunk(0, *DEALS[S1], *DEALS[S1])).then_refused(InvalidValue, "deals")


@pytest.mark.parametrize("bad", [{"units": "0"}, {"units": "-1"}, {"side": "transfer"}])
def test_n5_an_order_that_can_never_be_right_is_named(bad: dict[str, Any]) -> None:
    with pytest.raises(InvalidValue) as refusal:
        chunk(0, {**DEALS[S1][0], **bad})
    assert str(refusal.value.field).startswith("deals.0")


def test_w6_a_chunk_has_at_most_150_orders() -> None:
    many = [deal(f"O{number}", S1, "subscription", D1, "1") for number in range(151)]
    with pytest.raises(InvalidValue, match="150"):
        chunk(0, *many)
    event = calculated(carried_out(corrected(D1), opening(D1)), chunk(0, *many[:150]))
    assert len(event.compensations) == 150
    assert len(canonical(event.data())) < MOST_BYTES_OF_A_DECISION


def test_n5_an_unknown_compensation_is_named() -> None:
    corrected(D1).when(chunk(0, *DEALS[S1])).then_refused(refusals.CompensationUnknown, "compensation")
    corrected(D1).when(closing(0)).then_refused(refusals.CompensationUnknown, "compensation")
    of_another = chunk(0, *DEALS[S1], sub_fund=named_id("another sub-fund"))
    past = carried_out(corrected(D1), opening(D1))
    past.when(of_another).then_refused(refusals.CompensationUnknown, "compensation")
