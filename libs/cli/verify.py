"""Walk the whole ledger and hold it against itself, its past, this deployment, and with --db the databases."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from libs.edge.settings import Settings
    from libs.ledger.verify.report import Report

app = typer.Typer(add_completion=False)

FALSE, NOT_KNOWN = 1, 2


@app.command()
def verify(
    db: Annotated[bool, typer.Option("--db", help="Hold the services' databases against it, row by row.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    rpc: Annotated[str | None, typer.Option(help="Addresses of ledger nodes, comma separated.")] = None,
    contract: Annotated[str | None, typer.Option(help="Address of the ledger, 0x….")] = None,
    home: Annotated[Path | None, typer.Option(help="State directory (CARTULARY_HOME).")] = None,
    workers: Annotated[int | None, typer.Option(min=0, help="Processes to check with; one a core.")] = None,
    clocks: Annotated[Path | None, typer.Option(help="Write every clock finding here, a JSON line each.")] = None,
) -> None:
    """Exit code 0 when everything holds, 1 at a lie, 2 when it could not be found out."""
    import asyncio
    import os

    import orjson
    from rich.console import Console

    from libs.cli.parts import with_local_stack
    from libs.edge.settings import load_settings
    from libs.kernel.errors import CartularyError

    given = {"ledger_rpc": rpc, "ledger_contract": contract, "home": home}
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    try:
        settings = load_settings().having(**{name: value for name, value in given.items() if value is not None})
        settings = with_local_stack(settings)
        count = workers if workers is not None else (os.cpu_count() or 1)
        report = asyncio.run(verified(settings, db, count, clocks, console))
    except CartularyError as error:
        if as_json:
            typer.echo(orjson.dumps({"true": None, "error": error.as_problem()}))
        console.print(f"[yellow]Nothing could be proved:[/] {error.detail}")
        raise typer.Exit(NOT_KNOWN) from error
    if as_json:
        typer.echo(orjson.dumps(report.wire(), option=orjson.OPT_INDENT_2))
    else:
        show_report(report, Console(highlight=False, soft_wrap=True))
    raise typer.Exit(0 if report.is_true else FALSE)


async def verified(settings: Settings, db: bool, workers: int, clocks: Path | None, console: Console) -> Report:
    """What walking the whole ledger shows, with bars of progress; raises what `verify` raises."""
    from contextlib import ExitStack

    import orjson
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from libs.edge.proof import committing_services, database, open_ledger
    from libs.ledger.secrets import MasterSecret
    from libs.ledger.verify.batches import ClockFinding
    from libs.ledger.verify.remembered import FILE
    from libs.ledger.verify.walk import Against, verify

    reader, expected = await open_ledger(settings)
    passwords = None
    if db:
        secrets = MasterSecret.load(settings.home)
        passwords = {name: secrets.password(f"{name}_verify") for name in committing_services()}
    against = Against(expected, settings.home / FILE, database(settings) if db else "", passwords)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with ExitStack() as open_files, Progress(*columns, console=console) as bars:
        lanes = [bars.add_task(f"lane {lane}", total=None) for lane in range(reader.identity.lanes)]
        out = open_files.enter_context(clocks.open("wb")) if clocks is not None else None

        def told(lane: int, events: int, of: int) -> None:
            bars.update(lanes[lane], completed=events, total=of)

        def found(finding: ClockFinding) -> None:
            if out is not None:
                out.write(orjson.dumps(finding._asdict()) + b"\n")

        try:
            return await verify(reader, against, workers=workers, progress=told, clock_finding=found)
        finally:
            await reader.close()


def show_report(report: Report, console: Console) -> None:
    """The report for a person."""
    address = "0x" + report.identity.contract.hex()
    console.print(f"Ledger {address} on chain {report.identity.chain_id}, up to block {report.block}")
    console.print(
        f"{report.events} events in {report.streams} streams, {sum(one.batches for one in report.lanes)} batches,"
        f" {len(report.lanes)} lanes; by service: {report.services or 'none'}"
    )
    for name, rows in sorted(report.databases.items()):
        waiting = f", {rows.waiting} events not committed yet" if rows.waiting else ""
        console.print(f"Database of {name}: {rows.rows} rows held against the ledger{waiting}")
    for name in report.not_held:
        console.print(f"Database of {name}: there is none yet")
    if report.void_count:
        first = report.voids[0]
        console.print(
            f"{report.void_count} decisions of former lives have no effect (void), the first at record {first.sequence}"
            f" of lane {first.lane}: {first.stream} had version {first.version} already."
        )
    if report.events_late or report.events_early:
        console.print(
            f"To read, no fault: {report.events_late} events were attested more than 30 s after, {report.events_early}"
            " more than 2 s before their own time. --clocks FILE lists them."
        )
    if report.is_true:
        console.print("[green]Everything holds.[/]")
        return
    console.print(f"[red]It does not hold: {report.lie_count} found, the first one first.[/]")
    for lie in report.lies[:10]:
        console.print(f"  [red]{lie.kind.value}[/]: {lie.sentence()}")
    if report.lie_count > 10:
        console.print(f"  … and {report.lie_count - 10} more; --json shows the first {len(report.lies)}.")
