"""What the register and payments answer: booked or refused, confirmed, settled or not (TA-O-3)."""

from __future__ import annotations

from collections.abc import Sequence

from libs.kernel.errors import InvalidValue
from libs.kernel.events import Event
from libs.messages import orders as published
from services.orders.domain.commands import FailSettlement, RecordBookings, RecordTransfer, SettleOrder
from services.orders.domain.ending import status_forbids
from services.orders.domain.order import Order, Part, invested_flow
from services.orders.domain.refusals import PartUnknown, StatusForbids
from services.orders.domain.work import Work


def record_bookings(command: RecordBookings, work: Work) -> Sequence[Event]:
    """Each booked order is registered and confirmed, each refused one says so: none ends in silence (O-3)."""
    for identity in command.booked:
        part = _moved(work.known_order(identity), command)
        if part.status == "priced":
            work.record(published.OrderRegistered(umbrella=command.umbrella, order=identity, part=part.number))
            _confirm(work, work.known_order(identity))
    for each in command.refused:
        part = _moved(work.known_order(each.order), command)
        if part.status == "priced":
            _no_in_leg(work, work.known_order(each.order), part)
            work.record(
                published.RegistrationRefused(
                    umbrella=command.umbrella, order=each.order, part=part.number, reason=each.reason
                )
            )
    return work.done()


def _no_in_leg(work: Work, order: Order, out: Part) -> None:
    """An out leg that is not booked pays for no in leg (O-1)."""
    for investing in order.investing:
        flow = invested_flow(order, investing)
        if investing.out_part == out.number and flow is not None and order.received.into is not None:
            work.uncount(order.received.order, order.received.into.sub_fund, investing.dates.valuation_date, flow)


def _moved(order: Order, command: RecordBookings) -> Part:
    """The newest part of the order in this class on this date."""
    for part in reversed(order.parts):
        if (part.share_class, part.valuation_date) == (command.share_class, command.valuation_date):
            return part
    raise PartUnknown("nothing of it was priced so", field="order", value=order.received.order)


def _confirm(work: Work, order: Order) -> None:
    """A part by itself; of a switch each out part with the in part that it paid for, both registered."""
    registered = {part.number for part in order.parts if part.status == "registered"}
    single = [(part.number,) for part in order.parts if part.leg == "order" and part.number in registered]
    outs = [part.number for part in order.parts if part.leg == "out" and part.status not in ("reversed", "refused")]
    ins = [part.number for part in order.parts if part.leg == "in"]
    pairs = [pair for pair in zip(outs, ins, strict=False) if registered.issuperset(pair)]
    for parts in (*single, *pairs):
        work.record(published.OrderConfirmed(umbrella=order.received.umbrella, order=order.received.order, parts=parts))


def settle_order(command: SettleOrder, work: Work) -> Sequence[Event]:
    """Money settles what is confirmed, also what failed before (O-3)."""
    order = work.known_order(command.order, command.placed_by)
    parts = tuple(part.number for part in _parts(order, command) if part.status != "settled")
    if not parts:
        return []
    _follows(order, command, parts)
    return [published.OrderSettled(umbrella=command.umbrella, order=command.order, parts=parts)]


def fail_settlement(command: FailSettlement, work: Work) -> Sequence[Event]:
    """The money did not come, or came back: a settled part fails, too (O-3)."""
    order = work.known_order(command.order, command.placed_by)
    parts = tuple(part.number for part in _parts(order, command) if part.status != "failed")
    if not parts:
        return []
    _follows(order, command, parts)
    return [
        published.SettlementFailed(umbrella=command.umbrella, order=command.order, parts=parts, reason=command.reason)
    ]


def _parts(order: Order, command: SettleOrder) -> list[Part]:
    found = [order.part(number) for number in command.parts]
    if None in found:
        raise PartUnknown("the order has no such part", field="parts", value=command.parts)
    return [part for part in found if part is not None]


def _follows(order: Order, command: SettleOrder, parts: Sequence[int]) -> None:
    allowed = {"confirmed", "failed"}
    if isinstance(command, FailSettlement) and command.reason == "payment_returned":
        allowed.add("settled")
    for part in order.parts:
        if part.number in parts and part.status not in allowed:
            raise StatusForbids("the part is not confirmed", field="parts", value=part.status)


def record_transfer(command: RecordTransfer, work: Work) -> Sequence[Event]:
    """The register moved the units, which settles the transfer, or says why not (R-1)."""
    order = work.known_order(command.order, command.placed_by)
    if (command.units is None) == (command.refused is None):
        raise InvalidValue("either units or a reason", field="units", value=command.units)
    if order.received.kind != "transfer" or not order.accepted:
        raise status_forbids(order, command)
    if order.end is not None:
        return []
    if command.units is not None:
        return [published.TransferRegistered(umbrella=command.umbrella, order=command.order, units=command.units)]
    if command.refused is not None:
        return [published.TransferRefused(umbrella=command.umbrella, order=command.order, reason=command.refused)]
    return []
