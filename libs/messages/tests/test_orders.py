"""The stored format of orders' events: exact figures, streams, claims."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from pydantic import TypeAdapter, ValidationError

from libs.kernel.ids import named_id
from libs.messages.dealing_days import DealingDayOpened
from libs.messages.orders import CATALOGUE
from libs.messages.values import Exact

EXACT = TypeAdapter(Exact)


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("9699.991382630", "9699.99138263"),
        ("-0.00", "0"),
        ("1E+3", "1000"),
        ("123456789012345678901234567890.123456789012", "123456789012345678901234567890.123456789012"),
    ],
)
def test_invariant_7_a_step_is_stored_at_all_its_digits_and_in_one_spelling(text: str, stored: str) -> None:
    assert EXACT.dump_python(EXACT.validate_python(text), mode="json") == stored
    assert EXACT.validate_python(Decimal(text)) == Decimal(text)


@pytest.mark.parametrize("text", ["NaN", "Infinity", "1" * 91, 1.5, True])
def test_invariant_7_what_is_no_number_is_refused(text: object) -> None:
    with pytest.raises(ValidationError):
        EXACT.validate_python(text)


def test_w2_a_dealing_day_is_a_stream_of_its_umbrella() -> None:
    umbrella, sub_fund = named_id("example", "umbrella"), named_id("example", "sub-fund")
    at = datetime(2026, 11, 23, 13, tzinfo=UTC)
    opened = DealingDayOpened(
        umbrella=umbrella, sub_fund=sub_fund, valuation_date=date(2026, 11, 23), cut_off=at, closes_at=at
    )
    assert opened.stream() == f"orders/{umbrella}/dealing_day/{sub_fund}:2026-11-23"
    assert "day" not in opened.data()


def test_every_event_is_of_orders_and_known_by_name() -> None:
    assert {kind.service for kind in CATALOGUE.types()} == {"orders"}
    assert {kind.aggregate for kind in CATALOGUE.types()} == {"order", "dealing_day"}
    assert all(kind.type_name() in CATALOGUE for kind in CATALOGUE.types())
