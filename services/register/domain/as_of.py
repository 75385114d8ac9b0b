"""The register at a past date, as it was known then and as it is known now, from the events alone (TA-R-1, TA-R-4)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from libs.kernel.events import Event
from libs.kernel.money import exactly
from libs.messages import register as published


@exactly
def units_as_of(events: Iterable[Event], valued_until: date, booked_until: date = date.max) -> Decimal:
    """Units of a holding by the daily cut of `valued_until`, as the register knew them at the end of `booked_until`.

    Order of the events does not matter: each movement says what it changed.
    """
    movements = (event for event in events if isinstance(event, published.MovementEvent))
    return sum((each.change for each in movements if _seen(each, valued_until, booked_until)), Decimal(0))


@exactly
def units_in_issue_as_of(events: Iterable[Event], valued_until: date, booked_until: date = date.max) -> Decimal:
    """Units in issue of a class by the daily cut, out of the events of its stream (TA-R-3, TA-N-2)."""
    total = Decimal(0)
    events = tuple(events)
    merged = {event.action for event in events if isinstance(event, published.MergerStarted)}
    for event in events:
        if isinstance(event, published.UnitsInIssueChanged) and _seen(event, valued_until, booked_until):
            total += event.issued - event.cancelled
        elif isinstance(event, published.HoldingsExchanged) and _seen(event, valued_until, booked_until):
            total += (Decimal(0) if event.action in merged else event.received) - event.given
    return total


def _seen(event: published.MovementEvent | published.TallyEvent, valued_until: date, booked_until: date) -> bool:
    return event.valuation_date <= valued_until and event.booking_date <= booked_until
