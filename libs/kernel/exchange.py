"""Exchange of money between two currencies by a bid and an offer (golden G3)."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from libs.kernel.errors import InvalidValue
from libs.kernel.money import Money, Rounding, minor_units, rounded


@dataclass(frozen=True, slots=True)
class ExchangeRate:
    """The price of one `base` in `quote`: the bank buys the base at the bid and sells it at the offer.

    Raises InvalidValue for rates that are not positive or finite, a bid above the offer, or one currency for both.
    """

    base: str
    quote: str
    bid: Decimal
    offer: Decimal

    def __post_init__(self) -> None:
        if not (self.bid.is_finite() and self.offer.is_finite() and 0 < self.bid <= self.offer):
            raise InvalidValue("0 < bid ≤ offer", field="rate", value=f"{self.bid}/{self.offer}")
        if self.base == self.quote:
            raise InvalidValue("a rate has two currencies", field="quote", value=self.quote)

    @classmethod
    def middle(cls, base: str, quote: str, rate: Decimal) -> ExchangeRate:
        """One rate for both sides, by which a fund is valued and flows are measured (golden G4)."""
        return cls(base, quote, rate, rate)

    def unrounded(self, amount: Decimal | Fraction, currency: str) -> Fraction:
        """What an amount of one of the two currencies gives in the other: base × bid, or quote ÷ offer."""
        if currency == self.base:
            return Fraction(amount) * Fraction(self.bid)
        if currency == self.quote:
            return Fraction(amount) / Fraction(self.offer)
        raise InvalidValue(f"a rate of {self.base} and {self.quote}", field="currency", value=currency)

    def sold(self, money: Money, mode: Rounding = Rounding.HALF_UP) -> Money:
        """The money that is bought for this money, rounded to the bought currency's minor units."""
        bought = self.quote if money.currency == self.base else self.base
        return Money(rounded(self.unrounded(money.amount, money.currency), minor_units(bought), mode), bought)
