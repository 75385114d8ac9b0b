"""An erased person is gone from reads, search and ciphertext, whatever back-up of keys comes back; replay holds."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg
import orjson
import pytest
import pytest_asyncio

from libs.adapters.clock import SystemClock
from libs.adapters.postgres.digests import Digest, digests
from libs.edge.erasures import erasures_in_database, erasures_on_ledger
from libs.edge.proof import committing_services, open_ledger
from libs.edge.replay import Replay, temporary_database
from libs.edge.settings import Settings
from libs.edge.vault import make_vault, vault_secret
from libs.kernel.keyed import KeyedHashes
from libs.ledger.secrets import MasterSecret
from libs.stack.part import until
from libs.testkit.journey import People
from libs.vault.backup import back_up, restore
from libs.vault.vault import Vault

TENANT = "forgotten"
INVESTORS = "/investors/investors"
SERVICE = "investors"
FORGOTTEN = {
    "kind": "natural", "family_name": "Żelazowska", "given_names": "Bronisława", "birth_date": "1951-07-30",
    "nationality": "PL",
}  # fmt: skip
KEPT = {**FORGOTTEN, "given_names": "Wisława"}
ADDRESS = {"lines": ["ul. Niepamięci 7"], "city": "Kraków", "country": "PL"}


class Stand(NamedTuple):
    """A service's tables at one moment: how far each lane is committed, and each table's digest."""

    lanes: Mapping[int, int]
    tables: Mapping[str, Digest]


@asynccontextmanager
async def read_by_verify(dsn: str, settings: Settings) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    """One moment of the service's schema."""
    password = MasterSecret.load(settings.home).password(f"{SERVICE}_verify")
    connection = await asyncpg.connect(
        dsn, user=f"{SERVICE}_verify", password=password, server_settings={"search_path": SERVICE}
    )
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            yield connection
    finally:
        await connection.close()


async def stand_of(dsn: str, settings: Settings) -> Stand:
    """Where the service's schema in a database stands."""
    async with read_by_verify(dsn, settings) as connection:
        rows = await connection.fetch("select lane, sequence from positions where consumer = 'commit'")
        pending = [row["stream"] for row in await connection.fetch("select distinct stream from pending")]
        return Stand({row["lane"]: row["sequence"] for row in rows}, await digests(connection, pending))


async def rebuilt_to(settings: Settings, dsn: str, stand: Stand) -> Mapping[str, Digest]:
    """The digests of the service rebuilt from the ledger alone, up to where it stood then."""
    secrets = MasterSecret.load(settings.home)
    reader, _ = await open_ledger(settings)
    try:
        async with temporary_database(dsn) as into:
            keyed = KeyedHashes(secrets.derive("idempotency"))
            replay = Replay(reader, SystemClock(), keyed, secrets.password, dsn, into, throw_away=True)
            await replay.rebuild(committing_services()[SERVICE], stand.lanes)
            return (await stand_of(into, settings)).tables
    finally:
        await reader.close()


@pytest_asyncio.fixture
async def vault(fleet_settings: Settings) -> AsyncIterator[Vault]:
    """The deployment's vault, as its operator has it."""
    made = make_vault(fleet_settings)
    try:
        yield made
    finally:
        await made.close()


async def name_of(vault: Vault, dsn: str, settings: Settings, investor: str) -> Any:
    """What the person's first event says of the name, opened by the vault; None when it opens for nobody."""
    async with read_by_verify(dsn, settings) as connection:
        row = await connection.fetchrow(
            "select stream, version, type, body::jsonb -> 'data' as data from events where stream = $1 and version = 1",
            f"{SERVICE}/{investor}/investor/{investor}",
        )
    assert row is not None
    ring = await vault.ring(TENANT, [investor])
    opened = ring.open(orjson.loads(row["data"]), row["type"], row["stream"], row["version"])["identity"]
    return opened["clear"]["given_names"] if "clear" in opened else None


@pytest.mark.timeout(240)
async def test_i7_inv06_nothing_brings_an_erased_person_back(
    staff: People, vault: Vault, fleet_settings: Settings, fleet_database: str, tmp_path: Path
) -> None:
    operations = staff.person("operations", TENANT)
    protection = staff.person("protection", TENANT, "data_protection")
    ids = []
    for identity in (FORGOTTEN, KEPT):
        body = {"category": "retail", "identity": identity, "address": ADDRESS}
        made = await operations.post(INVESTORS, body)
        assert made.status_code == 201, made.text
        ids.append(made.headers["Location"].rpartition("/")[2])
    forgotten, kept = ids
    assert (await operations.post(f"{INVESTORS}/{forgotten}/withdraw")).status_code == 200
    before = await stand_of(fleet_database, fleet_settings)
    secret = vault_secret(MasterSecret.load(fleet_settings.home))
    saved = await back_up(vault.store, tmp_path, secret, SystemClock().now())
    assert await name_of(vault, fleet_database, fleet_settings, forgotten) == "Bronisława"

    erasure = await operations.post(f"{INVESTORS}/{forgotten}/erasure", {"legal_basis": "consent_withdrawn"})
    approved = await protection.post(f"{erasure.headers['Location']}/approve")
    assert approved.status_code == 200, approved.text

    def destroyed(seen: dict[str, Any]) -> bool:
        return any(row["type"] == "investors.KeyDestroyed.v1" for row in seen["items"])

    await operations.eventually(f"{INVESTORS}/{forgotten}/history", destroyed)

    async def known() -> AsyncIterator[tuple[str, str, Any]]:
        async for one in erasures_in_database(fleet_database, committing_services()):
            yield one
        reader, _ = await open_ledger(fleet_settings)
        try:
            async for one in erasures_on_ledger(reader, reader.identity):
                yield one
        finally:
            await reader.close()

    await restore(vault.store, saved.path, secret, SystemClock().now(), known())

    async def opens_for_nobody() -> bool:
        return await name_of(vault, fleet_database, fleet_settings, forgotten) is None

    assert await until(opens_for_nobody, 60.0, every_s=1.0), "a key outlived its erasure by a minute"
    assert await name_of(vault, fleet_database, fleet_settings, kept) == "Wisława"
    seen = (await operations.get(f"{INVESTORS}/{forgotten}")).json()
    assert (seen["identity"], seen["address"], seen["erased"]) == (None, None, True)
    found = (await operations.post(f"{INVESTORS}/search", {"name": "Żelazowska"})).json()["items"]
    assert [one["investor"] for one in found] == [kept]
    assert await rebuilt_to(fleet_settings, fleet_database, before) == before.tables
    now = await stand_of(fleet_database, fleet_settings)
    assert await rebuilt_to(fleet_settings, fleet_database, now) == now.tables
