"""What is broken on purpose beside killing: topics made anew, a schema emptied, a batch forged on the bus."""

from __future__ import annotations

import dataclasses

import asyncpg
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import TopicAlreadyExistsError

from chaos.fleet import Fleet
from libs.adapters.kafka.bus import KafkaBus
from libs.kernel.envelope import BatchPlace
from libs.ledger.codec import decode_run, records, split_sealed
from libs.ledger.record import decode_record, encode_record, lane_key
from libs.ports import INTENTS_TOPIC, LEDGER_TOPIC, Outgoing
from libs.stack.part import until

GONE_WITHIN_S = 20.0


async def topics_anew(fleet: Fleet, topics: tuple[str, ...] = (INTENTS_TOPIC, LEDGER_TOPIC)) -> None:
    """Delete the topics through Kafka's own administration, and create them where the fleet was not faster."""
    admin = AIOKafkaAdminClient(bootstrap_servers=fleet.addresses.kafka)
    await admin.start()
    try:
        await admin.delete_topics(list(topics))
        settings = {"retention.ms": "-1", "retention.bytes": "-1", "max.message.bytes": str(10 * 1024 * 1024)}
        for name in topics:

            async def is_there(name: str = name) -> bool:
                try:
                    answer = await admin.create_topics(
                        [NewTopic(name, fleet.identity.lanes, 1, topic_configs=settings)]
                    )
                except TopicAlreadyExistsError:
                    return True
                return bool(answer.topic_errors[0][1] in (0, TopicAlreadyExistsError.errno))

            if not await until(is_there, GONE_WITHIN_S):
                raise AssertionError(f"{name} cannot be created anew")
    finally:
        await admin.close()


async def empty_schema(fleet: Fleet, service: str) -> None:
    """Drop the whole schema of a service under its running processes."""
    admin = await asyncpg.connect(fleet.addresses.postgres)
    try:
        await admin.execute(f"drop schema {service} cascade")
    finally:
        await admin.close()


async def life_epoch(fleet: Fleet, service: str) -> int | None:
    """The epoch of the settled life of a service; None while there is none."""
    admin = await asyncpg.connect(fleet.addresses.postgres)
    try:
        row = await admin.fetchrow(
            f"select epoch, (select bool_and(settled) from {service}.producer_lanes) as settled from {service}.life"
        )
        return row["epoch"] if row and row["settled"] else None
    except (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError):
        return None
    finally:
        await admin.close()


async def decisions_on_bus(fleet: Fleet, service: str) -> set[str]:
    """A service's decisions on the intents topic before the marker of a later life; the rest is nobody's (W-21)."""
    bus = KafkaBus(fleet.addresses.kafka)
    found: set[str] = set()
    try:
        for lane in range(fleet.identity.lanes):
            epoch = 0
            for message in await bus.tail(INTENTS_TOPIC, lane, 1_000_000):
                run = decode_run(split_sealed(message.value)[1])
                if run.service != service:
                    continue
                epoch = max(epoch, run.epoch)
                if run.epoch == epoch:
                    found.update(body["decision"]["id"] for _, body in records(run))
    finally:
        await bus.close()
    return found


async def forge(fleet: Fleet, lane: int) -> int:
    """Put forged records on the bus, as anybody could who writes to Kafka; how many (W-15).

    A batch that the ledger does not have, right after the newest one; the newest one with another place in its block,
    with another payload and with another head before it; one with a broken header; bytes that are no batch at all.
    """
    bus = KafkaBus(fleet.addresses.kafka)
    try:
        newest = (await bus.tail(LEDGER_TOPIC, lane, 1))[0]
        place, payload = decode_record(newest.value)
        following = dataclasses.replace(place, first=place.first + place.count, previous_head=place.head)
        forged: list[tuple[BatchPlace, bytes]] = [
            (following, payload),
            (dataclasses.replace(following, block=place.block + 1), payload),
            (dataclasses.replace(place, transaction_index=place.transaction_index + 1), payload),
            (dataclasses.replace(place, previous_head=bytes(32)), payload),
            (place, payload[:-1]),
        ]
        lies = [Outgoing(lane_key(lane), encode_record(*one)) for one in forged]
        lies.append(Outgoing(lane_key(lane), encode_record(*forged[0]), {"traceparents": b"\xff{"}))
        lies.append(Outgoing(lane_key(lane), b"no batch at all"))
        await bus.publish(LEDGER_TOPIC, lane, lies)
        return len(lies)
    finally:
        await bus.close()
