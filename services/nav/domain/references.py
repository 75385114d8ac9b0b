"""Reference rows as the rules read them: committed facts of funds, orders and the register (W-24).

A row comes as JSON, where a number would be a float: columns of decimals are text, and a float is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal, Self
from uuid import UUID

import orjson
from pydantic import BaseModel, ConfigDict, Field

from libs.messages.fund_values import LiquidityTools, RoundingModes
from libs.messages.funds import AssetClass
from libs.messages.nav_values import MAX_CLASSES, Revision, Unrounded
from libs.messages.values import Amount, Currency, Moment, Price
from services.nav.domain.commands import ClassNavCommand, DayCommand, NavCommand, units_row
from services.nav.domain.compensation import Regime
from services.nav.domain.refusals import (
    DealingDayNotClosed,
    NavNotKnownYet,
    NotAValuationDate,
    ShareClassUnknown,
    SubFundUnknown,
)
from services.nav.domain.swing import Leg

_DEALING = {"open", "soft_closed"}


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    @classmethod
    def of(cls, row: Mapping[str, Any] | None) -> Self | None:
        """The row read, JSON columns as values or as their text; None for one that does not exist."""
        if row is None:
            return None
        is_json = {name for name, value in row.items() if isinstance(value, str) and value[:1] in ("{", "[")}
        return cls.model_validate(
            {name: orjson.loads(value) if name in is_json else value for name, value in row.items()}
        )


class ClassFacts(_Row):
    """What the rules need of a class's terms and status; `offer_price` is the fixed one of its initial offer."""

    share_class: UUID
    currency: Currency
    status: Literal["draft", "initial_offer", "open", "soft_closed", "suspended", "closed"]
    unit_decimals: int
    price_decimals: int
    rounding: RoundingModes = RoundingModes()
    price_type: Literal["single", "bid_and_offer"] = "single"
    offer_price: Price | None = None

    def deals(self) -> bool:
        """Whether orders in it are priced."""
        return self.status in _DEALING


class SubFundFacts(_Row):
    """Row `sub_funds(sub_fund)`."""

    umbrella: UUID
    currency: Currency
    asset_class: AssetClass
    regime: Regime
    tools: LiquidityTools
    status: Literal["dealing", "suspended", "closed"]
    classes: Annotated[tuple[ClassFacts, ...], Field(max_length=MAX_CLASSES)]

    def class_of(self, share_class: UUID) -> ClassFacts:
        """One of its classes; raises ShareClassUnknown."""
        for each in self.classes:
            if each.share_class == share_class:
                return each
        raise ShareClassUnknown("the sub-fund has no such class", field="share_class", value=share_class)

    def dealing(self) -> tuple[ClassFacts, ...]:
        """The classes whose orders are priced: none while the sub-fund is suspended."""
        return tuple(each for each in self.classes if each.deals()) if self.status == "dealing" else ()


class ValuationDay(_Row):
    """Row `valuation_days(sub_fund, valuation_date)`: it exists for valuation dates only."""

    nav_known_at: Moment


class FlowTotals(_Row):
    """A class's flows of one kind: `cash` of amounts, the fund's part of it; `units` that are ordered by units.

    `estimated_units` of all-units orders. In legs of switches have the units of `other_class`, which is given up.
    """

    kind: Leg
    currency: Currency
    other_class: UUID | None = None
    cash: Unrounded
    units: Unrounded
    estimated_units: Unrounded = Decimal(0)


class ClassTotals(_Row):
    """A class's totals of a closed dealing day."""

    share_class: UUID
    totals: tuple[FlowTotals, ...]


class ClosedDay(_Row):
    """Row `closed_days(sub_fund, valuation_date)`: the last of orders' DealingDayClosed; it may close anew."""

    closed_at: Moment
    revision: Revision = 1
    classes: tuple[ClassTotals, ...]


class RegisterUnits(_Row):
    """Row `units_in_issue(share_class)`.

    `movements` are the net units of recent valuation dates; all orders up to `booked_through` are booked or refused.
    """

    units: Amount
    movements: Mapping[date, Unrounded] = {}
    booked_through: date | None = None

    def before(self, valuation_date: date) -> Decimal:
        """Units in issue by valuation date, without that date's own orders (TA-N-2)."""
        later = (units for day, units in self.movements.items() if day >= valuation_date)
        return self.units - sum(later, Decimal(0))


def sub_fund_of(command: NavCommand) -> SubFundFacts:
    """The sub-fund; raises SubFundUnknown, for one of another umbrella too."""
    facts = SubFundFacts.of(command.row(command.sub_fund_row()))
    if facts is None or facts.umbrella != command.umbrella:
        raise SubFundUnknown("funds has no such sub-fund here", field="sub_fund", value=command.sub_fund)
    return facts


def check_valuation_date(command: DayCommand, *, is_final: bool) -> None:
    """Raise NotAValuationDate, or NavNotKnownYet for more than an estimate before the NAV can be known (TA-F-2)."""
    day = ValuationDay.of(command.row(command.valuation_day_row()))
    if day is None:
        detail = "the sub-fund's calendar has no valuation on this day"
        raise NotAValuationDate(detail, field="valuation_date", value=command.valuation_date)
    if is_final and command.now < day.nav_known_at:
        raise NavNotKnownYet("give it as an estimate", field="valuation_date", value=command.valuation_date)


def closed_day_of(command: DayCommand) -> ClosedDay:
    """The totals of the closed dealing day; raises DealingDayNotClosed (TA-O-10)."""
    closed = ClosedDay.of(command.row(command.closed_day_row()))
    if closed is None:
        detail = "orders of this valuation date may still come"
        raise DealingDayNotClosed(detail, field="valuation_date", value=command.valuation_date)
    return closed


def units_of(command: DayCommand, share_class: UUID) -> RegisterUnits | None:
    """The register's units of a class; None before its first movement was heard of."""
    return RegisterUnits.of(command.row(units_row(share_class)))


def class_of(command: ClassNavCommand) -> tuple[SubFundFacts, ClassFacts]:
    """The sub-fund and the class that the command names."""
    sub_fund = sub_fund_of(command)
    return sub_fund, sub_fund.class_of(command.share_class)
