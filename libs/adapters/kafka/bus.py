"""The Bus port on Apache Kafka: partition = lane, at least once, in order, every wait bounded.

Reading and writing are a few requests over plain connections, so that nothing waits behind a background task
and a topic that was deleted and created anew is noticed by its id. Only membership is an aiokafka consumer.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any, NamedTuple, TypeVar

import structlog
from aiokafka.protocol.admin import CreateTopicsRequest
from aiokafka.protocol.commit import OffsetCommitRequest, OffsetFetchRequest
from aiokafka.protocol.coordination import FindCoordinatorRequest
from aiokafka.protocol.offset import OffsetRequest
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.protocol.transaction import InitProducerIdRequest
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from libs.adapters.kafka.lanes import EARLIEST, LATEST, KafkaMembership, KafkaReader
from libs.adapters.kafka.wire import MAX_RECORD_BYTES, Address, Line, Topic, ask_topic, expect, read_topic
from libs.kernel.errors import InvalidValue
from libs.ports import GAPS_TOPIC, INTENTS_TOPIC, LEDGER_TOPIC, BusUnreachable, Message, Outgoing

_log = structlog.get_logger(__name__)
_T = TypeVar("_T")

_BATCH_BYTES = 1024 * 1024
_UNKNOWN_TOPIC = 3
_DUPLICATE_SEQUENCE = 46
_MAX_SEQUENCE = 2**31 - 1
# The broker lost or fenced this producer's life: begin another one.
_PRODUCER_LOST = frozenset({45, 47, 59})
_TOPIC_CONFIG = [
    ("retention.ms", "-1"), ("retention.bytes", "-1"), ("cleanup.policy", "delete"),
    ("max.message.bytes", str(MAX_RECORD_BYTES)), ("message.timestamp.type", "CreateTime"),
]  # fmt: skip


class _Life(NamedTuple):
    producer: int
    epoch: int
    sequence: int


def _encode(life: _Life, records: Sequence[Outgoing]) -> bytes:
    builder = DefaultRecordBatchBuilder(2, 0, 0, life.producer, life.epoch, life.sequence, MAX_RECORD_BYTES)
    for position, record in enumerate(records):
        if builder.append(position, None, record.key, record.value, list(record.headers.items())) is None:
            raise InvalidValue("the records are too large for one batch", field="records", value=len(records))
    return bytes(builder.build())


def _chunks(records: Sequence[Outgoing]) -> Iterator[list[Outgoing]]:
    chunk: list[Outgoing] = []
    size = 0
    for record in records:
        if chunk and size + len(record.value) > _BATCH_BYTES:
            yield chunk
            chunk, size = [], 0
        chunk.append(record)
        size += len(record.value)
    if chunk:
        yield chunk


class KafkaBus:
    """Kafka behind the Bus port; close it when done.

    `bootstrap` is `host:port`, comma separated; `security` goes to aiokafka (`security_protocol`, …).
    `wait_s` bounds every call but a reader's `next`, whose wait the caller names.
    """

    def __init__(
        self,
        bootstrap: str,
        *,
        wait_s: float = 10.0,
        session_ms: int = 6_000,
        heartbeat_ms: int = 1_000,
        replicas: int = 1,
        security: dict[str, Any] | None = None,
    ) -> None:
        self.bootstrap, self.security = bootstrap, security or {}
        parts = (at.strip().rpartition(":") for at in bootstrap.split(","))
        self._seeds: deque[Address] = deque((host, int(port)) for host, _, port in parts)
        self._wait_s, self._replicas = wait_s, replicas
        self._session_ms, self._heartbeat_ms = session_ms, heartbeat_ms
        self._line = Line(self.security, shared=True)
        self._topics: dict[str, Topic] = {}
        self._wanted: dict[str, int] = {}
        self._lives: dict[tuple[str, int], _Life] = {}
        self._turns: dict[tuple[str, int], asyncio.Lock] = {}
        self._open: set[KafkaReader | KafkaMembership] = set()

    async def ensure_topics(
        self, lanes: int, topics: Sequence[str] = (INTENTS_TOPIC, LEDGER_TOPIC, GAPS_TOPIC)
    ) -> None:
        """Create what is missing, with unlimited retention, now and whenever it vanishes.

        Raises InvalidValue for a topic with another number of partitions (W-2), BusUnreachable.
        """
        self._wanted.update(dict.fromkeys(topics, lanes))
        for name in topics:
            topic = await self._patiently(lambda name=name: self.topic(name, fresh=True))  # type: ignore[misc]
            if len(topic.leaders) != lanes:
                raise InvalidValue(f"{name} does not have {lanes} partitions", field=name, value=len(topic.leaders))

    async def publish(self, topic: str, lane: int, records: Sequence[Outgoing]) -> None:
        """Append in order; returns when the bus has all of them durably (idempotent producer)."""
        place = (topic, lane)
        async with self._turns.setdefault(place, asyncio.Lock()):
            # Whatever interrupts this leaves no life behind: a sequence number never stands for two records.
            life = self._lives.pop(place, None)
            for chunk in _chunks(records):
                life = await self._append(place, life, chunk)
            if life is not None:
                self._lives[place] = life

    async def _append(self, place: tuple[str, int], life: _Life | None, chunk: Sequence[Outgoing]) -> _Life:
        name, lane = place
        batch: tuple[_Life, bytes] | None = None

        async def attempt() -> _Life:
            nonlocal life, batch
            if life is None:
                answer = await self._ask_any(InitProducerIdRequest(None, 0))
                expect(answer.error_code, "no producer id")
                life = _Life(answer.producer_id, answer.producer_epoch, 0)
            if batch is None or batch[0] != life:
                batch = life, _encode(life, chunk)
            request = ProduceRequest(None, -1, int(self._wait_s * 1000), [(name, [(lane, batch[1])])])
            answer = await self._line.ask(await self.leader(name, lane), request, self._wait_s)
            error = answer.topics[0][1][0][1]
            used = life
            if error in _PRODUCER_LOST:
                life = None
            if error != _DUPLICATE_SEQUENCE:
                self.expect_topic(name, error)
            return used._replace(sequence=(used.sequence + len(chunk)) & _MAX_SEQUENCE)

        return await self._patiently(attempt)

    async def reader(self, topic: str, lane: int, offset: int | None = None) -> KafkaReader:
        """A reader from this offset, from the earliest for None."""
        reader = KafkaReader(self, topic, lane, offset)
        self._open.add(reader)
        return reader

    async def tail(self, topic: str, lane: int, count: int) -> list[Message]:
        """The last messages of the lane, at most so many, oldest first."""
        end = await self._patiently(lambda: self.edge(topic, lane, LATEST))
        start = await self._patiently(lambda: self.edge(topic, lane, EARLIEST))
        reader = await self.reader(topic, lane, max(start, end - count))
        found: list[Message] = []
        try:
            while len(found) < end - max(start, end - count):
                more = await reader.next(self._wait_s, count)
                if not more:
                    raise BusUnreachable("the lane's last messages did not come in time", field=topic, value=lane)
                found += more
        finally:
            await reader.close()
        return found[-count:]

    async def generation(self, topic: str) -> str:
        """Kafka's id of the topic: deleted and created anew, it has another (W-8)."""
        return (await self._patiently(lambda: self.topic(topic, fresh=True))).id.hex()

    async def join(self, group: str, topic: str, instance: str) -> KafkaMembership:
        """Take part in sharing the topic's lanes; the name keeps its lanes over a short absence."""
        member = KafkaMembership(self, group, topic, instance, self._session_ms, self._heartbeat_ms)
        self._open.add(member)
        await member.start()
        return member

    async def hint(self, group: str, topic: str, lane: int) -> int | None:
        """The offset last left by `leave_hint`; never more than a hint (W-9)."""
        request = OffsetFetchRequest(_hints(group), [(topic, [lane])])
        _, offset, _, _ = await self._coordinated(group, request)
        return int(offset) if offset >= 0 else None

    async def leave_hint(self, group: str, topic: str, lane: int, offset: int) -> None:
        """Remember where a new holder of the lane may begin to read."""
        request = OffsetCommitRequest(_hints(group), -1, "", -1, [(topic, [(lane, offset, "")])])
        await self._coordinated(group, request)

    async def close(self) -> None:
        """Close readers, memberships and connections."""
        for part in list(self._open):
            await (part.leave() if isinstance(part, KafkaMembership) else part.close())
        await self._line.close()

    def forget(self, part: KafkaReader | KafkaMembership) -> None:
        """A reader or membership was closed."""
        self._open.discard(part)

    async def topic(self, name: str, fresh: bool = False) -> Topic:
        """The topic's id and leaders; creates it when it is ours and missing; raises BusUnreachable."""
        known = None if fresh else self._topics.get(name)
        if known is not None:
            return known
        error, topic = read_topic(await self._ask_any(ask_topic(name)))
        if error == _UNKNOWN_TOPIC and name in self._wanted:
            await self._create(name)
        expect(error, f"topic {name}")
        self._topics[name] = topic
        return topic

    async def leader(self, name: str, lane: int) -> Address:
        """Where the lane is written and read; raises BusUnreachable."""
        leaders = (await self.topic(name)).leaders
        if lane not in leaders:
            self._topics.pop(name, None)
            raise BusUnreachable("the lane has no leader at present", field=name, value=lane)
        return leaders[lane]

    async def edge(self, name: str, lane: int, which: int) -> int:
        """The lane's first offset (-2), or the one after its last (-1); raises BusUnreachable."""
        request = OffsetRequest(-1, 0, [(name, [(lane, which)])])
        answer = await self._line.ask(await self.leader(name, lane), request, self._wait_s)
        _, error, _, offset, *_ = answer.topics[0][1][0]
        self.expect_topic(name, error)
        return int(offset)

    def expect_topic(self, name: str, error: int) -> None:
        """Forget what is known of a topic that Kafka answers an error for; raises BusUnreachable."""
        if error:
            self._topics.pop(name, None)
        expect(error, f"topic {name}")

    async def _create(self, name: str) -> None:
        asked: list[Any] = [(name, self._wanted[name], self._replicas, [], _TOPIC_CONFIG)]
        answer = await self._ask_any(CreateTopicsRequest(asked, int(self._wait_s * 1000), False))
        if answer.topic_errors[0][1] == 0:
            _log.info("bus_topic_created", topic=name, lanes=self._wanted[name])

    async def _ask_any(self, request: Any) -> Any:
        """The answer of one seed; the next attempt asks the next."""
        try:
            return await self._line.ask(self._seeds[0], request, self._wait_s)
        except BusUnreachable:
            self._seeds.rotate(-1)
            raise

    async def _coordinated(self, group: str, request: Any) -> Any:
        async def attempt() -> Any:
            found = await self._ask_any(FindCoordinatorRequest(_hints(group), 0))
            expect(found.error_code, "no coordinator")
            answer = await self._line.ask((found.host, found.port), request, self._wait_s)
            expect(getattr(answer, "error_code", 0), "hints")
            partition = answer.topics[0][1][0]
            expect(partition[-1], "hints")
            return partition

        return await self._patiently(attempt)

    async def _patiently(self, attempt: Callable[[], Awaitable[_T]]) -> _T:
        deadline, pause_s = time.monotonic() + self._wait_s, 0.02
        while True:
            try:
                return await attempt()
            except BusUnreachable:
                if time.monotonic() + pause_s > deadline:
                    raise
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, 1.0)


def _hints(group: str) -> str:
    # A group of its own: Kafka takes offsets from outside a group only while the group has no members.
    return f"{group}.hints"
