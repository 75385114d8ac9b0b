"""Keys of data subjects: back them up, restore them, rotate the master key, show what there is."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from libs.edge.settings import Settings
    from libs.vault.vault import Vault

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)

FAILED, BROKEN = 2, 1

Home = Annotated[Path | None, typer.Option(help="State directory (CARTULARY_HOME).")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object.")]


@app.command()
def backup(
    folder: Annotated[Path, typer.Argument(help="Where to; its expired back-ups are deleted.", file_okay=False)],
    documents: Annotated[bool, typer.Option(help="Documents too, encrypted as they are.")] = True,
    home: Home = None,
) -> None:
    """Write wrapped keys, tombstones, tokens and documents into a new file; good for 30 days."""

    async def run(settings: Settings, vault: Vault, told: Callable[[int], None]) -> None:
        from libs.adapters.clock import SystemClock
        from libs.vault.backup import back_up

        done = await back_up(
            vault.store, folder, _secret(settings), SystemClock().now(), documents=documents, progress=told
        )
        rows = ", ".join(f"{count} {kind}" for kind, count in done.rows.items()) or "nothing"
        typer.echo(f"{done.path}: {rows} rows")
        for path in done.deleted:
            typer.echo(f"{path}: expired, deleted")

    _run(home, "rows", run)


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="The back-up.", exists=True, dir_okay=False)],
    ledger: Annotated[bool, typer.Option(help="Replay the erasures on the ledger too.")] = True,
    home: Home = None,
) -> None:
    """Put back the keys that are missing, never one of an erased subject: all erasures are replayed first."""

    async def run(settings: Settings, vault: Vault, told: Callable[[int], None]) -> None:
        from libs.adapters.clock import SystemClock
        from libs.vault.backup import restore as put_back

        known = _erasures(settings, ledger)
        done = await put_back(vault.store, file, _secret(settings), SystemClock().now(), known, progress=told)
        rows = done.rows
        typer.echo(
            f"Back-up of {done.made_at:%Y-%m-%d %H:%M} UTC: {rows.keys} keys were missing and are back;"
            f" {done.erasures} erasures from events and {rows.tombstones} from the file were replayed first."
        )

    _run(home, "rows", run)


@app.command()
def rotate(home: Home = None) -> None:
    """Make a new master key and wrap every key by it; after a break-off run it again. No event is touched."""

    async def run(_settings: Settings, vault: Vault, told: Callable[[int], None]) -> None:
        from libs.vault.rotation import rotate as wrap_anew

        done = await wrap_anew(vault.store, vault.master, told)
        if done.resumed:
            typer.echo("A former rotation was ended; run it again for a new master key.")
        typer.echo(f"{done.rewrapped} keys are wrapped by {done.kek} now.")
        for reason, count in done.failed.items():
            typer.echo(f"{count} keys keep their wrapping: {reason}; see: cartulary vault status", err=True)
        if done.failed:
            raise typer.Exit(BROKEN)

    _run(home, "keys", run)


@app.command()
def status(as_json: Json = False, home: Home = None) -> None:
    """Show how many keys each master key wraps and whether it opens them; exit code 1 when one does not."""

    async def run(_settings: Settings, vault: Vault, _told: Callable[[int], None]) -> None:
        import orjson

        from libs.vault.rotation import status as look

        seen = await look(vault.store, vault.master)
        broken = {kek: why.detail for kek, why in seen.broken.items()}
        if as_json:
            wire = {"newest": seen.newest, **seen.counts._asdict(), "broken": broken}
            typer.echo(orjson.dumps(wire, option=orjson.OPT_INDENT_2))
        else:
            _show(seen.newest, seen.counts._asdict(), broken)
        if broken:
            raise typer.Exit(BROKEN)

    _run(home, "", run)


def _show(newest: str, counts: dict[str, Any], broken: dict[str, str]) -> None:
    typer.echo(f"New keys are wrapped by {newest}.")
    for kek, count in counts["keys"].items():
        typer.echo(f"{kek}: {count} keys{', ' + broken[kek] if kek in broken else ''}")
    typer.echo(
        f"{counts['tombstones']} subjects erased, {counts['searchable']} searchable,"
        f" {counts['documents']} documents of {counts['document_bytes']} bytes."
    )


def _secret(settings: Settings) -> bytes:
    from libs.edge.vault import vault_secret
    from libs.ledger.secrets import MasterSecret

    return vault_secret(MasterSecret.load(settings.home))


async def _erasures(settings: Settings, ledger: bool) -> AsyncIterator[tuple[str, str, datetime]]:
    """What the services committed, then what the ledger holds."""
    from libs.edge.erasures import erasures_in_database, erasures_on_ledger
    from libs.edge.proof import committing_services, database, open_ledger

    async for erasure in erasures_in_database(database(settings), committing_services()):
        yield erasure
    if not ledger:
        return
    reader, _ = await open_ledger(settings)
    try:
        async for erasure in erasures_on_ledger(reader, reader.identity):
            yield erasure
    finally:
        await reader.close()


def _run(
    home: Path | None,
    unit: str,
    act: Callable[[Settings, Vault, Callable[[int], None]], Awaitable[None]],
) -> None:
    """Open the vault, act with a bar of progress, and say in one sentence what could not be done."""
    import asyncio
    import logging

    import structlog
    from rich.console import Console

    from libs.cli.parts import with_local_stack
    from libs.edge.settings import load_settings
    from libs.kernel.errors import CartularyError

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    try:
        settings = load_settings().having(**({} if home is None else {"home": home}))
        asyncio.run(_with_vault(with_local_stack(settings), unit, act, console))
    except CartularyError as error:
        console.print(f"[red]It could not be done:[/] {error.detail}")
        raise typer.Exit(FAILED) from error


async def _with_vault(
    settings: Settings,
    unit: str,
    act: Callable[[Settings, Vault, Callable[[int], None]], Awaitable[None]],
    console: Any,
) -> None:
    import asyncpg
    from rich.progress import Progress, TextColumn

    from libs.edge.vault import make_vault, migrate_vault
    from libs.vault.errors import KeyStoreAway

    vault = make_vault(settings)
    try:
        await migrate_vault(settings)
        columns = (TextColumn("{task.completed} " + unit),)
        with Progress(*columns, console=console, disable=not unit, transient=True) as bars:
            bar = bars.add_task("", total=None)
            await act(settings, vault, lambda count: bars.advance(bar, count))
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise KeyStoreAway(f"PostgreSQL did not answer: {type(error).__name__}") from error
    finally:
        await vault.close()
