"""B2: the time from an API call to its committed answer, over HTTP, at blocks of one second.

Open loop: each caller sends at times of its own (a Poisson process, so that nothing aligns with the blocks) whatever
became of its earlier calls; latency counts from the time at which a call was due. Beside it a ready transaction is sent
at such times and its receipt waited for: the bare wait for a block.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from functools import partial
from random import Random
from statistics import median, quantiles
from typing import Any

import aiohttp

from bench.figure import BenchFailed, Beside, Figure, figure
from bench.processes import Processes, processes
from libs.ledger.rpc import JsonRpc
from libs.ledger.signing import Account
from libs.stack.addresses import Addresses
from libs.stack.part import until

CALLERS = (1, 16, 64)
CALLS_PER_S = 1.0  # of one caller
RUN_S = 12.0
RUNS = 3
WARM_UP_S = 3.0
ANSWER_WITHIN_S = 60.0
# Shorter than the server keeps an idle connection (5 s), so that no call goes out on one that just ends.
KEPT_S = 2.0
RECEIPT_POLL_S = 0.02  # as the attestation service polls
# At blocks of one second: 0.6 block periods + 100 ms, 2 block periods + 200 ms; asked of 16 callers (measure.md).
AIMS = {
    (16, "p50"): "at most 700 ms (0.6 block periods + 100)",
    (16, "p99"): "at most 2,200 ms (2 block periods + 200)",
}
_TRANSFER_GAS = 21_000


@dataclass(frozen=True, slots=True)
class Run:
    """Latencies in milliseconds: of the calls, and of the bare transactions beside them."""

    calls: list[float]
    bare: list[float]


def arrivals(chance: Random, per_s: float, seconds: float) -> Iterator[float]:
    """Times of a Poisson process, in seconds from its start."""
    at = chance.expovariate(per_s)
    while at < seconds:
        yield at
        at += chance.expovariate(per_s)


async def open_loop(times: Iterator[float], call: Callable[[], Awaitable[None]]) -> list[float]:
    """Call at each of these times, however long the calls before take; latencies in milliseconds."""
    began = time.perf_counter()

    async def one(due: float) -> float:
        await call()
        return (time.perf_counter() - due) * 1_000

    async with asyncio.TaskGroup() as group:
        tasks = []
        for at in times:
            await asyncio.sleep(max(0.0, began + at - time.perf_counter()))
            tasks.append(group.create_task(one(began + at)))
    return [task.result() for task in tasks]


class Callers:
    """Callers of funds, each with a token of its own."""

    def __init__(self, url: str, tokens: list[str], session: aiohttp.ClientSession) -> None:
        self._url, self._tokens, self._session = url, tokens, session

    async def settled(self) -> None:
        """Return when the service decides: the markers of its life are attested (W-21)."""

        async def decides() -> bool:
            status, _ = await self._post(0)
            return status == 201

        if not await until(decides, ANSWER_WITHIN_S, every_s=0.2):
            raise BenchFailed("funds decided nothing")

    async def register(self, caller: int) -> None:
        """Register an umbrella and wait for the committed answer; raises BenchFailed for any other answer."""
        status, content = await self._post(caller)
        if status != 201 or content["status"] != "committed":
            raise BenchFailed(f"a call was answered {status}: {content}")

    async def _post(self, caller: int) -> tuple[int, dict[str, Any]]:
        name = secrets.token_hex(8)
        body = {"name": f"Umbrella {name}", "legal_form": "sicav", "regime": "ucits", "domicile": "LU"}
        headers = {"Authorization": f"Bearer {self._tokens[caller]}", "Idempotency-Key": name}
        async with self._session.post(f"{self._url}/umbrellas", json=body, headers=headers) as answer:
            return answer.status, await answer.json(content_type=None)

    async def run(self, count: int, seconds: float, chance: Random) -> list[float]:
        """What so many callers see in so many seconds."""
        async with asyncio.TaskGroup() as group:
            loops = []
            for caller in range(count):
                times = arrivals(Random(chance.random()), CALLS_PER_S, seconds)
                loops.append(group.create_task(open_loop(times, partial(self.register, caller))))
        return [latency for loop in loops for latency in loop.result()]


class Bare:
    """An account without anything that sends itself nothing: a transaction's way through the ledger alone."""

    def __init__(self, rpc: JsonRpc, chain_id: int) -> None:
        self._rpc, self._chain_id = rpc, chain_id
        self._account = Account(secrets.token_bytes(32))
        self._nonce = 0

    async def transact(self) -> None:
        """Send the next transaction, ready-made, and wait until a block has it."""
        nonce, self._nonce = self._nonce, self._nonce + 1
        signed = self._account.sign(
            nonce=nonce, gas_price=0, gas=_TRANSFER_GAS, to=self._account.address, data=b"", chain_id=self._chain_id
        )
        await self._rpc.call("eth_sendRawTransaction", "0x" + signed.raw.hex())
        async with asyncio.timeout(ANSWER_WITHIN_S):
            while await self._rpc.call("eth_getTransactionReceipt", "0x" + signed.hash.hex()) is None:  # noqa: ASYNC110
                await asyncio.sleep(RECEIPT_POLL_S)


async def one_run(callers: Callers, bare: Bare, count: int, seconds: float, chance: Random) -> Run:
    """Calls and bare transactions at the same time."""
    times = arrivals(Random(chance.random()), CALLS_PER_S, seconds)
    async with asyncio.TaskGroup() as group:
        calls = group.create_task(callers.run(count, seconds, chance))
        waits = group.create_task(open_loop(times, bare.transact))
    return Run(calls.result(), waits.result())


def percentile(values: list[float], which: str) -> float:
    """p50 or p99 of a run's latencies."""
    return median(values) if which == "p50" else quantiles(values, n=100, method="inclusive")[98]


async def _measured(fleet: Processes) -> dict[int, list[Run]]:
    await fleet.serve("attestation")
    url = await fleet.serve("funds", default_wait_s=ANSWER_WITHIN_S)
    tokens = [fleet.token(f"caller-{number}") for number in range(max(CALLERS))]
    timeout = aiohttp.ClientTimeout(total=ANSWER_WITHIN_S)
    chance = Random(2)
    async with (
        JsonRpc(fleet.stack.ledger.split(","), timeout_s=ANSWER_WITHIN_S) as rpc,
        aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEPT_S), timeout=timeout
        ) as session,
    ):
        callers, bare = Callers(f"{url}/funds", tokens, session), Bare(rpc, fleet.identity.chain_id)
        await callers.settled()
        await one_run(callers, bare, max(CALLERS), WARM_UP_S, chance)
        return {
            count: [await one_run(callers, bare, count, RUN_S, chance) for _ in range(RUNS)] for count in CALLERS
        }  # fmt: skip


async def run(stack: Addresses) -> list[Figure]:
    """p50 and p99 at each number of callers."""
    async with processes(stack) as fleet:
        measured = await _measured(fleet)
    figures = []
    for count, runs in measured.items():
        for which in ("p50", "p99"):
            bare = median(percentile(run.bare, which) for run in runs)
            name = f"API call to committed answer, {which}, {count} caller{'s' if count > 1 else ''}"
            figures.append(
                figure(
                    "B2", name, [percentile(run.calls, which) for run in runs], "ms", AIMS.get((count, which), ""),
                    Beside(f"a bare transaction's wait for its block, {which}", bare),
                )
            )  # fmt: skip
    return figures
