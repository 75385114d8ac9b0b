"""C1: SIGKILL of every kind of process, in turn and then at random, sometimes two at once; SIGSTOP of attestation."""

from __future__ import annotations

import asyncio
import time
from random import Random

from chaos.fleet import ATTESTING, FUNDS, INVESTORS, PARTS, Fleet, running_fleet
from chaos.load import Load
from chaos.table import Recoveries
from chaos.verdict import Verdict, judge
from chaos.workloads import load_of
from libs.stack.part import until

PAUSES = tuple(f"pause {name}" for name in ATTESTING)
TWO_AT_ONCE = 0.25
# The session of a member of the group lasts 6 s: one pause is shorter, the other long enough to lose the lanes.
PAUSED_S = (2.0, 9.0)
RECOVERS_WITHIN_S = 120.0
STARTS_WITHIN_S = 30.0
JUDGED_EVERY = 100


async def c1(random: Random, kills: int) -> tuple[Recoveries, Verdict]:
    """At least so many kills over one fleet, pauses beside them; in the long form it is judged on the way as well.

    Everything breaks once, in an order of the seed's, before chance decides.
    """
    table = Recoveries("C1")
    async with running_fleet((FUNDS, INVESTORS)) as fleet:
        load = load_of(fleet, random)
        kinds = [*fleet.served, *PARTS, *PAUSES]
        random.shuffle(kinds)
        while True:
            async with load.running():
                await load.all_lanes_commit(time.monotonic())
                enough = min(kills, (_killed(table) // JUDGED_EVERY + 1) * JUDGED_EVERY)
                while _killed(table) < enough:
                    await _one(fleet, load, random, table, kinds)
            verdict = await judge(fleet, load)
            if not verdict.holds or _killed(table) >= kills:
                return table, verdict


def _killed(table: Recoveries) -> int:
    """How many processes got a SIGKILL; a pause is none."""
    return table.count - sum(len(table.by_kind.get(kind, ())) for kind in PAUSES)


async def _one(fleet: Fleet, load: Load, random: Random, table: Recoveries, kinds: list[str]) -> None:
    """Break one thing, or two, at a random moment of the path's work; wait until every lane commits again."""
    in_turn = table.count < len(kinds)
    chosen = [kinds[table.count]] if in_turn else random.sample(kinds, 2 if random.random() < TWO_AT_ONCE else 1)
    await asyncio.sleep(random.uniform(0, 1.5))
    broken_at = time.monotonic()
    await asyncio.gather(*(_break(fleet, kind, random.choice(PAUSED_S), random.uniform(0, 1.0)) for kind in chosen))
    took_s = await load.all_lanes_commit(broken_at, RECOVERS_WITHIN_S)
    for kind in chosen:
        table.note(kind, took_s)


async def _break(fleet: Fleet, kind: str, paused_s: float, down_s: float) -> None:
    if kind in PAUSES:
        name = kind.partition(" ")[2]
        fleet.pause(name)
        await asyncio.sleep(paused_s)
        fleet.resume(name)
        return

    async def killed() -> bool:
        return fleet.kill(kind)

    if not await until(killed, STARTS_WITHIN_S):  # its supervisor may be starting it again at the moment
        raise AssertionError(f"there is no process {kind} to kill")
    if kind in fleet.served:
        await asyncio.sleep(down_s)
        await asyncio.to_thread(fleet.start, kind)
