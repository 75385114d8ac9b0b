"""The queue of lots does what the plain arithmetic of lots does, and its older versions stay as they were (TA-R-1)."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.kernel.errors import InvalidValue
from libs.kernel.money import Rounding, exactly, rounded
from services.register.domain.lot_queue import LotQueue
from services.register.domain.lots import Lot, Lots, cost_of, issued, taken, units_of

START = date(2025, 1, 1)
steps_of = st.integers(1, 10**9).map(lambda n: Decimal(n).scaleb(-4))
new_lots = st.builds(
    Lot,
    st.integers(0, 20).map(lambda days: START + timedelta(days=days)),
    steps_of,
    st.integers(0, 10**9).map(lambda n: Decimal(n).scaleb(-2)),
)
# A lot that comes, or the part of all units that goes.
doings = st.lists(st.one_of(new_lots, st.integers(1, 10_000)), min_size=1, max_size=25)


@exactly
def step(queue: LotQueue, plain: Lots, doing: Lot | int) -> tuple[LotQueue, Lots]:
    """Both after the same; what leaves is equal too."""
    if isinstance(doing, Lot):
        return queue.added(doing), issued(plain, [doing])
    units = rounded(queue.units * doing / 10_000, 4, Rounding.DOWN)
    if not units:
        return queue, plain
    front, expected = queue.front(units, 2), taken(plain, units, 2)
    assert queue.parts(front) == expected.parts
    assert front.cost == cost_of(expected.parts)
    return queue.without(front), expected.left


@given(doings)
@settings(max_examples=150, deadline=None)
def test_r1_the_queue_is_the_plain_arithmetic(some: list[Lot | int]) -> None:
    queue = LotQueue()
    plain: Lots = ()
    versions: list[tuple[LotQueue, Lots]] = []
    for doing in some:
        queue, plain = step(queue, plain, doing)
        versions.append((queue, plain))
    for each, expected in versions:
        assert tuple(each) == expected
        assert (each.units, each.cost, len(each)) == (units_of(expected), cost_of(expected), len(expected))


@given(st.lists(new_lots, max_size=8), st.lists(new_lots, max_size=8))
@settings(max_examples=60, deadline=None)
def test_r1_stored_lots_come_in_by_date(held: list[Lot], more: list[Lot]) -> None:
    rows = [(lot.acquired, lot.units, lot.cost) for lot in more]
    queue = LotQueue.of(issued((), held)).with_all(rows)  # type: ignore[arg-type]
    assert tuple(queue) == issued(issued((), held), more)
    assert queue == LotQueue.of(issued(tuple(held), more))
    assert hash(queue) == hash(LotQueue.of(issued(tuple(held), more)))


@pytest.mark.parametrize("units", ["0", "-1", "10.0001"])
def test_r5_no_more_is_taken_than_is_held(units: str) -> None:
    with pytest.raises(InvalidValue, match="units"):
        LotQueue.of([Lot(START, Decimal(10), Decimal(1))]).front(Decimal(units), 2)


def test_a_queue_says_what_is_in_it() -> None:
    assert repr(LotQueue.of([Lot(START, Decimal(10), Decimal(1))])) == "LotQueue(1 lots, 10 units, cost 1)"
