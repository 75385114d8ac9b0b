"""Components: kept running with backoff, their state shown, stopped in the order in which work flows."""

import asyncio

from libs.edge.component import MAX_BACKOFF_S, WELL_AFTER_S, Component, Kept, stop_in_order
from libs.edge.tests.sample import NOON, ManualClock, settle
from libs.ports import BusUnreachable


class Work:
    """A component that fails as often as it is told, and writes down what happens to it."""

    def __init__(self, name: str, *roles: str, journal: list[str] | None = None) -> None:
        self.failures, self.runs, self.journal = 0, 0, journal if journal is not None else []
        self.left = asyncio.Event()
        self.left.set()
        self.component = Component(name, self.run, roles or ("relay",), self.drain)

    async def run(self) -> None:
        self.runs += 1
        if self.failures:
            self.failures -= 1
            raise BusUnreachable("no broker answers")
        try:
            await asyncio.Event().wait()
        finally:
            self.journal.append(f"{self.component.name} ended")

    async def drain(self) -> None:
        await self.left.wait()
        self.journal.append(f"{self.component.name} drained")


async def test_a_failing_component_is_started_again_with_growing_pauses() -> None:
    clock, work = ManualClock(), Work("relay")
    work.failures = 12
    kept = Kept("notes.relay", work.component, clock)
    kept.start()
    await settle()
    pauses = []
    while work.failures:
        pauses.append(next(s for s in reversed(clock.slept) if s != WELL_AFTER_S))
        await clock.move(pauses[-1])
    assert pauses[:4] == [0.1, 0.2, 0.4, 0.8]
    assert max(pauses) == MAX_BACKOFF_S
    await kept.stop(1)


async def test_its_failure_shows_until_it_ran_well_for_a_while() -> None:
    clock, work = ManualClock(), Work("relay")
    work.failures = 1
    kept = Kept("notes.relay", work.component, clock)
    kept.start()
    await settle()
    state = await kept.check().probe()
    assert (state.status, state.since) == ("degraded", NOON)
    assert "no broker answers" in state.detail
    await clock.move(0.1)
    assert (await kept.check().probe()).status == "degraded"
    await clock.move(WELL_AFTER_S)
    state = await kept.check().probe()
    assert (state.status, state.detail) == ("ok", "restarted 1 times")
    await kept.stop(1)


async def test_a_failing_part_of_the_api_takes_the_process_out_of_service() -> None:
    clock, work = ManualClock(), Work("decide", "api")
    work.failures = 1
    kept = Kept("notes.decide", work.component, clock)
    kept.start()
    await settle()
    assert (await kept.check().probe()).status == "failing"
    await kept.stop(1)


async def test_a_component_that_ends_by_itself_is_started_again() -> None:
    async def ends() -> None:
        return

    clock = ManualClock()
    kept = Kept("notes.odd", Component("odd", ends, ("react",)), clock)
    kept.start()
    await settle()
    assert "ended by itself" in (await kept.check().probe()).detail
    await kept.stop(1)


async def test_what_feeds_others_stops_before_what_it_feeds() -> None:
    journal: list[str] = []
    works = [Work(role, role, journal=journal) for role in ("publish", "commit", "relay", "attest", "clock", "api")]
    clock = ManualClock()
    kept = [Kept(work.component.name, work.component, clock) for work in works]
    for one in kept:
        one.start()
    await settle()
    await stop_in_order(kept, clock.monotonic() + 10, clock)
    order = ["api", "clock", "relay", "commit", "attest", "publish"]
    assert journal == [f"{role} {what}" for role in order for what in ("drained", "ended")]


async def test_a_drain_that_takes_too_long_is_cut_off() -> None:
    clock, work = ManualClock(), Work("relay")
    work.left.clear()
    kept = Kept("notes.relay", work.component, clock)
    kept.start()
    await settle()
    await stop_in_order([kept], clock.monotonic() + 0.05, clock)
    assert work.journal == ["relay ended"]
