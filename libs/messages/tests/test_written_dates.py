"""Dates and times are written out: a number is no date, however it is put."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from pydantic import TypeAdapter, ValidationError

from libs.messages.person_values import PastDate
from libs.messages.values import Moment

DATES: TypeAdapter[date] = TypeAdapter(PastDate)
TIMES: TypeAdapter[datetime] = TypeAdapter(Moment)


@pytest.mark.parametrize("given", [86400, "86400", "19700102", "1970-1-2", "1970-02-30", 0, True, " 1970-01-02", ""])
def test_a_date_is_written_year_month_day(given: object) -> None:
    with pytest.raises(ValidationError):
        DATES.validate_python(given)


@pytest.mark.parametrize("given", [1_700_000_000, "1700000000", 1.7e9, "2026-01-02", "2026-01-02T10:00:00", "10:00Z"])
def test_a_time_is_written_with_its_offset(given: object) -> None:
    with pytest.raises(ValidationError):
        TIMES.validate_python(given)


def test_what_is_written_out_is_read() -> None:
    assert DATES.validate_python("1970-01-02") == date(1970, 1, 2)
    assert TIMES.validate_python("2026-01-02T10:00:00+01:00") == datetime(2026, 1, 2, 9, tzinfo=UTC)
