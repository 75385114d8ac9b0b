"""Every incoming message of O-9, read from its file in tests-e2e/data/messages."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from libs.iso20022.catalogue import ENTRIES
from libs.iso20022.reading import MessageReader, read_messages
from libs.iso20022.values import (
    Amount,
    CancellationRequest,
    CashAccount,
    Entry,
    Identifier,
    OrderInstruction,
    Price,
    PriceFunction,
    PriceReport,
    Quantity,
    QuantityKind,
    RefusedEntry,
    Side,
    SwitchInstruction,
    TransferInstruction,
)

MESSAGES = Path(__file__).resolve().parents[3] / "tests-e2e" / "data" / "messages"
EUR_CLASS, USD_CLASS = Identifier("ISIN", "LU0123456781"), Identifier("ISIN", "LU0876543215")


def entries(name: str) -> list[Entry]:
    return list(read_messages([(MESSAGES / name).read_bytes()]))


def orders(name: str) -> list[OrderInstruction]:
    found = entries(name)
    assert all(isinstance(each, OrderInstruction) for each in found)
    return [each for each in found if isinstance(each, OrderInstruction)]


@pytest.mark.parametrize("kind", sorted(ENTRIES))
def test_o9_every_incoming_kind_is_read_from_its_file(kind: str) -> None:
    found = entries(f"{kind}.xml")
    assert found
    assert all(each.message.kind == kind and not isinstance(each, RefusedEntry) for each in found)


def test_o9_setr_010_is_subscriptions_of_one_account_in_any_class() -> None:
    first, second, third, fourth = orders("setr.010.xml")
    assert first.side is Side.SUBSCRIPTION
    assert (first.order_reference, first.client_reference, first.master_reference) == (
        "SUB-0001",
        "CLT-0001",
        "MASTER-1",
    )
    assert (first.account, first.instrument) == ("ACC-0001", EUR_CLASS)
    assert first.distributor == Identifier("distributor", "DIST-01")
    assert first.message.message_id == "MSG-SETR010-1"
    assert first.message.created_at == datetime(2026, 3, 2, 9, 15, tzinfo=UTC)
    assert first.ordered_at == datetime(2026, 3, 2, 9, 14, 30, tzinfo=UTC)
    assert first.quantity == Quantity(QuantityKind.GROSS_AMOUNT, Decimal("10000.00"), "EUR")
    assert second.quantity == Quantity(QuantityKind.NET_AMOUNT, Decimal("10000.00"), "EUR")
    assert second.cash_account == CashAccount("cash account", "CASH-0001")
    assert third.quantity == Quantity(QuantityKind.UNITS, Decimal("70.0000"))
    assert (fourth.instrument, fourth.position) == (USD_CLASS, 4)


def test_o5_amounts_keep_every_digit_that_was_sent() -> None:
    assert str(orders("setr.010.xml")[2].quantity.value) == "70.0000"


def test_a_cash_account_does_not_show_itself() -> None:
    assert "CASH-0001" not in repr(orders("setr.010.xml")[1])


def test_o5_setr_004_with_a_rate_of_100_is_all_units() -> None:
    kinds = [each.quantity.kind for each in orders("setr.004.xml")]
    assert kinds == [
        QuantityKind.UNITS, QuantityKind.GROSS_AMOUNT, QuantityKind.NET_AMOUNT, QuantityKind.ALL_UNITS,
    ]  # fmt: skip
    assert {each.side for each in orders("setr.004.xml")} == {Side.REDEMPTION}


@pytest.mark.parametrize(("name", "side"), [("setr.007.xml", Side.SUBSCRIPTION), ("setr.001.xml", Side.REDEMPTION)])
def test_o9_bulk_orders_are_of_one_class_for_several_accounts(name: str, side: Side) -> None:
    found = orders(name)
    assert [each.account for each in found] == ["ACC-0001", "ACC-0002"]
    assert {each.instrument for each in found} == {EUR_CLASS}
    assert {each.settlement_currency for each in found} == {"EUR"}
    assert {each.side for each in found} == {side}


def test_o1_setr_013_is_a_switch_with_both_legs() -> None:
    (switch,) = entries("setr.013.xml")
    assert isinstance(switch, SwitchInstruction)
    (out,), (into,) = switch.out_legs, switch.in_legs
    assert (switch.account, out.instrument, into.instrument) == ("ACC-0001", EUR_CLASS, USD_CLASS)
    assert out.quantity == Quantity(QuantityKind.UNITS, Decimal("100.0000"))
    assert into.quantity == Quantity(QuantityKind.ALL_PROCEEDS)


@pytest.mark.parametrize(
    ("name", "reference", "original"),
    [
        ("setr.011.xml", "SUB-0003", "MSG-SETR010-1"),
        ("setr.005.xml", "RED-0002", "MSG-SETR004-1"),
        ("setr.008.xml", "BSUB-0002", "MSG-SETR007-1"),
        ("setr.002.xml", "BRED-0002", "MSG-SETR001-1"),
        ("setr.014.xml", "SWI-0001", "MSG-SETR013-1"),
        ("sese.002.xml", "TRF-0001", "MSG-SESE001-1"),
        ("sese.006.xml", "TRF-0002", "MSG-SESE005-1"),
    ],
)
def test_o9_a_cancellation_names_the_order_and_its_message(name: str, reference: str, original: str) -> None:
    (request,) = entries(name)
    assert isinstance(request, CancellationRequest)
    assert (request.order_reference, request.original_message) == (reference, original)
    assert request.cancellation_reference == f"CXL-{reference}"
    assert request.client_reference is not None


def test_o9_a_transfer_has_both_accounts_and_its_side() -> None:
    (out,), (into,) = entries("sese.001.xml"), entries("sese.005.xml")
    assert isinstance(out, TransferInstruction)
    assert isinstance(into, TransferInstruction)
    assert (out.side, out.account, out.counter_account) == (Side.TRANSFER_OUT, "ACC-0001", "ACC-0002")
    assert (into.side, into.account, into.counter_account) == (Side.TRANSFER_IN, "ACC-0002", "ACC-0001")
    assert out.quantity == Quantity(QuantityKind.UNITS, Decimal("20.0000"))
    assert out.requested_transfer_date == date(2026, 3, 4)
    assert out.own_account is False


def test_n1_reda_001_gives_the_price_with_net_assets_and_units() -> None:
    first, second = entries("reda.001.xml")
    assert isinstance(first, PriceReport)
    assert (first.report_id, first.function, first.nav_date) == ("NAV-2026-03-02", PriceFunction.NEW, date(2026, 3, 2))
    assert first.prices == (Price("NAVL", Decimal("137.4281"), "EUR"),)
    assert first.total_net_assets == (Amount(Decimal("49800000.00"), "EUR"),)
    assert first.units_in_issue == Decimal("362373.2635")
    assert isinstance(second, PriceReport)
    assert second.instrument == USD_CLASS


def test_o9_a_file_of_many_messages_gives_each_with_its_place_in_the_file() -> None:
    found = entries("many.xml")
    assert not any(isinstance(each, RefusedEntry) for each in found)
    kinds = sorted({(each.message.ordinal, each.message.kind) for each in found})
    assert kinds == [
        (1, "setr.010"), (2, "setr.004"), (3, "setr.013"), (4, "setr.011"), (5, "sese.001"), (6, "reda.001"),
    ]  # fmt: skip


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "iso-8859-1", "windows-1252"])
def test_the_encoding_that_a_file_declares_is_read(encoding: str) -> None:
    text = (MESSAGES / "setr.010.xml").read_text().replace("CLT-0001", "CLT-é").replace('"UTF-8"', f'"{encoding[:12]}"')
    text = text.replace('"utf-8-sig"', '"UTF-8"')
    found = list(read_messages([text.encode(encoding)]))
    assert isinstance(found[0], OrderInstruction)
    assert found[0].client_reference == "CLT-é"


def test_bytes_may_arrive_one_by_one() -> None:
    data = (MESSAGES / "many.xml").read_bytes()

    def fed() -> Iterator[Entry]:
        reader = MessageReader()
        for at in range(len(data)):
            yield from reader.feed(data[at : at + 1])
        yield from reader.close()

    assert list(fed()) == entries("many.xml")
