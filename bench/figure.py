"""A measured figure, as `bench/results.json` holds it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Beside:
    """A rival or a bare loop of the same work in the same process run: its name and its median."""

    name: str
    value: float


@dataclass(frozen=True, slots=True)
class Figure:
    """The median of `runs` runs with minimum and maximum, and what it should be."""

    id: str
    name: str
    value: float
    unit: str
    min: float
    max: float
    runs: int
    aim: str
    beside: Beside | None = None


def figure(identity: str, name: str, values: Sequence[float], unit: str, aim: str,
           beside: Beside | None = None) -> Figure:  # fmt: skip
    """The figure of these runs' values."""
    return Figure(identity, name, median(values), unit, min(values), max(values), len(values), aim, beside)
