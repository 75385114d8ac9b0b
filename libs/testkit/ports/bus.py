"""What every Bus does: ordered lanes, at least once, topics that may vanish (W-8, W-9, W-14)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest

from libs.ports import Bus, BusUnreachable, LaneReader, Membership, Message, Outgoing

WAIT_S = 10.0
LANES = 4


@dataclass(frozen=True, slots=True)
class BusUnderTest:
    """An implementation: two connections of two processes, a topic of the test's own, a way to empty it."""

    bus: Bus
    other: Bus
    topic: str
    empty: Callable[[], Awaitable[None]]


def numbered(first: int, last: int) -> list[Outgoing]:
    """Records that carry their number."""
    return [Outgoing(b"key", str(number).encode()) for number in range(first, last + 1)]


def numbers(messages: list[Message]) -> list[int]:
    """What `numbered` put in."""
    return [int(message.value) for message in messages]


async def read(reader: LaneReader, count: int) -> list[Message]:
    """The next so many messages; fails when they do not come in time."""
    found: list[Message] = []
    async with asyncio.timeout(WAIT_S):
        while len(found) < count:
            found += await reader.next(0.5, count - len(found))
    return found


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Wait for a condition; fails when it does not come about in time."""
    async with asyncio.timeout(2 * WAIT_S):
        while not await holds():  # noqa: ASYNC110  # the condition is in another process
            await asyncio.sleep(0.02)


class BusSuite:
    """Subclass it with an async fixture `under` that yields a BusUnderTest with LANES lanes."""

    async def test_records_of_a_lane_come_in_the_order_they_were_published(self, under: BusUnderTest) -> None:
        await under.bus.publish(under.topic, 1, numbered(1, 30))
        await under.bus.publish(under.topic, 1, numbered(31, 40))
        reader = await under.other.reader(under.topic, 1)
        found = await read(reader, 40)
        await reader.close()
        assert numbers(found) == list(range(1, 41))
        assert [message.offset for message in found] == list(range(found[0].offset, found[0].offset + 40))

    async def test_key_value_and_headers_arrive_as_they_were(self, under: BusUnderTest) -> None:
        record = Outgoing(b"funds", bytes(range(256)), {"traceparents": b"{}", "empty": b""})
        await under.bus.publish(under.topic, 0, [record])
        reader = await under.bus.reader(under.topic, 0)
        [message] = await read(reader, 1)
        await reader.close()
        assert (message.key, message.value, dict(message.headers)) == record

    async def test_a_record_of_eight_megabytes_travels_whole(self, under: BusUnderTest) -> None:
        value = b"payload " * (1024 * 1024)
        await under.bus.publish(under.topic, 0, [Outgoing(b"k", value), *numbered(1, 1)])
        reader = await under.bus.reader(under.topic, 0)
        large, small = await read(reader, 2)
        await reader.close()
        assert large.value == value
        assert numbers([small]) == [1]

    async def test_lanes_do_not_mix(self, under: BusUnderTest) -> None:
        for lane in range(LANES):
            await under.bus.publish(under.topic, lane, numbered(lane, lane))
        for lane in range(LANES):
            assert numbers(await under.bus.tail(under.topic, lane, 10)) == [lane]

    async def test_publishing_at_once_keeps_each_call_in_order(self, under: BusUnderTest) -> None:
        await asyncio.gather(*(under.bus.publish(under.topic, 2, numbered(n * 100, n * 100 + 9)) for n in range(1, 9)))
        found = numbers(await under.bus.tail(under.topic, 2, 100))
        assert sorted(found) == [n * 100 + i for n in range(1, 9) for i in range(10)]
        for n in range(1, 9):
            assert [number for number in found if number // 100 == n] == list(range(n * 100, n * 100 + 10))

    async def test_nothing_to_publish_is_no_error(self, under: BusUnderTest) -> None:
        await under.bus.publish(under.topic, 0, [])
        assert await under.bus.tail(under.topic, 0, 1) == []

    async def test_a_reader_goes_on_from_the_offset_it_is_given(self, under: BusUnderTest) -> None:
        await under.bus.publish(under.topic, 0, numbered(1, 5))
        reader = await under.bus.reader(under.topic, 0, 3)
        assert numbers(await read(reader, 2)) == [4, 5]
        reader.seek(1)
        assert numbers(await read(reader, 1)) == [2]
        reader.seek(None)
        assert numbers(await read(reader, 2)) == [1, 2]
        await reader.close()

    async def test_w9_an_offset_that_is_not_there_means_the_earliest(self, under: BusUnderTest) -> None:
        await under.bus.publish(under.topic, 0, numbered(1, 3))
        reader = await under.bus.reader(under.topic, 0, 500)
        assert numbers(await read(reader, 3)) == [1, 2, 3]
        await reader.close()

    async def test_readers_have_positions_of_their_own(self, under: BusUnderTest) -> None:
        await under.bus.publish(under.topic, 0, numbered(1, 4))
        first, second = await under.bus.reader(under.topic, 0), await under.bus.reader(under.topic, 0)
        assert numbers(await read(first, 4)) == numbers(await read(second, 4)) == [1, 2, 3, 4]
        await first.close()
        await second.close()

    async def test_next_gives_at_most_what_is_asked(self, under: BusUnderTest) -> None:
        await under.bus.publish(under.topic, 0, numbered(1, 7))
        reader = await under.bus.reader(under.topic, 0)
        assert numbers(await reader.next(WAIT_S, 3)) == [1, 2, 3]
        assert numbers(await reader.next(WAIT_S, 3)) == [4, 5, 6]
        assert numbers(await reader.next(WAIT_S, 3)) == [7]
        await reader.close()

    async def test_next_comes_back_empty_after_its_time(self, under: BusUnderTest) -> None:
        reader = await under.bus.reader(under.topic, 3)
        began = time.monotonic()
        assert await reader.next(0.3) == []
        assert 0.25 <= time.monotonic() - began < 2.0
        assert await reader.next(0) == []
        await reader.close()

    async def test_a_waiting_reader_hears_of_a_record_at_once(self, under: BusUnderTest) -> None:
        reader = await under.bus.reader(under.topic, 0)
        waits = []
        for number in range(20):
            waiting = asyncio.create_task(reader.next(WAIT_S))
            await asyncio.sleep(0.02)
            began = time.monotonic()
            await under.other.publish(under.topic, 0, numbered(number, number))
            assert numbers(await waiting) == [number]
            waits.append(time.monotonic() - began)
        await reader.close()
        assert sorted(waits)[10] < 0.1

    async def test_a_cancelled_next_loses_nothing(self, under: BusUnderTest) -> None:
        reader = await under.bus.reader(under.topic, 0)
        waiting = asyncio.create_task(reader.next(WAIT_S))
        await asyncio.sleep(0.05)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await under.bus.publish(under.topic, 0, numbered(1, 2))
        assert numbers(await read(reader, 2)) == [1, 2]
        await reader.close()

    async def test_the_tail_is_the_last_messages_oldest_first(self, under: BusUnderTest) -> None:
        assert await under.bus.tail(under.topic, 0, 5) == []
        await under.bus.publish(under.topic, 0, numbered(1, 9))
        assert numbers(await under.bus.tail(under.topic, 0, 3)) == [7, 8, 9]
        assert numbers(await under.bus.tail(under.topic, 0, 50)) == list(range(1, 10))

    async def test_w8_a_topic_created_anew_has_another_generation(self, under: BusUnderTest) -> None:
        generation = await under.bus.generation(under.topic)
        await under.bus.publish(under.topic, 0, numbered(1, 1))
        assert await under.other.generation(under.topic) == generation
        await under.empty()
        assert await under.bus.generation(under.topic) != generation
        assert await under.bus.tail(under.topic, 0, 10) == []

    async def test_w8_a_reader_finds_the_beginning_of_a_topic_created_anew(self, under: BusUnderTest) -> None:
        """Even when the new topic is longer than the old one was: going on by offset would miss its beginning."""
        await under.bus.publish(under.topic, 0, numbered(1, 3))
        reader = await under.bus.reader(under.topic, 0)
        await read(reader, 3)
        await under.empty()
        await under.other.publish(under.topic, 0, numbered(11, 20))
        assert numbers(await read(reader, 10)) == list(range(11, 21))
        await reader.close()

    async def test_w8_who_published_before_a_topic_was_emptied_publishes_after(self, under: BusUnderTest) -> None:
        await under.bus.publish(under.topic, 0, numbered(1, 3))
        await under.empty()
        await under.bus.publish(under.topic, 0, numbered(4, 6))
        assert numbers(await under.other.tail(under.topic, 0, 10)) == [4, 5, 6]

    async def test_a_topic_that_is_not_there_is_out_of_reach(self, under: BusUnderTest) -> None:
        with pytest.raises(BusUnreachable):
            await under.bus.generation(f"{under.topic}.none")
        with pytest.raises(BusUnreachable):
            await under.bus.publish(f"{under.topic}.none", 0, numbered(1, 1))

    async def test_w9_a_hint_is_what_was_left_last(self, under: BusUnderTest) -> None:
        assert await under.bus.hint("group", under.topic, 1) is None
        await under.bus.leave_hint("group", under.topic, 1, 7)
        await under.other.leave_hint("group", under.topic, 1, 5)
        assert await under.bus.hint("group", under.topic, 1) == 5
        assert await under.bus.hint("group", under.topic, 2) is None
        assert await under.bus.hint("another", under.topic, 1) is None

    async def test_members_of_a_group_share_the_lanes(self, under: BusUnderTest) -> None:
        first = await under.bus.join("group", under.topic, "one")
        await until(lambda: _holds(first, LANES))
        second = await under.other.join("group", under.topic, "two")
        await until(lambda: _holds(first, LANES // 2))
        await until(lambda: _holds(second, LANES // 2))
        assert await first.lanes() | await second.lanes() == frozenset(range(LANES))
        await under.bus.leave_hint("group", under.topic, 0, 3)
        await second.leave()
        await until(lambda: _holds(first, LANES))
        await first.leave()

    async def test_a_static_member_that_comes_back_in_time_finds_its_lanes_again(self, under: BusUnderTest) -> None:
        first, second = await under.bus.join("g", under.topic, "one"), await under.other.join("g", under.topic, "two")
        await until(lambda: _holds(first, LANES // 2))
        await until(lambda: _holds(second, LANES // 2))
        held = await second.lanes()
        await second.leave()
        again = await under.other.join("g", under.topic, "two")
        await until(lambda: _holds(again, LANES // 2))
        assert await again.lanes() == held
        assert len(await first.lanes()) == LANES // 2
        await again.leave()
        await first.leave()


async def _holds(member: Membership, count: int) -> bool:
    return len(await member.lanes()) == count
