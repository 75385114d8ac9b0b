"""Two instances of attestation share the lanes; the contract is the fence between them (done-point 4)."""

import asyncio
import time

import pytest

from chaos.fleet import FUNDS, Fleet
from chaos.load import Load
from chaos.verdict import judge
from libs.stack.part import until

MOVED_WITHIN_S = 20.0

# Waits end on conditions; a starved machine takes its time to start a process again.
pytestmark = pytest.mark.timeout(300)


async def _hold(fleet: Fleet, name: str, lanes: set[int]) -> None:
    async def holds() -> bool:
        return await fleet.held(name) == lanes

    assert await until(holds, MOVED_WITHIN_S), f"{name} holds {await fleet.held(name)}, not {lanes}"


async def _are_shared(fleet: Fleet) -> None:
    every = set(range(fleet.identity.lanes))

    async def shared() -> bool:
        one, other = await fleet.held("attest-1"), await fleet.held("attest-2")
        return bool(one and other) and one | other == every and not one & other

    assert await until(shared, MOVED_WITHIN_S), "the lanes are not shared"


async def test_w9_killing_one_instance_moves_its_lanes_to_the_other(fleet: Fleet, load: Load) -> None:
    every = set(range(fleet.identity.lanes))
    await _are_shared(fleet)
    async with load.running(FUNDS):
        fleet.kill("attest-1")
        killed_at = time.monotonic()
        await _hold(fleet, "attest-2", every)
        await load.all_lanes_commit(killed_at)
        await asyncio.to_thread(fleet.start, "attest-1")
        await _are_shared(fleet)
    verdict = await judge(fleet, load)
    assert verdict.holds, str(verdict)


async def test_w10_a_paused_and_resumed_instance_writes_no_stale_batch(fleet: Fleet, load: Load) -> None:
    """SIGSTOP in the midst of work until the other has its lanes, then SIGCONT: the contract refuses what is stale."""
    every = set(range(fleet.identity.lanes))
    await _are_shared(fleet)
    async with load.running(FUNDS):
        await load.all_lanes_commit(time.monotonic())
        fleet.pause("attest-2")
        paused_at = time.monotonic()
        try:
            await _hold(fleet, "attest-1", every)
            await load.all_lanes_commit(paused_at)
        finally:
            fleet.resume("attest-2")
        await _are_shared(fleet)
        await load.all_lanes_commit(time.monotonic())
    verdict = await judge(fleet, load)
    assert verdict.holds, str(verdict)
