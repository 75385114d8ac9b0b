"""How an order ends before it is dealt, and how what was dealt is undone (TA-O-3, TA-O-7)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Literal
from uuid import UUID

from libs.kernel.events import Event
from libs.messages import order_values as values
from libs.messages import orders as published
from services.orders.domain.commands import CancelAfterCutOff, CancelOrder, OrderCommand, ReverseOrder
from services.orders.domain.order import Order, Part
from services.orders.domain.references import PublishedRow, found, published_row
from services.orders.domain.refusals import AfterCutOff, DatesMoved, NavIsPublished, StatusForbids
from services.orders.domain.work import Work

ReversalReason = values.AgentReason | Literal["registration_refused", "in_leg_not_dealt"]


def cancel_order(command: CancelOrder, work: Work) -> Sequence[Event]:
    """Until the cut-off, or while a suspension holds it; of a gated order what is still waiting (O-3, O-7)."""
    order = work.known_order(command.order, command.placed_by)
    if order.cancelled is not None:
        return []
    waiting = order.waiting
    if waiting is None:
        raise status_forbids(order, command)
    if order.held is None and command.now > waiting.dates.deadline:
        raise AfterCutOff("only the agent can cancel it now", field="now", value=waiting.dates.deadline)
    return _cancelled(command, order, work, "client", None)


def cancel_after_cut_off(command: CancelAfterCutOff, work: Work) -> Sequence[Event]:
    """The agent, with a reason and a second person, and only before the NAV is published (O-3)."""
    order = work.known_order(command.order, command.placed_by)
    if order.cancelled is not None:
        return []
    waiting, target = order.waiting, order.received.into
    if waiting is None:
        raise status_forbids(order, command)
    if order.held is None:
        _not_published(command, work, order.received.sub_fund, waiting.dates.valuation_date)
        if target is not None and waiting.into is not None:
            _not_published(command, work, target.sub_fund, waiting.into.valuation_date)
    return _cancelled(command, order, work, "agent", command.reason)


def _not_published(command: CancelAfterCutOff, work: Work, sub_fund: UUID, valuation_date: date) -> None:
    day = work.day(sub_fund, valuation_date)
    if published_row(sub_fund, valuation_date) not in command.references():
        raise DatesMoved("name this dealing day, too", field="days", value=f"{sub_fund}:{valuation_date}")
    row = found(command.rows, published_row(sub_fund, valuation_date), PublishedRow)
    if row is not None or (day is not None and day.pricing is not None):
        raise NavIsPublished("reverse the order instead", field="valuation_date", value=valuation_date)


def _cancelled(
    command: OrderCommand, order: Order, work: Work, by: Literal["client", "agent"], reason: values.AgentReason | None
) -> Sequence[Event]:
    waiting = order.waiting
    if order.held is None and waiting is not None:
        work.uncount_all(order, waiting)
    work.record(published.OrderCancelled(umbrella=command.umbrella, order=command.order, by=by, reason=reason))
    return work.done()


def reverse_order(command: ReverseOrder, work: Work) -> Sequence[Event]:
    """Everything dealt is undone, a switch whole: the register takes back what it booked (O-3).

    Not while a part is on its way to the register, or something of the order still waits to be dealt.
    """
    order = work.known_order(command.order, command.placed_by)
    standing = [part for part in order.parts if part.status != "reversed"]
    if order.parts and not standing:
        return []
    on_the_way = any(part.status == "priced" for part in standing)
    if not standing or on_the_way or order.waiting is not None or order.investing:
        raise status_forbids(order, command)
    undo(work, order, standing, command.reason)
    return work.done()


def undo(work: Work, order: Order, parts: Sequence[Part], reason: ReversalReason) -> None:
    """These parts are reversed; a part that the register refused leaves nothing to take back."""
    received = order.received
    work.record(
        published.OrderReversed(
            umbrella=received.umbrella, order=received.order, parts=tuple(part.number for part in parts), reason=reason
        )
    )
    booked = [part for part in parts if part.status != "refused"]
    if booked:
        taken_back = tuple(_taken_back(order, part) for part in booked)
        work.record(published.MovementsReversed(umbrella=received.umbrella, order=received.order, movements=taken_back))


def _taken_back(order: Order, part: Part) -> values.UndoneMovement:
    return values.UndoneMovement(
        part=part.number,
        share_class=part.share_class,
        valuation_date=part.valuation_date,
        account=order.received.account,
        side="cancel" if part.steps.side == "subscription" else "issue",
        units=part.steps.units,
        amount=part.steps.fund,
        currency=part.steps.currency,
    )


def status_forbids(order: Order, command: OrderCommand) -> StatusForbids:
    """The refusal that names the status and the command."""
    return StatusForbids(
        f"{type(command).__name__} does not follow on {order.status}", field="status", value=order.status
    )
