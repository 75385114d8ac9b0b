"""A new master key wraps every key anew; broken off anywhere, it is ended by running it again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from libs.adapters.tests.schemas import own_database, password
from libs.kernel.errors import CheckUnavailable
from libs.kernel.personal import Term
from libs.stack.addresses import Addresses
from libs.vault.errors import MasterKeyMissing
from libs.vault.kek import LocalKeys
from libs.vault.master import MovingKeys
from libs.vault.migrate import ROLE, migrate
from libs.vault.rotation import rotate, status
from libs.vault.tests.test_transit import transit
from libs.vault.tests.transit_server import TransitServer
from libs.vault.tests.vaults import NOW, TENANT, opened_name, sealed_name, vault_on
from libs.vault.vault import Vault

MANY = 1_203


@pytest_asyncio.fixture
async def dsn(stack: Addresses) -> AsyncIterator[str]:
    async with own_database(stack) as address:
        await migrate(address, password(ROLE))
        yield address


async def filled(vault: Vault, prefix: str = "inv") -> dict[str, object]:
    """Many subjects with keys, one erased; the sealed name of the first."""
    ring = await vault.ring(TENANT, [f"{prefix}-{number}" for number in range(MANY)])
    for number in range(MANY):
        ring.key_to_seal(f"{prefix}-{number}")
    await vault.keep(ring)
    await vault.erase(TENANT, f"{prefix}-1", NOW)
    return await sealed_name(vault, f"{prefix}-0")


async def test_every_key_is_wrapped_anew_and_opens_what_it_sealed(dsn: str, tmp_path: Path) -> None:
    async with vault_on(dsn, tmp_path) as vault, vault_on(dsn, tmp_path) as running:
        data = await filled(vault)
        old, told = await vault.master.newest(), list[int]()
        done = await rotate(vault.store, vault.master, told.append)
        assert (done.resumed, done.rewrapped, done.failed, sum(told)) == (False, MANY - 1, {}, MANY - 1)
        assert done.kek != old
        assert (await vault.store.counts()).keys == {done.kek: MANY - 1}
        assert await opened_name(running, "inv-0", data) == "Anna Weber"
        await sealed_name(running, "inv-new")
        assert (await vault.store.counts()).keys == {done.kek: MANY}
    # The old master key is needed by nobody but old back-ups.
    next(path for path in tmp_path.iterdir() if path.name in old).unlink()
    async with vault_on(dsn, tmp_path) as anew:
        assert await opened_name(anew, "inv-0", data) == "Anna Weber"
        assert (await status(anew.store, anew.master)).broken == {}


async def test_a_rotation_that_the_database_broke_off_is_ended_by_the_next(dsn: str, tmp_path: Path) -> None:
    async with vault_on(dsn, tmp_path) as vault:
        data = await filled(vault)
        admin = await asyncpg.connect(dsn)
        await admin.execute(
            "create function vault.fail() returns trigger language plpgsql as $$ begin"
            " if new.subject = 'inv-900' then perform pg_terminate_backend(pg_backend_pid()); end if;"
            " return new; end $$;"
            "create trigger fail before update on vault.subject_keys for each row execute function vault.fail()"
        )
        with pytest.raises(CheckUnavailable):
            await rotate(vault.store, vault.master)
        assert len((await vault.store.counts()).keys) == 2
        assert await opened_name(vault, "inv-0", data) == "Anna Weber"
        await admin.execute("drop trigger fail on vault.subject_keys")
        await admin.close()
        done = await rotate(vault.store, vault.master)
        assert done.resumed
        assert 0 < done.rewrapped < MANY - 1
        assert (await vault.store.counts()).keys == {done.kek: MANY - 1}
        assert done.kek == await vault.master.newest()


async def test_i7_a_subject_erased_during_a_rotation_stays_erased(dsn: str, tmp_path: Path) -> None:
    async with vault_on(dsn, tmp_path) as vault:
        await filled(vault)
        [key, other] = await vault.store.wrapped_otherwise("none", ("", ""), 2)
        [anew, _] = wrapped = await vault.master.wrap([(b"\x01" * 32, b""), (b"\x02" * 32, b"")])
        await vault.erase(TENANT, key.subject, NOW)
        await vault.store.rewrap(list(zip([key, other], wrapped, strict=True)))
        [row] = await vault.store.keys(TENANT, [key.subject])
        assert (row.wrapped, anew.kek) == (None, await vault.master.newest())


async def test_services_write_and_erase_while_a_rotation_runs(dsn: str, tmp_path: Path) -> None:
    async with vault_on(dsn, tmp_path) as vault, vault_on(dsn, tmp_path) as service:
        await filled(vault)
        ended = asyncio.Event()

        async def write() -> int:
            groups = 0
            while not ended.is_set():
                subjects = [f"inv-{(groups * 37 + number * 11) % 500 + 700}" for number in range(64)]
                ring = await service.ring(TENANT, [*subjects, f"inv-late-{groups}"])
                for subject in (*subjects, f"inv-late-{groups}"):
                    ring.index(subject, [Term("reference", f"{groups}")])
                await service.keep(ring)
                await service.erase(TENANT, f"inv-{groups + 2}", NOW)
                groups += 1
            return groups

        writing = asyncio.create_task(write())
        for _ in range(3):
            await rotate(vault.store, vault.master)
        ended.set()
        groups = await writing
        done = await rotate(vault.store, vault.master)
        assert groups > 2
        counts = await vault.store.counts()
        assert counts.keys == {done.kek: MANY - 1}
        assert counts.tombstones == groups + 1


async def test_keys_of_a_missing_master_key_are_counted_and_the_others_wrapped(dsn: str, tmp_path: Path) -> None:
    async with vault_on(dsn, tmp_path) as vault:
        await filled(vault, "lost")
        [path] = tmp_path.iterdir()
        away = path.rename(tmp_path / "away")
    async with vault_on(dsn, tmp_path) as vault:
        await filled(vault, "here")
        missing = f"local-{path.name}"
        seen = await status(vault.store, vault.master)
        assert {kek: type(why) for kek, why in seen.broken.items()} == {missing: MasterKeyMissing}
        done = await rotate(vault.store, vault.master)
        assert done.resumed
        assert done.failed == {"master-key-missing": MANY - 1}
        with pytest.raises(MasterKeyMissing):
            (await vault.ring(TENANT, ["lost-0"])).key_to_open("lost-0")
        away.rename(path)
        assert (await rotate(vault.store, vault.master)).failed == {}
        assert (await vault.ring(TENANT, ["lost-0"])).key_to_open("lost-0") is not None


async def test_a_transit_key_is_rotated_the_same_way(dsn: str) -> None:
    async with TransitServer().running() as server, vault_on(dsn, transit(server)) as vault:
        data = await filled(vault)
        done = await rotate(vault.store, vault.master)
        assert (done.kek, done.rewrapped) == ("transit/transit/cartulary:v2", MANY - 1)
        assert await opened_name(vault, "inv-0", data) == "Anna Weber"
        server.sealed = True
        with pytest.raises(CheckUnavailable):
            await rotate(vault.store, vault.master)


async def test_a_rotation_moves_keys_from_files_to_a_transit_engine_and_back(dsn: str, tmp_path: Path) -> None:
    async with TransitServer().running() as server:
        async with vault_on(dsn, tmp_path) as vault:
            data = await filled(vault)
        there = MovingKeys(transit(server), LocalKeys(tmp_path))
        async with vault_on(dsn, there) as vault:
            assert await opened_name(vault, "inv-0", data) == "Anna Weber"
            await sealed_name(vault, "inv-new")
        async with vault_on(dsn, there) as vault:
            ring = await vault.ring(TENANT, ["inv-0", "inv-new", "inv-2"])
            assert all(ring.key_to_open(subject) for subject in ("inv-0", "inv-new", "inv-2"))
            done = await rotate(vault.store, vault.master)
            assert (await vault.store.counts()).keys == {"transit/transit/cartulary:v1": MANY}
            assert (done.resumed, done.rewrapped) == (True, MANY - 1)
        back = MovingKeys(LocalKeys(tmp_path), transit(server))
        async with vault_on(dsn, back) as vault:
            assert (await rotate(vault.store, vault.master)).kek.startswith("local-0001-")
        async with vault_on(dsn, tmp_path) as vault:
            assert await opened_name(vault, "inv-0", data) == "Anna Weber"
