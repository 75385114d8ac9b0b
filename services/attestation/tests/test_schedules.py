"""Schedules by chance, each named by its seed: crashes, lost answers and pools, repeats, two holders of a lane."""

from __future__ import annotations

import asyncio

import pytest

from libs.ledger.codec import decode_run, split_sealed
from libs.ledger.hashing import keccak
from libs.ports import INTENTS_TOPIC, LEDGER_TOPIC
from libs.testkit.sim.loop import simulate
from libs.testkit.sim.world import Rates
from services.attestation.tests.simulated import KNOBS, Relay, Scene, attested

ROUGH = Rates(crash=0.0004)


async def _load(relay: Relay, lane: int, runs: int) -> None:
    for _ in range(runs):
        await relay.publish(relay.run(lane), lane=lane)
        await asyncio.sleep(relay.scene.world.random.uniform(0, 0.5))


@pytest.mark.parametrize("seed", range(20))
def test_w9_w10_w11_w12_whatever_happens_every_run_is_attested_once_and_published(seed: int) -> None:
    async def main() -> None:
        stage = Scene(seed, lanes=2, rates=ROUGH)
        stage.mine()
        relays = [stage.producer("orders"), stage.producer("funds")]
        for name in ("a", "b"):
            stage.start(name)
            stage.bring_back(name)
        loads = []
        for relay in relays:
            for lane in range(2):
                relay.answer_gaps(lane)
                loads.append(asyncio.ensure_future(_load(relay, lane, 15)))
        if seed % 4 == 0:
            await asyncio.sleep(4)
            stage.broker.empty(INTENTS_TOPIC, away_s=1.0)
        if seed % 4 == 1:
            await asyncio.sleep(4)
            stage.broker.empty(LEDGER_TOPIC, away_s=1.0)
        if seed % 4 == 2:
            await asyncio.sleep(3)
            stage.chain.away_until = stage.world.elapsed() + 10.0
        await asyncio.gather(*loads)
        want = {(relay.service, lane): relay.expected(lane) for relay in relays for lane in range(2)}

        def on_ledger() -> bool:
            return all(stage.chain.state.lanes[lane][0] - 1 == 2 * 15 * 6 for lane in range(2))

        await stage.until(on_ledger, 400)
        if seed % 4 == 1:
            return  # what an emptied ledger topic lost, consumers fetch from the ledger itself (W-14)
        await stage.until(lambda: all(len(stage.published(lane)) == 180 for lane in range(2)), 120)
        for (service, lane), expected in want.items():
            assert attested(stage.published(lane), service) == expected

    simulate(main)


@pytest.mark.parametrize("point", ["attest.built", "attest.sent", "attest.mined", "attest.published"])
@pytest.mark.parametrize("visit", [0, 1, 2])
def test_w11_w12_a_crash_at_every_point_of_the_path_loses_and_doubles_nothing(point: str, visit: int) -> None:
    async def main() -> None:
        stage = Scene(visit)
        stage.mine()
        orders = stage.producer("orders")
        stage.world.crash_at[point] = visit
        stage.start("a")
        stage.bring_back("a")
        await _load(orders, 0, 40)
        await stage.until(lambda: len(stage.published()) == 240)
        assert attested(stage.published(), "orders") == orders.expected()
        assert stage.world.crashes[point] == 1

    simulate(main)


def test_w10_a_paused_holder_that_wakes_up_cannot_write_a_stale_batch() -> None:
    """SIGSTOP and SIGCONT in one process: what `a` built is held back until `b` has gone on, then sent."""

    async def main() -> None:
        stage = Scene(3)
        stage.mine()
        orders = stage.producer("orders")
        a = stage.start("a")
        await _load(orders, 0, 5)
        await stage.until(lambda: len(stage.published()) == 30)
        resumed, stale = asyncio.Event(), list[bytes]()
        ledger = a._parts.ledger
        send = ledger.send

        async def paused(raw: bytes) -> None:
            stale.append(raw)
            await resumed.wait()
            await send(raw)

        ledger.send = paused  # type: ignore[method-assign]
        await orders.publish(orders.run())
        await stage.until(lambda: bool(stale))
        # The group gives the silent one up: its lane goes to `b`, which attests what `a` had in hand, and more.
        await orders.publish(orders.run())
        stage.broker.end_session(("cartulary.attestation", INTENTS_TOPIC), "a", stage.nodes["a"])
        stage.start("b")
        await stage.until(lambda: len(stage.published()) == 42, 60)
        resumed.set()
        await _load(orders, 0, 5)
        await stage.until(lambda: len(stage.published()) == 72)
        await asyncio.sleep(5)
        assert attested(stage.published(), "orders") == orders.expected()
        mined = {t.hash: t.batch for block in stage.chain.blocks for t in block.block.transactions}
        assert all(mined.get(keccak(raw)) is None for raw in stale)
        assert not a.lanes

    simulate(main)


def test_two_instances_share_the_lanes_and_a_dead_ones_lanes_move() -> None:
    async def main() -> None:
        stage = Scene(4, lanes=4)
        stage.mine()
        orders = stage.producer("orders")
        a, b = stage.start("a"), stage.start("b")
        await stage.until(lambda: len(a.lanes) == 2 and len(b.lanes) == 2)
        assert a.lanes | b.lanes == {0, 1, 2, 3}
        stage.nodes["a"].crash()
        await stage.until(lambda: b.lanes == {0, 1, 2, 3}, 60)
        for lane in range(4):
            await orders.publish(orders.run(lane), lane=lane)
        await stage.until(lambda: all(len(stage.published(lane)) == 6 for lane in range(4)))

    simulate(main)


def test_trace_contexts_ride_along_and_never_reach_the_ledger() -> None:
    async def main() -> None:
        stage = Scene(5)
        stage.mine()
        orders = stage.producer("orders")
        stage.start("a", knobs=KNOBS)
        record = orders.run()
        await orders.publish(record)
        await stage.until(lambda: len(stage.published()) == 6)
        message = stage.broker.topics[LEDGER_TOPIC].lanes[0][0]
        assert message.key == b"0"
        assert message.headers["traceparents"] == record.headers["traceparents"]
        assert b"traceparent" not in split_sealed(record.value)[1]
        assert decode_run(split_sealed(record.value)[1]).service == "orders"

    simulate(main)
