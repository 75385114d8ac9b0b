"""Values inside the published events of the register: lots, what was taken of them, refused movements (TA-R)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Literal, NamedTuple
from uuid import UUID

from pydantic import BeforeValidator, Field, PlainSerializer, StringConstraints, WithJsonSchema

from libs.messages.values import Amount, Name, Value

# Units of a class at its own decimals, which the register checks; what is held is never negative.
Held = Amount
Units = Annotated[Held, Field(gt=0)]


def _fraction(value: object) -> object:
    """Text `numerator/denominator`, so that a third of a unit is exact."""
    try:
        return Fraction(value) if isinstance(value, str) else value
    except ZeroDivisionError as error:
        raise ValueError("a fraction has a denominator") from error


Ratio = Annotated[
    Fraction,
    BeforeValidator(_fraction),
    PlainSerializer(str),
    WithJsonSchema({"type": "string", "pattern": "^-?[0-9]+(/[0-9]+)?$", "examples": ["3/2"]}),
]

# How many splits and mergers of its class a holding's units are counted after.
Generation = Annotated[int, Field(ge=0, le=10_000)]
ReservationKind = Literal["block", "pledge", "earmark", "unpaid"]
BlockReason = Literal["court_order", "regulator", "sanctions", "deceased", "dispute", "certificate_lost", "other"]
PayerOfLoss = Literal["subscriber", "distributor"]
Chunk = Annotated[int, Field(ge=0, le=1_000_000)]
# Why a movement was not booked: the code of the refusal that the same movement would get alone.
RefusalCode = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z-]{2,60}$")]
# A reference of whoever asked: a pledgee's deed, a court's file; no person's name belongs in it.
DeedReference = Name


class LotRow(NamedTuple):
    """A lot as it is stored: acquired, units, cost in the class's currency; a list of three texts in JSON."""

    acquired: date
    units: Units
    cost: Amount


class LotsTaken(Value):
    """What left a holding, oldest first: so many whole lots, then a part of the next one, what all of it had cost."""

    whole: Annotated[int, Field(ge=0)] = 0
    part_units: Held = Decimal(0)
    part_cost: Amount = Decimal(0)
    cost: Amount = Decimal(0)


class MovedReservation(Value):
    """A block, pledge, earmark or unpaid issue that follows its units into another class."""

    reservation: UUID
    kind: ReservationKind
    units: Held
    owed: Amount | None = None
    unpaid_until: date | None = None


class RefusedMovement(NamedTuple):
    """An order whose movement was not booked, and why; a list of two texts in JSON."""

    order: UUID
    reason: RefusalCode
