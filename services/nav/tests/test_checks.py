"""What must be explained before a NAV is published, each finding by its name (TA-N-2)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from libs.kernel.errors import InvalidValue
from services.nav.domain.checks import Check, Expected, Finding, Input, Tolerances, findings
from services.nav.tests.examples import class_nav

DAY = date(2026, 11, 23)
NAV = class_nav("1010000.00", "10000.0000", "101.0000")
EXPECTED = Expected(Decimal("100.0000"), Decimal("10000.0000"), benchmark_return=Decimal("0.008"))
TOLERANCES = Tolerances(change=Decimal("0.01"), benchmark=Decimal("0.002"), input_age_days=1)
FRESH = [Input("price of a bond", date(2026, 11, 22)), Input("EUR/USD", DAY)]


def found(nav: object = NAV, expected: Expected = EXPECTED, inputs: list[Input] = FRESH) -> list[str]:
    """The names of what is found, with the figures."""
    assert isinstance(nav, type(NAV))
    return [
        f"{each.check} {each.subject} {each.found} {each.expected}"
        for each in findings(nav, expected, inputs, DAY, TOLERANCES)
    ]


def test_n2_a_nav_exactly_at_every_tolerance_has_no_finding() -> None:
    assert found() == []


@pytest.mark.parametrize(
    ("price", "total", "finding"),
    [
        ("101.0001", "1010001.00", "change_beyond_tolerance price 0.01000100 0.01"),
        ("98.9999", "989999.00", "change_beyond_tolerance price -0.01000100 0.01"),
        ("101.0001", "1010001.00", "beyond_benchmark_tolerance price 0.00200100 0.002"),
        ("100.5999", "1005999.00", "beyond_benchmark_tolerance price -0.00200100 0.002"),
        ("101.0000", "1010001.00", "not_reproduced price 101.0000 101.0001"),
        ("0.0000", "0.00", "not_positive price 0.0000 0"),
        ("-1.0000", "-10000.00", "not_positive price -1.0000 0"),
    ],
)
def test_n2_a_step_beyond_is_found(price: str, total: str, finding: str) -> None:
    assert finding in found(replace(NAV, price=Decimal(price), total=Decimal(total)))


def test_n2_an_input_older_than_allowed_is_stale() -> None:
    old = Input("JPY/EUR", date(2026, 11, 21))
    assert found(inputs=[*FRESH, old]) == ["stale_input JPY/EUR 2026-11-21 2026-11-22"]


def test_n2_units_in_issue_are_the_registers() -> None:
    differing = replace(EXPECTED, register_units=Decimal("10000.0001"))
    assert found(expected=differing) == ["units_differ_from_register units 10000.0000 10000.0001"]
    none = replace(NAV, units=Decimal(0))
    assert "not_reproduced units 0 0" in found(none)


def test_n2_what_cannot_be_checked_is_a_finding() -> None:
    assert found(expected=replace(EXPECTED, previous=None)) == ["no_previous_nav price 101.0000 0"]
    no_benchmark = replace(EXPECTED, benchmark_return=None)
    assert found(expected=no_benchmark) == ["no_benchmark_return price 0.01000000 0.002"]


def test_n2_a_class_without_a_benchmark_is_not_held_against_one() -> None:
    without = replace(TOLERANCES, benchmark=None)
    assert findings(NAV, replace(EXPECTED, benchmark_return=None), FRESH, DAY, without) == ()


def test_n2_every_breach_is_found_at_once() -> None:
    bad = replace(NAV, price=Decimal("120.0000"))
    checks = [each.check for each in findings(bad, EXPECTED, [Input("x", date(2020, 1, 1))], DAY, TOLERANCES)]
    assert checks == [Check.NOT_REPRODUCED, Check.CHANGE, Check.BENCHMARK, Check.STALE_INPUT]
    assert Finding(Check.CHANGE, "price", Decimal("0.20000000"), Decimal("0.01")) in findings(
        bad, EXPECTED, FRESH, DAY, TOLERANCES
    )


def test_n2_a_previous_nav_of_zero_was_never_published() -> None:
    with pytest.raises(InvalidValue, match="published"):
        found(expected=replace(EXPECTED, previous=Decimal(0)))
