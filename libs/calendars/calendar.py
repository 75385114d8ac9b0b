"""Business days: holiday sets by name, counting over them, and instants of a wall clock (TA-F-2).

`exchange_calendars` and `holidays` are imported when first asked for; a year of a set is computed once.
It is always asked for by its bounds, never by the library's own, which move with today's date.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from libs.kernel.errors import InvalidValue

_ONE_DAY = timedelta(days=1)
# Nobody deals, values or settles later than this after the day one counts from.
_SEARCH_LIMIT_DAYS = 1_500


class YearNotCovered(InvalidValue):
    """A holiday set is not known for the year; the library must be updated, or the date is wrong."""

    code = "calendar-year-not-covered"
    title = "The holiday calendar does not reach that year"


class NoBusinessDay(InvalidValue):
    """The holiday sets have no common business day within reach."""

    code = "no-business-day"
    title = "The calendar has no business day"


class Year(NamedTuple):
    """A year of one holiday set: the days on which it is open, and those of them that end early."""

    open: frozenset[date]
    half: frozenset[date]


def import_libraries() -> None:
    """Import both calendar libraries now: two seconds that no command should wait for."""
    import exchange_calendars  # noqa: F401, PLC0415
    import holidays  # noqa: F401, PLC0415


def check_holiday_set(name: str, field: str, year: int) -> None:
    """Raise InvalidValue, naming the field, for an unknown holiday set; YearNotCovered for the year."""
    kind, _, key = name.partition(":")
    if kind == "exchange":
        from exchange_calendars import get_calendar_names  # noqa: PLC0415  (1.3 s, only when needed)

        known = key in get_calendar_names(include_aliases=False)
    else:
        known = _public_holidays(name, None) is not None
    if not known:
        raise InvalidValue("no such holiday calendar", field=field, value=name)
    try:
        year_of(name, year)
    except YearNotCovered as error:
        raise YearNotCovered(error.detail, field=field, value=name) from error


@lru_cache(maxsize=4_096)
def year_of(name: str, year: int) -> Year:
    """The open days of a holiday set in a year; raises YearNotCovered past the library's range."""
    if name.startswith("exchange:"):
        return _exchange_year(name, year)
    days = _public_holidays(name, year)
    if days is None or not days.start_year <= year <= days.end_year:
        raise _not_covered(name, year)
    halves = _public_holidays(name, year, ("half_day",)) if "half_day" in days.supported_categories else {}
    open_days = frozenset(day for day in _days_of(year) if days.is_working_day(day))
    return Year(open_days, open_days.intersection(halves or {}))


def _exchange_year(name: str, year: int) -> Year:
    from exchange_calendars import errors, get_calendar  # noqa: PLC0415  (1.3 s, only when needed)

    try:
        with warnings.catch_warnings():
            # exchange_calendars 4.13 calls what pandas is about to change; the days stay the same.
            warnings.simplefilter("ignore", DeprecationWarning)
            sessions = get_calendar(name.partition(":")[2], start=f"{year}-01-01", end=f"{year}-12-31")
            half = frozenset(moment.date() for moment in sessions.early_closes)
            return Year(frozenset(moment.date() for moment in sessions.sessions), half)
    except (ValueError, NotImplementedError, errors.CalendarError) as error:
        # Past its range the library raises the first and the last, where pandas has outgrown it the second.
        raise _not_covered(name, year) from error


def _public_holidays(name: str, year: int | None, categories: tuple[str, ...] | None = None) -> Any | None:
    """The `holidays` object behind a set's name, None for an unknown one."""
    import holidays  # noqa: PLC0415  (0.2 s, only when needed)

    kind, _, key = name.partition(":")
    try:
        if kind == "financial":
            return holidays.financial_holidays(key, years=year, expand=False, categories=categories)
        country, _, part = key.partition("-")
        found = holidays.country_holidays(country, subdiv=part or None, years=year, expand=False, categories=categories)
        if kind == "bank" and categories is None:
            both = ("public", "bank")
            known = "bank" in found.supported_categories
            return _public_holidays(name, year, both) if known else None
    except (NotImplementedError, ValueError):
        return None
    else:
        return found


def _not_covered(name: str, year: int) -> YearNotCovered:
    return YearNotCovered(f"{name} is not known for the year {year}", field="holiday_sets", value=name)


def _days_of(year: int) -> Iterator[date]:
    day = date(year, 1, 1)
    for offset in range((date(year, 12, 31) - day).days + 1):
        yield day + timedelta(days=offset)


class BusinessDays:
    """Days on which all the sets are open; with `half_days_closed`, none of `fund_sets` ends early."""

    def __init__(self, names: Sequence[str], half_days_closed_in: Sequence[str] = ()) -> None:
        self._names = tuple(names)
        self._closed_halves = tuple(half_days_closed_in)

    def __contains__(self, day: date) -> bool:
        if any(day not in year_of(name, day.year).open for name in self._names):
            return False
        return not any(day in year_of(name, day.year).half for name in self._closed_halves)

    def on_or_after(self, day: date) -> date:
        """The first business day from `day` on."""
        return self._seek(day, _ONE_DAY)

    def on_or_before(self, day: date) -> date:
        """The last business day up to `day`."""
        return self._seek(day, -_ONE_DAY)

    def after(self, day: date, count: int) -> date:
        """The `count`-th business day after `day`; for 0 the first from `day` on."""
        if count == 0:
            return self.on_or_after(day)
        for _ in range(count):
            day = self.on_or_after(day + _ONE_DAY)
        return day

    def before(self, day: date, count: int) -> date:
        """The `count`-th business day before `day`; for 0 the last up to `day`."""
        if count == 0:
            return self.on_or_before(day)
        for _ in range(count):
            day = self.on_or_before(day - _ONE_DAY)
        return day

    def _seek(self, start: date, step: timedelta) -> date:
        day = start
        for _ in range(_SEARCH_LIMIT_DAYS):
            if day in self:
                return day
            day += step
        raise NoBusinessDay(f"no business day of {', '.join(self._names)} near {start}", field="holiday_sets")


def is_half_day(names: Sequence[str], day: date) -> bool:
    """Whether one of the sets is open on the day and ends early."""
    return any(day in year_of(name, day.year).half for name in names)


def check_zone(name: str, field: str) -> None:
    """Raise InvalidValue, naming the field, for a zone that the time zone database does not have."""
    try:
        ZoneInfo(name)
    except (OSError, ValueError, KeyError) as error:
        raise InvalidValue("no such time zone", field=field, value=name) from error


@lru_cache(maxsize=65_536)
def instant(day: date, at: time, zone: str) -> datetime:
    """The UTC instant at which the wall clock of a zone shows a time.

    A time that the clock shows twice (clocks go back) is its first showing. A time that it never shows
    (clocks go forward) is the instant of the change, the first at which the clock has passed it. So no order
    is in time that came after the clock had once stood past the cut-off (TA-O-2).
    """
    local = datetime.combine(day, at, ZoneInfo(zone))
    first = local.replace(fold=0).astimezone(UTC)
    if first.astimezone(local.tzinfo).replace(tzinfo=None) == local.replace(tzinfo=None):
        return first
    return _change_between(local.replace(fold=1).astimezone(UTC), first, ZoneInfo(zone))


def _change_between(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """The first microsecond in (before, after] at which the zone's offset is that of `after`."""
    offset = after.astimezone(zone).utcoffset()
    while after - before > timedelta(microseconds=1):
        middle = before + (after - before) // 2
        if middle.astimezone(zone).utcoffset() == offset:
            after = middle
        else:
            before = middle
    return after
