"""The four ports of the write path: Store, Bus, Ledger, Clock (W-22).

One suite of tests (`libs/testkit/ports`) holds the real and the simulated implementation to the same behaviour. The
Ledger port stands in `libs/ledger/port.py`, which an auditor needs without the rest.
"""

from libs.kernel.keyed import CommandKey, KeyedClaim
from libs.ledger.port import Ledger, LedgerReader
from libs.ports.bus import (
    GAPS_TOPIC,
    INTENTS_TOPIC,
    LEDGER_TOPIC,
    Bus,
    BusUnreachable,
    LaneReader,
    Membership,
    Message,
    Outgoing,
)
from libs.ports.clock import (
    Clock,
)
from libs.ports.privacy import Privacy, Ring
from libs.ports.scope import Scope
from libs.ports.store import (
    Commit,
    CommittedDecision,
    Committing,
    Deciding,
    DueRow,
    Intent,
    Life,
    LifeChanged,
    Loaded,
    Outcome,
    Position,
    RunOfIntents,
    Signal,
    Status,
    Store,
    StoreUnreachable,
)

__all__ = [
    "GAPS_TOPIC",
    "INTENTS_TOPIC",
    "LEDGER_TOPIC",
    "Bus",
    "BusUnreachable",
    "Clock",
    "CommandKey",
    "Commit",
    "CommittedDecision",
    "Committing",
    "Deciding",
    "DueRow",
    "Intent",
    "KeyedClaim",
    "LaneReader",
    "Ledger",
    "LedgerReader",
    "Life",
    "LifeChanged",
    "Loaded",
    "Membership",
    "Message",
    "Outcome",
    "Outgoing",
    "Position",
    "Privacy",
    "Ring",
    "RunOfIntents",
    "Scope",
    "Signal",
    "Status",
    "Store",
    "StoreUnreachable",
]
