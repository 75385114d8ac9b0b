"""Run the demo: everything from nothing, funds and investors through the whole fleet, then verify and replay."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from libs.cli.demo_run import Files, Proof

app = typer.Typer(add_completion=False)

DATA = Path(__file__).resolve().parents[2] / "tests-e2e" / "data"
UNTRUE, NOT_RUN, INTERRUPTED = 1, 2, 130


@app.command()
def demo(
    data: Annotated[
        Path,
        typer.Option(
            help="Folder with funds.yaml, investors.csv, screening.jsonl and people.yaml.", exists=True, file_okay=False
        ),
    ] = DATA,
    home: Annotated[
        Path | None, typer.Option(help="State directory; `demo` in CARTULARY_HOME, with given addresses that itself.")
    ] = None,
    block_time_s: Annotated[float, typer.Option("--block-time", help="Seconds between blocks.")] = 0.5,
) -> None:
    """Exit code 0 only when the ledger holds and its replay leads to the same digests; again it changes nothing.

    What is given by address (CARTULARY_POSTGRES_DSN, …) is used; all else is started here and ended again.
    """
    import asyncio
    import signal

    from libs.cli.demo_run import files_in, run
    from libs.edge.settings import load_settings
    from libs.kernel.errors import CartularyError
    from libs.stack.part import PartFailed
    from libs.stack.places import PartMissing

    async def interruptible() -> Proof:
        task = asyncio.current_task()
        if task is not None:
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        return await run(load_settings(), home, files, block_time_s)

    files: Files = files_in(data)
    try:
        proof = asyncio.run(interruptible())
    except (asyncio.CancelledError, KeyboardInterrupt):
        typer.echo("interrupted; everything that was started here has ended", err=True)
        raise typer.Exit(INTERRUPTED) from None
    except (CartularyError, PartFailed, PartMissing, OSError) as error:
        typer.echo(f"cartulary demo: {error}", err=True)
        raise typer.Exit(NOT_RUN) from error
    raise typer.Exit(0 if proof.is_true else UNTRUE)
