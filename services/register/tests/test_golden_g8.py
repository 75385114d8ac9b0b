"""Golden G8 through the aggregates: commands in, events and states out (TA-R-1, TA-R-3)."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction

from libs.kernel.decider import Command
from libs.kernel.ids import named_id
from libs.messages import register as published
from libs.messages.register_values import LotRow, LotsTaken
from libs.testkit.given import Given
from services.register.domain.as_of import units_as_of, units_in_issue_as_of
from services.register.domain.holding import disposals
from services.register.tests.examples import (
    SHARE_CLASS,
    UMBRELLA,
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
    share_class_of,
    transfer,
)

LOTS = [("2025-01-10", "10.0001", "1000.01"), ("2025-03-14", "5.0003", "525.03"), ("2025-06-20", "7.7777", "855.55")]
EFFECTIVE = date(2025, 9, 1)
SPLIT = named_id("action", "3 for 2")
NOON = datetime(2025, 9, 1, 12, tzinfo=UTC)
TRANSFERRED, REDEEMED = date(2025, 9, 3), date(2025, 9, 5)


def bought() -> Given:
    """X buys three times, Z once."""
    bookings = [
        book(
            issue(day, X, units, cost, settlement_date=day),
            *([issue("Z", Z, "0.3333", "33.33", settlement_date=day)] if day == "2025-01-10" else []),
            valuation_date=day,
            now=datetime.fromisoformat(f"{day}T18:00:00+00:00"),
        )
        for day, units, cost in LOTS
    ]
    return carried_out(*bookings)


def split() -> Given:
    """Three units for two."""
    past = bought()
    carry_out(past, command("StartSplit", now=NOON, action=SPLIT, new=3, old=2, effective_date=EFFECTIVE))
    carry_out(past, command("SplitHoldings", now=NOON, action=SPLIT, accounts=[X, Z]))
    return past


def moved() -> Given:
    """X gives 20 units to Y, who is the same owner."""
    past = split()
    carry_out(past, move())
    return past


def move() -> Command:
    return transfer("20.0000", now=at(TRANSFERRED), valuation_date=TRANSFERRED, settlement_date=TRANSFERRED)


def at(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 18, tzinfo=UTC)


def test_g8_r1_r3_the_split_of_every_holding_and_what_it_drops() -> None:
    past = bought()
    assert (str(holding(past).units), str(holding(past).lots.cost)) == ("22.7781", "2380.59")
    assert str(share_class_of(past).units_in_issue) == "23.1114"
    carry_out(past, command("StartSplit", now=NOON, action=SPLIT, new=3, old=2, effective_date=EFFECTIVE))
    of_x, of_z, exchanged, completed = carry_out(
        past, command("SplitHoldings", now=NOON, action=SPLIT, accounts=[X, Z])
    )
    assert isinstance(of_x, published.HoldingSplit)
    assert isinstance(of_z, published.HoldingSplit)
    assert (of_x.given, of_x.received, of_x.residual) == (Decimal("22.7781"), Decimal("34.1671"), Fraction("0.00005"))
    assert (of_z.given, of_z.received, of_z.residual) == (Decimal("0.3333"), Decimal("0.4999"), Fraction("0.00005"))
    assert isinstance(exchanged, published.HoldingsExchanged)
    assert (exchanged.given, exchanged.received) == (Decimal("23.1114"), Decimal("34.6670"))
    assert exchanged.units_in_issue == Decimal("34.6670")
    assert completed == published.CorporateActionCompleted(
        umbrella=UMBRELLA,
        share_class=SHARE_CLASS,
        action=SPLIT,
        holdings=2,
        given=Decimal("23.1114"),
        received=Decimal("34.6670"),
        residual=Fraction("0.00010"),
        cost_dropped=Decimal(0),
    )
    assert lots(holding(past)) == [
        "2025-01-10 15.0002 1000.01",
        "2025-03-14 7.5004 525.03",
        "2025-06-20 11.6665 855.55",
    ]


def test_g8_r1_a_transfer_without_change_of_owner() -> None:
    past = split()
    out, into, tally = carry_out(past, move())
    assert isinstance(out, published.UnitsTransferred)
    assert isinstance(into, published.UnitsTransferred)
    assert out.taken == LotsTaken(
        whole=1, part_units=Decimal("4.9998"), part_cost=Decimal("349.99"), cost=Decimal("1350.00")
    )
    assert into.lots == (
        LotRow(date(2025, 1, 10), Decimal("15.0002"), Decimal("1000.01")),
        LotRow(date(2025, 3, 14), Decimal("4.9998"), Decimal("349.99")),
    )
    assert isinstance(tally, published.UnitsInIssueChanged)
    assert (tally.units_in_issue, tally.holders) == (Decimal("34.6670"), 3)
    assert lots(holding(past)) == ["2025-03-14 2.5006 175.04", "2025-06-20 11.6665 855.55"]
    assert holding(past).lots.cost == Decimal("1030.59")
    assert lots(holding(past, Y)) == ["2025-01-10 15.0002 1000.01", "2025-03-14 4.9998 349.99"]


def test_g8_r1_a_redemption_and_what_each_lot_gained() -> None:
    past = moved()
    before = holding(past)
    sold = book(
        cancel("sold", X, "10.0000", "751.23", settlement_date=REDEEMED), valuation_date=REDEEMED, now=at(REDEEMED)
    )
    cancelled, tally, answered = carry_out(past, sold)
    assert isinstance(cancelled, published.UnitsCancelled)
    assert cancelled.taken == LotsTaken(
        whole=1, part_units=Decimal("7.4994"), part_cost=Decimal("549.96"), cost=Decimal("725.00")
    )
    assert cancelled.amount - cancelled.taken.cost == Decimal("26.23")
    second, third = disposals(before, cancelled, Decimal("75.1234"), 2).disposals
    assert (str(second.proceeds), str(second.gain)) == ("187.85", "12.81")
    assert (str(third.proceeds), str(third.gain)) == ("563.38", "13.42")
    assert lots(holding(past)) == ["2025-06-20 4.1671 305.59"]
    assert isinstance(tally, published.UnitsInIssueChanged)
    assert (tally.cancelled, tally.units_in_issue) == (Decimal(10), Decimal("24.6670"))
    assert isinstance(answered, published.MovementsBooked)
    assert (answered.booked, answered.refused) == ((order("sold"),), ())


def test_g8_r4_the_units_of_every_day_out_of_the_events() -> None:
    past, seen = bought(), []
    for each in (
        command("StartSplit", now=NOON, action=SPLIT, new=3, old=2, effective_date=EFFECTIVE),
        command("SplitHoldings", now=at(date(2025, 9, 4)), action=SPLIT, accounts=[X, Z]),
    ):
        seen += carry_out(past, each)
    of_x = [event for event in seen if isinstance(event, published.HoldingSplit) and event.account == X]
    assert units_as_of(of_x, EFFECTIVE) == Decimal("11.3890")
    # The split was booked three days later: until then nobody could know it.
    assert units_as_of(of_x, EFFECTIVE, date(2025, 9, 3)) == 0
    assert units_as_of(of_x, date(2025, 8, 31)) == 0
    assert units_in_issue_as_of(seen, EFFECTIVE) == Decimal("11.5556")
