"""A round of screening, and the confirmed hits that no later round undoes (TA-I-3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from libs.messages import investors as published


class Hit(NamedTuple):
    """What a hit goes by: its round and its number there; which entry it is stays sealed."""

    round: int
    number: int


@dataclass(frozen=True, slots=True)
class Screening:
    """The present round: its answer once there is one, what became of each hit; and what former ones confirmed.

    No new name and no new round makes a hit of `confirmed` undone. `former` are the earlier rounds that were answered.
    """

    round: int
    attempts: int = 0
    answer: published.ScreeningRecorded | None = None
    outcomes: Mapping[int, published.HitOutcome] = field(default_factory=dict)
    confirmed: frozenset[Hit] = frozenset()
    former: tuple[int, ...] = ()

    def next(self, number: int) -> Screening:
        """The round that follows on this one."""
        return Screening(number, confirmed=self.stands(), former=self.answered())

    def stands(self) -> frozenset[Hit]:
        """Every confirmed hit that nobody dismissed since."""
        return self.confirmed | {Hit(self.round, hit) for hit, said in self.outcomes.items() if said == "confirmed"}

    def answered(self) -> tuple[int, ...]:
        """The rounds that were answered."""
        return self.former if self.answer is None else (*self.former, self.round)

    def has(self, hit: int) -> bool:
        """Whether the present round found a hit of this number."""
        return self.answer is not None and hit <= self.answer.hit_count

    def left(self) -> int:
        """How many hits of the present round nobody resolved."""
        return 0 if self.answer is None else self.answer.hit_count - len(self.outcomes)
