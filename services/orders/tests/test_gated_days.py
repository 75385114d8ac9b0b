"""O-6: gated days by golden G5, what is carried and what lapses."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from libs.messages import order_values as values
from services.orders.domain.refusals import DatesMoved, ShareOutsideGate
from services.orders.tests.dealing_examples import (
    ACCOUNT,
    CUT_OFF,
    OTHER_FUND,
    SECOND,
    SUB_FUND,
    TUESDAY,
    WEDNESDAY,
    ZERO,
    A,
    C,
    House,
    holding_row,
    into,
    names,
    of_kind,
    published_at,
)  # fmt: skip

G5_DAY_1 = {
    "R1": ("units 40000", "26436.9337", "2709785.70", "13563.0663"),
    "R2": ("gross 2562500", "16523.0835", "1693616.06", "8476.9165"),
    "R3": ("units 12345.6789", "8159.5474", "836353.61", "4186.1315"),
    "R4": ("all", "660.9233", "67744.64", "339.0766"),
}
REQUESTED = {"R1": "40000", "R2": "25000", "R3": "12345.6789", "R4": "999.9999"}
GATES = [{"share_class": A, "requested_units": "78345.6788", "capacity_units": "51780.4879"}]


def shares() -> dict[str, dict[str, str]]:
    """The shares of golden G5, day 1."""
    return {name: {"requested": REQUESTED[name], "executed": row[1]} for name, row in G5_DAY_1.items()}


def g5(remainder: str = "carried") -> House:
    """The orders of golden G5, day 1."""
    house = House().gated(remainder)
    house.rows["holdings"] |= {(ACCOUNT, A): holding_row("500000"), (SECOND, A): holding_row("999.9999")}
    for name, (quantity, *_) in G5_DAY_1.items():
        house.now += timedelta(seconds=1)
        house.place(name, "redemption", quantity, account=SECOND if name == "R4" else ACCOUNT)
    return published_at("102.5000", house, gates=GATES)


def test_g5_o6_a_gated_day_executes_the_shares_and_carries_the_rest_in_units_to_the_next_day() -> None:
    house = g5()
    events = house.price("R1", "R2", "R3", "R4", shares=shares())
    for name, (_, executed, paid, carried) in G5_DAY_1.items():
        (part,), waiting = house.order(name).parts, house.order(name).waiting
        assert (part.steps.units, part.steps.gross) == (Decimal(executed), Decimal(paid))
        assert waiting is not None
        assert waiting.quantity == values.InUnits(units=Decimal(carried))
        assert waiting.dates.valuation_date == TUESDAY
        assert house.order(name).status == "partly_executed"
    assert sum(event.steps.units for event in of_kind(events, "OrderPriced")) == Decimal("51780.4879")
    (tally,) = house.day(TUESDAY).tallies.values()
    assert (tally.flows, tally.units, tally.cash) == (4, Decimal("26565.1909"), ZERO)


def test_g5_o6_a_remainder_takes_the_nav_of_the_day_on_which_it_is_executed() -> None:
    house = g5()
    house.book(house.price("R1", "R2", "R3", "R4", shares=shares()))
    house.now = CUT_OFF + timedelta(hours=20)
    house.place("R5", "redemption", "units 12500")
    house.close(TUESDAY)
    gates = [{"share_class": A, "requested_units": "39065.1909", "capacity_units": "35555.5556"}]
    house.publish(TUESDAY, prices=[{"share_class": A, "nav": "101.2500"}], gates=gates)
    of_day = {
        "R1": {"requested": "13563.0663", "executed": "12344.5540"},
        "R5": {"requested": "12500", "executed": "11376.9941"},
    }
    events = house.price("R1", "R5", valuation_date=TUESDAY, shares=of_day)
    old, new = of_kind(events, "OrderPriced")
    assert (old.part, old.steps.gross, old.carried) == (2, Decimal("1249886.09"), Decimal("1218.5123"))
    assert (new.part, new.steps.gross, new.carried) == (1, Decimal("1151920.65"), Decimal("1123.0059"))
    assert [carried.dates.valuation_date for carried in of_kind(events, "OrderCarried")] == [WEDNESDAY, WEDNESDAY]


def test_o6_a_remainder_lapses_where_the_sub_fund_says_so() -> None:
    house = g5("lapses")
    events = house.price("R1", shares=shares())
    assert names(events) == ["OrderPriced", "RemainderLapsed", "MovementsPriced"]
    house.book(events)
    assert house.order("R1").status == "confirmed"


def test_o6_an_order_whose_share_is_nothing_waits_or_lapses_whole() -> None:
    for remainder, status in (("carried", "accepted"), ("lapses", "lapsed")):
        house = House().gated(remainder)
        house.place("R1", "redemption", "units 0.0001")
        published_at("100", house, gates=[{"share_class": A, "requested_units": "1000", "capacity_units": "1"}])
        house.price("R1", shares={"R1": {"requested": "0.0001", "executed": "0"}})
        assert (house.order("R1").status, house.order("R1").parts) == (status, ())


def test_o6_a_share_is_the_gates_ratio_to_a_step() -> None:
    house = g5()
    house.when("PriceOrders", **house.chunk("R1")).then_refused(ShareOutsideGate, "share")
    for executed in ("26436.9335", "26436.9340", "40000"):
        wrong = house.chunk("R1", shares={"R1": {"requested": "40000", "executed": executed}})
        house.when("PriceOrders", **wrong).then_refused(ShareOutsideGate, "share")


def test_o6_a_gated_switch_invests_only_what_its_out_leg_executed_and_carries_both_legs() -> None:
    house = House().gated()
    house.place("W1", "switch", "units 100", into=into(C, OTHER_FUND))
    published_at("100", house, gates=[{"share_class": A, "requested_units": "100", "capacity_units": "60"}])
    house.price("W1", shares={"W1": {"requested": "100", "executed": "60"}})
    order = house.order("W1")
    assert order.waiting is not None
    assert order.waiting.into is not None
    assert [each.amount for each in order.investing] == [Decimal(6000)]
    assert (order.waiting.dates.valuation_date, order.waiting.into.valuation_date) == (TUESDAY, TUESDAY)
    (tally,) = house.day(TUESDAY, OTHER_FUND).tallies.values()
    assert (tally.flows, tally.cash, tally.units) == (2, Decimal(6000), Decimal(40))


def test_w2_a_remainder_needs_its_next_day_named() -> None:
    house = g5()
    command = house.command("PriceOrders", **house.chunk("R1", shares=shares()))
    assert f"{SUB_FUND}:{TUESDAY}" in command.streams()[-1]
    bare = command.model_copy(update={"days": ()})
    assert house.past.when(bare).then_refused(DatesMoved, "days").value == f"{SUB_FUND}:{TUESDAY}"
