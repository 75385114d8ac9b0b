"""Values inside the published events of orders: quantities, dates, flows, prices, movements (TA-O)."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BeforeValidator, Field, StringConstraints

from libs.messages.values import Currency, Exact, Moment, Price, Value, written

OrderKind = Literal["subscription", "redemption", "switch", "transfer"]
Source = Literal["api", "message", "file"]
# An order has one leg; a switch an out leg and an in leg.
Leg = Literal["order", "out", "in"]
FlowKind = Literal["subscription", "redemption", "switch_out", "switch_in"]
Positive = Annotated[int, Field(ge=1)]
Count = Annotated[int, Field(ge=0)]
HoldReason = Literal["sub_fund_suspended", "share_class_suspended"]
AgentReason = Literal["input_error", "duplicate", "fraud_suspected", "client_request", "authority_order", "unpaid"]
SettlementFailure = Literal["money_missing", "money_short", "payment_returned", "account_blocked"]

# A date, as ISO 8601 writes it.
CalendarDate = Annotated[date, BeforeValidator(written)]
# Another service's reason, as it names it.
ReasonCode = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,59}$")]


class Refused(StrEnum):
    """Why an order is rejected (TA-O-4); `ISO_CODES` has the code that `setr.016` says it by."""

    CLASS_UNKNOWN = "class_unknown"
    CLASS_CLOSED = "class_closed"
    CLASS_NOT_OPEN = "class_not_open"
    CLASS_SOFT_CLOSED = "class_soft_closed"
    CLASS_SUSPENDED = "class_suspended"
    NO_DEALING_DATE = "no_dealing_date"
    NAV_KNOWN = "nav_known"
    TOO_LATE = "too_late"
    ACCOUNT_UNKNOWN = "account_unknown"
    ACCOUNT_NOT_APPROVED = "account_not_approved"
    REVIEW_OVERDUE = "review_overdue"
    ACCOUNT_BLOCKED = "account_blocked"
    INELIGIBLE = "investor_ineligible"
    CURRENCY = "currency"
    QUANTITY = "quantity"
    BUYS_NO_UNIT = "buys_no_unit"
    BELOW_FIRST = "below_minimum_first"
    BELOW_NEXT = "below_minimum_next"
    HOLDING_TOO_SMALL = "holding_too_small"
    REST_BELOW_MINIMUM = "rest_below_minimum"
    SAME_CLASS = "same_class"
    ORIGINAL_GONE = "original_gone"


# Golden A1; a reason that is absent is spelled in the agent's own scheme.
ISO_CODES: dict[Refused, str] = {
    Refused.CLASS_UNKNOWN: "DSEC",
    Refused.CLASS_CLOSED: "CLOS",
    Refused.CLASS_NOT_OPEN: "CLOS",
    Refused.CLASS_SOFT_CLOSED: "CLOS",
    Refused.NO_DEALING_DATE: "CLOS",
    Refused.TOO_LATE: "CUTO",
    Refused.ACCOUNT_UNKNOWN: "SAFE",
    Refused.ACCOUNT_NOT_APPROVED: "DOCC",
    Refused.REVIEW_OVERDUE: "DOCC",
    Refused.ACCOUNT_BLOCKED: "BLCA",
    Refused.CURRENCY: "UDCY",
    Refused.QUANTITY: "DQUA",
    Refused.BUYS_NO_UNIT: "DQUA",
    Refused.BELOW_FIRST: "BMIN",
    Refused.BELOW_NEXT: "BMIN",
    Refused.HOLDING_TOO_SMALL: "DQUA",
    Refused.REST_BELOW_MINIMUM: "BMRV",
    Refused.ORIGINAL_GONE: "NALC",
}


class InUnits(Value):
    """So many units."""

    by: Literal["units"] = "units"
    units: Exact


class InGross(Value):
    """ISO 20022 `GrssAmt`, in the class's currency."""

    by: Literal["gross"] = "gross"
    amount: Exact
    currency: Currency


class InNet(Value):
    """ISO 20022 `NetAmt`, in the class's currency."""

    by: Literal["net"] = "net"
    amount: Exact
    currency: Currency


class InAll(Value):
    """All that is free when the order is priced (`HldgsRedRate` 100)."""

    by: Literal["all"] = "all"


OrderQuantity = Annotated[InUnits | InGross | InNet | InAll, Field(discriminator="by")]


class SwitchTarget(Value):
    """The class that a switch goes into."""

    sub_fund: UUID
    share_class: UUID


class OrderDates(Value):
    """What the receipt time came to (TA-F-2); in time up to and including `deadline`."""

    dealing_date: CalendarDate
    valuation_date: CalendarDate
    settlement_date: CalendarDate
    deadline: Moment


class Expected(Value):
    """What is known of an order's money before it is priced: cash of the fund, of it invested by a switch's in leg.

    Zero for an order by units; `units`: what an all-units order would have taken when it was accepted.
    """

    currency: Currency
    cash: Exact
    invested: Exact
    units: Exact


class Flow(Value):
    """What one leg does to its class on a dealing day, as far as it is known before pricing (golden G4).

    `cash` enters or leaves the fund, in `currency`; it is zero for an order by units. `units` are those ordered, zero
    for an order by amount; `estimated_units` what an all-units order would have taken when it was accepted. A switch's
    in leg is told by its out leg: cash in the currency, units of the class, that are given up (`other_class`).
    """

    share_class: UUID
    kind: FlowKind
    currency: Currency
    other_class: UUID | None = None
    cash: Exact
    units: Exact
    all_units: bool = False
    estimated_units: Exact


class FlowTotals(Value):
    """The sum of a class's flows of one kind, and of one other class for switches; `flows` is their number."""

    kind: FlowKind
    currency: Currency
    other_class: UUID | None = None
    flows: Count
    cash: Exact
    units: Exact
    all_units: Count
    estimated_units: Exact


class ClassTotals(Value):
    """A class's part of a closed dealing day (TA-O-10)."""

    share_class: UUID
    flows: Count
    totals: tuple[FlowTotals, ...]


class DealtPrice(Value):
    """What a class is dealt at on a valuation date: `nav` is swung where `swung` says so."""

    share_class: UUID
    nav: Price
    bid: Price | None = None
    offer: Price | None = None
    swung: bool = False


class PublishedRate(Value):
    """One `base` in `quote`, as the NAV was computed with."""

    base: Currency
    quote: Currency
    bid: Price
    offer: Price


class ClassGate(Value):
    """The part of a class's requests that a gate lets through: capacity ÷ requested (TA-O-6, golden G5)."""

    share_class: UUID
    requested_units: Exact
    capacity_units: Exact


class GateShare(Value):
    """One order's share of its class's capacity, in units."""

    requested: Exact
    executed: Exact


class PricedSteps(Value):
    """Every step from what was ordered to units and money, as the contract note shows them (TA-O-5).

    gross = net + fee + levy + redemption fee. `raw`, `units_raw`, `converted_raw`: before rounding, cut.
    """

    side: Literal["subscription", "redemption"]
    quantity: OrderQuantity
    currency: Currency
    price: Price
    gross: Exact
    net: Exact
    fee: Exact
    levy: Exact
    redemption_fee: Exact
    fund: Exact
    raw: Exact
    units_raw: Exact | None
    units: Exact
    value: Exact
    residual: Exact | None
    units_left: Exact | None = None
    converted_raw: Exact | None = None
    converted_from: Exact | None = None
    rate: PublishedRate | None = None


class UndoneMovement(Value):
    """What the register takes back for one part of an order; `side` says what it does now."""

    part: Positive
    share_class: UUID
    valuation_date: CalendarDate
    account: UUID
    side: Literal["issue", "cancel"]
    units: Exact
    amount: Exact
    currency: Currency


class PricedMovement(Value):
    """What the register books for one part of an order, once (TA-R-2)."""

    order: UUID
    account: UUID
    side: Literal["issue", "cancel"]
    units: Exact
    amount: Exact
    currency: Currency
    settlement_date: CalendarDate
