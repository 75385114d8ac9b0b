"""The simulated ports, held to what the real ones do."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from libs.testkit.ports.bus import LANES, BusSuite, BusUnderTest
from libs.testkit.ports.clock import ClockSuite
from libs.testkit.sim.bus import SimBroker
from libs.testkit.sim.clock import SimClock
from libs.testkit.sim.world import World


class TestSimBus(BusSuite):
    """The suite of the port, on the machine's own time."""

    @pytest.fixture
    async def under(self) -> AsyncIterator[BusUnderTest]:
        """Two nodes of a quiet world."""
        world = World(1)
        broker = SimBroker(world, LANES, ["topic"], session_s=0.5)

        async def empty() -> None:
            broker.empty("topic")

        yield BusUnderTest(broker.bus(world.node("one")), broker.bus(world.node("two")), "topic", empty)


class TestSimClock(ClockSuite):
    """The suite of the port."""

    @pytest.fixture
    def clock(self) -> SimClock:
        """A node's clock."""
        return SimClock(World(1).node("one"))
