"""What queries of funds answer: umbrellas, sub-funds, share classes, dealing dates."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel

from libs.calendars.dealing import Side
from libs.messages.fund_values import DealingCalendar, LiquidityTools, ShareClassTerms
from libs.messages.funds import AssetClass
from libs.messages.values import Amount, Price

SubFundStatus = Literal["dealing", "suspended", "closed"]
ShareClassStatus = Literal[
    "draft", "initial_offer", "initial_offer_ended", "open", "soft_closed", "suspended", "closed"
]
Frequency = Literal["daily", "weekly", "monthly"]
Income = Literal["accumulating", "distributing"]


class UmbrellaView(BaseModel):
    """An umbrella as it stands."""

    umbrella: UUID
    name: str
    legal_form: str
    regime: str
    domicile: str
    lei: str | None
    registered_at: datetime
    changed_at: datetime


class SubFundView(BaseModel):
    """A sub-fund as it stands; `reason` says why it is suspended or closed."""

    sub_fund: UUID
    umbrella: UUID
    code: str
    name: str
    base_currency: str
    asset_class: AssetClass
    lei: str | None
    frequency: Frequency
    calendar: DealingCalendar
    tools: LiquidityTools
    status: SubFundStatus
    reason: str | None
    registered_at: datetime
    changed_at: datetime


class ShareClassView(BaseModel):
    """A share class as it stands, with its initial offer where it has had one."""

    share_class: UUID
    sub_fund: UUID
    umbrella: UUID
    isin: str
    name: str
    currency: str
    income: Income
    terms: ShareClassTerms
    status: ShareClassStatus
    reason: str | None
    existing_holders_may_subscribe: bool | None
    offer_price: Price | None
    offer_closes_at: datetime | None
    offer_minimum_raise: Amount | None
    offer_outcome: Literal["succeeded", "failed"] | None
    offer_raised: Amount | None
    registered_at: datetime
    changed_at: datetime


class SettlementView(BaseModel):
    """When an order of a class settles."""

    share_class: UUID
    isin: str
    currency: str
    settlement_date: date


class DealingView(BaseModel):
    """The dates of an order on one side; up to and including `deadline` an order takes the same (TA-F-2)."""

    side: Side
    dealing_date: date
    valuation_date: date
    deadline: datetime
    settlements: list[SettlementView]


class DealingOf(BaseModel):
    """The dates that an order received at `received_at` takes, for each side."""

    sub_fund: UUID
    received_at: datetime
    zone: str
    sides: list[DealingView]


class DealingDay(BaseModel):
    """A dealing day: its cut-off and when its NAV can be known first, both in UTC."""

    dealing_date: date
    valuation_date: date
    cut_off: datetime
    nav_known_at: datetime


class DealingDays(BaseModel):
    """The dealing days of a sub-fund, first and last day included."""

    sub_fund: UUID
    zone: str
    days: list[DealingDay]
