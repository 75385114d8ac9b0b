"""Faults that the gate plays on demand, as ledger.md lists them of real nodes; only under `--faults`."""

import time
from dataclasses import dataclass, field
from typing import Any


class UnknownFault(Exception):
    """There is no fault of that kind."""


@dataclass(slots=True)
class Faults:
    """What is wrong at the moment. Counts are of answers still to be spoilt, times are monotonic seconds."""

    delay_ms: int = 0
    refuse_until: float = 0.0
    drop_answers: int = 0
    invalid_params: int = 0
    null_heads: int = 0
    told: list[str] = field(default_factory=list)

    def order(self, fault: dict[str, Any]) -> str:
        """Takes one order, `{"kind": …, "ms" | "seconds" | "count": …}`, and returns its kind.

        Kinds: delay (ms, 0 ends it), refuse (seconds), drop_answers (count; the call is accepted, the
        connection closed), invalid_params (count; the transaction is not accepted), null_head (count),
        lose_pool, clear.
        """
        kind = str(fault.get("kind"))
        match kind:
            case "delay":
                self.delay_ms = int(fault["ms"])
            case "refuse":
                self.refuse_until = time.monotonic() + float(fault["seconds"])
            case "drop_answers":
                self.drop_answers = int(fault["count"])
            case "invalid_params":
                self.invalid_params = int(fault["count"])
            case "null_head":
                self.null_heads = int(fault["count"])
            case "lose_pool":
                pass
            case "clear":
                self.delay_ms, self.refuse_until = 0, 0.0
                self.drop_answers = self.invalid_params = self.null_heads = 0
            case _:
                raise UnknownFault(f"no fault of kind {kind!r}")
        self.told.append(kind)
        return kind

    def refuses(self) -> bool:
        """Whether connections are refused now."""
        return time.monotonic() < self.refuse_until

    def take(self, name: str) -> bool:
        """Uses up one of a counted fault; False when there is none left."""
        left = int(getattr(self, name))
        if left:
            setattr(self, name, left - 1)
        return left > 0
