"""What may vanish under a running fleet: the topics of the bus, and a service's whole schema (done-points 5 and 6)."""

import asyncio
import time

import pytest

from chaos.breakage import empty_schema, life_epoch, topics_anew
from chaos.fleet import ATTESTING, FUNDS, INVESTORS, Fleet
from chaos.load import Load
from chaos.personal import key_rows, touched
from chaos.verdict import judge

# Waits end on conditions; a starved machine takes its time to start a process again.
pytestmark = pytest.mark.timeout(300)


async def test_w8_w14_the_fleet_goes_on_when_the_topics_are_made_anew(fleet: Fleet, load: Load) -> None:
    """Relays send again what is not attested, attestation publishes again what the ledger has, consumers skip it."""
    async with load.running(FUNDS):
        await load.all_lanes_commit(time.monotonic())
        await topics_anew(fleet)
        await load.all_lanes_commit(time.monotonic())
    verdict = await judge(fleet, load)
    assert verdict.holds, str(verdict)


@pytest.mark.parametrize("service", [FUNDS, INVESTORS])
async def test_w20_w21_an_emptied_schema_is_rebuilt_from_the_ledger(fleet: Fleet, load: Load, service: str) -> None:
    """Decisions are still in Kafka: the new life settles them first, no stream forks, keys give their first answer.

    People's keys are not the schema's: what was sealed before still opens, and nobody who was erased comes back.
    """
    async with load.running(service):
        await load.all_lanes_commit(time.monotonic())
        before, keys = await life_epoch(fleet, service), await key_rows(fleet)
        for name in ATTESTING:
            fleet.pause(name)
        await asyncio.sleep(2 * fleet.block_time_s)  # a while of load: decisions gather in Kafka, none is attested
        emptied_at = time.monotonic()
        await empty_schema(fleet, service)
        for name in ATTESTING:
            fleet.resume(name)
        await load.all_lanes_commit(emptied_at)
    verdict = await judge(fleet, load, emptied=service)
    assert verdict.holds, str(verdict)
    assert touched(keys, await key_rows(fleet)) == []
    assert before is not None
    after = await life_epoch(fleet, service)
    assert after is not None
    assert after > before
