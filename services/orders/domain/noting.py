"""What a priced order is told by: every step for the contract note, its movement for the register (TA-O-5, TA-R-2)."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple, assert_never
from uuid import UUID

from libs.kernel.money import Rounding, rounded
from libs.messages import order_values as values
from libs.messages import orders as published
from services.orders.domain.commands import PriceOrders
from services.orders.domain.order import Order
from services.orders.domain.pricing import AllUnits, ByGross, ByNet, ByUnits, Priced, Quantity
from services.orders.domain.switching import Invested
from services.orders.domain.work import Work

# Figures before rounding are shown with so many decimals, cut.
_SHOWN_DECIMALS = 12


class Exchanged(NamedTuple):
    """How an in leg came by its money: what the out leg paid, by which rate."""

    invested: Invested
    paid: Decimal
    rate: values.PublishedRate | None


def priced(
    work: Work,
    publication: published.PricingOpened,
    order: Order,
    leg: values.Leg,
    outcome: Priced,
    dates: values.OrderDates,
    requested: Decimal,
    *,
    carried: Decimal = Decimal(0),
    lapsed: Decimal = Decimal(0),
    exchanged: Exchanged | None = None,
) -> None:
    """Note the part; parts count from 1."""
    received = order.received
    bought = received.into.share_class if leg == "in" and received.into is not None else received.share_class
    work.record(
        published.OrderPriced(
            umbrella=received.umbrella,
            order=received.order,
            part=len(order.parts) + 1,
            leg=leg,
            share_class=bought,
            valuation_date=publication.valuation_date,
            revision=publication.revision,
            settlement_date=dates.settlement_date,
            steps=steps_of(outcome, exchanged),
            requested=requested,
            carried=carried,
            lapsed=lapsed,
        )
    )


def steps_of(outcome: Priced, exchanged: Exchanged | None) -> values.PricedSteps:
    """Every step of the computation, exact, as it is stored."""
    amounts = outcome.amounts
    raw = None if exchanged is None else exchanged.invested.converted_raw
    return values.PricedSteps(
        side="subscription" if outcome.side == "subscription" else "redemption",
        quantity=_stored(outcome.quantity, outcome.currency),
        currency=outcome.currency,
        price=outcome.price,
        gross=amounts.gross,
        net=amounts.net,
        fee=amounts.fee,
        levy=amounts.levy,
        redemption_fee=amounts.redemption_fee,
        fund=amounts.fund,
        raw=_shown(amounts.raw),
        units_raw=outcome.units_raw,
        units=outcome.units,
        value=outcome.value,
        residual=outcome.residual,
        units_left=outcome.units_left,
        converted_raw=None if raw is None else _shown(raw),
        converted_from=None if exchanged is None else exchanged.paid,
        rate=None if exchanged is None else exchanged.rate,
    )


def _shown(raw: Fraction) -> Decimal:
    return rounded(raw, _SHOWN_DECIMALS, Rounding.DOWN)


def _stored(quantity: Quantity, currency: str) -> values.OrderQuantity:
    match quantity:
        case ByUnits(units):
            return values.InUnits(units=units)
        case ByGross(amount):
            return values.InGross(amount=amount, currency=currency)
        case ByNet(amount):
            return values.InNet(amount=amount, currency=currency)
        case AllUnits():
            return values.InAll()
        case _:
            assert_never(quantity)


def movements(work: Work, command: PriceOrders) -> None:
    """The parts that this decision priced, as chunks for the register: one of each class, numbered by the day."""
    of_class: dict[UUID, list[values.PricedMovement]] = {}
    for event in work.events:
        if isinstance(event, published.OrderPriced):
            account = work.known_order(event.order).received.account
            of_class.setdefault(event.share_class, []).append(_movement(event, account))
    for share_class, moved in of_class.items():
        day = work.day(command.sub_fund, command.valuation_date)
        work.record(
            published.MovementsPriced(
                umbrella=command.umbrella,
                sub_fund=command.sub_fund,
                valuation_date=command.valuation_date,
                share_class=share_class,
                chunk=1 if day is None else day.chunks + 1,
                movements=tuple(moved),
            )
        )


def _movement(event: published.OrderPriced, account: UUID) -> values.PricedMovement:
    return values.PricedMovement(
        order=event.order,
        account=account,
        side="issue" if event.steps.side == "subscription" else "cancel",
        units=event.steps.units,
        amount=event.steps.fund,
        currency=event.steps.currency,
        settlement_date=event.settlement_date,
    )
