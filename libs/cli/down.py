"""End the local stack that runs in the state directory."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(add_completion=False)


@app.command()
def down(
    home: Annotated[Path | None, typer.Option("--home", help="State directory (CARTULARY_HOME).")] = None,
) -> None:
    """End every process that `cartulary up` started here, even when `up` itself was killed; data stays."""
    from libs.stack.local import LocalStack
    from libs.stack.places import default_home

    place = (home or default_home()).expanduser().absolute()
    ended = asyncio.run(LocalStack(place).down())
    typer.echo(f"the stack of {place} has ended" if ended else f"no stack was running in {place}")
