"""Keys are made once, held for a minute at most, and never made again after an erasure (TA-I-7)."""

from __future__ import annotations

import asyncio
from pathlib import Path

import asyncpg
import pytest

from libs.kernel.errors import CheckUnavailable, Conflict
from libs.kernel.personal import Term
from libs.ports.privacy import Privacy
from libs.ports.privacy import Ring as PortRing
from libs.vault.errors import KeyMissing, RingExpired, SubjectErased
from libs.vault.kek import LocalKeys
from libs.vault.ring import CACHED_S, HELD_S, NotInRing
from libs.vault.store import KeyStore
from libs.vault.tests.vaults import (
    NOW,
    SECRET,
    TENANT,
    Seconds,
    at_now,
    opened_name,
    sealed_name,
    stream_of,
    vault_on,
)
from libs.vault.vault import Vault

_WAITS = "select exists (select from pg_locks where pid = $1 and not granted)"


async def test_what_one_process_seals_another_opens(dsn: str, tmp_path: Path) -> None:
    async with vault_on(dsn, tmp_path) as writer, vault_on(dsn, tmp_path) as reader:
        data = await sealed_name(writer, "inv-1", "Zoë Ναπολέων 王")
        assert "Zoë" not in str(data)
        assert await opened_name(reader, "inv-1", data) == "Zoë Ναπολέων 王"


async def test_a_vault_is_what_the_port_asks_for(dsn: str, tmp_path: Path) -> None:
    async with vault_on(dsn, tmp_path) as vault:
        port: Privacy = vault
        ring: PortRing = await port.ring(TENANT, ["inv-port"])
        ring.index("inv-port", [Term("name", "Anna")])
        await port.keep(ring)
        assert await vault.search(TENANT, [Term("name", "ann")]) == ["inv-port"]
        with pytest.raises(TypeError):
            await vault.keep("a ring")
        await vault.erase(TENANT, "inv-port", NOW)


async def test_a_key_that_is_not_kept_opens_nothing_elsewhere(dsn: str, tmp_path: Path) -> None:
    async with vault_on(dsn, tmp_path) as vault:
        ring = await vault.ring(TENANT, ["inv-2"])
        data = ring.seal({"name": {"clear": "Anna"}}, "investors.Named.v1", stream_of("inv-2"), 1)
        with pytest.raises(KeyMissing):
            await opened_name(vault, "inv-2", data)
        await vault.keep(ring)
        assert await opened_name(vault, "inv-2", data) == "Anna"


async def test_two_writers_of_a_new_subject_end_with_one_key(dsn: str, tmp_path: Path) -> None:
    async with vault_on(dsn, tmp_path) as one, vault_on(dsn, tmp_path) as other:
        rings = [await vault.ring(TENANT, ["inv-3", "inv-4"]) for vault in (one, other)]
        for ring in rings:
            ring.seal({"name": {"clear": "Anna"}}, "investors.Named.v1", stream_of("inv-3"), 1)
        rings[1].seal({"name": {"clear": "Bo"}}, "investors.Named.v1", stream_of("inv-4"), 1)
        await one.keep(rings[0])
        with pytest.raises(Conflict):
            await other.keep(rings[1])
        assert [row.subject for row in await one.store.keys(TENANT, ["inv-3", "inv-4"])] == ["inv-3"]
        data = await sealed_name(other, "inv-3", "decided again")
        assert await opened_name(one, "inv-3", data) == "decided again"


async def test_i7_after_an_erasure_nothing_is_opened_sealed_or_found(dsn: str, tmp_path: Path) -> None:
    async with vault_on(dsn, tmp_path) as vault:
        data = await sealed_name(vault, "inv-5")
        ring = await vault.ring(TENANT, ["inv-5"])
        ring.index("inv-5", [Term("name", "Anna Weber")])
        await vault.keep(ring)
        document = await vault.put_document(TENANT, "inv-5", b"passport", "application/pdf", limit_bytes=100)
        assert await vault.search(TENANT, [Term("name", "weber")]) == ["inv-5"]
        for _ in range(2):
            await vault.erase(TENANT, "inv-5", NOW)
        assert await opened_name(vault, "inv-5", data) is None
        assert await vault.search(TENANT, [Term("name", "weber")]) == []
        assert await vault.store.document(TENANT, "inv-5", document) is None
        with pytest.raises(SubjectErased):
            await sealed_name(vault, "inv-5")
        with pytest.raises(SubjectErased):
            (await vault.ring(TENANT, ["inv-5"])).index("inv-5", [Term("name", "Anna")])


async def test_i7_another_process_forgets_an_erased_subject_within_sixty_seconds(dsn: str, tmp_path: Path) -> None:
    seconds = Seconds()
    async with vault_on(dsn, tmp_path) as eraser, vault_on(dsn, tmp_path, seconds) as other:
        data = await sealed_name(other, "inv-6")
        started = seconds.now
        await eraser.erase(TENANT, "inv-6", NOW)
        assert await opened_name(other, "inv-6", data) == "Anna Weber"
        seconds.now = started + CACHED_S - 0.001
        ring = await other.ring(TENANT, ["inv-6"])
        seconds.now += HELD_S - 0.002
        assert seconds.now < started + 60
        assert ring.open(data, "investors.Named.v1", stream_of("inv-6"), 1) == {"name": {"clear": "Anna Weber"}}
        seconds.now = started + 60
        with pytest.raises(RingExpired):
            ring.open(data, "investors.Named.v1", stream_of("inv-6"), 1)
        assert await opened_name(other, "inv-6", data) is None


async def test_i7_a_ring_from_before_an_erasure_keeps_nothing_after_it(dsn: str, tmp_path: Path) -> None:
    async with vault_on(dsn, tmp_path) as eraser, vault_on(dsn, tmp_path) as other:
        await sealed_name(other, "inv-7")
        known, unknown = await other.ring(TENANT, ["inv-7"]), await other.ring(TENANT, ["inv-8"])
        for ring, subject in ((known, "inv-7"), (unknown, "inv-8")):
            ring.index(subject, [Term("name", "Anna Weber")])
            await eraser.erase(TENANT, subject, NOW)
            with pytest.raises(Conflict):
                await other.keep(ring)
        assert await eraser.search(TENANT, [Term("name", "anna")]) == []


async def test_the_cache_is_bounded_and_a_ring_is_for_its_subjects_only(dsn: str, tmp_path: Path) -> None:
    async with vault_on(dsn, tmp_path, cache_size=3) as vault:
        names = {f"inv-b{number}": await sealed_name(vault, f"inv-b{number}", str(number)) for number in range(9)}
        assert len(vault._cache) == 3
        for number, (subject, data) in enumerate(names.items()):
            assert await opened_name(vault, subject, data) == str(number)
        ring = await vault.ring(TENANT, ["inv-b1"])
        with pytest.raises(NotInRing):
            ring.seal({"name": {"clear": "x"}}, "investors.Named.v1", stream_of("inv-b2"), 1)


async def test_another_tenants_subject_of_the_same_name_has_another_key(dsn: str, tmp_path: Path) -> None:
    async with vault_on(dsn, tmp_path) as vault:
        data = await sealed_name(vault, "inv-10")
        ring = await vault.ring("other", ["inv-10"])
        with pytest.raises(KeyMissing):
            ring.open(data, "investors.Named.v1", stream_of("inv-10"), 1)


async def test_inv11_a_key_store_that_is_away_decides_nothing(dsn: str, tmp_path: Path) -> None:
    away = dsn.replace(dsn.rpartition("@")[2].partition("/")[0], "127.0.0.1:1")
    for store in (KeyStore(away, "x"), KeyStore(dsn, "wrong")):
        vault = Vault(store, LocalKeys(tmp_path), SECRET, at_now)
        for call in (
            vault.ring(TENANT, ["a"]),
            vault.erase(TENANT, "a", NOW),
            vault.search(TENANT, [Term("tin", "1")]),
        ):
            with pytest.raises(CheckUnavailable):
                await call
        await vault.close()


async def test_inv11_a_connection_that_breaks_in_the_middle_keeps_nothing(dsn: str, tmp_path: Path) -> None:
    async with vault_on(dsn, tmp_path) as vault:
        await sealed_name(vault, "inv-11")
        ring = await vault.ring(TENANT, ["inv-12"])
        ring.index("inv-12", [Term("name", "Anna")])
        admin = await asyncpg.connect(dsn)
        async with admin.transaction():
            await admin.execute("lock vault.subject_keys")
            async with vault.store.connection() as connection:
                pid = connection.get_server_pid()
            kept = asyncio.create_task(vault.keep(ring))
            while not await admin.fetchval(_WAITS, pid):  # noqa: ASYNC110  (PostgreSQL tells nobody who waits)
                await asyncio.sleep(0.01)
            await admin.execute("select pg_terminate_backend($1)", pid)
            with pytest.raises(CheckUnavailable):
                await kept
        assert await admin.fetchval("select count(*) from vault.subject_keys where subject = 'inv-12'") == 0
        await admin.close()
        await vault.keep(ring)
        assert await vault.search(TENANT, [Term("name", "anna")]) == ["inv-12"]
