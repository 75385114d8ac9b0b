"""A lane in virtual time: what goes in comes out once, in order, whatever happens in between (W-7 to W-14)."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from libs.ledger.client import LaneSigner
from libs.ledger.codec import MAX_RUN_BYTES
from libs.ledger.record import decode_gap, seal_run
from libs.ports import GAPS_TOPIC, INTENTS_TOPIC, LEDGER_TOPIC, Outgoing
from libs.testkit.sim.loop import simulate
from services.attestation.tests.simulated import KNOBS, Scene, attested


def scene(seed: int, story: Any, **world: Any) -> None:
    """Tell the story in a simulated world."""

    async def main() -> None:
        stage = Scene(seed, **world)
        stage.mine()
        await story(stage)

    simulate(main)


def test_w9_what_the_relays_sent_is_attested_once_and_in_order() -> None:
    async def story(stage: Scene) -> None:
        orders, funds = stage.producer("orders"), stage.producer("funds")
        stage.start("a")
        for _ in range(20):
            await orders.publish(orders.run())
            await funds.publish(funds.run(decisions=1))
        await stage.until(lambda: len(stage.published()) == 20 * 8)
        assert attested(stage.published(), "orders") == orders.expected()
        assert attested(stage.published(), "funds") == funds.expected()

    scene(1, story)


def test_w9_repeated_and_older_runs_are_ignored() -> None:
    async def story(stage: Scene) -> None:
        orders = stage.producer("orders")
        stage.start("a")
        runs = [orders.run() for _ in range(5)]
        await orders.publish(*runs, *runs, runs[2], runs[0])
        await orders.publish(*runs)
        await stage.until(lambda: len(stage.published()) == 30)
        await asyncio.sleep(10)
        assert attested(stage.published(), "orders") == orders.expected()

    scene(2, story)


def test_w8_a_gap_is_held_aside_reported_and_filled() -> None:
    async def story(stage: Scene) -> None:
        orders = stage.producer("orders")
        instance = stage.start("a")
        first, second, third = orders.run(), orders.run(), orders.run()
        await orders.publish(first, third)
        await stage.until(lambda: bool(stage.broker.topics[GAPS_TOPIC].lanes[0]))
        report = decode_gap(stage.broker.topics[GAPS_TOPIC].lanes[0][0].value)
        assert report == ("orders", 0, 1, 3)
        assert any("waiting for the relay of orders" in reason for reason in instance.health.reasons())
        await orders.publish(second)
        await stage.until(lambda: len(stage.published()) == 18)
        assert attested(stage.published(), "orders") == orders.expected()
        await stage.until(instance.health.ready)

    scene(3, story)


def test_w7_an_unsigned_or_foreign_run_is_set_aside_and_moves_no_mark() -> None:
    async def story(stage: Scene) -> None:
        orders, funds = stage.producer("orders"), stage.producer("funds")
        instance = stage.start("a")
        true = orders.run()
        unsigned = Outgoing(true.key, bytes(64) + true.value[64:])
        foreign = Outgoing(true.key, seal_run(funds.key, stage.genesis(0), true.value[64:]))
        other_lane = Outgoing(true.key, seal_run(orders.key, bytes(32), true.value[64:]))
        await orders.publish(unsigned, foreign, other_lane, Outgoing(b"orders", b"short"), true)
        await stage.until(lambda: len(stage.published()) == 6)
        assert sum(instance.health.set_aside.values()) == 4

    scene(4, story)


def test_w7_a_producer_registered_later_is_read_again() -> None:
    async def story(stage: Scene) -> None:
        stage.producer("orders")
        stage.start("a")
        await asyncio.sleep(5)
        funds = stage.producer("funds")
        await funds.publish(funds.run())
        await stage.until(lambda: len(stage.published()) == 6)

    scene(5, story)


def test_w13_a_signed_run_that_cannot_be_read_halts_the_lane_and_nothing_passes_it() -> None:
    async def story(stage: Scene) -> None:
        orders = stage.producer("orders")
        instance = stage.start("a")
        good, after = orders.run(), orders.run()
        bad = Outgoing(b"orders", seal_run(orders.key, stage.genesis(0), b'{"v":99}'))
        await orders.publish(good, bad, after)
        await stage.until(lambda: instance.health.state_of(0) == "halted")
        await asyncio.sleep(10)
        assert len(stage.published()) == 6
        reason = instance.health.reasons()[0]
        assert "unreadable" in reason
        assert "CARTULARY_ATTESTATION_SET_ASIDE" in reason

        digest = reason.split("run ")[1].split(" ")[0]
        instance.stop()
        stage.nodes["a"].crash()
        stage.start("a", knobs=replace(KNOBS, passed_over=frozenset({digest})))
        await stage.until(lambda: len(stage.published()) == 12)

    scene(6, story)


def test_w13_a_run_that_straddles_its_mark_halts_the_lane() -> None:
    async def story(stage: Scene) -> None:
        orders = stage.producer("orders")
        instance = stage.start("a")
        await orders.publish(orders.run(decisions=2))
        await stage.until(lambda: len(stage.published()) == 4)
        orders.decisions[0].clear()
        await orders.publish(orders.run(decisions=5))
        await stage.until(lambda: instance.health.state_of(0) == "halted")
        assert "is attested already" in instance.health.reasons()[0]

    scene(7, story)


def test_w13_a_run_past_the_contracts_bound_halts_the_lane() -> None:
    async def story(stage: Scene) -> None:
        orders = stage.producer("orders")
        instance = stage.start("a")
        await orders.publish(orders.run(decisions=5, events=900))
        await stage.until(lambda: instance.health.state_of(0) == "halted")
        assert "4096 events" in instance.health.reasons()[0]

    assert MAX_RUN_BYTES > 1_000_000
    scene(8, story)


def test_w11_a_batch_behind_one_that_failed_is_built_again_from_the_contract() -> None:
    async def story(stage: Scene) -> None:
        orders = stage.producer("orders")
        stage.start("a")
        await orders.publish(*(orders.run() for _ in range(10)))
        await stage.until(lambda: len(stage.published()) > 0)
        # The lane is taken away while batches are in flight: all of them revert, in their own blocks.
        stage.chain.grant(0, bytes(20))
        await orders.publish(*(orders.run() for _ in range(30)))
        await asyncio.sleep(8)
        held_back = len(stage.published())
        stage.chain.grant(0, stage.signers[0].address)
        await stage.until(lambda: len(stage.published()) == 40 * 6)
        assert held_back < 40 * 6
        assert attested(stage.published(), "orders") == orders.expected()
        reverted = [t for b in stage.chain.blocks for t in b.block.transactions if t.batch is None]
        assert reverted

    scene(9, story)


def test_w11_a_nonce_that_somebody_else_filled_is_waited_out() -> None:
    async def story(stage: Scene) -> None:
        orders = stage.producer("orders")
        identity, key = stage.chain.identity, bytes([1]) * 32
        other = LaneSigner(key, identity)
        ledger = stage.chain.ledger(stage.world.node("stranger with the lane's key"))
        for nonce in range(3):
            await ledger.send(other.sign(nonce, 100_000, b"nonsense").raw)
        stage.start("a")
        await orders.publish(*(orders.run() for _ in range(10)))
        await stage.until(lambda: len(stage.published()) == 60)
        assert attested(stage.published(), "orders") == orders.expected()

    scene(10, story)


def test_quirk3_a_lost_pool_is_offered_the_same_bytes_again() -> None:
    async def story(stage: Scene) -> None:
        orders = stage.producer("orders")
        instance = stage.start("a")
        await orders.publish(orders.run())
        await stage.until(lambda: len(stage.published()) == 6)
        await orders.publish(*(orders.run() for _ in range(10)))
        await stage.until(lambda: bool(stage.chain.pool))
        lost = dict(stage.chain.pool)
        stage.chain.pool.clear()
        await stage.until(lambda: len(stage.published()) == 66)
        mined = {t.hash for b in stage.chain.blocks for t in b.block.transactions}
        assert {pooled.hash for pooled in lost.values()} <= mined
        assert attested(stage.published(), "orders") == orders.expected()
        assert instance.metrics.offered_again.labels(0)._value.get() > 0

    scene(11, story)


def test_w12_the_bus_is_brought_level_with_the_chain_from_mined_calldata() -> None:
    async def story(stage: Scene) -> None:
        orders = stage.producer("orders")
        stage.world.crash_at["attest.mined"] = 1
        stage.start("a")
        await orders.publish(*(orders.run() for _ in range(40)))
        await stage.until(lambda: not stage.nodes["a"].alive)
        on_chain = stage.chain.state.lanes[0][0] - 1
        assert len(stage.published()) < on_chain
        stage.world.crash_at.clear()
        stage.start("a")
        await stage.until(lambda: len(stage.published()) == 240)
        assert attested(stage.published(), "orders") == orders.expected()

    scene(12, story)


def test_w12_an_emptied_ledger_topic_is_filled_from_the_chain_and_a_forged_tail_is_passed_over() -> None:
    async def story(stage: Scene) -> None:
        orders = stage.producer("orders")
        stage.start("a")
        await orders.publish(*(orders.run() for _ in range(10)))
        await stage.until(lambda: len(stage.published()) == 60)
        genuine = stage.broker.topics[LEDGER_TOPIC].lanes[0][-1]
        stage.nodes["a"].crash()
        stage.broker.empty(LEDGER_TOPIC)
        forged = genuine.value.replace(b'"count":', b'"count":9', 1)
        await orders.bus.publish(LEDGER_TOPIC, 0, [Outgoing(b"0", forged), Outgoing(b"0", b"noise")])
        stage.start("b")
        await stage.until(lambda: len(stage.broker.topics[LEDGER_TOPIC].lanes[0]) > 2)
        await asyncio.sleep(3)
        del stage.broker.topics[LEDGER_TOPIC].lanes[0][:2]
        assert attested(stage.published(), "orders") == orders.expected()

    scene(13, story)


def test_w9_emptied_intents_are_sent_again_and_nothing_is_attested_twice() -> None:
    async def story(stage: Scene) -> None:
        orders = stage.producer("orders")
        orders.answer_gaps()
        stage.start("a")
        await orders.publish(*(orders.run() for _ in range(10)))
        await stage.until(lambda: len(stage.published()) == 60)
        stage.broker.empty(INTENTS_TOPIC)
        await orders.publish(orders.run(), orders.run())
        orders.run()
        await stage.until(lambda: len(stage.published()) == 78)
        assert attested(stage.published(), "orders") == orders.expected()

    scene(14, story)


def test_a_stop_publishes_what_is_in_flight_and_leaves() -> None:
    async def story(stage: Scene) -> None:
        orders = stage.producer("orders")
        instance = stage.start("a")
        await orders.publish(*(orders.run() for _ in range(30)))
        await stage.until(lambda: bool(stage.chain.pool))
        sent = len(stage.chain.pool)
        instance.stop()
        await stage.until(lambda: not stage.nodes["a"]._tasks)
        on_chain = stage.chain.state.lanes[0][0] - 1
        assert sent
        assert len(stage.published()) == on_chain > 0

    scene(15, story)
