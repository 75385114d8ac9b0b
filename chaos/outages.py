"""C2 to C5: the ledger away or lying, the bus emptied, a schema emptied; always under load."""

from __future__ import annotations

import asyncio
import time
from random import Random

from chaos.breakage import empty_schema, life_epoch, topics_anew
from chaos.fleet import Fleet, running_fleet
from chaos.load import Load
from chaos.table import Recoveries
from chaos.verdict import Verdict, judge

RATE_PER_S = 12.0
BACKLOG_LIMIT = 40
ROUNDS = 2


async def c2(random: Random, away_s: float) -> tuple[Recoveries, Verdict]:
    """The ledger is away: reads are served, commands taken up to the limit, then refused with Retry-After."""
    table, wrong = Recoveries("C2"), list[str]()
    async with running_fleet(backlog_limit=BACKLOG_LIMIT) as fleet:
        load = Load(fleet, RATE_PER_S, random)
        async with load.running():
            await load.all_lanes_commit(time.monotonic())
            before = load.seen["503 backlog-full"]
            await fleet.gate_fault(kind="refuse", seconds=away_s)
            ends_at = time.monotonic() + away_s
            reads, said = list[int](), ""
            while time.monotonic() < ends_at:
                reads.append(await load.read("/umbrellas"))
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
    return "; ".join([await fleet.unwell(name) for name in ("api", "attest-1", "attest-2")])


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
    async with running_fleet() as fleet:
        load = Load(fleet, RATE_PER_S, random)
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
    async with running_fleet() as fleet:
        load = Load(fleet, RATE_PER_S, random)
        async with load.running():
            await load.all_lanes_commit(time.monotonic())
            for _ in range(ROUNDS):
                await asyncio.sleep(random.uniform(0, 2.0))
                began = time.monotonic()
                await topics_anew(fleet)
                table.note("topics anew", await load.all_lanes_commit(began))
        return table, await judge(fleet, load)


async def c5(random: Random) -> tuple[Recoveries, Verdict]:
    """The schema of funds is emptied: once with decisions in Kafka that nobody attests meanwhile, once as it comes."""
    table, wrong, verdict = Recoveries("C5"), list[str](), Verdict()
    async with running_fleet() as fleet:
        load = Load(fleet, RATE_PER_S, random)
        verdict = Verdict()
        for attestation_stands in (True, False):
            async with load.running():
                await load.all_lanes_commit(time.monotonic())
                epoch = await life_epoch(fleet)
                instances = ("attest-1", "attest-2") if attestation_stands else ()
                for name in instances:
                    fleet.pause(name)
                await asyncio.sleep(random.uniform(0.5, 2.0))
                began = time.monotonic()
                await empty_schema(fleet)
                for name in instances:
                    fleet.resume(name)
                table.note("schema emptied", await load.all_lanes_commit(began))
            verdict = await judge(fleet, load, schema_was_emptied=True)
            after = await life_epoch(fleet)
            if epoch is None or after is None or after <= epoch:
                wrong.append(f"the epoch went from {epoch} to {after}")
            if not verdict.holds:
                break
    verdict.breaches += wrong
    return table, verdict
