"""Lines and classes that the tests of the NAV start from: a sub-fund in EUR with a class in EUR and one in USD."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from libs.kernel.exchange import ExchangeRate
from libs.kernel.ids import named_id
from libs.kernel.money import Money
from libs.messages.fund_values import RoundingModes
from services.nav.domain.computation import ClassBooks, ClassNav, Line, LineKind, Valuation

A, B = named_id("example", "A"), named_id("example", "B")
RATES = {
    "USD": ExchangeRate.middle("EUR", "USD", Decimal("1.0837")),
    "JPY": ExchangeRate.middle("EUR", "JPY", Decimal("163.25")),
}
IN_EUR = Valuation("EUR", RATES)


def line(kind: str, amount: str, currency: str = "EUR") -> Line:
    """A figure of the books."""
    return Line(kind, LineKind(kind), Money(Decimal(amount), currency))


def class_a(*lines: Line, units: str = "300000.0000", last_nav: str = "136.9000") -> ClassBooks:
    """Class A in EUR before its NAV."""
    return ClassBooks(A, "EUR", Decimal(units), Decimal(last_nav), 4, RoundingModes(), lines)


def class_b(*lines: Line, units: str = "80000.000", last_nav: str = "112.5000") -> ClassBooks:
    """Class B in USD before its NAV."""
    return ClassBooks(B, "USD", Decimal(units), Decimal(last_nav), 4, RoundingModes(), lines)


def class_nav(total: str, units: str, price: str, **rounding: Any) -> ClassNav:
    """An imported NAV of class A."""
    modes = RoundingModes(**rounding)
    return ClassNav(A, "EUR", Decimal(total), Decimal(units), Decimal(price), 4, modes)
