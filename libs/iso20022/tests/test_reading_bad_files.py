"""Bad input: each fault is named with its place, and the good entries of the file are given all the same."""

from pathlib import Path

import pytest

from libs.iso20022.errors import FileRefused, Reason
from libs.iso20022.hardened import Limits
from libs.iso20022.reading import read_messages
from libs.iso20022.values import Entry, OrderInstruction, PriceReport, RefusedEntry

MESSAGES = Path(__file__).resolve().parents[3] / "tests-e2e" / "data" / "messages"
OUT_QUANTITY = "<FinInstrmQtyChc><UnitsNb>100.0000</UnitsNb></FinInstrmQtyChc>"
ACCOUNT = "<InvstmtAcctDtls><AcctId>ACC-0001</AcctId></InvstmtAcctDtls>"
UNITS = "[3]/AmtOrUnits/UnitsNb"
ORDER = "/Document/SbcptOrdr/MltplOrdrDtls/IndvOrdrDtls"


def read(data: bytes, limits: Limits | None = None) -> tuple[list[Entry], FileRefused | None]:
    """The entries of a file, and the refusal that came after them."""
    found: list[Entry] = []
    entries = read_messages([data], limits)
    while True:
        try:
            found.append(next(entries))
        except StopIteration:
            return found, None
        except FileRefused as refused:
            return found, refused


def bad(name: str) -> tuple[list[Entry], FileRefused | None]:
    return read((MESSAGES / "bad" / name).read_bytes())


def refusals(found: list[Entry]) -> list[RefusedEntry]:
    return [each for each in found if isinstance(each, RefusedEntry)]


@pytest.mark.parametrize(
    ("name", "reason", "good"),
    [
        ("bomb.xml", Reason.HOSTILE, 0),
        ("external-entity.xml", Reason.HOSTILE, 0),
        ("external-dtd.xml", Reason.HOSTILE, 0),
        ("processing-instruction.xml", Reason.HOSTILE, 0),
        ("not-a-message.xml", Reason.NOT_A_MESSAGE, 0),
        ("wrong-encoding.xml", Reason.ENCODING, 0),
        ("cut.xml", Reason.CUT, 0),
        ("cut-prices.xml", Reason.CUT, 1),
        ("several-documents.xml", Reason.SEVERAL, 4),
    ],
)
def test_a_file_that_cannot_be_read_on_is_named_after_its_good_entries(name: str, reason: Reason, good: int) -> None:
    found, refused = bad(name)
    assert refused is not None
    assert refused.reason is reason
    assert len(found) - len(refusals(found)) == good
    # Of the message that the file ends in, every order that was whole has its own refusal.
    assert [each.reference for each in refusals(found)] == (["SUB-0001", "SUB-0002"] if name == "cut.xml" else [])
    assert {each.reason for each in refusals(found)} <= {reason}


@pytest.mark.parametrize(
    ("name", "reason", "spoken"),
    [
        ("wrong-namespace.xml", Reason.WRONG_NAMESPACE, "urn:iso:std:iso:20022:tech:xsd:"),
        ("wrong-version.xml", Reason.WRONG_VERSION, "setr.010.001.03 is not spoken; setr.010.001.04 is"),
        ("unknown-message.xml", Reason.UNKNOWN_MESSAGE, "pacs.008"),
    ],
)
def test_o9_another_version_or_message_is_refused_by_name(name: str, reason: Reason, spoken: str) -> None:
    found, refused = bad(name)
    (entry,) = refusals(found)
    assert refused is None
    assert entry.reason is reason
    assert spoken in entry.detail


@pytest.mark.parametrize(
    ("name", "reference", "reason", "place", "value_class"),
    [
        ("too-many-units.xml", "SUB-0003", Reason.VALUE, UNITS, "number of 31 whole digits and 0 decimals"),
        ("too-many-decimals.xml", "SUB-0003", Reason.VALUE, UNITS, "number of 2 whole digits and 18 decimals"),
        ("two-quantities.xml", "SUB-0003", Reason.CHOICE, "[3]/AmtOrUnits", "2 of them"),
        ("duplicate-reference.xml", "SUB-0001", Reason.DUPLICATE, "[2]", ""),
        ("unknown-element.xml", "SUB-0001", Reason.UNKNOWN_ELEMENT, "[1]", ""),
        ("bad-check-digit.xml", "SUB-0001", Reason.VALUE, "[1]/FinInstrmDtls/Id/ISIN", "text of 12 characters"),
    ],
)  # fmt: skip
def test_a_bad_order_is_named_and_the_others_are_given(
    name: str, reference: str, reason: Reason, place: str, value_class: str
) -> None:
    found, refused = bad(name)
    (entry,) = refusals(found)
    assert refused is None
    assert len(found) == 4
    assert (entry.reference, entry.reason, entry.place) == (reference, reason, ORDER + place)
    assert entry.value_class == value_class
    assert entry.message.message_id == "MSG-SETR010-1"


def test_o4_zero_and_negative_quantities_are_refused_each_at_its_place() -> None:
    found, _ = bad("zero-and-negative.xml")
    negative, zero = refusals(found)
    assert negative.place == f"{ORDER}[1]/AmtOrUnits/GrssAmt"
    assert negative.value_class == "negative number of 5 whole digits and 2 decimals"
    assert (zero.place, zero.reason) == (f"{ORDER}[3]/AmtOrUnits/UnitsNb", Reason.QUANTITY)
    assert len(found) == 4


def test_a_bad_header_is_a_status_for_every_order_of_the_message() -> None:
    found, _ = bad("bad-header.xml")
    assert [each.reference for each in refusals(found)] == ["SUB-0001", "SUB-0002", "SUB-0003", "SUB-0004"]
    assert {(each.reason, each.place) for each in refusals(found)} == {
        (Reason.HEADER, "/Document/SbcptOrdr/MsgId/CreDtTm")
    }


def test_n1_a_price_of_zero_is_refused_and_the_other_class_is_read() -> None:
    found, _ = bad("price-of-zero.xml")
    first, second = found
    assert isinstance(first, RefusedEntry)
    assert first.detail == "a price is above zero"
    assert isinstance(second, PriceReport)


@pytest.mark.parametrize("name", ["unknown-class.xml", "currency-mismatch.xml", "more-decimals-than-the-class.xml"])
def test_what_only_the_service_knows_is_left_to_it(name: str) -> None:
    found, refused = bad(name)
    assert refused is None
    assert all(isinstance(each, OrderInstruction) for each in found)


@pytest.mark.parametrize(
    ("copy", "reason"),
    [("", Reason.MISSING), ("<CpyInd>true</CpyInd>", Reason.UNSUPPORTED), ("<CpyInd>false</CpyInd>", None)],
)
def test_a_fault_after_the_orders_and_a_copy_refuse_every_order(copy: str, reason: Reason | None) -> None:
    text = (MESSAGES / "setr.010.xml").read_text()
    found, _ = read(text.replace("</MltplOrdrDtls>", f"</MltplOrdrDtls><CpyDtls>{copy}</CpyDtls>").encode())
    if reason is None:
        assert refusals(found) == []
        return
    message, *orders = refusals(found)
    assert (message.reference, message.reason, message.place) == (None, reason, "/Document/SbcptOrdr/CpyDtls/CpyInd")
    assert [(each.reference, each.reason) for each in orders] == [(f"SUB-000{at}", Reason.HEADER) for at in range(1, 5)]


def test_transfers_are_held_until_their_account_is_known() -> None:
    text = (MESSAGES / "sese.001.xml").read_text()
    found, _ = read(text.replace("<AcctDtls><AcctId>ACC-0001</AcctId></AcctDtls>", "").encode())
    message, transfer = refusals(found)
    assert message.place == "/Document/TrfOutInstr/AcctDtls"
    assert (transfer.reference, transfer.reason) == ("TRF-0001", Reason.HEADER)


def test_one_bad_message_of_a_file_leaves_the_others() -> None:
    text = (MESSAGES / "many.xml").read_text().replace("xsd:setr.004.001.04", "xsd:setr.004.001.03")
    found, refused = read(text.encode())
    (entry,) = refusals(found)
    assert refused is None
    assert (entry.message.ordinal, entry.reason) == (2, Reason.WRONG_VERSION)
    assert len(found) == 10


@pytest.mark.parametrize(
    ("limits", "data", "reason"),
    [
        (Limits(depth=8), b"<a>" * 9, Reason.NOT_A_MESSAGE),
        (Limits(file_bytes=100), b" " * 101, Reason.TOO_LARGE),
        (Limits(), b'<Document a="1" b="2" c="3" d="4" e="5"/>', Reason.HOSTILE),
        (Limits(token_bytes=1000), b"<" + b"a" * 5000, Reason.TOO_LARGE),
        (Limits(), b"", Reason.CUT),
        (Limits(), b"\x00\x00", Reason.MALFORMED),
        (Limits(), b'<?xml version="1.0" encoding="klingon"?><a/>', Reason.ENCODING),
        (Limits(), b'<?xml version="1.0" encoding="shift-jis"?><a/>', Reason.ENCODING),
    ],
)
def test_every_bound_of_a_file_has_a_name(limits: Limits, data: bytes, reason: Reason) -> None:
    found, refused = read(data, limits)
    assert found == []
    assert refused is not None
    assert refused.reason is reason


@pytest.mark.parametrize(
    ("limits", "inner", "reason"),
    [
        (Limits(), "<a>" * 10_000, Reason.HOSTILE),
        (Limits(text_chars=100), "<NonStdSttlmInf>" + "x" * 101, Reason.TOO_LARGE),
        (Limits(entry_elements=50), "<SrcOfCsh/>" * 60, Reason.TOO_LARGE),
    ],
)
def test_an_order_of_unheard_of_size_ends_the_file(limits: Limits, inner: str, reason: Reason) -> None:
    text = (MESSAGES / "setr.010.xml").read_text().replace("<PhysDlvryInd>", f"{inner}<PhysDlvryInd>", 1)
    _, refused = read(text.encode(), limits)
    assert refused is not None
    assert refused.reason is reason


def test_only_where_a_schema_lies_may_be_said_and_nobody_goes_there() -> None:
    told = (
        ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="urn:a http://example.invalid/a.xsd"'
    )
    text = (MESSAGES / "setr.010.xml").read_text()
    assert refusals(read(text.replace("<Document", f"<Document{told}").encode())[0]) == []
    (entry,) = refusals(read(text.replace("<Document", '<Document foreign="1"').encode())[0])
    assert entry.reason is Reason.UNKNOWN_ELEMENT
    nil = ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:nil="true"'
    found = read(text.replace("<OrdrRef>SUB-0001", f"<OrdrRef{nil}>SUB-0001").encode())[0]
    assert [each.reason for each in refusals(found)] == [Reason.UNKNOWN_ELEMENT]


def test_no_value_of_an_order_is_in_a_refusal() -> None:
    text = (MESSAGES / "setr.010.xml").read_text().replace("CASH-0001", "DE89370400440532013000-SECRET-" + "7" * 30)
    (entry,) = refusals(read(text.encode())[0])
    assert "SECRET" not in repr(entry)
    assert entry.value_class == "text of 60 characters"


def test_bulk_orders_wait_for_the_currency_that_stands_after_them() -> None:
    text = (MESSAGES / "setr.007.xml").read_text()
    found, _ = read(text.replace("<ReqdSttlmCcy>EUR", "<ReqdSttlmCcy>euro").encode())
    assert [(each.reference, each.reason) for each in refusals(found)] == [
        (None, Reason.VALUE), ("BSUB-0001", Reason.HEADER), ("BSUB-0002", Reason.HEADER),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "old", "new", "reason", "place"),
    [
        ("setr.010.xml", "<PhysDlvryInd>false", "<PhysDlvryInd>true", Reason.UNSUPPORTED, "PhysDlvryInd"),
        ("setr.004.xml", "<HldgsRedRate>100", "<HldgsRedRate>50", Reason.QUANTITY, "AmtOrUnitsOrPctg/HldgsRedRate"),
        ("setr.013.xml", "<PctgOfTtlRedAmt>100", "<PctgOfTtlRedAmt>50", Reason.QUANTITY, "PctgOfTtlRedAmt"),
        ("setr.013.xml", "<LegId>OUT</LegId>", "", None, ""),
        ("setr.013.xml", OUT_QUANTITY, "", Reason.QUANTITY, "FinInstrmQtyChc"),
        ("setr.013.xml", ACCOUNT, "", Reason.UNSUPPORTED, "InvstmtAcctDtls"),
        ("sese.001.xml", "<TtlUnitsNb>20.0000</TtlUnitsNb>", "<TrfRate>99</TrfRate>", Reason.QUANTITY, "Qty/TrfRate"),
        ("sese.001.xml", "20.0000", "0", Reason.QUANTITY, "Qty/TtlUnitsNb"),
        ("reda.001.xml", "<NAVDtTm><Dt>2026-03-02</Dt>", "<NAVDtTm><Dt>0000-03-02</Dt>", Reason.VALUE, "NAVDtTm/Dt"),
        ("setr.010.xml", "<SchmeNm>distributor</SchmeNm>", "<SchmeNm>\u202b\u0007</SchmeNm>", None, ""),
        ("setr.010.xml", "<Role><Cd>DIST", "<Role><Cd>BOSS", Reason.VALUE, "RltdPtyDtls[1]/Role/Cd"),
        ("setr.010.xml", "<OrdrRef>SUB-0001", "<OrdrRef> ", Reason.VALUE, "OrdrRef"),
    ],
)  # fmt: skip
def test_what_is_not_dealt_is_refused_where_it_stands(
    name: str, old: str, new: str, reason: Reason | None, place: str
) -> None:
    text = (MESSAGES / name).read_text()
    assert old in text
    found, refused = read(text.replace(old, new, 1).encode())
    if reason is None:
        assert refused is not None or not refusals(found)
    else:
        (entry,) = refusals(found)
        assert entry.reason is reason
        assert entry.place.endswith(place)


def test_text_between_orders_is_a_fault_of_the_message_and_white_space_is_not_kept() -> None:
    text = (MESSAGES / "setr.010.xml").read_text()
    found, _ = read(text.replace("</IndvOrdrDtls>", "</IndvOrdrDtls> stray ", 2).encode())
    assert {each.place for each in refusals(found)} == {"/Document/SbcptOrdr/MltplOrdrDtls"}
    assert refusals(found)[0].reason is Reason.UNKNOWN_ELEMENT
    assert refusals(read(text.replace("</IndvOrdrDtls>", "</IndvOrdrDtls>" + " " * 5_000).encode())[0]) == []


def test_an_order_of_too_much_text_ends_the_file() -> None:
    padded = "<!---->".join("x" * 15_000 for _ in range(2))
    text = (
        (MESSAGES / "setr.010.xml")
        .read_text()
        .replace("<PhysDlvryInd>", f"<LttrInttRef>{padded}</LttrInttRef><PhysDlvryInd>")
    )
    found, refused = read(text.encode(), Limits(text_chars=50_000, entry_chars=20_000))
    assert refused is not None
    assert refused.reason is Reason.TOO_LARGE
    assert found == []


def test_a_message_of_too_many_orders_refuses_those_beyond() -> None:
    found, refused = read((MESSAGES / "setr.010.xml").read_bytes(), Limits(entries_a_message=3))
    assert refused is None
    assert [(each.reference, each.reason) for each in refusals(found)] == [("SUB-0004", Reason.TOO_LARGE)]
    assert len(found) == 4
