"""Orders, switches and their cancellations, from dataclasses to values (O-1, O-5, O-9)."""

from __future__ import annotations

import dataclasses
from typing import Any

from libs.iso20022.errors import Fault, Reason
from libs.iso20022.parts import (
    amount_of,
    cash_account_of,
    code_of,
    date_of,
    date_or_moment,
    distributor_of,
    instrument_of,
    moment_of,
    quantity_of,
    unread_of,
)
from libs.iso20022.schema import fields_of
from libs.iso20022.values import (
    CancellationRequest,
    MessageReference,
    OrderInstruction,
    Quantity,
    QuantityKind,
    Side,
    SwitchInstruction,
    SwitchLeg,
)

SIDES = {
    "setr.001": Side.REDEMPTION,
    "setr.002": Side.REDEMPTION,
    "setr.004": Side.REDEMPTION,
    "setr.005": Side.REDEMPTION,
    "setr.007": Side.SUBSCRIPTION,
    "setr.008": Side.SUBSCRIPTION,
    "setr.010": Side.SUBSCRIPTION,
    "setr.011": Side.SUBSCRIPTION,
    "setr.013": Side.SWITCH,
    "setr.014": Side.SWITCH,
    "sese.001": Side.TRANSFER_OUT,
    "sese.002": Side.TRANSFER_OUT,
    "sese.005": Side.TRANSFER_IN,
    "sese.006": Side.TRANSFER_IN,
}

_ORDER_READ = frozenset(
    "ordr_ref clnt_ref fin_instrm_dtls sub_acct_for_hldg amt_or_units amt_or_units_or_pctg sttlm_amt csh_sttlm_dt"
    " incm_pref phys_dlvry_ind reqd_sttlm_ccy reqd_navccy csh_sttlm_dtls rltd_pty_dtls invstmt_acct_dtls"
    " bnfcry_dtls".split()
)
_SWITCH_READ = frozenset(
    "mstr_ref ordr_dt_tm ordr_ref clnt_ref invstmt_acct_dtls rltd_pty_dtls reqd_futr_trad_dt csh_sttlm_dt xpry_dt_tm"
    " red_leg_dtls sbcpt_leg_dtls".split()
)


def names_of(model: Any) -> dict[str, str]:
    """XML names by attribute."""
    return {field.attribute: field.name for field in fields_of(type(model)).values()}


def order_of(message: MessageReference, header: Any, entry: Any, position: int, place: str) -> OrderInstruction:
    """One order of setr.010, .004 (one account, many classes) or setr.007, .001 (one class, many accounts)."""
    several = getattr(header, "mltpl_ordr_dtls", None)
    group = several if several is not None else header.blk_ordr_dtls
    account = group.invstmt_acct_dtls if several is not None else entry.invstmt_acct_dtls
    instrument = entry.fin_instrm_dtls if several is not None else group.fin_instrm_dtls
    quantity_name = "AmtOrUnits" if hasattr(entry, "amt_or_units") else "AmtOrUnitsOrPctg"
    quantity = entry.amt_or_units if hasattr(entry, "amt_or_units") else entry.amt_or_units_or_pctg
    if entry.phys_dlvry_ind:
        raise Fault(Reason.UNSUPPORTED, f"{place}/PhysDlvryInd", "certificates are not delivered")
    sub_account = account.sub_acct_dtls or getattr(entry, "sub_acct_for_hldg", None)
    return OrderInstruction(
        message=message,
        position=position,
        side=SIDES[message.kind],
        order_reference=entry.ordr_ref,
        client_reference=entry.clnt_ref,
        master_reference=group.mstr_ref,
        distributor=distributor_of(entry.rltd_pty_dtls, f"{place}/RltdPtyDtls"),
        account=account.acct_id,
        sub_account=None if sub_account is None else sub_account.id,
        instrument=instrument_of(instrument.id, f"{place}/FinInstrmDtls/Id"),
        quantity=quantity_of(quantity, f"{place}/{quantity_name}"),
        settlement_currency=getattr(entry, "reqd_sttlm_ccy", None),
        nav_currency=getattr(entry, "reqd_navccy", None),
        requested_trade_date=date_of(group.reqd_futr_trad_dt, "ReqdFutrTradDt"),
        settlement_date=date_of(entry.csh_sttlm_dt, f"{place}/CshSttlmDt"),
        ordered_at=moment_of(group.ordr_dt_tm, "OrdrDtTm"),
        expires=date_or_moment(group.xpry_dt_tm, "XpryDtTm"),
        settlement_amount=amount_of(entry.sttlm_amt),
        cash_account=cash_account_of(entry.csh_sttlm_dtls),
        income_preference=code_of(entry.incm_pref),
        unread=unread_of(entry, _ORDER_READ, names_of(entry)),
    )


def with_bulk_terms(order: OrderInstruction, header: Any) -> OrderInstruction:
    """A bulk order with the currencies and the cash account that its message states after all orders."""
    group = header.blk_ordr_dtls
    return dataclasses.replace(
        order,
        settlement_currency=group.reqd_sttlm_ccy,
        nav_currency=group.reqd_navccy,
        cash_account=order.cash_account or cash_account_of(group.blk_csh_sttlm_dtls),
    )


def switch_of(message: MessageReference, entry: Any, position: int, place: str) -> SwitchInstruction:
    """One switch of setr.013; the account stands at the switch or at every leg, and is one."""
    out_legs = tuple(_leg(leg, f"{place}/RedLegDtls[{at}]") for at, leg in enumerate(entry.red_leg_dtls, 1))
    in_legs = tuple(_leg(leg, f"{place}/SbcptLegDtls[{at}]") for at, leg in enumerate(entry.sbcpt_leg_dtls, 1))
    whole = entry.invstmt_acct_dtls
    accounts = {leg.account for leg in (*out_legs, *in_legs) if leg.account is not None}
    if whole is not None:
        accounts.add(whole.acct_id)
    if len(accounts) != 1:
        detail = "names no account" if not accounts else "names several accounts; that is a transfer, not a switch"
        raise Fault(Reason.UNSUPPORTED, f"{place}/InvstmtAcctDtls", detail)
    return SwitchInstruction(
        message=message,
        position=position,
        order_reference=entry.ordr_ref,
        client_reference=entry.clnt_ref,
        master_reference=entry.mstr_ref,
        distributor=distributor_of(entry.rltd_pty_dtls, f"{place}/RltdPtyDtls"),
        account=accounts.pop(),
        out_legs=out_legs,
        in_legs=in_legs,
        requested_trade_date=date_of(entry.reqd_futr_trad_dt, f"{place}/ReqdFutrTradDt"),
        settlement_date=date_of(entry.csh_sttlm_dt, f"{place}/CshSttlmDt"),
        ordered_at=moment_of(entry.ordr_dt_tm, f"{place}/OrdrDtTm"),
        expires=date_or_moment(entry.xpry_dt_tm, f"{place}/XpryDtTm"),
        unread=unread_of(entry, _SWITCH_READ, names_of(entry)),
    )


def _leg(leg: Any, place: str) -> SwitchLeg:
    if leg.phys_dlvry_ind:
        raise Fault(Reason.UNSUPPORTED, f"{place}/PhysDlvryInd", "certificates are not delivered")
    out = hasattr(leg, "grp1_or2_units")
    if leg.fin_instrm_qty_chc is None:
        if out:
            raise Fault(Reason.QUANTITY, f"{place}/FinInstrmQtyChc", "the out leg says how much")
        quantity = Quantity(QuantityKind.ALL_PROCEEDS)
    else:
        quantity = quantity_of(leg.fin_instrm_qty_chc, f"{place}/FinInstrmQtyChc")
    account = leg.invstmt_acct_dtls
    return SwitchLeg(
        leg_id=leg.leg_id,
        account=None if account is None else account.acct_id,
        instrument=instrument_of(leg.fin_instrm_dtls.id, f"{place}/FinInstrmDtls/Id"),
        quantity=quantity,
    )


def cancellation_of(message: MessageReference, header: Any, entry: Any, position: int) -> CancellationRequest:
    """One reference of setr.011, .005, .008, .002, .014 or sese.002, .006."""
    transfer = hasattr(entry, "trf_ref")
    client = entry.clnt_ref.ref if transfer and entry.clnt_ref is not None else entry.clnt_ref
    reason = entry.cxl_rsn
    if reason is not None and not transfer:
        reason = reason.cd if reason.cd is not None else reason.prtry.id
    return CancellationRequest(
        message=message,
        position=position,
        side=SIDES[message.kind],
        order_reference=entry.trf_ref if transfer else entry.ordr_ref,
        client_reference=client,
        cancellation_reference=entry.cxl_ref,
        master_reference=header.mstr_ref,
        original_message=None if header.prvs_ref is None else header.prvs_ref.ref,
        reason=reason,
    )
