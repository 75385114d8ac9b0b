"""What every command of funds has: the streams it reads, and bad input told by field and value."""

from __future__ import annotations

import reprlib
from datetime import UTC, datetime
from typing import Any, Self
from uuid import UUID

from pydantic import ModelWrapValidatorHandler, ValidationError, field_validator, model_validator

from libs.kernel.decider import Command
from libs.kernel.errors import InvalidValue
from libs.kernel.streams import stream_name

SERVICE = "funds"


class FundsCommand(Command):
    """A command on an umbrella or on something in it."""

    umbrella: UUID

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

    def umbrella_stream(self) -> str:
        """The umbrella's stream."""
        return stream_name(SERVICE, self.umbrella, "umbrella", self.umbrella)

    def streams(self) -> tuple[str, ...]:
        """The umbrella alone."""
        return (self.umbrella_stream(),)


class SubFundCommand(FundsCommand):
    """A command on a sub-fund."""

    sub_fund: UUID

    def ids(self) -> dict[str, UUID]:
        """What every event of this target names."""
        return {"umbrella": self.umbrella, "sub_fund": self.sub_fund}

    def sub_fund_stream(self) -> str:
        """The sub-fund's stream."""
        return stream_name(SERVICE, self.umbrella, "sub_fund", self.sub_fund)

    def streams(self) -> tuple[str, ...]:
        """The sub-fund, then its umbrella."""
        return (self.sub_fund_stream(), self.umbrella_stream())


class ShareClassCommand(SubFundCommand):
    """A command on a share class."""

    share_class: UUID

    def ids(self) -> dict[str, UUID]:
        """What every event of this target names."""
        return {**super().ids(), "share_class": self.share_class}

    def streams(self) -> tuple[str, ...]:
        """The class, its sub-fund, the umbrella."""
        target = stream_name(SERVICE, self.umbrella, "share_class", self.share_class)
        return (target, self.sub_fund_stream(), self.umbrella_stream())


def invalid_value(error: ValidationError) -> InvalidValue:
    """The first failure of a model as an InvalidValue that names field and value."""
    return invalid_values(error)[0]


def invalid_values(error: ValidationError) -> list[InvalidValue]:
    """Every failure of a model; a value that is a whole structure is shown shortened."""
    found = []
    for failure in error.errors(include_url=False, include_context=False):
        value = failure["input"]
        shown = value if isinstance(value, str | int) else reprlib.repr(value)
        field = ".".join(map(str, failure["loc"]))
        missing = failure["type"] == "missing"
        reason = failure["msg"].removeprefix("Value error, ")
        found.append(InvalidValue(reason, field=field, value=None if missing else shown))
    return found
