"""What somebody who can write to the bus, and holds no key, may put there (W-7, W-15)."""

from __future__ import annotations

from libs.kernel.envelope import Actor, BatchPlace, Decision, EventEntry
from libs.kernel.ids import uuid7
from libs.kernel.time import to_wire
from libs.ledger.codec import SIGNATURE_BYTES, decode_run, encode_payload, encode_run, records
from libs.ledger.hashing import extend, keccak, leaf, merkle_root
from libs.ledger.record import encode_record, lane_key
from libs.ports import INTENTS_TOPIC, LEDGER_TOPIC, Outgoing
from libs.testkit.sim.fleet import TENANT, Fleet

_MILLION = "1000000"


def forge(fleet: Fleet) -> None:
    """A changed record, an unsigned run, or a batch that follows well from the lane's head and is on no ledger."""
    random, broker = fleet.world.random, fleet.broker
    name, lane = random.choice([INTENTS_TOPIC, LEDGER_TOPIC]), random.randrange(fleet.lanes)
    topic = broker.topics[name]
    log = topic.lanes[lane]
    if log and random.random() < 0.3:
        message = random.choice(log)
        value = bytearray(message.value)
        value[random.randrange(len(value))] ^= 1 << random.randrange(8)
        forged = Outgoing(message.key, bytes(value), message.headers)
    elif name == INTENTS_TOPIC:
        forged = Outgoing(b"tills", bytes(SIGNATURE_BYTES) + _run(fleet, lane))
    else:
        forged = Outgoing(lane_key(lane), _batch(fleet, lane))
    broker.append(name, topic.generation, lane, [forged])
    fleet.world.note("somebody", f"forged {name}")


def _run(fleet: Fleet, lane: int) -> bytes:
    """A million for the first till of the lane, as the next decision of tills."""
    streams = sorted(s for s in fleet.schemas["tills"].tables.streams if "/till/" in s) or ["tills/fish/till/fish-0"]
    stream = fleet.world.random.choice(streams)
    _, market, _, till = stream.split("/")
    head = fleet.schemas["tills"].tables.streams.get(stream)
    data = {"market": market, "till": till, "amount": _MILLION}
    entry = EventEntry("tills.Deposited.v1", stream, (head.version if head else 0) + 1, data)
    now = fleet.world.now()
    identity = str(uuid7(now, fleet.world.random.getrandbits))
    decision = Decision(identity, to_wire(now), TENANT, Actor("x", "x"), None, identity, "0" * 32, "0" * 32, (entry,))
    epoch, last = fleet.chain.state.marks.get((lane, b"tills".ljust(32, b"\0")), (1, 0))
    return encode_run("tills", lane, epoch or 1, last + 1, [decision])


def _batch(fleet: Fleet, lane: int) -> bytes:
    """A record of the attested log in which all hashes are right."""
    run = _run(fleet, lane)
    following, head = fleet.chain.state.lanes[lane]
    leaves = [leaf(raw) for raw, _ in records(decode_run(run))]
    block = fleet.chain.blocks[-1].block
    place = BatchPlace(
        lane, following, len(leaves), head, extend(head, leaves), merkle_root(leaves), block.number, block.hash,
        block.time, keccak(run), 0,
    )  # fmt: skip
    return encode_record(place, encode_payload([bytes(SIGNATURE_BYTES) + run]))
