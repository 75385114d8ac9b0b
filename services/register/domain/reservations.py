"""Blocks, pledges, earmarks, and units whose money is awaited: what may not leave a holding (TA-R-5, TA-R-6)."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, assert_never

from libs.kernel.events import Event
from libs.kernel.money import Rounding, rounded
from libs.messages import register as published
from libs.messages.register_values import LotsTaken
from services.register.domain.books import Books
from services.register.domain.commands import (
    BlockUnits,
    CancelUnpaidUnits,
    EarmarkUnits,
    PledgeUnits,
    ReleasePaidUnits,
    ReleaseUnits,
    ReserveUnits,
)
from services.register.domain.holding import NOTHING, Holding, reservation_done
from services.register.domain.refusals import (
    HoldingTooSmall,
    ReservationExists,
    ReservationIsUnpaid,
    ReservationUnknown,
    TermStillRuns,
)
from services.register.domain.share_class import ShareClass
from services.register.domain.terms import check_units, latest_price, terms_of

ReservationCommands = BlockUnits | PledgeUnits | EarmarkUnits | ReleaseUnits | ReleasePaidUnits | CancelUnpaidUnits

# --- Decide


def decide(command: ReservationCommands, holding: Holding | None, share_class: ShareClass | None) -> Sequence[Event]:
    """The events of a command on what may not leave a holding."""
    held = holding or NOTHING
    match command:
        case BlockUnits() | PledgeUnits() | EarmarkUnits():
            return reserve_units(command, held)
        case ReleaseUnits():
            return release_units(command, held)
        case ReleasePaidUnits():
            return release_paid_units(command, held)
        case CancelUnpaidUnits():
            return cancel_unpaid_units(command, held, share_class)
        case _:
            assert_never(command)


def reserve_units(command: BlockUnits | PledgeUnits | EarmarkUnits, holding: Holding) -> Sequence[Event]:
    """Free units are blocked, pledged or earmarked; the same again is no event, even after its release (R-5)."""
    event = _reserving(command)
    done = holding.done.get(command.reservation)
    if done == reservation_done(event):
        return []
    if done is not None or command.reservation in holding.reserved:
        raise ReservationExists("take another id", field="reservation", value=command.reservation)
    check_units(command.units, terms_of(command, command.share_class))
    if command.units > holding.free:
        raise HoldingTooSmall(f"{holding.free} units are free", field="units", value=command.units)
    return [event]


def _reserving(command: BlockUnits | PledgeUnits | EarmarkUnits) -> published.ReservationEvent:
    common = _common(command)
    match command:
        case BlockUnits():
            return published.UnitsBlocked(
                **common, units=command.units, reason=command.reason, reference=command.reference
            )
        case PledgeUnits():
            return published.UnitsPledged(**common, units=command.units, reference=command.reference)
        case EarmarkUnits():
            return published.UnitsEarmarked(**common, units=command.units, market=command.market)
        case _:
            assert_never(command)


def release_units(command: ReleaseUnits, holding: Holding) -> Sequence[Event]:
    """A block, pledge or earmark ends as a whole; unpaid units are freed by their money alone (R-6)."""
    reserved = holding.reserved.get(command.reservation)
    if reserved is None:
        if command.reservation in holding.done:
            return []
        raise ReservationUnknown("the holding has none of this id", field="reservation", value=command.reservation)
    if reserved.kind == "unpaid":
        raise ReservationIsUnpaid("they wait for their money", field="reservation", value=command.reservation)
    return [published.UnitsReleased(**_common(command), units=reserved.units, kind=reserved.kind)]


def release_paid_units(command: ReleasePaidUnits, holding: Holding) -> Sequence[Event]:
    """What waited for this money is free; an order that never waited, or waits no more, is no event (R-6)."""
    reserved = holding.reserved.get(command.order)
    if reserved is None or reserved.kind != "unpaid":
        return []
    return [
        published.UnitsReleased(
            umbrella=command.umbrella,
            share_class=command.share_class,
            account=command.account,
            booking_date=command.now.date(),
            reservation=command.order,
            units=reserved.units,
            kind="unpaid",
        )
    ]


def cancel_unpaid_units(
    command: CancelUnpaidUnits, holding: Holding, share_class: ShareClass | None
) -> Sequence[Event]:
    """After the term the units end at the current NAV; what was owed beyond their worth is charged (R-6).

    An order that was paid for meanwhile is no event.
    """
    waiting = holding.reserved.get(command.order)
    if waiting is None or waiting.owed is None or waiting.unpaid_until is None:
        return []
    if command.now.date() <= waiting.unpaid_until:
        raise TermStillRuns(f"until {waiting.unpaid_until}", field="order", value=command.order)
    terms = terms_of(command, command.share_class)
    day, price = latest_price(command)
    seen = {(command.account, command.share_class): holding}
    books = Books(command, seen, {command.share_class: share_class})
    held = books.caught_up(command.account, command.share_class, day)
    # A split on the way changed the units, never what is owed.
    units = held.reserved[command.order].units
    amount = rounded(units * price, terms.cost_decimals, Rounding.HALF_UP)
    books.record(
        published.UnpaidUnitsCancelled(
            umbrella=command.umbrella,
            share_class=command.share_class,
            account=command.account,
            valuation_date=day,
            booking_date=books.booked_on,
            settlement_date=max(day, books.booked_on),
            generation=books.generation(command.share_class, day),
            order=command.order,
            units=units,
            price=price,
            owed=waiting.owed,
            amount=amount,
            loss=max(waiting.owed - amount, Decimal(0)),
            surplus=max(amount - waiting.owed, Decimal(0)),
            charged_to=command.charge,
            taken=held.lots.front(units, terms.cost_decimals) if units else LotsTaken(),
        )
    )
    return books.close()


def _common(command: ReserveUnits | ReleaseUnits) -> dict[str, Any]:
    return {
        "umbrella": command.umbrella,
        "share_class": command.share_class,
        "account": command.account,
        "booking_date": command.now.date(),
        "reservation": command.reservation,
    }
