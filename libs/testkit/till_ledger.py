"""A ledger in memory with the sample services' events of every sort, for tests of what reads a ledger."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count

from libs.kernel.envelope import Actor, Decision, EventEntry
from libs.kernel.events import Event
from libs.kernel.ids import uuid7
from libs.kernel.keyed import KeyedHashes
from libs.kernel.streams import lane_of
from libs.kernel.time import to_wire
from libs.rules.four_eyes import Rules
from libs.testkit.memory_ledger import BEGAN, MemoryLedger, RunOf
from libs.testkit.sample import bells, tills

LANES = 2
KEYED = KeyedHashes(b"k" * 32)
SERVICES = {parts.decider.service: parts for parts in (tills.PARTS, bells.PARTS)}


def market_in(lane: int) -> str:
    """A market that lies in the lane."""
    return next(key for n in count() if lane_of(key := f"market-{n}", LANES) == lane)


class TillLedger(MemoryLedger):
    """`days(n)` writes n batches a lane: tills opened, paid into and between, counted and shut; bells rung."""

    def __init__(self, address: bytes = b"\x11" * 20) -> None:
        super().__init__(LANES, address=address)
        self.versions: Counter[str] = Counter()
        self._numbers = count(1)
        self.epochs = dict.fromkeys(SERVICES, 1)

    def decide(self, *events: Event, tenant: str = "acme", time: datetime | None = None) -> Decision:
        """A decision of these events, at the ledger's time."""
        now = time or datetime.fromtimestamp(BEGAN, UTC) + timedelta(seconds=len(self.times) - 2)
        number, entries = next(self._numbers), list[EventEntry]()
        for event in events:
            self.versions[event.stream()] += 1
            stream = event.stream()
            entries.append(EventEntry(event.type_name(), stream, self.versions[stream], event.data()))
        identity = str(uuid7(now))
        key = KEYED.key(tenant, "sub-1", f"key-{number}", f"request {number}".encode())
        return Decision(
            identity, to_wire(now), tenant, Actor("sub-1", "cashier"), None, identity, key.command, key.request,
            tuple(entries),
        )  # fmt: skip

    def write(self, lane: int, *decisions: Decision) -> None:
        """One batch: a run for each service that the decisions name, in order."""
        runs: list[tuple[str, list[Decision]]] = []
        for decision in decisions:
            service = decision.events[0].stream.partition("/")[0]
            if not runs or runs[-1][0] != service:
                runs.append((service, []))
            runs[-1][1].append(decision)
        self.attest(lane, *(RunOf(service, chosen, self.epochs[service]) for service, chosen in runs))

    def begin(self, service: str, epoch: int) -> None:
        """A life of the service begins in every lane."""
        self.epochs[service] = epoch
        begun = Rules(SERVICES[service].decider).types.epoch_begun
        for lane in range(LANES):
            self.write(lane, self.decide(begun(epoch=epoch, lane=lane), tenant="cartulary"))

    def days(self, days: int, first: int = 1) -> TillLedger:
        """Business of so many days in every lane."""
        for day in range(first, first + days):
            for lane in range(LANES):
                self.write(lane, *self._day(market_in(lane), day))
        return self

    def _day(self, market: str, day: int) -> Sequence[Decision]:
        now = datetime.fromtimestamp(BEGAN, UTC)
        one, two = f"{market}-{day}-a", f"{market}-{day}-b"

        def opened(till: str, label: str) -> Event:
            return tills.TillOpened(market=market, till=till, label=label, count_at=now + tills.COUNT_AFTER)

        def paid(till: str, amount: int) -> Event:
            return tills.Deposited(market=market, till=till, amount=Decimal(amount))

        # Labels are taken, given up and taken by the next day's till within one lane (W-4).
        label = f"label of {market}"
        return [
            self.decide(opened(one, label)),
            self.decide(opened(two, f"{label} {day} – “b”, \\ {{}}")),
            self.decide(paid(one, 100), tenant="acme"),
            self.decide(tills.Withdrawn(market=market, till=one, amount=Decimal(100)), paid(two, 100)),
            self.decide(bells.BellRung(market=market, bell=f"{two}-left", label=label, deposit="x")),
            self.decide(bells.BellRung(market=market, bell=f"{two}-left", label=label, deposit="y")),
            self.decide(tills.TillCounted(market=market, till=two, balance=Decimal(100))),
            self.decide(tills.TillShut(market=market, till=one, label=label)),
        ]
