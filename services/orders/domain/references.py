"""What orders must know of funds, investors, the register and nav, as rows of its own schema (W-24)."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal, TypeVar
from uuid import UUID

import orjson
from pydantic import ConfigDict, field_validator

from libs.kernel.decider import Reference
from libs.kernel.errors import CheckUnavailable
from libs.messages.fund_values import DealingCalendar, LiquidityTools, ShareClassTerms
from libs.messages.investor_kinds import BlockScope, Category
from libs.messages.values import Code, Country, Exact, Moment, Value


class Row(Value):
    """A row as a decision reads it: the columns that it needs, others passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore")


def _json(value: Any) -> Any:
    return orjson.loads(value) if isinstance(value, str) else value


class ClassRow(Row):
    """`share_classes` (share_class): from funds."""

    umbrella: UUID
    sub_fund: UUID
    status: Literal["draft", "initial_offer", "initial_offer_ended", "open", "soft_closed", "suspended", "closed"]
    existing_holders_may_subscribe: bool | None = None
    terms: ShareClassTerms

    _parsed = field_validator("terms", mode="before")(_json)


class SubFundRow(Row):
    """`sub_funds` (sub_fund): from funds."""

    umbrella: UUID
    status: Literal["dealing", "suspended", "closed"]
    calendar: DealingCalendar
    tools: LiquidityTools

    _parsed = field_validator("calendar", "tools", mode="before")(_json)


class AccountRow(Row):
    """`accounts` (account): from investors; categories and countries are those of its holders, `blocks` the scopes."""

    distributor: Code | None = None
    status: Literal["open", "closed"]
    approved: bool
    review_overdue: bool
    categories: tuple[Category, ...]
    countries: tuple[Country, ...]
    blocks: tuple[BlockScope, ...]

    _parsed = field_validator("categories", "countries", "blocks", mode="before")(_json)


class HoldingRow(Row):
    """`holdings` (account, share_class): from the register, less what orders priced and the register has not booked.

    `long_held`: those of the free units that bear no redemption fee.
    """

    free: Exact
    blocked: Exact
    long_held: Exact


NO_UNITS = HoldingRow(free=Decimal(0), blocked=Decimal(0), long_held=Decimal(0))


class PublishedRow(Row):
    """`published_days` (sub_fund, valuation_date): from nav, as long as the publication stands."""

    revision: int
    published_at: Moment


ReferenceRows = Mapping[Reference, Row | None]
Kind = TypeVar("Kind", bound=Row)
_KINDS: Mapping[str, type[Row]] = {
    "share_classes": ClassRow,
    "sub_funds": SubFundRow,
    "accounts": AccountRow,
    "holdings": HoldingRow,
    "published_days": PublishedRow,
}


def parsed(rows: Mapping[Reference, Mapping[str, Any] | None]) -> ReferenceRows:
    """The rows, each read once: a chunk of orders asks for the same class many times."""
    return {
        reference: None if row is None else _KINDS[reference.table].model_validate(dict(row))
        for reference, row in rows.items()
    }


def share_class_row(share_class: UUID) -> Reference:
    """The reference to a class's row."""
    return Reference("share_classes", {"share_class": str(share_class)})


def sub_fund_row(sub_fund: UUID) -> Reference:
    """The reference to a sub-fund's row."""
    return Reference("sub_funds", {"sub_fund": str(sub_fund)})


def account_row(account: UUID) -> Reference:
    """The reference to an account's row."""
    return Reference("accounts", {"account": str(account)})


def holding_row(account: UUID, share_class: UUID) -> Reference:
    """The reference to a holding's row; no row is no units."""
    return Reference("holdings", {"account": str(account), "share_class": str(share_class)})


def published_row(sub_fund: UUID, valuation_date: object) -> Reference:
    """The reference to a publication's row."""
    return Reference("published_days", {"sub_fund": str(sub_fund), "valuation_date": str(valuation_date)})


def found(rows: ReferenceRows | None, reference: Reference, kind: type[Kind]) -> Kind | None:
    """The row, None where there is none; raises CheckUnavailable when nobody read it (invariant 11)."""
    if rows is None or reference not in rows:
        raise CheckUnavailable("a reference row was not read", field=reference.table)
    row = rows[reference]
    return row if isinstance(row, kind) else None
