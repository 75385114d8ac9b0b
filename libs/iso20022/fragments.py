"""Fragments that many outgoing messages share, by XML name."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from libs.iso20022.building import Part
from libs.iso20022.outgoing import Execution, Fee, Heading
from libs.iso20022.values import Amount, Identifier

# The identification schemes that are elements of their own; any other is proprietary.
_SCHEMES = {"ISIN", "SEDOL", "CUSIP", "RIC", "TckrSymb", "Blmbrg", "CTA", "QUICK", "Wrtppr", "Dtch", "Vlrn", "SCVM"}
_SCHEMES |= {"Belgn", "Cmon"}


def heading(head: Heading) -> Part:
    """The identification of the message itself."""
    return {"Id": head.message_id, "CreDtTm": head.created_at}


def related(head: Heading) -> Part | None:
    """The message that this one answers."""
    return None if head.answers is None else {"Ref": head.answers}


def instrument(of: Identifier) -> Part:
    """A share class in setr and sese messages."""
    if of.scheme in _SCHEMES:
        return {"Id": {of.scheme: of.value}}
    return {"Id": {"OthrPrtryId": {"Id": of.value, "IdSrc": {"Prtry": of.scheme}}}}


def fund_instrument(of: Identifier) -> Part:
    """A share class in reda and camt messages."""
    if of.scheme in _SCHEMES:
        return {"Id": {of.scheme: of.value}, "DualFndInd": False}
    return {"Id": {"OthrPrtryId": {"Id": of.value, "PrtryIdSrc": of.scheme}}, "DualFndInd": False}


def on(day: date | None) -> Part | None:
    """The choice of a date."""
    return None if day is None else {"Dt": day}


def units(value: Decimal | None) -> Part | None:
    """A number of units in reda and camt messages."""
    return None if value is None else {"Unit": value}


def first_page() -> Part:
    """One page, and the last."""
    return {"PgNb": "1", "LastPgInd": True}


def price(execution: Execution) -> Part:
    """The price that was dealt at; forward, because the NAV was not known when the order came (O-5)."""
    return {"Tp": {"Cd": execution.price_kind}, "Val": {"Amt": execution.price}, "PricMtd": "FORW"}


def overhead(fees: Sequence[Fee]) -> Part | None:
    """The fees of a deal, one by one and in total; all fees of a deal are in one currency."""
    if not fees:
        return None
    total = sum((fee.amount.value for fee in fees), Decimal(0))
    return {
        "TtlFees": Amount(total, fees[0].amount.currency),
        "IndvFee": [
            {
                "Tp": {"Cd": fee.kind},
                "ApldAmt": fee.amount,
                "ApldRate": fee.percent,
                "InftvInd": False,
            }
            for fee in fees
        ],
    }


def execution_part(execution: Execution) -> dict[str, Any]:
    """What every confirmation of a subscription or redemption says of one execution."""
    return {
        "OrdrRef": execution.order_reference,
        "ClntRef": execution.client_reference,
        "DealRef": execution.deal_reference,
        "UnitsNb": execution.units,
        "NetAmt": execution.net,
        "GrssAmt": execution.gross,
        "TradDtTm": on(execution.trade_date),
        "DealgPricDtls": price(execution),
        "SttlmAmt": execution.settlement,
        "CshSttlmDt": execution.settlement_date,
        "PrtlyExctdInd": execution.partly_executed,
        "CumDvddInd": False,
        "TxOvrhd": overhead(execution.fees),
        "PhysDlvryInd": False,
    }
