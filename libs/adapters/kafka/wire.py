"""What aiokafka's own clients leave out: topic ids (Metadata v12, Fetch v13) and one bounded connection.

A fetch by topic id is refused once the topic was deleted and created anew. By name it would go on in the new
topic at the old offset and miss its beginning, without a word.
"""

from __future__ import annotations

import asyncio
from io import BytesIO
from typing import Any, NamedTuple

from aiokafka.conn import create_conn
from aiokafka.errors import KafkaError, for_code
from aiokafka.protocol.api import RequestHeader_v2, ResponseHeader_v1
from aiokafka.protocol.types import (
    Boolean,
    CompactArray,
    CompactBytes,
    CompactString,
    Int8,
    Int16,
    Int32,
    Int64,
    Schema,
    TaggedFields,
)

from libs.ports import BusUnreachable

Address = tuple[str, int]

MAX_RECORD_BYTES = 10 * 1024 * 1024
_CLIENT_ID = "cartulary"
_NO_TOPIC_ID = bytes(16)
_TAGS: dict[int, bytes] = {}


class _Uuid:
    @staticmethod
    def encode(value: bytes) -> bytes:
        return value

    @staticmethod
    def decode(data: BytesIO) -> bytes:
        return data.read(16)


_TEXT = CompactString("utf-8")
_END = ("tags", TaggedFields)
_NUMBERS = CompactArray(Int32)

_METADATA_ASKED = Schema(
    ("topics", CompactArray(("id", _Uuid), ("name", _TEXT), _END)),
    ("create", Boolean), ("operations", Boolean), _END,
)  # fmt: skip
_METADATA = Schema(
    ("throttle_ms", Int32),
    ("brokers", CompactArray(("id", Int32), ("host", _TEXT), ("port", Int32), ("rack", _TEXT), _END)),
    ("cluster", _TEXT), ("controller", Int32),
    ("topics", CompactArray(
        ("error", Int16), ("name", _TEXT), ("id", _Uuid), ("internal", Boolean),
        ("partitions", CompactArray(
            ("error", Int16), ("index", Int32), ("leader", Int32), ("epoch", Int32),
            ("replicas", _NUMBERS), ("isr", _NUMBERS), ("offline", _NUMBERS), _END)),
        ("operations", Int32), _END)),
    _END,
)  # fmt: skip
_FETCH_ASKED = Schema(
    ("replica", Int32), ("wait_ms", Int32), ("min_bytes", Int32), ("max_bytes", Int32), ("isolation", Int8),
    ("session", Int32), ("session_epoch", Int32),
    ("topics", CompactArray(("id", _Uuid), ("partitions", CompactArray(
        ("index", Int32), ("leader_epoch", Int32), ("offset", Int64), ("last_epoch", Int32), ("start", Int64),
        ("max_bytes", Int32), _END)), _END)),
    ("forgotten", CompactArray(("id", _Uuid), ("partitions", _NUMBERS), _END)),
    ("rack", _TEXT), _END,
)  # fmt: skip
_FETCHED = Schema(
    ("throttle_ms", Int32), ("error", Int16), ("session", Int32),
    ("topics", CompactArray(("id", _Uuid), ("partitions", CompactArray(
        ("index", Int32), ("error", Int16), ("high", Int64), ("stable", Int64), ("start", Int64),
        ("aborted", CompactArray(("producer", Int64), ("first", Int64), _END)),
        ("preferred", Int32), ("records", CompactBytes), _END)), _END)),
    _END,
)  # fmt: skip


class _Exact:
    """A request of one exact version, in the shape that an aiokafka connection sends."""

    def __init__(self, api: int, version: int, body: bytes, answer: Schema) -> None:
        self.API_KEY, self.API_VERSION = api, version
        self._body, self._answer = body, answer
        self.RESPONSE_TYPE = self

    def prepare(self, _versions: object) -> _Exact:
        return self

    def build_request_header(self, correlation_id: int, client_id: str) -> Any:
        return RequestHeader_v2(self, correlation_id=correlation_id, client_id=client_id)

    def parse_response_header(self, data: BytesIO) -> Any:
        return ResponseHeader_v1.decode(data)

    def encode(self) -> bytes:
        return self._body

    def decode(self, data: BytesIO) -> Any:
        return self._answer.decode(data)


class Topic(NamedTuple):
    """A topic as a broker knows it: 16 bytes of identity and each partition's leader."""

    id: bytes
    leaders: dict[int, Address]


def ask_topic(name: str) -> Any:
    """A request for a topic's id and leaders; it creates nothing."""
    body = _METADATA_ASKED.encode(([(_NO_TOPIC_ID, name, _TAGS)], False, False, _TAGS))
    return _Exact(3, 12, body, _METADATA)


def read_topic(answer: Any) -> tuple[int, Topic]:
    """Kafka's error code, and the topic; partitions without a leader are missing."""
    _, brokers, _, _, [topic], _ = answer
    error, _, topic_id, _, partitions, *_ = topic
    addresses = {broker[0]: (broker[1], broker[2]) for broker in brokers}
    return error, Topic(topic_id, {part[1]: addresses[part[2]] for part in partitions if part[2] in addresses})


def ask_records(topic: Topic, lane: int, offset: int, wait_ms: int, max_bytes: int) -> Any:
    """A request for the records from this offset; the broker waits that long for the first one."""
    partition = (lane, -1, offset, -1, -1, max_bytes, _TAGS)
    topics = [(topic.id, [partition], _TAGS)]
    body = _FETCH_ASKED.encode((-1, wait_ms, 1, max_bytes, 0, 0, -1, topics, [], "", _TAGS))
    return _Exact(1, 13, body, _FETCHED)


def read_records(answer: Any) -> tuple[int, bytes]:
    """Kafka's error code, and the record batches."""
    _, error, _, topics, _ = answer
    if error or not topics:
        return error, b""
    _, part_error, _, _, _, _, _, records, _ = topics[0][1][0]
    return part_error, records or b""


def expect(error: int, what: str) -> None:
    """Raise BusUnreachable for any of Kafka's error codes."""
    if error:
        raise BusUnreachable(f"{what}: {for_code(error).__name__}", field="kafka_error", value=error)


class Line:
    """One connection, opened when needed, to whatever address is asked; every wait is bounded."""

    def __init__(self, security: dict[str, Any], *, shared: bool) -> None:
        self._security = security
        self._shared = shared
        self._conns: dict[Address, Any] = {}
        self._opening = asyncio.Lock()

    async def ask(self, at: Address, request: Any, timeout_s: float) -> Any:
        """The answer to a request; raises BusUnreachable when it does not come in time."""
        try:
            async with asyncio.timeout(timeout_s):
                conn = await self._open(at)
                return await conn.send(request)
        except (KafkaError, OSError, TimeoutError) as error:
            await self._drop(at)
            raise BusUnreachable(f"Kafka did not answer: {error!r}") from error
        except asyncio.CancelledError:
            # An answer still under way would keep the next one waiting; others may wait on a shared line.
            if not self._shared:
                await self._drop(at)
            raise

    async def _open(self, at: Address) -> Any:
        async with self._opening:
            conn = self._conns.get(at)
            if conn is None or not conn.connected():
                conn = self._conns[at] = await create_conn(*at, client_id=_CLIENT_ID, **self._security)
            return conn

    async def _drop(self, at: Address) -> None:
        conn = self._conns.pop(at, None)
        if conn is not None and conn.connected():
            await conn.close()

    async def close(self) -> None:
        """Close every connection."""
        for at in list(self._conns):
            await self._drop(at)
