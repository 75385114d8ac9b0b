"""What `make bench` prints and writes: one table, and `bench/results.json`."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psutil
from rich.table import Table

from bench.figure import Beside, Failure, Figure
from libs.stack.places import CHECKOUT

_COLUMNS = ("figure", "", "unit", "min – max", "runs", "aim", "met", "beside")


def table(results: Sequence[Figure | Failure]) -> Table:
    """One row a figure; a bench that failed is a row that says why."""
    made = Table(title="Cartulary, measured", title_justify="left")
    made.add_column("id", no_wrap=True)
    for column in _COLUMNS:
        made.add_column(column, justify="right" if column in {"", "min – max", "runs"} else "left")
    for one in results:
        if isinstance(one, Failure):
            made.add_row(one.id, one.name, "[red]failed[/]", "", "", "", "", "[red]no[/]", one.why)
            continue
        said = {True: "[green]yes[/]", False: "[red]no[/]", None: "–"}[one.is_met]
        span = f"{shown(one.min)} – {shown(one.max)}"
        made.add_row(
            one.id, one.name, shown(one.value), one.unit, span, str(one.runs), one.aim or "–", said, _beside(one)
        )
    return made


def _beside(one: Figure) -> str:
    if one.beside is None:
        return "–"
    ratio = f" (ratio {one.value / one.beside.value:.2f})" if one.beside.value else ""
    return f"{one.beside.name}: {shown(one.beside.value)}{ratio}"


def shown(value: float) -> str:
    """A number as the table has it: three digits at least, thousands apart."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def wire(results: Sequence[Figure | Failure], machine: dict[str, Any], commit: str) -> dict[str, Any]:
    """What `bench/results.json` holds; a bench that failed has `failed` in place of its numbers."""
    return {"machine": machine, "commit": commit, "figures": [_wire(one) for one in results]}


def _wire(one: Figure | Failure) -> dict[str, Any]:
    if isinstance(one, Failure):
        return {"id": one.id, "name": one.name, "failed": one.why}
    beside: Beside | None = one.beside
    return {**asdict(one), "beside": None if beside is None else asdict(beside), "met": one.is_met}


def this_machine() -> dict[str, Any]:
    """Processor, cores, memory, and how busy the machine is with other things."""
    return {
        "cpu": _cpu_model(),
        "cores": os.cpu_count() or 1,
        "memory_bytes": psutil.virtual_memory().total,
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "load_average": list(os.getloadavg()),
    }


def _cpu_model() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())


def this_commit() -> str:
    """The commit that is measured, with `+` behind it when the checkout differs from it; empty outside git."""
    head, changed = _git("rev-parse", "HEAD"), _git("status", "--porcelain", "--untracked-files=no")
    return f"{head}+" if head and changed else head


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=CHECKOUT, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""
