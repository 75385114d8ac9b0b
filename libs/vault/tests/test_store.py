"""What the database itself guards: one key a subject, a tombstone for good, one role that may little."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

import asyncpg
import pytest

from libs.adapters.tests.schemas import connect, own_database, password
from libs.kernel.errors import Conflict
from libs.kernel.personal import Term
from libs.stack.addresses import Addresses
from libs.vault import migrate as migrations
from libs.vault.errors import MasterKeyWrong, MigrationChanged, SubjectErased
from libs.vault.master import Wrapped
from libs.vault.migrate import ROLE, migrate
from libs.vault.store import StoredDocument
from libs.vault.tests.vaults import NOW, TENANT, key_store, sealed_name, vault_on
from libs.vault.vault import Vault

KEY = Wrapped("local-0001-00", b"wrapped")
MAKE = (
    "insert into vault.subject_keys (tenant, subject, kek, wrapped, made_at)"
    " values ('acme', $1, 'kek', 'wrapped', now()) on conflict do nothing"
)
ERASE = (
    "insert into vault.subject_keys as k (tenant, subject, erased_at) values ('acme', $1, now())"
    " on conflict (tenant, subject) do update set kek = null, wrapped = null, erased_at = now()"
)
WAITS = "select count(*) from pg_locks where not granted"


@pytest.mark.parametrize("first", ["make", "erase"])
async def test_i7_whoever_comes_first_an_erased_subject_ends_without_a_key(dsn: str, first: str) -> None:
    """Two connections at the same moment: the second waits for the first to commit."""
    subject = f"inv-{first}"
    one, two = await asyncpg.connect(dsn), await asyncpg.connect(dsn)
    statements = [MAKE, ERASE] if first == "make" else [ERASE, MAKE]
    transaction = one.transaction()
    await transaction.start()
    await one.execute(statements[0], subject)
    second = asyncio.create_task(two.execute(statements[1], subject))
    watch = await asyncpg.connect(dsn)
    while not await watch.fetchval(WAITS):  # noqa: ASYNC110  (PostgreSQL tells nobody who waits)
        await asyncio.sleep(0.01)
    await transaction.commit()
    await second
    row = await watch.fetchrow("select wrapped, erased_at from vault.subject_keys where subject = $1", subject)
    assert row is not None
    assert row["wrapped"] is None
    assert row["erased_at"] is not None
    for connection in (one, two, watch):
        await connection.close()


async def test_i7_erasures_and_writers_of_many_subjects_at_once_leave_no_key_behind(dsn: str, tmp_path: Path) -> None:
    subjects = [f"inv-race-{number}" for number in range(60)]
    async with vault_on(dsn, tmp_path) as writer, vault_on(dsn, tmp_path) as other, vault_on(dsn, tmp_path) as eraser:

        async def write(vault: Vault, order: list[str]) -> None:
            for start in range(0, len(order), 7):
                part = order[start : start + 7]
                ring = await vault.ring(TENANT, part)
                # Erased since, or another writer was first: what a command would be told.
                with suppress(Conflict, SubjectErased):
                    for subject in part:
                        ring.index(subject, [Term("name", "Anna Weber")])
                    await vault.keep(ring)

        async def erase() -> None:
            for subject in subjects[::2]:
                await eraser.erase(TENANT, subject, NOW)

        await asyncio.gather(write(writer, subjects), erase(), write(other, subjects[::-1]))
        rows = {row.subject: row.wrapped for row in await eraser.store.keys(TENANT, subjects)}
        assert all(rows[subject] is None for subject in subjects[::2])
        found = set(await eraser.search(TENANT, [Term("name", "anna")]))
        assert found <= {subject for subject, wrapped in rows.items() if wrapped is not None}


@pytest.mark.parametrize("late", ["tokens", "document"])
async def test_i7_what_comes_during_an_erasure_waits_for_it_and_is_refused(dsn: str, late: str) -> None:
    store, subject = key_store(dsn), f"inv-{late}"
    await store.add("acme", {subject: KEY}, {}, NOW)
    admin, watch = await asyncpg.connect(dsn), await asyncpg.connect(dsn)
    async with admin.transaction():
        await admin.execute(ERASE, subject)
        if late == "tokens":
            waiting = asyncio.create_task(store.add("acme", {}, {subject: [1, 2]}, NOW))
        else:
            document = StoredDocument("text/plain", b"x")
            waiting = asyncio.create_task(store.put_document("acme", subject, "id", document, 1))
        while not await watch.fetchval(WAITS):  # noqa: ASYNC110  (PostgreSQL tells nobody who waits)
            await asyncio.sleep(0.01)
    with pytest.raises(Conflict):
        await waiting
    for connection in (admin, watch):
        await connection.close()
    await store.close()


@pytest.mark.parametrize(
    "statement",
    [
        "update vault.subject_keys set erased_at = null, kek = 'k', wrapped = 'w', made_at = now()",
        "update vault.subject_keys set erased_at = now()",
        "delete from vault.subject_keys",
        "truncate vault.subject_keys",
        "insert into vault.search values ('acme', 'inv-gone', '{1}')",
        "insert into vault.documents values ('acme', 'inv-gone', 'id', 'text/plain', 1, 'x')",
        "insert into vault.search values ('acme', 'inv-never', '{1}')",
        "insert into vault.subject_keys (tenant, subject) values ('acme', 'inv-half')",
        "insert into vault.subject_keys values ('acme', 'inv-both', 'k', 'w', now(), now())",
    ],
)
async def test_i7_not_even_the_administrator_undoes_a_tombstone_by_accident(dsn: str, statement: str) -> None:
    store = key_store(dsn)
    await store.erase([(TENANT, "inv-gone", NOW)])
    await store.close()
    admin = await asyncpg.connect(dsn)
    with pytest.raises(
        (asyncpg.InsufficientPrivilegeError, asyncpg.ForeignKeyViolationError, asyncpg.CheckViolationError)
    ):
        await admin.execute(statement)
    await admin.close()


@pytest.mark.parametrize(
    "statement",
    [
        "delete from subject_keys", "truncate search", "drop table search", "create table vault.notes (note text)",
        "create table public.notes (note text)", "alter table subject_keys disable trigger all",
        "select * from schema_migrations", "set role vault_owner", "update documents set content = 'x'",
    ],
)  # fmt: skip
async def test_inv08_the_login_role_may_only_what_the_vault_does(dsn: str, statement: str) -> None:
    connection = await connect(dsn, ROLE)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute(statement)
    await connection.close()


async def test_several_processes_make_the_key_store_at_once(
    stack: Addresses, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with own_database(stack) as dsn:
        applied = await asyncio.gather(*(migrate(dsn, password(ROLE)) for _ in range(5)))
        assert sorted(applied, key=len) == [[], [], [], [], ["001_keys.sql"]]
        (tmp_path / "001_keys.sql").write_text("select 1")
        monkeypatch.setattr(migrations, "_MIGRATIONS", tmp_path)
        with pytest.raises(MigrationChanged):
            await migrate(dsn, password(ROLE))


async def test_tokens_add_up_and_a_page_goes_on_after_a_subject(dsn: str, tmp_path: Path) -> None:
    async with vault_on(dsn, tmp_path) as vault:
        subjects = [f"inv-p{number:02}" for number in range(25)]
        for name in ("Greta Lindgren", "Greta Öst"):
            ring = await vault.ring("pages", subjects)
            for subject in subjects:
                ring.index(subject, [Term("name", name), Term("reference", subject)])
            await vault.keep(ring)
            await vault.keep(ring)
        pages, after = [], ""
        while page := await vault.search("pages", [Term("name", "lind ost")], after, 10):
            pages.append(page)
            after = page[-1]
        assert [len(page) for page in pages] == [10, 10, 5]
        assert [subject for page in pages for subject in page] == subjects
        assert await vault.search("pages", [Term("name", "greta"), Term("reference", "INV P07")]) == ["inv-p07"]
        assert await vault.search("other", [Term("name", "greta")]) == []
        assert await vault.search("pages", [Term("name", " ")]) == []
        assert await vault.search("pages", []) == []


async def test_a_key_wrapped_for_another_row_opens_for_nobody(dsn: str, tmp_path: Path) -> None:
    """Whoever can write to the database swaps two keys: neither subject's data opens under the other's."""
    async with vault_on(dsn, tmp_path) as vault:
        await sealed_name(vault, "inv-s1")
        await sealed_name(vault, "inv-s2")
        admin = await asyncpg.connect(dsn)
        await admin.execute(
            "update vault.subject_keys as k set wrapped = o.wrapped from vault.subject_keys as o"
            " where k.subject = 'inv-s1' and o.subject = 'inv-s2'"
        )
        await admin.close()
    async with vault_on(dsn, tmp_path) as vault:
        ring = await vault.ring(TENANT, ["inv-s1", "inv-s2"])
        assert ring.key_to_open("inv-s2") is not None
        with pytest.raises(MasterKeyWrong):
            ring.key_to_open("inv-s1")
