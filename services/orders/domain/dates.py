"""The dates of orders: by receipt, of an in leg, after a suspension, after a gate (TA-F-2, TA-O-6)."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from libs.calendars.calendar import NoBusinessDay, YearNotCovered
from libs.calendars.dealing import (
    NoDealingDate,
    Side,
    cut_off_of,
    dealing_date_of,
    dealing_dates,
    settlement_date,
    valuation_dates,
)
from libs.messages.fund_values import ShareClassTerms
from libs.messages.order_values import OrderDates
from services.orders.domain.references import SubFundRow

# What a calendar raises when it has no answer.
NO_DATE = (NoBusinessDay, NoDealingDate, YearNotCovered)


def cut_off_on(row: SubFundRow, valuation_date: date) -> datetime:
    """The cut-off of a valuation date."""
    return cut_off_of(row.calendar, valuation_date)


def received_dates(received: datetime, side: Side, row: SubFundRow, terms: ShareClassTerms) -> OrderDates:
    """The dates that a receipt time takes, the notice period of redemptions included (TA-F-2)."""
    found = dealing_dates(received, side, row.calendar, terms.settlement, row.tools.notice)
    return OrderDates(
        dealing_date=found.dealing_date,
        valuation_date=found.valuation_date,
        settlement_date=found.settlement_date,
        deadline=found.deadline,
    )


def next_dates(now: datetime, side: Side, row: SubFundRow, terms: ShareClassTerms, not_before: date) -> OrderDates:
    """The first valuation date from `not_before` on whose cut-off is not past, without notice, which was given before.

    For an in leg (not before its out leg), after a suspension, and for what a gate carried. Raises NoDealingDate.
    """
    for valuation_date in valuation_dates(row.calendar, not_before):
        cut_off = cut_off_of(row.calendar, valuation_date)
        if now <= cut_off:
            return OrderDates(
                dealing_date=dealing_date_of(row.calendar, valuation_date),
                valuation_date=valuation_date,
                settlement_date=settlement_date(row.calendar, terms.settlement, side, valuation_date),
                deadline=cut_off,
            )
    raise NoDealingDate("no dealing date follows within reach", field="not_before", value=not_before)


def carried_dates(now: datetime, row: SubFundRow, terms: ShareClassTerms, executed_on: date) -> OrderDates:
    """The next dealing date after the one that the gate cut (TA-O-6)."""
    return next_dates(now, Side.REDEMPTION, row, terms, executed_on + timedelta(days=1))


def invested_dates(now: datetime, row: SubFundRow, terms: ShareClassTerms, out: OrderDates) -> OrderDates:
    """The in leg's own next valuation date, not before that of the out leg which pays for it (TA-O-1)."""
    return next_dates(now, Side.SUBSCRIPTION, row, terms, out.valuation_date)


def released_dates(
    now: datetime, side: Side, row: SubFundRow, terms: ShareClassTerms, formerly: OrderDates
) -> OrderDates:
    """The first dealing date after a suspension (TA-O-7), not before the one that the order had."""
    # A day of margin for zones where it is not yet today; a cut-off that is past counts no day.
    return next_dates(now, side, row, terms, max(now.date() - timedelta(days=1), formerly.valuation_date))
