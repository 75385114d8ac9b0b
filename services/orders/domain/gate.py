"""The redemption gate of a dealing day (TA-O-6, golden G5; Delegated Regulation (EU) 2026/466, Art. 2(4))."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

from libs.kernel.allocation import allocate
from libs.kernel.errors import InvalidValue
from libs.kernel.exchange import ExchangeRate
from libs.kernel.money import Rounding, exactly, has_decimals, ratio, rounded
from libs.messages.fund_values import RedemptionGate, ShareClassTerms
from services.orders.domain.charges import Charges
from services.orders.domain.pricing import ByUnits, Priced, Prices, redeemed


@dataclass(frozen=True, slots=True)
class Request:
    """Units that an order would redeem, a remainder of a former day or a switch-out leg among them."""

    order: UUID
    received: datetime
    units: Decimal


@dataclass(frozen=True, slots=True)
class ClassRequests:
    """All requests of one class on one dealing day, at the NAV of that day; no order stands in it twice."""

    share_class: UUID
    currency: str
    nav: Decimal
    unit_decimals: int
    requests: tuple[Request, ...]


@dataclass(frozen=True, slots=True)
class SubFundDay:
    """What a day's capacity is made of, in the sub-fund's currency; `rates` by the class's currency, for valuation.

    `subscriptions`: the money of the day's subscriptions and of switch-in legs from other sub-funds.
    """

    currency: str
    net_assets: Decimal
    subscriptions: Decimal
    rates: Mapping[str, ExchangeRate]


@dataclass(frozen=True, slots=True)
class Execution:
    """What the day does for one order: requested = executed + carried + lapsed; `raw` is its share unrounded."""

    order: UUID
    requested: Decimal
    raw: Fraction
    executed: Decimal
    carried: Decimal
    lapsed: Decimal


@dataclass(frozen=True, slots=True)
class ClassExecutions:
    """One class's part of the capacity, shared out to the last unit, in the order of receipt."""

    share_class: UUID
    capacity_units: Decimal
    executions: tuple[Execution, ...]


@dataclass(frozen=True, slots=True)
class Gated:
    """The outcome: `net_part` is net redemptions ÷ net assets; below or at the threshold all is executed."""

    net_part: Fraction
    is_gated: bool
    capacity: Decimal
    classes: tuple[ClassExecutions, ...]


@exactly
def apply_gate(gate: RedemptionGate, day: SubFundDay, classes: Sequence[ClassRequests]) -> Gated:
    """Execute at least the threshold of net redemptions, never more than requested, pro rata by units (TA-O-6).

    Capacity = threshold × net assets + subscriptions. Over it, each class gets UP(its units × capacity ÷ value
    requested), each order its share DOWN, and the missing steps go to the largest remainders, ties to the earlier
    receipt. Raises InvalidValue for net assets or a NAV that are not positive, units that are not positive or too fine,
    an order that stands there twice.
    """
    _check(day, classes)
    requested = sum((_value(requests, day) for requests in classes), Fraction(0))
    capacity = gate.threshold * day.net_assets + day.subscriptions
    is_gated = requested > capacity
    part = Fraction(capacity) / requested if is_gated else Fraction(1)
    net_part = (requested - Fraction(day.subscriptions)) / Fraction(day.net_assets)
    executed = tuple(_shared(requests, part, carries=gate.remainder == "carried") for requests in classes)
    return Gated(net_part, is_gated, capacity, executed)


def _value(requests: ClassRequests, day: SubFundDay) -> Fraction:
    """The value of a class's requests in the sub-fund's currency, unrounded."""
    value = sum((request.units for request in requests.requests), Decimal(0)) * requests.nav
    if requests.currency == day.currency:
        return Fraction(value)
    if requests.currency not in day.rates:
        raise InvalidValue("a class in another currency needs its rate", field="rates", value=requests.currency)
    return day.rates[requests.currency].unrounded(value, requests.currency)


def _shared(requests: ClassRequests, part: Fraction, *, carries: bool) -> ClassExecutions:
    """One class's capacity in units, UP, and each order's share of it."""
    ordered = sorted(requests.requests, key=lambda request: (request.received, request.order))
    asked = [request.units for request in ordered]
    total = sum(asked, Decimal(0))
    capacity = rounded(Fraction(total) * part, requests.unit_decimals, Rounding.UP)
    if not ordered:
        return ClassExecutions(requests.share_class, capacity, ())
    shares = allocate(capacity, asked, requests.unit_decimals)
    each = ratio(capacity, total)
    executions = tuple(
        Execution(
            request.order,
            request.units,
            Fraction(request.units) * each,
            share,
            request.units - share if carries else Decimal(0),
            Decimal(0) if carries else request.units - share,
        )
        for request, share in zip(ordered, shares, strict=True)
    )
    return ClassExecutions(requests.share_class, capacity, executions)


def _check(day: SubFundDay, classes: Sequence[ClassRequests]) -> None:
    if day.net_assets <= 0:
        raise InvalidValue("net assets are positive", field="net_assets", value=day.net_assets)
    if day.subscriptions < 0:
        raise InvalidValue("subscriptions are not negative", field="subscriptions", value=day.subscriptions)
    for requests in classes:
        if requests.nav <= 0:
            raise InvalidValue("a NAV is positive", field="nav", value=requests.nav)
        for request in requests.requests:
            if request.units <= 0 or not has_decimals(request.units, requests.unit_decimals):
                raise InvalidValue(
                    f"units are positive and have {requests.unit_decimals} decimals", field="units", value=request.units
                )
        twice = [order for order, times in Counter(each.order for each in requests.requests).items() if times > 1]
        if twice:
            raise InvalidValue("an order stands once in a dealing day", field="order", value=twice[0])


@exactly
def executed_part(
    asked: Priced, executed: Decimal, terms: ShareClassTerms, prices: Prices, charges: Charges
) -> Priced | None:
    """The redemption of what the gate let through, None for nothing (TA-O-6).

    An order that is executed whole pays what it asked for; a part pays units × price. Raises InvalidValue for more than
    was asked for.
    """
    if not 0 <= executed <= asked.units:
        raise InvalidValue("a gate executes no more than was asked for", field="executed", value=executed)
    if executed == asked.units:
        return asked
    return redeemed(ByUnits(executed), terms, prices, charges) if executed else None
