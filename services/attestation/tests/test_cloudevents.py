"""For the world outside: CloudEvents 1.0, one record an event, every event once a life or more (W-16)."""

from __future__ import annotations

import orjson

from libs.ledger.hashing import keccak
from libs.ports import LEDGER_TOPIC, Message, Outgoing
from libs.testkit.sim.loop import simulate
from services.attestation.cloudevents import topic_of
from services.attestation.tests.simulated import Scene, attested


async def made(_: str) -> None:
    """The simulated broker has the topics already."""


def records(stage: Scene, service: str, lane: int = 0) -> list[Message]:
    return stage.broker.topics[topic_of(service)].lanes[lane]


def ids(stage: Scene, service: str) -> list[tuple[str, int]]:
    bodies = [orjson.loads(message.value) for message in records(stage, service)]
    return [(body["decision"]["id"], body["decision"]["index"]) for body in bodies]


def test_w16_every_attested_event_is_a_cloud_event_of_its_service() -> None:
    async def main() -> None:
        stage = Scene(1)
        stage.mine()
        orders, funds = stage.producer("orders"), stage.producer("funds")
        stage.start("a", cloud_events=made)
        for _ in range(5):
            await orders.publish(orders.run())
            await funds.publish(funds.run())
        await stage.until(lambda: len(records(stage, "orders")) == 30 and len(records(stage, "funds")) == 30)
        assert ids(stage, "orders") == orders.expected()
        assert ids(stage, "funds") == funds.expected()
        event = stage.published()[0]
        first = records(stage, "orders")[0]
        assert first.key == event.stream.encode()
        assert first.value == event.raw
        headers = {name: value.decode() for name, value in first.headers.items()}
        assert headers["ce_specversion"] == "1.0"
        assert headers["ce_id"] == event.id
        assert headers["ce_type"] == "orders.OrderPlaced.v1"
        assert headers["content-type"] == "application/json"
        assert headers["ce_datahash"] == keccak(b"\0" + event.raw).hex()
        assert (headers["ce_lane"], headers["ce_sequence"]) == ("0", "1")
        assert all(name[3:].isalnum() and name.islower() for name in headers if name.startswith("ce_"))

    simulate(main)


def test_w16_a_new_life_goes_on_from_the_tail_of_what_was_published() -> None:
    async def main() -> None:
        stage = Scene(2)
        stage.mine()
        orders = stage.producer("orders")
        stage.start("a", cloud_events=made)
        await orders.publish(*(orders.run() for _ in range(5)))
        await stage.until(lambda: len(records(stage, "orders")) == 30)
        stage.nodes["a"].crash()
        stage.start("b", cloud_events=made)
        await orders.publish(*(orders.run() for _ in range(5)))
        await stage.until(lambda: len(records(stage, "orders")) == 60)
        assert ids(stage, "orders") == orders.expected()

    simulate(main)


def test_w15_a_forged_batch_becomes_no_cloud_event_and_w14_a_gap_is_fetched_from_the_ledger() -> None:
    async def main() -> None:
        stage = Scene(3)
        stage.mine()
        orders = stage.producer("orders")
        stage.start("a")
        for _ in range(3):
            await orders.publish(orders.run())
            await stage.until(lambda: len(attested(stage.published(), "orders")) == len(orders.expected()))
        lane = stage.broker.topics[LEDGER_TOPIC].lanes[0]
        del lane[0]
        lane[:] = [message._replace(offset=at) for at, message in enumerate(lane)]
        await orders.bus.publish(
            LEDGER_TOPIC, 0, [Outgoing(b"0", lane[-1].value.replace(b'"first":13', b'"first":19'))]
        )
        stage.nodes["a"].crash()
        stage.start("b", cloud_events=made)
        await stage.until(lambda: len(records(stage, "orders")) >= 18)
        assert ids(stage, "orders") == orders.expected()

    simulate(main)
