"""Contract notes and statements: every figure stands, the bytes repeat, names of any script and length fit."""

import dataclasses
import hashlib
import os
import subprocess
import sys
from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pypdf import PdfReader

from libs.documents import fonts
from libs.documents.contract_note import contract_note
from libs.documents.paper import day, figure, moment, raw_figure
from libs.documents.statement import holdings_statement
from libs.documents.values import (
    ContractNote,
    DealLeg,
    ExchangeLine,
    FeeLine,
    HoldingLine,
    HoldingsStatement,
    Letterhead,
)

ROOT = Path(__file__).resolve().parents[3]
FROM = Letterhead(
    "Meridian Transfer Agency S.A.", ("12, boulevard Royal", "L-2449 Luxembourg"), "R.C.S. Luxembourg B 1"
)
# G1 a of golden.md.
BOUGHT = DealLeg(
    "Subscription", "Aurora European Equity Fund", "Class A-EUR", "LU0123456781", "EUR", "10,000.00 EUR, gross amount",
    Decimal("137.4281"), date(2026, 3, 2), gross=Decimal("10000.00"), net=Decimal("9700.00"), units=Decimal("70.5823"),
    settlement=Decimal("10000.00"), settlement_label="Amount payable",
    fees=(FeeLine("Entry fee", Decimal("300.00"), Decimal("3.00"), "of the gross amount"),),
    units_raw=Decimal("70.58236270"), rounding="rounded down to 4 decimals", units_value=Decimal("9699.99138263"),
    residual=Decimal("0.00861737"),
)  # fmt: skip
NOTE = ContractNote(
    FROM, ("Ms Ελένη Παπαδοπούλου", "4, rue de l’Église", "L-1458 Luxembourg"), "Subscription", "CN-2026-000123",
    date(2026, 3, 3), "ACC-0001", "SUB-0001", "CLT-0001", "DEAL-0001", "DIST-01",
    datetime(2026, 3, 2, 9, 15, 0, 123000, tzinfo=UTC), date(2026, 3, 2), date(2026, 3, 5), (BOUGHT,),
    remarks=("Please check this note.",),
)  # fmt: skip
# G3 of golden.md.
LEFT = DealLeg(
    "Out: redemption", "Fund A", "Class A-EUR", "LU0123456781", "EUR", "100.0000 units", Decimal("141.2050"),
    date(2026, 3, 2), gross=Decimal("14120.50"), net=Decimal("14049.90"), units=Decimal("100.0000"),
    settlement=Decimal("14049.90"), settlement_label="Amount switched",
    fees=(FeeLine("Switch fee", Decimal("70.60"), Decimal("0.50"), "of the gross amount"),),
)  # fmt: skip
TAKEN = DealLeg(
    "In: subscription", "Fund B", "Class B-USD", "LU0876543215", "USD", "all proceeds", Decimal("98.7654"),
    date(2026, 3, 3), gross=Decimal("15225.88"), net=Decimal("15225.88"), units=Decimal("154.162"),
    settlement=Decimal("15225.88"), settlement_label="Amount invested", units_raw=Decimal("154.1620851011"),
    rounding="rounded down to 3 decimals", residual=Decimal("0.0084052"),
)  # fmt: skip
RATE = ExchangeLine(Decimal("14049.90"), "EUR", Decimal("15225.88"), "USD", Decimal("1.0837"), "Rate, bid")
HELD = HoldingLine(
    "Aurora European Equity Fund", "Class A-EUR", "LU0123456781", Decimal("34.1671"), "EUR", Decimal("5.0000"),
    Decimal("75.1234"), date(2026, 3, 31), Decimal("2566.77"), Decimal("2380.59"),
)  # fmt: skip
STATEMENT = HoldingsStatement(
    FROM, ("Jean Exemple",), "ST-2026-0042", date(2026, 4, 1), "ACC-0001", date(2026, 3, 31), "valuation date", (HELD,),
    (("EUR", Decimal("2566.77")),),
)  # fmt: skip


def pages(pdf: bytes) -> list[str]:
    return [page.extract_text() for page in PdfReader(BytesIO(pdf)).pages]


def test_o5_the_note_shows_every_step_of_the_price() -> None:
    (text,) = pages(contract_note(NOTE))
    for step in (
        "Order 10,000.00 EUR, gross amount", "Gross amount 10,000.00 EUR", "−300.00 EUR", "3.00 % of the gross amount",
        "Net amount 9,700.00 EUR", "137.4281 EUR", "70.58236270 units", "rounded down to 4 decimals 70.5823 units",
        "9,699.99138263 EUR", "stays in the fund 0.00861737 EUR", "Amount payable 10,000.00 EUR", "LU0123456781",
        "SUB-0001", "CLT-0001", "DEAL-0001", "DIST-01", "ACC-0001", "CN-2026-000123", "2 March 2026, 09:15:00.123 UTC",
        "5 March 2026", "Page 1 of 1",
    ):  # fmt: skip
        assert step in text, step
    assert text.index("Gross amount") < text.index("Entry fee") < text.index("Net amount") < text.index("Residual")


def test_g1_an_order_by_net_amount_is_reckoned_from_net_to_gross() -> None:
    leg = dataclasses.replace(BOUGHT, gross_first=False, net=Decimal("10000.00"), gross=Decimal("10300.00"))
    (text,) = pages(contract_note(dataclasses.replace(NOTE, legs=(leg,))))
    assert text.index("Net amount 10,000.00") < text.index("+300.00") < text.index("Gross amount 10,300.00")


def test_g3_a_switch_has_both_legs_and_the_exchange_between_them() -> None:
    switch = dataclasses.replace(NOTE, kind="Switch", legs=(LEFT, TAKEN), exchange=RATE, corrects="CN-2026-000100")
    text = "\n".join(pages(contract_note(switch)))
    assert text.index("Out: redemption") < text.index("1.0837 USD") < text.index("In: subscription")
    assert "154.16208510… units" in text
    assert "replaces contract note CN-2026-000100" in text


def test_o6_g4_what_a_gate_carries_and_the_price_before_a_swing_are_shown() -> None:
    leg = dataclasses.replace(
        BOUGHT, carried_units=Decimal("13563.0663"), unswung_price=Decimal("137.4281"), price=Decimal("137.9091")
    )
    (text,) = pages(contract_note(dataclasses.replace(NOTE, legs=(leg,))))
    assert "redemption gate 13,563.0663 units" in text
    assert text.index("137.4281") < text.index("137.9091")


def test_the_same_values_give_the_same_bytes_in_any_process() -> None:
    code = (
        "import sys, hashlib, importlib.util as u; s = u.spec_from_file_location('d', sys.argv[1]);"
        "d = u.module_from_spec(s); s.loader.exec_module(d);"
        "print(hashlib.sha256(d.contract_note(d.NOTE) + d.holdings_statement(d.STATEMENT)).hexdigest())"
    )
    env = {**os.environ, "PYTHONHASHSEED": "7", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", code, __file__]
    other = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, env=env).stdout.strip()
    own = contract_note(NOTE)
    assert own == contract_note(NOTE)
    assert hashlib.sha256(own + holdings_statement(STATEMENT)).hexdigest() == other


def test_nothing_of_the_clock_is_in_a_document() -> None:
    info = PdfReader(BytesIO(contract_note(NOTE))).metadata
    assert info is not None
    assert info.creation_date == datetime(2026, 3, 3, tzinfo=UTC)
    assert info.modification_date is None


def test_a_document_is_a4_and_all_its_fonts_are_embedded() -> None:
    note = dataclasses.replace(NOTE, recipient=("السيد محمد بن عبد الله", "יעל כהן-לוי", "Кузнецова Ştefănescu"))
    page: Any = PdfReader(BytesIO(contract_note(note))).pages[0]
    assert (round(page.mediabox.width), round(page.mediabox.height)) == (595, 842)
    descriptors = [
        font.get_object()["/DescendantFonts"][0].get_object()["/FontDescriptor"].get_object()
        for font in page["/Resources"]["/Font"].values()
    ]
    assert all("/FontFile2" in descriptor for descriptor in descriptors)
    assert len(descriptors) == 4


def test_r4_a_long_statement_breaks_over_pages_and_repeats_its_heads() -> None:
    lines = tuple(dataclasses.replace(HELD, fund=f"Fund {number:03}") for number in range(60))
    found = pages(holdings_statement(dataclasses.replace(STATEMENT, holdings=lines)))
    assert len(found) > 2
    assert all("Fund and class" in text for text in found)
    assert [f"Page {at} of {len(found)}" in text for at, text in enumerate(found, 1)] == [True] * len(found)
    whole = "\n".join(found)
    assert all(whole.count(line.fund) == 1 for line in lines)
    assert "2,566.77 EUR" in found[-1]


def test_r4_a_statement_shows_units_blocked_price_cost_and_value() -> None:
    (text,) = pages(holdings_statement(STATEMENT))
    for shown in ("34.1671", "5.0000 blocked", "75.1234 EUR", "2,380.59", "2,566.77", "31 March 2026", "LU0123456781"):
        assert shown in text
    (empty,) = pages(holdings_statement(dataclasses.replace(STATEMENT, holdings=(), totals=())))
    assert "No units are held on this date." in empty


@pytest.mark.parametrize(
    "name",
    [
        "Ångström Łukasz Đorđević",
        "Ελένη Παπαδοπούλου",
        "Кузнецова Ѐлена Ґалаґан",
        "محمد بن سلمان",
        "יעל כהן-לוי",
        "राधा शर्मा",
    ],
)
def test_these_scripts_are_written_as_they_are(name: str) -> None:
    assert fonts.printable(name) == name


@pytest.mark.parametrize(
    ("name", "latin"), [("王小明 Wang", "WangXiaoMing Wang"), ("สมชาย", "smchay"), ("ქეთევან", "ketevan")]
)
def test_a_script_without_a_font_is_written_in_latin_letters(name: str, latin: str) -> None:
    assert fonts.printable(name) == latin


@given(name=st.text(max_size=120), reference=st.text(max_size=35))
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_text_gives_a_document(name: str, reference: str) -> None:
    note = dataclasses.replace(NOTE, recipient=(name, name), client_reference=reference)
    assert contract_note(note).startswith(b"%PDF-")


def test_long_names_and_large_numbers_stay_on_the_paper() -> None:
    leg = dataclasses.replace(
        BOUGHT, fund="An Investment Company with a Name of Many Words " * 6, units=Decimal("999999999999.9999"),
        units_raw=Decimal("999999999999.99995123456"), settlement=Decimal("9999999999999.99"), share_class="X" * 120,
    )  # fmt: skip
    text = "\n".join(pages(contract_note(dataclasses.replace(NOTE, legs=(leg,), recipient=("Y" * 200,)))))
    assert "999,999,999,999.99995123…" in text
    assert "9,999,999,999,999.99 EUR" in text


def test_figures_days_and_moments_are_spelled_for_people() -> None:
    assert figure(Decimal("-1234567.80")) == "-1,234,567.80"
    assert raw_figure(Decimal("70.582362701")) == "70.58236270…"
    assert raw_figure(Decimal(5)) == "5"
    assert day(date(2026, 12, 31)) == "31 December 2026"
    assert moment(datetime(2026, 3, 2, 9, 15, 0, 999999, tzinfo=UTC)) == "2 March 2026, 09:15:00.999 UTC"


def test_a_service_start_does_not_load_the_pdf_library() -> None:
    code = "import sys, libs.documents.contract_note, libs.documents.statement; print('fpdf' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
