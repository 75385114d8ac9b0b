"""Published events of orders (TA-O); names and fields are the stored format."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import Field

from libs.kernel.events import Catalogue, Claim, Event
from libs.messages.dealing_days import DealingDayClosed as DealingDayClosed
from libs.messages.dealing_days import DealingDayOpened as DealingDayOpened
from libs.messages.dealing_days import MovementsPriced as MovementsPriced
from libs.messages.dealing_days import OrderCounted as OrderCounted
from libs.messages.dealing_days import OrderUncounted as OrderUncounted
from libs.messages.dealing_days import PricingOpened as PricingOpened
from libs.messages.dealing_days import PricingStopped as PricingStopped
from libs.messages.investor_kinds import Reference
from libs.messages.order_values import (
    AgentReason,
    CalendarDate,
    Expected,
    HoldReason,
    Leg,
    OrderDates,
    OrderKind,
    OrderQuantity,
    Positive,
    PricedSteps,
    ReasonCode,
    Refused,
    SettlementFailure,
    Source,
    SwitchTarget,
    UndoneMovement,
)
from libs.messages.values import Code, Exact, Moment

Parts = Annotated[tuple[Positive, ...], Field(min_length=1)]


class OrderEvent(Event):
    """An event of one order; the umbrella is the lane key (W-2)."""

    service: ClassVar[str] = "orders"
    aggregate: ClassVar[str] = "order"
    key_field: ClassVar[str] = "umbrella"
    id_field: ClassVar[str] = "order"

    umbrella: UUID
    order: UUID


class OrderReceived(OrderEvent):
    """An instruction arrived at this time by the service's own clock, which nobody can change (TA-O-2)."""

    kind: OrderKind
    account: UUID
    sub_fund: UUID
    share_class: UUID
    quantity: OrderQuantity
    into: SwitchTarget | None = None
    to_account: UUID | None = None
    distributor: Code | None = None
    client_reference: Reference
    source: Source
    received_at: Moment
    replaces: UUID | None = None

    def claims(self) -> tuple[Claim, ...]:
        """A client reference is one order's of its distributor, whatever becomes of it (TA-O-4); an id one order's."""
        reference = Claim("client_reference", f"{self.distributor or '-'}/{self.client_reference}")
        return (reference, Claim("order", str(self.order)))


class OrderAccepted(OrderEvent):
    """The order will be dealt on these dates; `into` are those of a switch's in leg; a transfer has none."""

    dates: OrderDates | None
    into: OrderDates | None = None
    expected: Expected | None = None


class OrderRejected(OrderEvent):
    """The order is not dealt, on acceptance or on pricing; `found` and `limit` are the figures compared (TA-O-4)."""

    reason: Refused
    iso_code: str | None
    stage: Literal["acceptance", "pricing"]
    field: str
    found: Exact | None = None
    limit: Exact | None = None


class OrderHeld(OrderEvent):
    """A suspension holds what is not priced yet; it may be withdrawn (TA-O-7)."""

    reason: HoldReason


class OrderReleased(OrderEvent):
    """The suspension is lifted: the first dealing date after it (TA-O-7)."""

    dates: OrderDates | None
    into: OrderDates | None = None


class OrderCancelled(OrderEvent):
    """Nothing more of the order is dealt; `replaced_by` where an amendment took its place (TA-O-3)."""

    by: Literal["client", "agent"]
    reason: AgentReason | None = None
    replaced_by: UUID | None = None


class OrderPriced(OrderEvent):
    """A part of the order at the NAV of its own valuation date (TA-O-5); `requested` is what the gate was asked for."""

    part: Positive
    leg: Leg
    share_class: UUID
    valuation_date: CalendarDate
    revision: Positive
    settlement_date: CalendarDate
    steps: PricedSteps
    requested: Exact
    carried: Exact
    lapsed: Exact


class OrderCarried(OrderEvent):
    """What a gate did not let through waits for these dates, in units (TA-O-6)."""

    units: Exact
    dates: OrderDates
    into: OrderDates | None = None


class RemainderLapsed(OrderEvent):
    """What a gate did not let through is dealt no more, as the sub-fund says (TA-O-6)."""

    units: Exact


class PartEvent(OrderEvent):
    """An event of one priced part of an order."""

    part: Positive


class OrderRegistered(PartEvent):
    """The register booked the part."""


class RegistrationRefused(PartEvent):
    """The register did not book the part: somebody must reverse it."""

    reason: ReasonCode


class OrderConfirmed(OrderEvent):
    """The parts are confirmed to whoever ordered; of a switch both legs together."""

    parts: Parts


class OrderSettled(OrderEvent):
    """Matched money, or a payment, settled the parts (TA-O-3)."""

    parts: Parts


class SettlementFailed(OrderEvent):
    """The money did not come or go; it may still."""

    parts: Parts
    reason: SettlementFailure


class OrderReversed(OrderEvent):
    """The parts are undone at the agent's cost, after the NAV was published (TA-O-3)."""

    parts: Parts
    reason: AgentReason | Literal["registration_refused", "in_leg_not_dealt"]


class MovementsReversed(OrderEvent):
    """The register takes back what it booked for these parts."""

    movements: Annotated[tuple[UndoneMovement, ...], Field(min_length=1)]


class TransferInstructed(OrderEvent):
    """The register shall move units between two accounts, free of payment; no units: all that is free (TA-R-1)."""

    share_class: UUID
    from_account: UUID
    to_account: UUID
    units: Exact | None


class TransferRegistered(OrderEvent):
    """The register moved these units; the transfer is confirmed and settled by it."""

    units: Exact


class TransferRefused(OrderEvent):
    """The register did not move the units."""

    reason: ReasonCode


CATALOGUE = Catalogue(
    [
        OrderReceived,
        OrderAccepted,
        OrderRejected,
        OrderHeld,
        OrderReleased,
        OrderCancelled,
        OrderPriced,
        OrderCarried,
        RemainderLapsed,
        OrderRegistered,
        RegistrationRefused,
        OrderConfirmed,
        OrderSettled,
        SettlementFailed,
        OrderReversed,
        MovementsReversed,
        TransferInstructed,
        TransferRegistered,
        TransferRefused,
        DealingDayOpened,
        OrderCounted,
        OrderUncounted,
        DealingDayClosed,
        PricingOpened,
        PricingStopped,
        MovementsPriced,
    ]
)
