"""What one account holds of one class: lots, and what of it may not leave (TA-R-1, TA-R-5)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

from immutables import Map

from libs.kernel.allocation import complete
from libs.kernel.errors import InvalidValue
from libs.kernel.events import Event
from libs.kernel.money import Rounding, exactly, rounded
from libs.messages import register as published
from libs.messages.register_values import LotsTaken, MovedReservation, ReservationKind
from services.register.domain.corporate_actions import exchanged
from services.register.domain.lot_queue import LotQueue
from services.register.domain.lots import Lot, Redeemed, redeemed
from services.register.domain.refusals import HoldingTooSmall, unexpected

# --- State


@dataclass(frozen=True, slots=True)
class Reserved:
    """Units that may not leave; of an unpaid issue what is owed for it, and until when."""

    kind: ReservationKind
    units: Decimal
    owed: Decimal | None = None
    unpaid_until: date | None = None


_NO_LOTS = LotQueue()
_NO_RESERVATIONS = Map[UUID, Reserved]()
_NOT_DONE = Map[UUID, tuple[object, ...]]()


@dataclass(frozen=True, slots=True)
class Holding:
    """Lots with their sums; reservations with theirs; `done` tells a repeated command from another with the same id."""

    lots: LotQueue = _NO_LOTS
    reserved: Map[UUID, Reserved] = _NO_RESERVATIONS
    reserved_units: Decimal = Decimal(0)
    done: Map[UUID, tuple[object, ...]] = _NOT_DONE
    generation: int = 0

    @property
    def units(self) -> Decimal:
        """All units, reserved ones too."""
        return self.lots.units

    @property
    def free(self) -> Decimal:
        """The units that may leave (R-5)."""
        return self.lots.units - self.reserved_units


NOTHING = Holding()

# --- What the decisions ask


def take(holding: Holding, units: Decimal, cost_decimals: int) -> LotsTaken:
    """The oldest lots with so many units; raises HoldingTooSmall below what is blocked, pledged or earmarked (R-5)."""
    if units > holding.free:
        raise HoldingTooSmall(f"{holding.free} units are free", field="units", value=units)
    return holding.lots.front(units, cost_decimals)


@exactly
def disposals(holding: Holding, event: published.UnitsCancelled, price: Decimal, cost_decimals: int) -> Redeemed:
    """What each lot brought when `event` followed on this holding, and its gain (golden G8).

    The event carries the sums; raises InvalidValue when it did not follow on this holding.
    """
    if holding.lots.front(event.units, cost_decimals) != event.taken:
        raise InvalidValue("the event follows on another holding", field="taken", value=event.taken)
    return redeemed(tuple(holding.lots), event.units, price, event.amount, cost_decimals)


def scaled(reserved: Map[UUID, Reserved], factor: Fraction, unit_decimals: int) -> Map[UUID, Reserved]:
    """Reservations after an exchange: their sum × factor DOWN, so never above the holding's; shared as lots are."""
    if not reserved:
        return reserved
    in_order = sorted(reserved.items())
    raw = [Fraction(each.units) * factor for _, each in in_order]
    parts = complete(rounded(sum(raw, Fraction(0)), unit_decimals, Rounding.DOWN), raw, unit_decimals)
    return Map({name: replace(each, units=units) for (name, each), units in zip(in_order, parts, strict=True)})


def moved(reserved: Map[UUID, Reserved]) -> tuple[MovedReservation, ...]:
    """Reservations as an event tells them."""
    return tuple(
        MovedReservation(
            reservation=name, kind=each.kind, units=each.units, owed=each.owed, unpaid_until=each.unpaid_until
        )
        for name, each in sorted(reserved.items())
    )


# --- Evolve


def evolve(holding: Holding | None, event: Event) -> Holding:
    """The holding after the event."""
    before = NOTHING if holding is None else holding
    match event:
        case published.ReservationEvent():
            return _reserved(before, event)
        case published.MovementEvent():
            after = _moved(before, event)
            return after if after.generation == event.generation else replace(after, generation=event.generation)
        case _:
            raise unexpected(event, holding)


def _moved(holding: Holding, event: published.MovementEvent) -> Holding:
    match event:
        case published.UnitsIssued():
            return _issued(holding, event)
        case published.UnitsCancelled(taken=taken):
            return replace(holding, lots=holding.lots.without(taken))
        case published.UnitsTransferred():
            return replace(_leg(holding, event), done=holding.done.set(event.transfer, transfer_done(event)))
        case published.UnitsConverted():
            return _converted(holding, event)
        case published.HoldingSplit():
            reserved = scaled(holding.reserved, event.factor, event.unit_decimals)
            lots = LotQueue.of(exchanged(tuple(holding.lots), event.factor, event.unit_decimals).lots)
            return _with_reserved(replace(holding, lots=lots), reserved)
        case published.UnpaidUnitsCancelled(order=order, taken=taken):
            return _freed(replace(holding, lots=holding.lots.without(taken)), order)
        case _:
            raise unexpected(event, holding)


def _issued(holding: Holding, event: published.UnitsIssued) -> Holding:
    lots = holding.lots.added(Lot(event.valuation_date, event.units, event.amount))
    if event.unpaid_until is None:
        return replace(holding, lots=lots)
    former = holding.reserved.get(event.order)
    units, owed, until = event.units, event.amount, event.unpaid_until
    if former is not None:
        # The rest of an order that a gate had carried: one debt, due with its last part.
        units, owed = units + former.units, owed + (former.owed or Decimal(0))
    unpaid = Reserved("unpaid", units, owed, until)
    total = holding.reserved_units + event.units
    return replace(holding, lots=lots, reserved=holding.reserved.set(event.order, unpaid), reserved_units=total)


def _leg(holding: Holding, event: published.UnitsTransferred | published.UnitsConverted) -> Holding:
    if event.taken is not None:
        return replace(holding, lots=holding.lots.without(event.taken))
    return replace(holding, lots=holding.lots.with_all(event.lots))


def _converted(holding: Holding, event: published.UnitsConverted) -> Holding:
    after = _leg(holding, event)
    after = replace(after, done=holding.done.set(event.conversion, conversion_done(event)))
    if event.merger and event.leg == "out":
        return _with_reserved(after, Map())
    reserved = after.reserved
    for each in event.reservations:
        reserved = reserved.set(each.reservation, Reserved(each.kind, each.units, each.owed, each.unpaid_until))
    return _with_reserved(after, reserved) if event.reservations else after


def _reserved(holding: Holding, event: published.ReservationEvent) -> Holding:
    if isinstance(event, published.UnitsReleased):
        return _freed(holding, event.reservation)
    kind = kind_of(event)
    return replace(
        holding,
        reserved=holding.reserved.set(event.reservation, Reserved(kind, event.units)),
        reserved_units=holding.reserved_units + event.units,
        done=holding.done.set(event.reservation, reservation_done(event)),
    )


def _freed(holding: Holding, reservation: UUID) -> Holding:
    units = holding.reserved[reservation].units
    return replace(
        holding, reserved=holding.reserved.delete(reservation), reserved_units=holding.reserved_units - units
    )


def _with_reserved(holding: Holding, reserved: Map[UUID, Reserved]) -> Holding:
    total = sum((each.units for each in reserved.values()), Decimal(0))
    return replace(holding, reserved=reserved, reserved_units=total)


# --- What a repeated command is known by


def kind_of(event: published.ReservationEvent) -> ReservationKind:
    """The kind of a reservation by its event; raises UnknownEvent."""
    match event:
        case published.UnitsBlocked():
            return "block"
        case published.UnitsPledged():
            return "pledge"
        case published.UnitsEarmarked():
            return "earmark"
        case published.UnitsReleased(kind=kind):
            return kind
        case _:
            raise unexpected(event, None)


def reservation_done(event: published.ReservationEvent) -> tuple[object, ...]:
    """What was asked for by a block, a pledge or an earmark."""
    match event:
        case published.UnitsBlocked():
            return ("block", event.units, event.reason, event.reference)
        case published.UnitsPledged():
            return ("pledge", event.units, event.reference)
        case published.UnitsEarmarked():
            return ("earmark", event.units, event.market)
        case _:
            raise unexpected(event, None)


def transfer_done(event: published.UnitsTransferred) -> tuple[object, ...]:
    """What was asked for by a transfer."""
    dates = (event.valuation_date, event.settlement_date)
    return ("transfer", event.leg, event.other_account, event.units, event.consideration, *dates)


def conversion_done(event: published.UnitsConverted) -> tuple[object, ...]:
    """What was asked for by a conversion: the units given, for which class."""
    dates = (event.valuation_date, event.settlement_date)
    return ("conversion", event.leg, event.other_class, event.given, *dates)
