"""The dealing board: dates of a sub-fund out of its read tables, by the pure functions of the domain (TA-F-2)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from libs.calendars.calendar import YearNotCovered
from libs.calendars.dealing import (
    Side,
    cut_off_of,
    dealing_date_of,
    forward_dates,
    nav_known_at,
    settlement_date,
    valuation_dates,
)
from libs.kernel.errors import InvalidValue
from libs.messages.fund_values import DealingCalendar, LiquidityTools, ShareClassTerms
from services.funds.views import DealingDay, DealingDays, DealingOf, DealingView, SettlementView

_MOST_DAYS = 366
_FIRST_YEAR, _LAST_YEAR = 1970, 2200

Row = Mapping[str, Any]


def dealing_of(sub_fund: Row, classes: Sequence[Row], received: datetime, sides: Sequence[Side]) -> DealingOf:
    """What an order received at a time takes on these sides; raises YearNotCovered, NoDealingDate."""
    calendar = DealingCalendar.model_validate_json(sub_fund["calendar"])
    tools = LiquidityTools.model_validate_json(sub_fund["tools"])
    return DealingOf(
        sub_fund=sub_fund["sub_fund"],
        received_at=received.astimezone(UTC),
        zone=calendar.cut_off.zone,
        sides=[_side(calendar, tools, classes, received, side) for side in sides],
    )


def _side(
    calendar: DealingCalendar, tools: LiquidityTools, classes: Sequence[Row], received: datetime, side: Side
) -> DealingView:
    forward = forward_dates(received, side, calendar, tools.notice)
    settlements = [
        SettlementView(
            share_class=row["share_class"],
            isin=row["isin"],
            currency=row["currency"],
            settlement_date=settlement_date(
                calendar, ShareClassTerms.model_validate_json(row["terms"]).settlement, side, forward.valuation_date
            ),
        )
        for row in classes
    ]
    return DealingView(side=side, **forward._asdict(), settlements=settlements)


def dealing_days(sub_fund: Row, first: date, last: date) -> DealingDays:
    """The dealing days from `first` to `last`; raises InvalidValue for too many, YearNotCovered."""
    if not _FIRST_YEAR <= first.year <= _LAST_YEAR:
        raise YearNotCovered("no calendar reaches that year", field="from", value=first)
    if not timedelta(0) <= last - first <= timedelta(days=_MOST_DAYS):
        raise InvalidValue(f"from 0 to {_MOST_DAYS} days after `from`", field="to", value=last)
    calendar = DealingCalendar.model_validate_json(sub_fund["calendar"])
    days = list(_days(calendar, first, last))
    return DealingDays(sub_fund=sub_fund["sub_fund"], zone=calendar.cut_off.zone, days=days)


def _days(calendar: DealingCalendar, first: date, last: date) -> Iterator[DealingDay]:
    for valuation_date in valuation_dates(calendar, first):
        dealing_date = dealing_date_of(calendar, valuation_date)
        if dealing_date > last:
            return
        if dealing_date >= first:
            yield DealingDay(
                dealing_date=dealing_date,
                valuation_date=valuation_date,
                cut_off=cut_off_of(calendar, valuation_date),
                nav_known_at=nav_known_at(calendar, valuation_date),
            )
