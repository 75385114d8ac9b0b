"""Projections: pure functions from an attested event to changes of read tables (W-19)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from libs.kernel.envelope import AttestedEvent
from libs.kernel.events import Event

Columns = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Put:
    """Insert the row, or set these of its columns; the runtime adds the tenant."""

    table: str
    key: Columns
    values: Columns


@dataclass(frozen=True, slots=True)
class Add:
    """Add these numbers to the row's columns; a missing row starts from zero."""

    table: str
    key: Columns
    deltas: Columns


@dataclass(frozen=True, slots=True)
class Drop:
    """Delete the row."""

    table: str
    key: Columns


Change = Put | Add | Drop
Projection = Callable[[Event, AttestedEvent], Iterable[Change]]
