"""A measured figure, as `bench/results.json` holds it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

_BOUND = re.compile(r"at (least|most) ([0-9][0-9,]*(?:\.[0-9]+)?)")


class BenchFailed(Exception):
    """A measurement that could not be made, or that measured something wrong; the message says why."""


@dataclass(frozen=True, slots=True)
class Beside:
    """A rival or a bare loop of the same work in the same process run: its name and its median."""

    name: str
    value: float


@dataclass(frozen=True, slots=True)
class Figure:
    """The median of `runs` runs with minimum and maximum, and what it should be.

    `aim` begins with `at least N` or `at most N` in the figure's unit; it is empty for a figure that is only shown.
    """

    id: str
    name: str
    value: float
    unit: str
    min: float
    max: float
    runs: int
    aim: str
    beside: Beside | None = None

    @property
    def is_met(self) -> bool | None:
        """Whether the median meets the aim; None without one. Raises BenchFailed for an aim that names no bound."""
        if not self.aim:
            return None
        found = _BOUND.match(self.aim)
        if found is None:
            raise BenchFailed(f"the aim {self.aim!r} of {self.id} begins with neither `at least N` nor `at most N`")
        bound = float(found[2].replace(",", ""))
        return self.value >= bound if found[1] == "least" else self.value <= bound


@dataclass(frozen=True, slots=True)
class Failure:
    """A bench that measured nothing: a row that says why."""

    id: str
    name: str
    why: str


def figure(identity: str, name: str, values: Sequence[float], unit: str, aim: str,
           beside: Beside | None = None) -> Figure:  # fmt: skip
    """The figure of these runs' values."""
    return Figure(identity, name, median(values), unit, min(values), max(values), len(values), aim, beside)
