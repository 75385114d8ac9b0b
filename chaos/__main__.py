"""`python -m chaos`: every schedule of faults, a table of recoveries, and exit code 0 only when all holds."""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
import time
from collections.abc import Awaitable, Callable
from random import Random

import structlog

from chaos.kills import c1
from chaos.outages import c2, c3, c4, c5
from chaos.table import Recoveries, console
from chaos.verdict import Verdict

SHORT_KILLS, LONG_KILLS = 40, 1_000
SHORT_AWAY_S, LONG_AWAY_S = 15.0, 60.0

Schedule = Callable[[], Awaitable[tuple[Recoveries, Verdict]]]


def schedules(options: argparse.Namespace) -> dict[str, Schedule]:
    """The schedules that were asked for, by name; each draws from a random source of its own."""
    kills = options.kills or (LONG_KILLS if options.long else SHORT_KILLS)
    away_s = LONG_AWAY_S if options.long else SHORT_AWAY_S
    every: dict[str, Schedule] = {
        "C1": lambda: c1(Random(f"{options.seed} C1"), kills),
        "C2": lambda: c2(Random(f"{options.seed} C2"), away_s),
        "C3": lambda: c3(Random(f"{options.seed} C3")),
        "C4": lambda: c4(Random(f"{options.seed} C4")),
        "C5": lambda: c5(Random(f"{options.seed} C5")),
    }
    wanted = [name.strip().upper() for name in options.only.split(",")] if options.only else list(every)
    return {name: every[name] for name in wanted}


async def run(options: argparse.Namespace) -> int:
    """Run them one after the other; what breaks one does not keep the next from running."""
    held: dict[str, bool] = {}
    for name, schedule in schedules(options).items():
        began = time.monotonic()
        console.print(f"[bold]{name}[/] with seed {options.seed}")
        try:
            table, verdict = await schedule()
        except (AssertionError, TimeoutError, ExceptionGroup) as stuck:
            held[name] = False
            console.print(f"[red]{name} does not hold[/]: {stuck!r}", soft_wrap=True)
            continue
        held[name] = verdict.holds
        table.show()
        colour = "green" if verdict.holds else "red"
        console.print(f"[{colour}]{name}[/] {verdict}  [dim]{time.monotonic() - began:.0f} s[/]", soft_wrap=True)
    console.print("all holds" if all(held.values()) else f"does not hold: {[n for n, ok in held.items() if not ok]}")
    return 0 if all(held.values()) else 1


def main() -> int:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(prog="python -m chaos", description=__doc__)
    parser.add_argument("--long", action="store_true", help="1,000 kills, the ledger away for 60 s")
    parser.add_argument("--kills", type=int, help="how many faults in C1")
    parser.add_argument("--seed", type=int, default=7, help="of every random choice")
    parser.add_argument("--only", help="C1,C4: these schedules only")
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    return asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    sys.exit(main())
