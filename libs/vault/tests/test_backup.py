"""A back-up brings lost keys back, and never one of an erased subject, whatever it holds (TA-I-7)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from libs.adapters.tests.schemas import own_database, password
from libs.kernel.errors import CheckUnavailable
from libs.kernel.personal import Term
from libs.stack.addresses import Addresses
from libs.vault.backup import GOOD_FOR, Erasure, back_up, check, restore
from libs.vault.errors import BackupUnusable, KeyMissing, SubjectErased
from libs.vault.migrate import ROLE, migrate
from libs.vault.tests.vaults import NOW, SECRET, TENANT, opened_name, sealed_name, vault_on
from libs.vault.vault import Vault

SUBJECTS = [f"inv-{number:04}" for number in range(1_203)]
LATER = NOW + timedelta(days=3)


async def no_erasures() -> AsyncIterator[Erasure]:
    empty: tuple[Erasure, ...] = ()
    for erasure in empty:
        yield erasure


async def these(*erasures: Erasure) -> AsyncIterator[Erasure]:
    for erasure in erasures:
        yield erasure


async def broken_off(erasure: Erasure) -> AsyncIterator[Erasure]:
    yield erasure
    raise CheckUnavailable("the ledger is out of reach")


@pytest_asyncio.fixture
async def dsn(stack: Addresses) -> AsyncIterator[str]:
    async with own_database(stack) as address:
        await migrate(address, password(ROLE))
        yield address


@pytest_asyncio.fixture
async def lost(stack: Addresses) -> AsyncIterator[str]:
    """The database after the loss of everything."""
    async with own_database(stack) as address:
        await migrate(address, password(ROLE))
        yield address


async def filled(vault: Vault) -> dict[str, object]:
    """Many subjects with keys and tokens, one with a document and one erased; the sealed name of the first."""
    data = await sealed_name(vault, SUBJECTS[0])
    ring = await vault.ring(TENANT, SUBJECTS)
    for subject in SUBJECTS:
        ring.index(subject, [Term("name", "Anna Weber"), Term("reference", subject)])
    await vault.keep(ring)
    await vault.put_document(TENANT, SUBJECTS[0], b"passport", "application/pdf", limit_bytes=99)
    await vault.erase(TENANT, SUBJECTS[1], NOW)
    return data


async def test_what_was_lost_is_back_and_again_changes_nothing(dsn: str, lost: str, tmp_path: Path) -> None:
    async with vault_on(dsn, tmp_path / "kek") as before:
        data = await filled(before)
        saved = await back_up(before.store, tmp_path / "safe", SECRET, NOW)
        wanted = await before.store.counts()
    kinds = {"tombstone": 1, "key": 1_202, "tokens": 1_202, "document": 1}
    assert saved.rows == kinds
    assert saved.path.stat().st_mode & 0o777 == 0o600
    assert list(saved.path.parent.iterdir()) == [saved.path]
    async with vault_on(lost, tmp_path / "kek") as after:
        with pytest.raises(KeyMissing):
            await opened_name(after, SUBJECTS[0], data)
        done = await restore(after.store, saved.path, SECRET, LATER, no_erasures())
        assert (done.made_at, done.rows.keys, done.rows.documents) == (NOW, 1_202, 1)
        assert await after.store.counts() == wanted
        assert await opened_name(after, SUBJECTS[0], data) == "Anna Weber"
        assert await after.search(TENANT, [Term("reference", SUBJECTS[7])]) == [SUBJECTS[7]]
        with pytest.raises(SubjectErased):
            await sealed_name(after, SUBJECTS[1])
        again = await restore(after.store, saved.path, SECRET, LATER, no_erasures())
        assert again.rows.keys == 0
        assert await after.store.counts() == wanted


async def test_i7_who_was_erased_after_the_back_up_stays_erased(dsn: str, lost: str, tmp_path: Path) -> None:
    async with vault_on(dsn, tmp_path / "kek") as before:
        data = await filled(before)
        saved = await back_up(before.store, tmp_path / "safe", SECRET, NOW)
        # The database knows of one erasure, events of another.
        await before.erase(TENANT, SUBJECTS[2], LATER)
        await restore(before.store, saved.path, SECRET, LATER, no_erasures())
        assert [row.wrapped for row in await before.store.keys(TENANT, [SUBJECTS[2]])] == [None]
    async with vault_on(lost, tmp_path / "kek") as after:
        events = these((TENANT, SUBJECTS[0], LATER), (TENANT, SUBJECTS[0], LATER), ("other", "unknown", LATER))
        done = await restore(after.store, saved.path, SECRET, LATER, events)
        assert done.erasures == 3
        assert await opened_name(after, SUBJECTS[0], data) is None
        assert SUBJECTS[0] not in await after.search(TENANT, [Term("name", "weber")], limit=5_000)
        counts = await after.store.counts()
        assert (counts.tombstones, counts.documents, sum(counts.keys.values())) == (3, 0, 1_201)


async def test_i7_a_restore_that_ends_half_way_revives_nobody(dsn: str, lost: str, tmp_path: Path) -> None:
    async with vault_on(dsn, tmp_path / "kek") as before:
        await filled(before)
        saved = await back_up(before.store, tmp_path / "safe", SECRET, NOW)
    async with vault_on(lost, tmp_path / "kek") as after:
        with pytest.raises(CheckUnavailable):
            await restore(after.store, saved.path, SECRET, LATER, broken_off((TENANT, SUBJECTS[0], LATER)))
        assert (await after.store.counts()).keys == {}


@pytest.mark.parametrize("harm", ["cut line", "cut bytes", "altered", "line gone", "empty", "not ours"])
async def test_a_harmed_back_up_is_refused_and_nothing_put_back(dsn: str, lost: str, tmp_path: Path, harm: str) -> None:
    async with vault_on(dsn, tmp_path / "kek") as before:
        await sealed_name(before, "inv-1")
        saved = await back_up(before.store, tmp_path, SECRET, NOW)
    whole = saved.path.read_bytes()
    rows = whole.splitlines(keepends=True)
    saved.path.write_bytes({
        "cut line": b"".join(rows[:-1]), "cut bytes": whole[:-9], "altered": whole.replace(b"inv-1", b"inv-2"),
        "line gone": rows[0] + rows[-1], "empty": b"", "not ours": b'{"hmac":"00"}\n',
    }[harm])  # fmt: skip
    async with vault_on(lost, tmp_path / "kek") as after:
        with pytest.raises(BackupUnusable, match="cut, altered, or not"):
            await restore(after.store, saved.path, SECRET, LATER, these((TENANT, "inv-9", LATER)))
        assert (await after.store.counts())[:2] == ({}, 0)


async def test_another_deployments_back_up_is_refused(dsn: str, tmp_path: Path) -> None:
    async with vault_on(dsn, tmp_path / "kek") as vault:
        saved = await back_up(vault.store, tmp_path, SECRET, NOW)
    with pytest.raises(BackupUnusable):
        check(saved.path, b"\x08" * 32, NOW)
    with pytest.raises(BackupUnusable, match="cannot be read"):
        check(tmp_path / "none", SECRET, NOW)


async def test_an_expired_back_up_is_refused_and_deleted_by_the_next(dsn: str, tmp_path: Path) -> None:
    async with vault_on(dsn, tmp_path / "kek") as vault:
        old = await back_up(vault.store, tmp_path / "safe", SECRET, NOW, documents=False)
        (tmp_path / "safe" / "cartulary-vault-note.backup").write_text("not a back-up")
        last_moment: datetime = NOW + GOOD_FOR - timedelta(microseconds=1)
        assert check(old.path, SECRET, last_moment) == NOW
        kept = await back_up(vault.store, tmp_path / "safe", SECRET, last_moment)
        assert kept.deleted == []
        with pytest.raises(BackupUnusable, match="expired 30 days"):
            await restore(vault.store, old.path, SECRET, NOW + GOOD_FOR, no_erasures())
        new = await back_up(vault.store, tmp_path / "safe", SECRET, NOW + GOOD_FOR)
        assert new.deleted == [old.path]
        assert len(list((tmp_path / "safe").iterdir())) == 3


async def test_a_back_up_that_breaks_off_leaves_no_file(dsn: str, tmp_path: Path) -> None:
    async with vault_on(dsn, tmp_path / "kek") as vault:
        await sealed_name(vault, "inv-1")
        admin = await asyncpg.connect(dsn)

        def break_off(_count: int) -> None:
            raise CheckUnavailable("broken off")

        with pytest.raises(CheckUnavailable):
            await back_up(vault.store, tmp_path / "safe", SECRET, NOW, progress=break_off)
        await admin.execute("drop schema vault cascade")
        await admin.close()
        with pytest.raises(CheckUnavailable):
            await back_up(vault.store, tmp_path / "safe", SECRET, NOW)
        assert list((tmp_path / "safe").iterdir()) == []
        (tmp_path / "file").write_text("")
        with pytest.raises(BackupUnusable, match="cannot be written"):
            await back_up(vault.store, tmp_path / "file", SECRET, NOW)
