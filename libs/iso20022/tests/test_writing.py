"""Every outgoing message of O-9 and A1 is its file, and is read back by its own dataclasses with the same amounts."""

import dataclasses
import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.iso20022 import writing
from libs.iso20022.building import read_back
from libs.iso20022.errors import CannotWrite
from libs.iso20022.outgoing import (
    Balance,
    ClassForecast,
    ConfirmationWithdrawal,
    CorrectionReason,
    Exchange,
    Execution,
    Fee,
    FeeKind,
    Heading,
    PriceCancellation,
    PriceKind,
    Statement,
    SwitchExecution,
    TransferConfirmation,
)
from libs.iso20022.reading import read_messages
from libs.iso20022.values import Amount, Identifier, MessageReference, Price, PriceFunction, PriceReport, Side

OUT = Path(__file__).resolve().parents[3] / "tests-e2e" / "data" / "messages" / "out"
HEAD = Heading("TA-2026-000001", datetime(2026, 3, 3, 10, 0, 0, 123456, tzinfo=UTC), "MSG-1")
A, B = Identifier("ISIN", "LU0123456781"), Identifier("ISIN", "LU0876543215")
RECEIVED = datetime(2026, 3, 2, 9, 15, tzinfo=UTC)


def eur(value: str) -> Amount:
    return Amount(Decimal(value), "EUR")


def usd(value: str) -> Amount:
    return Amount(Decimal(value), "USD")


# G1 a, G2 d, G3 of golden.md.
BOUGHT = Execution(
    "SUB-0001", "CLT-0001", "DEAL-0001", "ACC-0001", A, Decimal("70.5823"), eur("137.4281"), date(2026, 3, 2),
    date(2026, 3, 5), gross=eur("10000.00"), net=eur("9700.00"), settlement=eur("10000.00"),
    fees=(Fee(FeeKind.ENTRY, eur("300.00"), Decimal("3.00")),), received_at=RECEIVED, ordered_at=RECEIVED,
)  # fmt: skip
SOLD = Execution(
    "RED-0004", "CLT-0104", "DEAL-0002", "ACC-0001", A, Decimal("70.5823"), eur("141.2050"), date(2026, 3, 2),
    date(2026, 3, 5), gross=eur("9966.57"), net=eur("9866.90"), settlement=eur("9866.90"),
    fees=(Fee(FeeKind.EXIT, eur("99.67"), Decimal("1.00")),), all_units=True,
)  # fmt: skip
LEFT = Execution(
    "OUT", None, "DEAL-3-OUT", "ACC-0001", A, Decimal("100.0000"), eur("141.2050"), date(2026, 3, 2), date(2026, 3, 5),
    gross=eur("14120.50"), net=eur("14049.90"), settlement=eur("14049.90"),
    fees=(Fee(FeeKind.SWITCH, eur("70.60"), Decimal("0.50")),),
)  # fmt: skip
TAKEN = Execution(
    "IN", None, "DEAL-3-IN", "ACC-0001", B, Decimal("154.162"), usd("98.7654"), date(2026, 3, 3), date(2026, 3, 6),
    gross=usd("15225.88"), net=usd("15225.88"), settlement=usd("15225.88"), price_kind=PriceKind.SWUNG,
)  # fmt: skip
SWITCHED = SwitchExecution(
    "SWI-0001", "CLT-0401", "DEAL-0003", "ACC-0001", date(2026, 3, 6), (LEFT,), (TAKEN,),
    Exchange(eur("14049.90"), usd("15225.88"), "EUR", "USD", Decimal("1.0837")), received_at=RECEIVED,
)  # fmt: skip
NAV = PriceReport(
    MessageReference("reda.001", HEAD.message_id), 1, "NAV-1", PriceFunction.NEW, None, A, date(2026, 3, 2),
    (Price("NAVL", Decimal("137.4281"), "EUR"), Price("SWNG", Decimal("137.9091"), "EUR")),
    (eur("49800000.00"),), Decimal("362373.2635"),
)  # fmt: skip
CORRECTED = PriceReport(
    NAV.message,
    1,
    "NAV-2",
    PriceFunction.REPLACE,
    "CXL-1",
    A,
    date(2026, 3, 2),
    (Price("NAVL", Decimal("101.8746"), "EUR"),),
)
FORECAST = ClassForecast(
    "CF-1", A, date(2026, 3, 2), date(2026, 3, 5), eur("1188000.00"), eur("273800.00"), Decimal("8614.3699"),
    Decimal("2000.0000"), eur("137.9091"),
)  # fmt: skip
HOLDING = Balance(
    A, "Aurora European Equity Fund A-EUR", Decimal("34.1671"), Decimal("5.0000"), eur("75.1234"), date(2026, 3, 31),
    eur("2566.77"), eur("2380.59"),
)  # fmt: skip
DEALT = [ConfirmationWithdrawal("SUB-0001", "CLT-0001", "DEAL-0001", CorrectionReason.PRICE, "CXL-1")]


def moved(side: Side) -> bytes:
    return writing.transfer_confirmation(
        HEAD,
        [TransferConfirmation("TC-1", "TRF-1", "C-1", side, "ACC-0001", "ACC-0002", A, Decimal("20.0000"),
                              date(2026, 3, 4), own_account=False, cost=eur("1350.00"))],
    )  # fmt: skip


EXAMPLES: dict[str, Callable[[], bytes]] = {
    "setr.012": lambda: writing.confirmation(HEAD, Side.SUBSCRIPTION, [BOUGHT]),
    "setr.012-amended": lambda: writing.confirmation(HEAD, Side.SUBSCRIPTION, [BOUGHT], amended=True),
    "setr.006": lambda: writing.confirmation(HEAD, Side.REDEMPTION, [SOLD]),
    "setr.006-amended": lambda: writing.confirmation(HEAD, Side.REDEMPTION, [SOLD], amended=True),
    "setr.009": lambda: writing.bulk_confirmation(HEAD, Side.SUBSCRIPTION, [BOUGHT, BOUGHT]),
    "setr.003": lambda: writing.bulk_confirmation(HEAD, Side.REDEMPTION, [SOLD]),
    "setr.015": lambda: writing.switch_confirmation(HEAD, [SWITCHED]),
    "setr.015-amended": lambda: writing.switch_confirmation(HEAD, [SWITCHED], amended=True),
    "setr.047": lambda: writing.confirmation_withdrawal(HEAD, Side.SUBSCRIPTION, DEALT),
    "setr.051": lambda: writing.confirmation_withdrawal(HEAD, Side.REDEMPTION, DEALT),
    "setr.055": lambda: writing.confirmation_withdrawal(HEAD, Side.SWITCH, DEALT),
    "sese.003": lambda: moved(Side.TRANSFER_OUT),
    "sese.007": lambda: moved(Side.TRANSFER_IN),
    "reda.001": lambda: writing.price_report(HEAD, [NAV]),
    "reda.001-replaced": lambda: writing.price_report(HEAD, [CORRECTED]),
    "reda.002": lambda: writing.price_cancellation(HEAD, PriceCancellation("NAV-1", "CXL-1", "wrong rate")),
    "camt.040": lambda: writing.cash_forecast(HEAD, [FORECAST], confirmed=False),
    "camt.041": lambda: writing.cash_forecast(HEAD, [FORECAST], confirmed=True),
    "semt.002": lambda: writing.holdings_statement(HEAD, Statement("ST-1", "ACC-0001", date(2026, 3, 31), (HOLDING,))),
}


def amounts_in(model: Any) -> list[str]:
    """Every decimal that the dataclasses read, as it was spelled."""
    if isinstance(model, Decimal):
        return [str(model)]
    if isinstance(model, list):
        return [each for item in model for each in amounts_in(item)]
    if dataclasses.is_dataclass(model):
        return [each for item in vars(model).values() for each in amounts_in(item)]
    return []


@pytest.mark.parametrize("name", EXAMPLES)
def test_o9_an_outgoing_message_is_its_file_to_the_byte(name: str) -> None:
    assert EXAMPLES[name]().decode() == (OUT / f"{name}.xml").read_text()


@pytest.mark.parametrize("name", EXAMPLES)
def test_o9_an_outgoing_message_is_read_back_by_its_own_dataclasses(name: str) -> None:
    message = EXAMPLES[name]()
    spelled = re.findall(r">(\d+(?:\.\d+)?)<", re.sub(r"<PgNb>\d+", "<PgNb>", message.decode()))
    assert sorted(amounts_in(read_back(name[:8], message))) == sorted(spelled)


def test_o5_a_confirmation_has_the_amounts_of_the_deal() -> None:
    back = read_back("setr.012", EXAMPLES["setr.012-amended"]()).sbcpt_ordr_conf.mltpl_exctn_dtls
    deal = back.indv_exctn_dtls[0]
    assert back.amdmnt_ind is True
    assert (deal.units_nb, deal.grss_amt.value, deal.net_amt.value) == (
        BOUGHT.units,
        BOUGHT.gross.value,
        BOUGHT.net.value,
    )
    assert (deal.dealg_pric_dtls.val.amt.value, deal.sttlm_amt.ccy) == (Decimal("137.4281"), "EUR")
    assert deal.tx_ovrhd.indv_fee[0].apld_amt.value == Decimal("300.00")
    sold = read_back("setr.006", EXAMPLES["setr.006"]()).red_ordr_conf.mltpl_exctn_dtls.indv_exctn_dtls[0]
    assert (sold.sttlm_amt.value, sold.hldgs_red_rate) == (Decimal("9866.90"), Decimal(100))


def test_g3_a_switch_confirmation_has_both_legs_and_the_exchange() -> None:
    (back,) = read_back("setr.015", EXAMPLES["setr.015"]()).swtch_ordr_conf.swtch_exctn_dtls
    assert back.red_leg_dtls[0].units_nb == Decimal("100.0000")
    assert back.sbcpt_leg_dtls[0].units_nb == Decimal("154.162")
    assert (back.fxdtls[0].fr_amt.value, back.fxdtls[0].to_amt.value) == (Decimal("14049.90"), Decimal("15225.88"))
    assert back.sbcpt_leg_dtls[0].pric_dtls.tp.cd.value == "SWNG"


def test_n3_a_price_report_comes_back_as_the_same_value() -> None:
    for report in (NAV, CORRECTED):
        (back,) = read_messages([writing.price_report(HEAD, [report])])
        assert isinstance(back, PriceReport)
        assert (back.prices, back.total_net_assets, back.units_in_issue, back.function, back.cancelled_report) == (
            report.prices, report.total_net_assets, report.units_in_issue, report.function, report.cancelled_report,
        )  # fmt: skip


def test_o8_a_forecast_says_the_direction_of_the_net_cash() -> None:
    details = read_back("camt.041", EXAMPLES["camt.041"]()).fnd_confd_csh_fcst_rpt.fnd_csh_fcst_dtls[0]
    assert details.net_csh_fcst_dtls[0].net_amt.value == Decimal("914200.00")
    assert details.net_csh_fcst_dtls[0].flow_drctn.value == "INCG"
    out = ClassForecast("CF-2", A, date(2026, 3, 2), date(2026, 3, 5), eur("1.00"), eur("3.50"))
    estimated = read_back("camt.040", writing.cash_forecast(HEAD, [out], confirmed=False))
    (net,) = estimated.fnd_estmtd_csh_fcst_rpt.estmtd_fnd_csh_fcst_dtls[0].estmtd_net_csh_fcst_dtls
    assert (net.net_amt.value, net.flow_drctn.value) == (Decimal("2.50"), "OUTG")


def test_r4_a_statement_says_what_is_blocked() -> None:
    (balance,) = read_back("semt.002", EXAMPLES["semt.002"]()).scties_bal_ctdy_rpt.bal_for_acct
    assert balance.aggt_bal.qty.qty.qty.unit == Decimal("34.1671")
    assert balance.avlbl_bal.qty.qty.unit == Decimal("29.1671")
    assert balance.not_avlbl_bal.qty.unit == Decimal("5.0000")
    assert balance.instrm_ccy_amts.book_val.amt.value == Decimal("2380.59")


def test_a_message_that_breaks_its_schema_is_not_written() -> None:
    long = Heading("X" * 36, HEAD.created_at)
    with pytest.raises(CannotWrite, match="MsgId/Id is longer than 35 characters"):
        writing.confirmation(long, Side.SUBSCRIPTION, [BOUGHT])
    other = Execution(**{name: getattr(BOUGHT, name) for name in BOUGHT.__slots__} | {"account": "ACC-0002"})
    with pytest.raises(CannotWrite, match="one account"):
        writing.confirmation(HEAD, Side.SUBSCRIPTION, [BOUGHT, other])


@given(
    units=st.decimals("0.0001", "99999999999.9999", places=4),
    amount=st.decimals("0.01", "9999999999999.99", places=2),
    reference=st.text(
        st.characters(min_codepoint=33, max_codepoint=0x2FFF, categories=["L", "N", "P"]), min_size=1, max_size=35
    ),
)
@settings(deadline=None, max_examples=60)
def test_any_amounts_and_references_come_back_as_they_were(units: Decimal, amount: Decimal, reference: str) -> None:
    money = Amount(amount, "EUR")
    deal = Execution(
        reference,
        reference,
        "D-1",
        "ACC-1",
        A,
        units,
        eur("1.00"),
        date(2026, 3, 2),
        date(2026, 3, 5),
        money,
        money,
        money,
    )
    message = writing.confirmation(HEAD, Side.SUBSCRIPTION, [deal])
    back = read_back("setr.012", message).sbcpt_ordr_conf.mltpl_exctn_dtls.indv_exctn_dtls[0]
    assert (back.units_nb, back.sttlm_amt.value, back.ordr_ref, back.clnt_ref) == (units, amount, reference, reference)
    assert message == writing.confirmation(HEAD, Side.SUBSCRIPTION, [deal])
