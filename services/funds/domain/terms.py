"""Terms of a share class against the world and against its past (TA-F-1)."""

from __future__ import annotations

from decimal import Decimal

from libs.calendars.calendar import check_holiday_set
from libs.kernel.errors import InvalidValue
from libs.kernel.money import minor_units
from libs.messages.codes import check_country, check_currency
from libs.messages.fund_values import ShareClassTerms
from libs.messages.values import decimals_of
from services.funds.domain.refusals import TermIsFixed

# Holdings are kept in these.
_FIXED_AFTER_DRAFT = ("currency", "unit_decimals")


def check_terms(terms: ShareClassTerms, year: int) -> None:
    """Raise InvalidValue for a currency, a country or (in this year) a holiday set that does not exist."""
    check_currency(terms.currency, "terms.currency")
    for position, country in enumerate(terms.countries):
        check_country(country, f"terms.countries.{position}")
    check_holiday_set(terms.settlement.currency_holidays, "terms.settlement.currency_holidays", year)


def check_fixed(before: ShareClassTerms, after: ShareClassTerms) -> None:
    """Raise TermIsFixed for a change of what holdings are kept in."""
    for field in _FIXED_AFTER_DRAFT:
        if getattr(after, field) != getattr(before, field):
            raise TermIsFixed(
                f"{field} is {getattr(before, field)}", field=f"terms.{field}", value=getattr(after, field)
            )


def check_price(price: Decimal, terms: ShareClassTerms, field: str) -> None:
    """Raise InvalidValue for a price finer than the class's prices are."""
    if decimals_of(price) > terms.price_decimals:
        raise InvalidValue(f"a price has {terms.price_decimals} decimals here", field=field, value=price)


def check_amount(amount: Decimal, terms: ShareClassTerms, field: str) -> None:
    """Raise InvalidValue for an amount finer than the currency's minor unit."""
    decimals = minor_units(terms.currency)
    if decimals_of(amount) > decimals:
        raise InvalidValue(f"{terms.currency} has {decimals} decimals", field=field, value=amount)
