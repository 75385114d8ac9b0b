"""Statuses of orders, cancellations and transfers (TA-O-9, golden.md A1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from libs.iso20022.building import Part, render
from libs.iso20022.errors import CannotWrite
from libs.iso20022.fragments import heading, on, related
from libs.iso20022.outgoing import (
    CancellationAnswer,
    CancellationStatus,
    Heading,
    OrderStatus,
    Refusal,
    Status,
    TransferState,
    TransferStatus,
)

# Reasons without an ISO code are spelled in the scheme of the transfer agent.
_PROPRIETARY = {Refusal.CLASS_SUSPENDED, Refusal.INVESTOR_INELIGIBLE, Refusal.MESSAGE_INVALID}
_SCHEME = "refusal"


def order_statuses(head: Heading, statuses: Sequence[OrderStatus]) -> bytes:
    """`setr.016`: the status of each order; switches and other orders come in messages of their own."""
    switches = [_order(each) for each in statuses if each.switch]
    others = [_order(each) | _gate(each) for each in statuses if not each.switch]
    if switches and others:
        raise CannotWrite("a status report has switches or other orders, not both", field="StsRpt")
    answers = related(head)
    body = {
        "MsgId": heading(head),
        "Ref": None if answers is None else {"RltdRef": [answers]},
        "StsRpt": {"SwtchOrdrDtlsRpt": switches} if switches else {"IndvOrdrDtlsRpt": others},
    }
    return render("setr.016", body)


def _order(status: OrderStatus) -> dict[str, Any]:
    expected = {
        "XpctdTradDtTm": on(status.expected_trade_date),
        "XpctdCshSttlmDt": status.expected_settlement_date,
    }
    return {
        "OrdrRef": status.order_reference,
        "ClntRef": status.client_reference,
        "DealRef": status.deal_reference,
        "CxlRef": status.cancellation_reference,
        "OrdrSts": _status(status),
        "NewDtls": expected if any(expected.values()) else None,
    }


def _gate(status: OrderStatus) -> dict[str, Any]:
    if status.gated is None:
        return {}
    return {"GtgOrHldBckDtls": {"Tp": "GATE", "Amt": status.gated, "XpctdRlsDt": status.expected_trade_date}}


def _status(status: OrderStatus) -> Part:
    text = status.text
    match status.status:
        case Status.AWAITING_MONEY:
            return {"CondlyAccptd": {"RsnDtls": [{"Rsn": {"Cd": "AWSM"}, "AddtlInf": text}]}}
        case Status.REFUSED:
            if not status.reasons:
                raise CannotWrite("a refusal has a reason", field="Rjctd")
            return {"Rjctd": [{"Rsn": _refusal(reason), "AddtlInf": text} for reason in status.reasons]}
        case Status.HELD:
            return {"Sspd": {"RsnDtls": [{"Rsn": {"Cd": "PRIC"}, "AddtlInf": text}]}}
        case Status.PARTLY_EXECUTED:
            return {"PrtlySttld": {"Rsn": {"Cd": "GATM"}, "AddtlInf": text}}
        case Status.CANCELLED:
            who = "CANP" if status.by_instructing_party else "CANO"
            return {"Canc": {"Rsn": {"Cd": who}, "AddtlInf": text}}
        case plain:
            return {"Sts": plain}


def _refusal(reason: Refusal) -> Part:
    if reason in _PROPRIETARY:
        return {"Prtry": {"Id": reason, "SchmeNm": _SCHEME}}
    return {"Cd": reason}


def cancellation_statuses(head: Heading, statuses: Sequence[CancellationStatus]) -> bytes:
    """`setr.017`: what became of each request to cancel."""
    answers = related(head)
    reports = [
        {
            "OrdrRef": each.order_reference,
            "ClntRef": each.client_reference,
            "CxlRef": each.cancellation_reference,
            "CxlSts": _answer(each),
        }
        for each in statuses
    ]
    body = {
        "MsgId": heading(head),
        "Ref": None if answers is None else {"RltdRef": [answers]},
        "StsRpt": {"IndvCxlStsRpt": reports},
    }
    return render("setr.017", body)


def _answer(status: CancellationStatus) -> Part:
    if status.answer in (CancellationAnswer.TOO_LATE, CancellationAnswer.NOT_ALLOWED):
        return {"Rjctd": {"Rsn": {"Cd": status.answer}, "AddtlInf": status.text}}
    return {"Sts": status.answer}


def transfer_status(head: Heading, status: TransferStatus) -> bytes:
    """`sese.011`: the status of one transfer."""
    answers = related(head)
    client = status.client_reference
    report = {
        "TrfRef": status.transfer_reference,
        "ClntRef": None if client is None else {"Ref": client},
        "CxlRef": status.cancellation_reference,
        "TrfSts": _transfer(status),
    }
    body = {
        "MsgId": heading(head),
        "Ref": None if answers is None else {"RltdRef": [answers]},
        "StsRpt": report,
    }
    return render("sese.011", body)


def _transfer(status: TransferStatus) -> Part:
    match status.state:
        case TransferState.REFUSED:
            if status.reason is None:
                raise CannotWrite("a refusal has a reason", field="Rjctd")
            return {"Rjctd": [{"Rsn": {"Cd": status.reason}, "AddtlRsnInf": status.text}]}
        case TransferState.CANCELLED:
            return {"Canc": {"Rsn": "CNCL"}}
        case plain:
            return {"Sts": {"Sts": plain}}
