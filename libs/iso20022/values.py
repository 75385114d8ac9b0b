"""What a message or a CSV line says, as frozen values: no events, no rules, amounts exact (TA-O-1, O-5, O-9).

Names and birth dates of people are not carried at all; a cash account is personal and hides in `repr`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from libs.iso20022.errors import Reason


class Side(StrEnum):
    """What an order, or a leg of a switch, does."""

    SUBSCRIPTION = "subscription"
    REDEMPTION = "redemption"
    SWITCH = "switch"
    TRANSFER_OUT = "transfer-out"
    TRANSFER_IN = "transfer-in"


class QuantityKind(StrEnum):
    """How an order says how much; gross and net in their ISO meaning (golden.md, conventions)."""

    GROSS_AMOUNT = "gross-amount"
    NET_AMOUNT = "net-amount"
    UNITS = "units"
    ALL_UNITS = "all-units"
    ALL_PROCEEDS = "all-proceeds"  # the in leg of a switch: what the out leg executed (O-1)


@dataclass(frozen=True, slots=True)
class Quantity:
    """How much: a value for amounts and units, a currency for amounts."""

    kind: QuantityKind
    value: Decimal | None = None
    currency: str | None = None


@dataclass(frozen=True, slots=True)
class Amount:
    """An amount of a currency, at the decimals that the sender wrote."""

    value: Decimal
    currency: str


@dataclass(frozen=True, slots=True)
class Identifier:
    """An identification in a scheme: `ISIN`, `LEI`, `BIC`, `SEDOL` …, or the name of a proprietary one."""

    scheme: str
    value: str


@dataclass(frozen=True, slots=True)
class CashAccount:
    """The account that pays or is paid; personal."""

    scheme: str
    value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class MessageReference:
    """The message that an entry came in; `kind` is `setr.010`, or `csv`; `ordinal` counts the messages of the file."""

    kind: str
    message_id: str
    created_at: datetime | None = None
    ordinal: int = 1


@dataclass(frozen=True, slots=True)
class OrderInstruction:
    """One subscription or redemption. `unread` names parts of the order that are accepted but not acted upon."""

    message: MessageReference
    position: int
    side: Side
    order_reference: str
    client_reference: str | None
    master_reference: str | None
    distributor: Identifier | None
    account: str
    sub_account: str | None
    instrument: Identifier
    quantity: Quantity
    settlement_currency: str | None = None
    nav_currency: str | None = None
    requested_trade_date: date | None = None
    settlement_date: date | None = None
    ordered_at: datetime | None = None
    expires: date | datetime | None = None
    settlement_amount: Amount | None = None
    cash_account: CashAccount | None = None
    income_preference: str | None = None
    unread: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SwitchLeg:
    """One leg of a switch; the in leg has `ALL_PROCEEDS` when it takes what the out leg gives."""

    leg_id: str | None
    account: str | None
    instrument: Identifier
    quantity: Quantity


@dataclass(frozen=True, slots=True)
class SwitchInstruction:
    """One switch with its redemption and subscription legs (O-1, G3)."""

    message: MessageReference
    position: int
    order_reference: str
    client_reference: str | None
    master_reference: str | None
    distributor: Identifier | None
    account: str
    out_legs: tuple[SwitchLeg, ...]
    in_legs: tuple[SwitchLeg, ...]
    requested_trade_date: date | None = None
    settlement_date: date | None = None
    ordered_at: datetime | None = None
    expires: date | datetime | None = None
    unread: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CancellationRequest:
    """The wish to cancel one order or transfer that was sent before."""

    message: MessageReference
    position: int
    side: Side
    order_reference: str
    client_reference: str | None
    cancellation_reference: str | None
    master_reference: str | None
    original_message: str | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class TransferInstruction:
    """One transfer of units between two registered accounts; `counter_account` is the other side's, if it is named."""

    message: MessageReference
    position: int
    side: Side
    transfer_reference: str
    client_reference: str | None
    counterparty_reference: str | None
    master_reference: str | None
    distributor: Identifier | None
    account: str
    counter_account: str | None
    instrument: Identifier
    quantity: Quantity
    own_account: bool | None
    reason: str | None = None
    requested_transfer_date: date | None = None
    requested_settlement_date: date | None = None
    unread: tuple[str, ...] = ()


class PriceFunction(StrEnum):
    """What a price report does (golden.md A1)."""

    NEW = "NEWP"
    REPLACE = "REPL"
    PARTIAL = "PART"


@dataclass(frozen=True, slots=True)
class Price:
    """A price per unit of one type: `NAVL`, `SWNG`, `BIDE`, `OFFR` …"""

    kind: str
    value: Decimal
    currency: str
    estimated: bool = False
    for_execution: bool = True


@dataclass(frozen=True, slots=True)
class PriceReport:
    """The NAV of one class and date out of a price report (N-1); for reading and for writing."""

    message: MessageReference
    position: int
    report_id: str
    function: PriceFunction
    cancelled_report: str | None
    instrument: Identifier
    nav_date: date
    prices: tuple[Price, ...]
    total_net_assets: tuple[Amount, ...] = ()
    units_in_issue: Decimal | None = None
    suspended: bool = False
    official: bool = True


@dataclass(frozen=True, slots=True)
class RefusedEntry:
    """An entry, or a whole message (`reference` none), that cannot be taken: why and where, never the value itself."""

    message: MessageReference
    position: int
    reference: str | None
    client_reference: str | None
    reason: Reason
    place: str
    detail: str
    value_class: str = ""


Entry = OrderInstruction | SwitchInstruction | CancellationRequest | TransferInstruction | PriceReport | RefusedEntry
