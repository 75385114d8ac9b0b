"""What a suspension does to orders that are not priced: held, then the first dealing date after it (TA-O-7)."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from libs.calendars.dealing import Side
from libs.kernel.errors import CheckUnavailable, InvalidValue
from libs.kernel.events import Event
from libs.messages import order_values as values
from libs.messages import orders as published
from services.orders.domain.commands import HeldOrder, HoldOrders, ReleaseOrders
from services.orders.domain.dates import invested_dates, released_dates
from services.orders.domain.order import Order, invested_flow
from services.orders.domain.references import ClassRow, ReferenceRows, SubFundRow, found, share_class_row, sub_fund_row
from services.orders.domain.work import Work


def hold_orders(command: HoldOrders, work: Work) -> Sequence[Event]:
    """What waits is held and dealt on no day; what is priced, ended or held already stays as it is.

    An order whose NAV is published is past it: its price is known, and it is dealt.
    """
    for identity in command.orders:
        order = work.known_order(identity)
        if order.held is not None or (order.waiting is None and not order.investing):
            continue
        if order.waiting is not None and _is_priced(work, order.received.sub_fund, order.waiting.dates):
            continue
        _count(work, order, counted=False)
        work.record(published.OrderHeld(umbrella=command.umbrella, order=identity, reason=command.reason))
    return work.done()


def _is_priced(work: Work, sub_fund: UUID, dates: values.OrderDates) -> bool:
    day = work.day(sub_fund, dates.valuation_date)
    return day is not None and day.pricing is not None and not day.stopped


def release_orders(command: ReleaseOrders, work: Work) -> Sequence[Event]:
    """Held orders take the first dealing date after the lifting, a switch's in leg its own; others stay."""
    for each in command.orders:
        order = work.known_order(each.order)
        if order.held is None:
            continue
        if (each.sub_fund, each.share_class, each.into) != _classes(order):
            raise InvalidValue("the order is of other classes", field="orders", value=each.order)
        dates, into = _released(command, each, order)
        if dates is not None:
            work.open_day(each.sub_fund, sub_fund_of(command.rows, each), dates.valuation_date)
        if each.into is not None and into is not None:
            work.open_day(each.into.sub_fund, sub_fund_of(command.rows, each.into), into.valuation_date)
        work.record(published.OrderReleased(umbrella=command.umbrella, order=each.order, dates=dates, into=into))
        _count(work, work.known_order(each.order), counted=True)
    return work.done()


def _classes(order: Order) -> tuple[object, ...]:
    received = order.received
    return (received.sub_fund, received.share_class, received.into)


def _released(
    command: ReleaseOrders, each: HeldOrder, order: Order
) -> tuple[values.OrderDates | None, values.OrderDates | None]:
    """The dates of what waits, and of the in leg."""
    dates = into = None
    if order.waiting is not None:
        side = Side.SUBSCRIPTION if order.received.kind == "subscription" else Side.REDEMPTION
        terms = class_of(command.rows, each).terms
        dates = released_dates(command.now, side, sub_fund_of(command.rows, each), terms, order.waiting.dates)
    if each.into is not None:
        terms, row = class_of(command.rows, each.into).terms, sub_fund_of(command.rows, each.into)
        if dates is not None:
            into = invested_dates(command.now, row, terms, dates)
        elif order.investing:
            into = released_dates(command.now, Side.SUBSCRIPTION, row, terms, order.investing[0].dates)
    return dates, into


def _count(work: Work, order: Order, *, counted: bool) -> None:
    """All that waits of the order is counted on its days, or not any more."""
    if order.waiting is not None:
        (work.count_all if counted else work.uncount_all)(order, order.waiting)
    for investing in order.investing:
        flow = invested_flow(order, investing)
        if flow is not None and order.received.into is not None:
            change = work.count if counted else work.uncount
            change(order.received.order, order.received.into.sub_fund, investing.dates.valuation_date, flow)


def class_of(rows: ReferenceRows | None, of: HeldOrder | values.SwitchTarget) -> ClassRow:
    """The class's row; a class that orders stand in is known, or the check cannot be made now."""
    row = found(rows, share_class_row(of.share_class), ClassRow)
    if row is None:
        raise CheckUnavailable("the class is not known yet", field="share_class", value=of.share_class)
    return row


def sub_fund_of(rows: ReferenceRows | None, of: HeldOrder | values.SwitchTarget) -> SubFundRow:
    """The sub-fund's row, likewise."""
    row = found(rows, sub_fund_row(of.sub_fund), SubFundRow)
    if row is None:
        raise CheckUnavailable("the sub-fund is not known yet", field="sub_fund", value=of.sub_fund)
    return row
