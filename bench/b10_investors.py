"""B10: investors imported from a CSV per second, with callers beside it; then search by name over all of them.

One file of invented people, one `cartulary import investors`, the service in two processes as production would have it
(api and relay; commit, react and clock), beside attestation, PostgreSQL, Kafka and the ledger. Each row is one command
and one decision of three events with six sealed values. Meanwhile callers register and read at times of their own
(open loop, latency from the time at which a call was due). `BENCH_INVESTORS` is the number of rows, 200,000 without it.
"""

from __future__ import annotations

import asyncio
import os
import re
import secrets
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
import asyncpg
import orjson
import psutil

from bench.b2_latency import KEPT_S, arrivals, percentile
from bench.figure import BenchFailed, Beside, Figure, figure
from bench.people import people, write
from bench.processes import TENANT, Processes, processes
from libs.stack.addresses import Addresses
from libs.stack.part import until

ROWS = int(os.environ.get("BENCH_INVESTORS", "200000"))
AT_ONCE = 8
BATCH = 250
CALLS_PER_S = 2.0  # of each kind
WITHIN_S = 1_800.0
SAMPLE_S = 0.5
SEARCHES = 400
AIM_ROWS = "at least 667/s (200,000 in 5 min)"
AIM_SEARCH = "at most 100 ms"
SERVICE = "investors"
PROCESSES = ("investors", "investors-commit", "attestation", "import")
# A look at four rows, not at all of them: what watches must not be what is measured. A row is three events.
_COUNT = "select coalesce(sum(sequence - 1), 0)::bigint / 3 from investors.positions where consumer = 'commit'"
_COMMON = ("Anna", "María", "Ольга", "Müller", "Παπαχαραλάμπους", "فاطمة", "美咲", "林", "श्रेष्ठ", "רחל", "Meridian")
_BEGINNINGS = ("mül", "köh", "папа", "ива", "쿼", "schön", "o'sh", "жав", "mag", "zúñ", "אבן", "chat", "saint-p")
_NOBODY = ("Xyzzyqw", "Blaubär Knallkopf", "Ϟϟϟϟ", "zzzzzz", "Qwertzuiop Asdf")


@dataclass
class Memory:
    """The memory of each process, sampled while rows are committed: (rows, MB) in the order of time."""

    samples: dict[str, list[tuple[int, float]]] = field(default_factory=dict)

    def take(self, fleet: Processes, rows: int) -> None:
        """One sample of every process that runs."""
        for name in PROCESSES:
            process = fleet.running.get(name)
            if process is not None and process.poll() is None:
                mb = psutil.Process(process.pid).memory_info().rss / 1_000_000
                self.samples.setdefault(name, []).append((rows, mb))

    def peak(self, name: str, up_to: int | None = None) -> float:
        """The most that a process had, until so many rows were there."""
        return max((mb for rows, mb in self.samples[name] if up_to is None or rows <= up_to), default=0.0)


class Callers:
    """Who registers, reads and searches over HTTP beside the import."""

    def __init__(self, url: str, token: str, session: aiohttp.ClientSession) -> None:
        self._url, self._session = f"{url}/investors", session
        self._headers = {"Authorization": f"Bearer {token}", "Prefer": "wait=60"}
        self._bodies = (one for one in people(1_000_000, seed=77))
        self.known: list[str] = []

    async def register(self) -> None:
        """Register a person and wait for the committed answer; raises BenchFailed for any other."""
        status, content = await self._registered()
        if status != 201 or content["status"] != "committed":
            raise BenchFailed(f"a registration was answered {status}: {content}")
        self.known.append(content["streams"][0]["stream"].rpartition("/")[2])

    async def read(self) -> None:
        """Read somebody who is there, opened."""
        investor = self.known[secrets.randbelow(len(self.known))]
        async with self._session.get(f"{self._url}/investors/{investor}", headers=self._headers) as answer:
            if answer.status != 200:
                raise BenchFailed(f"a read was answered {answer.status}: {await answer.text()}")
            await answer.read()

    async def search(self, name: str) -> int:
        """Search by name; how many were found on the first page."""
        body = orjson.dumps({"name": name})
        headers = {**self._headers, "Content-Type": "application/json"}
        async with self._session.post(f"{self._url}/investors/search", data=body, headers=headers) as answer:
            if answer.status != 200:
                raise BenchFailed(f"a search was answered {answer.status}: {await answer.text()}")
            return len((await answer.json())["items"])

    async def settled(self) -> None:
        """Return when the service decides: the markers of its life are attested (W-21)."""

        async def decides() -> bool:
            return (await self._registered())[0] == 201

        if not await until(decides, 60.0, every_s=0.2):
            raise BenchFailed(f"investors decided nothing: {await self._registered()}")

    async def _registered(self) -> tuple[int, Any]:
        row = next(self._bodies)
        body = {
            "category": row["category"],
            "identity": {"kind": "natural", "family_name": "Beside", "birth_date": "1980-01-01", "nationality": "LU"},
            "address": {"lines": [row["address_1"]], "city": row["city"], "country": "LU"},
        }
        headers = {**self._headers, "Content-Type": "application/json", "Idempotency-Key": secrets.token_hex(8)}
        async with self._session.post(
            f"{self._url}/investors", data=orjson.dumps(body), headers=headers
        ) as answer:  # fmt: skip
            return answer.status, await answer.json(content_type=None)


@dataclass(frozen=True)
class Imported:
    """What was seen of the import: seconds, peak memory, latencies in milliseconds of the callers beside it."""

    seconds: float
    memory: Memory
    reads: list[float]
    registrations: list[float]


async def _import(fleet: Processes, url: str, file: Path, callers: Callers, database: asyncpg.Connection) -> Imported:
    memory, ended = Memory(), asyncio.Event()
    before = await database.fetchval(_COUNT)

    async def watch() -> None:
        while not ended.is_set():
            memory.take(fleet, await database.fetchval(_COUNT) - before)
            await asyncio.wait([waiting], timeout=SAMPLE_S)

    waiting = asyncio.create_task(ended.wait())
    watching = asyncio.create_task(watch())
    beside = [
        asyncio.create_task(_open_loop(call, ended, seed)) for seed, call in enumerate((callers.read, callers.register))
    ]
    began = time.perf_counter()
    fleet.run(
        "import",
        [
            "import",
            SERVICE,
            str(file),
            "--url",
            url,
            "--tenant",
            TENANT,
            "--batch",
            str(BATCH),
            "--at-once",
            str(AT_ONCE),
        ],
    )
    try:
        code = await asyncio.wait_for(asyncio.to_thread(fleet.running["import"].wait), WITHIN_S)
        took = time.perf_counter() - began
    finally:
        ended.set()
    reads, registrations = await asyncio.gather(*beside)
    await watching
    said = _said(fleet)
    found = re.search(r"(\d+) imported, (\d+) already there, 0 rejected", said)
    if code != 0 or found is None or (int(found[1]), int(found[2])) != (ROWS, 0):
        raise BenchFailed(f"the import ended with {code}: {said[-400:]}")
    return Imported(took, memory, reads, registrations)


async def _open_loop(call: Callable[[], Awaitable[None]], ended: asyncio.Event, seed: int) -> list[float]:
    """Call at times of a Poisson process until it ended; latencies in milliseconds from when each was due."""
    began = time.perf_counter()

    async def one(due: float) -> float:
        await call()
        return (time.perf_counter() - due) * 1_000

    async with asyncio.TaskGroup() as group:
        tasks = []
        for at in arrivals(Random(seed), CALLS_PER_S, WITHIN_S):
            await asyncio.sleep(max(0.0, began + at - time.perf_counter()))
            if ended.is_set():
                break
            tasks.append(group.create_task(one(began + at)))
    return [task.result() for task in tasks]


def _said(fleet: Processes) -> str:
    text = (fleet.stack.home / "log" / "bench-import.log").read_text()
    return re.sub(r"\s+", " ", text)


def _sought(count: int) -> Iterator[str]:
    """Names to search for: common, rare (one person's whole), beginnings of words, nobody's, in turn."""
    chance, rare = Random(5), [_full_name(row) for row in islice(people(ROWS), 0, ROWS, max(1, ROWS // 100))]
    kinds = (_COMMON, tuple(rare), _BEGINNINGS, _NOBODY)
    for number in range(count):
        yield chance.choice(kinds[number % len(kinds)])


def _full_name(row: dict[str, str]) -> str:
    return row.get("name") or " ".join(filter(None, (row.get("given_names"), row["family_name"])))


async def _searched(callers: Callers) -> tuple[list[float], int]:
    """Latencies of searches one after the other, in milliseconds; how many of them found somebody."""
    latencies, found = [], 0
    for number, name in enumerate(_sought(SEARCHES + 20)):
        began = time.perf_counter()
        hits = await callers.search(name)
        if number >= 20:  # the first ones warm connections and caches
            latencies.append((time.perf_counter() - began) * 1_000)
            found += hits > 0
    return latencies, found


async def _measured(fleet: Processes, file: Path) -> tuple[Imported, list[float]]:
    # Each is well only beside the other: what one decides and relays, the other commits.
    url, *_ = await asyncio.gather(
        fleet.serve(SERVICE, roles="api,relay", default_wait_s=60),
        fleet.serve(SERVICE, name="investors-commit", roles="commit,react,clock"),
        fleet.serve("attestation"),
    )
    connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=KEPT_S)
    database = await asyncpg.connect(fleet.stack.postgres)
    try:
        async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=120)) as session:
            callers = Callers(url, fleet.token("beside"), session)
            await callers.settled()
            await callers.register()
            imported = await _import(fleet, url, file, callers, database)
            latencies, found = await _searched(callers)
    finally:
        await database.close()
    if not SEARCHES / 2 <= found < SEARCHES:
        raise BenchFailed(f"of {SEARCHES} searches {found} found somebody")
    return imported, latencies


async def run(stack: Addresses) -> list[Figure]:
    """Rows a second, latencies beside them, memory at a quarter and at the end, searches."""
    file = stack.home / "people.csv"
    await asyncio.to_thread(write, file, ROWS)
    async with processes(stack) as fleet:
        imported, searches = await _measured(fleet, file)
    made = [figure("B10", f"{ROWS:,} investors imported", [ROWS / imported.seconds], "/s", AIM_ROWS)]
    for what, values in (("read", imported.reads), ("registration, committed,", imported.registrations)):
        made += [
            figure("B10", f"{what} beside the import, {which}", [percentile(values, which)], "ms", "")
            for which in ("p50", "p99")
        ]
    memory = imported.memory
    for name in PROCESSES:
        quarter = Beside(f"at {ROWS // 4:,} rows", memory.peak(name, ROWS // 4))
        made.append(figure("B10", f"peak memory of {name}", [memory.peak(name)], "MB", "", quarter))
    for which in ("p50", "p99"):
        aim = AIM_SEARCH if which == "p99" else ""
        made.append(figure("B10", f"search by name, {which}", [percentile(searches, which)], "ms", aim))
    return made
