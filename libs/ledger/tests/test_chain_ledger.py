"""A real chain behind the Ledger port."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from libs.ledger.client import ChainLedger, LaneSigner
from libs.ledger.deploy import deploy
from libs.ledger.keys import lane_key, producer_key, public_bytes
from libs.testkit.anvil import anvil
from libs.testkit.ports.ledger import LANES, SERVICE, LedgerSuite, LedgerUnderTest


@pytest.fixture(scope="module")
def node() -> Iterator[str]:
    """A node that mines every transaction at once."""
    with anvil() as url:
        yield url


@pytest.fixture
async def under(node: str, tmp_path: Path) -> AsyncIterator[LedgerUnderTest]:
    """A contract of the test's own."""
    keystore = tmp_path / "keys"
    identity = await deploy([node], keystore, tmp_path, lanes=LANES, producers=[SERVICE])
    ledger = await ChainLedger.connect([node], identity.contract, identity.deployed_block)
    signers = [LaneSigner(lane_key(keystore, lane), identity) for lane in range(LANES)]

    async def mined_already() -> None:
        """The node needs no asking."""

    yield LedgerUnderTest(ledger, public_bytes(producer_key(keystore, SERVICE)), signers, mined_already)
    await ledger.close()


class TestChainLedger(LedgerSuite):
    """The suite of the port."""
