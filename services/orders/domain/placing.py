"""Placing an order, and putting another in its place: received always, then accepted or rejected (TA-O-1 … TA-O-4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from libs.calendars.dealing import Side
from libs.kernel.events import Event
from libs.messages import order_values as values
from libs.messages import orders as published
from libs.messages.order_values import ISO_CODES, Refused
from services.orders.domain.acceptance import Rejection, Rows, rejection_of
from services.orders.domain.commands import AmendOrder, DayRef, PlaceOrder
from services.orders.domain.dates import NO_DATE, invested_dates, received_dates
from services.orders.domain.order import Order, Waiting
from services.orders.domain.ordered import expected_of
from services.orders.domain.refusals import DuplicateReference
from services.orders.domain.work import Work


class Dates(NamedTuple):
    """What the receipt time comes to, of a switch for both legs."""

    out: values.OrderDates
    into: values.OrderDates | None


def place_order(command: PlaceOrder, work: Work) -> Sequence[Event]:
    """Accepted or rejected, whole (O-1); the same instruction again is no event, another one a duplicate (O-4, O-9)."""
    if repeated(command, work):
        return []
    rows = Rows.of(command)
    work.record(received_as(command))
    accept_or_reject(command, work, rows, rejection_of(command, rows))
    return work.done()


def days_of(command: PlaceOrder) -> tuple[DayRef, ...]:
    """The dealing days that the order will be counted on, for whoever sends the command; none for one rejected."""
    rows = Rows.of(command)
    if command.kind == "transfer" or rejection_of(command, rows) is not None:
        return ()
    dates = _dates(command, rows)
    if isinstance(dates, Rejection):
        return ()
    days = [DayRef(sub_fund=command.sub_fund, valuation_date=dates.out.valuation_date)]
    if command.into is not None and dates.into is not None:
        days.append(DayRef(sub_fund=command.into.sub_fund, valuation_date=dates.into.valuation_date))
    return tuple(days)


def amend_order(command: AmendOrder, work: Work) -> Sequence[Event]:
    """Before the cut-off, one decision: the original goes when the new order is accepted, else it stands (O-3)."""
    if repeated(command, work):
        return []
    original = work.known_order(command.original, command.placed_by)
    rows = Rows.of(command)
    work.record(received_as(command))
    against = _against_amendment(command, original) or rejection_of(command, rows)
    if accept_or_reject(command, work, rows, against) and original.waiting is not None:
        work.record(
            published.OrderCancelled(
                umbrella=command.umbrella, order=command.original, by="client", replaced_by=command.order
            )
        )
        if original.held is None:
            work.uncount_all(original, original.waiting)
    return work.done()


def _against_amendment(command: AmendOrder, original: Order) -> Rejection | None:
    """The original waits whole and is not past its deadline; account and kind stay."""
    received, waiting = original.received, original.waiting
    if waiting is None or original.parts or original.investing:
        return Rejection(Refused.ORIGINAL_GONE, "original")
    if (received.account, received.kind) != (command.account, command.kind):
        return Rejection(Refused.ORIGINAL_GONE, "account")
    if original.held is None and command.now > waiting.dates.deadline:
        return Rejection(Refused.TOO_LATE, "original")
    return None


def repeated(command: PlaceOrder, work: Work) -> bool:
    """Whether the order is there already, as this one; DuplicateReference for another instruction."""
    before = work.order(command.order)
    if before is None:
        return False
    first = {"received_at": before.received.received_at, "source": before.received.source}
    if received_as(command).model_copy(update=first) != before.received:
        raise DuplicateReference("it names another order", field="client_reference", value=command.client_reference)
    return True


def received_as(command: PlaceOrder) -> published.OrderReceived:
    """The receipt, which is written down whatever comes of it (O-2)."""
    return published.OrderReceived(
        umbrella=command.umbrella,
        order=command.order,
        kind=command.kind,
        account=command.account,
        sub_fund=command.sub_fund,
        share_class=command.share_class,
        quantity=command.quantity,
        into=command.into,
        to_account=command.to_account,
        distributor=command.placed_under,
        client_reference=command.client_reference,
        source=command.source,
        received_at=command.now,
        replaces=command.replaces,
    )


def accept_or_reject(command: PlaceOrder, work: Work, rows: Rows, against: Rejection | None) -> bool:
    """Accept the order on the dates of its receipt time, or reject it by name; whether it was accepted."""
    dates: Dates | None = None
    if against is None and command.kind != "transfer":
        outcome = _dates(command, rows)
        against, dates = (outcome, None) if isinstance(outcome, Rejection) else (None, outcome)
    if against is None and dates is not None:
        against = _nav_known(command, work, dates)
    if against is not None:
        work.record(rejected(command, against))
    elif dates is None:
        _instruct(command, work)
    else:
        _accept(command, work, rows, dates)
    return against is None


def rejected(command: PlaceOrder, against: Rejection) -> published.OrderRejected:
    """The event of a rejection on acceptance, with its ISO code."""
    return published.OrderRejected(
        umbrella=command.umbrella,
        order=command.order,
        reason=against.reason,
        iso_code=ISO_CODES.get(against.reason),
        stage="acceptance",
        field=against.field,
        found=against.found,
        limit=against.limit,
    )


def _dates(command: PlaceOrder, rows: Rows) -> Dates | Rejection:
    assert rows.share_class is not None
    assert rows.sub_fund is not None
    side = Side.SUBSCRIPTION if command.kind == "subscription" else Side.REDEMPTION
    try:
        out = received_dates(command.now, side, rows.sub_fund, rows.share_class.terms)
        if rows.into is None or rows.into_sub_fund is None:
            return Dates(out, None)
        return Dates(out, invested_dates(command.now, rows.into_sub_fund, rows.into.terms, out))
    except NO_DATE:
        return Rejection(Refused.NO_DEALING_DATE, "share_class")


def _nav_known(command: PlaceOrder, work: Work, dates: Dates) -> Rejection | None:
    """Forward pricing: no order is taken for a NAV that was published when it was received (O-5)."""
    legs = [(command.sub_fund, dates.out)]
    if command.into is not None and dates.into is not None:
        legs.append((command.into.sub_fund, dates.into))
    for sub_fund, leg in legs:
        day = work.day(sub_fund, leg.valuation_date)
        if day is not None and day.known_since is not None and command.now >= day.known_since:
            return Rejection(Refused.NAV_KNOWN, "valuation_date")
    return None


def _instruct(command: PlaceOrder, work: Work) -> None:
    """A transfer is no dealing: the register is told at once, free of payment (R-1)."""
    work.record(published.OrderAccepted(umbrella=command.umbrella, order=command.order, dates=None))
    assert command.to_account is not None
    work.record(
        published.TransferInstructed(
            umbrella=command.umbrella,
            order=command.order,
            share_class=command.share_class,
            from_account=command.account,
            to_account=command.to_account,
            units=command.quantity.units if isinstance(command.quantity, values.InUnits) else None,
        )
    )


def _accept(command: PlaceOrder, work: Work, rows: Rows, dates: Dates) -> None:
    assert rows.share_class is not None
    assert rows.sub_fund is not None
    expected = expected_of(command, rows.share_class.terms, rows.holding)
    work.record(
        published.OrderAccepted(
            umbrella=command.umbrella, order=command.order, dates=dates.out, into=dates.into, expected=expected
        )
    )
    work.open_day(command.sub_fund, rows.sub_fund, dates.out.valuation_date)
    if command.into is not None and dates.into is not None and rows.into_sub_fund is not None:
        work.open_day(command.into.sub_fund, rows.into_sub_fund, dates.into.valuation_date)
    accepted = work.known_order(command.order)
    work.count_all(accepted, Waiting(command.quantity, dates.out, dates.into, expected))
