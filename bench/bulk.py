"""The service that B3 measures: orders that are placed, in processes as production would have them.

`python -m bench.bulk place` plays the roles api and relay, and takes batches of commands as an import would: JSON
lines, many at once. `python -m bench.bulk commit` plays the role commit. Both end on SIGTERM or with their input.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID

import orjson
import structlog
import uvloop

from bench.figure import BenchFailed
from bench.orders import PARTS, SERVICE, OrderPlaced, Orders, funds_of
from bench.processes import LANES, TENANT
from libs.edge.composition import Composition
from libs.edge.serve import collect_seldom
from libs.edge.settings import load_settings
from libs.kernel.decider import Command
from libs.kernel.envelope import Actor
from libs.kernel.errors import AlreadyExists
from libs.kernel.events import Event
from libs.kernel.ids import uuid7
from libs.kernel.streams import stream_name
from libs.stack.part import until

BATCH = 1_000
IMPORTERS = LANES
SETTLED_WITHIN_S = 60.0
_ACTOR = Actor("importer", "operations")


class PlaceOrder(Command):
    """Take a client's order in."""

    fund: str
    placed: UUID
    account: UUID
    share_class: str
    side: str
    amount: Decimal
    currency: str

    def streams(self) -> tuple[str, ...]:
        """The order's own stream."""
        return (stream_name(SERVICE, self.fund, "order", self.placed),)


class Placing(Orders):
    """The decider of orders that are placed one by one."""

    commands: Mapping[str, type[Command]] = {"PlaceOrder": PlaceOrder}

    def decide(self, command: Command, states: Mapping[str, Any]) -> Sequence[Event]:
        """An order is placed once; the same order again is no event."""
        if not isinstance(command, PlaceOrder):
            return super().decide(command, states)
        placed = OrderPlaced(
            fund=command.fund, placed=str(command.placed), account=str(command.account), side=command.side,
            share_class=command.share_class, amount=command.amount, currency=command.currency,
        )  # fmt: skip
        (known,) = states.values()
        if known is None:
            return [placed]
        if known == placed:
            return []
        raise AlreadyExists("another order has this id", field="placed", value=str(command.placed))


PLACING = replace(PARTS, decider=Placing())


def lines(count: int, chance: Random) -> Iterator[bytes]:
    """Orders as JSON lines, the lanes' funds in turn."""
    funds, now, bits = funds_of(LANES), datetime.now(UTC), chance.getrandbits
    for number in range(count):
        yield orjson.dumps({
            "fund": funds[number % LANES], "placed": str(uuid7(now, bits)), "account": str(uuid7(now, bits)),
            "share_class": "LU0123456789", "side": "subscription", "amount": f"{bits(20)}.00", "currency": "EUR",
        })  # fmt: skip


class Importer:
    """Places orders through the gateway, batches of them at once."""

    def __init__(self, whole: Composition) -> None:
        self._whole = whole

    async def settled(self) -> None:
        """Return when the service decides (W-21)."""

        async def decides() -> bool:
            if self._whole.paths["api"].state != "running":
                return False
            life = await self._whole.store.life()
            return life is not None and life.settled

        if not await until(decides, SETTLED_WITHIN_S, every_s=0.05):
            raise BenchFailed("the markers of orders were not attested in time")

    async def place(self, orders: Sequence[bytes]) -> None:
        """Decide all of them; raises BenchFailed when one was not."""
        waiting = iter(range(0, len(orders), BATCH))
        async with asyncio.TaskGroup() as group:
            for _ in range(IMPORTERS):
                group.create_task(self._batches(orders, waiting))

    async def _batches(self, orders: Sequence[bytes], waiting: Iterator[int]) -> None:
        for first in waiting:
            outcomes = await asyncio.gather(*map(self._one, orders[first : first + BATCH]))
            if outcomes.count("decided") != len(outcomes):
                raise BenchFailed(f"orders were not decided but {set(outcomes) - {'decided'}}")

    async def _one(self, line: bytes) -> str:
        wire = orjson.loads(line)
        command = PlaceOrder(now=self._whole.ports.clock.now(), **wire)
        return (await self._whole.gateway.submit(command, TENANT, _ACTOR, wire["placed"], line)).status


async def _play(role: str) -> None:
    settings = load_settings().having(roles=("api", "relay") if role == "place" else (role,))
    whole = Composition(PLACING, settings)
    await whole.open()
    playing = [asyncio.ensure_future(component.run()) for component in whole.components()]
    hearing = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(hearing), sys.stdin)
    importer = Importer(whole)
    if role == "place":
        await importer.settled()
    print("ready", flush=True)
    while asked := await hearing.readline():
        count, seed = map(int, asked.split())
        orders = list(lines(count, Random(seed)))
        print("begins", flush=True)
        began = time.perf_counter()
        await importer.place(orders)
        print(f"decided {time.perf_counter() - began:.6f}", flush=True)
    for task in playing:
        task.cancel()
    await asyncio.gather(*playing, return_exceptions=True)
    await whole.close()


def main() -> None:
    """Play the role that the command line names, until the input ends."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    collect_seldom()
    uvloop.run(_play(sys.argv[1]))


if __name__ == "__main__":
    main()
