"""What the documents say, as frozen values; every figure is given, none is computed here (TA-O-5, R-4)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Letterhead:
    """Who sends: a name, address lines, and one line for the foot (register number, supervisor)."""

    name: str
    address: tuple[str, ...]
    foot: str = ""


@dataclass(frozen=True, slots=True)
class FeeLine:
    """A fee that was taken; `percent` is 3.00 for 3 %, `base` what it was taken of."""

    label: str
    amount: Decimal
    percent: Decimal | None = None
    base: str = ""


@dataclass(frozen=True, slots=True)
class DealLeg:
    """One deal in one class with every step of its price (O-5, G1 to G3). Amounts are in `currency`.

    `ordered` is what the order said (`10,000.00 EUR gross`); `units_raw` is before rounding and none when the order was
    in units; `rounding` says how; `residual` stays in the fund.
    """

    title: str
    fund: str
    share_class: str
    isin: str
    currency: str
    ordered: str
    price: Decimal
    price_date: date
    gross: Decimal
    net: Decimal
    units: Decimal
    settlement: Decimal
    settlement_label: str
    price_label: str = "Net asset value per unit"
    unswung_price: Decimal | None = None
    gross_first: bool = True
    fees: tuple[FeeLine, ...] = ()
    units_raw: Decimal | None = None
    rounding: str = ""
    units_value: Decimal | None = None
    residual: Decimal | None = None
    carried_units: Decimal | None = None


@dataclass(frozen=True, slots=True)
class ExchangeLine:
    """The exchange between the legs of a switch (G3)."""

    sold: Decimal
    sold_currency: str
    bought: Decimal
    bought_currency: str
    rate: Decimal
    label: str


@dataclass(frozen=True, slots=True)
class ContractNote:
    """The note of one deal: a subscription, a redemption, or a switch with two legs."""

    letterhead: Letterhead
    recipient: tuple[str, ...]
    kind: str
    number: str
    issued: date
    account: str
    order_reference: str
    client_reference: str | None
    deal_reference: str
    distributor: str | None
    received_at: datetime
    trade_date: date
    settlement_date: date
    legs: tuple[DealLeg, ...]
    exchange: ExchangeLine | None = None
    corrects: str | None = None
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HoldingLine:
    """One holding on a statement; amounts in `currency`."""

    fund: str
    share_class: str
    isin: str
    units: Decimal
    currency: str
    blocked: Decimal = Decimal(0)
    price: Decimal | None = None
    price_date: date | None = None
    value: Decimal | None = None
    cost: Decimal | None = None


@dataclass(frozen=True, slots=True)
class HoldingsStatement:
    """The holdings of one account on a date; `totals` are given by currency, in their order."""

    letterhead: Letterhead
    recipient: tuple[str, ...]
    number: str
    issued: date
    account: str
    as_of: date
    basis: str
    holdings: tuple[HoldingLine, ...]
    totals: tuple[tuple[str, Decimal], ...] = ()
    remarks: tuple[str, ...] = ()
