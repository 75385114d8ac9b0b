"""The numbered invariants of the README that are properties of one day; the machine holds the rest."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from hypothesis import given as forall
from hypothesis import settings
from hypothesis import strategies as st

from libs.messages.order_values import ISO_CODES, Refused
from services.orders.domain.order import Part
from services.orders.tests.dealing_examples import A, House, named, of_kind, totals

AMOUNTS = st.lists(st.integers(min_value=1, max_value=10**9), min_size=1, max_size=6)


def money(cents: int) -> str:
    """An order's quantity."""
    return f"gross {Decimal(cents).scaleb(-2)}"


def day_of(amounts: Sequence[int], order: Sequence[int] | None = None) -> House:
    """A day of subscriptions, placed in an order."""
    house = House()
    for number in order or range(len(amounts)):
        house.place(f"S{number}", quantity=money(amounts[number]))
    return house


def test_orders_inv_2_every_rejection_has_its_code_or_is_spelled_by_ourselves() -> None:
    ours = {Refused.CLASS_SUSPENDED, Refused.INELIGIBLE, Refused.NAV_KNOWN, Refused.SAME_CLASS}
    assert set(Refused) - set(ISO_CODES) == ours
    assert {len(code) for code in ISO_CODES.values()} == {4}


@forall(amounts=AMOUNTS, withdrawn=st.sets(st.integers(min_value=0, max_value=5)))
@settings(max_examples=30, deadline=None)
def test_orders_inv_4_the_totals_are_those_of_the_orders_that_were_not_withdrawn(
    amounts: list[int], withdrawn: set[int]
) -> None:
    house = day_of(amounts)
    for number in withdrawn & set(range(len(amounts))):
        house.do("CancelOrder", order=named(f"S{number}"))
    house.close()
    left = [cents for number, cents in enumerate(amounts) if number not in withdrawn]
    closed = house.day().closed
    assert closed is not None
    found = totals(closed)
    assert ((A, "subscription") in found) == bool(left)
    if left:
        one = found[A, "subscription"]
        assert (one.flows, one.cash) == (len(left), Decimal(sum(left)).scaleb(-2))


@forall(data=st.data(), amounts=AMOUNTS)
@settings(max_examples=20, deadline=None)
def test_orders_inv_4_the_order_in_which_they_came_changes_no_total(data: st.DataObject, amounts: list[int]) -> None:
    other = data.draw(st.permutations(range(len(amounts))))
    one, two = day_of(amounts), day_of(amounts, other)
    one.close()
    two.close()
    first, second = one.day().closed, two.day().closed
    assert first is not None
    assert second is not None
    assert first.classes == second.classes


@forall(amounts=AMOUNTS, size=st.integers(min_value=1, max_value=6))
@settings(max_examples=20, deadline=None)
def test_orders_inv_5_7_the_size_of_the_chunks_changes_no_price_and_no_movement(amounts: list[int], size: int) -> None:
    def parts(size: int) -> tuple[list[tuple[Part, ...]], Decimal]:
        house = day_of(amounts)
        house.close()
        house.publish()
        every = [f"S{number}" for number in range(len(amounts))]
        moved = Decimal(0)
        for start in range(0, len(every), size):
            events = house.price(*every[start : start + size])
            moved += sum(move.units for each in of_kind(events, "MovementsPriced") for move in each.movements)
        return [house.order(name).parts for name in every], moved

    in_chunks, moved = parts(size)
    assert (in_chunks, moved) == parts(len(amounts))
    assert moved == sum(part.steps.units for order in in_chunks for part in order)
