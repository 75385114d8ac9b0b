"""Kinds of values in published events: frozen, bounded, with one spelling each.

They hold what can never be right whatever the day (shapes, bounds, decimals, check digits). What a library's
present tables say (is this a currency, a time zone, a holiday calendar?) is checked when a command is
decided, so that an event of today can be read for ever.
"""

from __future__ import annotations

import re
from datetime import UTC, time
from decimal import Decimal
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
)
from stdnum import isin as isin_numbers
from stdnum import lei as lei_numbers

from libs.kernel.money import minor_units

Item = TypeVar("Item", int, str)
_WRITTEN = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(T|$)", re.ASCII)


class Value(BaseModel):
    """A part of an event: frozen, and no field beside the named ones."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _no_float(value: Any) -> Any:
    if isinstance(value, float | bool):
        raise ValueError("a decimal is written as text, never as a float")
    return value


def _plain(value: Decimal) -> Decimal:
    """One spelling for one number: neither an exponent, nor trailing zeros, nor a negative zero."""
    return Decimal(f"{(value + 0).normalize():f}")


def _printable(value: str) -> str:
    if not value.isprintable():
        raise ValueError("only printable characters")
    return value


def _isin(value: str) -> str:
    if isin_numbers.compact(value) != value or not isin_numbers.is_valid(value):
        raise ValueError("not an ISIN: 2 letters, 9 letters or digits, and the right check digit (ISO 6166)")
    return value


def _lei(value: str) -> str:
    if lei_numbers.compact(value) != value or not lei_numbers.is_valid(value):
        raise ValueError("not an LEI: 18 letters or digits, and 2 right check digits (ISO 17442)")
    return value


def _no_number(value: Any) -> Any:
    if isinstance(value, int | float):
        raise ValueError("a wall clock time is written as text, HH:MM or HH:MM:SS")
    return value


def written(value: Any) -> Any:
    """A date or a time as ISO 8601 writes it; a number, or a text of digits, is no count of seconds since 1970."""
    if isinstance(value, int | float) or (isinstance(value, str) and not _WRITTEN.match(value)):
        raise ValueError("a date is written YYYY-MM-DD, a time YYYY-MM-DDThh:mm:ss with its offset")
    return value


def _wall_clock(value: time) -> time:
    if value.tzinfo is not None or value.microsecond:
        raise ValueError("a wall clock time has whole seconds and no offset; the zone is a field of its own")
    return value


_TEXT = BeforeValidator(_no_float)
_PLAIN = AfterValidator(_plain)

Name = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), AfterValidator(_printable)
]
Code = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9][A-Z0-9-]{0,31}$")]
Isin = Annotated[str, AfterValidator(_isin)]
Lei = Annotated[str, AfterValidator(_lei)]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
# A fraction of one: 0.03 is 3 %.
Rate = Annotated[Decimal, _TEXT, Field(gt=0, lt=1, decimal_places=6), _PLAIN]
# In the currency of the class.
Amount = Annotated[Decimal, _TEXT, Field(ge=0, max_digits=24), _PLAIN]
Price = Annotated[Decimal, _TEXT, Field(gt=0, max_digits=24, decimal_places=10), _PLAIN]
# JSON Schema's own `time` has an offset.
_CLOCK_PATTERN = "^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?$"
WallClock = Annotated[
    time,
    BeforeValidator(_no_number),
    AfterValidator(_wall_clock),
    WithJsonSchema({"type": "string", "pattern": _CLOCK_PATTERN, "examples": ["14:00"]}),
]
Moment = Annotated[AwareDatetime, BeforeValidator(written), AfterValidator(lambda value: value.astimezone(UTC))]
Zone = Annotated[str, StringConstraints(pattern=r"^(UTC|[A-Za-z_]+(/[A-Za-z0-9_+-]+)+)$", max_length=64)]


def check_decimals(amount: Decimal, currency: str | None) -> None:
    """Raise ValueError for an amount finer than the minor unit; an unknown currency is named elsewhere."""
    if currency is not None and decimals_of(amount) > minor_units(currency):
        raise ValueError(f"{currency} has {minor_units(currency)} decimals")


def decimals_of(value: Decimal) -> int:
    """How many decimals the number needs."""
    return max(0, -int(value.normalize().as_tuple().exponent))


def sorted_once(value: tuple[Item, ...]) -> tuple[Item, ...]:
    """A set in its one order, so that equal sets are equal values."""
    return tuple(sorted(set(value)))
