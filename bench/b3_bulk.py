"""B3: events committed per second in bulk, from the first command to the last committed row.

Orders arrive as JSON lines in batches of 1,000, four batches at once; each is one command, one decision, one event, one
row of a read table. Processes as in production: one with the roles api and relay, one with commit, one attestation
(with its CloudEvents), beside PostgreSQL, Kafka and the ledger. Beside it the library `eventsourcing` saves the same
orders as aggregates in the same PostgreSQL, 250 a transaction: no ledger, no bus, no read table, no idempotency.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Iterator
from importlib.metadata import version
from random import Random
from statistics import median
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import orjson

from bench.bulk import lines
from bench.figure import BenchFailed, Beside, Figure, figure
from bench.orders import SERVICE
from bench.processes import Processes, processes
from libs.stack.addresses import Addresses

COMMANDS = 50_000
RUNS = 3
RIVAL_ORDERS = 20_000
RIVAL_BATCH = 250
WARM_UP = 2_000
WITHIN_S = 240.0
LOOK_S = 0.02
AIM = "at least 3,000/s"
_COMMITTED = f"select coalesce(sum(sequence - 1), 0)::bigint from {SERVICE}.positions where consumer = 'commit'"
_LEFT = f"select (select count(*) from {SERVICE}.orders), (select count(*) from {SERVICE}.intents)"


class Bulk:
    """The running service, seen from outside: what it was given, what its tables hold."""

    def __init__(self, fleet: Processes, database: asyncpg.Connection) -> None:
        self._fleet, self._database = fleet, database
        self._placed = 0

    async def start(self) -> None:
        """Return when orders are decided."""
        await self._fleet.serve("attestation")
        for role in ("commit", "place"):
            self._fleet.start(role, ["-m", "bench.bulk", role], piped=True)
        for role in ("commit", "place"):
            await self._says(role, "ready")

    async def run(self, count: int) -> tuple[float, float]:
        """Commit so many orders; events committed per second, and decided per second."""
        before = await self._committed()
        importer = self._fleet.running["place"]
        assert importer.stdin is not None
        importer.stdin.write(b"%d %d\n" % (count, secrets.randbits(32)))
        importer.stdin.flush()
        await self._says("place", "begins")
        began = time.perf_counter()
        decided = asyncio.create_task(self._says("place", "decided"))
        async with asyncio.timeout(WITHIN_S):
            while await self._committed() < before + count:
                self._fleet.look("commit")
                await asyncio.sleep(LOOK_S)
        took = time.perf_counter() - began
        said = await decided
        self._placed += count
        (rows, waiting), *_ = await self._database.fetch(_LEFT)
        if (rows, waiting) != (self._placed, 0):
            raise BenchFailed(f"{rows} orders are in the read table, {self._placed} were placed, {waiting} wait")
        return count / took, count / float(said.split()[1])

    async def _committed(self) -> int:
        return int(await self._database.fetchval(_COMMITTED))

    async def _says(self, name: str, word: str) -> str:
        """The next line of a process, which begins with the word."""
        process = self._fleet.running[name]
        assert process.stdout is not None
        line = (await asyncio.to_thread(process.stdout.readline)).decode()
        if not line.startswith(word):
            raise BenchFailed(f"{name} said {line!r} where {word!r} was expected{self._fleet.last_words(name)}")
        return line


def rival(dsn: str, database: str) -> Iterator[float]:
    """Events per second that `eventsourcing` saves, run by run; blocks."""
    from eventsourcing.application import Application  # noqa: PLC0415 (the rival's own import belongs to the rival)
    from eventsourcing.domain import Aggregate  # noqa: PLC0415

    class Order(Aggregate):
        def __init__(self, particulars: dict[str, str]) -> None:
            self.particulars = particulars

    at = urlsplit(dsn)
    orders: Application[Any] = Application(env={
        "PERSISTENCE_MODULE": "eventsourcing.postgres", "POSTGRES_DBNAME": database, "POSTGRES_HOST": at.hostname or "",
        "POSTGRES_PORT": str(at.port), "POSTGRES_USER": at.username or "", "POSTGRES_PASSWORD": at.password or "",
    })  # fmt: skip
    try:
        for seed in range(RUNS):
            placed = list(lines(RIVAL_ORDERS, Random(seed)))
            began = time.perf_counter()
            for first in range(0, RIVAL_ORDERS, RIVAL_BATCH):
                orders.save(*(Order(orjson.loads(line)) for line in placed[first : first + RIVAL_BATCH]))
            yield RIVAL_ORDERS / (time.perf_counter() - began)
    finally:
        orders.close()


async def run(stack: Addresses) -> list[Figure]:
    """Committed and decided per second, the rival beside."""
    database = await asyncpg.connect(stack.postgres)
    try:
        async with processes(stack) as fleet:
            bulk = Bulk(fleet, database)
            await bulk.start()
            await bulk.run(WARM_UP)
            runs = [await bulk.run(COMMANDS) for _ in range(RUNS)]
        name = f"rival_{secrets.token_hex(4)}"
        await database.execute(f"create database {name}")
        saved = await asyncio.to_thread(list, rival(stack.postgres, name))
    finally:
        await database.close()
    beside = Beside(f"eventsourcing {version('eventsourcing')}, {RIVAL_BATCH} orders a save", median(saved))
    committed, decided = zip(*runs, strict=True)
    return [
        figure("B3", "events committed in bulk, command to committed row", committed, "events/s", AIM, beside),
        figure("B3", "of the same runs: commands decided and stored", decided, "commands/s", "", beside),
    ]
