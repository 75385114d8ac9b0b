"""For the world outside: the attested log as CloudEvents 1.0, one record an event (W-16).

Binary mode: the body of the record is the Kafka value, attributes are `ce_` headers, the key is the stream, and the
attestation stands in extension attributes. Nothing inside depends on it. Its position is the tail of what it published:
events go out in lane order, topic after topic, so that the newest sequence number over a lane's topics tells it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from itertools import groupby

import structlog

from libs.kernel.envelope import AttestedEvent
from libs.ledger.hashing import leaf
from libs.ledger.opening import BadBatch, open_batch
from libs.ledger.port import LedgerReader, LedgerUnreachable
from libs.ledger.reader import confirm, history
from libs.ledger.record import MalformedRecord, decode_record
from libs.ports import LEDGER_TOPIC, Bus, BusUnreachable, Clock, Message, Outgoing

log = structlog.get_logger(__name__)

WAIT_S, PAUSE_S = 0.25, 1.0

Prepare = Callable[[str], Awaitable[None]]


def topic_of(service: str) -> str:
    """The topic of a service's CloudEvents."""
    return f"cartulary.events.{service}"


def cloud_event(event: AttestedEvent) -> Outgoing:
    """The CloudEvents 1.0 record of an attested event, binary mode."""
    place = event.place
    attributes = {
        "specversion": "1.0",
        "id": event.id,
        "type": event.type,
        "source": f"/cartulary/{event.service}",
        "subject": event.stream,
        "time": str(event.body["time"]),
        "tenant": event.tenant,
        "streamversion": str(event.body["version"]),
        "lane": str(place.lane),
        "sequence": str(event.sequence),
        "datahash": leaf(event.raw).hex(),
        "batchfirst": str(place.first),
        "batchhead": place.head.hex(),
        "batchroot": place.root.hex(),
        "block": str(place.block),
        "blockhash": place.block_hash.hex(),
        "transaction": place.transaction.hex(),
    }
    headers = {f"ce_{name}": value.encode() for name, value in attributes.items()}
    return Outgoing(event.stream.encode(), event.raw, {"content-type": b"application/json", **headers})


class CloudEvents:
    """Publishes one lane for as long as `held` says so; `prepare` makes a topic before it is written."""

    def __init__(
        self, lane: int, ledger: LedgerReader, bus: Bus, clock: Clock, held: Callable[[], bool], prepare: Prepare
    ) -> None:
        self._lane, self._ledger, self._bus, self._clock, self._held = lane, ledger, bus, clock, held
        self._prepare = prepare
        self._prepared: set[str] = set()
        self._next = 1

    async def run(self) -> None:
        """Publish until the lane is lost; whatever is out of reach is waited for."""
        while self._held():
            try:
                await self._follow()
            except (BusUnreachable, LedgerUnreachable) as away:
                log.warning("cloudevents_wait", lane=self._lane, code=away.code, reason=away.detail)
            except BadBatch as lie:
                log.error("cloudevents_refuse", lane=self._lane, kind=lie.kind.value, reason=lie.detail)
            if self._held():
                await self._clock.sleep(PAUSE_S)

    async def position(self) -> int:
        """The sequence number after the newest event of the lane that was published."""
        newest = 0
        for service in sorted({registration.service for registration in await self._ledger.producers()}):
            for message in await self._bus.tail(await self._topic(service), self._lane, 1):
                newest = max(newest, int(message.headers["ce_sequence"]))
        return newest + 1

    async def _follow(self) -> None:
        self._next = await self.position()
        reader = await self._bus.reader(LEDGER_TOPIC, self._lane)
        try:
            while self._held():
                for message in await reader.next(WAIT_S, 20):
                    await self._record(message)
        finally:
            await reader.close()

    async def _record(self, message: Message) -> None:
        """Publish what is new in a batch record that the ledger confirms (W-15); fetch a gap before it (W-14)."""
        try:
            place, payload = decode_record(message.value)
            if place.lane != self._lane or place.first + place.count <= self._next:
                return
            await confirm(self._ledger, [place])
            events = open_batch(place, payload)
        except (MalformedRecord, BadBatch) as error:
            log.error("attested_record_set_aside", lane=self._lane, offset=message.offset, reason=error.detail)
            return
        if place.first > self._next:
            start = self._ledger.identity.deployed_block
            async for missed in history(self._ledger, self._lane, self._next, start, place.block):
                if missed.place.first < place.first:
                    await self._publish(open_batch(missed.place, missed.payload, call=missed.call))
        await self._publish(events)

    async def _publish(self, events: list[AttestedEvent]) -> None:
        fresh = [event for event in events if event.sequence >= self._next]
        for service, group in groupby(fresh, key=lambda event: event.service):
            records = list(group)
            topic = await self._topic(service)
            await self._bus.publish(topic, self._lane, [cloud_event(event) for event in records])
            self._next = records[-1].sequence + 1

    async def _topic(self, service: str) -> str:
        topic = topic_of(service)
        if topic not in self._prepared:
            await self._prepare(topic)
            self._prepared.add(topic)
        return topic
