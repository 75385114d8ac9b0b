"""Pricing a chunk of a dealing day: each order by the NAV of its own valuation date, or rejected by name (TA-O-5)."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple
from uuid import UUID

from libs.kernel.errors import InvalidValue
from libs.kernel.events import Event
from libs.kernel.exchange import ExchangeRate
from libs.kernel.money import Money, ratio
from libs.messages import order_values as values
from libs.messages import orders as published
from libs.messages.order_values import ISO_CODES, Refused
from services.orders.domain import noting
from services.orders.domain.charges import Charges, entry_charges, exit_charges, switch_charges
from services.orders.domain.commands import OrderToPrice, PriceOrders
from services.orders.domain.dates import carried_dates, invested_dates
from services.orders.domain.dealing_day import being_priced
from services.orders.domain.ending import undo
from services.orders.domain.gate import executed_part
from services.orders.domain.holdings import Holdings
from services.orders.domain.order import Investing, Order, Waiting, in_flow_of, invested_flow
from services.orders.domain.ordered import minimum_of, quantity_of
from services.orders.domain.pricing import (
    AllUnits,
    Priced,
    Prices,
    Reason,
    Refusal,
    price_redemption,
    price_subscription,
)
from services.orders.domain.refusals import PriceMissing, ShareOutsideGate
from services.orders.domain.suspension import class_of, sub_fund_of
from services.orders.domain.switching import InLeg, Invested, invest
from services.orders.domain.work import Work

_REASONS = {
    Reason.QUANTITY: Refused.QUANTITY,
    Reason.BUYS_NO_UNIT: Refused.BUYS_NO_UNIT,
    Reason.HOLDING_TOO_SMALL: Refused.HOLDING_TOO_SMALL,
    Reason.REST_BELOW_MINIMUM: Refused.REST_BELOW_MINIMUM,
}
_FROZEN = frozenset({"all", "asset_freeze"})


class Part(NamedTuple):
    """What a gate let through of a redemption or an out leg, and what was asked for."""

    asked: Decimal
    executed: Priced | None


def price_orders(command: PriceOrders, work: Work) -> Sequence[Event]:
    """The chunk's orders in the order of their receipt; what is priced, held or gone already is passed over (O-5).

    Raises OrderUnknown, DayUnknown, PricingNotOpen, RevisionIsPast, PriceMissing, ShareOutsideGate, DatesMoved.
    """
    day = work.day(command.sub_fund, command.valuation_date)
    publication = being_priced(day, command.revision, command.valuation_date)
    found = [(work.known_order(each.order), each) for each in command.orders]
    chunk = Chunk(command, work, publication)
    for order, each in sorted(found, key=lambda pair: (pair[0].received.received_at, str(pair[1].order))):
        received = order.received
        named = (each.account, each.sub_fund, each.share_class, each.into)
        if named != (received.account, received.sub_fund, received.share_class, received.into):
            raise InvalidValue("the order is of another account or class", field="orders", value=each.order)
        if order.held is None:
            chunk.price(order, each)
    noting.movements(work, command)
    return work.done()


class Chunk:
    """One chunk under way: its publication, what is left of the holdings."""

    def __init__(self, command: PriceOrders, work: Work, publication: published.PricingOpened) -> None:
        self._command, self._work, self._publication = command, work, publication
        self._prices = {price.share_class: price for price in publication.prices}
        self._gates = {gate.share_class: gate for gate in publication.gates}
        self._holdings = Holdings(command.rows)

    def price(self, order: Order, each: OrderToPrice) -> None:
        """Whatever of the order is dealt on this day."""
        here = (self._command.sub_fund, self._command.valuation_date)
        waiting = order.waiting
        if waiting is not None and (each.sub_fund, waiting.dates.valuation_date) == here:
            against = self._forbidden(order)
            if against is not None:
                self._reject(order, waiting, against, None, None)
            elif order.received.kind == "subscription":
                self._subscribe(order, each, waiting)
            else:
                self._redeem(order, each, waiting)
        for investing in self._now_investing(each.order, each):
            self._invest(each, investing)

    def _now_investing(self, identity: UUID, each: OrderToPrice) -> tuple[Investing, ...]:
        """The in legs of this day, those of out legs that this very chunk priced among them."""
        if each.into is None or each.into.sub_fund != self._command.sub_fund:
            return ()
        legs = self._work.known_order(identity).investing
        return tuple(leg for leg in legs if leg.dates.valuation_date == self._command.valuation_date)

    def _forbidden(self, order: Order) -> Refused | None:
        """Forward pricing (O-5), and an asset freeze since: neither dealt nor paid (I-6)."""
        if self._known_at_receipt(order):
            return Refused.NAV_KNOWN
        account = self._holdings.account(order.received.account)
        return Refused.ACCOUNT_BLOCKED if account is not None and not _FROZEN.isdisjoint(account.blocks) else None

    def _known_at_receipt(self, order: Order) -> bool:
        """Whether a NAV of this day was published when the order came, also one that was cancelled since."""
        day = self._work.day(self._command.sub_fund, self._command.valuation_date)
        since = None if day is None else day.known_since
        return since is not None and order.received.received_at >= since

    def _prices_of(self, share_class: UUID) -> Prices:
        price = self._prices.get(share_class)
        if price is None:
            raise PriceMissing("the publication lacks it", field="share_class", value=share_class)
        return Prices(price.nav, price.bid, price.offer, price.swung)

    # --- Subscriptions

    def _subscribe(self, order: Order, each: OrderToPrice, waiting: Waiting) -> None:
        terms, quantity = class_of(self._command.rows, each).terms, quantity_of(waiting.quantity)
        if isinstance(quantity, AllUnits):
            raise InvalidValue("nobody subscribes for all units", field="quantity", value=each.order)
        tools = sub_fund_of(self._command.rows, each).tools
        charges = entry_charges(terms, tools, levied=self._publication.levy_due)
        reason, minimum = minimum_of(terms, self._holdings.row(each))
        outcome = price_subscription(quantity, terms, self._prices_of(each.share_class), charges, minimum=minimum)
        if isinstance(outcome, Refusal):
            named = reason if outcome.reason is Reason.BELOW_MINIMUM else _REASONS[outcome.reason]
            self._reject(order, waiting, named, outcome.found, outcome.limit)
            return
        noting.priced(self._work, self._publication, order, "order", outcome, waiting.dates, outcome.units)

    # --- Redemptions and out legs

    def _redeem(self, order: Order, each: OrderToPrice, waiting: Waiting) -> None:
        rows, prices = self._command.rows, self._prices_of(each.share_class)
        terms, tools = class_of(rows, each).terms, sub_fund_of(rows, each).tools
        of_kind = exit_charges if each.into is None else switch_charges
        free = self._holdings.row(each).long_held
        charges = of_kind(terms, tools, levied=self._publication.levy_due, free_units=free)
        quantity = quantity_of(waiting.quantity)
        asked = price_redemption(quantity, terms, prices, charges, self._holdings.left(each))
        if isinstance(asked, Refusal):
            self._reject(order, waiting, _REASONS[asked.reason], asked.found, asked.limit)
            return
        share = self._share(each, asked.units)
        part = Part(asked.units, executed_part(asked, share, terms, prices, charges))
        if part.executed is not None and self._in_leg_fails(order, each, waiting, part.executed):
            return
        self._dealt(order, each, waiting, part)

    def _share(self, each: OrderToPrice, asked: Decimal) -> Decimal:
        """What the gate lets through: its ratio of the request, a step more for the largest remainders (O-6).

        A holding may have shrunk since the shares were worked out: nobody gives up more than is asked for now.
        """
        gate = self._gates.get(each.share_class)
        if gate is None:
            return asked
        share = each.share
        if share is None:
            raise ShareOutsideGate("a gate applies, and the order has no share", field="share", value=each.order)
        step = Fraction(1, 10 ** class_of(self._command.rows, each).terms.unit_decimals)
        exact = Fraction(share.requested) * ratio(gate.capacity_units, gate.requested_units)
        if not exact - step < Fraction(share.executed) < exact + step:
            raise ShareOutsideGate("not what the gate gives", field="share", value=share.executed)
        return min(share.executed, asked)

    def _in_leg_fails(self, order: Order, each: OrderToPrice, waiting: Waiting, out: Priced) -> bool:
        """A switch within the sub-fund is rejected whole when its in leg buys nothing (O-1)."""
        if each.into is None or each.into.sub_fund != self._command.sub_fund:
            return False
        outcome = self._invested(each.into, Money(out.amounts.net, out.currency))
        if isinstance(outcome, Refusal):
            self._reject(order, waiting, _REASONS[outcome.reason], outcome.found, outcome.limit)
            return True
        return False

    def _dealt(self, order: Order, each: OrderToPrice, waiting: Waiting, part: Part) -> None:
        """The part executed is priced; the rest waits in units for the next day, or lapses, as the sub-fund says."""
        row, work = sub_fund_of(self._command.rows, each), self._work
        executed = Decimal(0) if part.executed is None else part.executed.units
        rest = part.asked - executed
        carries = row.tools.gate is not None and row.tools.gate.remainder == "carried"
        inward = in_flow_of(order, waiting)
        elsewhere = each.into is not None and each.into.sub_fund != self._command.sub_fund
        if elsewhere and each.into is not None and waiting.into is not None and inward is not None:
            work.uncount(each.order, each.into.sub_fund, waiting.into.valuation_date, inward)
        if part.executed is not None:
            self._holdings.take(each, executed)
            leg: values.Leg = "order" if each.into is None else "out"
            noting.priced(
                work, self._publication, order, leg, part.executed, waiting.dates, part.asked,
                carried=rest if carries else Decimal(0), lapsed=Decimal(0) if carries else rest,
            )  # fmt: skip
            self._count_invested(each, elsewhere=elsewhere)
        if rest and carries:
            self._carry(each, rest)
        elif rest:
            work.record(published.RemainderLapsed(umbrella=self._command.umbrella, order=each.order, units=rest))

    def _count_invested(self, each: OrderToPrice, *, elsewhere: bool) -> None:
        """The in leg in another sub-fund is counted there by what the out leg brought."""
        order = self._work.known_order(each.order)
        if elsewhere and each.into is not None and order.investing:
            newest = order.investing[-1]
            flow = invested_flow(order, newest)
            if flow is not None:
                self._work.count(each.order, each.into.sub_fund, newest.dates.valuation_date, flow)

    def _carry(self, each: OrderToPrice, rest: Decimal) -> None:
        rows, now = self._command.rows, self._command.now
        row, terms = sub_fund_of(rows, each), class_of(rows, each).terms
        dates = carried_dates(now, row, terms, self._command.valuation_date)
        into = None
        self._work.open_day(each.sub_fund, row, dates.valuation_date)
        if each.into is not None:
            into_row = sub_fund_of(rows, each.into)
            into = invested_dates(now, into_row, class_of(rows, each.into).terms, dates)
            self._work.open_day(each.into.sub_fund, into_row, into.valuation_date)
        self._work.record(
            published.OrderCarried(
                umbrella=self._command.umbrella, order=each.order, units=rest, dates=dates, into=into
            )
        )
        carried = self._work.known_order(each.order)
        if carried.waiting is not None:
            self._work.count_all(carried, carried.waiting)

    # --- In legs

    def _invest(self, each: OrderToPrice, investing: Investing) -> None:
        """What the out leg brought buys units; else the out leg is undone: whole or not at all (O-1, O-5)."""
        order = self._work.known_order(each.order)
        if each.into is None:
            return
        outcome = self._invested(each.into, Money(investing.amount, investing.currency))
        if isinstance(outcome, Refusal) or self._known_at_receipt(order):
            parts = [part for part in order.parts if part.number == investing.out_part]
            undo(self._work, order, parts, "in_leg_not_dealt")
            return
        rate = self._rate(investing.currency, outcome.leg.currency)
        noting.priced(
            self._work, self._publication, order, "in", outcome.leg, investing.dates, outcome.leg.units,
            exchanged=noting.Exchanged(outcome, investing.amount, rate),
        )  # fmt: skip

    def _invested(self, into: values.SwitchTarget, paid: Money) -> Invested | Refusal:
        terms, tools = class_of(self._command.rows, into).terms, sub_fund_of(self._command.rows, into).tools
        levy: Charges = entry_charges(terms, tools, levied=self._publication.levy_due)
        found = self._rate(paid.currency, terms.currency)
        rate = None if found is None else ExchangeRate(found.base, found.quote, found.bid, found.offer)
        return invest(paid, InLeg(terms, self._prices_of(into.share_class), levy.levy_rate), rate)

    def _rate(self, one: str, other: str) -> values.PublishedRate | None:
        if one == other:
            return None
        for rate in self._publication.rates:
            if {rate.base, rate.quote} == {one, other}:
                return rate
        raise PriceMissing("the publication lacks their rate", field="rates", value=f"{one}/{other}")

    # --- Rejected

    def _reject(
        self, order: Order, waiting: Waiting, reason: Refused, found: Decimal | None, limit: Decimal | None
    ) -> None:
        """The order cannot be dealt at this NAV; its in leg on another day is not counted there any more."""
        inward, target = in_flow_of(order, waiting), order.received.into
        elsewhere = target is not None and target.sub_fund != self._command.sub_fund
        if elsewhere and inward is not None and target is not None and waiting.into is not None:
            self._work.uncount(order.received.order, target.sub_fund, waiting.into.valuation_date, inward)
        self._work.record(
            published.OrderRejected(
                umbrella=self._command.umbrella, order=order.received.order, reason=reason,
                iso_code=ISO_CODES.get(reason), stage="pricing", field="quantity", found=found, limit=limit,
            )
        )  # fmt: skip
