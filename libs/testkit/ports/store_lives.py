"""What every Store does with lives: none, unsettled, settled, lost, followed by another (W-21)."""

from __future__ import annotations

import pytest

from libs.kernel.errors import Conflict, NotReady
from libs.ports import LifeChanged
from libs.testkit.ports.attested import CONSUMER
from libs.testkit.ports.store import LANES, StoreUnderTest, decided, marker, store_one


class StoreLivesSuite:
    """Subclass it with an async fixture `under` that yields a StoreUnderTest of an empty schema."""

    async def test_w21_nothing_is_decided_before_a_life_is_settled(self, under: StoreUnderTest) -> None:
        assert await under.store.life() is None
        with pytest.raises(NotReady):
            await store_one(under.store, decided(1))
        await under.live(settle=False)
        life = await under.store.life()
        assert life is not None
        assert (life.epoch, life.settled, life.lanes) == (1, False, LANES)
        with pytest.raises(NotReady):
            await store_one(under.store, decided(1))
        for lane in range(LANES):
            [run] = await under.store.numbered(lane, 0, 10)
            assert (run.epoch, run.first) == (1, 1)
            await under.apply(lane, run.decisions, first=1)
        await store_one(under.store, decided(1))
        assert (await under.store.life()) == life.__class__(1, True, LANES)

    async def test_w21_a_marker_of_another_life_settles_nothing(self, under: StoreUnderTest) -> None:
        await under.live(7, settle=False)
        under.epoch = 6
        await under.apply(0, [marker(6, 0, version=1)], first=1)
        under.epoch = 7
        await under.apply(1, (await under.store.numbered(1, 0, 1))[0].decisions, first=1)
        life = await under.store.life()
        assert life is not None
        assert not life.settled

    async def test_w21_one_of_two_processes_begins_a_life(self, under: StoreUnderTest) -> None:
        await under.live(3)
        with pytest.raises(Conflict):
            await under.other.begin_life(3, {lane: marker(3, lane, 2) for lane in range(LANES)})

    async def test_w21_who_knew_an_emptied_schema_must_start_anew(self, under: StoreUnderTest) -> None:
        await under.live()
        await store_one(under.store, decided(1))
        assert await under.other.positions(CONSUMER)
        await under.empty()
        with pytest.raises(LifeChanged):
            await store_one(under.store, decided(2))
        with pytest.raises(LifeChanged):
            await under.other.number(0, 10, 10_000)
        anew = await under.anew()
        assert await anew.life() is None
        assert await anew.positions(CONSUMER) == {}

    async def test_w21_who_knew_another_life_must_start_anew(self, under: StoreUnderTest) -> None:
        await under.live(1)
        assert await under.store.positions(CONSUMER)
        await under.other.life()
        await under.other.begin_life(2, {lane: marker(2, lane, 2) for lane in range(LANES)})
        with pytest.raises(LifeChanged):
            await store_one(under.store, decided(1))
        with pytest.raises(LifeChanged):
            async with under.store.committing():
                raise AssertionError("not reached")

    async def test_w21_a_life_that_never_settled_may_be_followed_by_another(self, under: StoreUnderTest) -> None:
        await under.live(1, settle=False)
        again = await under.anew()
        await again.begin_life(2, {lane: marker(2, lane, 1) for lane in range(LANES)})
        runs = [run for lane in range(LANES) for run in await again.numbered(lane, 0, 10)]
        assert [(run.lane, run.epoch, run.first, len(run.decisions)) for run in runs] == [(0, 2, 1, 1), (1, 2, 1, 1)]
