"""The commands on one order: placed, amended, cancelled, reversed, settled (TA-O-1, TA-O-3)."""

from __future__ import annotations

from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import Field

from libs.kernel.decider import Reference
from libs.messages import order_values as values
from libs.messages.investor_kinds import Reference as ClientReference
from libs.messages.values import Code, Exact
from services.orders.domain.commands.base import OrderCommand
from services.orders.domain.references import account_row, holding_row, published_row, share_class_row, sub_fund_row


class PlaceOrder(OrderCommand):
    """Take an order; `now` is its receipt time (TA-O-2). `distributor`: in whose name operations enter it."""

    kind: values.OrderKind
    account: UUID
    sub_fund: UUID
    share_class: UUID
    quantity: values.OrderQuantity
    into: values.SwitchTarget | None = None
    to_account: UUID | None = None
    distributor: Code | None = None
    client_reference: ClientReference
    source: values.Source = "api"

    @property
    def placed_under(self) -> str | None:
        """The distributor whose order it is."""
        return self.distributor if self.placed_by is None else self.placed_by

    @property
    def replaces(self) -> UUID | None:
        """The order whose place it takes."""
        return None

    def references(self) -> tuple[Reference, ...]:
        """Class, sub-fund, account, holding; of a switch those of its in leg, of a transfer the other account."""
        rows = [
            share_class_row(self.share_class),
            sub_fund_row(self.sub_fund),
            account_row(self.account),
            holding_row(self.account, self.share_class),
        ]
        if self.into is not None:
            target = self.into
            rows += [share_class_row(target.share_class), sub_fund_row(target.sub_fund)]
            rows.append(holding_row(self.account, target.share_class))
        if self.to_account is not None:
            rows.append(account_row(self.to_account))
        return tuple(rows)


class AmendOrder(PlaceOrder):
    """Put another order in an order's place before its cut-off, in one decision (TA-O-3)."""

    original: UUID

    @property
    def replaces(self) -> UUID | None:
        """The original."""
        return self.original

    def streams(self) -> tuple[str, ...]:
        """The new order, the original, the days of both."""
        first, *days = super().streams()
        return (first, self.order_stream(self.original), *days)


class CancelOrder(OrderCommand):
    """Withdraw an order until its cut-off, or while a suspension holds it (TA-O-3, TA-O-7)."""


class CancelAfterCutOff(OrderCommand):
    """The agent cancels an order that is past its cut-off; a second person approves (TA-O-3)."""

    four_eyes: ClassVar[bool] = True

    reason: values.AgentReason

    def references(self) -> tuple[Reference, ...]:
        """The publications of the days."""
        return tuple(published_row(day.sub_fund, day.valuation_date) for day in self.days)


class ReverseOrder(OrderCommand):
    """Undo what was dealt, at the agent's cost; a second person approves (TA-O-3)."""

    four_eyes: ClassVar[bool] = True

    reason: values.AgentReason


class SettleOrder(OrderCommand):
    """Matched money, or a payment, settles these parts."""

    parts: Annotated[tuple[values.Positive, ...], Field(min_length=1, max_length=50)]


class FailSettlement(SettleOrder):
    """The money of these parts did not come or go."""

    reason: values.SettlementFailure


class RecordTransfer(OrderCommand):
    """The register's answer to a transfer: the units that it moved, or why it did not."""

    units: Exact | None = None
    refused: values.ReasonCode | None = None
