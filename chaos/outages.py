"""C2 to C5: the ledger away or lying, the bus emptied, a schema emptied; always under load."""

from __future__ import annotations

import asyncio
import time
from random import Random

from chaos.breakage import empty_schema, life_epoch, topics_anew
from chaos.fleet import ATTESTING, FUNDS, INVESTORS, Fleet, running_fleet
from chaos.load import Load
from chaos.personal import key_rows, touched
from chaos.table import Recoveries
from chaos.verdict import Verdict, judge
from chaos.workloads import load_of

SERVICES = (FUNDS, INVESTORS)
# Where funds is looked at, investors has some work too.
LIGHT = {FUNDS: 8.0, INVESTORS: 1.5}
BACKLOG_LIMIT = 40
ROUNDS = 2


async def c2(random: Random, away_s: float) -> tuple[Recoveries, Verdict]:
    """The ledger is away: reads are served, commands taken up to the limit, then refused with Retry-After."""
    table, wrong = Recoveries("C2"), list[str]()
    async with running_fleet(SERVICES, backlog_limit=BACKLOG_LIMIT) as fleet:
        load = load_of(fleet, random, LIGHT)
        async with load.running():
            await load.all_lanes_commit(time.monotonic())
            before = load.seen["503 backlog-full"]
            await fleet.gate_fault(kind="refuse", seconds=away_s)
            ends_at = time.monotonic() + away_s
            reads, said = list[int](), ""
            while time.monotonic() < ends_at:
                reads.append(await load.read(FUNDS, "/umbrellas"))
                await asyncio.sleep(0.5)
                said = await _why(fleet)
            if set(reads) != {200}:
                wrong.append(f"reads were answered {sorted(set(reads))} while the ledger was away")
            if load.seen["503 backlog-full"] == before:
                wrong.append(f"no command was refused although more than {BACKLOG_LIMIT} waited")
            if "ledger" not in said:
                wrong.append(f"no health page said that the ledger is away: {said}")
            table.note(f"ledger away {away_s:.0f} s", await load.all_lanes_commit(ends_at))
        if load.retry_after["without"]:
            wrong.append(f"{load.retry_after['without']} answers with 503 had no Retry-After")
        verdict = await judge(fleet, load)
    verdict.breaches += wrong
    return table, verdict


async def _why(fleet: Fleet) -> str:
    """What is not well, in the words of the health pages."""
    return "; ".join([await fleet.unwell(name) for name in ("api", *ATTESTING)])


async def c3(random: Random) -> tuple[Recoveries, Verdict]:
    """The ledger answers late, twice, wrongly, or forgets what it accepted (ledger.md, quirks)."""
    table = Recoveries("C3")
    faults: list[dict[str, object]] = [
        {"kind": "delay", "ms": 700},
        {"kind": "refuse", "seconds": 4},
        {"kind": "drop_answers", "count": 8},
        {"kind": "invalid_params", "count": 8},
        {"kind": "null_head", "count": 30},
        {"kind": "lose_pool"},
    ]
    async with running_fleet(SERVICES) as fleet:
        load = load_of(fleet, random, LIGHT)
        async with load.running():
            await load.all_lanes_commit(time.monotonic())
            for fault in faults * ROUNDS:
                await asyncio.sleep(random.uniform(0, 1.0))
                began = time.monotonic()
                await fleet.gate_fault(**fault)
                if fault["kind"] == "delay":
                    await asyncio.sleep(4.0)
                    await fleet.gate_fault(kind="delay", ms=0)
                if fault["kind"] == "lose_pool":  # again and again, so that it hits what waits in it
                    for _ in range(10):
                        await asyncio.sleep(random.uniform(0, 2 * fleet.block_time_s))
                        await fleet.gate_fault(**fault)
                table.note(str(fault["kind"]), await load.all_lanes_commit(began))
        return table, await judge(fleet, load)


async def c4(random: Random) -> tuple[Recoveries, Verdict]:
    """The topics of intents and of the attested log are deleted and made anew."""
    table = Recoveries("C4")
    async with running_fleet(SERVICES) as fleet:
        load = load_of(fleet, random, LIGHT)
        async with load.running():
            await load.all_lanes_commit(time.monotonic())
            for _ in range(ROUNDS):
                await asyncio.sleep(random.uniform(0, 2.0))
                began = time.monotonic()
                await topics_anew(fleet)
                table.note("topics anew", await load.all_lanes_commit(began))
        return table, await judge(fleet, load)


async def c5(random: Random) -> tuple[Recoveries, Verdict]:
    """Each service's schema is emptied: once with decisions in Kafka that nobody attests meanwhile, once as it comes.

    The vault's schema is no service's: whatever a rebuild does, keys stay as they are.
    """
    table, verdict = Recoveries("C5"), Verdict()
    async with running_fleet(SERVICES) as fleet:
        load = load_of(fleet, random)
        for service in SERVICES:
            for attestation_stands in (True, False):
                wrong = await _emptied(fleet, load, random, table, service, attestation_stands)
                verdict = await judge(fleet, load, emptied=service)
                verdict.breaches += wrong
                if not verdict.holds:
                    return table, verdict
    return table, verdict


async def _emptied(
    fleet: Fleet, load: Load, random: Random, table: Recoveries, service: str, attestation_stands: bool
) -> list[str]:
    """Empty a service's schema under load; what is wrong with its epoch and the keys when all lanes commit again."""
    async with load.running():
        await load.all_lanes_commit(time.monotonic())
        before = await life_epoch(fleet, service)
        instances = ATTESTING if attestation_stands else ()
        for name in instances:
            fleet.pause(name)
        await asyncio.sleep(random.uniform(0.5, 2.0))
        keys = await key_rows(fleet)
        began = time.monotonic()
        await empty_schema(fleet, service)
        for name in instances:
            fleet.resume(name)
        table.note(f"{service} emptied", await load.all_lanes_commit(began))
    wrong, after = touched(keys, await key_rows(fleet)), await life_epoch(fleet, service)
    if before is None or after is None or after <= before:
        wrong.append(f"the epoch of {service} went from {before} to {after}")
    return wrong
