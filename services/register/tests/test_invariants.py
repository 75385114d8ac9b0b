"""The numbered invariants of the register that no single command shows (README)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from time import process_time
from typing import Any

import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st
from immutables import Map

from libs.kernel.decider import Command
from libs.kernel.errors import InvalidValue, Refused
from libs.kernel.events import Event, UnknownEvent
from libs.kernel.ids import named_id
from libs.messages import funds
from libs.messages import register as published
from services.register.domain import booking, refusals, share_class
from services.register.domain import holding as holdings
from services.register.domain.holding import Holding, Reserved, disposals, scaled
from services.register.domain.lot_queue import LotQueue
from services.register.domain.lots import Lot
from services.register.tests.examples import (
    DAY,
    DECIDER,
    NOW,
    SHARE_CLASS,
    UMBRELLA,
    X,
    Y,
    Z,
    answer,
    book,
    cancel,
    carried_out,
    carry_out,
    command,
    holding,
    issue,
    movement,
    refused,
    rows_for,
    share_class_of,
)

units = st.integers(1, 300_000).map(lambda n: str(Decimal(n).scaleb(-4)))
amounts = st.integers(0, 10_000_000).map(lambda n: str(Decimal(n).scaleb(-2)))
sides = st.sampled_from(["issue", "issue", "cancel"])
some = st.lists(st.tuples(st.sampled_from([X, Y, Z]), sides, units, amounts), min_size=1, max_size=20)


def chunk_of(drawn_movements: list[Any], number: int = 0) -> Command:
    return book(*(movement(f"{number}/{n}", *each) for n, each in enumerate(drawn_movements)), chunk=number)


@drawn(some)
@settings(max_examples=60, deadline=None)
def test_r2_r3_every_order_is_answered_and_units_in_issue_are_what_was_booked(some: list[Any]) -> None:
    """REGISTER-INV-1, REGISTER-INV-3."""
    past = carried_out()
    events = carry_out(past, chunk_of(some))
    said = answer(events)
    assert sorted([*said.booked, *(each.order for each in said.refused)]) == sorted(
        named_id("order", f"0/{n}") for n in range(len(some))
    )
    changes = [event.change for event in events if isinstance(event, published.MovementEvent)]
    assert len(changes) == len(said.booked)
    assert share_class_of(past).units_in_issue == sum(changes)


@drawn(some, some)
@settings(max_examples=40, deadline=None)
def test_the_order_of_chunks_about_different_accounts_changes_nothing(first: list[Any], second: list[Any]) -> None:
    """REGISTER-INV-9."""
    of_x = chunk_of([(X, *rest) for _, *rest in first], 1)
    of_y = chunk_of([(Y, *rest) for _, *rest in second], 2)
    one, other = carried_out(of_x, of_y), carried_out(of_y, of_x)
    assert [holding(one, each) for each in (X, Y)] == [holding(other, each) for each in (X, Y)]
    assert share_class_of(one) == share_class_of(other)


@drawn(some)
@settings(max_examples=40, deadline=None)
def test_r2_movements_one_by_one_or_in_a_chunk_are_the_same_register(some: list[Any]) -> None:
    """REGISTER-INV-3: a chunk is no more than its movements."""
    single = carried_out(*(book(movement(f"0/{n}", *each), chunk=n) for n, each in enumerate(some)))
    whole = carried_out(chunk_of(some))
    assert [holding(single, each) for each in (X, Y, Z)] == [holding(whole, each) for each in (X, Y, Z)]


@drawn(st.lists(st.integers(0, 10**6), min_size=1, max_size=6), st.fractions(min_value=Fraction(1, 50), max_value=50))
@settings(max_examples=80, deadline=None)
def test_r5_reservations_that_fit_a_holding_fit_it_after_any_exchange(parts: list[int], factor: Fraction) -> None:
    """REGISTER-INV-2."""
    reserved = Map({named_id("r", str(n)): Reserved("block", Decimal(part).scaleb(-4)) for n, part in enumerate(parts)})
    held = Fraction(sum(parts), 10_000) * factor
    after = sum(Fraction(each.units) for each in scaled(reserved, factor, 4).values())
    assert held - Fraction(1, 10_000) < after <= held


def test_r3_a_holding_of_two_hundred_thousand_lots_costs_no_more_than_a_small_one() -> None:
    lots = LotQueue.of(Lot(DAY, Decimal(1), Decimal(100)) for _ in range(200_000))
    past = carried_out()
    past.states[f"register/{UMBRELLA}/holding/{X}:{SHARE_CLASS}"] = Holding(lots)
    past.states[f"register/{UMBRELLA}/class/{SHARE_CLASS}"] = share_class.ShareClass(lots.units, holders=1)
    sold = book(*(cancel(n, units="1.5", amount="150") for n in range(150)))
    before = process_time()
    events = carry_out(past, sold)
    assert process_time() - before < 0.5
    assert refused(events) == []
    assert holding(past).units == 200_000 - 225


FIELDS: dict[str, Any] = {
    "account": X, "to_account": Y, "transfer": X, "conversion": X, "into_class": Z, "units": "1", "price": "1",
    "into_price": "1", "reservation": X, "reason": "dispute", "reference": "deed", "market": "MAIN", "order": X,
    "charge": "subscriber", "action": X, "new": 3, "old": 2, "effective_date": DAY, "accounts": [X], "chunk": 0,
    "movements": [issue("a")],
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(DECIDER.commands))
def test_w2_every_command_stays_in_the_lane_of_its_umbrella_and_is_decided_on_an_empty_register(name: str) -> None:
    kind = DECIDER.commands[name]
    each = command(name, **{field: value for field, value in FIELDS.items() if field in kind.model_fields})
    assert {stream.split("/")[1] for stream in each.streams()} == {str(UMBRELLA)}
    assert len(set(each.streams())) == len(each.streams())
    try:
        events = list(carried_out().decide(each))
    except Refused:
        events = []
    assert {event.stream() for event in events} <= set(each.streams())
    again = kind.model_validate(each.model_dump(mode="json"))
    assert again.given(rows_for(again, {})) == each


def test_a_time_without_zone_and_a_float_are_named() -> None:
    with pytest.raises(InvalidValue, match="time zone") as caught:
        command("ReleaseUnits", now=command_time(), account=X, reservation=X)
    assert caught.value.field == "now"
    with pytest.raises(InvalidValue, match="never as a float") as caught:
        command("TransferUnits", transfer=X, account=X, to_account=Y, units=1.5)
    assert caught.value.field == "units"
    with pytest.raises(InvalidValue, match="required") as caught:
        command("ReleaseUnits", account=X)
    assert (caught.value.field, caught.value.value) == ("reservation", None)


def command_time() -> Any:
    return "2026-11-23T09:00:00"


class Foreign(Command):
    """A command of another service."""

    def streams(self) -> tuple[str, ...]:
        return ()


def test_another_services_command_or_event_is_not_decided() -> None:
    foreign = funds.SubFundRenamed(umbrella=UMBRELLA, sub_fund=X, name="no")
    with pytest.raises(TypeError, match="no command of the register"):
        DECIDER.decide(Foreign(now=NOW), {})
    kinds: list[Callable[[Any, Event], object]] = [holdings.evolve, share_class.evolve, booking.evolve, DECIDER.evolve]
    for evolve in kinds:
        with pytest.raises(UnknownEvent):
            evolve(None, foreign)


def test_an_event_that_cannot_follow_is_never_skipped() -> None:
    past = carried_out(book(issue("a")))
    start: dict[str, Any] = {"action": X, "effective_date": DAY + timedelta(days=1)}
    carry_out(past, command("StartSplit", new=3, old=2, **start))
    events = list(past.decide(command("SplitHoldings", action=X, accounts=[X])))
    exchanged = next(event for event in events if isinstance(event, published.HoldingsExchanged))
    with pytest.raises(UnknownEvent):
        share_class.evolve(None, exchanged)


def test_r1_disposals_are_told_of_the_holding_that_the_event_followed_on() -> None:
    past = carried_out(book(issue("a"), issue("b", units="10", amount="1100")))
    sold = carried_out().decide(book(issue("c", units="20", amount="9"), cancel("d", units="15", amount="1")))
    event = next(each for each in sold if isinstance(each, published.UnitsCancelled))
    with pytest.raises(InvalidValue, match="another holding"):
        disposals(holding(past), event, Decimal("0.05"), 2)


def test_every_refusal_has_a_name_of_its_own() -> None:
    kinds = [kind for kind in vars(refusals).values() if isinstance(kind, type) and issubclass(kind, Refused)]
    own = [kind for kind in kinds if kind.__module__ == refusals.__name__]
    assert len({kind.code for kind in own}) == len(own)
    assert len({kind.title for kind in own}) == len(own)
