"""Which dates an order takes: one pure function of the receipt time (TA-F-2).

Words: the *valuation date* is the day whose NAV prices the order; the *dealing date* is the day of the
cut-off, n business days before; T of the settlement is the valuation date.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from libs.calendars.calendar import (
    BusinessDays,
    YearNotCovered,
    check_holiday_set,
    check_zone,
    instant,
    is_half_day,
)
from libs.kernel.errors import InvalidValue
from libs.messages.fund_values import (
    Daily,
    DealingCalendar,
    HalfDays,
    Monthly,
    NoticePeriod,
    Roll,
    SettlementTerms,
    Weekly,
)

_ONE_DAY = timedelta(days=1)
# A yearly fund with a year's notice, and a spare year.
_HORIZON_DAYS = 1_200
# A scheduled day rolls over no more than this: the longest market closures last two weeks.
_ROLL_DAYS = 45
_FIRST_YEAR, _LAST_YEAR = 1970, 2200


class NoDealingDate(InvalidValue):
    """The calendar has no dealing day within reach of the receipt time."""

    code = "no-dealing-date"
    title = "The calendar gives no dealing date"


class Side(StrEnum):
    """Which settlement period applies, and whether a notice period does."""

    SUBSCRIPTION = "subscription"
    REDEMPTION = "redemption"


class DealingDates(NamedTuple):
    """What an order takes from its receipt time; up to and including `deadline` (UTC) it takes the same."""

    dealing_date: date
    valuation_date: date
    settlement_date: date
    deadline: datetime


class ForwardDates(NamedTuple):
    """What an order takes whatever its class: up to and including `deadline` (UTC) it takes the same."""

    dealing_date: date
    valuation_date: date
    deadline: datetime


def dealing_dates(
    received: datetime,
    side: Side,
    calendar: DealingCalendar,
    settlement: SettlementTerms,
    notice: NoticePeriod | None = None,
) -> DealingDates:
    """The dates of an order received at a UTC time; the notice period of the sub-fund counts for redemptions.

    An order received up to and including the deadline is in time. Raises YearNotCovered past the range of the
    holiday libraries, NoDealingDate where the calendar has none within reach.
    """
    forward = forward_dates(received, side, calendar, notice)
    settled = settlement_date(calendar, settlement, side, forward.valuation_date)
    return DealingDates(forward.dealing_date, forward.valuation_date, settled, forward.deadline)


def forward_dates(
    received: datetime, side: Side, calendar: DealingCalendar, notice: NoticePeriod | None = None
) -> ForwardDates:
    """Dealing and valuation date, which all classes of a sub-fund share; see `dealing_dates`."""
    if received.tzinfo is None:
        raise InvalidValue("a time needs a time zone", field="received", value=received.isoformat())
    if not _FIRST_YEAR <= received.year <= _LAST_YEAR:
        raise YearNotCovered("no calendar reaches that year", field="received", value=received.isoformat())
    notice = notice if side is Side.REDEMPTION else None
    start = received.astimezone(ZoneInfo(calendar.cut_off.zone)).date()
    for valuation_date in valuation_dates(calendar, start):
        deadline = deadline_of(calendar, valuation_date, notice)
        if received <= deadline:
            _still_forward(calendar, valuation_date)
            return ForwardDates(dealing_date_of(calendar, valuation_date), valuation_date, deadline)
    raise NoDealingDate("no dealing date follows within reach", field="received", value=received.isoformat())


def fund_days(calendar: DealingCalendar) -> BusinessDays:
    """The business days of the fund."""
    closed_halves = calendar.holiday_sets if calendar.half_days is HalfDays.CLOSED else ()
    return BusinessDays(calendar.holiday_sets, closed_halves)


def dealing_date_of(calendar: DealingCalendar, valuation_date: date) -> date:
    """The day of the cut-off for a valuation date."""
    return fund_days(calendar).before(valuation_date, calendar.cut_off.business_days_before)


def cut_off_of(calendar: DealingCalendar, valuation_date: date) -> datetime:
    """The UTC instant of the cut-off for a valuation date."""
    return _cut_off_on(calendar, dealing_date_of(calendar, valuation_date))


def deadline_of(calendar: DealingCalendar, valuation_date: date, notice: NoticePeriod | None) -> datetime:
    """The cut-off, or with a notice period the cut-off of the day that long before the dealing date.

    Calendar days that lead to no business day lead to the business day before.
    """
    day = dealing_date_of(calendar, valuation_date)
    if notice is not None and notice.counted == "business":
        day = fund_days(calendar).before(day, notice.days)
    elif notice is not None:
        day = fund_days(calendar).on_or_before(day - timedelta(days=notice.days))
    return _cut_off_on(calendar, day)


def _cut_off_on(calendar: DealingCalendar, day: date) -> datetime:
    at = calendar.cut_off.at
    early = calendar.half_day_cut_off_at
    if early is not None and is_half_day(calendar.holiday_sets, day):
        at = early
    return instant(day, at, calendar.cut_off.zone)


def nav_known_at(calendar: DealingCalendar, valuation_date: date) -> datetime:
    """The first UTC instant at which the NAV of a valuation date can be known."""
    known = calendar.nav_known
    return instant(fund_days(calendar).after(valuation_date, known.business_days_after), known.at, known.zone)


def settlement_date(calendar: DealingCalendar, settlement: SettlementTerms, side: Side, valuation_date: date) -> date:
    """T+n, counted over days that are business days of the fund and of the currency both."""
    count = settlement.subscription_days if side is Side.SUBSCRIPTION else settlement.redemption_days
    closed_halves = calendar.holiday_sets if calendar.half_days is HalfDays.CLOSED else ()
    both = BusinessDays((*calendar.holiday_sets, settlement.currency_holidays), closed_halves)
    return both.after(valuation_date, count)


def valuation_dates(calendar: DealingCalendar, start: date) -> Iterator[date]:
    """The valuation dates from `start` on, in order, within the horizon."""
    days = fund_days(calendar)
    last = start - _ONE_DAY
    for scheduled in _scheduled(calendar, days, start):
        rolled = _rolled(scheduled, calendar.roll, days)
        if rolled is not None and rolled > last:
            last = rolled
            yield rolled


def _scheduled(calendar: DealingCalendar, days: BusinessDays, start: date) -> Iterator[date]:
    """The days that the frequency names, before they roll; from a little before `start`."""
    match calendar.frequency:
        case Daily():
            every = (start + timedelta(days=offset) for offset in range(_HORIZON_DAYS))
            yield from (day for day in every if day in days)
        case Weekly(weekdays=weekdays, interval_weeks=interval, anchor=anchor):
            monday = anchor - timedelta(days=anchor.weekday())
            for offset in range(-_ROLL_DAYS, _HORIZON_DAYS):
                day = start + timedelta(days=offset)
                if day.weekday() in weekdays and (day - monday).days // 7 % interval == 0:
                    yield day
        case Monthly() as monthly:
            first = (start - timedelta(days=_ROLL_DAYS)).replace(day=1)
            for offset in range((_HORIZON_DAYS + _ROLL_DAYS) // 30):
                year, month = divmod(first.year * 12 + first.month - 1 + offset, 12)
                if month + 1 in monthly.months:
                    yield from _days_of_month(monthly, days, year, month + 1)


def _days_of_month(monthly: Monthly, days: BusinessDays, year: int, month: int) -> list[date]:
    """The named days of a month; a 31st that it lacks is its last day, such a business day is none."""
    every = [date(year, month, day) for day in range(1, monthrange(year, month)[1] + 1)]
    if monthly.counted == "business":
        every = [day for day in every if day in days]
        wanted = [number for number in monthly.days if abs(number) <= len(every)]
    else:
        wanted = [min(number, len(every)) for number in monthly.days]
    return sorted({every[number - 1 if number > 0 else number] for number in wanted})


def _rolled(day: date, roll: Roll, days: BusinessDays) -> date | None:
    if day in days:
        return day
    match roll:
        case Roll.SKIP:
            return None
        case Roll.PRECEDING:
            return days.on_or_before(day)
        case Roll.FOLLOWING:
            return days.on_or_after(day)
        case Roll.MODIFIED_FOLLOWING:
            following = days.on_or_after(day)
            return following if following.month == day.month else days.on_or_before(day)


def check_calendar(calendar: DealingCalendar, now: datetime) -> None:
    """Raise InvalidValue for an unknown zone or holiday set, or a cut-off after the NAV is known (TA-F-2)."""
    check_zone(calendar.cut_off.zone, "calendar.cut_off.zone")
    check_zone(calendar.nav_known.zone, "calendar.nav_known.zone")
    for position, name in enumerate(calendar.holiday_sets):
        check_holiday_set(name, f"calendar.holiday_sets.{position}", now.year)
    first_failure = _first_late_cut_off(calendar, now.year)
    if first_failure is not None:
        _refuse_late_cut_off(calendar, first_failure)


@lru_cache(maxsize=1_024)
def _first_late_cut_off(calendar: DealingCalendar, year: int) -> date | None:
    """The first day of this year and the next whose NAV could be known at the cut-off.

    Business days are counted as calendar days: holidays only move the two further apart.
    """
    cut_off, known = calendar.cut_off, calendar.nav_known
    day = date(year, 1, 1)
    while day.year <= year + 1:
        last_order = instant(day - timedelta(days=cut_off.business_days_before), cut_off.at, cut_off.zone)
        if last_order >= instant(day + timedelta(days=known.business_days_after), known.at, known.zone):
            return day
        day += _ONE_DAY
    return None


def _still_forward(calendar: DealingCalendar, valuation_date: date) -> None:
    """What was checked when the calendar was set must hold under the time zone rules of the day, too."""
    if cut_off_of(calendar, valuation_date) >= nav_known_at(calendar, valuation_date):
        _refuse_late_cut_off(calendar, valuation_date)


def _refuse_late_cut_off(calendar: DealingCalendar, valuation_date: date) -> None:
    cut_off, known = calendar.cut_off, calendar.nav_known
    raise InvalidValue(
        f"the cut-off must precede the moment the NAV can be known ({known.at} {known.zone}); "
        f"on {valuation_date} it does not",
        field="calendar.cut_off.at",
        value=f"{cut_off.at} {cut_off.zone}",
    )
