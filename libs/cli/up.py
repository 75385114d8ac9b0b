"""Start the local stack (PostgreSQL, Kafka, ledger, ClickHouse) and keep it up until Ctrl-C."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

app = typer.Typer(add_completion=False)
# Progress goes to standard error, so that `eval "$(cartulary up --detach)"` takes the exports alone.
console = Console(stderr=True, highlight=False)

HomeOption = Annotated[
    Path | None, typer.Option("--home", help="State directory (CARTULARY_HOME, ~/.local/share/cartulary).")
]


def show(part: str, what: str, address: str, seconds: float) -> None:
    """One line of progress; passwords are left out."""
    colour = "red" if "not" in what else "green"
    address = address.rpartition("@")[2]
    console.print(f"  {part:<11}[{colour}]{what:<11}[/] {address}  [dim]{seconds:.1f} s[/]", soft_wrap=True)


def show_exports(home: Path) -> None:
    """The lines that make another shell use this stack."""
    from libs.stack.local import LocalStack

    for variable, value in LocalStack(home).addresses().environment().items():
        print(f"export {variable}='{value}'")


@app.command()
def up(
    home: HomeOption = None,
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Return when all is ready.")] = False,
    block_time_s: Annotated[float, typer.Option("--block-time", help="Seconds between blocks.")] = 1.0,
    faults: Annotated[bool, typer.Option("--faults", help="The ledger answers gate_fault.")] = False,
) -> None:
    """Start every part that is not given by address, wait until it is ready, and watch over it.

    A part that dies is started again. Run twice, the second one shows what runs and leaves it alone.
    """
    from libs.stack.places import default_home

    place = (home or default_home()).expanduser().absolute()
    console.print(f"[bold]Cartulary's local stack[/] in {place}", soft_wrap=True)
    if is_up(place):
        return
    code = (
        start_detached(place, block_time_s, faults) if detach else asyncio.run(foreground(place, block_time_s, faults))
    )
    raise typer.Exit(code)


def is_up(home: Path) -> bool:
    """Shows the stack of this directory when one is up already."""
    from libs.stack.local import LocalStack
    from libs.stack.part import PartFailed

    try:
        LocalStack(home).addresses()
    except PartFailed:
        return False
    console.print("  is up already and is used as it is; `cartulary status` shows it, `cartulary down` ends it")
    show_exports(home)
    return True


async def foreground(home: Path, block_time_s: float, faults: bool) -> int:
    """Keeps the stack up until Ctrl-C or SIGTERM; a second Ctrl-C changes nothing."""
    from libs.stack.local import AlreadyUp, LocalStack
    from libs.stack.part import PartFailed
    from libs.stack.places import PartMissing

    ended = asyncio.Event()
    stack = LocalStack(home, block_time_s, faults=faults, progress=show)
    starting = asyncio.create_task(stack.up())
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    waiting = asyncio.create_task(ended.wait())
    await asyncio.wait((starting, waiting), return_when=asyncio.FIRST_COMPLETED)
    if not starting.done():
        starting.cancel()
    try:
        await starting
    except (AlreadyUp, PartFailed, PartMissing) as failure:
        console.print(f"[red]{failure}[/]", soft_wrap=True)
        waiting.cancel()
        return 1
    except asyncio.CancelledError:
        return 130
    show_exports(home)
    console.print("[dim]ready; Ctrl-C or `cartulary down` ends what was started here[/]")
    await waiting
    console.print("ending …")
    begun = time.monotonic()
    await stack.stop()
    console.print(f"all ended [dim]{time.monotonic() - begun:.1f} s[/]")
    return 0


def start_detached(home: Path, block_time_s: float, faults: bool) -> int:
    """Starts the stack as a process of its own and shows its progress until it is ready."""
    from libs.stack.places import CHECKOUT

    command = [sys.executable, "-m", "libs.stack", "--home", str(home), "--block-time", str(block_time_s)]
    command += ["--faults"] if faults else []
    log = home / "log" / "up.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output, log.open("r") as words:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd="/", start_new_session=True,
            env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        )  # fmt: skip
        while True:
            is_over = process.poll() is not None
            for line in words:
                part, what, address, seconds = [*line.rstrip("\n").split("\t"), "", "", "0"][:4]
                if part == "stack":
                    return finish_detached(home, what, address)
                show(part, what, address, float(seconds))
            if is_over:
                console.print(f"[red]the stack ended with code {process.returncode}, see {log}[/]")
                return 1
            time.sleep(0.05)


def finish_detached(home: Path, what: str, reason: str) -> int:
    """Says how the start ended."""
    if what != "ready":
        console.print(f"[red]{reason}[/]", soft_wrap=True)
        return 1
    show_exports(home)
    console.print("[dim]ready; `cartulary down` ends it[/]")
    return 0
