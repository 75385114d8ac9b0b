"""Orders as CSV (docs/orders-csv.md): a line is an order, a bad line is named and the others are given (TA-O-1)."""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from stdnum import isin as isin_numbers

from libs.iso20022.errors import Fault, FileRefused, Reason, value_class
from libs.iso20022.values import (
    CashAccount,
    Entry,
    Identifier,
    MessageReference,
    OrderInstruction,
    Quantity,
    QuantityKind,
    RefusedEntry,
    Side,
    SwitchInstruction,
    SwitchLeg,
)

REQUIRED = ("side", "order_reference", "account", "isin", "quantity_kind")
OPTIONAL = (
    "client_reference",
    "quantity",
    "currency",
    "to_isin",
    "distributor",
    "requested_trade_date",
    "settlement_date",
    "settlement_currency",
    "cash_account",
)
_KINDS = {
    "gross": QuantityKind.GROSS_AMOUNT,
    "net": QuantityKind.NET_AMOUNT,
    "units": QuantityKind.UNITS,
    "all": QuantityKind.ALL_UNITS,
}
_SIDES = {side.value: side for side in (Side.SUBSCRIPTION, Side.REDEMPTION, Side.SWITCH)}
_NUMBER = re.compile(r"\d{1,18}(\.\d{1,17})?", re.ASCII)
_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_MAX_DIGITS = 18
_MAX_REFERENCE = 35
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


@dataclass(frozen=True, slots=True)
class CsvLimits:
    """Bounds of a CSV file, in bytes and lines."""

    file_bytes: int = 1 << 30
    line_bytes: int = 4_096
    lines: int = 1_000_000


def read_orders_csv(chunks: Iterable[bytes], file_id: str, limits: CsvLimits | None = None) -> Iterator[Entry]:
    """Every line of the file; the position is its line number, the header being line 1.

    UTF-8, or what a byte order mark says. A line that is not in that encoding is refused alone. Raises FileRefused for
    an empty file, a header that is not ours and a limit that is crossed.
    """
    message = MessageReference("csv", file_id)
    lines = _lines(chunks, limits or CsvLimits())
    columns: list[str] | None = None
    delimiter = ","
    seen: set[str] = set()
    for number, text in lines:
        if columns is None:
            delimiter = ";" if (text or "").count(";") > (text or "").count(",") else ","
            columns = _header(text, delimiter)
            continue
        if text is not None and not text.strip(f"{delimiter} \t"):
            continue
        row: dict[str, str] = {}
        try:
            row = _row(text, columns, delimiter, number)
            entry = _entry(message, row, number)
            if row["order_reference"] in seen:
                raise Fault(Reason.DUPLICATE, f"line {number}, order_reference", "stands on a line before")
            seen.add(row["order_reference"])
        except Fault as fault:
            yield _refused(message, number, row, fault)
        else:
            yield entry
    if columns is None:
        raise FileRefused(Reason.CUT, "the file is empty", place="line 1")


def _lines(chunks: Iterable[bytes], limits: CsvLimits) -> Iterator[tuple[int, str | None]]:
    """Numbered lines; none for one that is not in the encoding."""
    number = size = 0
    encoding, newline, pending = "", b"\n", b""
    for chunk in chunks:
        size += len(chunk)
        if size > limits.file_bytes:
            raise FileRefused(Reason.TOO_LARGE, f"more than {limits.file_bytes} bytes")
        pending += chunk
        if not encoding:
            if len(pending) < 4:
                continue
            encoding, newline, pending = _encoding(pending)
        *complete, pending = _split(pending, newline)
        for line in complete:
            number += 1
            yield number, _decoded(line, encoding, number, limits)
        if len(pending) > limits.line_bytes:
            raise FileRefused(Reason.TOO_LARGE, f"more than {limits.line_bytes} bytes", place=f"line {number + 1}")
    if not encoding:
        encoding, newline, pending = _encoding(pending)
    for line in _split(pending, newline):
        if line:
            number += 1
            yield number, _decoded(line, encoding, number, limits)


def _encoding(head: bytes) -> tuple[str, bytes, bytes]:
    for mark, encoding in _BOMS:
        if head.startswith(mark):
            return encoding, "\n".encode(encoding), head[len(mark) :]
    return "utf-8", b"\n", head


def _split(data: bytes, newline: bytes) -> list[bytes]:
    """Lines by a newline of one, two or four bytes, at whole characters only."""
    width = len(newline)
    if width == 1:
        return data.split(newline)
    found = []
    start = 0
    for at in range(0, len(data) - width + 1, width):
        if data[at : at + width] == newline:
            found.append(data[start:at])
            start = at + width
    return [*found, data[start:]]


def _decoded(line: bytes, encoding: str, number: int, limits: CsvLimits) -> str | None:
    if number > limits.lines:
        raise FileRefused(Reason.TOO_LARGE, f"more than {limits.lines} lines", place=f"line {number}")
    if len(line) > limits.line_bytes:
        raise FileRefused(Reason.TOO_LARGE, f"more than {limits.line_bytes} bytes", place=f"line {number}")
    try:
        return line.decode(encoding).removesuffix("\r")
    except UnicodeDecodeError:
        return None


def _cells(text: str, delimiter: str) -> list[str]:
    try:
        rows = list(csv.reader([text], delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise Fault(Reason.MALFORMED, "", "quotes that do not close, or text after them") from error
    return [cell.strip() for cell in rows[0]] if rows else []


def _header(text: str | None, delimiter: str) -> list[str]:
    try:
        columns = _cells(text or "", delimiter)
    except Fault:
        columns = []
    known = (*REQUIRED, *OPTIONAL)
    missing = [name for name in REQUIRED if name not in columns]
    if missing or len(set(columns)) != len(columns) or any(name not in known for name in columns):
        what = f"{missing[0]} is missing" if missing else "a column is unknown or stands twice"
        raise FileRefused(Reason.HEADER, f"{what}; the columns are {', '.join(known)}", place="line 1")
    return columns


def _row(text: str | None, columns: list[str], delimiter: str, number: int) -> dict[str, str]:
    place = f"line {number}"
    if text is None:
        raise Fault(Reason.ENCODING, place, "is not in the encoding of the file")
    try:
        cells = _cells(text, delimiter)
    except Fault as fault:
        raise Fault(fault.reason, place, fault.detail) from fault
    if len(cells) != len(columns):
        raise Fault(Reason.MALFORMED, place, f"has {len(cells)} cells, the header has {len(columns)}")
    row = dict(zip(columns, cells, strict=True))
    for name, value in row.items():
        if not value.isprintable() or len(value) > _MAX_REFERENCE:
            raise Fault(Reason.VALUE, f"{place}, {name}", "is too long or not printable", value_class(value))
    for name in REQUIRED:
        if not row[name]:
            raise Fault(Reason.MISSING, f"{place}, {name}", "is required")
    return row


def _entry(message: MessageReference, row: dict[str, str], number: int) -> OrderInstruction | SwitchInstruction:
    place = f"line {number}"
    side = _SIDES.get(row["side"])
    if side is None:
        detail = f"is one of {', '.join(_SIDES)}"
        raise Fault(Reason.VALUE, f"{place}, side", detail, value_class(row["side"]))
    quantity = _quantity(row, place)
    instrument = _isin(row["isin"], f"{place}, isin")
    if side is Side.SUBSCRIPTION and quantity.kind is QuantityKind.ALL_UNITS:
        raise Fault(Reason.QUANTITY, f"{place}, quantity_kind", "a subscription is not of all units")
    distributor = row.get("distributor")
    named = Identifier("distributor", distributor) if distributor else None
    trade = _day(row.get("requested_trade_date"), f"{place}, requested_trade_date")
    settlement = _day(row.get("settlement_date"), f"{place}, settlement_date")
    client = row.get("client_reference") or None
    if side is Side.SWITCH:
        into = _isin(row.get("to_isin", ""), f"{place}, to_isin")
        return SwitchInstruction(
            message, number, row["order_reference"], client, None, named, row["account"],
            out_legs=(SwitchLeg(None, None, instrument, quantity),),
            in_legs=(SwitchLeg(None, None, into, Quantity(QuantityKind.ALL_PROCEEDS)),),
            requested_trade_date=trade,
            settlement_date=settlement,
        )  # fmt: skip
    if row.get("to_isin"):
        raise Fault(Reason.UNSUPPORTED, f"{place}, to_isin", "belongs to a switch only")
    cash = row.get("cash_account")
    return OrderInstruction(
        message, number, side, row["order_reference"], client, None, named, row["account"], None, instrument, quantity,
        settlement_currency=_currency(row.get("settlement_currency"), f"{place}, settlement_currency"),
        requested_trade_date=trade,
        settlement_date=settlement,
        cash_account=CashAccount("cash account", cash) if cash else None,
    )  # fmt: skip


def _quantity(row: dict[str, str], place: str) -> Quantity:
    kind = _KINDS.get(row["quantity_kind"])
    if kind is None:
        detail = f"is one of {', '.join(_KINDS)}"
        raise Fault(Reason.VALUE, f"{place}, quantity_kind", detail, value_class(row["quantity_kind"]))
    text = row.get("quantity", "")
    currency = _currency(row.get("currency"), f"{place}, currency")
    if kind is QuantityKind.ALL_UNITS:
        if text:
            raise Fault(Reason.QUANTITY, f"{place}, quantity", "all units have no number", value_class(text))
        return Quantity(kind)
    digits = text.replace(".", "").lstrip("0")
    if not _NUMBER.fullmatch(text) or len(digits) > _MAX_DIGITS:
        detail = f"is a number with a point, at most {_MAX_DIGITS} digits, no sign and no thousands separator"
        raise Fault(Reason.VALUE, f"{place}, quantity", detail, value_class(text))
    value = Decimal(text)
    if not value:
        raise Fault(Reason.QUANTITY, f"{place}, quantity", "must be above zero", value_class(text))
    if kind is QuantityKind.UNITS:
        return Quantity(kind, value)
    if currency is None:
        raise Fault(Reason.MISSING, f"{place}, currency", "an amount has a currency")
    return Quantity(kind, value, currency)


def _currency(text: str | None, place: str) -> str | None:
    if not text:
        return None
    if not _CURRENCY.fullmatch(text):
        raise Fault(Reason.VALUE, place, "is three capital letters (ISO 4217)", value_class(text))
    return text


def _isin(text: str, place: str) -> Identifier:
    if isin_numbers.compact(text) != text or not isin_numbers.is_valid(text):
        raise Fault(Reason.VALUE, place, "is not an ISIN with its right check digit", value_class(text))
    return Identifier("ISIN", text)


def _day(text: str | None, place: str) -> date | None:
    if not text:
        return None
    wrong = Fault(Reason.VALUE, place, "is a day as YYYY-MM-DD", value_class(text))
    if not _DAY.fullmatch(text):
        raise wrong
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise wrong from None


def _refused(message: MessageReference, number: int, row: dict[str, str], fault: Fault) -> RefusedEntry:
    own, client = row.get("order_reference") or None, row.get("client_reference") or None
    return RefusedEntry(message, number, own, client, fault.reason, fault.place, fault.detail, fault.value_class)
