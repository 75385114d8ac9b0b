"""A4 paper of the house: letterhead, recipient, grids and tables, page breaks, feet with page numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any, Literal

from libs.documents import fonts
from libs.documents.values import Letterhead

Align = Literal["L", "R"]

LEFT, RIGHT, WIDTH = 20.0, 190.0, 170.0
_TOP_OF_NEXT, _BOTTOM = 34.0, 268.0
_INK, _SOFT, _ACCENT, _BAND = (28, 32, 40), (96, 104, 116), (18, 52, 92), (241, 244, 248)
_LEADING = 1.32
_POINT_MM = 0.352778


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: its head, its width in mm, and where its text stands."""

    head: str
    width: float
    align: Align = "L"


class Paper:
    """A document in the making; positions and widths in mm, sizes in points."""

    def __init__(self, letterhead: Letterhead, title: str, issued: date, text: str) -> None:
        # Late: fpdf2 costs up to seconds to import, which no service pays before its first document.
        from fpdf import FPDF  # noqa: PLC0415

        self._letterhead = letterhead
        self._title = title
        pdf: Any = FPDF(format="A4", unit="mm")
        pdf.set_auto_page_break(False)
        pdf.set_margins(LEFT, 15, 20)
        fonts.add_fonts(pdf, text)
        pdf.set_text_shaping(True, features={"tnum": True, "lnum": True})
        # Everything that a PDF would otherwise take from the clock comes from the document's own date.
        pdf.set_creation_date(datetime.combine(issued, time(), UTC))
        pdf.set_title(fonts.printable(title))
        pdf.set_author(fonts.printable(letterhead.name))
        pdf.set_producer("Cartulary")
        pdf.set_lang("en")
        self._pdf = pdf
        self.y = 0.0
        pdf.add_page()
        self._head_of_first()

    def bytes(self) -> bytes:
        """The finished document."""
        total = self._pdf.page
        for number in range(1, total + 1):
            self._pdf.page = number
            self._foot(number, total)
        return bytes(self._pdf.output())

    def write(
        self, x: float, y: float, width: float, text: str, *, size: float = 9.5, bold: bool = False,
        soft: bool = False, align: Align = "L", accent: bool = False,
    ) -> float:  # fmt: skip
        """Text in a box, wrapped; gives the height that it took."""
        pdf = self._pdf
        # fpdf2 passes over a font that it thinks is set; after a fallback font or a change of page it is not.
        pdf.set_font(fonts.FAMILY, "", size + 1)
        pdf.set_font(fonts.FAMILY, "B" if bold else "", size)
        pdf.set_text_color(*(_ACCENT if accent else _SOFT if soft else _INK))
        leading = size * _POINT_MM * _LEADING
        pdf.set_xy(x, y)
        spelled = fonts.printable(text)
        pdf.multi_cell(width, leading, spelled, align=align, padding=0, new_x="LEFT", new_y="NEXT", wrapmode="WORD")
        return max(float(pdf.get_y()) - y, leading)

    def height(self, width: float, text: str, *, size: float = 9.5, bold: bool = False) -> float:
        """The height that the text would take."""
        self._pdf.set_font(fonts.FAMILY, "B" if bold else "", size)
        leading = size * _POINT_MM * _LEADING
        lines = self._pdf.multi_cell(width, leading, fonts.printable(text), dry_run=True, output="LINES", padding=0)
        return max(len(lines), 1) * leading

    def _fitting(self, width: float, text: str, size: float, bold: bool) -> float:
        """The size at which a number stays on one line: a number that wraps is misread."""
        self._pdf.set_font(fonts.FAMILY, "B" if bold else "", size)
        taken = float(self._pdf.get_string_width(text))
        return size if taken <= width else size * width / taken

    def rule(self, y: float, *, strong: bool = False) -> None:
        """A line across the text."""
        self._pdf.set_draw_color(*(_ACCENT if strong else (205, 211, 219)))
        self._pdf.set_line_width(0.5 if strong else 0.2)
        self._pdf.line(LEFT, y, RIGHT, y)

    def band(self, y: float, height: float) -> None:
        """A light ground across the text."""
        self._pdf.set_fill_color(*_BAND)
        self._pdf.rect(LEFT, y, WIDTH, height, style="F")

    def room(self, height: float) -> bool:
        """Make sure of room for `height`; true when that took a new page."""
        if self.y + height <= _BOTTOM:
            return False
        self._pdf.add_page()
        self.write(LEFT, 15, 100, self._letterhead.name, size=9.5, bold=True, accent=True)
        self.write(RIGHT - 70, 15, 70, self._title, size=8.5, soft=True, align="R")
        self.rule(22, strong=True)
        self.y = _TOP_OF_NEXT - 6
        return True

    def recipient(self, lines: Sequence[str]) -> None:
        """The address, where the window of an envelope is (DIN 5008)."""
        y = 50.0
        for line in lines:
            y += self.write(LEFT, y, 85, line, size=10)
        self.y = max(y, 50.0 + 27)

    def headline(self, text: str, below: str) -> None:
        """What the document is."""
        self.y += 8
        self.y += self.write(LEFT, self.y, WIDTH, text, size=17, bold=True, accent=True)
        self.y += self.write(LEFT, self.y, WIDTH, below, size=9.5, soft=True) + 3

    def grid(self, pairs: Sequence[tuple[str, str]]) -> None:
        """Labels with values, two pairs beside each other."""
        half = WIDTH / 2
        for at in range(0, len(pairs), 2):
            tall = 0.0
            for column, (label, value) in enumerate(pairs[at : at + 2]):
                x = LEFT + column * half
                used = self.write(x, self.y, 31, label, size=8.5, soft=True)
                tall = max(tall, used, self.write(x + 31, self.y, half - 31, value, size=9))
            self.y += tall + 1.2

    def section(self, text: str, keep: float = 30) -> None:
        """A heading that stays with what follows."""
        self.room(keep)
        self.y += 4
        self.y += self.write(LEFT, self.y, WIDTH, text, size=11, bold=True, accent=True) + 1
        self.rule(self.y, strong=True)
        self.y += 1.5

    def row(self, label: str, note: str, figure: str, unit: str, *, strong: bool = False) -> None:
        """A step of a reckoning: what, how, how much, of what."""
        size = 10.0 if strong else 9.5
        tall = max(
            self.height(58, label, size=size, bold=strong), self.height(48, note, size=8.5), size * _POINT_MM * _LEADING
        )
        self.room(tall + 2)
        if strong:
            self.band(self.y, tall + 2)
        y = self.y + 1
        self.write(LEFT + 2, y, 58, label, size=size, bold=strong)
        if note:
            self.write(LEFT + 62, y, 48, note, size=8.5, soft=True)
        self.write(RIGHT - 60, y, 44, figure, size=self._fitting(42, figure, size, strong), bold=strong, align="R")
        self.write(RIGHT - 15, y, 13, unit, size=size - 1, soft=not strong, bold=strong)
        self.y += tall + 2
        self.rule(self.y)

    def table_head(self, columns: Sequence[Column]) -> None:
        """The heads of the columns."""
        self.band(self.y, 7)
        for x, column in _across(columns):
            self.write(x, self.y + 1.6, column.width - 2, column.head, size=8, soft=True, align=column.align)
        self.y += 8

    def table_row(self, columns: Sequence[Column], cells: Sequence[tuple[str, str]], *, bold: bool = False) -> None:
        """One row of two-line cells; on a new page the heads stand again."""
        tall = 0.0
        sizes = [
            self._fitting(column.width - 4, first, 9, bold) if column.align == "R" else 9
            for column, (first, _) in zip(columns, cells, strict=True)
        ]
        for column, size, (first, second) in zip(columns, sizes, cells, strict=True):
            own = self.height(column.width - 2, first, size=size, bold=bold)
            tall = max(tall, own + (self.height(column.width - 2, second, size=7.5) if second else 0))
        if self.room(tall + 3):
            self.table_head(columns)
        for (x, column), size, (first, second) in zip(_across(columns), sizes, cells, strict=True):
            used = self.write(x, self.y + 1, column.width - 2, first, size=size, bold=bold, align=column.align)
            if second:
                self.write(x, self.y + 1 + used, column.width - 2, second, size=7.5, soft=True, align=column.align)
        self.y += tall + 2.5
        self.rule(self.y)

    def remarks(self, texts: Sequence[str]) -> None:
        """Small print at the end."""
        self.y += 5
        for text in texts:
            tall = self.height(WIDTH, text, size=8)
            self.room(tall)
            self.y += self.write(LEFT, self.y, WIDTH, text, size=8, soft=True) + 1.2

    def _head_of_first(self) -> None:
        self.write(LEFT, 16, 100, self._letterhead.name, size=15, bold=True, accent=True)
        y = 16.0
        for line in self._letterhead.address:
            y += self.write(RIGHT - 65, y, 65, line, size=8, soft=True, align="R")
        self.rule(max(y, 26.0) + 3, strong=True)

    def _foot(self, number: int, total: int) -> None:
        self.rule(277)
        self.write(LEFT, 279, 140, self._letterhead.foot, size=7.5, soft=True)
        self.write(RIGHT - 30, 279, 30, f"Page {number} of {total}", size=7.5, soft=True, align="R")


def _across(columns: Sequence[Column]) -> Iterator[tuple[float, Column]]:
    x = LEFT + 2
    for column in columns:
        yield x, column
        x += column.width


def figure(value: Decimal) -> str:
    """A number as a person reads it: thousands by commas, its own decimals."""
    return f"{value:,f}"


def raw_figure(value: Decimal, decimals: int = 8) -> str:
    """A number before rounding, cut after some decimals with an ellipsis to show it."""
    whole, _, fraction = f"{value:,f}".partition(".")
    return f"{whole}.{fraction[:decimals]}…" if len(fraction) > decimals else f"{whole}.{fraction}".rstrip(".")


def day(value: date) -> str:
    """A date that no reader takes for another."""
    return f"{value.day} {_MONTHS[value.month - 1]} {value.year}"


def moment(value: datetime) -> str:
    """A point in time, UTC, to the millisecond: it decides the dealing date (O-2)."""
    at = value.astimezone(UTC)
    return f"{day(at.date())}, {at:%H:%M:%S}.{at.microsecond // 1000:03d} UTC"


_MONTHS = "January February March April May June July August September October November December".split()
