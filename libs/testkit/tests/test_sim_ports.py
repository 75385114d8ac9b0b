"""The simulated ports, held to what the real ones do."""

from __future__ import annotations

from itertools import count

import pytest

from libs.ledger.client import LaneSigner
from libs.testkit.ports.bus import LANES, BusSuite, BusUnderTest
from libs.testkit.ports.clock import ClockSuite
from libs.testkit.ports.ledger import LANES as LEDGER_LANES
from libs.testkit.ports.ledger import SERVICE, LedgerSuite, LedgerUnderTest
from libs.testkit.ports.store import LANES as STORE_LANES
from libs.testkit.ports.store import StoreSuite, StoreUnderTest
from libs.testkit.ports.store_lives import StoreLivesSuite
from libs.testkit.ports.store_path import StorePathSuite
from libs.testkit.sim.bus import SimBroker
from libs.testkit.sim.chain import SimChain
from libs.testkit.sim.clock import SimClock
from libs.testkit.sim.schema import SimSchema
from libs.testkit.sim.store import SimStore
from libs.testkit.sim.world import World


class TestSimBus(BusSuite):
    """The suite of the port, on the machine's own time."""

    @pytest.fixture
    def under(self) -> BusUnderTest:
        """Two nodes of a quiet world."""
        world = World(1)
        broker = SimBroker(world, LANES, ["topic"], session_s=0.5)

        async def empty() -> None:
            broker.empty("topic")

        return BusUnderTest(broker.bus(world.node("one")), broker.bus(world.node("two")), "topic", empty)


class TestSimClock(ClockSuite):
    """The suite of the port."""

    @pytest.fixture
    def clock(self) -> SimClock:
        """A node's clock."""
        return SimClock(World(1).node("one"))


@pytest.fixture
def under_store() -> StoreUnderTest:
    """Two nodes of a quiet world and their service's schema."""
    world = World(1)
    schema = SimSchema(world, "tills", STORE_LANES)
    nodes = (f"process {n}" for n in count())

    def connect() -> SimStore:
        return SimStore(schema, world.node(next(nodes)))

    async def anew() -> SimStore:
        return connect()

    async def empty() -> None:
        schema.empty()

    return StoreUnderTest(connect(), connect(), anew, empty)


class TestSimStore(StoreSuite, StoreLivesSuite, StorePathSuite):
    """The suites of the port."""

    @pytest.fixture
    def under(self, under_store: StoreUnderTest) -> StoreUnderTest:
        """A simulated store."""
        return under_store


class TestSimLedger(LedgerSuite):
    """The suite of the port."""

    @pytest.fixture
    async def under(self) -> LedgerUnderTest:
        """A node of a quiet world, whose blocks are made on demand."""
        world = World(1)
        chain = SimChain(world, LEDGER_LANES)
        chain.register(SERVICE, b"\x07" * 32)
        signers = [LaneSigner(bytes([lane + 1]) * 32, chain.identity) for lane in range(LEDGER_LANES)]
        for lane, signer in enumerate(signers):
            chain.grant(lane, signer.address)

        async def mine() -> None:
            chain.mine_block()

        return LedgerUnderTest(chain.ledger(world.node("one")), b"\x07" * 32, signers, mine)
