"""Rebuild every service from the ledger alone in an empty database and compare it with the live one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from libs.edge.replay import ServiceReplay
    from libs.edge.settings import Settings

app = typer.Typer(add_completion=False)

DIFFERENT, NOT_KNOWN = 1, 2


@app.command()
def replay(
    services: Annotated[list[str] | None, typer.Argument(help="Names of services; all of them when left out.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    into: Annotated[str | None, typer.Option(help="DSN of an empty database to rebuild in and keep.")] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the temporary database.")] = False,
    rpc: Annotated[str | None, typer.Option(help="Addresses of ledger nodes, comma separated.")] = None,
    home: Annotated[Path | None, typer.Option(help="State directory (CARTULARY_HOME).")] = None,
) -> None:
    """Exit code 0 when every digest is equal, 1 when one differs, 2 when there was nothing to compare."""
    import asyncio
    import logging

    import orjson
    import structlog
    from rich.console import Console

    from libs.cli.parts import with_local_stack
    from libs.edge.settings import load_settings
    from libs.kernel.errors import CartularyError

    given = {"ledger_rpc": rpc, "home": home}
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    try:
        settings = load_settings().having(**{name: value for name, value in given.items() if value is not None})
        settings = with_local_stack(settings)
        found, absent = asyncio.run(rebuilt(settings, services or [], into, keep, console))
    except CartularyError as error:
        if as_json:
            typer.echo(orjson.dumps({"true": None, "error": error.as_problem()}))
        console.print(f"[yellow]Nothing could be compared:[/] {error.detail}")
        raise typer.Exit(NOT_KNOWN) from error
    is_true = all(one.is_true for one in found) if found else None
    if as_json:
        wire = {"true": is_true, "services": [one.wire() for one in found], "absent": absent}
        typer.echo(orjson.dumps(wire, option=orjson.OPT_INDENT_2))
    else:
        show_replays(found, absent, Console(highlight=False, soft_wrap=True))
    raise typer.Exit({True: 0, False: DIFFERENT, None: NOT_KNOWN}[is_true])


async def rebuilt(
    settings: Settings, names: list[str], into: str | None, keep: bool, console: Console
) -> tuple[list[ServiceReplay], list[str]]:
    """The services rebuilt beside the live ones, and the names of those without a schema, with bars of progress."""
    from contextlib import AsyncExitStack

    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

    from libs.adapters.clock import SystemClock
    from libs.edge.proof import committing_services, database, open_ledger
    from libs.edge.replay import Replay, temporary_database
    from libs.edge.settings import SettingsInvalid
    from libs.kernel.keyed import KeyedHashes
    from libs.ledger.secrets import MasterSecret

    known = committing_services()
    if unknown := sorted(set(names) - set(known)):
        raise SettingsInvalid(f"there is no service {unknown[0]}; there are: {', '.join(known)}", field="services")
    reader, _ = await open_ledger(settings)
    secrets, live = MasterSecret.load(settings.home), database(settings)
    found, absent = [], []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    async with AsyncExitStack() as opened:
        opened.push_async_callback(reader.close)
        place = into or ""
        if not place:
            place = await opened.enter_async_context(temporary_database(live, keep=keep))
        bars = opened.enter_context(Progress(*columns, console=console))
        keyed = KeyedHashes(secrets.derive("idempotency"))
        replay = Replay(reader, SystemClock(), keyed, secrets.password, live, place, throw_away=not (into or keep))
        for name in names or known:
            bar = bars.add_task(name, total=None)

            def told(_service: str, events: int, of: int, bar: TaskID = bar) -> None:
                bars.update(bar, completed=events, total=of)

            one = await replay.service(known[name], told)
            if one is None:
                absent.append(name)
            else:
                found.append(one)
        if keep and not into:
            console.print(f"Kept: {place.rpartition('/')[2]}")
    return found, absent


def show_replays(found: list[ServiceReplay], absent: list[str], console: Console) -> None:
    """The outcome for a person."""
    for one in found:
        if one.is_true:
            rows = sum(digest.rows for digest in one.live.values())
            tables = f"{len(one.live)} tables, {rows} rows"
            console.print(
                f"[green]{one.service}: equal.[/] {one.events} events of the ledger lead to the same {tables}."
            )
        for lane in one.elsewhere:
            console.print(
                f"[red]{one.service}: the ledger's lane {lane} does not lead to where the live service stands;[/]"
                " run: cartulary verify --db"
            )
        for table in one.differing:
            live, rebuilt = one.live.get(table), one.rebuilt.get(table)
            rows_of = f"{live.rows if live else 'no'} rows live, {rebuilt.rows if rebuilt else 'no'} rebuilt"
            console.print(f"[red]{one.service}: table {table} is not what the ledger leads to[/] ({rows_of}).")
    for name in absent:
        console.print(f"{name}: has no schema yet; nothing to compare.")
    if found and all(one.is_true for one in found):
        console.print("[green]The ledger alone leads to everything that is there.[/]")
