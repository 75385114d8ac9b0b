"""F-2: wall clocks at a change of time, and holiday sets."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

import pytest

from libs.calendars.calendar import (
    BusinessDays,
    NoBusinessDay,
    YearNotCovered,
    check_holiday_set,
    check_zone,
    instant,
    is_half_day,
    year_of,
)
from libs.kernel.errors import InvalidValue

INSTANTS = [
    ("winter", date(2026, 1, 15), time(14), "Europe/Luxembourg", "2026-01-15T13:00:00"),
    ("summer", date(2026, 7, 15), time(14), "Europe/Luxembourg", "2026-07-15T12:00:00"),
    ("never shown: the change itself", date(2026, 3, 29), time(2, 30), "Europe/Berlin", "2026-03-29T01:00:00"),
    ("the first moment after the change", date(2026, 3, 29), time(3), "Europe/Berlin", "2026-03-29T01:00:00"),
    ("the last second before it", date(2026, 3, 29), time(1, 59, 59), "Europe/Berlin", "2026-03-29T00:59:59"),
    ("shown twice: the first showing", date(2026, 10, 25), time(2, 30), "Europe/Berlin", "2026-10-25T00:30:00"),
    ("never shown, at midnight", date(2026, 4, 24), time(0, 30), "Africa/Cairo", "2026-04-23T22:00:00"),
    ("half an hour that is never shown", date(2026, 10, 4), time(2, 15), "Australia/Lord_Howe", "2026-10-03T15:30:00"),
    ("a whole day that is never shown", date(2011, 12, 30), time(12), "Pacific/Apia", "2011-12-30T10:00:00"),
]  # fmt: skip


@pytest.mark.parametrize(("day", "at", "zone", "expected"), [i[1:] for i in INSTANTS], ids=[i[0] for i in INSTANTS])
def test_f2_a_wall_clock_time_is_one_instant(day: date, at: time, zone: str, expected: str) -> None:
    assert instant(day, at, zone) == datetime.fromisoformat(expected).replace(tzinfo=UTC)


def test_f2_bank_holidays_are_more_than_public_holidays() -> None:
    good_friday = date(2026, 4, 3)
    assert good_friday in year_of("country:LU", 2026).open
    assert good_friday not in year_of("bank:LU", 2026).open


def test_f2_both_libraries_agree_on_the_half_days_of_new_york() -> None:
    assert year_of("exchange:XNYS", 2026).half == year_of("financial:NYSE", 2026).half != frozenset()
    assert is_half_day(["bank:LU", "exchange:XNYS"], date(2026, 11, 27))


def test_f2_holidays_of_a_part_of_a_country_are_its_own() -> None:
    assumption = date(2025, 8, 15)
    assert assumption in year_of("country:DE-BE", 2025).open
    assert assumption not in year_of("country:DE-SL", 2025).open


def test_f2_a_business_day_is_open_in_every_set() -> None:
    days = BusinessDays(["financial:ECB", "exchange:XNYS"])
    assert [day in days for day in (date(2026, 11, 25), date(2026, 11, 26), date(2026, 5, 1))] == [True, False, False]
    assert days.after(date(2026, 11, 25), 1) == date(2026, 11, 27) == days.before(date(2026, 11, 30), 1)
    assert days.after(date(2026, 11, 28), 0) == date(2026, 11, 30)
    assert days.before(date(2026, 11, 29), 0) == date(2026, 11, 27)


@pytest.mark.parametrize("name", ["exchange:XXXX", "country:ZZ", "country:GB-XX", "bank:DE", "financial:NOPE"])
def test_f2_an_unknown_holiday_set_is_named(name: str) -> None:
    with pytest.raises(InvalidValue, match="no such holiday calendar") as refusal:
        check_holiday_set(name, "calendar.holiday_sets.0", 2026)
    assert (refusal.value.field, refusal.value.value) == ("calendar.holiday_sets.0", name)


@pytest.mark.parametrize(("name", "year"), [("exchange:XHKG", 1900), ("country:LU", 1700), ("financial:ECB", 1990)])
def test_f2_a_year_out_of_range_is_named(name: str, year: int) -> None:
    with pytest.raises(YearNotCovered, match=str(year)) as refusal:
        check_holiday_set(name, "field", year)
    assert (refusal.value.field, refusal.value.value) == ("field", name)


@pytest.mark.parametrize("zone", ["Europe/Atlantis", "Europe", "Mars/Olympus_Mons"])
def test_f2_an_unknown_time_zone_is_named(zone: str) -> None:
    with pytest.raises(InvalidValue, match="no such time zone") as refusal:
        check_zone(zone, "calendar.cut_off.zone")
    assert refusal.value.value == zone


def test_f2_a_search_for_a_business_day_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("libs.calendars.calendar._SEARCH_LIMIT_DAYS", 2)
    with pytest.raises(NoBusinessDay, match="2026-11-28"):
        BusinessDays(["bank:LU"]).on_or_after(date(2026, 11, 28))
