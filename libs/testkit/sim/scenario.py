"""One seeded run: a market day of tills, bells and visitors while things go wrong, then rest, then every invariant."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from random import Random
from typing import Any

from libs.kernel.decider import Command
from libs.ports import GAPS_TOPIC, INTENTS_TOPIC, LEDGER_TOPIC
from libs.rules.four_eyes import ApproveChange, ProposeChange
from libs.testkit.sample.tills import Deposit, OpenTill, Transfer, Withdraw, till_stream
from libs.testkit.sim.fleet import Fleet, Sent, deterministic
from libs.testkit.sim.forgery import forge
from libs.testkit.sim.invariants import check
from libs.testkit.sim.loop import simulate
from libs.testkit.sim.people import visit
from libs.testkit.sim.world import QUIET, Rates, World

MARKETS = ("fish", "flower", "grain")
TILLS = 2
COMMANDS = 30
DAY_S = 90.0


def rough(random: Random) -> Rates:
    """How rough a run is; some seeds are calm in all but one respect."""
    if random.random() < 0.15:
        return QUIET
    return Rates(
        slow=random.choice([0.0, 0.02, 0.1]),
        slow_s=random.choice([0.5, 1.5, 6.0]),
        unreachable=random.choice([0.0, 0.005, 0.03]),
        lost_answer=random.choice([0.0, 0.005, 0.03]),
        late=random.choice([0.0, 0.01, 0.05]),
        crash=random.choice([0.0, 0.0002, 0.002]),
        repeated=random.choice([0.0, 0.05]),
        lost_pool=random.choice([0.0, 0.05]),
        lagging=random.choice([0.0, 0.2, 0.5]),
    )


async def trouble(fleet: Fleet) -> None:
    """Crashes, emptied topics, an emptied schema, the ledger away: some of it, some time."""
    random, world = fleet.world.random, fleet.world
    acts = random.choices(
        ["crash", "topic", "schema", "ledger", "forge", "point"], weights=[6, 2, 2, 2, 2, 4], k=random.randrange(8)
    )
    for act in acts:
        await asyncio.sleep(random.uniform(0, DAY_S / 4))
        if world.elapsed() > DAY_S:
            return
        match act:
            case "crash":
                fleet.nodes[random.choice(sorted(fleet.nodes))].crash("killed")
            case "topic":
                fleet.broker.empty(random.choice([INTENTS_TOPIC, LEDGER_TOPIC, GAPS_TOPIC]), random.uniform(0, 4))
            case "schema":
                lost = fleet.schemas[random.choice(sorted(fleet.schemas))]
                lost.empty()
                if random.random() < 0.5:
                    await asyncio.sleep(random.uniform(0, 4))
                    lost.empty()
            case "forge":
                forge(fleet)
            case "ledger":
                fleet.chain.away_until = world.elapsed() + random.uniform(1, 25)
            case _:
                world.crash_at[random.choice(sorted(world.visited))] = random.randrange(6)


def command_of(fleet: Fleet, number: int) -> Sent:
    """A client's next wish, valid or not."""
    random, world = fleet.world.random, fleet.world
    market = random.choice(MARKETS)
    till, other = (f"{market}-{n}" for n in random.sample(range(TILLS), 2))
    kind = random.choices(["open", "deposit", "loud", "withdraw", "transfer"], weights=[2, 3, 3, 2, 3])[0]
    amount = Decimal(random.randrange(1, 90))
    label = f"label {random.randrange(4)}"

    def make() -> Command:
        common: dict[str, Any] = {"now": world.now(), "market": market, "till": till}
        match kind:
            case "open":
                return OpenTill(**common, label=label)
            case "deposit":
                return Deposit(**common, amount=amount)
            case "loud":
                return Deposit(**common, amount=amount + 100)
            case "withdraw":
                return Withdraw(**common, amount=amount)
            case _:
                return Transfer(**common, to=other, amount=amount)

    return Sent("tills", f"command {number}", make, f"client {number % 5}")


async def shut(fleet: Fleet, market: str) -> None:
    """Close a till under four eyes: propose, approve."""
    till, change = f"{market}-0", str(fleet.world.random.getrandbits(64))
    reads = (till_stream(market, till),)
    common: dict[str, Any] = {"service": "tills", "change": change, "key": market, "reads": reads}
    payload = {"market": market, "till": till}
    for step, sub in (("propose", "anna"), ("approve", "bert")):

        def make(step: str = step, sub: str = sub) -> Command:
            now = fleet.world.now()
            if step == "propose":
                return ProposeChange(now=now, by=sub, command="ShutTill", payload=payload, **common)
            return ApproveChange(now=now, by=sub, **common)

        outcome = await fleet.send(Sent("tills", f"{step} {change}", make, sub))
        if outcome.status == "refused":
            return


async def day(fleet: Fleet) -> None:
    """Every client's day, and the trouble."""
    random = fleet.world.random

    async def client(number: int) -> None:
        await asyncio.sleep(random.uniform(0, DAY_S / 2))
        await fleet.send(command_of(fleet, number))

    opened = [
        Sent(
            "tills", f"open {market} {n}",
            lambda market=market, n=n: OpenTill(  # type: ignore[misc]
                now=fleet.world.now(), market=market, till=f"{market}-{n}", label=f"{market} {n}"
            ),
            "keeper",
        )
        for market in MARKETS for n in range(TILLS)
    ]  # fmt: skip
    fleet.start()
    await asyncio.gather(
        *(fleet.send(sent) for sent in opened[1:]),
        *(client(number) for number in range(COMMANDS)),
        shut(fleet, random.choice(MARKETS)),
        visit(fleet),
        trouble(fleet),
    )


def run(seed: int, *, verbose: bool = False) -> Fleet:
    """Run the seed's schedule; raises AssertionError with everything that does not hold."""
    world = World(seed)
    fleets: list[Fleet] = []

    async def main() -> None:
        world.rates = rough(world.random)
        fleet = Fleet(world)
        fleets.append(fleet)
        try:
            working = asyncio.ensure_future(day(fleet))
            await asyncio.wait([working], timeout=DAY_S)
            await fleet.settle()
            await working
            await check(fleet)
        finally:
            fleet.stop()

    with deterministic(world, verbose=verbose) as loud:
        simulate(main)
    assert not loud, loud
    return fleets[0]
