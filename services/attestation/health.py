"""Health that says why it is not well, and what an operator can do (invariant 14, W-13)."""

from __future__ import annotations

from collections import Counter
from typing import Any, Literal

State = Literal["starting", "attesting", "stopping", "away", "gap", "rebuilding", "halted"]

WAYS_OUT = (
    "The lane stands still: a run that its service signed cannot be attested, and nothing is ever skipped (W-13). "
    "Either start a release of attestation that can read the run; or name the run's digest in "
    "CARTULARY_ATTESTATION_SET_ASIDE, restart, and rebuild the service (`cartulary replay`), whose new epoch decides "
    "anew what the run held."
)


class Health:
    """What the process knows of its own state; written by the parts, read by `/health/ready`."""

    def __init__(self) -> None:
        self._lanes: dict[int, tuple[State, str]] = {}
        self._ledger: str | None = "not asked yet"
        self._height = 0
        self._behind = 0
        self.set_aside: Counter[str] = Counter()

    def lane(self, lane: int, state: State, reason: str = "") -> None:
        """A lane's state, with the reason when it is not well."""
        self._lanes[lane] = (state, reason)

    def lane_left(self, lane: int) -> None:
        """The lane is held no more."""
        self._lanes.pop(lane, None)

    def ledger(self, away: str | None) -> None:
        """Whether the ledger answers: None, or why not."""
        self._ledger = away

    def height(self, newest: int, behind: int) -> None:
        """The newest block, and how many blocks the watcher has yet to look at."""
        self._height, self._behind = newest, behind

    def state_of(self, lane: int) -> State | None:
        """A held lane's state."""
        return self._lanes[lane][0] if lane in self._lanes else None

    def reasons(self) -> list[str]:
        """Why it is not well; empty when it is."""
        reasons = [] if self._ledger is None else [f"ledger away: {self._ledger}"]
        for lane, (state, reason) in sorted(self._lanes.items()):
            if state not in ("attesting", "stopping"):
                reasons.append(f"lane {lane} {state}: {reason}" if reason else f"lane {lane} {state}")
        return reasons

    def ready(self) -> bool:
        """Whether every held lane attests."""
        return not self.reasons()

    def report(self) -> dict[str, Any]:
        """The health page's body."""
        lanes = {str(lane): {"state": s, "reason": r} for lane, (s, r) in sorted(self._lanes.items())}
        return {
            "ready": self.ready(),
            "reasons": self.reasons(),
            "height": self._height,
            "blocks_behind": self._behind,
            "lanes": lanes,
            "runs_set_aside": dict(self.set_aside),
        }
