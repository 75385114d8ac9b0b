"""Anyone who can write to Kafka could forge a batch (done-point 7)."""

import time

import pytest

from chaos.breakage import forge
from chaos.fleet import FUNDS, Fleet
from chaos.load import Load
from chaos.verdict import judge

# Waits end on conditions; a starved machine takes its time to start a process again.
pytestmark = pytest.mark.timeout(300)


async def test_w15_a_committer_refuses_forged_batches_and_goes_on(fleet: Fleet, load: Load) -> None:
    """No forged record becomes a row, and none keeps the true ones behind it from being committed."""
    before = fleet.said()["attested_record_set_aside"]
    async with load.running(FUNDS):
        await load.all_lanes_commit(time.monotonic())
        for lane in range(fleet.identity.lanes):
            await forge(fleet, lane)
        await load.all_lanes_commit(time.monotonic())
    verdict = await judge(fleet, load)
    assert verdict.holds, str(verdict)
    assert fleet.said()["attested_record_set_aside"] > before
