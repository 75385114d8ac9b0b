"""Importing a CSV file of rows: what it is, a bar of progress by rows, and every bad row named."""

from __future__ import annotations

import csv
import importlib
import importlib.util
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from libs.adapters.clock import SystemClock
from libs.edge.auth import Caller
from libs.edge.importing_batches import BatchImporter, Counts, Rejected
from libs.edge.importing_csv import CsvFile
from libs.edge.issuer import LocalIssuer
from libs.edge.settings import Settings
from libs.kernel.envelope import Actor

MOST_SHOWN = 100


@dataclass(frozen=True, slots=True)
class RowOptions:
    """How rows are imported: see `cartulary import --help`."""

    submit: bool = False
    batch: int = 250
    at_once: int = 8
    encoding: str | None = None
    rejects: Path | None = None


@dataclass(slots=True)
class RowsImported:
    """What came of a file's rows; of the bad ones the first hundred by line."""

    counts: Counts
    bad: list[Rejected] = field(default_factory=list)


def reads_rows(service: str) -> bool:
    """Whether the service imports rows of a CSV file."""
    return importlib.util.find_spec(f"services.{service}") is not None and (
        importlib.util.find_spec(f"services.{service}.import_csv") is not None
    )


async def import_rows(
    settings: Settings, service: str, url: str, file: Path, tenant: str, maker: str, options: RowOptions,
    console: Console,
) -> RowsImported:  # fmt: skip
    """Send the rows as a subject of the local issuer; raises CsvUnreadable, EncodingUnknown, ServiceAway, OSError."""
    reader = importlib.import_module(f"services.{service}.import_csv")
    table: CsvFile = reader.table(file, options.encoding)
    tell_form(table, console)
    clock, issuer = SystemClock(), LocalIssuer(settings.issuer_folder, settings.issuer, settings.audience)
    token = issuer.token(Caller(Actor(maker, "operations"), tenant), clock.now())
    importer = BatchImporter(
        f"{url}{reader.ADDRESS}", token, clock, reader.column_of, size=options.batch, at_once=options.at_once
    )
    imported = RowsImported(importer.counts)
    with _progress(table.about_rows, console) as told, _rejects(options.rejects, imported) as rejected:
        await importer.run(reader.items(table.rows(), tenant, options.submit), told, rejected)
    imported.bad.sort()
    return imported


def tell_form(table: CsvFile, console: Console) -> None:
    """What the file is taken for."""
    encoding = table.encoding
    delimiter = {",": "commas", ";": "semicolons", "\t": "tabs"}[table.delimiter]
    console.print(f"  read as {encoding.shown} ({encoding.told_by}), cells between {delimiter}", soft_wrap=True)
    if encoding.or_else:
        others = ", ".join(encoding.or_else)
        console.print(f"  [yellow]{others} would fit as well: if names look wrong, use --encoding[/]", soft_wrap=True)


def show_rows(imported: RowsImported, console: Console) -> None:
    """What was imported, what was there already, and the bad rows."""
    counts = imported.counts
    console.print(f"  {counts.new} imported, {counts.there} already there, {counts.rejected} rejected")
    for row in imported.bad:
        named = f" [cyan]{escape(row.column)}[/]:" if row.column else ""
        console.print(f"  [red]line {row.line}[/]{named} {escape(row.reason)}", soft_wrap=True)
    if counts.rejected > len(imported.bad):
        console.print(f"  … and {counts.rejected - len(imported.bad)} more: --rejects FILE has all of them")


@contextmanager
def _progress(rows: int, console: Console) -> Iterator[Callable[[Counts], None]]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as bars:
        bar = bars.add_task("rows", total=rows)
        yield lambda counts: bars.update(bar, completed=counts.done, total=max(rows, counts.done))


@contextmanager
def _rejects(file: Path | None, imported: RowsImported) -> Iterator[Callable[[Rejected], None]]:
    """Takes the bad rows: the first hundred to show, all of them into the file if there is one."""

    def kept(row: Rejected, writer: Any = None) -> None:
        if len(imported.bad) < MOST_SHOWN:
            imported.bad.append(row)
        if writer is not None:
            writer.writerow(row)

    if file is None:
        yield kept
        return
    with file.open("w", encoding="utf-8", newline="") as opened:
        writer = csv.writer(opened)
        writer.writerow(("line", "column", "reason"))
        yield lambda row: kept(row, writer)
