"""The commands on a dealing day and on at most 150 of its orders (TA-O-5, TA-O-7, TA-O-10)."""

from __future__ import annotations

from typing import Annotated, Self
from uuid import UUID

from pydantic import Field, model_validator

from libs.kernel.decider import Reference
from libs.messages import order_values as values
from libs.messages.values import Currency, Moment, Value
from services.orders.domain.commands.base import LARGEST_CHUNK, OrdersCommand
from services.orders.domain.references import account_row, holding_row, share_class_row, sub_fund_row


class HeldOrder(Value):
    """An order of a chunk, and the classes that its dates come from."""

    order: UUID
    sub_fund: UUID
    share_class: UUID
    into: values.SwitchTarget | None = None


class ChunkCommand(OrdersCommand):
    """A command on at most 150 orders."""

    def ids(self) -> tuple[UUID, ...]:
        """The orders."""
        raise NotImplementedError(f"{type(self).__name__} names no orders")

    def streams(self) -> tuple[str, ...]:
        """The orders, then the days."""
        return (*dict.fromkeys(self.order_stream(order) for order in self.ids()), *self.day_streams())


class HoldOrders(ChunkCommand):
    """A suspension holds what is not priced (TA-O-7)."""

    orders: Annotated[tuple[UUID, ...], Field(min_length=1, max_length=LARGEST_CHUNK)]
    reason: values.HoldReason

    def ids(self) -> tuple[UUID, ...]:
        """The orders."""
        return self.orders


class ReleaseOrders(ChunkCommand):
    """A suspension is lifted: orders take the first dealing date after it (TA-O-7)."""

    orders: Annotated[tuple[HeldOrder, ...], Field(min_length=1, max_length=LARGEST_CHUNK)]

    def ids(self) -> tuple[UUID, ...]:
        """The orders."""
        return tuple(each.order for each in self.orders)

    def references(self) -> tuple[Reference, ...]:
        """Classes and sub-funds of all legs."""
        return _classes_of(self.orders)


class DayCommand(OrdersCommand):
    """A command on a dealing day."""

    sub_fund: UUID
    valuation_date: values.CalendarDate

    def target_stream(self) -> str:
        """The day's stream."""
        return self.day_stream(self.sub_fund, self.valuation_date)

    def streams(self) -> tuple[str, ...]:
        """The day, then others."""
        return tuple(dict.fromkeys((self.target_stream(), *self.day_streams())))


class CloseDealingDay(DayCommand):
    """The cut-off and its guard are past: count (TA-O-10)."""


class OpenPricing(DayCommand):
    """The NAVs of the day are published, and what the gate lets through is known (TA-O-5, TA-O-6)."""

    revision: values.Positive
    published_at: Moment
    currency: Currency
    prices: tuple[values.DealtPrice, ...]
    rates: tuple[values.PublishedRate, ...] = ()
    levy_due: bool = False
    gates: tuple[values.ClassGate, ...] = ()


class StopPricing(DayCommand):
    """The published NAVs were cancelled (TA-N-3)."""

    revision: values.Positive


class OrderToPrice(HeldOrder):
    """An order of a chunk; `share`: what a gate lets through of it, None where none applies."""

    account: UUID
    share: values.GateShare | None = None


class PriceOrders(DayCommand):
    """Price a chunk of the day's orders by this publication (TA-O-5); an account's all in one chunk."""

    revision: values.Positive
    orders: Annotated[tuple[OrderToPrice, ...], Field(min_length=1, max_length=LARGEST_CHUNK)]

    def streams(self) -> tuple[str, ...]:
        """The day, the orders, other days that remainders and in legs go to."""
        orders = dict.fromkeys(self.order_stream(each.order) for each in self.orders)
        first, *others = super().streams()
        return (first, *orders, *others)

    def references(self) -> tuple[Reference, ...]:
        """Classes and sub-funds of all legs, the accounts, their holdings of what is given up or bought."""
        rows = {sub_fund_row(self.sub_fund): None, **dict.fromkeys(_classes_of(self.orders))}
        for each in self.orders:
            rows[account_row(each.account)] = None
            rows[holding_row(each.account, each.share_class)] = None
        return tuple(rows)


class RefusedMovement(Value):
    """A movement that the register did not book."""

    order: UUID
    reason: values.ReasonCode


class RecordBookings(ChunkCommand):
    """The register's answer to a chunk of movements of one class: each order is booked or refused."""

    share_class: UUID
    valuation_date: values.CalendarDate
    chunk: values.Positive
    booked: Annotated[tuple[UUID, ...], Field(max_length=LARGEST_CHUNK)] = ()
    refused: Annotated[tuple[RefusedMovement, ...], Field(max_length=LARGEST_CHUNK)] = ()

    @model_validator(mode="after")
    def _about_an_order(self) -> Self:
        if not self.ids():
            raise ValueError("an answer is about an order at least")
        return self

    def ids(self) -> tuple[UUID, ...]:
        """The orders; `days` are those of in legs that a refused out leg does not pay for."""
        return (*self.booked, *(each.order for each in self.refused))


def _classes_of(orders: tuple[HeldOrder, ...]) -> tuple[Reference, ...]:
    rows: dict[Reference, None] = {}
    for each in orders:
        rows[share_class_row(each.share_class)] = None
        rows[sub_fund_row(each.sub_fund)] = None
        if each.into is not None:
            rows[share_class_row(each.into.share_class)] = None
            rows[sub_fund_row(each.into.sub_fund)] = None
    return tuple(rows)
