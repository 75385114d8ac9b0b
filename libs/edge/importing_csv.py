"""A CSV file as rows of named cells: streaming, and every row that is none is named by line and reason.

Neither a name of the file's content nor a value of a cell is in any error: what a cell holds may be personal.
"""

from __future__ import annotations

import csv
import io
from collections import deque
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from libs.edge.importing_encoding import ERRORS, UNDECODABLE, Encoding, encoding_of, scan
from libs.kernel.errors import InvalidValue

DELIMITERS = (",", ";", "\t")
MAX_LINE_CHARS = 20_000
# A quoted cell may hold line ends; a quote that is never closed must not swallow the file.
MAX_ROW_LINES = 6
_SHOWN_CHARS = 40
_BINARY = (
    (b"PK\x03\x04", "a ZIP archive or an Excel workbook"),
    (b"%PDF", "a PDF"),
    (b"\xd0\xcf\x11\xe0", "an Excel 97 workbook"),
)
_OPEN_QUOTE = "unexpected end of data"


class CsvUnreadable(InvalidValue):
    """A file that is no CSV with the columns that are expected."""

    code = "csv-unreadable"
    title = "The file is no such CSV"


class Row(NamedTuple):
    """The cells of a row by column, without the empty ones; `line` is where it begins, from 1."""

    line: int
    cells: Mapping[str, str]


class BadRow(NamedTuple):
    """A row that cannot be imported: its line, the column if it is one, and why, without any value."""

    line: int
    column: str
    reason: str


class _Line(NamedTuple):
    number: int
    text: str


class CsvFile:
    """A CSV file with a header of known columns.

    Encoding and delimiter are told by the file, an `encoding` that is given wins. Raises CsvUnreadable,
    EncodingUnknown, OSError.
    """

    def __init__(
        self, path: Path, columns: Collection[str], required: Collection[str] = (), encoding: str | None = None
    ) -> None:
        scanned = scan(path)
        for mark, what in _BINARY:
            if scanned.head.startswith(mark):
                raise CsvUnreadable(f"it is {what}, no CSV", field="file")
        self._path = path
        self.encoding: Encoding = encoding_of(scanned, encoding)
        self.about_rows = max(0, scanned.lines - (0 if scanned.head == b"" else 1)) or int(bool(scanned.head))
        with self._opened() as text:
            header, record = _header(_Lines(text))
        self._header_lines = header
        self.delimiter = max(DELIMITERS, key=lambda mark: _known(_cells(record, mark), columns))
        self.columns = _checked_columns(_cells(record, self.delimiter), columns, required)

    def rows(self) -> Iterator[Row | BadRow]:
        """Every row in its order; blank lines are none."""
        with self._opened() as text:
            lines = _Lines(text)
            _header(lines)
            while (line := lines.next()) is not None:
                if line.text == "" or line.text.strip(" \t\r\n" + self.delimiter):
                    yield self._row(line, lines)

    def _opened(self) -> io.TextIOWrapper:
        return self._path.open(encoding=self.encoding.name, errors=ERRORS, newline="")

    def _row(self, line: _Line, lines: _Lines) -> Row | BadRow:
        if line.text == "":
            return BadRow(line.number, "", f"longer than {MAX_LINE_CHARS} characters")
        if '"' not in line.text:
            return self._named(line, line.text.rstrip("\r\n").split(self.delimiter), lines)
        taken = [line]
        while True:
            try:
                return self._named(line, _parsed([one.text for one in taken], self.delimiter), lines)
            except csv.Error as error:
                if _OPEN_QUOTE not in str(error):
                    return BadRow(line.number, "", f"no CSV: {error}")
            following = lines.next() if len(taken) < MAX_ROW_LINES else None
            if following is None or following.text == "":
                # What follows is read again by itself: only this line is lost.
                lines.back([*taken[1:], *([following] if following else [])])
                cut = ": is the file cut off?" if len(taken) < MAX_ROW_LINES and following is None else ""
                return BadRow(line.number, "", f"a quote is never closed{cut}")
            taken.append(following)

    def _named(self, line: _Line, cells: list[str], lines: _Lines) -> Row | BadRow:
        count = len(self.columns)
        if len(cells) != count and (len(cells) < count or any(cell.strip() for cell in cells[count:])):
            cut = ": is the file cut off?" if len(cells) < count and not lines.ended_whole else ""
            return BadRow(line.number, "", f"{len(cells)} fields, the header has {count}{cut}")
        found: dict[str, str] = {}
        for column, cell in zip(self.columns, cells, strict=False):
            if value := cell.strip():
                if UNDECODABLE in value:
                    return BadRow(line.number, column, f"bytes that are not {self.encoding.shown}")
                if "\0" in value:
                    return BadRow(line.number, column, "a NUL")
                found[column] = value
        return Row(line.number, found)


class _Lines:
    """Physical lines with their numbers, each bounded; one that is too long is the empty text."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._text = text
        self._back: deque[_Line] = deque()
        self._number = 0
        # Whether the last line that was read had its line end.
        self.ended_whole = True

    def next(self) -> _Line | None:
        """The next line; None at the end."""
        if self._back:
            return self._back.popleft()
        text = self._text.readline(MAX_LINE_CHARS)
        if not text:
            return None
        self._number += 1
        self.ended_whole = text.endswith(("\n", "\r"))
        too_long = False
        while not self.ended_whole and len(text) == MAX_LINE_CHARS:
            too_long = True
            text = self._text.readline(MAX_LINE_CHARS)
            self.ended_whole = text.endswith(("\n", "\r"))
        return _Line(self._number, "" if too_long else text)

    def back(self, lines: list[_Line]) -> None:
        """These lines come next again."""
        self._back.extendleft(reversed(lines))


def _header(lines: _Lines) -> tuple[int, list[str]]:
    """How many lines the header has, and its text; raises CsvUnreadable."""
    taken: list[str] = []
    while len(taken) < MAX_ROW_LINES and (line := lines.next()) is not None:
        if not taken and not line.text.strip(" \t\r\n") and line.text:
            continue
        taken.append(line.text)
        if line.text == "" or "\0" in line.text or UNDECODABLE in line.text:
            break
        if any(_is_whole(taken, mark) for mark in DELIMITERS):
            return len(taken), taken
    why = "it is empty" if not taken else "its first line is no header"
    raise CsvUnreadable(why, field="file")


def _is_whole(taken: list[str], delimiter: str) -> bool:
    try:
        _parsed(taken, delimiter)
    except csv.Error:
        return False
    return True


def _parsed(texts: list[str], delimiter: str) -> list[str]:
    return next(csv.reader(texts, delimiter=delimiter, strict=True), [])


def _cells(record: list[str], delimiter: str) -> list[str]:
    try:
        cells = _parsed(record, delimiter)
    except csv.Error:
        return []
    named = [cell.strip().casefold().replace(" ", "_").replace("-", "_") for cell in cells]
    while named and not named[-1]:
        named.pop()
    return named


def _known(cells: list[str], columns: Collection[str]) -> int:
    return sum(cell in columns for cell in cells)


def _checked_columns(found: list[str], columns: Collection[str], required: Collection[str]) -> tuple[str, ...]:
    if _known(found, columns) * 2 < len(found) or not found:
        # It may be a row of data: nothing of it is shown.
        raise CsvUnreadable("its first line is no header: most of its columns are not known", field="header")
    wrong = []
    unknown = [_shown(name) for name in dict.fromkeys(found) if name not in columns]
    missing = [name for name in required if name not in found]
    twice = [name for name in dict.fromkeys(found) if name in columns and found.count(name) > 1]
    for what, names in (("unknown", unknown), ("missing", missing), ("twice", twice)):
        if names:
            wrong.append(f"{what}: {', '.join(names)}")
    if wrong:
        raise CsvUnreadable(f"its columns are not right; {'; '.join(wrong)}", field="header")
    return tuple(found)


def _shown(name: str) -> str:
    return "(no name)" if not name else name[:_SHOWN_CHARS].encode("ascii", "backslashreplace").decode()
