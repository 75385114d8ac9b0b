"""SIGKILL of every part of the path, one after the other, while commands run (done-point 3)."""

import asyncio
import time
from collections.abc import Sequence

import pytest

from chaos.fleet import FUNDS, INVESTORS, Fleet
from chaos.load import Load
from chaos.verdict import judge

# One after the other; those of a group before the path has recovered from the one before.
GROUPS = (("api", "relay"), ("attest-1", "commit", "postgres"), ("kafka", "ledger"))
OF_PEOPLE = (("postgres",), ("investors-api", "investors-react"), ("postgres", "investors-api"))
BETWEEN_S = 0.7

# Waits end on conditions; a starved machine takes its time to start a process again.
pytestmark = pytest.mark.timeout(300)


async def test_w1_w8_w11_w17_nothing_is_lost_or_doubled_whatever_is_killed(fleet: Fleet, load: Load) -> None:
    """Invariants 1, 2, 3, 9, 10: each kill hits a path at work, each time every lane commits again."""
    async with load.running(FUNDS):
        await load.all_lanes_commit(time.monotonic())
        for group in GROUPS:
            await _kill(fleet, load, group)
    verdict = await judge(fleet, load)
    assert verdict.holds, str(verdict)


async def test_ta_i_7_no_kill_parts_a_person_from_its_key(fleet: Fleet, load: Load) -> None:
    """Keys are stored before what they seal: PostgreSQL and the API die while people are registered and erased."""
    async with load.running(INVESTORS):
        await load.all_lanes_commit(time.monotonic())
        for group in OF_PEOPLE:
            await _kill(fleet, load, group)
    verdict = await judge(fleet, load)
    assert verdict.holds, str(verdict)
    assert verdict.opened
    assert verdict.erased


async def _kill(fleet: Fleet, load: Load, group: Sequence[str]) -> None:
    killed_at = time.monotonic()
    for name in group:
        killed_at = time.monotonic()
        assert fleet.kill(name)
        if name in fleet.served:
            await asyncio.to_thread(fleet.start, name)
        await asyncio.sleep(BETWEEN_S)
    await load.all_lanes_commit(killed_at)
