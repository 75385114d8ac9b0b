"""B9: what a service costs before its first request, and how long the whole local stack takes from nothing.

Every value is a process of its own; the stack gets a new state directory each time, so that PostgreSQL makes a cluster,
Kafka formats its storage and the ledger begins. What the operating system has in its page cache stays there.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import orjson

from bench.figure import BenchFailed, Beside, Figure, figure
from libs.stack.addresses import Addresses
from libs.stack.places import CHECKOUT
from libs.testkit.stack import local_stack

SERVICE = "services.funds.app"
RIVAL = "fastapi"
IMPORTS = 5
STARTS = 3
_IMPORT = """
import sys, time
began = time.perf_counter()
__import__(sys.argv[1])
took = time.perf_counter() - began
import psutil
print('[%f, %d]' % (took, psutil.Process().memory_info().rss))
"""


def cold_import(module: str) -> tuple[float, float]:
    """Seconds that a new process takes to import the module, and the MB that it then holds."""
    done = subprocess.run(
        [sys.executable, "-c", _IMPORT, module], cwd=CHECKOUT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise BenchFailed(f"{module} cannot be imported: {done.stderr[-400:]}")
    took, rss = orjson.loads(done.stdout)
    return took, rss / 1_000_000


def cold_start() -> float:
    """Seconds from nothing to a local stack that is ready."""
    with tempfile.TemporaryDirectory(prefix="cartulary-b9-", ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        home.chmod(0o711)
        began = time.perf_counter()
        with local_stack(home, block_time_s=1.0, faults=False):
            return time.perf_counter() - began


def measured() -> list[Figure]:
    """Every figure; blocks."""
    services, rivals = zip(*((cold_import(SERVICE), cold_import(RIVAL)) for _ in range(IMPORTS)), strict=True)
    starts = [cold_start() for _ in range(STARTS)]
    took, held = ([one[part] for one in services] for part in (0, 1))
    rival_took, rival_held = (median(one[part] for one in rivals) for part in (0, 1))
    return [
        figure("B9", f"import of {SERVICE}", took, "s", "at most 1.5 s", Beside(f"import {RIVAL}", rival_took)),
        figure(
            "B9", f"memory after it ({SERVICE})", held, "MB", "at most 150 MB", Beside(f"import {RIVAL}", rival_held)
        ),
        figure("B9", "start of the whole local stack, new state directory", starts, "s", "at most 25 s"),
    ]


async def run(stack: Addresses) -> list[Figure]:
    """Import, memory, start; the stack of the other benches is left alone."""
    return await asyncio.to_thread(measured)
