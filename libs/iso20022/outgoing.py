"""What outgoing messages need to know: who fills these values decides, who writes them only spells (O-9, A1)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from libs.iso20022.values import Amount, Identifier, Side


@dataclass(frozen=True, slots=True)
class Heading:
    """The head of a message: its own reference, when it was made, and the message that it answers."""

    message_id: str
    created_at: datetime
    answers: str | None = None


class Status(StrEnum):
    """Where an order stands, in the words of golden.md A1."""

    RECEIVED = "RECE"
    ACCEPTED = "PACK"
    AWAITING_MONEY = "AWSM"
    REFUSED = "Rjctd"
    HELD = "Sspd"
    PARTLY_EXECUTED = "PrtlySttld"
    CANCELLED = "Canc"
    CONFIRMED = "CNFC"
    SETTLED = "SETT"


class Refusal(StrEnum):
    """Why an order was refused; the value is the ISO code, or for the last three our own (A1: a proprietary reason)."""

    CLASS_UNKNOWN = "DSEC"
    CLASS_CLOSED = "CLOS"
    ACCOUNT_UNKNOWN = "SAFE"
    DOCUMENTS_MISSING = "DOCC"
    ACCOUNT_BLOCKED = "BLCA"
    BELOW_MINIMUM = "BMIN"
    BELOW_MINIMUM_REDEMPTION = "BMRA"
    REST_BELOW_MINIMUM = "BMRV"
    DUPLICATE = "ORRF"
    QUANTITY = "DQUA"
    AFTER_CUT_OFF = "CUTO"
    CURRENCY = "UDCY"
    CLASS_SUSPENDED = "CLASS-SUSPENDED"
    INVESTOR_INELIGIBLE = "INVESTOR-INELIGIBLE"
    MESSAGE_INVALID = "MESSAGE-INVALID"


@dataclass(frozen=True, slots=True)
class OrderStatus:
    """The status of one order. `reasons` are refusals; `text` is ours and never personal."""

    order_reference: str
    client_reference: str | None
    status: Status
    deal_reference: str | None = None
    cancellation_reference: str | None = None
    reasons: tuple[Refusal, ...] = ()
    text: str | None = None
    by_instructing_party: bool = True
    switch: bool = False
    expected_trade_date: date | None = None
    expected_settlement_date: date | None = None
    gated: Amount | None = None


class CancellationAnswer(StrEnum):
    """What became of a request to cancel (A1)."""

    RECEIVED = "RECE"
    PENDING = "CANP"
    DONE = "CAND"
    TOO_LATE = "CUTO"
    NOT_ALLOWED = "NALC"


@dataclass(frozen=True, slots=True)
class CancellationStatus:
    """The answer to the request to cancel one order."""

    order_reference: str
    client_reference: str | None
    cancellation_reference: str | None
    answer: CancellationAnswer
    text: str | None = None


class FeeKind(StrEnum):
    """Fees of a deal, as ISO names them."""

    ENTRY = "FEND"
    EXIT = "BEND"
    SWITCH = "SWIT"
    DILUTION_LEVY = "DLEV"
    REDEMPTION = "PENA"


@dataclass(frozen=True, slots=True)
class Fee:
    """A fee that was applied; `percent` is 3.00 for 3 %."""

    kind: FeeKind
    amount: Amount
    percent: Decimal | None = None


class PriceKind(StrEnum):
    """Which price was dealt at."""

    NAV = "NAVL"
    SWUNG = "SWNG"
    BID = "BIDE"
    OFFER = "OFFR"


@dataclass(frozen=True, slots=True)
class Execution:
    """One execution of an order: units at a price, gross and net as ISO means them, what settles and when (G1, G2)."""

    order_reference: str
    client_reference: str | None
    deal_reference: str
    account: str
    instrument: Identifier
    units: Decimal
    price: Amount
    trade_date: date
    settlement_date: date
    gross: Amount
    net: Amount
    settlement: Amount
    fees: tuple[Fee, ...] = ()
    price_kind: PriceKind = PriceKind.NAV
    partly_executed: bool = False
    all_units: bool = False
    ordered_at: datetime | None = None
    received_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Exchange:
    """The exchange between the legs of a switch: `rate` units of `quoted` for one `unit` (G3)."""

    sold: Amount
    bought: Amount
    unit: str
    quoted: str
    rate: Decimal


@dataclass(frozen=True, slots=True)
class SwitchExecution:
    """One executed switch: both legs under one deal."""

    order_reference: str
    client_reference: str | None
    deal_reference: str
    account: str
    settlement_date: date
    out_legs: tuple[Execution, ...]
    in_legs: tuple[Execution, ...]
    exchange: Exchange | None = None
    ordered_at: datetime | None = None
    received_at: datetime | None = None


class CorrectionReason(StrEnum):
    """Why a confirmation is taken back."""

    PRICE = "DMON"
    QUANTITY = "DQUA"
    SETTLEMENT_AMOUNT = "SETS"
    FEE = "FEEE"
    REPLACED = "REPL"


@dataclass(frozen=True, slots=True)
class ConfirmationWithdrawal:
    """One confirmation that does not hold; a corrected one follows when the message says so (A1)."""

    order_reference: str
    client_reference: str | None
    deal_reference: str
    reason: CorrectionReason | None = None
    cancellation_reference: str | None = None


@dataclass(frozen=True, slots=True)
class TransferConfirmation:
    """One transfer that was made."""

    confirmation_reference: str
    transfer_reference: str
    client_reference: str | None
    side: Side
    account: str
    counter_account: str | None
    instrument: Identifier
    units: Decimal
    effective_date: date
    own_account: bool | None = None
    cost: Amount | None = None


class TransferState(StrEnum):
    """Where a transfer stands."""

    RECEIVED = "RECE"
    ACCEPTED = "PACK"
    SETTLED = "SETT"
    REFUSED = "Rjctd"
    CANCELLED = "Canc"


class TransferRefusal(StrEnum):
    """Why a transfer was refused."""

    CLASS_UNKNOWN = "DSEC"
    ACCOUNT_UNKNOWN = "SAFE"
    ACCOUNT_BLOCKED = "BLCA"
    DOCUMENTS_MISSING = "DOCC"
    QUANTITY = "DQUA"
    DUPLICATE = "TREF"
    OTHER = "OTHR"


@dataclass(frozen=True, slots=True)
class TransferStatus:
    """The status of one transfer."""

    transfer_reference: str
    client_reference: str | None
    state: TransferState
    reason: TransferRefusal | None = None
    cancellation_reference: str | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class PriceCancellation:
    """A published price report that does not hold (N-3)."""

    report_id: str
    cancellation_id: str
    reason: str
    expected_correction: date | None = None


@dataclass(frozen=True, slots=True)
class ClassForecast:
    """Cash and units of one class and trade date (O-8). Amounts and units are not negative; net is in less out."""

    forecast_id: str
    instrument: Identifier
    trade_date: date
    settlement_date: date
    cash_in: Amount
    cash_out: Amount
    units_in: Decimal | None = None
    units_out: Decimal | None = None
    price: Amount | None = None
    exceptional: bool = False


@dataclass(frozen=True, slots=True)
class Balance:
    """A holding on a statement: units, of which blocked, its price and value, its cost (R-1)."""

    instrument: Identifier
    name: str | None
    units: Decimal
    blocked: Decimal = Decimal(0)
    price: Amount | None = None
    price_date: date | None = None
    value: Amount | None = None
    cost: Amount | None = None


@dataclass(frozen=True, slots=True)
class Statement:
    """The holdings of one account on a date, by trade (valuation) date or by settlement date (R-4)."""

    statement_id: str
    account: str
    as_of: date
    balances: tuple[Balance, ...]
    by_settlement: bool = False
    frequency: str = "ADHO"
    page: int = 1
    last_page: bool = True
