"""Confirmations of executed orders and their withdrawal (TA-O-9, golden.md A1)."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from libs.iso20022.building import Part, render
from libs.iso20022.errors import CannotWrite
from libs.iso20022.fragments import execution_part, heading, instrument, on, overhead, price, related
from libs.iso20022.outgoing import ConfirmationWithdrawal, Execution, Heading, SwitchExecution
from libs.iso20022.values import Side

_SINGLE = {Side.SUBSCRIPTION: "setr.012", Side.REDEMPTION: "setr.006"}
_BULK = {Side.SUBSCRIPTION: "setr.009", Side.REDEMPTION: "setr.003"}
_WITHDRAWN = {Side.SUBSCRIPTION: "setr.047", Side.REDEMPTION: "setr.051", Side.SWITCH: "setr.055"}
_ALL = Decimal(100)


def confirmation(head: Heading, side: Side, executions: Sequence[Execution], *, amended: bool = False) -> bytes:
    """`setr.012` or `setr.006`: executions of one account, in any classes; `amended` corrects a withdrawn one."""
    account = _one({each.account for each in executions}, "account")
    parts = [
        execution_part(each) | {"FinInstrmDtls": instrument(each.instrument)} | _rate(side, each) for each in executions
    ]
    details = {
        "AmdmntInd": amended,
        "OrdrDtTm": executions[0].ordered_at,
        "RcvdDtTm": executions[0].received_at,
        "InvstmtAcctDtls": {"AcctId": account},
        "IndvExctnDtls": parts,
    }
    body = {"MsgId": heading(head), "RltdRef": related(head), "MltplExctnDtls": details}
    return render(_SINGLE[side], body)


def bulk_confirmation(head: Heading, side: Side, executions: Sequence[Execution], *, amended: bool = False) -> bytes:
    """`setr.009` or `setr.003`: executions of one class, for any accounts."""
    classes = {each.instrument for each in executions}
    _one(classes, "class")
    parts = [
        execution_part(each) | {"InvstmtAcctDtls": {"AcctId": each.account}} | _rate(side, each) for each in executions
    ]
    details = {
        "AmdmntInd": amended,
        "OrdrDtTm": executions[0].ordered_at,
        "RcvdDtTm": executions[0].received_at,
        "FinInstrmDtls": instrument(executions[0].instrument),
        "IndvExctnDtls": parts,
    }
    return render(_BULK[side], {"MsgId": heading(head), "RltdRef": related(head), "BlkExctnDtls": details})


def switch_confirmation(head: Heading, switches: Sequence[SwitchExecution], *, amended: bool = False) -> bytes:
    """`setr.015`: both legs of each switch with the exchange between them (G3)."""
    body = {
        "MsgId": heading(head),
        "RltdRef": related(head),
        "SwtchExctnDtls": [_switch(each, amended=amended) for each in switches],
    }
    return render("setr.015", body)


def confirmation_withdrawal(
    head: Heading, side: Side, withdrawn: Sequence[ConfirmationWithdrawal], *, replaced: bool = True
) -> bytes:
    """`setr.047`, `.051` or `.055`: confirmations that do not hold; `replaced` announces corrected ones (A1)."""
    references = [
        {
            "OrdrRef": each.order_reference,
            "ClntRef": each.client_reference,
            "DealRef": each.deal_reference,
            "CxlRef": each.cancellation_reference,
            "CxlRsn": None if each.reason is None else {"Cd": each.reason},
        }
        for each in withdrawn
    ]
    body = {"MsgId": heading(head), "RltdRef": related(head), "AmdmntInd": replaced, "OrdrRefs": references}
    return render(_WITHDRAWN[side], body)


def _rate(side: Side, execution: Execution) -> dict[str, Any]:
    return {"HldgsRedRate": _ALL} if execution.all_units and side is Side.REDEMPTION else {}


def _one(values: set[Any], what: str) -> Any:
    if len(values) != 1:
        raise CannotWrite(f"a confirmation is of one {what}; {len(values)} were given", field=what)
    return next(iter(values))


def _switch(switch: SwitchExecution, *, amended: bool) -> Part:
    exchange = switch.exchange
    return {
        "AmdmntInd": amended,
        "OrdrDtTm": switch.ordered_at,
        "RcvdDtTm": switch.received_at,
        "DealRef": switch.deal_reference,
        "OrdrRef": switch.order_reference,
        "ClntRef": switch.client_reference,
        "InvstmtAcctDtls": {"AcctId": switch.account},
        "CshSttlmDt": switch.settlement_date,
        "RedLegDtls": [_leg(leg) | ({"HldgsRedRate": _ALL} if leg.all_units else {}) for leg in switch.out_legs],
        "SbcptLegDtls": [_leg(leg) for leg in switch.in_legs],
        "FXDtls": None
        if exchange is None
        else {
            "ToAmt": exchange.bought,
            "FrAmt": exchange.sold,
            "UnitCcy": exchange.unit,
            "QtdCcy": exchange.quoted,
            "XchgRate": exchange.rate,
        },
    }


def _leg(leg: Execution) -> dict[str, Any]:
    return {
        "LegId": leg.order_reference,
        "LegExctnId": leg.deal_reference,
        "FinInstrmDtls": instrument(leg.instrument),
        "UnitsNb": leg.units,
        "NetAmt": leg.net,
        "GrssAmt": leg.gross,
        "TradDtTm": on(leg.trade_date),
        "PricDtls": price(leg),
        "CumDvddInd": False,
        "TxOvrhd": overhead(leg.fees),
        "PhysDlvryInd": False,
    }
