"""Values inside the published events of funds: terms, calendars, liquidity tools (TA-F-1 … TA-F-3)."""

from __future__ import annotations

from datetime import date, time
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, StringConstraints, ValidationInfo, field_validator

from libs.kernel.money import Rounding
from libs.messages.values import (
    Amount,
    Country,
    Currency,
    Moment,
    Name,
    Price,
    Rate,
    Value,
    WallClock,
    Zone,
    check_decimals,
    sorted_once,
    written,
)

Days = Annotated[int, Field(ge=0, le=60)]
Month = Annotated[int, Field(ge=1, le=12)]
# `exchange:XNYS` (exchange_calendars); `country:LU`, `country:DE-BY`, `bank:LU` (public and bank holidays)
# and `financial:ECB` (holidays).
HolidaySet = Annotated[str, StringConstraints(pattern=r"^(exchange|country|bank|financial):[A-Z0-9-]{2,12}$")]


class FeeBase(StrEnum):
    """What a fee is a part of: the amount with the fee in it, or without (golden G1)."""

    GROSS = "gross"
    NET = "net"


class Fee(Value):
    """A fee in favour of whoever the prospectus names; levies in favour of the fund are liquidity tools."""

    rate: Rate
    base: FeeBase


class RoundingModes(Value):
    """How a class rounds; issued units go down, cancelled ones up, the fund keeps the residual (TA-O-5)."""

    price: Rounding = Rounding.HALF_UP
    amount: Rounding = Rounding.HALF_UP
    units_issued: Literal[Rounding.DOWN] = Rounding.DOWN
    units_cancelled: Literal[Rounding.UP] = Rounding.UP


class PaymentRules(Value):
    """What happens to money that is too much or too little; a difference within the tolerance is nothing."""

    overpayment: Literal["return_excess", "invest_excess", "hold"]
    underpayment: Literal["return_all", "invest_received", "await_rest"]
    tolerance: Amount = Decimal(0)


class SettlementTerms(Value):
    """T+n for each side, T being the valuation date; how money is awaited and unpaid units end (TA-R-6)."""

    subscription_days: Days
    redemption_days: Days
    currency_holidays: HolidaySet
    money: Literal["cleared_before_dealing", "contractual"]
    unpaid_limit_days: Annotated[int, Field(ge=1, le=60)] = 10


class ShareClassTerms(Value):
    """What an investor agrees to (TA-F-1). Amounts are in the class's currency, at its minor units."""

    name: Name
    currency: Currency
    income: Literal["accumulating", "distributing"]
    unit_decimals: Annotated[int, Field(ge=0, le=8)]
    price_decimals: Annotated[int, Field(ge=0, le=8)]
    rounding: RoundingModes = RoundingModes()
    minimum_first: Amount
    minimum_next: Amount
    minimum_holding: Amount
    below_minimum_holding: Literal["refuse", "redeem_all"]
    entry_fee: Fee | None = None
    exit_fee: Fee | None = None
    switch_fee: Fee | None = None
    price_type: Literal["single", "bid_and_offer"]
    investor_types: Annotated[
        tuple[Literal["retail", "professional", "institutional"], ...], Field(min_length=1, max_length=3)
    ]
    countries: Annotated[tuple[Country, ...], Field(min_length=1, max_length=250)]
    payment: PaymentRules
    settlement: SettlementTerms

    @field_validator("minimum_first", "minimum_next", "minimum_holding")
    @classmethod
    def _at_minor_units(cls, value: Decimal, info: ValidationInfo) -> Decimal:
        check_decimals(value, info.data.get("currency"))
        return value

    @field_validator("payment")
    @classmethod
    def _tolerance_at_minor_units(cls, value: PaymentRules, info: ValidationInfo) -> PaymentRules:
        check_decimals(value.tolerance, info.data.get("currency"))
        return value

    _in_order = field_validator("investor_types", "countries")(sorted_once)


class InitialOffer(Value):
    """A fixed price until `closes_at`; below the minimum raise everything is paid back (TA-F-1)."""

    price: Price
    closes_at: Moment
    minimum_raise: Amount | None = None


class Daily(Value):
    """Every business day of the fund is a valuation date."""

    kind: Literal["daily"] = "daily"


class Weekly(Value):
    """On these days of the week (0 is Monday), every so many weeks from the week that holds `anchor`."""

    kind: Literal["weekly"] = "weekly"
    weekdays: Annotated[tuple[Annotated[int, Field(ge=0, le=6)], ...], Field(min_length=1, max_length=7)]
    interval_weeks: Annotated[int, Field(ge=1, le=8)] = 1
    anchor: Annotated[date, BeforeValidator(written)] = date(2024, 1, 1)

    _in_order = field_validator("weekdays")(sorted_once)


class Monthly(Value):
    """On the n-th calendar or business days of these months; -1 is the last one, -2 the one before."""

    kind: Literal["monthly"] = "monthly"
    days: Annotated[tuple[Annotated[int, Field(ge=-10, le=31)], ...], Field(min_length=1, max_length=10)]
    counted: Literal["calendar", "business"]
    months: Annotated[tuple[Month, ...], Field(min_length=1, max_length=12)] = tuple(range(1, 13))

    _in_order = field_validator("days", "months")(sorted_once)

    @field_validator("days")
    @classmethod
    def _no_day_zero(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if 0 in value:
            raise ValueError("days count from 1, or from -1 backwards; there is no day 0")
        return value


Frequency = Annotated[Daily | Weekly | Monthly, Field(discriminator="kind")]


class Roll(StrEnum):
    """Where a scheduled valuation date goes that is no business day."""

    FOLLOWING = "following"
    MODIFIED_FOLLOWING = "modified_following"
    PRECEDING = "preceding"
    SKIP = "skip"


class CutOff(Value):
    """The last instant for an order: wall clock in a zone, n business days before the valuation date."""

    at: WallClock
    zone: Zone
    business_days_before: Days = 0


class NavKnown(Value):
    """When the NAV can first be known: wall clock in a zone, n business days after the valuation date."""

    at: WallClock
    zone: Zone
    business_days_after: Days = 0


class HalfDays(StrEnum):
    """What a day is on which a holiday set's market closes early."""

    BUSINESS_DAY = "business_day"
    CLOSED = "closed"
    EARLY_CUT_OFF = "early_cut_off"


class DealingCalendar(Value):
    """When a sub-fund deals (TA-F-2). All its holiday sets are open on a business day of the fund."""

    frequency: Frequency
    roll: Roll = Roll.FOLLOWING
    holiday_sets: Annotated[tuple[HolidaySet, ...], Field(min_length=1, max_length=8)]
    cut_off: CutOff
    nav_known: NavKnown
    half_days: HalfDays = HalfDays.BUSINESS_DAY
    half_day_cut_off_at: Annotated[WallClock | None, Field(validate_default=True)] = None

    _in_order = field_validator("holiday_sets")(sorted_once)

    @field_validator("half_day_cut_off_at")
    @classmethod
    def _with_its_rule(cls, value: time | None, info: ValidationInfo) -> time | None:
        if (value is not None) != (info.data.get("half_days") is HalfDays.EARLY_CUT_OFF):
            raise ValueError("half_days early_cut_off has a half_day_cut_off_at, and no other rule has one")
        cut_off = info.data.get("cut_off")
        if value is not None and cut_off is not None and value > cut_off.at:
            raise ValueError("the cut-off of a half day is not later than the usual one")
        return value


class Swing(Value):
    """Swing pricing: partial above the threshold of net flow to net assets, full always (golden G4)."""

    mode: Literal["partial", "full"]
    threshold: Annotated[Rate | None, Field(validate_default=True)] = None
    factor_up: Rate
    factor_down: Rate

    @field_validator("threshold")
    @classmethod
    def _of_a_partial_swing(cls, value: Decimal | None, info: ValidationInfo) -> Decimal | None:
        if (value is not None) != (info.data.get("mode") == "partial"):
            raise ValueError("a partial swing has a threshold, a full swing has none")
        return value


class AntiDilutionLevy(Value):
    """Charged to those who deal, to the fund; above the threshold of net flow to net assets, or always."""

    subscription_rate: Rate
    redemption_rate: Rate
    threshold: Rate | None = None


class RedemptionGate(Value):
    """The part of net assets that a day's net redemptions may take; the rest waits or lapses (TA-O-6)."""

    threshold: Rate
    remainder: Literal["carried", "lapses"]


class NoticePeriod(Value):
    """How long before the dealing day a redemption must be in."""

    days: Annotated[int, Field(ge=1, le=366)]
    counted: Literal["business", "calendar"]


class RedemptionFee(Value):
    """Kept by the fund; for units held up to so many days, or for all (None)."""

    rate: Rate
    held_up_to_days: Annotated[int, Field(ge=1, le=3660)] | None = None


class LiquidityTools(Value):
    """Tools of a sub-fund that bind all its classes (TA-F-3, Delegated Regulation (EU) 2026/466)."""

    swing: Swing | None = None
    levy: AntiDilutionLevy | None = None
    gate: RedemptionGate | None = None
    notice: NoticePeriod | None = None
    redemption_fee: RedemptionFee | None = None

    @field_validator("levy")
    @classmethod
    def _never_beside_a_swing(cls, value: AntiDilutionLevy | None, info: ValidationInfo) -> AntiDilutionLevy | None:
        if value is not None and info.data.get("swing") is not None:
            raise ValueError("an anti-dilution levy and a swing never apply together (TA-F-3)")
        return value
