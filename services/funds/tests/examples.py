"""Valid values, commands and events that the tests of funds start from."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from libs.kernel.decider import Command
from libs.kernel.ids import named_id
from libs.messages.fund_values import DealingCalendar, InitialOffer, LiquidityTools, SettlementTerms, ShareClassTerms
from libs.testkit.given import Given, given_by
from services.funds.domain.decider import FundsDecider

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
OFFER_END = NOW + timedelta(days=30)
DECIDER = FundsDecider()
given = given_by(DECIDER)

UMBRELLA = named_id("example", "umbrella")
SUB_FUND = named_id("example", "sub-fund")
SHARE_CLASS = named_id("example", "share-class")
ISIN = "LU0323134006"

LUXEMBOURG: dict[str, Any] = {
    "frequency": {"kind": "daily"},
    "holiday_sets": ["bank:LU"],
    "cut_off": {"at": "14:00", "zone": "Europe/Luxembourg"},
    "nav_known": {"at": "17:30", "zone": "Europe/Luxembourg"},
}
SETTLEMENT = {
    "subscription_days": 2,
    "redemption_days": 3,
    "currency_holidays": "financial:ECB",
    "money": "contractual",
}
TERMS: dict[str, Any] = {
    "name": "A-EUR",
    "currency": "EUR",
    "income": "accumulating",
    "unit_decimals": 4,
    "price_decimals": 4,
    "minimum_first": "1000",
    "minimum_next": "100",
    "minimum_holding": "500.00",
    "below_minimum_holding": "redeem_all",
    "entry_fee": {"rate": "0.03", "base": "gross"},
    "price_type": "single",
    "investor_types": ["retail"],
    "countries": ["LU", "DE"],
    "payment": {"overpayment": "return_excess", "underpayment": "await_rest", "tolerance": "0.50"},
    "settlement": SETTLEMENT,
}
SWING: dict[str, Any] = {"mode": "partial", "threshold": "0.01", "factor_up": "0.0035", "factor_down": "0.003"}
LEVY = {"subscription_rate": "0.001", "redemption_rate": "0.001"}
UMBRELLA_FACTS: dict[str, Any] = {"name": "Meridian SICAV", "legal_form": "sicav", "regime": "ucits", "domicile": "LU"}
SUB_FUND_FACTS: dict[str, Any] = {
    "code": "MER-GE",
    "name": "Meridian Global Equity",
    "base_currency": "EUR",
    "asset_class": "equity",
    "calendar": LUXEMBOURG,
    "tools": {"swing": SWING},
}
OFFER: dict[str, Any] = {"price": "100", "closes_at": OFFER_END.isoformat(), "minimum_raise": "5000000"}


def calendar(**changes: Any) -> DealingCalendar:
    """The Luxembourg calendar with changes."""
    return DealingCalendar.model_validate({**LUXEMBOURG, **changes})


def settlement(**changes: Any) -> SettlementTerms:
    """T+2 and T+3 in euro, with changes."""
    return SettlementTerms.model_validate({**SETTLEMENT, **changes})


def terms(**changes: Any) -> ShareClassTerms:
    """The terms of a retail class, with changes."""
    return ShareClassTerms.model_validate({**TERMS, **changes})


def tools(**some: Any) -> LiquidityTools:
    """These liquidity tools."""
    return LiquidityTools.model_validate(some)


def offer(**changes: Any) -> InitialOffer:
    """An offer at 100 for thirty days with a minimum of five million, with changes."""
    return InitialOffer.model_validate({**OFFER, **changes})


def command(name: str, /, now: datetime = NOW, **fields: Any) -> Command:
    """The command of that name on the example's umbrella, sub-fund or class."""
    kind = DECIDER.commands[name]
    ids: dict[str, UUID] = {"umbrella": UMBRELLA, "sub_fund": SUB_FUND, "share_class": SHARE_CLASS}
    own = {field: value for field, value in ids.items() if field in kind.model_fields}
    return kind.model_validate({**own, "now": now, **fields})


def register_umbrella() -> Command:
    """Meridian SICAV."""
    return command("RegisterUmbrella", **UMBRELLA_FACTS)


def register_sub_fund(**changes: Any) -> Command:
    """Meridian Global Equity, with changes."""
    return command("RegisterSubFund", **{**SUB_FUND_FACTS, **changes})


def draft_share_class(**changes: Any) -> Command:
    """A class of it, with changes to its terms."""
    return command("DraftShareClass", isin=ISIN, terms={**TERMS, **changes})


def after(*commands: Command) -> Given:
    """Streams in which these commands were carried out."""
    past = given()
    for each in commands:
        for event in past.decide(each):
            past.apply(event)
    return past


def with_sub_fund(*commands: Command) -> Given:
    """An umbrella and a sub-fund, then these commands."""
    return after(register_umbrella(), register_sub_fund(), *commands)


def with_draft(*commands: Command) -> Given:
    """A drafted class, then these commands."""
    return with_sub_fund(draft_share_class(), *commands)


def with_offer(*commands: Command, **changes: Any) -> Given:
    """A class in its initial offer, then these commands."""
    return with_draft(command("OpenInitialOffer", offer={**OFFER, **changes}), *commands)


def with_open_class(*commands: Command) -> Given:
    """A class that deals, then these commands."""
    end = command("EndInitialOffer", now=OFFER_END, closes_at=OFFER_END)
    return with_offer(end, *commands, minimum_raise=None)
