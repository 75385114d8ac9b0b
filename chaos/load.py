"""Load over HTTP: open loops of callers who try again until a final answer, and write down what they were told."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any, NamedTuple, Protocol

import aiohttp

from chaos.fleet import Fleet
from libs.kernel.streams import lane_of_stream

# More would be a storm of retries that keeps a recovering fleet down, as no well-behaved caller does.
MOST_UNDER_WAY = 120
TRY_S = 15.0
PAUSE_FIRST_S, PAUSE_MOST_S = 0.2, 3.0

Action = Callable[[], Coroutine[Any, Any, None]]


class JourneyBroken(Exception):
    """A step of a journey was refused; the contradiction is written down already."""


class Answer(NamedTuple):
    """What a caller was told for good: committed with decision and streams, or refused with the problem's type."""

    status: int
    decision: str | None = None
    streams: tuple[tuple[str, int], ...] = ()
    problem: str | None = None

    @property
    def id(self) -> str:
        """The id in the decision's first stream."""
        return self.streams[0][0].rpartition("/")[2]


class Redecided(NamedTuple):
    """A key that was told one decision with a 202, and another one later."""

    service: str
    key: str
    first: str
    later: str


@dataclass(eq=False)
class Sent:
    """A command under one idempotency key; times are monotonic seconds."""

    service: str
    caller: str
    key: str
    path: str
    body: dict[str, Any] | None
    prefer: str
    at: float
    decided: str | None = None
    answer: Answer | None = None
    answered_at: float = 0.0
    tries: int = 0

    def repeat(self) -> Sent:
        """The same request, sent anew."""
        return Sent(self.service, self.caller, self.key, self.path, self.body, "wait=6", time.monotonic(), self.decided)


class Backoff:
    """Pauses between tries that grow."""

    def __init__(self, random: Random) -> None:
        self._random, self._pause_s = random, PAUSE_FIRST_S

    async def wait(self) -> None:
        """The next pause."""
        await asyncio.sleep(self._pause_s * self._random.uniform(0.7, 1.3))
        self._pause_s = min(self._pause_s * 2, PAUSE_MOST_S)


class Workload(Protocol):
    """What is sent to one service: so many actions a second, by callers of these roles (by subject)."""

    service: str
    rate_per_s: float
    roles: dict[str, str]

    def next_action(self) -> Action:
        """What a caller does next."""
        ...


@dataclass
class Load:
    """Callers of one fleet; `contradictions` are answers that differ from the first one under the same key.

    The first `judged` of `sent` were asked again by a verdict.
    """

    fleet: Fleet
    random: Random
    workloads: list[Workload] = field(default_factory=list)
    sent: list[Sent] = field(default_factory=list)
    contradictions: list[str] = field(default_factory=list)
    redecided: list[Redecided] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)
    judged: int = 0
    retry_after: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._tokens: dict[str, str] = {}
        self._under_way: set[asyncio.Task[None]] = set()
        self._running: list[Workload] = []
        self._session: aiohttp.ClientSession | None = None
        self._committed = asyncio.Condition()

    def add(self, workload: Workload) -> None:
        """One more workload from now on."""
        self.workloads.append(workload)
        self._tokens |= {sub: self.fleet.token(sub, role) for sub, role in workload.roles.items()}

    @asynccontextmanager
    async def running(self, *services: str) -> AsyncIterator[None]:
        """Send to all services, or those named, while the block lasts; then wait for every final answer."""
        self._running = [one for one in self.workloads if not services or one.service in services]
        async with self.connected():
            sending = [asyncio.create_task(self._send_for_ever(one)) for one in self._running]
            try:
                yield
            finally:
                for task in sending:
                    task.cancel()
                await asyncio.gather(*sending, return_exceptions=True)
            await self.finish()

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[None]:
        """Have connections while the block lasts."""
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=TRY_S)) as session:
            self._session = session
            try:
                yield
            finally:
                for task in self._under_way:
                    task.cancel()
                await asyncio.gather(*self._under_way, return_exceptions=True)

    async def finish(self, within_s: float = 120.0) -> None:
        """Wait until every command has its final answer; raises AssertionError naming some that have none."""
        if self._under_way:
            await asyncio.wait(set(self._under_way), timeout=within_s)
        for task in [task for task in self._under_way if task.done()]:
            self._under_way.discard(task)
            with suppress(JourneyBroken):
                task.result()
        open_ = [one for one in self.sent if one.answer is None]
        assert not open_, f"{len(open_)} commands have no final answer after {within_s:.0f} s, the first: {open_[0]}"
        assert not self._under_way, f"{len(self._under_way)} callers still wait after {within_s:.0f} s"

    async def all_lanes_commit(self, since: float, within_s: float = 90.0) -> float:
        """Seconds from `since` until each lane committed a later command to each service with load; or TimeoutError."""
        lanes = self.fleet.identity.lanes
        every = {(one.service, lane) for one in self._running for lane in range(lanes)}
        done: dict[tuple[str, int], float] = {}
        looked = len(self.sent)
        while looked and self.sent[looked - 1].at >= since:
            looked -= 1

        def all_have() -> bool:
            for one in self.sent[looked:]:
                if one.answer is not None and one.answer.streams and one.at >= since:
                    place = one.service, lane_of_stream(one.answer.streams[0][0], lanes)
                    done[place] = min(one.answered_at, done.get(place, one.answered_at))
            return done.keys() >= every

        try:
            async with asyncio.timeout(within_s), self._committed:
                await self._committed.wait_for(all_have)
        except TimeoutError:
            missing = sorted(every - done.keys())
            raise TimeoutError(f"services' lanes {missing} committed nothing new in {within_s:.0f} s") from None
        return max(done.values()) - since

    async def call(
        self, caller: str, service: str, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> tuple[int, Any, Any] | None:
        """Status, content and headers of one request; None when there is no answer. `path` stands in the service."""
        assert self._session is not None
        sent = {"Authorization": f"Bearer {self._tokens[caller]}", **(headers or {})}
        try:
            async with self._session.request(
                method, self.fleet.url(service) + path, json=body, headers=sent
            ) as response:
                return response.status, await response.json(content_type=None), response.headers
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            self.seen[f"no answer: {type(error).__name__}"] += 1
            return None

    async def ask(self, sent: Sent) -> Answer | None:
        """One try: the final answer, None when there is none yet."""
        headers = {"Idempotency-Key": sent.key} | ({"Prefer": sent.prefer} if sent.prefer else {})
        sent.tries += 1
        found = await self.call(sent.caller, sent.service, "POST", sent.path, sent.body, headers)
        return await self._read(sent, *found) if found is not None else None

    def is_final(self, name: str, status: int, content: Any, headers: Any) -> bool:
        """Whether an answer is not to be asked for again; a 5xx beside 503 is written down."""
        problem = str(content.get("type", "")).rpartition(":")[2] if isinstance(content, dict) else ""
        self.seen[f"{status} {problem}".strip()] += 1
        if status == 503:
            self.retry_after["with" if "Retry-After" in headers else "without"] += 1
        elif status >= 500:
            self.contradictions.append(f"{name}: {status} {content}")
        return status < 500

    async def _read(self, sent: Sent, status: int, content: dict[str, Any], headers: Any) -> Answer | None:
        if not self.is_final(sent.key, status, content, headers):
            return None
        if status >= 400:
            return Answer(status, problem=problem_of(content))
        self.told(sent, content["decision"])
        if status == 202:
            await self._poll(sent, headers["Location"])
            return None
        return Answer(status, content["decision"], streams_of(content))

    def told(self, sent: Sent, decision: str) -> None:
        """A decision stands under the key; another one than before is written down."""
        if sent.decided not in (None, decision):
            self.redecided.append(Redecided(sent.service, sent.key, str(sent.decided), decision))
        sent.decided = decision

    async def _poll(self, sent: Sent, location: str) -> None:
        """Look at the status address once, as a caller does; the final answer comes by the key itself."""
        path = location.removeprefix(f"/{sent.service}")
        found = await self.call(sent.caller, sent.service, "GET", path, headers={"Prefer": "wait=4"})
        if found is not None:
            self.seen[f"status {found[0]}"] += 1
        sent.prefer = ""

    async def read(self, service: str, path: str) -> int:
        """The HTTP status of a query, 0 without an answer."""
        workload = next(one for one in self.workloads if one.service == service)
        found = await self.call(next(iter(workload.roles)), service, "GET", path)
        return found[0] if found is not None else 0

    async def _send_for_ever(self, workload: Workload) -> None:
        following = time.monotonic()
        while True:
            following = max(following + 1 / workload.rate_per_s, time.monotonic() - 1.0)
            await asyncio.sleep(max(0.0, following - time.monotonic()))
            if len(self._under_way) < MOST_UNDER_WAY:
                task = asyncio.create_task(workload.next_action()())
                self._under_way.add(task)
                task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if task.cancelled() or task.exception() is None:
            self._under_way.discard(task)

    async def drive(self, sent: Sent) -> Answer:
        """Try until there is a final answer, and remember it."""
        backoff = Backoff(self.random)
        while (answer := await self.ask(sent)) is None:
            await backoff.wait()
        await self.answered([(sent, answer)])
        return answer

    async def answered(self, answers: Sequence[tuple[Sent, Answer]]) -> None:
        """These are final."""
        async with self._committed:
            for sent, answer in answers:
                sent.answer, sent.answered_at = answer, time.monotonic()
            self._committed.notify_all()

    async def again(self, first: Sent) -> None:
        """The same key and body: the first answer, whatever happened since (invariant 9)."""
        repeat, backoff = first.repeat(), Backoff(self.random)
        while (answer := await self.ask(repeat)) is None:
            await backoff.wait()
        if answer != first.answer:
            self.contradictions.append(f"{first.key}: {answer}, was {first.answer}")


def problem_of(content: Any) -> str | None:
    """The last part of a problem's type."""
    return str(content.get("type", "")).rpartition(":")[2] or None


def streams_of(content: Any) -> tuple[tuple[str, int], ...]:
    """The streams of an answer with their versions."""
    return tuple((entry["stream"], entry["version"]) for entry in content["streams"])
