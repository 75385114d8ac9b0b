"""A service rebuilt from the ledger alone beside the live one: every digest must be the same (W-20)."""

from __future__ import annotations

from chaos.fleet import Fleet
from libs.adapters.clock import SystemClock
from libs.edge.proof import committing_services
from libs.edge.replay import Replay, temporary_database
from libs.kernel.keyed import KeyedHashes
from libs.ledger.reader import RpcLedgerReader
from libs.ledger.rpc import JsonRpc
from libs.ledger.secrets import MasterSecret


async def replayed(fleet: Fleet, service: str) -> list[str]:
    """What a replay of the service comes to otherwise than the live tables, a sentence each."""
    secrets, live = MasterSecret.load(fleet.home), fleet.addresses.postgres
    reader = RpcLedgerReader(JsonRpc([fleet.addresses.ledger], timeout_s=10.0), fleet.identity)
    keyed = KeyedHashes(secrets.derive("idempotency"))
    try:
        async with temporary_database(live) as into:
            replay = Replay(reader, SystemClock(), keyed, secrets.password, live, into, throw_away=True)
            found = await replay.service(committing_services()[service])
    finally:
        await reader.close()
    if found is None:
        return [f"{service} has no schema to replay"]
    wrong = [f"{service}: a replay comes to another table {table}" for table in found.differing]
    return wrong + [f"{service}: a replay of lane {lane} ends elsewhere" for lane in found.elsewhere]
