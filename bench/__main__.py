"""`python -m bench [--only B1,B4]`: every figure on a local stack of its own, one table, `bench/results.json`."""

from __future__ import annotations

import argparse
import asyncio
import importlib
import re
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson
from rich.console import Console

from bench.figure import BenchFailed, Failure, Figure
from bench.report import table, this_commit, this_machine, wire
from libs.stack.addresses import Addresses
from libs.testkit.stack import local_stack

HERE = Path(__file__).parent
RESULTS = HERE / "results.json"
BLOCK_TIME_S = 1.0
_FILE = re.compile(r"b(\d+)_[a-z_]+\.py")


def benches() -> dict[str, str]:
    """Module names by id, in the order of the numbers: a bench is a file `b<n>_<what>.py`."""
    found = [(int(name[1]), path.stem) for path in HERE.glob("b*.py") if (name := _FILE.fullmatch(path.name))]
    return {f"B{number}": f"bench.{stem}" for number, stem in sorted(found)}


def chosen(only: str | None) -> dict[str, str]:
    """The benches that `--only` names, all of them without it; raises BenchFailed for an id that there is not."""
    known = benches()
    if only is None:
        return known
    wanted = {part.strip().upper() for part in only.split(",") if part.strip()}
    if unknown := sorted(wanted - known.keys()):
        raise BenchFailed(f"there is no {', '.join(unknown)}; there are: {', '.join(known)}")
    return {identity: module for identity, module in known.items() if identity in wanted}


async def measure(identity: str, module: str, stack: Addresses, console: Console) -> list[Figure | Failure]:
    """The figures of one bench; whatever goes wrong in it is a row and does not stop the others."""
    name = module.removeprefix("bench.")
    began = time.monotonic()
    try:
        bench = importlib.import_module(module)
        summary = (bench.__doc__ or name).partition("\n")[0]
        with console.status(summary):
            figures: list[Figure] = await bench.run(stack)
        for one in figures:
            _ = one.is_met  # an aim that says nothing is a failure of the bench, not of the table
        said = "measured" if figures else "gave no figure"
        results: list[Figure | Failure] = [*figures] or [Failure(identity, name, said)]
    except Exception as error:  # noqa: BLE001 (whatever it was, its row says so and the exit code is 1)
        console.print(traceback.format_exc(), style="dim", markup=False)
        said, results = "failed", [Failure(identity, name, why(error))]
    console.print(f"{identity} {said} in {time.monotonic() - began:.0f} s")
    return results


def why(error: BaseException) -> str:
    """The error in a line; the first one of a group."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}"


@contextmanager
def own_stack(console: Console) -> Iterator[Addresses]:
    """A local stack under a state directory of its own, with a block every second."""
    with tempfile.TemporaryDirectory(prefix="cartulary-bench-", ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        home.chmod(0o711)
        with console.status("starting a local stack"):
            stack = local_stack(home, block_time_s=BLOCK_TIME_S, faults=False)
            addresses = stack.__enter__()
        try:
            yield addresses
        finally:
            with console.status("ending it"):
                stack.__exit__(None, None, None)


def main() -> int:
    """Measure; exit code 0 when every bench gave its figures, whether they meet their aims or not."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--only", help="ids, comma separated; all of them when left out")
    console = Console(stderr=True, highlight=False)
    try:
        modules = chosen(parser.parse_args().only)
    except BenchFailed as wrong:
        console.print(f"[red]{wrong}[/]")
        return 2
    machine, results = this_machine(), list[Figure | Failure]()
    with own_stack(console) as addresses:
        for identity, module in modules.items():
            results += asyncio.run(measure(identity, module, addresses, console))
    RESULTS.write_bytes(orjson.dumps(wire(results, machine, this_commit()), option=orjson.OPT_INDENT_2) + b"\n")
    Console(highlight=False, width=None if sys.stdout.isatty() else 200).print(table(results))
    console.print(f"written to {RESULTS.relative_to(HERE.parent)}")
    return 1 if any(isinstance(one, Failure) for one in results) else 0


if __name__ == "__main__":
    sys.exit(main())
