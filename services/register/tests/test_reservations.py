"""Blocks, pledges, earmarks, unpaid units: what may not leave a holding, and how that ends (TA-R-5, TA-R-6)."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from libs.kernel.decider import Command
from libs.kernel.ids import named_id
from libs.messages import register as published
from libs.messages.register_values import LotsTaken
from libs.testkit.given import Given
from services.register.domain.refusals import (
    HoldingTooSmall,
    PriceUnknown,
    QuantityInvalid,
    ReservationExists,
    ReservationIsUnpaid,
    ReservationUnknown,
    ShareClassUnknown,
    TermStillRuns,
)
from services.register.tests.examples import (
    CONTRACTUAL,
    DAY,
    NOW,
    SETTLES,
    SHARE_CLASS,
    UMBRELLA,
    X,
    book,
    cancel,
    carried_out,
    carry_out,
    command,
    holding,
    issue,
    order,
    priced,
    refused,
    share_class_of,
    together,
    transfer,
)

R = named_id("reservation", "1")
IDS: dict[str, Any] = {"umbrella": UMBRELLA, "share_class": SHARE_CLASS, "account": X, "booking_date": NOW.date()}
LIMIT = SETTLES + timedelta(days=10)
AFTER = NOW + timedelta(days=12)
KINDS: list[tuple[str, dict[str, Any], type[published.ReservationEvent]]] = [
    ("BlockUnits", {"reason": "court_order", "reference": "12 O 34/26"}, published.UnitsBlocked),
    ("PledgeUnits", {"reference": "deed 7"}, published.UnitsPledged),
    ("EarmarkUnits", {"market": "MAIN"}, published.UnitsEarmarked),
]


def reserve(name: str, units: str = "4", **fields: Any) -> Command:
    return command(name, account=X, reservation=R, units=units, **fields)


def release() -> Command:
    return command("ReleaseUnits", account=X, reservation=R)


def unpaid() -> Given:
    """Ten units that cost 1,000.00 and wait for their money."""
    return carried_out(book(issue("a"), rows={SHARE_CLASS: CONTRACTUAL}))


def end(**fields: Any) -> Command:
    return command("CancelUnpaidUnits", account=X, order=order("a"), **{"charge": "subscriber", "now": AFTER, **fields})


@pytest.mark.parametrize(("name", "fields", "kind"), KINDS)
def test_r5_what_is_reserved_does_not_leave(
    name: str, fields: dict[str, Any], kind: type[published.ReservationEvent]
) -> None:
    past = carried_out(book(issue("a")))
    past.when(reserve(name, **fields)).then(
        kind.model_validate({**IDS, "reservation": R, "units": Decimal(4), **fields})
    )
    assert refused(carry_out(past, book(cancel("b", units="6.0001"), chunk=1))) == ["holding-too-small"]
    past.when(transfer("6.0001")).then_refused(HoldingTooSmall, "units")
    assert refused(carry_out(past, book(cancel("c", units="6"), chunk=2))) == []
    assert together(holding(past).units, holding(past).free) == [4, 0]


@pytest.mark.parametrize(("name", "fields", "_kind"), KINDS)
def test_r5_the_same_reservation_again_is_nothing_even_after_its_release(
    name: str, fields: dict[str, Any], _kind: object
) -> None:
    past = carried_out(book(issue("a")), reserve(name, **fields))
    past.when(reserve(name, **fields)).then_nothing()
    past.when(reserve(name, units="3", **fields)).then_refused(ReservationExists, "reservation")
    carry_out(past, release())
    past.when(release()).then_nothing()
    past.when(reserve(name, **fields)).then_nothing()
    assert holding(past).free == 10


def test_r5_no_more_than_is_free_is_reserved() -> None:
    past = carried_out(book(issue("a")), reserve("PledgeUnits", "7", reference="deed 7"))
    block: dict[str, Any] = {"reason": "dispute", "account": X, "reservation": named_id("reservation", "2")}
    past.when(command("BlockUnits", units="3.0001", **block)).then_refused(HoldingTooSmall, "units")
    past.when(command("BlockUnits", units="0.00001", **block)).then_refused(QuantityInvalid, "units")
    unknown = command("BlockUnits", units="1", rows={SHARE_CLASS: None}, **block)
    past.when(unknown).then_refused(ShareClassUnknown, "share_class")


def test_r5_only_what_is_reserved_is_released() -> None:
    past = carried_out(book(issue("a")))
    past.when(release()).then_refused(ReservationUnknown, "reservation")


def test_r6_unpaid_units_are_freed_by_their_money_alone() -> None:
    past = unpaid()
    by_hand = command("ReleaseUnits", account=X, reservation=order("a"))
    past.when(by_hand).then_refused(ReservationIsUnpaid, "reservation")
    paid = command("ReleasePaidUnits", account=X, order=order("a"))
    past.when(paid).then(published.UnitsReleased(**IDS, reservation=order("a"), units=Decimal(10), kind="unpaid"))
    assert holding(past).free == 10
    past.when(paid).then_nothing()
    past.when(end()).then_nothing()


def test_r6_money_for_units_that_never_waited_is_nothing() -> None:
    carried_out(book(issue("a"))).when(command("ReleasePaidUnits", account=X, order=order("a"))).then_nothing()


@pytest.mark.parametrize(
    ("price", "amount", "loss", "surplus"),
    [("90.005", "900.05", "99.95", "0"), ("100", "1000", "0", "0"), ("110", "1100", "0", "100")],
)
def test_r6_after_the_term_units_end_at_the_current_nav_and_the_loss_is_charged(
    price: str, amount: str, loss: str, surplus: str
) -> None:
    past = unpaid()
    ended, tally = carry_out(past, priced(end(charge="distributor"), price))
    assert ended == published.UnpaidUnitsCancelled(
        **{**IDS, "booking_date": AFTER.date()},
        valuation_date=DAY,
        settlement_date=AFTER.date(),
        order=order("a"),
        units=Decimal(10),
        price=Decimal(price),
        owed=Decimal(1000),
        amount=Decimal(amount),
        loss=Decimal(loss),
        surplus=Decimal(surplus),
        charged_to="distributor",
        taken=LotsTaken(whole=1, cost=Decimal(1000)),
    )
    assert isinstance(tally, published.UnitsInIssueChanged)
    assert together(tally.units_in_issue, tally.holders) == [0, 0]
    past.when(end()).then_nothing()


def test_r6_not_before_the_term_is_over_nor_without_a_nav() -> None:
    last_day = NOW.replace(year=LIMIT.year, month=LIMIT.month, day=LIMIT.day)
    unpaid().when(end(now=last_day)).then_refused(TermStillRuns, "order")
    unpaid().when(priced(end(), None)).then_refused(PriceUnknown, "share_class")


def test_r6_the_parts_of_an_order_are_one_debt() -> None:
    past = unpaid()
    rest = book(
        issue("a", units="5", amount="510"), valuation_date=DAY + timedelta(days=1), rows={SHARE_CLASS: CONTRACTUAL}
    )
    carry_out(past, rest)
    ended = carry_out(past, end())[0]
    assert isinstance(ended, published.UnpaidUnitsCancelled)
    assert together(ended.units, ended.owed, ended.loss) == [15, 1510, 10]


def test_r6_a_split_changes_the_units_that_wait_never_what_is_owed() -> None:
    past = unpaid()
    action, tomorrow = named_id("action", "1"), DAY + timedelta(days=1)
    carry_out(past, command("StartSplit", action=action, new=3, old=2, effective_date=tomorrow))
    carry_out(past, command("SplitHoldings", action=action, accounts=[X]))
    ended = carry_out(past, priced(end(), "66", tomorrow))[0]
    assert isinstance(ended, published.UnpaidUnitsCancelled)
    assert together(ended.units, ended.owed, ended.amount, ended.loss) == [15, 1000, 990, 10]
    assert share_class_of(past).units_in_issue == 0
