"""F-2: the dates that a receipt time takes, by tables of examples."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from libs.calendars.calendar import YearNotCovered
from libs.calendars.dealing import DealingDates, Side, check_calendar, dealing_dates, valuation_dates
from libs.kernel.errors import InvalidValue
from libs.messages.fund_values import NoticePeriod
from services.funds.tests.examples import NOW, calendar, settlement

MICROSECOND = timedelta(microseconds=1)

NEW_YORK: dict[str, Any] = {
    "holiday_sets": ["exchange:XNYS"],
    "cut_off": {"at": "12:00", "zone": "America/New_York"},
    "nav_known": {"at": "16:00", "zone": "America/New_York"},
}
EARLY_ON_HALF_DAYS = {**NEW_YORK, "half_days": "early_cut_off", "half_day_cut_off_at": "10:30"}
CLOSED_ON_HALF_DAYS = {**NEW_YORK, "half_days": "closed"}
TOKYO = {
    "holiday_sets": ["bank:LU", "exchange:XTKS"],
    "cut_off": {"at": "17:00", "zone": "Europe/Luxembourg", "business_days_before": 1},
    "nav_known": {"at": "15:30", "zone": "Asia/Tokyo"},
}
RIYADH = {
    "holiday_sets": ["exchange:XSAU"],
    "cut_off": {"at": "10:00", "zone": "Asia/Riyadh"},
    "nav_known": {"at": "15:00", "zone": "Asia/Riyadh"},
}
ZURICH_WEEKLY = {
    "frequency": {"kind": "weekly", "weekdays": [2]},
    "holiday_sets": ["bank:LU", "exchange:XSWX"],
    "cut_off": {"at": "15:00", "zone": "Europe/Zurich", "business_days_before": 1},
}
STOCKHOLM_FORTNIGHTLY = {
    "frequency": {"kind": "weekly", "weekdays": [4], "interval_weeks": 2, "anchor": "2026-01-02"},
    "roll": "preceding",
    "holiday_sets": ["bank:LU", "exchange:XSTO"],
    "cut_off": {"at": "12:00", "zone": "Europe/Stockholm", "business_days_before": 2},
}
MONTH_END = {"frequency": {"kind": "monthly", "days": [-1], "counted": "business"}}
QUARTER_END = {
    "frequency": {"kind": "monthly", "days": [-1], "counted": "business", "months": [3, 6, 9, 12]},
    "cut_off": {"at": "12:00", "zone": "Europe/Luxembourg", "business_days_before": 10},
}


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def dates_of(received: datetime, changes: dict[str, Any], side: Side = Side.SUBSCRIPTION) -> DealingDates:
    return dealing_dates(received, side, calendar(**changes), settlement())


# The last instant in time (UTC), the valuation date that it takes, and the one that a microsecond later takes.
CUT_OFFS = [
    ("winter time", {}, "2026-11-23T13:00", "2026-11-23", "2026-11-24"),
    ("summer time", {}, "2026-07-01T12:00", "2026-07-01", "2026-07-02"),
    ("over a week-end", {}, "2026-11-27T13:00", "2026-11-27", "2026-11-30"),
    ("Friday before the clocks go forward", {}, "2026-03-27T13:00", "2026-03-27", "2026-03-30"),
    ("Monday after the clocks went forward", {}, "2026-03-30T12:00", "2026-03-30", "2026-03-31"),
    ("Friday before the clocks go back", {}, "2026-10-23T12:00", "2026-10-23", "2026-10-26"),
    ("Monday after the clocks went back", {}, "2026-10-26T13:00", "2026-10-26", "2026-10-27"),
    ("eve of the national day of Luxembourg", {}, "2026-06-22T12:00", "2026-06-22", "2026-06-24"),
    ("Maundy Thursday", {}, "2026-04-02T12:00", "2026-04-02", "2026-04-07"),
    ("last bank business day of the year", {}, "2026-12-30T13:00", "2026-12-30", "2027-01-04"),
    ("New York in winter", NEW_YORK, "2026-12-01T17:00", "2026-12-01", "2026-12-02"),
    ("New York in summer time, Europe not yet", NEW_YORK, "2026-03-09T16:00", "2026-03-09", "2026-03-10"),
    ("day of mourning that no rule foretells", NEW_YORK, "2025-01-08T17:00", "2025-01-08", "2025-01-10"),
    ("half-day as any business day", NEW_YORK, "2026-11-27T17:00", "2026-11-27", "2026-11-30"),
    ("half-day with its own cut-off", EARLY_ON_HALF_DAYS, "2026-11-27T15:30", "2026-11-27", "2026-11-30"),
    ("whole day beside it", EARLY_ON_HALF_DAYS, "2026-11-30T17:00", "2026-11-30", "2026-12-01"),
    ("half-day as no business day", CLOSED_ON_HALF_DAYS, "2026-11-25T17:00", "2026-11-25", "2026-11-30"),
    ("day before, over a Japanese holiday", TOKYO, "2026-11-20T16:00", "2026-11-24", "2026-11-25"),
    ("Sunday in Riyadh", RIYADH, "2026-11-22T07:00", "2026-11-22", "2026-11-23"),
    ("Thursday in Riyadh", RIYADH, "2026-11-26T07:00", "2026-11-26", "2026-11-29"),
    ("weekly", ZURICH_WEEKLY, "2026-11-24T14:00", "2026-11-25", "2026-12-02"),
    ("weekly, rolled over two closed weeks", ZURICH_WEEKLY, "2025-12-30T14:00", "2026-01-05", "2026-01-07"),
    ("fortnightly", STOCKHOLM_FORTNIGHTLY, "2026-04-08T10:00", "2026-04-10", "2026-04-24"),
    ("fortnightly, rolled back over new year", STOCKHOLM_FORTNIGHTLY, "2026-12-28T11:00", "2026-12-30", "2027-01-15"),
    ("month end", MONTH_END, "2026-11-30T13:00", "2026-11-30", "2026-12-30"),
    ("quarter end, ten days before", QUARTER_END, "2026-12-14T11:00", "2026-12-30", "2027-03-31"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "last", "same", "later"), [c[1:] for c in CUT_OFFS], ids=[c[0] for c in CUT_OFFS])
def test_f2_up_to_and_including_the_cut_off_is_in_time(
    changes: dict[str, Any], last: str, same: str, later: str
) -> None:
    in_time = dates_of(at(last), changes)
    assert in_time.valuation_date == date.fromisoformat(same)
    assert in_time.deadline == at(last)
    assert dates_of(at(last) + MICROSECOND, changes).valuation_date == date.fromisoformat(later)


DEALING_DATES = [
    ("cut-off on the valuation date", {}, "2026-11-23T09:00", "2026-11-23"),
    ("the business day before, over week-end and holiday", TOKYO, "2026-11-20T16:00", "2026-11-20"),
    ("ten business days before, over Christmas", QUARTER_END, "2026-12-14T11:00", "2026-12-14"),
]


@pytest.mark.parametrize(
    ("changes", "received", "dealing"), [c[1:] for c in DEALING_DATES], ids=[c[0] for c in DEALING_DATES]
)
def test_f2_the_dealing_date_is_the_day_of_the_cut_off(changes: dict[str, Any], received: str, dealing: str) -> None:
    assert dates_of(at(received), changes).dealing_date == date.fromisoformat(dealing)


SETTLEMENTS = [
    ("T+2", {}, Side.SUBSCRIPTION, "2026-11-23T09:00", "2026-11-25"),
    ("T+3 of the other side", {}, Side.REDEMPTION, "2026-11-23T09:00", "2026-11-26"),
    ("over a week-end", {}, Side.SUBSCRIPTION, "2026-11-26T09:00", "2026-11-30"),
    ("over a holiday of the fund", {}, Side.SUBSCRIPTION, "2026-06-22T09:00", "2026-06-25"),
    ("over the year end", {}, Side.SUBSCRIPTION, "2026-12-30T09:00", "2027-01-05"),
    ("over a holiday of the currency alone", {"currency_holidays": "financial:FED"}, Side.SUBSCRIPTION,
     "2026-11-24T09:00", "2026-11-27"),
    ("same day", {"subscription_days": 0}, Side.SUBSCRIPTION, "2026-11-23T09:00", "2026-11-23"),
    ("same day, which is a holiday of the currency", {"subscription_days": 0, "currency_holidays": "financial:FED"},
     Side.SUBSCRIPTION, "2026-11-26T09:00", "2026-11-27"),
    ("one day after a holiday of the currency", {"subscription_days": 1, "currency_holidays": "financial:FED"},
     Side.SUBSCRIPTION, "2026-11-26T09:00", "2026-11-27"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "side", "received", "settled"), [c[1:] for c in SETTLEMENTS], ids=[c[0] for c in SETTLEMENTS]
)
def test_f2_settlement_counts_business_days_of_fund_and_currency(
    changes: dict[str, Any], side: Side, received: str, settled: str
) -> None:
    dates = dealing_dates(at(received), side, calendar(), settlement(**changes))
    assert dates.settlement_date == date.fromisoformat(settled)


def test_f3_a_notice_period_holds_redemptions_back_and_lets_subscriptions_pass() -> None:
    quarterly, notice = calendar(**QUARTER_END), NoticePeriod(days=90, counted="calendar")
    last = at("2026-12-15T11:00")
    in_time = dealing_dates(last, Side.REDEMPTION, quarterly, settlement(), notice)
    late = dealing_dates(last + MICROSECOND, Side.REDEMPTION, quarterly, settlement(), notice)
    subscribed = dealing_dates(last + MICROSECOND, Side.SUBSCRIPTION, quarterly, settlement(), notice)
    assert in_time[:2] == (date(2027, 3, 15), date(2027, 3, 31))
    assert late.valuation_date == date(2027, 6, 30)
    assert subscribed.valuation_date == date(2027, 3, 31)


def test_f3_a_notice_period_in_business_days_counts_them_back_from_the_dealing_date() -> None:
    notice = NoticePeriod(days=2, counted="business")
    last = at("2026-11-26T13:00")
    assert dealing_dates(last, Side.REDEMPTION, calendar(), settlement(), notice).dealing_date == date(2026, 11, 30)


ROLLS = [
    ("following", ["2026-02-02", "2026-03-02", "2026-03-31"]),
    ("modified_following", ["2026-01-30", "2026-02-27", "2026-03-31"]),
    ("preceding", ["2026-01-30", "2026-02-27", "2026-03-31"]),
    ("skip", ["2026-03-31"]),
]


@pytest.mark.parametrize(("roll", "expected"), ROLLS, ids=[roll for roll, _ in ROLLS])
def test_f2_a_scheduled_day_that_is_no_business_day_rolls_as_the_calendar_says(roll: str, expected: list[str]) -> None:
    last_of_month = {"kind": "monthly", "days": [31], "counted": "calendar"}
    found = valuation_dates(calendar(frequency=last_of_month, roll=roll), date(2026, 1, 5))
    ahead = [day.isoformat() for day in found if day < date(2026, 4, 1)]
    assert ahead == expected


def test_f2_business_days_of_the_month_are_counted_from_both_ends() -> None:
    second_and_last_but_one = {"kind": "monthly", "days": [2, -2], "counted": "business", "months": [12]}
    found = valuation_dates(calendar(frequency=second_and_last_but_one), date(2026, 6, 1))
    assert [next(found), next(found), next(found)] == [date(2026, 12, 2), date(2026, 12, 29), date(2027, 12, 2)]


CUT_OFF_TOO_LATE = [
    ("later the same day", {"cut_off": {"at": "17:31", "zone": "Europe/Luxembourg"}}),
    ("the same instant", {"cut_off": {"at": "17:30", "zone": "Europe/Luxembourg"}}),
    ("earlier on the wall, later in truth", {"cut_off": {"at": "14:00", "zone": "America/New_York"}}),
    ("the day before, at the other end of the world", {
        "cut_off": {"at": "23:00", "zone": "Pacific/Pago_Pago", "business_days_before": 1},
        "nav_known": {"at": "10:00", "zone": "Pacific/Auckland"},
    }),
]  # fmt: skip


@pytest.mark.parametrize("changes", [c[1] for c in CUT_OFF_TOO_LATE], ids=[c[0] for c in CUT_OFF_TOO_LATE])
def test_f2_a_cut_off_must_precede_the_moment_the_nav_can_be_known(changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidValue, match="must precede") as refusal:
        check_calendar(calendar(**changes), NOW)
    assert refusal.value.field == "calendar.cut_off.at"


def test_f2_a_cut_off_that_is_too_late_in_some_weeks_only_is_refused() -> None:
    """11:30 in New York is 17:30 in Luxembourg, but 16:30 in the weeks in which only America has summer time."""
    between_the_changes = {
        "cut_off": {"at": "17:00", "zone": "Europe/Luxembourg"},
        "nav_known": {"at": "11:30", "zone": "America/New_York"},
    }
    with pytest.raises(InvalidValue, match="on 2026-03-08"):
        check_calendar(calendar(**between_the_changes), NOW)
    check_calendar(calendar(**{**between_the_changes, "nav_known": {"at": "12:01", "zone": "America/New_York"}}), NOW)


def test_f2_a_year_past_the_libraries_range_is_said_and_not_guessed() -> None:
    with pytest.raises(YearNotCovered) as refusal:
        dates_of(datetime(2101, 3, 1, 9, tzinfo=UTC), {})
    assert refusal.value.value == "bank:LU"
    with pytest.raises(YearNotCovered):
        dates_of(datetime(2100, 12, 31, 20, tzinfo=UTC), {})
    with pytest.raises(YearNotCovered):
        dates_of(datetime.max.replace(tzinfo=UTC), {})


def test_f2_a_receipt_time_without_a_zone_is_refused() -> None:
    with pytest.raises(InvalidValue, match="time zone"):
        dates_of(datetime(2026, 11, 23, 9), {})  # noqa: DTZ001
