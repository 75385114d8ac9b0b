"""The commands of the register: the streams and reference rows of each, and bad input told by field and value."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal, Self
from uuid import UUID

from pydantic import Field, ModelWrapValidatorHandler, ValidationError, field_validator, model_validator

from libs.kernel.decider import Command, Reference
from libs.kernel.errors import InvalidValue
from libs.kernel.streams import stream_name
from libs.messages.register_values import BlockReason, Chunk, DeedReference, PayerOfLoss, Units
from libs.messages.values import Amount, Code, Currency, Price, Value

SERVICE = "register"
# A decision has at most 500 events and 200,000 bytes (W-6); a movement may bring a split of its holding with it.
MAX_CHUNK = 150

Rows = Mapping[Reference, Mapping[str, Any] | None]


class RegisterCommand(Command):
    """A command on a class of an umbrella; `rows` are its reference rows."""

    umbrella: UUID
    share_class: UUID
    rows: Rows | None = Field(None, exclude=True, repr=False)

    @model_validator(mode="wrap")
    @classmethod
    def _or_named_field(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            return handler(data)
        except ValidationError as error:
            raise invalid_value(error) from error

    @field_validator("now")
    @classmethod
    def _in_utc(cls, value: datetime) -> datetime:
        if value.tzinfo is None:
            raise ValueError("a time needs a time zone")
        return value.astimezone(UTC)

    def holding_stream(self, account: UUID, share_class: UUID | None = None) -> str:
        """The stream of what an account holds of a class, of the command's own where none is named."""
        return stream_name(SERVICE, self.umbrella, "holding", f"{account}:{share_class or self.share_class}")

    def class_stream(self, share_class: UUID | None = None) -> str:
        """The stream of a class's units in issue."""
        return stream_name(SERVICE, self.umbrella, "class", share_class or self.share_class)

    def given(self, rows: Rows) -> Self:
        """With these rows."""
        return self.model_copy(update={"rows": dict(rows)})


class Movement(Value):
    """A priced order's units, as orders publishes them; what cannot be booked is refused by name, one by one.

    `amount` is what the issued units cost, or what the cancelled ones brought.
    """

    order: UUID
    account: UUID
    side: Literal["issue", "cancel"]
    units: Decimal
    amount: Decimal
    currency: Currency
    settlement_date: date


class BookMovements(RegisterCommand):
    """Issue and cancel the units of a chunk of priced orders (TA-R-2); a bad one is refused and hurts no other."""

    valuation_date: date
    chunk: Chunk
    movements: Annotated[tuple[Movement, ...], Field(min_length=1, max_length=MAX_CHUNK)]

    def booking_stream(self) -> str:
        """The stream of the bookings of a class and valuation date."""
        return stream_name(SERVICE, self.umbrella, "booking", f"{self.share_class}:{self.valuation_date}")

    def streams(self) -> tuple[str, ...]:
        """The booking, the class, every holding once."""
        accounts = dict.fromkeys(movement.account for movement in self.movements)
        return (self.booking_stream(), self.class_stream(), *map(self.holding_stream, accounts))

    def references(self) -> tuple[Reference, ...]:
        """The class, every account once."""
        accounts = dict.fromkeys(movement.account for movement in self.movements)
        return (class_row(self.share_class), *map(account_row, accounts))


class HoldingCommand(RegisterCommand):
    """A command on one holding."""

    account: UUID

    def streams(self) -> tuple[str, ...]:
        """The holding, its class."""
        return (self.holding_stream(self.account), self.class_stream())


class TransferUnits(RegisterCommand):
    """Move units from one account to another, both legs in one decision (TA-R-1).

    `consideration` is what the new owner gave; None where the owner stays the same, and lots keep date and cost.
    """

    transfer: UUID
    account: UUID
    to_account: UUID
    units: Units
    consideration: Amount | None = None
    valuation_date: date
    settlement_date: date

    def streams(self) -> tuple[str, ...]:
        """The giver's holding, the receiver's, the class."""
        return (self.holding_stream(self.account), self.holding_stream(self.to_account), self.class_stream())

    def references(self) -> tuple[Reference, ...]:
        """The class, both accounts."""
        return (class_row(self.share_class), account_row(self.account), account_row(self.to_account))


class ConvertUnits(HoldingCommand):
    """Turn an account's oldest units into units of another class of the umbrella, at both prices (TA-R-1).

    `rate` is the middle price of one unit of the class's currency in the other's, where they differ.
    """

    four_eyes: ClassVar[bool] = True

    conversion: UUID
    into_class: UUID
    units: Units
    price: Price
    into_price: Price
    rate: Price | None = None
    valuation_date: date
    settlement_date: date

    def streams(self) -> tuple[str, ...]:
        """The account's holdings in both classes, both classes."""
        own, other = self.holding_stream(self.account), self.holding_stream(self.account, self.into_class)
        return (own, other, self.class_stream(), self.class_stream(self.into_class))

    def references(self) -> tuple[Reference, ...]:
        """Both classes, the account."""
        return (class_row(self.share_class), class_row(self.into_class), account_row(self.account))


class ReservationCommand(HoldingCommand):
    """A command on a block, pledge or earmark of a holding (TA-R-5)."""

    reservation: UUID


class ReserveUnits(ReservationCommand):
    """Keep units from leaving."""

    units: Units

    def references(self) -> tuple[Reference, ...]:
        """The class."""
        return (class_row(self.share_class),)


class BlockUnits(ReserveUnits):
    """Block units of a holding."""

    reason: BlockReason
    reference: DeedReference | None = None


class PledgeUnits(ReserveUnits):
    """Pledge units of a holding under a deed."""

    reference: DeedReference


class EarmarkUnits(ReserveUnits):
    """Set units aside for a market."""

    market: Code


class ReleaseUnits(ReservationCommand):
    """Free what was blocked, pledged or earmarked."""


class ReleasePaidUnits(HoldingCommand):
    """The money of an order has arrived: its units are free (TA-R-6)."""

    order: UUID


class CancelUnpaidUnits(HoldingCommand):
    """End units whose money did not come, at the current NAV, and charge the loss (TA-R-6)."""

    order: UUID
    charge: PayerOfLoss

    def references(self) -> tuple[Reference, ...]:
        """The class, its latest price."""
        return (class_row(self.share_class), price_row(self.share_class))


def class_row(share_class: UUID) -> Reference:
    """The reference row of a class: currency, unit_decimals, status, money, unpaid_limit_days."""
    return Reference("share_classes", {"share_class": str(share_class)})


def account_row(account: UUID) -> Reference:
    """The reference row of an account: closed, frozen, transfers_blocked."""
    return Reference("accounts", {"account": str(account)})


def price_row(share_class: UUID) -> Reference:
    """The reference row of the price that redemptions of a class are last published at: valuation_date, price."""
    return Reference("latest_prices", {"share_class": str(share_class)})


def invalid_value(error: ValidationError) -> InvalidValue:
    """The first failure of a model as an InvalidValue that names field and value; a structure is shown shortened."""
    failure = error.errors(include_url=False, include_context=False)[0]
    value = failure["input"]
    shown = value if isinstance(value, str | int) else reprlib.repr(value)
    reason = failure["msg"].removeprefix("Value error, ")
    missing = failure["type"] == "missing"
    return InvalidValue(reason, field=".".join(map(str, failure["loc"])), value=None if missing else shown)
