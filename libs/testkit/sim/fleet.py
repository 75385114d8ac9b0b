"""A fleet over simulated ports: the real write path, clients that repeat what got no answer, and what goes wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator, MutableMapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sha3 import keccak_256

from libs.edge.path import ROLES, Keys, Parts, Role, ServicePath
from libs.kernel.decider import Command
from libs.kernel.envelope import Actor
from libs.kernel.errors import CartularyError
from libs.kernel.ids import uuid7
from libs.kernel.keyed import KeyedHashes
from libs.ledger.client import LaneSigner
from libs.ledger.hashing import genesis_head
from libs.ledger.keys import public_bytes, sealer
from libs.ports import Outcome
from libs.runtime.automatic import CONSUMER as REACT
from libs.runtime.committing import CONSUMER as COMMIT
from libs.testkit.sample import bells, tills, visitors
from libs.testkit.sim.bus import SimBroker
from libs.testkit.sim.chain import SimChain
from libs.testkit.sim.clock import SimClock
from libs.testkit.sim.schema import SimSchema
from libs.testkit.sim.store import SimStore
from libs.testkit.sim.vault import SimKeys, SimVault
from libs.testkit.sim.world import QUIET, Node, World
from services.attestation.instance import Attestation

TENANT = "house"
_ANSWER_S = 20.0
_SETTLE_S = 900.0
_SOON = timedelta(minutes=1)
_LOUD = frozenset({"service_failed", "decide_failed", "lane_halted", "ledger_lies"})


class StuckError(AssertionError):
    """The fleet did not come to rest; the argument says what moves no more."""


@dataclass
class Sent:
    """A client's command and what the client was told in the end."""

    service: str
    key: str
    command: Callable[[], Command]
    sub: str
    outcome: Outcome | None = None
    tries: int = 0


@dataclass
class Fleet:
    """Nodes by name, each with the roles that it plays; every life of it has fresh objects over the same state."""

    world: World
    lanes: int = 2
    roles: dict[str, tuple[str, Sequence[Role]]] = field(
        default_factory=lambda: {
            "tills-a": ("tills", ROLES),
            "tills-b": ("tills", ("api", "relay", "commit")),
            "bells-a": ("bells", ROLES),
            "bells-b": ("bells", ("api", "relay", "react", "clock")),
            "visitors-a": ("visitors", ROLES),
            "visitors-b": ("visitors", ("api", "commit", "clock")),
        }
    )
    instances: Sequence[str] = ("attest-1", "attest-2")
    parts: dict[str, Parts] = field(
        default_factory=lambda: {"tills": tills.PARTS, "bells": bells.PARTS, "visitors": visitors.PARTS}
    )
    sent: list[Sent] = field(default_factory=list)
    paths: dict[str, ServicePath] = field(default_factory=dict)
    nodes: dict[str, Node] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.broker = SimBroker(self.world, self.lanes)
        self.chain = SimChain(self.world, self.lanes)
        self.schemas = {name: SimSchema(self.world, name, self.lanes) for name in self.parts}
        self.keyed = KeyedHashes(b"simulated")
        self.subject_keys = SimKeys(self.world)
        self.stopping = False
        self._tasks: list[asyncio.Task[None]] = []
        self._keys = {name: Ed25519PrivateKey.from_private_bytes(_secret(name)) for name in self.parts}
        identity = self.chain.identity
        self.signers = {lane: LaneSigner(_secret(f"lane {lane}"), identity) for lane in range(self.lanes)}
        for name, key in self._keys.items():
            self.chain.register(name, public_bytes(key))
        for lane, signer in self.signers.items():
            self.chain.grant(lane, signer.address)
        self.heads = [genesis_head(identity.chain_id, identity.contract, lane) for lane in range(self.lanes)]

    def start(self) -> None:
        """Let blocks be mined and every node live, and live again."""
        loop = asyncio.get_running_loop()
        self._tasks.append(loop.create_task(self.chain.mine(), name="miner"))
        for name in (*self.roles, *self.instances):
            self._tasks.append(loop.create_task(self._supervise(name), name=f"supervisor of {name}"))

    async def _supervise(self, name: str) -> None:
        while not self.stopping:
            node = self.nodes[name] = self.world.node(name)
            task = node.start(self._life(name, node), "main")
            await asyncio.wait([task])
            if node.alive:
                raise StuckError(f"{name} ended by itself: {task!r}")
            await asyncio.sleep(self.world.random.uniform(0.1, 8.0))

    def _life(self, name: str, node: Node) -> Coroutine[Any, Any, None]:
        bus, node_ledger = self.broker.bus(node), self.chain.ledger(node)
        clock = SimClock(node, self.world.random.uniform(-0.3, 0.3))
        if name in self.roles:
            service, roles = self.roles[name]
            store = SimStore(self.schemas[service], node)
            seal = sealer(self._keys[service], lambda lane: self.heads[lane])
            parts, privacy = self.parts[service], None
            if parts.holds_personal:
                privacy = SimVault(self.subject_keys, node)
                parts = replace(parts, due=visitors.due_by(privacy))
            keys = Keys(self.keyed, seal, privacy)
            path = ServicePath(parts, store, bus, node_ledger, clock, keys, at=node.at)
            self.paths[name] = path
            return path.run(roles)
        return Attestation(name, node_ledger, bus, clock, self.signers, at=node.at).run()

    def stop(self) -> None:
        """End everything."""
        self.stopping = True
        for node in self.nodes.values():
            node.crash("stopped")
        for task in self._tasks:
            task.cancel()

    # --- clients -----------------------------------------------------------------------------------------------------

    async def send(self, sent: Sent) -> Outcome:
        """Send until a final answer came, with the same key, to whichever process of the service is there."""
        self.sent.append(sent)
        while True:
            sent.tries += 1
            names = [n for n, (s, roles) in self.roles.items() if s == sent.service and "api" in roles]
            node = self.nodes.get(self.world.random.choice(names))
            if node is not None and node.alive:
                task = node.start(self._call(node.name, sent), f"call {sent.key}")
                await asyncio.wait([task])
                if not task.cancelled() and task.exception() is None and (outcome := task.result()) is not None:
                    sent.outcome = outcome
                    self.world.note("client", f"{sent.key} {outcome.status}")
                    return outcome
            await asyncio.sleep(self.world.random.uniform(0.2, 2.0))

    async def _call(self, name: str, sent: Sent) -> Outcome | None:
        """One try; None when there is no final answer."""
        gateway, actor = self.paths[name].gateway, Actor(sent.sub, "teller")
        try:
            async with asyncio.timeout(_ANSWER_S):
                outcome = await gateway.submit(sent.command(), TENANT, actor, sent.key, sent.key.encode())
            if outcome.status in {"decided", "running"}:
                return await gateway.settled(TENANT, gateway.command_hash(TENANT, actor, sent.key), _ANSWER_S)
        except (CartularyError, TimeoutError) as error:
            if getattr(error, "status", 503) < 500:
                raise
            return None
        return outcome

    # --- coming to rest ----------------------------------------------------------------------------------------------

    async def settle(self) -> None:
        """Nothing goes wrong from now on: wait until nothing is under way; raises StuckError."""
        self.world.rates, self.world.crash_at, self.chain.away_until = QUIET, {}, 0.0
        until = self.world.elapsed() + _SETTLE_S
        calm = 0
        while calm < 3:
            await asyncio.sleep(5.0)
            waiting = self.under_way()
            calm = 0 if waiting else calm + 1
            if self.world.elapsed() > until:
                raise StuckError("; ".join(waiting))

    def under_way(self) -> list[str]:
        """What has not come to its end yet."""
        waiting = [f"{sent.key} has no answer" for sent in self.sent if sent.outcome is None]
        for service, schema in self.schemas.items():
            tables = schema.tables
            if tables.epoch is None or not all(tables.settled.values()):
                waiting.append(f"{service} has no settled life ({tables.epoch}, {tables.settled})")
            waiting += [
                f"{service} intent {i.decision.id} lane {i.lane} {i.epoch}/{i.seq}" for i in tables.intents.values()
            ]
            soon = self.world.now() + _SOON
            waiting += [f"{service} owes {row.kind}" for row, done in tables.due.values() if not done and row.at < soon]
            consumers = [COMMIT, REACT] if self.parts[service].reactions else [COMMIT]
            for consumer in consumers:
                for lane, (following, _) in enumerate(self.chain.state.lanes):
                    have = tables.positions.get((consumer, lane))
                    if following > 1 and (have is None or have.sequence < following):
                        waiting.append(
                            f"{service} {consumer} lane {lane} stands at {have and have.sequence} of {following}"
                        )
        return waiting


def _secret(name: str) -> bytes:
    return bytes(keccak_256(f"simulated {name}".encode()).digest())


@contextmanager
def deterministic(world: World, *, verbose: bool = False) -> Iterator[list[dict[str, Any]]]:
    """Draw ids from the world's chance, and gather log events that must not be there; the list of them."""
    loud: list[dict[str, Any]] = []

    def listen(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        if verbose:
            print(f"{world.elapsed():9.3f}", event)  # noqa: T201
        if event["event"] in _LOUD:
            loud.append({"at": round(world.elapsed(), 3), **event})
        raise structlog.DropEvent

    former, config = uuid7.__defaults__, structlog.get_config()
    uuid7.__defaults__ = (world.random.getrandbits,)
    structlog.configure(processors=[listen], cache_logger_on_first_use=False)
    try:
        yield loud
    finally:
        uuid7.__defaults__ = former
        structlog.configure(**config)
