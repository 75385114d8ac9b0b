"""What every command of investors has: errors that show nothing, the investor, the caller's distributor."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from pydantic import ConfigDict, field_validator

from libs.kernel.decider import Command
from libs.kernel.streams import stream_name
from libs.messages.values import Code

SERVICE = "investors"


class InvestorsCommand(Command):
    """A command of investors; no error shows what was given."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    @field_validator("now")
    @classmethod
    def _in_utc(cls, value: datetime) -> datetime:
        if value.tzinfo is None:
            raise ValueError("a time needs a time zone")
        return value.astimezone(UTC)


class InvestorCommand(InvestorsCommand):
    """A command on an investor, or on something of its own; `placed_by` is the distributor that the caller is bound to.

    What is another distributor's does not exist for it (TA-I-8).
    """

    investor: UUID
    placed_by: Code | None = None

    def investor_stream(self) -> str:
        """The investor's stream."""
        return stream_name(SERVICE, self.investor, "investor", self.investor)

    def streams(self) -> tuple[str, ...]:
        """The investor alone."""
        return (self.investor_stream(),)


def bank_account_stream(investor: UUID, bank_account: UUID) -> str:
    """The stream of a bank account of the investor."""
    return stream_name(SERVICE, investor, "bank_account", bank_account)
