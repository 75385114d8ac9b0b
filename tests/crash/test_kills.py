"""SIGKILL of every part of the path, one after the other, while commands run (done-point 3)."""

import asyncio
import time

import pytest

from chaos.fleet import SERVED, Fleet
from chaos.load import Load
from chaos.verdict import judge

# One after the other; those of a group before the path has recovered from the one before.
GROUPS = (("api", "relay"), ("attest-1", "commit", "postgres"), ("kafka", "ledger"))
BETWEEN_S = 0.7

# Waits end on conditions; a starved machine takes its time to start a process again.
pytestmark = pytest.mark.timeout(300)


async def test_w1_w8_w11_w17_nothing_is_lost_or_doubled_whatever_is_killed(fleet: Fleet, load: Load) -> None:
    """Invariants 1, 2, 3, 9, 10: each kill hits a path at work, each time every lane commits again."""
    async with load.running():
        killed_at = time.monotonic()
        await load.all_lanes_commit(killed_at)
        for group in GROUPS:
            for name in group:
                killed_at = time.monotonic()
                assert fleet.kill(name)
                if name in SERVED:
                    await asyncio.to_thread(fleet.start, name)
                await asyncio.sleep(BETWEEN_S)
            await load.all_lanes_commit(killed_at)
    verdict = await judge(fleet, load)
    assert verdict.holds, str(verdict)
