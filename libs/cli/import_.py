"""Import a document or the rows of a file through a service's API: the bad are named, again changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from libs.cli.rows import RowOptions
    from libs.edge.importing import BadEntry, Entry, Imported
    from libs.edge.settings import Settings

app = typer.Typer(add_completion=False)

BAD_ENTRIES, NOT_IMPORTED = 1, 2


@app.command(name="import")
def import_(  # noqa: PLR0913  (each is an option of the command line)
    service: Annotated[str, typer.Argument(help="The service that it is for: funds, investors.")],
    file: Annotated[
        Path, typer.Argument(help="Of funds a YAML document, of investors a CSV.", exists=True, dir_okay=False)
    ],
    *,
    url: Annotated[str, typer.Option(help="Where the fleet is served.")] = "http://127.0.0.1:8000",
    tenant: Annotated[str, typer.Option(help="Management company that it belongs to.")] = "demo",
    maker: Annotated[str, typer.Option(help="Subject that sends and proposes.")] = "import-maker",
    checker: Annotated[str, typer.Option(help="Subject that approves (documents).")] = "import-checker",
    submit: Annotated[bool, typer.Option("--submit", help="Hand the files of rows in for screening.")] = False,
    batch: Annotated[int, typer.Option(help="Rows in a request.", min=1, max=500)] = 250,
    at_once: Annotated[int, typer.Option(help="Requests at once.", min=1, max=64)] = 8,
    encoding: Annotated[str | None, typer.Option(help="Encoding of rows, instead of the detected one.")] = None,
    rejects: Annotated[Path | None, typer.Option(help="Write the bad rows' lines and reasons to this CSV.")] = None,
) -> None:
    """Exit code 0 when everything is there, 1 when some of it is bad, 2 when it could not be done."""
    from rich.console import Console

    from libs.cli.rows import RowOptions
    from libs.kernel.errors import CartularyError

    console = Console(highlight=False)
    options = RowOptions(submit, batch, at_once, encoding, rejects)
    try:
        bad = _imported(service, file, url, tenant, (maker, checker), options, console)
    except (CartularyError, OSError, UnicodeDecodeError) as error:
        console.print(f"[red]Nothing more was imported:[/] {error}", soft_wrap=True)
        raise typer.Exit(NOT_IMPORTED) from error
    raise typer.Exit(BAD_ENTRIES if bad else 0)


def _imported(
    service: str, file: Path, url: str, tenant: str, people: tuple[str, str], options: RowOptions, console: Console
) -> int:
    """Import and show it; how many entries or rows are bad."""
    import asyncio

    from libs.cli.rows import import_rows, reads_rows, show_rows
    from libs.edge.serve import services
    from libs.edge.settings import load_settings

    settings = load_settings()
    if service in services() and reads_rows(service):
        sending = import_rows(settings, service, f"{url}/{service}", file, tenant, people[0], options, console)
        rows = asyncio.run(sending)
        show_rows(rows, console)
        return rows.counts.rejected
    found = entries_of(service, file, tenant)
    imported = asyncio.run(send_entries(settings, f"{url}/{service}", tenant, people, found, console))
    show_imported(imported, console)
    return len(imported.bad)


def entries_of(service: str, file: Path, tenant: str) -> Iterator[Entry | BadEntry]:
    """What the document holds; raises SettingsInvalid for a service that imports nothing, InvalidValue, OSError."""
    import importlib
    import importlib.util

    from libs.adapters.clock import SystemClock
    from libs.edge.serve import services
    from libs.edge.settings import SettingsInvalid

    module = f"services.{service}.import_yaml"
    if service not in services() or importlib.util.find_spec(module) is None:
        raise SettingsInvalid(f"there is no service {service!r} that imports documents", field="service")
    reader = importlib.import_module(module)
    found: Iterator[Entry | BadEntry] = reader.entries(file.read_text(), tenant, SystemClock().now())
    return found


async def send_entries(
    settings: Settings,
    url: str,
    tenant: str,
    people: tuple[str, str],
    entries: Iterator[Entry | BadEntry],
    console: Console,
) -> Imported:
    """Send the entries as two people of the local issuer, with a bar of progress; raises ServiceAway."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from libs.adapters.clock import SystemClock
    from libs.edge.auth import Caller
    from libs.edge.importing import Importer
    from libs.edge.issuer import LocalIssuer
    from libs.kernel.envelope import Actor

    clock, issuer = SystemClock(), LocalIssuer(settings.issuer_folder, settings.issuer, settings.audience)
    maker, checker = (issuer.token(Caller(Actor(sub, "operations"), tenant), clock.now()) for sub in people)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bars:
        bar = bars.add_task("importing", total=None)
        importer = Importer(url, maker, checker, clock)
        return await importer.run(entries, lambda done, of: bars.update(bar, completed=done, total=of))


def show_imported(imported: Imported, console: Console) -> None:
    """What was imported, what was there already, and every bad entry."""
    from rich.markup import escape
    from rich.table import Table

    counts = Table("entries", "imported", "already there", box=None)
    for kind in dict.fromkeys([*imported.new, *imported.there]):
        counts.add_row(kind, str(imported.new.get(kind, 0)), str(imported.there.get(kind, 0)))
    console.print(counts)
    if imported.bad:
        console.print(f"{len(imported.bad)} entries are not imported:")
    for entry in imported.bad:
        named = f" [cyan]{escape(entry.field)}[/] = {escape(repr(entry.value))}:" if entry.field else ""
        console.print(f"  [red]{escape(entry.path)}[/]{named} {escape(entry.reason)}", soft_wrap=True)
