"""What the reference rows say: the terms of a class, whether an account may give or take units (TA-I-6, W-24)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from libs.kernel.money import has_decimals, minor_units
from services.register.domain.commands import RegisterCommand, account_row, class_row, price_row
from services.register.domain.refusals import (
    AccountIsBlocked,
    AccountIsClosed,
    AccountIsFrozen,
    AccountUnknown,
    AmountInvalid,
    DateInvalid,
    PriceUnknown,
    QuantityInvalid,
    ShareClassIsClosed,
    ShareClassUnknown,
)

# Sums of very many movements must still fit the 24 digits of a stored number, 8 of them decimals.
_MOST_UNITS = Decimal(10) ** 13
_MOST_MONEY = Decimal(10) ** 16


@dataclass(frozen=True, slots=True)
class ClassTerms:
    """What the register must know of a class."""

    share_class: UUID
    currency: str
    unit_decimals: int
    closed: bool
    # None where money is cleared before dealing; else the days until unpaid units end.
    unpaid_limit_days: int | None

    @property
    def cost_decimals(self) -> int:
        """The minor units of the class's currency."""
        return minor_units(self.currency)

    def unpaid_until(self, settlement_date: date) -> date | None:
        """The last day on which the money may arrive (R-6)."""
        if self.unpaid_limit_days is None:
            return None
        return settlement_date + timedelta(days=self.unpaid_limit_days)


def terms_of(command: RegisterCommand, share_class: UUID, field: str = "share_class") -> ClassTerms:
    """The terms by the class's row; raises ShareClassUnknown."""
    row = (command.rows or {}).get(class_row(share_class))
    if row is None or str(row["umbrella"]) != str(command.umbrella):
        raise ShareClassUnknown("the umbrella has no such class", field=field, value=share_class)
    contractual = row["money"] == "contractual"
    limit = int(row["unpaid_limit_days"]) if contractual else None
    return ClassTerms(share_class, row["currency"], int(row["unit_decimals"]), row["status"] == "closed", limit)


def latest_price(command: RegisterCommand) -> tuple[date, Decimal]:
    """Valuation date and price that units are last cancelled at; raises PriceUnknown."""
    row = (command.rows or {}).get(price_row(command.share_class))
    if row is None:
        raise PriceUnknown("publish a NAV of the class first", field="share_class", value=command.share_class)
    day = row["valuation_date"]
    return day if isinstance(day, date) else date.fromisoformat(day), Decimal(row["price"])


def check_open(terms: ClassTerms) -> None:
    """Raise ShareClassIsClosed; units of a closed class may still be cancelled."""
    if terms.closed:
        raise ShareClassIsClosed("it takes no units any more", field="share_class", value=terms.share_class)


def check_gives(command: RegisterCommand, account: UUID, field: str = "account") -> None:
    """Raise AccountUnknown or AccountIsFrozen: units may leave a closed account, never a frozen one (I-6)."""
    _account(command, account, field)


def check_takes(command: RegisterCommand, account: UUID, field: str = "account") -> None:
    """Raise AccountUnknown, AccountIsFrozen, or AccountIsClosed: a closed account takes nothing."""
    if _account(command, account, field)["closed"]:
        raise AccountIsClosed("it takes no units any more", field=field, value=account)


def check_transfers(command: RegisterCommand, account: UUID, field: str) -> None:
    """Raise AccountUnknown, AccountIsFrozen or AccountIsBlocked."""
    if _account(command, account, field)["transfers_blocked"]:
        raise AccountIsBlocked("lift the block on transfers first", field=field, value=account)


def _account(command: RegisterCommand, account: UUID, field: str) -> Any:
    row = (command.rows or {}).get(account_row(account))
    if row is None:
        raise AccountUnknown("open the account first", field=field, value=account)
    if row["frozen"]:
        raise AccountIsFrozen("nothing of it moves now", field=field, value=account)
    return row


def check_units(units: Decimal, terms: ClassTerms) -> None:
    """Raise QuantityInvalid unless positive, in bounds and at the class's decimals."""
    if not units.is_finite() or not 0 < units < _MOST_UNITS or not has_decimals(units, terms.unit_decimals):
        reason = f"positive, below {_MOST_UNITS:,.0f} and with at most {terms.unit_decimals} decimals"
        raise QuantityInvalid(reason, field="units", value=units)


def check_amount(amount: Decimal, currency: str, terms: ClassTerms) -> None:
    """Raise AmountInvalid unless it is in the class's currency, in bounds and at its minor units."""
    if currency != terms.currency:
        raise AmountInvalid(f"the class is in {terms.currency}", field="currency", value=currency)
    if not amount.is_finite() or not 0 <= amount < _MOST_MONEY or not has_decimals(amount, terms.cost_decimals):
        reason = f"not negative, below {_MOST_MONEY:,.0f} and with at most {terms.cost_decimals} decimals"
        raise AmountInvalid(reason, field="amount", value=amount)


def check_dates(command: RegisterCommand, valuation_date: date, settlement_date: date) -> None:
    """Raise DateInvalid: units settle on or after their valuation, which is not in the future in any time zone."""
    if settlement_date < valuation_date:
        raise DateInvalid("not before the valuation date", field="settlement_date", value=settlement_date)
    if valuation_date > command.now.date() + timedelta(days=1):
        raise DateInvalid("not in the future", field="valuation_date", value=valuation_date)
