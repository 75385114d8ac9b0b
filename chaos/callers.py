"""What the callers of every service have in common: new keys, steps that find what the last one did, other bodies."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from typing import Any

from chaos.load import Action, Answer, JourneyBroken, Load, Sent

RECENT = 400


class Callers(ABC):
    """Callers of one service; `service` and `roles` (by subject) are given by the class."""

    service: str
    roles: dict[str, str]

    def __init__(self, load: Load, rate_per_s: float) -> None:
        self.load, self.rate_per_s, self.random = load, rate_per_s, load.random

    @abstractmethod
    def next_action(self) -> Action:
        """What a caller does next."""

    def new(self, path: str, body: dict[str, Any] | None, caller: str) -> Sent:
        """A command under a key of its own."""
        sent = self.load.sent
        key = f"key-{len(sent) + 1}-{self.random.getrandbits(32):08x}"
        prefer = "respond-async" if self.random.random() < 0.1 else "wait=6"
        sent.append(Sent(self.service, caller, key, path, body, prefer, time.monotonic()))
        return sent[-1]

    async def step(self, path: str, body: dict[str, Any] | None, caller: str) -> Answer:
        """Send it until it is committed. A refusal breaks what the step before promised."""
        answer = await self.load.drive(self.new(path, body, caller))
        if not answer.streams:
            self.load.contradictions.append(f"{path} was refused after the step before it was committed: {answer}")
            raise JourneyBroken(path)
        return answer

    def known(self, path: str | None = None) -> list[Sent]:
        """Newer commands that have their answer; with a path, those of it that were committed."""
        own = [one for one in self.load.sent[-RECENT:] if one.service == self.service and one.answer is not None]
        return own if path is None else [one for one in own if one.path == path and one.answer and one.answer.streams]

    async def another_body(self, first: Sent, body: dict[str, Any]) -> None:
        """The same key with another body is refused, and changes nothing."""
        other = first.repeat()
        other.body, other.prefer = body, "wait=1"
        answer = await self.load.ask(other)
        if answer is not None and answer.problem != "idempotency-mismatch":
            self.load.contradictions.append(f"{first.key} with another body: {answer}")
