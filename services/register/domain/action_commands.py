"""The commands of corporate actions on all holdings of a class (TA-R-1): start once, then holdings in chunks."""

from __future__ import annotations

from datetime import date
from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import Field

from libs.kernel.decider import Reference
from libs.messages.values import Price
from services.register.domain.commands import MAX_CHUNK, RegisterCommand, class_row

Accounts = Annotated[tuple[UUID, ...], Field(min_length=1, max_length=MAX_CHUNK)]
# Two holdings an account, and the lots of one of them (W-6).
FewAccounts = Annotated[tuple[UUID, ...], Field(min_length=1, max_length=MAX_CHUNK // 2)]


class StartSplit(RegisterCommand):
    """Let `new` units stand for `old` ones from a date on; fewer are a reverse split (TA-R-1)."""

    four_eyes: ClassVar[bool] = True

    action: UUID
    new: Annotated[int, Field(ge=1, le=1_000_000)]
    old: Annotated[int, Field(ge=1, le=1_000_000)]
    effective_date: date

    def streams(self) -> tuple[str, ...]:
        """The class."""
        return (self.class_stream(),)

    def references(self) -> tuple[Reference, ...]:
        """The class."""
        return (class_row(self.share_class),)


class StartMerger(RegisterCommand):
    """Let all units of a class become units of another of the umbrella from a date on (TA-R-1).

    `rate` is the middle price of one unit of the class's currency in the other's, where they differ.
    """

    four_eyes: ClassVar[bool] = True

    action: UUID
    into_class: UUID
    price: Price
    into_price: Price
    rate: Price | None = None
    effective_date: date

    def streams(self) -> tuple[str, ...]:
        """The class, the one that takes its units."""
        return (self.class_stream(), self.class_stream(self.into_class))

    def references(self) -> tuple[Reference, ...]:
        """Both classes."""
        return (class_row(self.share_class), class_row(self.into_class))


class ExchangeHoldings(RegisterCommand):
    """Put a chunk of holdings through a corporate action; those that went through it are passed over."""

    action: UUID


class SplitHoldings(ExchangeHoldings):
    """Split a chunk of holdings."""

    accounts: Accounts

    def streams(self) -> tuple[str, ...]:
        """The holdings, then the class: a chunk is known by its first account (W-18)."""
        return (*map(self.holding_stream, dict.fromkeys(self.accounts)), self.class_stream())


class MergeHoldings(ExchangeHoldings):
    """Merge a chunk of holdings into another class."""

    into_class: UUID
    accounts: FewAccounts

    def streams(self) -> tuple[str, ...]:
        """The holdings in both classes, then the classes."""
        accounts = dict.fromkeys(self.accounts)
        into = (self.holding_stream(account, self.into_class) for account in accounts)
        return (*map(self.holding_stream, accounts), *into, self.class_stream(), self.class_stream(self.into_class))
