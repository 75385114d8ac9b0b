"""The Bus port over a simulated broker: what Kafka promises, and everything that it does not."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from libs.ports import GAPS_TOPIC, INTENTS_TOPIC, LEDGER_TOPIC, BusUnreachable, Message, Outgoing
from libs.testkit.sim.world import Node, World

SESSION_S = 6.0
_MOST_LATE_S = 5.0
_RETRY_S = 0.2


@dataclass(slots=True)
class _Topic:
    generation: int
    lanes: list[list[Message]]


@dataclass(slots=True)
class _Group:
    """Who takes part, what is given to whom, and what those who have not noticed yet still think."""

    members: dict[str, Node] = field(default_factory=dict)
    given: dict[str, frozenset[int]] = field(default_factory=dict)
    settles_at: float = 0.0
    stale: dict[str, tuple[float, frozenset[int]]] = field(default_factory=dict)


class SimBroker:
    """The durable half: topics, groups, hints; it outlives every node."""

    def __init__(
        self,
        world: World,
        lanes: int,
        topics: Sequence[str] = (INTENTS_TOPIC, LEDGER_TOPIC, GAPS_TOPIC),
        session_s: float = SESSION_S,
    ) -> None:
        self.world, self.lanes, self._session_s = world, lanes, session_s
        self.topics = {name: _Topic(1, [[] for _ in range(lanes)]) for name in topics}
        self.hints: dict[tuple[str, str, int], int] = {}
        self._gone_until: dict[str, float] = {}
        self._arrived: dict[tuple[str, int], asyncio.Event] = {}
        self._groups: dict[tuple[str, str], _Group] = {}

    def bus(self, node: Node) -> SimBus:
        """The node's connection."""
        return SimBus(self, node)

    def topic(self, name: str) -> _Topic:
        """The topic; raises BusUnreachable while it is gone."""
        if name not in self.topics or self.world.elapsed() < self._gone_until.get(name, 0.0):
            raise BusUnreachable("there is no such topic at present", field="topic", value=name)
        return self.topics[name]

    def empty(self, name: str, away_s: float = 0.0) -> None:
        """Delete the topic and, after a while, create it anew."""
        self.topics[name] = _Topic(self.topics[name].generation + 1, [[] for _ in range(self.lanes)])
        self._gone_until[name] = self.world.elapsed() + away_s
        self.hints = {key: offset for key, offset in self.hints.items() if key[1] != name}
        self.world.note("broker", f"emptied {name}")
        for lane in range(self.lanes):
            self._arrival(name, lane).set()

    def append(self, name: str, generation: int, lane: int, records: Sequence[Outgoing]) -> None:
        """Write, unless the topic of that generation is gone."""
        topic = self.topics[name]
        if topic.generation == generation:
            log = topic.lanes[lane]
            log.extend([Message(len(log) + n, r.key, r.value, dict(r.headers)) for n, r in enumerate(records)])
            self._arrival(name, lane).set()

    def _arrival(self, name: str, lane: int) -> asyncio.Event:
        return self._arrived.setdefault((name, lane), asyncio.Event())

    async def arrival(self, name: str, lane: int, wait_s: float) -> None:
        """Wait until a record arrives in the lane, at most that long."""
        event = self._arrival(name, lane)
        event.clear()
        try:
            async with asyncio.timeout(wait_s):
                await event.wait()
        except TimeoutError:
            return

    def enter(self, name: tuple[str, str], instance: str, node: Node) -> None:
        """Take a place in the group; a static member that comes back in time finds its lanes again."""
        group = self._groups.setdefault(name, _Group())
        known = instance in group.members
        group.members[instance] = node
        node.on_crash.append(lambda: self.end_session(name, instance, node))
        if not known:
            self._rebalance(group)

    def end_session(self, name: tuple[str, str], instance: str, node: Node) -> None:
        """Nothing is heard of the member any more; its session lasts a while longer."""
        asyncio.get_running_loop().call_later(self._session_s, self._expire, name, instance, node)

    def _expire(self, name: tuple[str, str], instance: str, node: Node) -> None:
        group = self._groups[name]
        if group.members.get(instance) is node:
            del group.members[instance]
            self._rebalance(group)

    def _rebalance(self, group: _Group) -> None:
        now, random, names = self.world.elapsed(), self.world.random, sorted(group.members)
        group.settles_at = now + random.uniform(0.05, 1.0)
        for name in names:
            if group.given.get(name) and self.world.chance(self.world.rates.lagging):
                group.stale[name] = (group.settles_at + random.uniform(0, self._session_s), group.given[name])
        group.given = {name: frozenset(range(at, self.lanes, len(names))) for at, name in enumerate(names)}

    def held(self, name: tuple[str, str], instance: str) -> frozenset[int]:
        """What the member believes to hold."""
        group, now = self._groups[name], self.world.elapsed()
        until, lanes = group.stale.get(instance, (0.0, frozenset()))
        if now < until:
            return lanes
        return group.given.get(instance, frozenset()) if now >= group.settles_at else frozenset()


def _away() -> BusUnreachable:
    return BusUnreachable("the simulated bus did not answer")


class SimBus:
    """A node's view of the broker; see the port."""

    def __init__(self, broker: SimBroker, node: Node) -> None:
        self._broker, self._node, self._world = broker, node, broker.world

    async def publish(self, topic: str, lane: int, records: Sequence[Outgoing]) -> None:
        """See Bus.publish; a call that fails may have written some of it, or all, now or later."""
        await self._node.ask("bus.publish", _away())
        generation, world = self._broker.topic(topic).generation, self._world
        if world.chance(world.rates.late):
            asyncio.get_running_loop().call_later(
                world.random.uniform(0, _MOST_LATE_S),
                self._broker.append,
                topic,
                generation,
                lane,
                list(records),
            )
            raise _away()
        if world.chance(world.rates.lost_answer):
            part = records[: world.random.randrange(len(records) + 1)]
            self._broker.append(topic, generation, lane, part)
            raise _away()
        if records and world.chance(world.rates.repeated):
            # A producer's new life writes what the old one wrote already.
            self._broker.append(topic, generation, lane, records[: world.random.randrange(len(records)) + 1])
        self._broker.append(topic, generation, lane, records)
        await self._node.answer("bus.publish", _away())

    async def reader(self, topic: str, lane: int, offset: int | None = None) -> SimReader:
        """See Bus.reader."""
        self._node.check()
        return SimReader(self._broker, self._node, topic, lane, offset)

    async def tail(self, topic: str, lane: int, count: int) -> list[Message]:
        """See Bus.tail."""
        await self._node.ask("bus.tail", _away())
        return self._broker.topic(topic).lanes[lane][-count:] if count else []

    async def generation(self, topic: str) -> str:
        """See Bus.generation."""
        await self._node.ask("bus.generation", _away())
        return str(self._broker.topic(topic).generation)

    async def join(self, group: str, topic: str, instance: str) -> SimMembership:
        """See Bus.join."""
        await self._node.ask("bus.join", _away())
        self._broker.enter((group, topic), instance, self._node)
        return SimMembership(self._broker, self._node, (group, topic), instance)

    async def hint(self, group: str, topic: str, lane: int) -> int | None:
        """See Bus.hint."""
        await self._node.ask("bus.hint", _away())
        return self._broker.hints.get((group, topic, lane))

    async def leave_hint(self, group: str, topic: str, lane: int, offset: int) -> None:
        """See Bus.leave_hint."""
        await self._node.ask("bus.leave_hint", _away())
        self._broker.topic(topic)
        self._broker.hints[(group, topic, lane)] = offset


class SimReader:
    """A position in one lane; see the port."""

    def __init__(self, broker: SimBroker, node: Node, topic: str, lane: int, offset: int | None) -> None:
        self._broker, self._node, self._topic, self._lane = broker, node, topic, lane
        self._offset = offset or 0
        self._generation: int | None = None

    async def next(self, wait_s: float, most: int = 500) -> list[Message]:
        """See LaneReader.next."""
        world = self._broker.world
        until = world.elapsed() + wait_s
        while True:
            try:
                await self._node.ask("bus.next", _away())
                topic = self._broker.topic(self._topic)
            except BusUnreachable:
                if world.elapsed() + _RETRY_S >= until:
                    raise
                await asyncio.sleep(_RETRY_S)
                continue
            log = topic.lanes[self._lane]
            if self._generation not in (None, topic.generation) or self._offset > len(log):
                self._offset = 0
            self._generation = topic.generation
            found = log[self._offset : self._offset + most]
            self._offset += len(found)
            left_s = until - world.elapsed()
            if found or left_s <= 0:
                return found
            await self._broker.arrival(self._topic, self._lane, left_s)
            self._node.check()

    def seek(self, offset: int | None) -> None:
        """See LaneReader.seek."""
        self._offset = offset or 0

    async def close(self) -> None:
        """See LaneReader.close."""


class SimMembership:
    """A place in a group; see the port."""

    def __init__(self, broker: SimBroker, node: Node, group: tuple[str, str], instance: str) -> None:
        self._broker, self._node, self._group, self._instance = broker, node, group, instance
        self._left = False

    async def lanes(self) -> frozenset[int]:
        """See Membership.lanes; for a while after a rebalance it may be what was held before."""
        self._node.check()
        return frozenset() if self._left else self._broker.held(self._group, self._instance)

    async def leave(self) -> None:
        """See Membership.leave."""
        self._left = True
        self._broker.end_session(self._group, self._instance, self._node)
