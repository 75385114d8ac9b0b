"""A machine that draws dealing days: orders, withdrawals, suspensions, publications, chunks, answers (TA-O).

It keeps its own book of who is to be dealt when, and holds every state of the decider against it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from libs.kernel.errors import CheckUnavailable, InvalidValue, Refused
from libs.kernel.events import Event
from libs.kernel.money import Rounding, rounded
from libs.messages import order_values as values
from libs.messages import orders as published
from services.orders.domain.dealing_day import Day, closing
from services.orders.tests.dealing_examples import (
    ACCOUNT,
    CUT_OFF,
    OTHER_FUND,
    PRICES,
    SECOND,
    SUB_FUND,
    A,
    B,
    C,
    House,
    into,
    named,
    of_kind,
    placed,
    publication,
)  # fmt: skip

QUANTITIES = st.sampled_from(["gross 1000", "gross 25000.01", "units 12.3456", "units 400", "all", "units 0", "net 70"])
KINDS = st.sampled_from(["subscription", "redemption", "redemption", "switch", "transfer"])
ACCOUNTS = st.sampled_from([ACCOUNT, SECOND])
TARGETS = st.sampled_from([into(B), into(C, OTHER_FUND)])
ORDERS = st.tuples(KINDS, QUANTITIES, ACCOUNTS, TARGETS)
PICK = st.integers(min_value=0, max_value=50)
PART = Decimal("0.5")
FOR_EVER = {"rejected", "cancelled", "lapsed", "reversed"}


class DealingMachine(RuleBasedStateMachine):
    """A house with two sub-funds, the first one gated."""

    def __init__(self) -> None:
        super().__init__()
        self.house = House()
        self.placed: list[str] = []
        self.dealt: dict[tuple[str, object], dict[object, Decimal]] = {}
        self.final: dict[str, str] = {}
        self.moved: dict[object, list[Decimal]] = {}

    @initialize(remainder=st.sampled_from(["carried", "lapses"]), orders=st.lists(ORDERS, min_size=2, max_size=8))
    def start(self, remainder: str, orders: list[tuple[str, str, object, Any]]) -> None:
        self.house.gated(remainder)
        for order in orders:
            self.place(order=order, late=False)

    # --- What is asked for

    @rule(order=ORDERS, late=st.booleans())
    def place(self, order: tuple[str, str, object, Any], late: bool) -> None:
        kind, quantity, account, goes = order
        name = f"X{len(self.placed)}"
        more = {"account": account, **({"into": goes} if kind == "switch" else {})}
        more |= {"to_account": SECOND if account == ACCOUNT else ACCOUNT} if kind == "transfer" else {}
        # In time, and decided when the day may be closed or priced already.
        at = {"now": CUT_OFF} if late else {}
        self.placed.append(name)
        self.carry_out("PlaceOrder", **placed(name, kind, quantity, **more), **at)

    @rule(pick=PICK)
    def amend(self, pick: int) -> None:
        for name in self.picked(pick):
            received = self.house.order(name).received
            fields = received.model_dump(include={"kind", "account", "into", "to_account"})
            self.placed.append(f"X{len(self.placed)}")
            new = placed(self.placed[-1], fields.pop("kind"), "units 7", **fields)
            if self.carry_out("AmendOrder", **new, original=named(name)) is None:
                self.placed.pop()

    @rule(pick=PICK, name=st.sampled_from(["CancelOrder", "CancelAfterCutOff", "ReverseOrder"]))
    def end(self, pick: int, name: str) -> None:
        for each in self.picked(pick):
            reason = {} if name == "CancelOrder" else {"reason": "client_request"}
            self.carry_out(name, order=named(each), **reason)

    @rule(pick=PICK)
    def hold(self, pick: int) -> None:
        for each in self.picked(pick):
            self.carry_out("HoldOrders", orders=[named(each)], reason="sub_fund_suspended")

    @rule()
    def release(self) -> None:
        held = [self.house.order(each).received for each in self.placed if self.house.order(each).held is not None]
        if held:
            orders = [each.model_dump(include={"order", "sub_fund", "share_class", "into"}) for each in held]
            self.carry_out("ReleaseOrders", orders=orders)

    @rule(hours=st.integers(min_value=1, max_value=20))
    def time_passes(self, hours: int) -> None:
        self.house.now += timedelta(hours=hours)

    # --- What the day brings

    @rule(gated=st.booleans(), size=st.integers(min_value=1, max_value=4), refuse=st.booleans())
    def a_day_goes_by(self, gated: bool, size: int, refuse: bool) -> None:
        self.time_passes(hours=24)
        self.close_what_is_due()
        self.publish(gated=gated)
        self.price_and_book(size=size, refuse=refuse)

    @rule()
    def close_what_is_due(self) -> None:
        for day in self.days():
            if day.opened.closes_at <= self.house.now:
                self.carry_out("CloseDealingDay", **_of(day))

    @rule(gated=st.booleans())
    def publish(self, gated: bool) -> None:
        for day in self.days():
            if day.closed is not None and day.pricing is None:
                gates = [{"share_class": A, "requested_units": "1000", "capacity_units": "500"}] if gated else []
                of_day = publication(self.house.now, day.opened.valuation_date, day.opened.sub_fund, gates=gates)
                self.carry_out("OpenPricing", **of_day)

    @rule(size=st.integers(min_value=1, max_value=4), refuse=st.booleans())
    def price_and_book(self, size: int, refuse: bool) -> None:
        for day in self.days():
            orders = [(each, self.house.order(each)) for each in self.placed if day.pricing is not None]
            every = [name for name, order in orders if order.waiting is not None or order.investing]
            for start in range(0, len(every), size):
                self.price(day, every[start : start + size], refuse=refuse)

    def price(self, day: Day, chunk: list[str], *, refuse: bool) -> None:
        """A chunk, and the register's answer to it."""
        gated = day.pricing is not None and day.pricing.gates
        shares = {name: self.share(name) for name in chunk} if gated else None
        fields = self.house.chunk(*chunk, valuation_date=_of(day)["valuation_date"], shares=shares)
        events = self.carry_out("PriceOrders", **{**fields, "sub_fund": day.opened.sub_fund})
        for moved in of_kind(events or [], "MovementsPriced"):
            orders = [each.order for each in moved.movements]
            cut = 1 if refuse and len(orders) > 1 else 0
            self.carry_out(
                "RecordBookings", valuation_date=moved.valuation_date, share_class=moved.share_class, chunk=moved.chunk,
                booked=orders[cut:],
                refused=[{"order": each, "reason": "holding-too-small"} for each in orders[:cut]],
            )  # fmt: skip

    def share(self, name: str) -> dict[str, str]:
        """Half of what is asked for."""
        order = self.house.order(name)
        quantity = order.received.quantity if order.waiting is None else order.waiting.quantity
        asked = Decimal(1000)
        if isinstance(quantity, values.InUnits):
            asked = quantity.units
        elif not isinstance(quantity, values.InAll):
            asked = rounded(quantity.amount / Decimal(PRICES[A]), 4, Rounding.UP)
        return {"requested": str(asked), "executed": str(rounded(asked * PART, 4, Rounding.DOWN))}

    @rule(pick=PICK, fails=st.booleans())
    def settle(self, pick: int, fails: bool) -> None:
        for each in self.picked(pick):
            order = self.house.order(each)
            if order.received.kind == "transfer":
                answer: dict[str, Any] = {"refused": "blocked"} if fails else {"units": 1}
                self.carry_out("RecordTransfer", order=named(each), **answer)
            elif order.parts:
                parts = [part.number for part in order.parts if part.status in ("confirmed", "failed")] or [1]
                reason = {"reason": "money_short"} if fails else {}
                self.carry_out("FailSettlement" if fails else "SettleOrder", order=named(each), parts=parts, **reason)

    # --- The machine's own book

    def carry_out(self, name: str, /, **fields: Any) -> list[Event] | None:
        """Decide, write it into the book, fold; the same command again is nothing. None for a refusal."""
        command = self.house.command(name, **fields)
        try:
            events = list(self.house.past.decide(command))
        except (Refused, InvalidValue, CheckUnavailable):
            return None
        for event in events:
            self.note(event)
            self.house.past.apply(event)
        assert list(self.house.past.decide(command)) == [], "a repeated command gives nothing"
        return events

    def note(self, event: Event) -> None:
        """Who is to be dealt when, by the words of the order's own events."""
        if isinstance(event, published.OrderAccepted | published.OrderReleased | published.OrderCarried):
            if event.dates is None:
                return
            self.dealt.setdefault(("out", event.dates.valuation_date), {})[event.order] = Decimal(1)
        elif isinstance(event, published.OrderHeld | published.OrderCancelled):
            state = self.house.past.states[event.stream()]
            if state.waiting is not None:
                self.dealt[("out", state.waiting.dates.valuation_date)].pop(event.order, None)
        elif isinstance(event, published.OrderPriced):
            self.priced(event)
        elif isinstance(event, published.MovementsPriced):
            for movement in event.movements:
                self.moved.setdefault(movement.order, []).append(movement.units)

    def priced(self, event: published.OrderPriced) -> None:
        """Forward pricing, and nothing of what was asked for is lost."""
        order = self.house.past.states[event.stream()]
        fund = order.received.into.sub_fund if event.leg == "in" else order.received.sub_fund
        pricing = self.house.day(event.valuation_date, fund).pricing
        assert pricing is not None
        assert order.received.received_at < pricing.published_at
        assert event.requested == event.steps.units + event.carried + event.lapsed
        if event.leg != "in":
            assert order.waiting.dates.valuation_date == event.valuation_date
            assert event.order in self.dealt[("out", event.valuation_date)]

    # --- What holds in every state

    @invariant()
    def every_order_has_ended_once_or_is_visibly_waiting(self) -> None:
        for name in self.placed:
            order = self.house.order(name)
            assert order.accepted or order.status == "rejected"
            before = self.final.get(name)
            assert before is None or order.status == before
            if order.status in FOR_EVER and before is None:
                self.final[name] = order.status
            if order.is_final:
                assert order.waiting is None
                assert not order.investing

    @invariant()
    def the_totals_of_a_closed_day_are_those_of_the_orders_accepted_for_it(self) -> None:
        for day in self.days():
            if day.closed is None:
                continue
            assert closing(day, day.closed.closed_at).classes == day.closed.classes
            if day.opened.sub_fund == SUB_FUND:
                flows = [total for each in day.closed.classes for total in each.totals if total.kind != "switch_in"]
                expected = self.dealt.get(("out", day.opened.valuation_date), {})
                assert sum(total.flows for total in flows) == len(expected)

    @invariant()
    def a_part_is_a_movement_and_a_movement_a_part(self) -> None:
        for name in self.placed:
            order = self.house.order(name)
            assert sorted(self.moved.get(named(name), [])) == sorted(part.steps.units for part in order.parts)

    def picked(self, pick: int) -> Iterator[str]:
        """One of the orders, if there is one."""
        if self.placed:
            yield self.placed[pick % len(self.placed)]

    def days(self) -> list[Day]:
        """The dealing days."""
        return [state for state in list(self.house.past.states.values()) if isinstance(state, Day)]


def _of(day: Day) -> dict[str, Any]:
    return {"sub_fund": day.opened.sub_fund, "valuation_date": day.opened.valuation_date}


TestDealingMachine = DealingMachine.TestCase
TestDealingMachine.settings = settings(max_examples=60, stateful_step_count=18, deadline=None)
