"""A machine that draws commands against the decider, and looks at every register it comes to (TA-R-1 … TA-R-6)."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from libs.kernel.decider import Command
from libs.kernel.errors import InvalidValue, Refused
from libs.kernel.events import Event
from libs.kernel.ids import named_id
from libs.messages import register as published
from libs.testkit.given import Given
from services.register.domain.as_of import units_as_of, units_in_issue_as_of
from services.register.domain.lots import cost_of, units_of
from services.register.tests.examples import (
    CLASS_ROW,
    CONTRACTUAL,
    DAY,
    NOW,
    SHARE_CLASS,
    X,
    Y,
    Z,
    book,
    carry_out,
    command,
    given,
    holding,
    movement,
    order,
    priced,
    share_class_of,
)

OTHER = named_id("example", "other class")
ACCOUNTS, CLASSES = (X, Y, Z), (SHARE_CLASS, OTHER)
LATER = NOW + timedelta(days=40)
accounts = st.sampled_from(ACCOUNTS)
classes = st.sampled_from([SHARE_CLASS] * 3 + [OTHER])
days = st.sampled_from([0, 0, 0, 0, 1, 1, 1, 2, 2, 3, 5, 8]).map(lambda n: DAY + timedelta(days=n))
units = st.integers(1, 300_000).map(lambda n: str(Decimal(n).scaleb(-4)))
few = st.integers(1, 200).map(str)
amounts = st.integers(0, 10_000_000).map(lambda n: str(Decimal(n).scaleb(-2)))
rows = st.sampled_from([{SHARE_CLASS: CLASS_ROW, OTHER: CLASS_ROW}, {SHARE_CLASS: CONTRACTUAL, OTHER: CLASS_ROW}])
movements = st.tuples(accounts, st.sampled_from(["issue", "issue", "cancel"]), units | few, amounts)
ids = st.integers(0, 15).map(lambda n: named_id("machine", str(n)))
chunks = st.sets(accounts, min_size=1).map(sorted)


def cost_change(event: Event) -> Decimal:
    """By how much an event changes what all holdings cost together."""
    match event:
        case published.UnitsIssued(amount=amount):
            return amount
        case published.UnitsCancelled(taken=taken) | published.UnpaidUnitsCancelled(taken=taken):
            return -taken.cost
        case published.UnitsTransferred(taken=None, lots=lots) | published.UnitsConverted(taken=None, lots=lots):
            return sum((lot.cost for lot in lots), Decimal(0))
        case published.UnitsTransferred(taken=taken) | published.UnitsConverted(taken=taken) if taken is not None:
            return -taken.cost
        case published.HoldingSplit(cost_dropped=dropped):
            return -dropped
        case _:
            return Decimal(0)


class RegisterMachine(RuleBasedStateMachine):
    """Three accounts and two classes of one currency."""

    def __init__(self) -> None:
        super().__init__()
        self.past: Given = given()
        self.events: list[Event] = []
        self.done: list[Command] = []
        self.orders = 0
        self.cost = Decimal(0)

    def carry_out(self, name: str, **fields: Any) -> None:
        """Decide and fold; the command again gives nothing."""
        self._carry_out(command(name, now=LATER, **fields))

    def _carry_out(self, each: Command) -> None:
        try:
            events = carry_out(self.past, each)
        except (Refused, InvalidValue):
            return
        self.events += events
        self.cost += sum(map(cost_change, events), Decimal(0))
        assert list(self.past.decide(each)) == [], "a command that was carried out gives no event"
        # A chunk of holdings may find one that was empty the first time.
        if events and not hasattr(each, "accounts"):
            self.done.append(each)

    @initialize(start=st.lists(st.tuples(accounts, units, amounts), max_size=6))
    def start_somewhere(self, start: list[tuple[Any, str, str]]) -> None:
        for each in start:
            self.book_a_chunk(SHARE_CLASS, DAY, [(each[0], "issue", each[1], each[2])], {SHARE_CLASS: CLASS_ROW})

    @rule(share_class=classes, day=days, some=st.lists(movements, min_size=1, max_size=6), row=rows)
    def book_a_chunk(self, share_class: Any, day: Any, some: list[Any], row: Any) -> None:
        numbered = [movement(self.orders + n, *each, settlement_date=day) for n, each in enumerate(some)]
        self.orders += len(some)
        fields: dict[str, Any] = {"share_class": share_class, "valuation_date": day, "rows": row, "now": LATER}
        self._carry_out(book(*numbered, chunk=self.orders, **fields))

    @rule(name=ids, giver=accounts, taker=accounts, some=units, paid=st.none() | amounts, share_class=classes, day=days)
    def transfer(self, name: Any, giver: Any, taker: Any, some: str, paid: Any, share_class: Any, day: Any) -> None:
        fields: dict[str, Any] = {"account": giver, "to_account": taker, "share_class": share_class}
        dates = {"valuation_date": day, "settlement_date": day}
        self.carry_out("TransferUnits", transfer=name, units=some, consideration=paid, **fields, **dates)

    @rule(name=ids, account=accounts, some=units, day=days, price=st.integers(1, 500))
    def convert(self, name: Any, account: Any, some: str, day: Any, price: int) -> None:
        fields: dict[str, Any] = {"account": account, "into_class": OTHER, "rows": {OTHER: CLASS_ROW}}
        prices = {"price": "100", "into_price": str(price), "valuation_date": day, "settlement_date": day}
        self.carry_out("ConvertUnits", conversion=name, units=some, **fields, **prices)

    @rule(name=ids, account=accounts, some=units, share_class=classes, kind=st.sampled_from("BPE"))
    def reserve(self, name: Any, account: Any, some: str, share_class: Any, kind: str) -> None:
        kinds: dict[str, tuple[str, dict[str, str]]] = {
            "B": ("BlockUnits", {"reason": "dispute"}),
            "P": ("PledgeUnits", {"reference": "deed"}),
            "E": ("EarmarkUnits", {"market": "MAIN"}),
        }
        said, own = kinds[kind]
        self.carry_out(said, reservation=name, account=account, units=some, share_class=share_class, **own)

    @rule(data=st.data(), account=accounts, share_class=classes)
    def release(self, data: st.DataObject, account: Any, share_class: Any) -> None:
        name = data.draw(st.sampled_from([*sorted(holding(self.past, account, share_class).reserved), order("none")]))
        self.carry_out("ReleaseUnits", reservation=name, account=account, share_class=share_class)

    @precondition(lambda self: self.unpaid())
    @rule(data=st.data(), paid=st.booleans(), price=st.integers(1, 500).map(str))
    def end_what_is_unpaid(self, data: st.DataObject, paid: bool, price: str) -> None:
        fields = data.draw(st.sampled_from(self.unpaid()))
        if paid:
            self.carry_out("ReleasePaidUnits", **fields)
        else:
            day = share_class_of(self.past, fields["share_class"]).latest_valuation
            self._carry_out(priced(command("CancelUnpaidUnits", now=LATER, charge="subscriber", **fields), price, day))

    def unpaid(self) -> list[dict[str, Any]]:
        """Where orders wait for their money."""
        return [
            {"account": account, "share_class": share_class, "order": name}
            for account in ACCOUNTS
            for share_class in CLASSES
            for name, each in sorted(holding(self.past, account, share_class).reserved.items())
            if each.kind == "unpaid"
        ]

    @rule(name=ids, new=st.integers(1, 7), old=st.integers(1, 7), share_class=classes, day=st.integers(0, 2))
    def start_split(self, name: Any, new: int, old: int, share_class: Any, day: int) -> None:
        fields: dict[str, Any] = {"share_class": share_class, "effective_date": self.next_day(share_class, day)}
        self.carry_out("StartSplit", action=name, new=new, old=old, **fields)

    @precondition(lambda self: self.orders > 8)
    @rule(name=ids, price=st.integers(1, 500), day=st.integers(0, 2))
    def start_merger(self, name: Any, price: int, day: int) -> None:
        prices: dict[str, Any] = {"price": "100", "into_price": str(price), "rows": {OTHER: CLASS_ROW}}
        fields: dict[str, Any] = {"into_class": OTHER, "effective_date": self.next_day(SHARE_CLASS, day), **prices}
        self.carry_out("StartMerger", action=name, **fields)

    def next_day(self, share_class: UUID, more: int) -> date:
        """On or after the day up to which the class is booked."""
        return max(share_class_of(self.past, share_class).latest_valuation, DAY) + timedelta(days=more)

    @rule(share_class=classes, some=chunks)
    def go_on_with_the_action(self, share_class: Any, some: Any) -> None:
        actions = share_class_of(self.past, share_class).actions
        if not actions:
            return
        merger = isinstance(actions[-1], published.MergerStarted)
        into = {"into_class": OTHER} if merger else {}
        fields: dict[str, Any] = {"action": actions[-1].action, "accounts": some, "share_class": share_class}
        self.carry_out("MergeHoldings" if merger else "SplitHoldings", **fields, **into)

    @rule(data=st.data())
    def repeat_something(self, data: st.DataObject) -> None:
        if self.done:
            assert list(self.past.decide(data.draw(st.sampled_from(self.done)))) == []

    @invariant()
    def r3_units_in_issue_are_the_sum_of_the_holdings(self) -> None:
        for each in CLASSES:
            held, found = [holding(self.past, account, each) for account in ACCOUNTS], share_class_of(self.past, each)
            assert found.units_in_issue == sum(one.units for one in held)
            assert found.holders == sum(bool(one.units) for one in held)
            waiting = sum(bool(one.units) and one.generation < len(found.actions) for one in held)
            assert found.waiting == waiting

    @invariant()
    def r5_nothing_is_below_zero_or_below_what_is_reserved(self) -> None:
        for each in CLASSES:
            for account in ACCOUNTS:
                held = holding(self.past, account, each)
                assert held.reserved_units == sum(one.units for one in held.reserved.values())
                assert 0 <= held.reserved_units <= held.units

    @invariant()
    def r1_lots_add_up_and_stand_by_date_and_their_cost_is_conserved(self) -> None:
        total = Decimal(0)
        for each in CLASSES:
            for account in ACCOUNTS:
                lots = holding(self.past, account, each).lots
                assert (lots.units, lots.cost) == (units_of(lots), cost_of(lots))
                assert [lot.acquired for lot in lots] == sorted(lot.acquired for lot in lots)
                total += lots.cost
        assert total == self.cost

    @invariant()
    def r4_the_events_alone_tell_the_same(self) -> None:
        for each in CLASSES:
            own = [event for event in self.events if getattr(event, "share_class", None) == each]
            assert units_in_issue_as_of(own, LATER.date()) == share_class_of(self.past, each).units_in_issue
            cuts = dict.fromkeys(range(4), Decimal(0))
            for account in ACCOUNTS:
                of_one = [event for event in own if getattr(event, "account", None) == account]
                assert units_as_of(reversed(of_one), LATER.date()) == holding(self.past, account, each).units
                for days_on in cuts:
                    cuts[days_on] += units_as_of(of_one, DAY + timedelta(days=days_on))
            for days_on, held in cuts.items():
                assert units_in_issue_as_of(own, DAY + timedelta(days=days_on)) == held


TestRegisterMachine = RegisterMachine.TestCase
TestRegisterMachine.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
