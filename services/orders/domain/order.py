"""The life of an order: what waits to be dealt, the parts that were, how it ended (TA-O-3)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Literal
from uuid import UUID

from libs.kernel.events import Event
from libs.messages import order_values as values
from libs.messages import orders as published
from services.orders.domain.refusals import unexpected

Status = Literal[
    "received", "accepted", "held", "partly_executed", "priced", "registered", "registration_refused", "confirmed",
    "settlement_failed", "rejected", "cancelled", "lapsed", "settled", "reversed",
]  # fmt: skip
FINAL: frozenset[Status] = frozenset({"rejected", "cancelled", "lapsed", "settled", "reversed"})
PartStatus = Literal["priced", "registered", "refused", "confirmed", "settled", "failed", "reversed"]
# A part of this status is what the whole order waits for; the first that is found tells.
_TELLS: tuple[tuple[PartStatus, Status], ...] = (
    ("refused", "registration_refused"),
    ("priced", "priced"),
    ("registered", "registered"),
    ("failed", "settlement_failed"),
    ("confirmed", "confirmed"),
    ("settled", "settled"),
    ("reversed", "reversed"),
)


# --- State


@dataclass(frozen=True, slots=True)
class Waiting:
    """What is still to be dealt: the order, its out leg, or what a gate carried; `into` of a switch's in leg."""

    quantity: values.OrderQuantity
    dates: values.OrderDates
    into: values.OrderDates | None
    expected: values.Expected


@dataclass(frozen=True, slots=True)
class Investing:
    """What an out leg brought, until its in leg is priced on its own date (golden G3)."""

    out_part: int
    amount: Decimal
    currency: str
    dates: values.OrderDates


@dataclass(frozen=True, slots=True)
class Part:
    """A priced part: what the register books, and how far it got."""

    number: int
    leg: values.Leg
    share_class: UUID
    valuation_date: date
    settlement_date: date
    steps: values.PricedSteps
    status: PartStatus


@dataclass(frozen=True, slots=True)
class Order:
    """An order; `end` is how what waited ended, the parts tell the rest. `refused_as`: why it was rejected."""

    received: published.OrderReceived
    accepted: bool = False
    waiting: Waiting | None = None
    investing: tuple[Investing, ...] = ()
    held: values.HoldReason | None = None
    parts: tuple[Part, ...] = ()
    end: Literal["rejected", "cancelled", "lapsed", "settled"] | None = None
    cancelled: published.OrderCancelled | None = None

    @property
    def status(self) -> Status:
        """Where the order stands, by everything that is known of it (TA-O-3)."""
        if self.waiting is not None or self.investing:
            if self.held is not None:
                return "held"
            return "partly_executed" if self.parts else "accepted"
        for part_status, status in _TELLS:
            if any(part.status == part_status for part in self.parts):
                return status
        if self.end is not None:
            return self.end
        return "accepted" if self.accepted else "received"

    @property
    def is_final(self) -> bool:
        """Whether nothing more comes."""
        return self.status in FINAL

    def part(self, number: int) -> Part | None:
        """A part by its number."""
        return next((part for part in self.parts if part.number == number), None)


# --- What an order does to a dealing day


def flow_of(order: Order, waiting: Waiting) -> values.Flow:
    """The flow of the order, or of its out leg, as it is counted on its day."""
    received, expected = order.received, waiting.expected
    kind: values.FlowKind = "redemption"
    if received.kind == "switch":
        kind = "switch_out"
    elif received.kind == "subscription":
        kind = "subscription"
    return values.Flow(
        share_class=received.share_class,
        kind=kind,
        currency=expected.currency,
        other_class=None if received.into is None else received.into.share_class,
        cash=expected.cash,
        units=_units(waiting.quantity),
        all_units=isinstance(waiting.quantity, values.InAll),
        estimated_units=expected.units,
    )


def in_flow_of(order: Order, waiting: Waiting) -> values.Flow | None:
    """The flow of a switch's in leg before its out leg is priced: told by the out leg."""
    if order.received.into is None:
        return None
    return flow_of(order, waiting).model_copy(
        update={
            "share_class": order.received.into.share_class,
            "kind": "switch_in",
            "other_class": order.received.share_class,
            "cash": waiting.expected.invested,
        }
    )


def invested_flow(order: Order, investing: Investing) -> values.Flow | None:
    """The flow of an in leg whose out leg is priced."""
    if order.received.into is None:
        return None
    return values.Flow(
        share_class=order.received.into.share_class,
        kind="switch_in",
        currency=investing.currency,
        other_class=order.received.share_class,
        cash=investing.amount,
        units=Decimal(0),
        estimated_units=Decimal(0),
    )


def _units(quantity: values.OrderQuantity) -> Decimal:
    return quantity.units if isinstance(quantity, values.InUnits) else Decimal(0)


# --- Evolve


def evolve(order: Order | None, event: Event) -> Order:
    """The order after the event."""
    match order, event:
        case None, published.OrderReceived():
            return Order(event)
        case Order(), published.OrderAccepted():
            return _accepted(order, event)
        case Order(), published.OrderHeld(reason=reason):
            return replace(order, held=reason)
        case Order(), published.OrderReleased(dates=dates, into=into):
            return _released(order, dates, into)
        case Order(), published.OrderCarried() | published.RemainderLapsed():
            return _after_the_gate(order, event)
        case Order(), published.TransferInstructed() | published.MovementsReversed():
            return order
        case Order(), _:
            return _ended(order, event) or _part_evolves(order, event)
        case _:
            raise unexpected(event, order)


def _ended(order: Order, event: Event) -> Order | None:
    match event:
        case published.OrderRejected():
            return replace(order, waiting=None, held=None, end="rejected")
        case published.OrderCancelled():
            return replace(order, waiting=None, held=None, end="cancelled", cancelled=event)
        case published.TransferRegistered():
            return replace(order, end="settled")
        case published.TransferRefused():
            return replace(order, end="rejected")
        case _:
            return None


def _accepted(order: Order, event: published.OrderAccepted) -> Order:
    if event.dates is None or event.expected is None:
        return replace(order, accepted=True)
    waiting = Waiting(order.received.quantity, event.dates, event.into, event.expected)
    return replace(order, accepted=True, waiting=waiting)


def _released(order: Order, dates: values.OrderDates | None, into: values.OrderDates | None) -> Order:
    waiting, investing = order.waiting, order.investing
    if waiting is not None and dates is not None:
        waiting = replace(waiting, dates=dates, into=into)
    if into is not None:
        investing = tuple(replace(each, dates=into) for each in investing)
    return replace(order, held=None, waiting=waiting, investing=investing)


def _after_the_gate(order: Order, event: published.OrderCarried | published.RemainderLapsed) -> Order:
    if isinstance(event, published.RemainderLapsed):
        return replace(order, waiting=None, end="lapsed")
    currency = order.parts[-1].steps.currency if order.waiting is None else order.waiting.expected.currency
    nothing = values.Expected(currency=currency, cash=Decimal(0), invested=Decimal(0), units=Decimal(0))
    return replace(order, waiting=Waiting(values.InUnits(units=event.units), event.dates, event.into, nothing))


def _part_evolves(order: Order, event: Event) -> Order:
    match event:
        case published.OrderPriced():
            return _priced(order, event)
        case published.OrderRegistered(part=number):
            return _parts_to(order, (number,), "registered")
        case published.RegistrationRefused(part=number):
            kept = tuple(each for each in order.investing if each.out_part != number)
            return replace(_parts_to(order, (number,), "refused"), investing=kept)
        case published.OrderConfirmed(parts=numbers):
            return _parts_to(order, numbers, "confirmed")
        case published.OrderSettled(parts=numbers):
            return _parts_to(order, numbers, "settled")
        case published.SettlementFailed(parts=numbers):
            return _parts_to(order, numbers, "failed")
        case published.OrderReversed(parts=numbers):
            kept = tuple(each for each in order.investing if each.out_part not in numbers)
            return replace(_parts_to(order, numbers, "reversed"), investing=kept)
        case _:
            raise unexpected(event, order)


def _priced(order: Order, event: published.OrderPriced) -> Order:
    steps = event.steps
    part = Part(event.part, event.leg, event.share_class, event.valuation_date, event.settlement_date, steps, "priced")
    parts = (*order.parts, part)
    if event.leg == "in":
        return replace(order, parts=parts, investing=order.investing[1:])
    investing = order.investing
    if event.leg == "out" and order.waiting is not None and order.waiting.into is not None:
        investing = (*investing, Investing(event.part, steps.net, steps.currency, order.waiting.into))
    return replace(order, parts=parts, investing=investing, waiting=None)


def _parts_to(order: Order, numbers: Iterable[int], status: PartStatus) -> Order:
    chosen = set(numbers)
    parts = tuple(replace(part, status=status) if part.number in chosen else part for part in order.parts)
    return replace(order, parts=parts)
