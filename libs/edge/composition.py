"""A service put together from its parts and the settings: real ports, one path a role, its HTTP side."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from fastapi import APIRouter

from libs.adapters.clock import SystemClock
from libs.adapters.kafka.bus import KafkaBus
from libs.adapters.postgres.store import PostgresStore
from libs.edge.app import create_app
from libs.edge.callers import Gateway
from libs.edge.component import Component, ServiceParts
from libs.edge.desk import PostgresChangeDesk
from libs.edge.health import Check, State
from libs.edge.keystore import ServiceVault
from libs.edge.path import ROLES, Keys, Parts, Role, ServicePath
from libs.edge.settings import Settings, SettingsInvalid
from libs.kernel.keyed import KeyedHashes
from libs.ledger.hashing import genesis_head
from libs.ledger.identity import load_identity
from libs.ledger.keys import producer_key, sealer
from libs.ledger.port import LedgerUnreachable
from libs.ledger.reader import RpcLedgerReader
from libs.ledger.rpc import JsonRpc
from libs.ledger.secrets import MasterSecret
from libs.rules.four_eyes import Rules
from libs.runtime.automatic import DueCommand
from libs.vault.vault import Vault

STALE_AFTER = timedelta(seconds=30)


@dataclass(slots=True)
class Ports:
    """The real ports of one service in one process; the ledger and the bus are there once it is open."""

    settings: Settings
    service: str
    clock: SystemClock = field(default_factory=SystemClock)
    node: RpcLedgerReader | None = None
    bus: KafkaBus | None = None

    async def open(self) -> tuple[RpcLedgerReader, KafkaBus]:
        """Connect to the ledger and the bus; raises SettingsInvalid, LedgerUnreachable, BusUnreachable."""
        settings = self.settings
        identity = load_identity(settings.home)
        if identity is None:
            raise SettingsInvalid("no ledger is deployed here; run: cartulary ledger deploy", field="home")
        if identity.lanes != settings.lanes:
            raise SettingsInvalid(f"the ledger has {identity.lanes} lanes (W-2)", field="lanes", value=settings.lanes)
        self.node = RpcLedgerReader(JsonRpc(settings.ledger_rpc, timeout_s=5.0), identity)
        self.bus = KafkaBus(",".join(settings.kafka_bootstrap))
        await self.bus.ensure_topics(identity.lanes)
        return self.node, self.bus

    async def close(self) -> None:
        """Close what was opened."""
        if self.bus is not None:
            await self.bus.close()
        if self.node is not None:
            await self.node.close()


class Composition:
    """One service in one process: a path of its own for each role, so that roles in one process are like processes.

    What a service's routes and due work are made from: `store`, `settings`, `ports.clock`, and `vault` where its events
    hold personal values.
    """

    def __init__(self, parts: Parts, settings: Settings) -> None:
        if settings.postgres_dsn is None:
            raise SettingsInvalid("no PostgreSQL is configured; run: cartulary up", field="postgres_dsn")
        self.parts, self.settings = parts, settings
        self.service = parts.decider.service
        self.ports = Ports(settings, self.service)
        secrets = MasterSecret.load(settings.home)
        self.keyed = KeyedHashes(secrets.derive("idempotency"))
        dsn = settings.postgres_dsn.get_secret_value()
        self.roles: list[Role] = [role for role in ROLES if settings.plays(role)]
        self.stores = {
            role: PostgresStore(dsn, self.service, secrets.password, migrations=parts.migrations)
            for role in dict.fromkeys([*self.roles, "api"])
        }
        self.store = self.stores["api"]
        self.keystore = ServiceVault(settings) if parts.holds_personal else None
        self.rules = Rules(parts.decider)
        self.gateway = Gateway(self.store, self.keyed)
        self.desk = PostgresChangeDesk(self.rules, self.store, self.keystore.vault if self.keystore else None)
        self.paths: dict[Role, ServicePath] = {}

    @property
    def vault(self) -> Vault:
        """The keys of the data subjects; raises SettingsInvalid for a service without personal values."""
        if self.keystore is None:
            raise SettingsInvalid(f"{self.service} holds no personal values", field="service", value=self.service)
        return self.keystore.vault

    async def open(self) -> None:
        """Connect the ports and build a path for each role."""
        node, bus = await self.ports.open()
        if self.keystore is not None:
            await self.keystore.prepare()
        key = producer_key(self.settings.home / "keys", self.service)
        identity = node.identity
        seal = sealer(key, lambda lane: genesis_head(identity.chain_id, identity.contract, lane))
        keys = Keys(self.keyed, seal, None if self.keystore is None else self.keystore.vault)
        for role in self.roles:
            self.paths[role] = ServicePath(
                self.parts, self.stores[role], bus, node, self.ports.clock, keys,
                gateway=self.gateway if role == "api" else None, backlog_limit=self.settings.backlog_limit,
            )  # fmt: skip

    async def close(self) -> None:
        """Close the stores and the ports."""
        for store in self.stores.values():
            await store.close()
        if self.keystore is not None:
            await self.keystore.close()
        await self.ports.close()

    def components(self) -> list[Component]:
        """A component a role."""
        return [Component(role, self._runner(role), (role,)) for role in self.roles]

    def _runner(self, role: Role) -> Callable[[], Awaitable[Any]]:
        async def run() -> None:
            await self.paths[role].run((role,))

        return run

    def checks(self) -> list[Check]:
        """Why this process is not well, if it is not."""
        states = [Check(f"path {role}", self._path_state(role)) for role in self.roles]
        parts = {"ledger": self._ledger_state, "life": self._life_state, "backlog": self._backlog_state}
        if self.keystore is not None:
            parts["keys"] = self.keystore.state
        return [*states, *(Check(name, probe) for name, probe in parts.items())]

    def _path_state(self, role: Role) -> Callable[[], Awaitable[Any]]:
        async def state() -> State:
            path = self.paths.get(role)
            said = path.state if path else "connecting"
            return State("ok" if said == "running" else "failing", said)

        return state

    async def _ledger_state(self) -> State:
        if self.ports.node is None:
            return State("failing", "connecting")
        try:
            return State("ok", f"block {await self.ports.node.height()}")
        except LedgerUnreachable as away:
            # Commands are still accepted as intents and reads go on (invariant 14).
            return State("degraded", f"the ledger is out of reach, nothing commits: {away.detail}")

    async def _life_state(self) -> State:
        life = await self.store.life()
        if life is None or not life.settled:
            return State("failing", "nothing is decided before the markers of this life are attested (W-21)")
        return State("ok", f"epoch {life.epoch}")

    async def _backlog_state(self) -> State:
        waiting, oldest = await self.store.backlog()
        if waiting > self.settings.backlog_limit:
            return State("failing", f"{waiting} decisions wait for the ledger; commands are refused", oldest)
        if oldest is not None and self.ports.clock.now() - oldest > STALE_AFTER:
            return State("degraded", f"{waiting} decisions wait for the ledger", oldest)
        return State("ok", f"{waiting} decisions wait for the ledger")


def compose(
    parts: Parts,
    settings: Settings,
    routers: Callable[[Composition], Sequence[APIRouter]],
    description: str,
    *,
    due: Callable[[Composition], Mapping[str, DueCommand]] | None = None,
    personal: frozenset[str] = frozenset(),
    larger_bodies: Mapping[str, int] | None = None,
) -> ServiceParts:
    """The parts of a service for `cartulary serve`; `routers` makes its routes over what is composed.

    `due` makes the work that asks others before it is a command, `personal` names the fields, beside those
    that its commands name, whose values no problem shows; `larger_bodies` see create_app.
    """
    whole = Composition(parts, settings)
    if due is not None:
        whole.parts = replace(parts, due={**parts.due, **due(whole)})
    of_commands = (kind.personal for kind in parts.decider.commands.values())
    app = create_app(
        whole.service, settings, whole.ports.clock, description=description, routers=routers(whole),
        gateway=whole.gateway, desk=whole.desk, checks=whole.checks(),
        personal=personal.union(*of_commands), larger_bodies=larger_bodies,
    )  # fmt: skip
    return ServiceParts(whole.service, app, whole.components(), whole.checks(), whole.open, whole.close)
