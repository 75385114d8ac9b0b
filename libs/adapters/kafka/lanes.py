"""A reader of one lane, and a place in a consumer group: what of the bus lives longer than a call."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import structlog
from aiokafka import AIOKafkaConsumer
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.errors import KafkaError
from aiokafka.record.memory_records import MemoryRecords

from libs.adapters.kafka.wire import MAX_RECORD_BYTES, Line, Topic, ask_records, read_records
from libs.ports import BusUnreachable, Message

if TYPE_CHECKING:
    from libs.adapters.kafka.bus import KafkaBus

_log = structlog.get_logger(__name__)

EARLIEST, LATEST = -2, -1
_OUT_OF_RANGE = 1
_ANSWER_S = 5.0
_PAUSE_S = 0.05
_NEVER_MS = 2**31 - 1


class KafkaReader:
    """A position in one lane, on a connection of its own: nobody waits behind its long poll."""

    def __init__(self, bus: KafkaBus, topic: str, lane: int, offset: int | None) -> None:
        self._bus, self._topic, self._lane = bus, topic, lane
        self._line = Line(bus.security, shared=False)
        self._offset = offset
        self._of: bytes | None = None
        self._ahead: deque[Message] = deque()

    async def next(self, wait_s: float, most: int = 500) -> list[Message]:
        """The next messages in order, at most so many; [] when none came in time.

        After the topic was emptied or created anew it goes on from the earliest message there is.
        Raises BusUnreachable.
        """
        deadline = time.monotonic() + wait_s
        while not self._ahead:
            left_s = max(0.0, deadline - time.monotonic())
            try:
                await self._fetch(left_s)
            except BusUnreachable:
                if left_s <= _PAUSE_S:
                    raise
                await asyncio.sleep(_PAUSE_S)
            else:
                if left_s == 0.0:
                    break
        return [self._ahead.popleft() for _ in range(min(most, len(self._ahead)))]

    async def _fetch(self, wait_s: float) -> None:
        topic = await self._bus.topic(self._topic)
        if self._of not in (None, topic.id):
            _log.warning("bus_topic_anew", topic=self._topic, lane=self._lane)
            self._offset = None
        self._of = topic.id
        if self._offset is None:
            self._offset = await self._bus.edge(self._topic, self._lane, EARLIEST)
        await self._fetch_from(topic, self._offset, wait_s)

    async def _fetch_from(self, topic: Topic, offset: int, wait_s: float) -> None:
        at = await self._bus.leader(self._topic, self._lane)
        request = ask_records(topic, self._lane, offset, int(wait_s * 1000), MAX_RECORD_BYTES)
        error, batches = read_records(await self._line.ask(at, request, wait_s + _ANSWER_S))
        if offset != self._offset:
            return
        if error == _OUT_OF_RANGE:
            self._offset = None
            return
        self._bus.expect_topic(self._topic, error)
        records = MemoryRecords(batches)
        while records.has_next():
            batch = records.next_batch()
            if not batch.validate_crc():
                raise BusUnreachable("a batch of records is damaged", field=self._topic, value=offset)
            if not batch.is_control_batch:
                self._ahead.extend(
                    Message(r.offset, r.key or b"", r.value or b"", dict(r.headers))
                    for r in batch
                    if r.offset >= offset
                )
            self._offset = batch.next_offset

    def seek(self, offset: int | None) -> None:
        """Go on from this offset, from the earliest for None."""
        self._offset = offset
        self._ahead.clear()

    async def close(self) -> None:
        """Give the reader back."""
        self._bus.forget(self)
        await self._line.close()


class KafkaMembership(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka is untyped
    """A place in a consumer group, static by its instance name; it reads nothing.

    Static means: after `leave` the lanes stay with the name until the session ends, so a restart moves none.
    """

    def __init__(
        self, bus: KafkaBus, group: str, topic: str, instance: str, session_ms: int, heartbeat_ms: int
    ) -> None:
        self._bus, self._group, self._topic, self._instance = bus, group, topic, instance
        self._session_ms, self._heartbeat_ms = session_ms, heartbeat_ms
        self._consumer: Any = None
        self._lanes: frozenset[int] = frozenset()
        self._settled = False

    async def start(self) -> None:
        """Enter the group; raises BusUnreachable."""
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=self._bus.bootstrap,
            client_id=f"cartulary-{self._instance}",
            group_id=self._group,
            group_instance_id=self._instance,
            session_timeout_ms=self._session_ms,
            heartbeat_interval_ms=self._heartbeat_ms,
            rebalance_timeout_ms=self._session_ms,
            request_timeout_ms=3 * self._session_ms,
            metadata_max_age_ms=self._heartbeat_ms,
            max_poll_interval_ms=_NEVER_MS,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=1,
            **self._bus.security,
        )
        try:
            await self._consumer.start()
        except (KafkaError, OSError) as error:
            await self._consumer.stop()
            raise BusUnreachable(f"no place in the group: {error!r}", field="group", value=self._group) from error
        self._consumer.subscribe([self._topic], listener=self)

    async def on_partitions_revoked(self, _revoked: Iterable[Any]) -> None:
        """The group rebalances: hold nothing."""
        self._lanes, self._settled = frozenset(), False

    async def on_partitions_assigned(self, assigned: Iterable[Any]) -> None:
        """The group has settled: hold these, and let the consumer fetch none of them."""
        held = list(assigned)
        self._consumer.pause(*held)
        self._lanes, self._settled = frozenset(place.partition for place in held), True
        _log.info("bus_lanes_held", group=self._group, instance=self._instance, lanes=sorted(self._lanes))

    async def lanes(self) -> frozenset[int]:
        """The lanes held at this moment; an empty set while the group rebalances."""
        if self._settled:
            try:
                await self._consumer.getmany(timeout_ms=0)
            except KafkaError as error:
                _log.warning("bus_group_lost", group=self._group, instance=self._instance, error=repr(error))
                await self._stop()
                await self.start()
        return self._lanes

    async def _stop(self) -> None:
        self._lanes, self._settled = frozenset(), False
        with contextlib.suppress(KafkaError):
            await self._consumer.stop()

    async def leave(self) -> None:
        """Stop taking part."""
        self._bus.forget(self)
        await self._stop()
