"""The statement of holdings, over as many pages as it takes (TA-R-4)."""

from __future__ import annotations

from libs.documents.contract_note import texts_of
from libs.documents.paper import LEFT, RIGHT, Column, Paper, day, figure
from libs.documents.values import HoldingLine, HoldingsStatement

_COLUMNS = (
    Column("Fund and class", 62),
    Column("Units", 30, "R"),
    Column("Price", 26, "R"),
    Column("Cost", 25, "R"),
    Column("Value", 25, "R"),
)


def holdings_statement(statement: HoldingsStatement) -> bytes:
    """The statement as a PDF; the same bytes for the same values."""
    title = f"Statement of holdings {statement.number}"
    paper = Paper(statement.letterhead, title, statement.issued, "".join(texts_of(statement)))
    paper.recipient(statement.recipient)
    paper.headline("Statement of holdings", f"No. {statement.number} · {day(statement.issued)}")
    paper.grid(
        [
            ("Account", statement.account),
            ("Holdings as of", day(statement.as_of)),
            ("Positions", str(len(statement.holdings))),
            ("Basis", statement.basis),
        ]
    )
    paper.y += 4
    if statement.holdings:
        paper.table_head(_COLUMNS)
    else:
        paper.y += paper.write(LEFT, paper.y, 170, "No units are held on this date.", size=10)
    for line in statement.holdings:
        paper.table_row(_COLUMNS, _cells(line))
    if statement.totals:
        paper.room(8.0 * len(statement.totals) + 6)
        paper.y += 3
        for currency, total in statement.totals:
            paper.band(paper.y, 8)
            paper.write(LEFT + 2, paper.y + 2, 90, f"Total in {currency}", size=10, bold=True)
            paper.write(RIGHT - 62, paper.y + 2, 60, f"{figure(total)} {currency}", size=10, bold=True, align="R")
            paper.y += 8.5
    paper.remarks(statement.remarks)
    return paper.bytes()


def _cells(line: HoldingLine) -> list[tuple[str, str]]:
    blocked = f"{figure(line.blocked)} blocked" if line.blocked else ""
    price = ("–", "") if line.price is None else (f"{figure(line.price)} {line.currency}", _on(line))
    return [
        (f"{line.fund} – {line.share_class}", line.isin),
        (figure(line.units), blocked),
        price,
        ("–" if line.cost is None else figure(line.cost), "" if line.cost is None else line.currency),
        ("–" if line.value is None else figure(line.value), "" if line.value is None else line.currency),
    ]


def _on(line: HoldingLine) -> str:
    return "" if line.price_date is None else day(line.price_date)
