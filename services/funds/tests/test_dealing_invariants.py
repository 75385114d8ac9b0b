"""The numbered invariants of the README about dealing dates, each as a property."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise, takewhile

from hypothesis import given as forall
from hypothesis import settings
from hypothesis import strategies as st

from libs.calendars.dealing import (
    Side,
    check_calendar,
    deadline_of,
    dealing_dates,
    fund_days,
    nav_known_at,
    valuation_dates,
)
from libs.kernel.errors import InvalidValue
from libs.messages.fund_values import DealingCalendar, NoticePeriod
from services.funds.tests.examples import LUXEMBOURG, NOW, calendar, settlement

CALENDARS = [
    calendar(),
    calendar(holiday_sets=["exchange:XNYS"], cut_off={"at": "12:00", "zone": "America/New_York"},
             nav_known={"at": "16:00", "zone": "America/New_York"}, half_days="early_cut_off",
             half_day_cut_off_at="10:30"),
    calendar(holiday_sets=["bank:LU", "exchange:XTKS"], half_days="closed",
             cut_off={"at": "17:00", "zone": "Europe/Luxembourg", "business_days_before": 1},
             nav_known={"at": "15:30", "zone": "Asia/Tokyo"}),
    calendar(frequency={"kind": "weekly", "weekdays": [1, 4]}, roll="preceding"),
    calendar(frequency={"kind": "weekly", "weekdays": [2], "interval_weeks": 2}, roll="skip"),
    calendar(frequency={"kind": "monthly", "days": [1, 15, 31], "counted": "calendar"}, roll="modified_following",
             cut_off={"at": "02:30", "zone": "Europe/Luxembourg", "business_days_before": 3}),
    calendar(frequency={"kind": "monthly", "days": [-1], "counted": "business", "months": [3, 6, 9, 12]},
             cut_off={"at": "12:00", "zone": "Europe/Luxembourg", "business_days_before": 10}),
]  # fmt: skip
NOTICES = [None, NoticePeriod(days=5, counted="business"), NoticePeriod(days=90, counted="calendar")]
calendars = st.sampled_from(CALENDARS)
notices = st.sampled_from(NOTICES)
receipts = st.datetimes(datetime(2024, 6, 1), datetime(2026, 6, 1), timezones=st.just(UTC))  # noqa: DTZ001


@settings(deadline=None, max_examples=200)
@forall(receipts, calendars, notices, st.sampled_from(Side))
def test_funds_inv_3_4_5_an_order_takes_the_first_dates_that_it_is_in_time_for(
    received: datetime, days: DealingCalendar, notice: NoticePeriod | None, side: Side
) -> None:
    dates = dealing_dates(received, side, days, settlement(), notice)
    counted = notice if side is Side.REDEMPTION else None
    assert received <= dates.deadline == deadline_of(days, dates.valuation_date, counted)
    # INV-4: it was too late for every valuation date before.
    long_before = received.date() - timedelta(days=20)
    earlier = takewhile(lambda day: day < dates.valuation_date, valuation_dates(days, long_before))
    assert all(deadline_of(days, day, counted) < received for day in earlier)
    # INV-3
    assert dates.deadline < nav_known_at(days, dates.valuation_date)
    # INV-5
    assert dates.dealing_date <= dates.valuation_date <= dates.settlement_date
    assert all(day in fund_days(days) for day in dates[:3])


@settings(deadline=None)
@forall(st.tuples(receipts, receipts).map(sorted), calendars, notices)
def test_funds_inv_4_a_later_order_never_takes_an_earlier_date(
    received: list[datetime], days: DealingCalendar, notice: NoticePeriod | None
) -> None:
    first, second = (dealing_dates(each, Side.REDEMPTION, days, settlement(), notice) for each in received)
    assert first[:3] <= second[:3]
    assert first.deadline <= second.deadline


@forall(calendars)
def test_funds_inv_4_valuation_dates_come_in_order_and_once(days: DealingCalendar) -> None:
    found = [day for day, _ in zip(valuation_dates(days, NOW.date()), range(12), strict=False)]
    assert all(one < other for one, other in pairwise(found))


wall_clocks = st.builds("{:02d}:{:02d}".format, st.integers(0, 23), st.sampled_from([0, 30]))
zones = st.sampled_from(["Europe/Luxembourg", "America/New_York", "Asia/Tokyo", "Pacific/Auckland", "UTC"])


@settings(deadline=None)
@forall(wall_clocks, zones, st.integers(0, 2), wall_clocks, zones, st.integers(0, 1), receipts)
def test_funds_inv_3_a_calendar_that_is_accepted_keeps_forward_pricing(
    at: str, zone: str, before: int, known_at: str, known_zone: str, after: int, received: datetime
) -> None:
    days = DealingCalendar.model_validate(
        {
            **LUXEMBOURG,
            "cut_off": {"at": at, "zone": zone, "business_days_before": before},
            "nav_known": {"at": known_at, "zone": known_zone, "business_days_after": after},
        }
    )
    try:
        check_calendar(days, received)
    except InvalidValue as refusal:
        assert refusal.field == "calendar.cut_off.at"  # noqa: PT017  (either way is a property)
    else:
        dates = dealing_dates(received, Side.SUBSCRIPTION, days, settlement())
        assert dates.deadline < nav_known_at(days, dates.valuation_date)
