"""Load over HTTP: an open loop of callers who try again until a final answer, and write down what they were told."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any, NamedTuple

import aiohttp

from chaos.fleet import Fleet
from libs.kernel.streams import lane_of_stream

CALLERS = 6
# More would be a storm of retries that keeps a recovering fleet down, as no well-behaved caller does.
MOST_UNDER_WAY = 400
TRY_S = 15.0
PAUSE_FIRST_S, PAUSE_MOST_S = 0.2, 3.0


UMBRELLA: dict[str, Any] = {"name": "Meridian", "legal_form": "sicav", "regime": "ucits", "domicile": "LU"}
SUB_FUND: dict[str, Any] = {
    "code": "GEQ",
    "name": "Meridian Global",
    "base_currency": "EUR",
    "asset_class": "equity",
    "calendar": {
        "frequency": {"kind": "daily"},
        "holiday_sets": ["bank:LU"],
        "cut_off": {"at": "14:00", "zone": "Europe/Luxembourg"},
        "nav_known": {"at": "17:30", "zone": "Europe/Luxembourg"},
    },
}


class JourneyBroken(Exception):
    """A step of a journey was refused; the contradiction is written down already."""


class Answer(NamedTuple):
    """What a caller was told for good: committed with decision and streams, or refused with the problem's type."""

    status: int
    decision: str | None = None
    streams: tuple[tuple[str, int], ...] = ()
    problem: str | None = None


class Redecided(NamedTuple):
    """A key that was told one decision with a 202, and another one later."""

    key: str
    first: str
    later: str


@dataclass(eq=False)
class Sent:
    """A command under one idempotency key; times are monotonic seconds."""

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


@dataclass
class Load:
    """Callers of one fleet; `contradictions` are answers that differ from the first one under the same key."""

    fleet: Fleet
    rate_per_s: float
    random: Random
    sent: list[Sent] = field(default_factory=list)
    contradictions: list[str] = field(default_factory=list)
    redecided: list[Redecided] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)
    retry_after: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._tokens = {f"caller-{n}": self.fleet.token(f"caller-{n}") for n in range(CALLERS)}
        self._under_way: set[asyncio.Task[None]] = set()
        self._session: aiohttp.ClientSession | None = None
        self._committed = asyncio.Condition()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Send at the rate while the block lasts, whatever the answers; then wait for every final answer."""
        async with self.connected():
            sending = asyncio.create_task(self._send_for_ever())
            try:
                yield
            finally:
                sending.cancel()
                with suppress(asyncio.CancelledError):
                    await sending
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
            with suppress(JourneyBroken):
                task.result()
        open_ = [one for one in self.sent if one.answer is None]
        assert not open_, f"{len(open_)} commands have no final answer after {within_s:.0f} s, the first: {open_[0]}"

    async def all_lanes_commit(self, since: float, within_s: float = 90.0) -> float:
        """Seconds from `since` until each lane committed a command that was sent after it.

        Raises TimeoutError naming the lanes that did not.
        """
        lanes = self.fleet.identity.lanes
        done: dict[int, float] = {}
        looked = len(self.sent)
        while looked and self.sent[looked - 1].at >= since:
            looked -= 1

        def all_have() -> bool:
            for one in self.sent[looked:]:
                if one.answer is not None and one.answer.streams and one.at >= since:
                    lane = lane_of_stream(one.answer.streams[0][0], lanes)
                    done[lane] = min(one.answered_at, done.get(lane, one.answered_at))
            return len(done) == lanes

        try:
            async with asyncio.timeout(within_s), self._committed:
                await self._committed.wait_for(all_have)
        except TimeoutError:
            missing = set(range(lanes)) - done.keys()
            raise TimeoutError(f"lanes {sorted(missing)} committed nothing new in {within_s:.0f} s") from None
        return max(done.values()) - since

    async def ask(self, sent: Sent) -> Answer | None:
        """One try: the final answer, None when there is none yet."""
        assert self._session is not None
        headers = {"Authorization": f"Bearer {self._tokens[sent.caller]}", "Idempotency-Key": sent.key}
        headers |= {"Prefer": sent.prefer} if sent.prefer else {}
        sent.tries += 1
        try:
            async with self._session.post(self.fleet.url + sent.path, json=sent.body, headers=headers) as response:
                content = await response.json(content_type=None)
                return await self._read(sent, response.status, content, response.headers)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            self.seen[f"no answer: {type(error).__name__}"] += 1
            return None

    async def _read(self, sent: Sent, status: int, content: dict[str, Any], headers: Any) -> Answer | None:
        problem = str(content.get("type", "")).rpartition(":")[2] or None
        self.seen[f"{status} {problem or ''}".strip()] += 1
        if status == 503:
            self.retry_after["with" if "Retry-After" in headers else "without"] += 1
            return None
        if status >= 500:
            self.contradictions.append(f"{sent.key}: {status} {content}")
            return None
        if status >= 400:
            return Answer(status, problem=problem)
        decision = content["decision"]
        if sent.decided not in (None, decision):
            self.redecided.append(Redecided(sent.key, str(sent.decided), decision))
        sent.decided = decision
        if status == 202:
            await self._poll(sent, headers["Location"])
            return None
        streams = tuple((entry["stream"], entry["version"]) for entry in content["streams"])
        return Answer(status, decision, streams)

    async def _poll(self, sent: Sent, location: str) -> None:
        """Look at the status address once, as a caller does; the final answer comes by the key itself."""
        assert self._session is not None
        headers = {"Authorization": f"Bearer {self._tokens[sent.caller]}", "Prefer": "wait=4"}
        base = self.fleet.url.rpartition("/")[0]
        async with self._session.get(base + location, headers=headers) as response:
            self.seen[f"status {response.status}"] += 1
            sent.prefer = ""

    async def read(self, path: str) -> int:
        """The HTTP status of a query."""
        assert self._session is not None
        headers = {"Authorization": f"Bearer {self._tokens['caller-0']}"}
        async with self._session.get(f"{self.fleet.url}{path}", headers=headers) as response:
            await response.read()
            return response.status

    # --- the callers -------------------------------------------------------------------------------------------------

    async def _send_for_ever(self) -> None:
        following = time.monotonic()
        while True:
            following = max(following + 1 / self.rate_per_s, time.monotonic() - 1.0)
            await asyncio.sleep(max(0.0, following - time.monotonic()))
            if len(self._under_way) < MOST_UNDER_WAY:
                self._spawn(self._next_action())

    def _spawn(self, action: Callable[[], Any]) -> None:
        task = asyncio.create_task(action())
        self._under_way.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if task.cancelled() or task.exception() is None:
            self._under_way.discard(task)

    def _next_action(self) -> Callable[[], Any]:
        """Mostly something new; now and then a key again, a key with another body, what the rules refuse."""
        chance = self.random.random()
        known = [one for one in self.sent[-400:] if one.answer is not None]
        if chance < 0.08 and known:
            first = self.random.choice(known)
            return lambda: self.again(first)
        if chance < 0.11 and (committed := [one for one in known if one.decided and one.path == "/umbrellas"]):
            first = self.random.choice(committed)
            return lambda: self._another_body(first)
        if chance < 0.16:
            return lambda: self._drive(self._new("/umbrellas", {**UMBRELLA, "domicile": "ZZ"}))
        return self._journey if chance < 0.30 else lambda: self._drive(self._new("/umbrellas", UMBRELLA))

    def _new(self, path: str, body: dict[str, Any] | None, caller: int | None = None) -> Sent:
        key = f"key-{len(self.sent) + 1}-{self.random.getrandbits(32):08x}"
        prefer = "respond-async" if self.random.random() < 0.1 else "wait=6"
        number = self.random.randrange(CALLERS) if caller is None else caller
        sent = Sent(f"caller-{number}", key, path, body, prefer, time.monotonic())
        self.sent.append(sent)
        return sent

    async def _journey(self) -> None:
        """An umbrella, a sub-fund in it, a change of its name by two people: each step finds what the last one did."""
        umbrella = await self._step("/umbrellas", UMBRELLA)
        sub_fund = await self._step(f"/umbrellas/{umbrella}/sub-funds", SUB_FUND)
        rename = {"command": "RenameSubFund", "payload": {"name": "Meridian Global Equity"}}
        change = await self._step(f"/sub-funds/{sub_fund}/changes", rename, 0)
        await self._step(f"/changes/{change}/approve", None, 1)

    async def _step(self, path: str, body: dict[str, Any] | None, caller: int | None = None) -> str:
        """Send it until it is committed; the id in its first stream. A refusal breaks what the step before promised."""
        answer = await self._drive(self._new(path, body, caller))
        if not answer.streams:
            self.contradictions.append(f"{path} was refused after the step before it was committed: {answer}")
            raise JourneyBroken(path)
        return answer.streams[0][0].rpartition("/")[2]

    async def _drive(self, sent: Sent) -> Answer:
        pause_s = PAUSE_FIRST_S
        while (answer := await self.ask(sent)) is None:
            await asyncio.sleep(pause_s * self.random.uniform(0.7, 1.3))
            pause_s = min(pause_s * 2, PAUSE_MOST_S)
        async with self._committed:
            sent.answer, sent.answered_at = answer, time.monotonic()
            self._committed.notify_all()
        return answer

    async def again(self, first: Sent) -> None:
        """The same key and body: the first answer, whatever happened since (invariant 9)."""
        repeat = Sent(
            first.caller, first.key, first.path, first.body, "wait=6", time.monotonic(), decided=first.decided
        )
        pause_s = PAUSE_FIRST_S
        while (answer := await self.ask(repeat)) is None:
            await asyncio.sleep(pause_s * self.random.uniform(0.7, 1.3))
            pause_s = min(pause_s * 2, PAUSE_MOST_S)
        if answer != first.answer:
            self.contradictions.append(f"{first.key}: {answer}, was {first.answer}")

    async def _another_body(self, first: Sent) -> None:
        """The same key with another body is refused, and changes nothing."""
        body = {**(first.body or {}), "name": "Another"}
        other = Sent(first.caller, first.key, first.path, body, "wait=1", time.monotonic())
        answer = await self.ask(other)
        if answer is not None and answer.problem != "idempotency-mismatch":
            self.contradictions.append(f"{first.key} with another body: {answer}")
