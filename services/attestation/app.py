"""The composition root of attestation: the real ledger, bus and keys behind one instance."""

from __future__ import annotations

import asyncio

from libs.adapters.clock import SystemClock
from libs.adapters.kafka.bus import KafkaBus
from libs.edge.app import create_app
from libs.edge.component import Component, ServiceParts
from libs.edge.health import Check, State
from libs.edge.settings import Settings, SettingsInvalid
from libs.ledger.client import ChainLedger, LaneSigner
from libs.ledger.identity import load_identity
from libs.ledger.keys import lane_key
from libs.ledger.rpc import JsonRpc
from services.attestation.instance import Attestation
from services.attestation.metrics import of_this_process
from services.attestation.parts import Knobs

# Our networks lift the limit of a sender's transactions in a node's pool (quirk 4): small batches may fill a block.
IN_FLIGHT = 16


class AttestationProcess:
    """One instance of the attestation service."""

    def __init__(self, settings: Settings) -> None:
        self._settings, self._clock = settings, SystemClock()
        self._ledger: ChainLedger | None = None
        self._bus: KafkaBus | None = None
        self._instance: Attestation | None = None
        self._ended = asyncio.Event()

    def parts(self) -> ServiceParts:
        """For `cartulary serve`."""
        checks = [Check("attestation", self._state)]
        app = create_app("attestation", self._settings, self._clock, description="Writes every event to the ledger.")
        attest = Component("attest", self._run, ("attest", "relay"), self._drain)
        return ServiceParts("attestation", app, [attest], checks, self._open, self._close)

    async def _open(self) -> None:
        settings = self._settings
        identity = load_identity(settings.home)
        if identity is None:
            raise SettingsInvalid("no ledger is deployed here; run: cartulary ledger deploy", field="home")
        self._bus = KafkaBus(",".join(settings.kafka_bootstrap))
        await self._bus.ensure_topics(identity.lanes)
        self._ledger = ChainLedger(JsonRpc(settings.ledger_rpc, timeout_s=10.0), identity)
        keystore = settings.home / "keys"
        signers = {lane: LaneSigner(lane_key(keystore, lane), identity) for lane in range(identity.lanes)}
        self._instance = Attestation(
            settings.instance, self._ledger, self._bus, self._clock, signers,
            knobs=Knobs(in_flight=IN_FLIGHT, passed_over=frozenset(settings.attestation_set_aside)),
            metrics=of_this_process(), cloud_events=self._prepare,
        )  # fmt: skip

    async def _prepare(self, topic: str) -> None:
        if self._bus is not None and self._ledger is not None:
            await self._bus.ensure_topics(self._ledger.identity.lanes, [topic])

    async def _run(self) -> None:
        if self._instance is not None:
            await self._instance.run()
        self._ended.set()
        await asyncio.Event().wait()

    async def _drain(self) -> None:
        if self._instance is not None:
            self._instance.stop()
            await self._ended.wait()

    async def _close(self) -> None:
        if self._bus is not None:
            await self._bus.close()
        if self._ledger is not None:
            await self._ledger.close()

    async def _state(self) -> State:
        if self._instance is None:
            return State("failing", "connecting")
        reasons = self._instance.health.reasons()
        if not reasons:
            return State("ok", f"lanes {sorted(self._instance.lanes)}")
        return State("failing" if any("halted" in reason for reason in reasons) else "degraded", "; ".join(reasons))


def service(settings: Settings) -> ServiceParts:
    """Attestation for `cartulary serve`."""
    return AttestationProcess(settings).parts()
