"""Booking: the units of a chunk of priced orders, issued and cancelled, each once (TA-R-2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import assert_never
from uuid import UUID

from immutables import Map

from libs.kernel.errors import Refused
from libs.kernel.events import Event
from libs.messages import register as published
from libs.messages.register_values import RefusedMovement
from services.register.domain.books import Books
from services.register.domain.commands import BookMovements, Movement
from services.register.domain.holding import Holding, take
from services.register.domain.refusals import ChunkExists, MovementExists, ShareClassUnknown, unexpected
from services.register.domain.share_class import ShareClass
from services.register.domain.terms import (
    ClassTerms,
    check_amount,
    check_dates,
    check_gives,
    check_open,
    check_takes,
    check_units,
    terms_of,
)

# --- State


_NO_CHUNKS = Map[int, frozenset[UUID]]()
_NO_ORDERS = Map[UUID, int]()


@dataclass(frozen=True, slots=True)
class Booking:
    """One class and valuation date: the chunks with their orders, and the orders that are booked."""

    chunks: Map[int, frozenset[UUID]] = _NO_CHUNKS
    orders: Map[UUID, int] = _NO_ORDERS


NONE_YET = Booking()

# --- Decide


def decide(
    command: BookMovements, booking: Booking | None, share_class: ShareClass | None, *seen: Holding | None
) -> Sequence[Event]:
    """Every movement of the chunk is booked or refused by name; the chunk again is no event (R-2)."""
    former = booking or NONE_YET
    orders = frozenset(movement.order for movement in command.movements)
    if command.chunk in former.chunks:
        if former.chunks[command.chunk] != orders:
            raise ChunkExists("take another number", field="chunk", value=command.chunk)
        return []
    accounts = dict.fromkeys(movement.account for movement in command.movements)
    keys = [(account, command.share_class) for account in accounts]
    books = Books(command, dict(zip(keys, seen, strict=True)), {command.share_class: share_class})
    terms = _terms(command)
    booked: dict[UUID, None] = {}
    refused: list[RefusedMovement] = []
    for movement in command.movements:
        try:
            if movement.order in former.orders or movement.order in booked:
                raise MovementExists("its units have moved", field="order", value=movement.order)
            _book(command, movement, books, terms)
        except Refused as refusal:
            refused.append(RefusedMovement(movement.order, refusal.code))
        else:
            booked[movement.order] = None
    answer = published.MovementsBooked(
        umbrella=command.umbrella,
        share_class=command.share_class,
        valuation_date=command.valuation_date,
        chunk=command.chunk,
        booked=tuple(booked),
        refused=tuple(refused),
    )
    return [*books.close(), answer]


def _terms(command: BookMovements) -> ClassTerms | ShareClassUnknown:
    try:
        return terms_of(command, command.share_class)
    except ShareClassUnknown as unknown:
        return unknown


def _book(command: BookMovements, movement: Movement, books: Books, terms: ClassTerms | ShareClassUnknown) -> None:
    if isinstance(terms, ShareClassUnknown):
        raise terms
    check_dates(command, command.valuation_date, movement.settlement_date)
    check_units(movement.units, terms)
    check_amount(movement.amount, movement.currency, terms)
    match movement.side:
        case "issue":
            issue(command, movement, books, terms)
        case "cancel":
            cancel(command, movement, books, terms)
        case _:
            assert_never(movement.side)


def issue(command: BookMovements, movement: Movement, books: Books, terms: ClassTerms) -> None:
    """Units come as a lot of the valuation date; unpaid ones are blocked (R-1, R-6)."""
    check_open(terms)
    check_takes(command, movement.account)
    books.caught_up(movement.account, command.share_class, command.valuation_date)
    books.record(
        published.UnitsIssued(
            umbrella=command.umbrella,
            share_class=command.share_class,
            account=movement.account,
            valuation_date=command.valuation_date,
            booking_date=books.booked_on,
            settlement_date=movement.settlement_date,
            generation=books.generation(command.share_class, command.valuation_date),
            order=movement.order,
            units=movement.units,
            amount=movement.amount,
            unpaid_until=terms.unpaid_until(movement.settlement_date),
        )
    )


def cancel(command: BookMovements, movement: Movement, books: Books, terms: ClassTerms) -> None:
    """Free units go, the oldest lots first (R-1, R-5)."""
    check_gives(command, movement.account)
    held = books.caught_up(movement.account, command.share_class, command.valuation_date)
    books.record(
        published.UnitsCancelled(
            umbrella=command.umbrella,
            share_class=command.share_class,
            account=movement.account,
            valuation_date=command.valuation_date,
            booking_date=books.booked_on,
            settlement_date=movement.settlement_date,
            generation=books.generation(command.share_class, command.valuation_date),
            order=movement.order,
            units=movement.units,
            amount=movement.amount,
            taken=take(held, movement.units, terms.cost_decimals),
        )
    )


# --- Evolve


def evolve(booking: Booking | None, event: Event) -> Booking:
    """The booking after the event."""
    before = booking or NONE_YET
    match event:
        case published.MovementsBooked(chunk=chunk, booked=booked, refused=refused):
            orders = frozenset((*booked, *(each.order for each in refused)))
            return Booking(before.chunks.set(chunk, orders), before.orders.update(dict.fromkeys(booked, chunk)))
        case _:
            raise unexpected(event, booking)
