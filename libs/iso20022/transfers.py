"""Transfers and price reports, from dataclasses to values (N-1, O-9, R-1)."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from libs.iso20022.errors import Fault, Reason, value_class
from libs.iso20022.orders import SIDES, names_of
from libs.iso20022.parts import code_of, date_of, date_or_moment, distributor_of, instrument_of, unread_of
from libs.iso20022.values import (
    Amount,
    MessageReference,
    Price,
    PriceFunction,
    PriceReport,
    Quantity,
    QuantityKind,
    TransferInstruction,
)

_TRANSFER_READ = frozenset(
    "trf_ref clnt_ref ctr_pty_ref reqd_trf_dt reqd_sttlm_dt trf_rsn fin_instrm_dtls qty own_acct_trf_ind".split()
)
_ALL = Decimal(100)


def transfer_of(message: MessageReference, header: Any, entry: Any, position: int, place: str) -> TransferInstruction:
    """One transfer of sese.001 (the account delivers) or sese.005 (the account receives)."""
    settlement = header.sttlm_dtls
    other = None
    if settlement is not None:
        other = settlement.trfee_regd_acct if hasattr(settlement, "trfee_regd_acct") else settlement.trfr_regd_acct
    requested = entry.reqd_trf_dt
    reason = entry.trf_rsn
    return TransferInstruction(
        message=message,
        position=position,
        side=SIDES[message.kind],
        transfer_reference=entry.trf_ref,
        client_reference=None if entry.clnt_ref is None else entry.clnt_ref.ref,
        counterparty_reference=None if entry.ctr_pty_ref is None else entry.ctr_pty_ref.ref,
        master_reference=header.mstr_ref,
        distributor=distributor_of(header.acct_dtls.intrmy_inf, "AcctDtls/IntrmyInf"),
        account=header.acct_dtls.acct_id,
        counter_account=None if other is None else other.id,
        instrument=instrument_of(entry.fin_instrm_dtls.id, f"{place}/FinInstrmDtls/Id"),
        quantity=_quantity(entry.qty, f"{place}/Qty"),
        own_account=entry.own_acct_trf_ind,
        reason=None if reason is None else (code_of(reason.cd) or reason.prtry.id),
        requested_transfer_date=None if requested is None else date_of(requested.dt, f"{place}/ReqdTrfDt/Dt"),
        requested_settlement_date=date_of(entry.reqd_sttlm_dt, f"{place}/ReqdSttlmDt"),
        unread=unread_of(entry, _TRANSFER_READ, names_of(entry)),
    )


def _quantity(choice: Any, place: str) -> Quantity:
    if choice.ttl_units_nb is not None:
        if choice.ttl_units_nb <= 0:
            raise Fault(
                Reason.QUANTITY, f"{place}/TtlUnitsNb", "must be above zero", value_class(str(choice.ttl_units_nb))
            )
        return Quantity(QuantityKind.UNITS, choice.ttl_units_nb)
    if choice.trf_rate != _ALL:
        raise Fault(Reason.QUANTITY, f"{place}/TrfRate", "only 100, all units, is taken")
    return Quantity(QuantityKind.ALL_UNITS)


def prices_of(message: MessageReference, header: Any, entry: Any, position: int, place: str) -> PriceReport:
    """The prices of one class and valuation date out of reda.001 (N-1)."""
    day = date_or_moment(entry.navdt_tm, f"{place}/NAVDtTm")
    if day is None:
        raise Fault(Reason.MISSING, f"{place}/NAVDtTm", "is required")
    isins = [each for each in entry.fin_instrm_dtls.id if each.isin is not None]
    chosen = (isins or entry.fin_instrm_dtls.id)[0]
    prices = tuple(
        _price(price, at, f"{place}/PricDtls[{number}]/ValInInvstmtCcy[{at + 1}]")
        for number, price in enumerate(entry.pric_dtls, 1)
        for at in range(len(price.val_in_invstmt_ccy))
    )
    if not prices and not entry.sspd_ind:
        raise Fault(Reason.MISSING, f"{place}/PricDtls", "is required unless the class is suspended")
    return PriceReport(
        message=message,
        position=position,
        report_id=header.pric_rpt_id,
        function=PriceFunction(header.fctn.value),
        cancelled_report=header.cxl_id,
        instrument=instrument_of(chosen, f"{place}/FinInstrmDtls/Id"),
        nav_date=day.date() if isinstance(day, datetime) else day,
        prices=prices,
        total_net_assets=tuple(Amount(each.value, each.ccy) for each in entry.ttl_nav),
        units_in_issue=None if entry.ttl_units_nb is None else entry.ttl_units_nb.unit,
        suspended=entry.sspd_ind,
        official=entry.offcl_valtn_ind,
    )


def _price(price: Any, at: int, place: str) -> Price:
    amount = price.val_in_invstmt_ccy[at].amt
    if amount.value <= 0:
        raise Fault(Reason.VALUE, place, "a price is above zero", value_class(str(amount.value)))
    return Price(
        kind=code_of(price.tp) or price.xtnded_tp or "NAVL",
        value=amount.value,
        currency=amount.ccy,
        estimated=price.estmtd_pric_ind,
        for_execution=price.for_exctn_ind,
    )
