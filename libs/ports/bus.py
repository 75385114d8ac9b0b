"""The Bus port: ordered lanes of topics, at least once; partition = lane."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from libs.kernel.errors import CartularyError

INTENTS_TOPIC = "cartulary.intents"
LEDGER_TOPIC = "cartulary.ledger"
GAPS_TOPIC = "cartulary.gaps"


class BusUnreachable(CartularyError):
    """The bus did not answer in time, or a topic is gone; try again later."""

    code = "bus-unreachable"
    status = 503


class Message(NamedTuple):
    """A record of one lane of a topic."""

    offset: int
    key: bytes
    value: bytes
    headers: Mapping[str, bytes] = {}


class Outgoing(NamedTuple):
    """A record to publish."""

    key: bytes
    value: bytes
    headers: Mapping[str, bytes] = {}


class LaneReader(Protocol):
    """A position in one lane of a topic; each consumer has its own."""

    async def next(self, wait_s: float, most: int = 500) -> list[Message]:
        """The next messages in order, at most so many; [] when none came in time.

        After the topic was emptied or created anew it goes on from the earliest there is; raises BusUnreachable.
        """
        ...

    def seek(self, offset: int | None) -> None:
        """Go on from this offset, from the earliest for None."""
        ...

    async def close(self) -> None:
        """Give the reader back."""
        ...


class Membership(Protocol):
    """A place in a consumer group, static by its instance name."""

    async def lanes(self) -> frozenset[int]:
        """The lanes held at this moment; an empty set while the group rebalances."""
        ...

    async def leave(self) -> None:
        """Stop taking part."""
        ...


class Bus(Protocol):
    """At-least-once, ordered lanes of topics; partition = lane. Every method raises BusUnreachable."""

    async def publish(self, topic: str, lane: int, records: Sequence[Outgoing]) -> None:
        """Append in order; returns when the bus has all of them durably (idempotent producer)."""
        ...

    async def reader(self, topic: str, lane: int, offset: int | None = None) -> LaneReader:
        """A reader from this offset, from the earliest for None."""
        ...

    async def tail(self, topic: str, lane: int, count: int) -> list[Message]:
        """The last messages of the lane, at most so many, oldest first."""
        ...

    async def generation(self, topic: str) -> str:
        """A name of the topic that changes when it is deleted and created anew (W-8)."""
        ...

    async def join(self, group: str, topic: str, instance: str) -> Membership:
        """Take part in sharing the topic's lanes."""
        ...

    async def hint(self, group: str, topic: str, lane: int) -> int | None:
        """The offset last left by `leave_hint`; never more than a hint (W-9)."""
        ...

    async def leave_hint(self, group: str, topic: str, lane: int, offset: int) -> None:
        """Remember where a new holder of the lane may begin to read."""
        ...
