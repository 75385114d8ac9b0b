"""When the next review is due, and until when a file is kept."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from libs.kernel.errors import InvalidValue
from libs.messages.investors import Risk

# AMLR (EU) 2024/1624, 26(2) and TA-I-2: at the latest.
REVIEW_YEARS: Mapping[Risk, int] = {"high": 1, "medium": 3, "low": 5}
# AMLR (EU) 2024/1624, 77(3): five years, up to five more where an authority says so.
RETENTION_YEARS = 5
RETENTION_MOST_YEARS = 10


def years_after(moment: datetime, years: int) -> datetime:
    """The same day and time so many years later; for 29 February 1 March where there is none."""
    try:
        return moment.replace(year=moment.year + years)
    except ValueError:
        return moment.replace(year=moment.year + years, month=3, day=1)


def review_due(now: datetime, risk: Risk, review_after: timedelta | None) -> datetime:
    """When the next review is due; raises InvalidValue for a time that is not ahead or later than the rating's."""
    latest = years_after(now, REVIEW_YEARS[risk])
    if review_after is None:
        return latest
    if not timedelta(0) < review_after <= latest - now:
        raise InvalidValue(
            f"a review of {risk} risk is due within {REVIEW_YEARS[risk]} years",
            field="review_after",
            value=review_after,
        )
    return now + review_after


def retained_until(now: datetime, retention: timedelta | None) -> datetime:
    """Until when a file is kept; raises InvalidValue for less than five or more than ten years."""
    soonest, latest = years_after(now, RETENTION_YEARS), years_after(now, RETENTION_MOST_YEARS)
    if retention is None:
        return soonest
    if not soonest - now <= retention <= latest - now:
        raise InvalidValue(
            f"a file is kept {RETENTION_YEARS} to {RETENTION_MOST_YEARS} years", field="retention", value=retention
        )
    return now + retention
