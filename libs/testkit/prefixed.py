"""A bus whose topics carry a prefix, so that tests and measurements on one Kafka do not see each other's records."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from libs.adapters.kafka.bus import KafkaBus
from libs.ports import GAPS_TOPIC, INTENTS_TOPIC, LEDGER_TOPIC, LaneReader, Membership, Message, Outgoing


class PrefixedBus:
    """The Bus port over Kafka under other topic names; `on_read` hears of every topic that a reader got records of."""

    def __init__(
        self,
        bus: KafkaBus,
        prefix: str,
        on_read: Callable[[str], None] = lambda _: None,
        group_prefix: str | None = None,
    ) -> None:
        self._bus, self.prefix, self._on_read = bus, prefix, on_read
        self._groups = prefix if group_prefix is None else group_prefix + prefix
        self._names: dict[str, str] = {}

    def rename(self, topic: str, other: str) -> None:
        """Use another topic in its place, as if it had been deleted and created anew."""
        self._names[topic] = other

    def _topic(self, topic: str) -> str:
        return self.prefix + self._names.get(topic, topic)

    async def ensure_topics(self, lanes: int, more: Sequence[str] = ()) -> None:
        """Create the write path's topics under the prefix, and more."""
        topics = (INTENTS_TOPIC, LEDGER_TOPIC, GAPS_TOPIC, *more)
        await self._bus.ensure_topics(lanes, [self._topic(topic) for topic in topics])

    async def publish(self, topic: str, lane: int, records: Sequence[Outgoing]) -> None:
        """See Bus.publish."""
        await self._bus.publish(self._topic(topic), lane, records)

    async def reader(self, topic: str, lane: int, offset: int | None = None) -> LaneReader:
        """See Bus.reader."""
        return _Reader(await self._bus.reader(self._topic(topic), lane, offset), topic, self._on_read)

    async def tail(self, topic: str, lane: int, count: int) -> list[Message]:
        """See Bus.tail."""
        return await self._bus.tail(self._topic(topic), lane, count)

    async def generation(self, topic: str) -> str:
        """See Bus.generation."""
        return await self._bus.generation(self._topic(topic))

    async def join(self, group: str, topic: str, instance: str) -> Membership:
        """See Bus.join."""
        return await self._bus.join(self._groups + group, self._topic(topic), instance)

    async def hint(self, group: str, topic: str, lane: int) -> int | None:
        """See Bus.hint."""
        return await self._bus.hint(self._groups + group, self._topic(topic), lane)

    async def leave_hint(self, group: str, topic: str, lane: int, offset: int) -> None:
        """See Bus.leave_hint."""
        await self._bus.leave_hint(self._groups + group, self._topic(topic), lane, offset)


class _Reader:
    def __init__(self, reader: LaneReader, topic: str, on_read: Callable[[str], None]) -> None:
        self._reader, self._topic, self._on_read = reader, topic, on_read

    async def next(self, wait_s: float, most: int = 500) -> list[Message]:
        """See LaneReader.next."""
        messages = await self._reader.next(wait_s, most)
        if messages:
            self._on_read(self._topic)
        return messages

    def seek(self, offset: int | None) -> None:
        """See LaneReader.seek."""
        self._reader.seek(offset)

    async def close(self) -> None:
        """See LaneReader.close."""
        await self._reader.close()
