"""The sub-fund of golden G4 with its reference rows, and commands on it: where the aggregates' tests start."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson

from libs.kernel.decider import Command, Reference
from libs.kernel.ids import named_id
from libs.messages.nav import NavPolicySet, SubFundPublished
from libs.messages.nav_values import ClassPrice, NavPolicy
from libs.testkit.given import Given
from services.nav.domain.decider import NavDecider

DECIDER = NavDecider()
UMBRELLA, SUB_FUND = named_id("example", "umbrella"), named_id("example", "sub-fund")
A, B = named_id("example", "A"), named_id("example", "B")
LAST, DAY, NEXT = date(2026, 11, 20), date(2026, 11, 23), date(2026, 11, 24)
DATES = (LAST, DAY, NEXT, date(2026, 11, 25))
NOW = datetime(2026, 11, 25, 18, tzinfo=UTC)
CLOSED_AT = datetime(2026, 11, 23, 13, 5, tzinfo=UTC)
IDS: dict[str, Any] = {"umbrella": UMBRELLA, "sub_fund": SUB_FUND}
DAY_IDS: dict[str, Any] = {**IDS, "valuation_date": DAY}

SWING: dict[str, Any] = {"mode": "partial", "threshold": "0.01", "factor_up": "0.0035", "factor_down": "0.003"}
LEVY: dict[str, Any] = {"subscription_rate": "0.001", "redemption_rate": "0.001", "threshold": "0.01"}
RATES: list[dict[str, Any]] = [{"base": "EUR", "quote": "USD", "bid": "1.0837", "offer": "1.0837"}]
POLICY = {"change_tolerance": "0.05"}


def flow(kind: str, currency: str, cash: str = "0", units: str = "0", **fields: Any) -> dict[str, Any]:
    """The total of one kind of a class's orders."""
    return {"kind": kind, "currency": currency, "cash": cash, "units": units, "flows": 1, "all_units": 0, **fields}


def totals(share_class: UUID, *flows: dict[str, Any]) -> dict[str, Any]:
    """A class's totals of the closed day."""
    return {"share_class": share_class, "flows": len(flows), "totals": list(flows)}


# Golden G4: the subscription of A net of its entry fee, the switch out of A paid into B.
G4_TOTALS = [
    totals(
        A,
        flow("subscription", "EUR", "1188000.00"),
        flow("redemption", "EUR", units="1500", estimated_units="500"),
        flow("switch_out", "EUR", units="500", other_class=B),
    ),
    totals(
        B,
        flow("subscription", "USD", "150000.00"),
        flow("redemption", "USD", units="1000"),
        flow("switch_in", "EUR", units="500", other_class=A),
    ),
]
LINE_A: dict[str, Any] = {"currency": "EUR", "total": "41228430.00", "units": "300000.0000", "nav": "137.4281"}
LINE_B: dict[str, Any] = {"currency": "USD", "total": "9040000.00", "units": "80000.000", "nav": "113.0000"}


def class_facts(share_class: UUID, currency: str, unit_decimals: int, **changes: Any) -> dict[str, Any]:
    """A class that deals at one price of 4 decimals, with changes."""
    facts = {"share_class": share_class, "currency": currency, "unit_decimals": unit_decimals}
    return {**facts, "status": "open", "price_decimals": 4, **changes}


def sub_fund_row(*classes: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Two classes, EUR and USD, of a UCITS in EUR that swings, with changes."""
    facts: dict[str, Any] = {
        "umbrella": UMBRELLA,
        "currency": "EUR",
        "asset_class": "equity",
        "regime": "ucits",
        "tools": {"swing": SWING},
        "status": "dealing",
        "classes": list(classes) or [class_facts(A, "EUR", 4), class_facts(B, "USD", 3)],
    }
    return {**facts, **changes}


def units_row(units: str, **changes: Any) -> dict[str, Any]:
    """What the register has of a class, all dates before `DAY` booked, with changes."""
    return {"units": units, "movements": {}, "booked_through": LAST, **changes}


ROWS: dict[str, Any] = {
    "sub_funds": sub_fund_row(),
    "valuation_days": {day: {"nav_known_at": datetime(2026, 11, 23, 16, 30, tzinfo=UTC)} for day in DATES},
    "closed_days": {DAY: {"closed_at": CLOSED_AT, "classes": G4_TOTALS}},
    "units_in_issue": {A: units_row("300000"), B: units_row("80000")},
}


def read(reference: Reference, tables: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The row of a reference among these tables, as the store gives it: through JSON."""
    found: Any
    match reference.table:
        case "sub_funds":
            found = tables["sub_funds"]
        case "units_in_issue":
            found = tables["units_in_issue"].get(UUID(reference.key["share_class"]))
        case table:
            found = tables[table].get(date.fromisoformat(reference.key["valuation_date"]))
    row: Mapping[str, Any] | None = orjson.loads(orjson.dumps(found, option=orjson.OPT_NON_STR_KEYS))
    return row


def command(name: str, /, now: datetime = NOW, rows: Mapping[str, Any] | None = None, **fields: Any) -> Command:
    """The command of that name on the example's sub-fund and `DAY`, with its rows; `rows` replaces whole tables."""
    kind = DECIDER.commands[name]
    own = {field: value for field, value in DAY_IDS.items() if field in kind.model_fields}
    bare = kind.model_validate({**own, "now": now, **fields})
    tables = {**ROWS, **(rows or {})}
    return bare.given({reference: read(reference, tables) for reference in bare.references()})


def published_before(**changes: Any) -> SubFundPublished:
    """Golden G4's last NAVs and net assets."""
    prices = tuple(
        ClassPrice(
            share_class=share_class, revision=1, currency=currency, nav=nav, price=nav, bid=None, offer=None,
            swung=None, net_assets=Decimal(assets), units_in_issue=Decimal(units),
        )
        for share_class, currency, nav, assets, units in (
            (A, "EUR", Decimal("136.9000"), "41070000", "300000"),
            (B, "USD", Decimal("112.5000"), "9000000", "80000"),
        )
    )  # fmt: skip
    fields = {"valuation_date": LAST, "revision": 1, "currency": "EUR", "net_assets": Decimal("49800000.00")}
    return SubFundPublished.model_validate(
        {**IDS, **fields, "prices": prices, "rates": (), "levy_due": False, **changes}
    )


def policy_set(**changes: Any) -> NavPolicySet:
    """A policy that lets a NAV change by 5 %, with changes."""
    return NavPolicySet(**IDS, policy=NavPolicy.model_validate({**POLICY, **changes}))


def carried_out(past: Given, *commands: Command) -> Given:
    """The commands decided and folded."""
    for each in commands:
        for event in past.decide(each):
            past.apply(event)
    return past


def on_the_day(*commands: Command) -> Given:
    """A policy, the last date's prices, then these commands."""
    return carried_out(Given(DECIDER, [policy_set(), published_before()]), *commands)


def rates(**fields: Any) -> Command:
    """The date's rate of EUR and USD."""
    return command("SetRates", **{"rates": RATES, **fields})


def measure(**fields: Any) -> Command:
    """The test of the date's flows."""
    return command("MeasureFlows", **fields)


def line_a(**changes: Any) -> Command:
    """Class A's line of the NAV file, with changes."""
    return command("ImportNav", **{"share_class": A, "source": "navs.csv#1", **LINE_A, **changes})


def line_b(**changes: Any) -> Command:
    """Class B's line of the NAV file, with changes."""
    return command("ImportNav", **{"share_class": B, "source": "navs.csv#2", **LINE_B, **changes})


def approve(share_class: UUID = A, nav: str = "137.4281", **fields: Any) -> Command:
    """The approval of a NAV without findings."""
    return command("ApproveNav", share_class=share_class, nav=nav, **fields)


def publish(share_class: UUID = A, nav: str = "137.4281", **fields: Any) -> Command:
    """The publication of a NAV, as both persons agreed to it."""
    return command("PublishNav", share_class=share_class, nav=nav, **fields)


def cancel(share_class: UUID = A, revision: int = 1, **fields: Any) -> Command:
    """The withdrawal of a revision."""
    return command("CancelNav", **{"share_class": share_class, "revision": revision, "reason": "stale price", **fields})


READY = (rates(), measure(), line_a(), approve(), line_b(), approve(B, "113"))
WHOLE = (*READY, publish(), publish(B, "113"))
