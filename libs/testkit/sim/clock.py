"""The Clock port in virtual time."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from libs.testkit.sim.world import Node


class SimClock:
    """A node's clock: the world's time, some seconds off."""

    def __init__(self, node: Node, off_s: float = 0.0) -> None:
        self._node, self._off = node, timedelta(seconds=off_s)

    def now(self) -> datetime:
        """The present UTC time."""
        return self._node.world.now() + self._off

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return self._node.world.elapsed()

    async def sleep(self, seconds: float) -> None:
        """Let others run for that long."""
        self._node.check()
        await asyncio.sleep(seconds)
        self._node.check()
