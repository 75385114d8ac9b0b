"""FIFO lots always add up, whatever is issued, taken, moved, redeemed or exchanged (TA-R-1, TA-R-3, TA-R-5)."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from libs.kernel.ids import named_id
from libs.kernel.money import Rounding, has_decimals, rounded
from services.register.domain.corporate_actions import convert, exchange_all, exchanged, split_factor
from services.register.domain.lots import Lot, Lots, issued, redeemed, taken, transferred

FIRST = date(2025, 1, 1)


def units(most: int) -> st.SearchStrategy[Decimal]:
    """Positive units at 4 decimals."""
    return st.integers(1, most).map(lambda count: Decimal(f"{count}E-4"))


days = st.integers(0, 3).map(lambda number: FIRST + timedelta(days=number))
costs = st.integers(0, 10**10).map(lambda cents: Decimal(f"{cents}E-2"))
some_lots = st.lists(st.builds(Lot, days, units(10**6) | units(10**34), costs), min_size=1, max_size=6).map(
    lambda lots: issued((), lots)
)
factors = st.builds(split_factor, st.integers(1, 50), st.integers(1, 50)) | st.fractions("1/1000", 1_000)


def exact(lots: Lots) -> tuple[Fraction, Fraction]:
    """Units and cost, added without a context."""
    return sum((Fraction(lot.units) for lot in lots), Fraction(0)), sum(
        (Fraction(lot.cost) for lot in lots), Fraction(0)
    )


def part_of(lots: Lots, part: Fraction) -> Decimal:
    """Some units of the lots, at least a step."""
    return max(rounded(exact(lots)[0] * part, 4, Rounding.DOWN), Decimal("0.0001"))


parts = st.fractions(0, 1)


@settings(deadline=None)
@given(some_lots, parts)
def test_r1_what_is_taken_and_what_is_left_is_what_was_held(lots: Lots, part: Fraction) -> None:
    wanted = part_of(lots, part)
    found = taken(lots, wanted, 2)
    assert exact(found.parts)[0] == Fraction(wanted)
    for before, gone, left in zip(exact(lots), exact(found.parts), exact(found.left), strict=True):
        assert before == gone + left
    # First in, first out: nothing stays that is older than what left.
    if found.left:
        assert found.parts[-1].acquired <= found.left[0].acquired
        assert all(has_decimals(lot.cost, 2) for lot in (*found.parts, *found.left))


@settings(deadline=None)
@given(some_lots, some_lots, parts)
def test_r1_a_transfer_conserves_units_costs_and_dates(giver: Lots, receiver: Lots, part: Fraction) -> None:
    left, received, moved = transferred(giver, receiver, part_of(giver, part), 2)
    for before, other, after, others in zip(*map(exact, (giver, receiver, left, received)), strict=True):
        assert before + other == after + others
    assert all(one.acquired <= other.acquired for one, other in pairwise(received))
    assert {lot.acquired for lot in moved} <= {lot.acquired for lot in giver}


@settings(deadline=None)
@given(some_lots, parts, units(10**7), st.integers(0, 10**6))
def test_r1_proceeds_are_shared_to_the_last_cent_and_none_is_negative(
    lots: Lots, part: Fraction, price: Decimal, less: int
) -> None:
    wanted = part_of(lots, part)
    raw = rounded(Fraction(wanted) * Fraction(price), 2, Rounding.HALF_UP)
    proceeds = rounded(max(Fraction(raw) - Fraction(less, 100), Fraction(0)), 2, Rounding.DOWN)
    found = redeemed(lots, wanted, price, proceeds, 2)
    assert sum(Fraction(each.proceeds) for each in found.disposals) == Fraction(proceeds)
    assert min(each.proceeds for each in found.disposals) >= 0
    assert sum(Fraction(each.gain) for each in found.disposals) == Fraction(found.gain)
    assert Fraction(found.gain) + exact(tuple(each.lot for each in found.disposals))[1] == Fraction(proceeds)


@settings(deadline=None)
@given(some_lots, factors, st.integers(0, 8))
def test_r1_an_exchange_drops_less_than_a_step_and_no_cost(lots: Lots, factor: Fraction, decimals: int) -> None:
    found = exchanged(lots, factor, decimals)
    held, cost = exact(lots)
    assert exact(found.lots) == (Fraction(found.units), cost - Fraction(found.cost_dropped))
    assert Fraction(found.units) + found.residual == held * factor
    assert 0 <= found.residual < Fraction(1, 10**decimals)
    assert (found.cost_dropped == 0) or not found.lots
    assert {lot.acquired for lot in found.lots} <= {lot.acquired for lot in lots}


@settings(deadline=None)
@given(st.lists(some_lots, max_size=4), factors)
def test_r3_units_in_issue_are_the_sum_of_holdings_after_any_action(holdings: list[Lots], factor: Fraction) -> None:
    accounts = {named_id("account", str(number)): lots for number, lots in enumerate(holdings)}
    found = exchange_all(accounts, factor, 4)
    assert Fraction(found.units_after) == sum((exact(each.lots)[0] for each in found.accounts.values()), Fraction(0))
    assert Fraction(found.units_after) + found.residual == Fraction(found.units_before) * factor


@settings(deadline=None)
@given(some_lots, parts, factors)
def test_r1_a_conversion_conserves_what_it_does_not_show_as_dropped(
    lots: Lots, part: Fraction, factor: Fraction
) -> None:
    found = convert(lots, part_of(lots, part), factor, 3, 2)
    cost = exact(found.left)[1] + exact(found.received.lots)[1] + Fraction(found.received.cost_dropped)
    assert cost == exact(lots)[1]
    assert exact(found.left)[0] + exact(found.given)[0] == exact(lots)[0]


class TwoAccounts(RuleBasedStateMachine):
    """Any sequence of movements between two accounts: units and costs are what came in less what went out."""

    def __init__(self) -> None:
        super().__init__()
        self.held: list[Lots] = [(), ()]
        self.units = Fraction(0)
        self.cost = Fraction(0)

    @rule(account=st.integers(0, 1), lot=st.builds(Lot, days, units(10**8), costs))
    def issue(self, account: int, lot: Lot) -> None:
        self.held[account] = issued(self.held[account], [lot])
        self.units += Fraction(lot.units)
        self.cost += Fraction(lot.cost)

    @rule(giver=st.integers(0, 1), part=parts)
    def transfer(self, giver: int, part: Fraction) -> None:
        if self.held[giver]:
            wanted = part_of(self.held[giver], part)
            self.held[giver], self.held[1 - giver], _ = transferred(self.held[giver], self.held[1 - giver], wanted, 2)

    @rule(account=st.integers(0, 1), part=parts)
    def redeem(self, account: int, part: Fraction) -> None:
        if self.held[account]:
            wanted = part_of(self.held[account], part)
            proceeds = rounded(Fraction(wanted) * 75, 2, Rounding.HALF_UP)
            found = redeemed(self.held[account], wanted, Decimal(75), proceeds, 2)
            self.held[account] = found.left
            self.units -= Fraction(wanted)
            self.cost -= exact(tuple(each.lot for each in found.disposals))[1]

    @rule(factor=factors)
    def split(self, factor: Fraction) -> None:
        if self.units * factor > 10**30:
            return
        done = [exchanged(lots, factor, 4) for lots in self.held]
        self.held = [each.lots for each in done]
        self.units = self.units * factor - sum((each.residual for each in done), Fraction(0))
        self.cost -= sum(Fraction(each.cost_dropped) for each in done)

    @invariant()
    def inv_r3_lots_add_up(self) -> None:
        sums = [exact(lots) for lots in self.held]
        assert sum(each[0] for each in sums) == self.units
        assert sum(each[1] for each in sums) == self.cost

    @invariant()
    def the_oldest_lot_comes_first(self) -> None:
        assert all(one.acquired <= other.acquired for lots in self.held for one, other in pairwise(lots))


TwoAccounts.TestCase.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
TestTwoAccounts = TwoAccounts.TestCase
