"""A round of screening, and the confirmed hits that no later round undoes (TA-I-3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from libs.messages import investors as published


@dataclass(frozen=True, slots=True)
class Screening:
    """The present round: its answer once there is one, what became of each hit; and what former ones confirmed.

    `confirmed` has the round of each entry: no new name and no new round makes a confirmed hit undone.
    """

    round: int
    attempts: int = 0
    answer: published.ScreeningRecorded | None = None
    outcomes: Mapping[str, published.HitOutcome] = field(default_factory=dict)
    confirmed: Mapping[str, int] = field(default_factory=dict)

    def stands(self) -> dict[str, int]:
        """Every confirmed hit that nobody dismissed since, with its round."""
        return {**self.confirmed, **{entry: self.round for entry, said in self.outcomes.items() if said == "confirmed"}}
