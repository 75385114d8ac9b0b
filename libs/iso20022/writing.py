"""Writing messages: frozen values to the bytes of a message, the same bytes for the same values (TA-O-9, A1).

Nothing here reads a clock or makes an id: `Heading` brings both. Each function raises CannotWrite where a value breaks
the schema of its message.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from libs.iso20022.building import Part, render
from libs.iso20022.confirming import bulk_confirmation as bulk_confirmation
from libs.iso20022.confirming import confirmation as confirmation
from libs.iso20022.confirming import confirmation_withdrawal as confirmation_withdrawal
from libs.iso20022.confirming import switch_confirmation as switch_confirmation
from libs.iso20022.errors import CannotWrite
from libs.iso20022.fragments import first_page, fund_instrument, heading, instrument, on, related, units
from libs.iso20022.outgoing import (
    Balance,
    ClassForecast,
    Heading,
    PriceCancellation,
    Statement,
    TransferConfirmation,
)
from libs.iso20022.statuses import cancellation_statuses as cancellation_statuses
from libs.iso20022.statuses import order_statuses as order_statuses
from libs.iso20022.statuses import transfer_status as transfer_status
from libs.iso20022.values import Amount, Price, PriceReport, Side


def transfer_confirmation(head: Heading, confirmations: Sequence[TransferConfirmation]) -> bytes:
    """`sese.003` (out) or `sese.007` (in): transfers of one account, side and counter-account."""
    ends = {(each.side, each.account, each.counter_account) for each in confirmations}
    if len(ends) != 1:
        raise CannotWrite(
            f"a confirmation is of one side and pair of accounts; {len(ends)} were given", field="AcctDtls"
        )
    side, account, counter = ends.pop()
    out = side is Side.TRANSFER_OUT
    other = {"TrfeeRegdAcct" if out else "TrfrRegdAcct": {"Id": counter}}
    body = {
        "MsgId": heading(head),
        "RltdRef": related(head),
        "TrfDtls": [_transfer(each) for each in confirmations],
        "AcctDtls": {"AcctId": account},
        "SttlmDtls": None if counter is None else other,
    }
    return render("sese.003" if out else "sese.007", body)


def _transfer(transfer: TransferConfirmation) -> Part:
    client = transfer.client_reference
    return {
        "TrfConfRef": transfer.confirmation_reference,
        "TrfRef": transfer.transfer_reference,
        "ClntRef": None if client is None else {"Ref": client},
        "FctvTrfDt": on(transfer.effective_date),
        "FinInstrmDtls": instrument(transfer.instrument),
        "TtlUnitsNb": transfer.units,
        "OrgnlCost": transfer.cost,
        "OwnAcctTrfInd": transfer.own_account,
    }


def price_report(head: Heading, reports: Sequence[PriceReport]) -> bytes:
    """`reda.001`: the prices of classes under one report; `REPL` names the report that it replaces (N-3)."""
    keys = {(each.report_id, each.function, each.cancelled_report) for each in reports}
    if len(keys) != 1:
        raise CannotWrite(f"a message is one price report; {len(keys)} were given", field="PricRptId")
    report_id, function, cancelled = keys.pop()
    body = {
        "MsgId": heading(head),
        "RltdRef": related(head),
        "MsgPgntn": first_page(),
        "PricRptId": report_id,
        "Fctn": function,
        "CxlId": cancelled,
        "PricValtnDtls": [_valuation(each) for each in reports],
    }
    return render("reda.001", body)


def _valuation(report: PriceReport) -> Part:
    return {
        "NAVDtTm": on(report.nav_date),
        "FinInstrmDtls": fund_instrument(report.instrument),
        "TtlNAV": list(report.total_net_assets),
        "TtlUnitsNb": units(report.units_in_issue),
        "ValtnTp": "USUA",
        "OffclValtnInd": report.official,
        "SspdInd": report.suspended,
        "PricDtls": [_price(each) for each in report.prices],
    }


def _price(price: Price) -> Part:
    return {
        "Tp": price.kind,
        "PricMtd": "FORW",
        "ValInInvstmtCcy": [{"Amt": Amount(price.value, price.currency)}],
        "ForExctnInd": price.for_execution,
        "CumDvddInd": False,
        "EstmtdPricInd": price.estimated,
    }


def price_cancellation(head: Heading, cancellation: PriceCancellation) -> bytes:
    """`reda.002`: a published price report does not hold, as a whole (N-3)."""
    body = {
        "MsgId": heading(head),
        "MsgPgntn": first_page(),
        "PricRptId": cancellation.report_id,
        "CxlId": cancellation.cancellation_id,
        "CxlRsn": cancellation.reason,
        "XpctdPricCrrctnDt": on(cancellation.expected_correction),
        "CmpltPricCxl": True,
    }
    return render("reda.002", body)


def cash_forecast(head: Heading, forecasts: Sequence[ClassForecast], *, confirmed: bool) -> bytes:
    """`camt.040` before pricing, `camt.041` after: cash in and out of each class (O-8)."""
    name, prefix = ("FndCshFcstDtls", "") if confirmed else ("EstmtdFndCshFcstDtls", "Estmtd")
    related_part = related(head)
    body = {
        "MsgId": heading(head),
        "RltdRef": [] if related_part is None else [related_part],
        "MsgPgntn": first_page(),
        name: [_forecast(each, prefix) for each in forecasts],
    }
    return render("camt.041" if confirmed else "camt.040", body)


def _forecast(forecast: ClassForecast, prefix: str) -> Part:
    net = forecast.cash_in.value - forecast.cash_out.value
    if forecast.cash_in.currency != forecast.cash_out.currency:
        raise CannotWrite("cash in and out of a class are in one currency", field="CshInFcstDtls")
    priced = forecast.price

    def flow(amount: Amount, number: Any) -> Part:
        return {"CshSttlmDt": forecast.settlement_date, "SubTtlAmt": amount, "SubTtlUnitsNb": units(number)}

    return {
        "Id": forecast.forecast_id,
        "TradDtTm": on(forecast.trade_date),
        "FinInstrmDtls": fund_instrument(forecast.instrument),
        "XcptnlNetCshFlowInd": forecast.exceptional,
        "Pric": None if priced is None else {"PricTp": {"Cd": "NAVL"}, "Val": {"Amt": priced}},
        f"{prefix}CshInFcstDtls": [flow(forecast.cash_in, forecast.units_in)],
        f"{prefix}CshOutFcstDtls": [flow(forecast.cash_out, forecast.units_out)],
        f"{prefix}NetCshFcstDtls": [
            {
                "CshSttlmDt": forecast.settlement_date,
                "NetAmt": Amount(abs(net), forecast.cash_in.currency),
                "FlowDrctn": "INCG" if net >= 0 else "OUTG",
            }
        ],
    }


def holdings_statement(head: Heading, statement: Statement) -> bytes:
    """`semt.002`: the balances of one account; semt has no MsgId, so `QryRef` carries it."""
    body = {
        "Pgntn": {"PgNb": str(statement.page), "LastPgInd": statement.last_page},
        "StmtGnlDtls": {
            "QryRef": head.message_id,
            "StmtId": statement.statement_id,
            "StmtDtTm": on(statement.as_of),
            "Frqcy": {"Cd": statement.frequency},
            "UpdTp": {"Cd": "COMP"},
            "StmtBsis": {"Cd": "SETT" if statement.by_settlement else "TRAD"},
            "ActvtyInd": bool(statement.balances),
            "SubAcctInd": False,
        },
        "SfkpgAcct": {"Id": statement.account},
        "BalForAcct": [_balance(each) for each in statement.balances],
    }
    return render("semt.002", body)


def _balance(balance: Balance) -> Part:
    scheme = balance.instrument.scheme
    other = [{"Id": balance.instrument.value, "Tp": {"Prtry": scheme}}]
    identification: Part = {"ISIN": balance.instrument.value} if scheme == "ISIN" else {"OthrId": other}
    price = None
    if balance.price is not None:
        price = [
            {
                "Tp": {"Cd": "NAVL"},
                "Val": {"Amt": balance.price},
                "ValTp": {"Yldd": False},
                "QtnDt": on(balance.price_date),
            }
        ]
    amounts = {"HldgVal": _signed(balance.value), "BookVal": _signed(balance.cost)}
    return {
        "FinInstrmId": {**identification, "Desc": balance.name},
        "AggtBal": {"ShrtLngInd": "LONG", "Qty": {"Qty": {"Qty": {"Unit": balance.units}}}},
        "AvlblBal": {"Qty": {"Qty": {"Unit": balance.units - balance.blocked}}},
        "NotAvlblBal": {"Qty": {"Unit": balance.blocked}} if balance.blocked else None,
        "PricDtls": price,
        "InstrmCcyAmts": amounts if any(amounts.values()) else None,
    }


def _signed(amount: Amount | None) -> Part | None:
    if amount is None:
        return None
    return {"Amt": Amount(abs(amount.value), amount.currency), "Sgn": amount.value >= 0}
