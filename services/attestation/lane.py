"""One held lane, for as long as it is held.

A pipeline begins with what the contract says and ends when the lane is lost, when it stops, or when something failed;
then the next begins with what the contract says. The contract is the fence: nothing here must be right for the ledger
to stay right (W-10).
"""

from __future__ import annotations

from collections.abc import Callable

import structlog

from libs.ledger.opening import BadBatch
from libs.ledger.port import LedgerUnreachable
from libs.ports import BusUnreachable
from services.attestation.parts import Parts
from services.attestation.pipeline import BeginAgain, Pipeline

log = structlog.get_logger(__name__)

FIRST_PAUSE_S, MOST_PAUSE_S = 0.05, 5.0


class Lane:
    """Attests one lane for as long as it is among those `held`; `stopping` ends it gracefully."""

    def __init__(
        self, lane: int, parts: Parts, held: Callable[[], frozenset[int]], stopping: Callable[[], bool]
    ) -> None:
        self._lane, self._parts, self._held, self._stopping = lane, parts, held, stopping

    async def run(self) -> None:
        """Attest until the lane is lost or everything in flight is published after a stop."""
        pause, health = FIRST_PAUSE_S, self._parts.health
        try:
            while self._is_held() and not self._stopping():
                pipeline = Pipeline(self._lane, self._parts, self._held, self._stopping)
                try:
                    health.lane(self._lane, "starting", "reading the lane from the contract")
                    await pipeline.begin()
                    await pipeline.run()
                except BeginAgain as again:
                    health.lane(self._lane, "rebuilding", str(again))
                except (LedgerUnreachable, BusUnreachable) as away:
                    health.lane(self._lane, "away", away.detail)
                    log.warning("lane_waits", lane=self._lane, code=away.code, reason=away.detail)
                except BadBatch as lie:
                    health.lane(self._lane, "away", f"a ledger node serves what cannot be: {lie.detail}")
                    log.error("ledger_lies", lane=self._lane, kind=lie.kind.value, reason=lie.detail)
                finally:
                    await pipeline.end()
                pause = FIRST_PAUSE_S if pipeline.attested else min(pause * 2, MOST_PAUSE_S)
                if self._is_held() and not self._stopping():
                    self._parts.metrics.rebuilt.labels(self._lane).inc()
                    await self._parts.clock.sleep(pause)
        finally:
            health.lane_left(self._lane)

    def _is_held(self) -> bool:
        return self._lane in self._held()
