"""What the fault suite prints: one row a kind of fault, then the verdict."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from statistics import median

from rich.console import Console
from rich.table import Table

console = Console(highlight=False)


@dataclass
class Recoveries:
    """Seconds from each fault to the moment when every lane had committed a command that was sent after it."""

    schedule: str
    by_kind: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def note(self, kind: str, seconds: float) -> None:
        """One more recovery."""
        self.by_kind[kind].append(seconds)
        console.print(f"  [dim]{self.schedule}[/] {kind:<16} recovered in {seconds:5.1f} s")

    @property
    def count(self) -> int:
        """How many faults there were."""
        return sum(map(len, self.by_kind.values()))

    def show(self) -> None:
        """The table."""
        table = Table("fault", "times", "recovery min s", "median s", "max s", box=None, title=self.schedule)
        for kind, times in sorted(self.by_kind.items()):
            figures = (f"{value:.1f}" for value in (min(times), median(times), max(times)))
            table.add_row(kind, str(len(times)), *figures)
        console.print(table)
