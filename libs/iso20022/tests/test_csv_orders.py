"""Orders as CSV (docs/orders-csv.md): the good lines are given, each bad one is named by line, column and reason."""

import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from libs.iso20022.csv_orders import OPTIONAL, REQUIRED, CsvLimits, read_orders_csv
from libs.iso20022.errors import FileRefused, Reason
from libs.iso20022.values import (
    CashAccount,
    Entry,
    Identifier,
    OrderInstruction,
    Quantity,
    QuantityKind,
    RefusedEntry,
    Side,
    SwitchInstruction,
)

ROOT = Path(__file__).resolve().parents[3]
MESSAGES = ROOT / "tests-e2e" / "data" / "messages"
GOOD = (MESSAGES / "orders.csv").read_bytes()


def lines(data: bytes, limits: CsvLimits | None = None) -> list[Entry]:
    return list(read_orders_csv([data], "file-1", limits))


def test_o1_a_file_of_subscription_redemption_and_switch() -> None:
    subscription, redemption, switch = lines(GOOD)
    assert isinstance(subscription, OrderInstruction)
    assert (subscription.side, subscription.order_reference, subscription.position) == (
        Side.SUBSCRIPTION,
        "CSV-0001",
        2,
    )
    assert subscription.quantity == Quantity(QuantityKind.GROSS_AMOUNT, Decimal("10000.00"), "EUR")
    assert subscription.distributor == Identifier("distributor", "DIST-02")
    assert isinstance(redemption, OrderInstruction)
    assert redemption.quantity == Quantity(QuantityKind.ALL_UNITS)
    assert isinstance(switch, SwitchInstruction)
    assert switch.in_legs[0].quantity == Quantity(QuantityKind.ALL_PROCEEDS)
    assert switch.in_legs[0].instrument == Identifier("ISIN", "LU0876543215")


@pytest.mark.parametrize(
    ("line", "place", "reason"),
    [
        (3, "line 3, order_reference", Reason.DUPLICATE),
        (4, "line 4, isin", Reason.VALUE),
        (5, "line 5, quantity", Reason.VALUE),
        (6, "line 6, quantity", Reason.QUANTITY),
        (7, "line 7, quantity", Reason.VALUE),
        (8, "line 8, quantity", Reason.VALUE),
        (9, "line 9, currency", Reason.MISSING),
        (10, "line 10, quantity_kind", Reason.QUANTITY),
        (11, "line 11, to_isin", Reason.VALUE),
        (12, "line 12, side", Reason.VALUE),
        (13, "line 13", Reason.MALFORMED),
        (14, "line 14", Reason.MALFORMED),
    ],
)
def test_each_bad_line_is_named_and_the_good_ones_are_given(line: int, place: str, reason: Reason) -> None:
    found = {each.position: each for each in lines((MESSAGES / "bad" / "orders.csv").read_bytes())}
    refused = found[line]
    assert isinstance(refused, RefusedEntry)
    assert (refused.place, refused.reason) == (place, reason)
    assert isinstance(found[2], OrderInstruction)
    assert isinstance(found[15], OrderInstruction)
    assert len(found) == 14


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("size", [1, 7, 1 << 16])
def test_files_arrive_in_any_pieces_and_by_their_byte_order_mark(encoding: str, size: int) -> None:
    text = GOOD.decode().replace("CLT-1001", "CLT-Ж").replace("\n", "\r\n")
    data = text.encode(encoding)
    chunks = [data[at : at + size] for at in range(0, len(data), size)]
    found = list(read_orders_csv(chunks, "file-1"))
    assert isinstance(found[0], OrderInstruction)
    assert (len(found), found[0].client_reference) == (3, "CLT-Ж")


def test_a_line_in_another_encoding_is_refused_alone() -> None:
    first, second, _ = lines(GOOD.replace(b"CLT-1001", b"CLT-\xe9"))
    assert isinstance(first, RefusedEntry)
    assert first.reason is Reason.ENCODING
    assert isinstance(second, OrderInstruction)


def test_semicolons_dates_and_a_cash_account() -> None:
    head = "side;order_reference;account;isin;quantity_kind;quantity;requested_trade_date;settlement_date;cash_account"
    (order,) = lines(f"{head}\nredemption;R-1;ACC-1;LU0123456781;units;1.5;2026-03-02;;CASH-7\n".encode())
    assert isinstance(order, OrderInstruction)
    assert (order.requested_trade_date, order.settlement_date) == (date(2026, 3, 2), None)
    assert order.cash_account == CashAccount("cash account", "CASH-7")
    (bad,) = lines(f"{head}\nredemption;R-1;ACC-1;LU0123456781;units;1.5;2026-02-30;;\n".encode())
    assert isinstance(bad, RefusedEntry)
    assert bad.place == "line 2, requested_trade_date"


@pytest.mark.parametrize(
    ("data", "limits", "reason"),
    [
        (b"", None, Reason.CUT),
        (b"side,order\nx,y\n", None, Reason.HEADER),
        (GOOD.replace(b"distributor", b"discount"), None, Reason.HEADER),
        (GOOD.replace(b"client_reference", b"account"), None, Reason.HEADER),
        (GOOD, CsvLimits(file_bytes=50), Reason.TOO_LARGE),
        (GOOD, CsvLimits(line_bytes=60), Reason.TOO_LARGE),
        (GOOD, CsvLimits(lines=2), Reason.TOO_LARGE),
        (GOOD[:40] + b"x" * 5000, None, Reason.TOO_LARGE),
    ],
)
def test_a_file_that_is_not_ours_is_refused_as_a_whole(data: bytes, limits: CsvLimits | None, reason: Reason) -> None:
    with pytest.raises(FileRefused) as refused:
        lines(data, limits)
    assert refused.value.reason is reason


def test_lines_are_given_before_the_file_has_ended() -> None:
    def chunks() -> Iterator[bytes]:
        yield GOOD[: GOOD.index(b"redemption") + 5]
        raise ConnectionError("the sender is gone")

    found = read_orders_csv(chunks(), "file-1")
    assert isinstance(next(found), OrderInstruction)
    with pytest.raises(ConnectionError):
        next(found)


def test_the_documented_columns_are_the_columns() -> None:
    rows = re.findall(r"^\| (`.+?) \|", (ROOT / "docs" / "orders-csv.md").read_text(), re.MULTILINE)
    assert {name for row in rows for name in re.findall(r"`(\w+)`", row)} == {*REQUIRED, *OPTIONAL}
