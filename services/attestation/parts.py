"""What every lane of the process shares, and the knobs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from libs.ledger.batch import BatchLimits
from libs.ledger.client import LaneSigner
from libs.ledger.port import Ledger
from libs.ports import Bus, Clock
from services.attestation.health import Health
from services.attestation.intake import Registry
from services.attestation.metrics import Metrics
from services.attestation.watcher import Watcher

GROUP = "cartulary.attestation"

At = Callable[[str], Awaitable[None]]


async def nowhere(point: str) -> None:
    """The default crash point: none."""


@dataclass(frozen=True, slots=True)
class Knobs:
    """How a lane batches and waits.

    `in_flight` batches of a lane may be sent and not settled. Besu's default pool takes about five transactions of one
    sender (quirk 4); on a network with `--tx-pool-limit-by-account-percentage=1`, ours among them, more fill the block.
    `flight_gas` bounds the gas limits of everything that the process has in flight: what a block cannot hold gains
    nothing in the pool, and some nodes drop a small transaction that overtakes a large one there.
    `poll_s` is the time between two looks for a block. A lane with something in flight waits `busy_s` for intents, any
    other one `idle_s`: they come at once when there are some, and every look without one costs the bus a request.
    """

    limits: BatchLimits = field(default_factory=BatchLimits)
    in_flight: int = 4
    flight_gas: int = 60_000_000
    offer_again_blocks: int = 3
    poll_s: float = 0.02
    idle_s: float = 0.2
    busy_s: float = 0.02
    passed_over: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Parts:
    """The ports, the lanes' signers and the shared state of one process."""

    ledger: Ledger
    bus: Bus
    clock: Clock
    signers: Mapping[int, LaneSigner]
    registry: Registry
    watcher: Watcher
    health: Health
    metrics: Metrics
    knobs: Knobs = field(default_factory=Knobs)
    at: At = nowhere
