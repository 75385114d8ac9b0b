"""Apache Kafka behind the Bus port."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from itertools import count

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from libs.adapters.kafka.bus import KafkaBus
from libs.kernel.errors import InvalidValue
from libs.ports import BusUnreachable
from libs.stack.addresses import Addresses
from libs.testkit.ports.bus import LANES, BusSuite, BusUnderTest, numbered, numbers, read


async def delete(bootstrap: str, topic: str) -> None:
    """Delete a topic, as an operator would."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.delete_topics([topic])
    finally:
        await admin.close()


@pytest.fixture
async def under(stack: Addresses) -> AsyncIterator[BusUnderTest]:
    """Two connections to the stack's Kafka, and a topic of the test's own."""
    topic = f"test.{secrets.token_hex(6)}"
    bus, other = KafkaBus(stack.kafka, wait_s=4.0), KafkaBus(stack.kafka, wait_s=4.0)
    await bus.ensure_topics(LANES, [topic])
    await other.ensure_topics(LANES, [topic])

    async def empty() -> None:
        await delete(stack.kafka, topic)
        await bus.ensure_topics(LANES, [topic])

    yield BusUnderTest(bus, other, topic, empty)
    await bus.close()
    await other.close()
    await delete(stack.kafka, topic)


class TestKafkaBus(BusSuite):
    """The suite of the port."""


async def test_w2_a_topic_with_another_number_of_lanes_is_refused(under: BusUnderTest) -> None:
    assert isinstance(under.bus, KafkaBus)
    with pytest.raises(InvalidValue, match="does not have 8 partitions"):
        await under.bus.ensure_topics(8, [under.topic])


async def test_w8_topics_deleted_under_load_come_back_by_themselves(under: BusUnderTest, stack: Addresses) -> None:
    """The bus creates its topics anew; a publisher that repeats and a reader that asks again go on, in order."""
    reader = await under.bus.reader(under.topic, 0)
    seen: list[int] = []
    number = count(1)

    async def publish() -> None:
        while True:
            await under.other.publish(under.topic, 0, numbered(at := next(number), at))

    async def consume() -> None:
        while True:
            seen.extend(numbers(await reader.next(1.0)))

    tasks = [asyncio.create_task(publish()), asyncio.create_task(consume())]
    for _ in range(3):
        await asyncio.sleep(0.3)
        await delete(stack.kafka, under.topic)
    before = len(seen)
    await asyncio.sleep(1.0)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await reader.close()
    assert len(seen) > before
    assert seen == sorted(seen)


async def test_a_bus_out_of_reach_says_so_in_time() -> None:
    """Nothing waits for ever, and nothing is left behind (inv 14)."""
    bus = KafkaBus("127.0.0.1:1", wait_s=0.3)
    reader = await bus.reader("any", 0)
    for attempt in (
        bus.generation("any"), bus.publish("any", 0, numbered(1, 1)), bus.tail("any", 0, 1), bus.hint("g", "any", 0),
        bus.join("g", "any", "one"), reader.next(0.2),
    ):  # fmt: skip
        async with asyncio.timeout(5.0):
            with pytest.raises(BusUnreachable):
                await attempt
    await bus.close()


async def test_an_interrupted_publish_never_makes_a_later_one_vanish(under: BusUnderTest) -> None:
    """A sequence number must not stand for two records: the broker would take the second for a repetition."""
    for number in range(1, 31):
        task = asyncio.create_task(under.bus.publish(under.topic, 0, numbered(number, number)))
        await asyncio.sleep(0.0005 * (number % 5))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await under.bus.publish(under.topic, 0, numbered(1000 + number, 1000 + number))
    reader = await under.bus.reader(under.topic, 0)
    found: list[int] = []
    while (more := numbers(await reader.next(0.5))) or not found:
        found += more
    await reader.close()
    assert [number for number in found if number > 1000] == list(range(1001, 1031))
    assert await read(await under.bus.reader(under.topic, 0), 30)
