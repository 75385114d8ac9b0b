"""What every command of nav has: its streams, its reference rows, and bad input told by field and value."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Self
from uuid import UUID

from pydantic import Field, ModelWrapValidatorHandler, ValidationError, field_validator, model_validator

from libs.kernel.decider import Command, Reference
from libs.kernel.errors import CheckUnavailable, InvalidValue
from libs.kernel.streams import stream_name
from libs.messages.nav_values import ValuationDate

SERVICE = "nav"


class NavCommand(Command):
    """A command on a sub-fund or on something in it."""

    umbrella: UUID
    sub_fund: UUID

    rows: Mapping[Reference, Mapping[str, Any] | None] | None = Field(None, exclude=True, repr=False)

    @model_validator(mode="wrap")
    @classmethod
    def _or_named_field(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            return handler(data)
        except ValidationError as error:
            raise _first(error) from error

    @field_validator("now")
    @classmethod
    def _in_utc(cls, value: datetime) -> datetime:
        if value.tzinfo is None:
            raise ValueError("a time needs a time zone")
        return value.astimezone(UTC)

    def ids(self) -> dict[str, Any]:
        """What every event of this target names."""
        return {"umbrella": self.umbrella, "sub_fund": self.sub_fund}

    def sub_fund_stream(self) -> str:
        """The sub-fund's stream."""
        return stream_name(SERVICE, self.umbrella, "sub_fund", self.sub_fund)

    def streams(self) -> tuple[str, ...]:
        """The sub-fund alone."""
        return (self.sub_fund_stream(),)

    def sub_fund_row(self) -> Reference:
        """The sub-fund and its classes, of funds."""
        return Reference("sub_funds", {"sub_fund": str(self.sub_fund)})

    def references(self) -> tuple[Reference, ...]:
        """The sub-fund."""
        return (self.sub_fund_row(),)

    def given(self, rows: Mapping[Reference, Mapping[str, Any] | None]) -> Self:
        """With these rows."""
        return self.model_copy(update={"rows": dict(rows)})

    def row(self, reference: Reference) -> Mapping[str, Any] | None:
        """A reference row; raises CheckUnavailable where the rows were not brought."""
        if self.rows is None or reference not in self.rows:
            raise CheckUnavailable("a reference row was not read", field=reference.table)
        return self.rows[reference]


class DayCommand(NavCommand):
    """A command on a sub-fund's valuation date."""

    valuation_date: ValuationDate

    def day_ids(self) -> dict[str, Any]:
        """What every event of the day names."""
        return {"umbrella": self.umbrella, "sub_fund": self.sub_fund, "valuation_date": self.valuation_date}

    def day_stream(self) -> str:
        """The valuation date's stream."""
        name = f"{self.sub_fund}:{self.valuation_date.isoformat()}"
        return stream_name(SERVICE, self.umbrella, "sub_fund_day", name)

    def class_stream(self, share_class: UUID) -> str:
        """The stream of a class's NAV of the date."""
        name = f"{share_class}:{self.valuation_date.isoformat()}"
        return stream_name(SERVICE, self.umbrella, "class_nav", name)

    def streams(self) -> tuple[str, ...]:
        """The day, then its sub-fund."""
        return (self.day_stream(), self.sub_fund_stream())

    def valuation_day_row(self) -> Reference:
        """The date in the sub-fund's calendar."""
        key = {"sub_fund": str(self.sub_fund), "valuation_date": self.valuation_date.isoformat()}
        return Reference("valuation_days", key)

    def closed_day_row(self) -> Reference:
        """The totals of the closed dealing day, of orders."""
        key = {"sub_fund": str(self.sub_fund), "valuation_date": self.valuation_date.isoformat()}
        return Reference("closed_days", key)

    def references(self) -> tuple[Reference, ...]:
        """The sub-fund and the date."""
        return (self.sub_fund_row(), self.valuation_day_row())


class ClassNavCommand(DayCommand):
    """A command on the NAV of one class and valuation date."""

    share_class: UUID

    def ids(self) -> dict[str, Any]:
        """What every event of this NAV names."""
        return {**self.day_ids(), "share_class": self.share_class}

    def streams(self) -> tuple[str, ...]:
        """The NAV, then the day and the sub-fund."""
        return (self.class_stream(self.share_class), *super().streams())

    def references(self) -> tuple[Reference, ...]:
        """The sub-fund, the date, the register's units."""
        return (*super().references(), units_row(self.share_class))


def units_row(share_class: UUID) -> Reference:
    """A class's units in issue, of the register."""
    return Reference("units_in_issue", {"share_class": str(share_class)})


def _first(error: ValidationError) -> InvalidValue:
    """The first failure of a model as an InvalidValue that names field and value."""
    failure = error.errors(include_url=False, include_context=False)[0]
    value = failure["input"]
    shown = value if isinstance(value, str | int) else reprlib.repr(value)
    reason = failure["msg"].removeprefix("Value error, ")
    missing = failure["type"] == "missing"
    return InvalidValue(reason, field=".".join(map(str, failure["loc"])), value=None if missing else shown)
