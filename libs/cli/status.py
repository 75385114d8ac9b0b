"""Show the parts of the local stack: process, address, health."""

import asyncio
import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(add_completion=False)


@app.command()
def status(
    home: Annotated[Path | None, typer.Option("--home", help="State directory (CARTULARY_HOME).")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a part.")] = False,
) -> None:
    """Ask every part now whether it is well; exit code 1 when one is not or nothing runs."""
    from rich.console import Console
    from rich.table import Table

    from libs.stack.local import LocalStack
    from libs.stack.places import default_home

    place = (home or default_home()).expanduser().absolute()
    parts = asyncio.run(LocalStack(place).status())
    if as_json:
        for part in parts:
            typer.echo(json.dumps({**asdict(part), "address": part.address.rpartition("@")[2]}))
    elif not parts:
        typer.echo(f"no stack runs in {place}; start one with: cartulary up")
    else:
        table = Table("part", "origin", "pid", "address", "health", box=None)
        for part in parts:
            health = "[green]well[/]" if part.is_well else "[red]does not answer[/]"
            table.add_row(part.part, part.origin, str(part.pid or ""), part.address.rpartition("@")[2], health)
        Console(highlight=False).print(table)
    raise typer.Exit(0 if parts and all(part.is_well for part in parts) else 1)
