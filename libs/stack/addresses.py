"""Addresses of the four parts: given by environment, or filled in by the local stack."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Self

VARIABLES = {
    "postgres": "CARTULARY_POSTGRES_DSN",
    "kafka": "CARTULARY_KAFKA_BOOTSTRAP",
    "ledger": "CARTULARY_LEDGER_RPC",
    "clickhouse": "CARTULARY_CLICKHOUSE_DSN",
}


@dataclass(frozen=True, slots=True)
class Addresses:
    """One address a part (`ledger` may be several, comma separated) and the state directory."""

    home: Path
    postgres: str = ""
    kafka: str = ""
    ledger: str = ""
    clickhouse: str = ""

    @classmethod
    def given(cls, home: Path) -> Self:
        """What the environment gives by address; the rest is empty."""
        return cls(home, **{part: os.environ.get(variable, "") for part, variable in VARIABLES.items()})

    def of(self, part: str) -> str:
        """The address of a part, empty when it has none."""
        return str(getattr(self, part))

    def with_part(self, part: str, address: str) -> Self:
        """The same with one address more."""
        return type(self)(self.home, **{name: self.of(name) for name in VARIABLES} | {part: address})

    def environment(self) -> dict[str, str]:
        """The variables that a process of ours is given to use these parts."""
        found = {variable: self.of(part) for part, variable in VARIABLES.items() if self.of(part)}
        return {"CARTULARY_HOME": str(self.home), **found}
