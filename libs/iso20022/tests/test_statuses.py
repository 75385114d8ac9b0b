"""Statuses and refusals in the codes of golden.md A1, each read back by its own dataclasses."""

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from libs.iso20022 import writing
from libs.iso20022.building import read_back
from libs.iso20022.errors import CannotWrite
from libs.iso20022.outgoing import (
    CancellationAnswer,
    CancellationStatus,
    Heading,
    OrderStatus,
    Refusal,
    Status,
    TransferRefusal,
    TransferState,
    TransferStatus,
)
from libs.iso20022.values import Amount

OUT = Path(__file__).resolve().parents[3] / "tests-e2e" / "data" / "messages" / "out"
HEAD = Heading("TA-2026-000002", datetime(2026, 3, 2, 9, 16, tzinfo=UTC), "MSG-SETR010-1")
ACCEPTED = OrderStatus("SUB-0001", "CLT-0001", Status.ACCEPTED)
REFUSED = OrderStatus("SUB-0009", "CLT-0009", Status.REFUSED, reasons=(Refusal.CLASS_UNKNOWN, Refusal.CLASS_SUSPENDED))
GATED = OrderStatus(
    "RED-0001", "CLT-0101", Status.PARTLY_EXECUTED, deal_reference="DEAL-7", expected_trade_date=date(2026, 3, 9),
    gated=Amount(Decimal("1390214.30"), "EUR"),
)  # fmt: skip


def told(status: OrderStatus) -> Any:
    report = read_back("setr.016", writing.order_statuses(HEAD, [status])).ordr_instr_sts_rpt.sts_rpt
    (one,) = report.swtch_ordr_dtls_rpt if status.switch else report.indv_ordr_dtls_rpt
    return one


@pytest.mark.parametrize("status", [Status.RECEIVED, Status.ACCEPTED, Status.CONFIRMED, Status.SETTLED])
def test_a1_plain_statuses_are_codes(status: Status) -> None:
    assert told(OrderStatus("SUB-1", None, status)).ordr_sts.sts.value == status.value


def test_a1_an_order_that_waits_for_money_is_conditionally_accepted() -> None:
    (reason,) = told(OrderStatus("SUB-1", None, Status.AWAITING_MONEY)).ordr_sts.condly_accptd.rsn_dtls
    assert reason.rsn.cd.value == "AWSM"


@pytest.mark.parametrize("switch", [False, True])
@pytest.mark.parametrize(
    ("refusal", "code"),
    [
        (Refusal.CLASS_UNKNOWN, "DSEC"), (Refusal.CLASS_CLOSED, "CLOS"), (Refusal.ACCOUNT_UNKNOWN, "SAFE"),
        (Refusal.DOCUMENTS_MISSING, "DOCC"), (Refusal.BELOW_MINIMUM, "BMIN"),
        (Refusal.BELOW_MINIMUM_REDEMPTION, "BMRA"), (Refusal.REST_BELOW_MINIMUM, "BMRV"), (Refusal.DUPLICATE, "ORRF"),
        (Refusal.QUANTITY, "DQUA"), (Refusal.ACCOUNT_BLOCKED, "BLCA"), (Refusal.AFTER_CUT_OFF, "CUTO"),
        (Refusal.CURRENCY, "UDCY"),
    ],
)  # fmt: skip
def test_a1_a_refusal_has_its_iso_code(refusal: Refusal, code: str, switch: bool) -> None:
    (rejected,) = told(OrderStatus("SUB-1", "C-1", Status.REFUSED, reasons=(refusal,), switch=switch)).ordr_sts.rjctd
    assert rejected.rsn.cd.value == code


@pytest.mark.parametrize("refusal", [Refusal.CLASS_SUSPENDED, Refusal.INVESTOR_INELIGIBLE, Refusal.MESSAGE_INVALID])
def test_a1_a_suspended_class_and_an_ineligible_investor_are_proprietary_reasons(refusal: Refusal) -> None:
    (rejected,) = told(OrderStatus("SUB-1", "C-1", Status.REFUSED, reasons=(refusal,))).ordr_sts.rjctd
    assert (rejected.rsn.cd, rejected.rsn.prtry.id) == (None, refusal.value)


def test_a1_a_held_order_is_suspended_for_the_price() -> None:
    (reason,) = told(OrderStatus("SUB-1", None, Status.HELD)).ordr_sts.sspd.rsn_dtls
    assert reason.rsn.cd.value == "PRIC"


def test_o6_a_gated_order_is_partly_settled_and_says_what_is_held_back() -> None:
    one = told(GATED)
    assert one.ordr_sts.prtly_sttld.rsn.cd.value == "GATM"
    assert one.gtg_or_hld_bck_dtls.tp.value == "GATE"
    assert one.gtg_or_hld_bck_dtls.amt.value == Decimal("1390214.30")
    assert one.new_dtls.xpctd_trad_dt_tm.dt.to_date() == date(2026, 3, 9)


@pytest.mark.parametrize(("own", "code"), [(True, "CANP"), (False, "CANO")])
def test_o3_a_cancelled_order_says_by_whom(own: bool, code: str) -> None:
    status = OrderStatus("SUB-1", None, Status.CANCELLED, by_instructing_party=own)
    assert told(status).ordr_sts.canc.rsn.cd.value == code


@pytest.mark.parametrize("answer", CancellationAnswer)
def test_a1_a_cancellation_request_is_answered(answer: CancellationAnswer) -> None:
    message = writing.cancellation_statuses(HEAD, [CancellationStatus("SUB-1", "C-1", "X-1", answer)])
    (one,) = read_back("setr.017", message).ordr_cxl_sts_rpt.sts_rpt.indv_cxl_sts_rpt
    refused = answer in (CancellationAnswer.TOO_LATE, CancellationAnswer.NOT_ALLOWED)
    code = one.cxl_sts.rjctd.rsn.cd if refused else one.cxl_sts.sts
    assert code.value == answer.value
    assert one.cxl_ref == "X-1"


@pytest.mark.parametrize("state", TransferState)
def test_a1_a_transfer_has_a_status(state: TransferState) -> None:
    status = TransferStatus("TRF-1", "C-1", state, TransferRefusal.QUANTITY, "X-1")
    told_of = read_back("sese.011", writing.transfer_status(HEAD, status)).trf_instr_sts_rpt.sts_rpt.trf_sts
    match state:
        case TransferState.REFUSED:
            assert told_of.rjctd[0].rsn.cd.value == "DQUA"
        case TransferState.CANCELLED:
            assert told_of.canc.rsn.value == "CNCL"
        case plain:
            assert told_of.sts.sts.value == plain.value


@pytest.mark.parametrize("refusal", TransferRefusal)
def test_a1_a_refused_transfer_has_its_code(refusal: TransferRefusal) -> None:
    status = TransferStatus("TRF-1", None, TransferState.REFUSED, refusal)
    (rejected,) = read_back("sese.011", writing.transfer_status(HEAD, status)).trf_instr_sts_rpt.sts_rpt.trf_sts.rjctd
    assert rejected.rsn.cd.value == refusal.value


def test_a_refusal_without_a_reason_and_a_mixed_report_are_not_written() -> None:
    with pytest.raises(CannotWrite, match="a refusal has a reason"):
        writing.order_statuses(HEAD, [OrderStatus("SUB-1", None, Status.REFUSED)])
    with pytest.raises(CannotWrite, match="not both"):
        writing.order_statuses(HEAD, [REFUSED, OrderStatus("SWI-1", None, Status.RECEIVED, switch=True)])
    with pytest.raises(CannotWrite, match="a refusal has a reason"):
        writing.transfer_status(HEAD, TransferStatus("TRF-1", None, TransferState.REFUSED))


EXAMPLES = {
    "setr.016": lambda: writing.order_statuses(HEAD, [ACCEPTED, REFUSED, GATED]),
    "setr.017": lambda: writing.cancellation_statuses(
        HEAD, [CancellationStatus("SUB-0003", "CLT-0003", "CXL-SUB-0003", CancellationAnswer.TOO_LATE)]
    ),
    "sese.011": lambda: writing.transfer_status(HEAD, TransferStatus("TRF-0001", "CLT-0501", TransferState.SETTLED)),
}  # fmt: skip


@pytest.mark.parametrize("name", EXAMPLES)
def test_o9_a_status_report_is_its_file_to_the_byte(name: str) -> None:
    assert EXAMPLES[name]().decode() == (OUT / f"{name}.xml").read_text()
