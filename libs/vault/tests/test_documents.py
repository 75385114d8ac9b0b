"""Documents are encrypted outside the event, have one id for one content, and go with their subject (TA-I-7)."""

from __future__ import annotations

import asyncio
from pathlib import Path

import asyncpg
import pytest

from libs.vault.errors import DocumentNotFound, DocumentTooLarge, SealBroken, SubjectErased
from libs.vault.tests.vaults import NOW, TENANT, vault_on
from libs.vault.vault import Document

PDF, LIMIT = "application/pdf", 5_000_000
CONTENT = b"%PDF-1.7 Anna Weber \x00\xff" * 1_000


async def test_a_document_comes_back_whole_and_the_database_holds_none_of_it(dsn: str, tmp_path: Path) -> None:
    async with vault_on(dsn, tmp_path) as vault, vault_on(dsn, tmp_path) as other:
        document = await vault.put_document(TENANT, "inv-1", CONTENT, PDF, limit_bytes=LIMIT)
        assert await other.get_document(TENANT, "inv-1", document) == Document(PDF, CONTENT)
        assert await vault.put_document(TENANT, "inv-1", b"", PDF, limit_bytes=LIMIT) != document
        stored = await vault.store.document(TENANT, "inv-1", document)
        assert stored is not None
        assert b"Anna" not in stored.content


async def test_equal_content_has_one_id_for_a_subject_and_another_for_the_next(dsn: str, tmp_path: Path) -> None:
    async with vault_on(dsn, tmp_path) as vault:
        ids = [
            await vault.put_document(TENANT, subject, CONTENT, PDF, limit_bytes=LIMIT)
            for subject in ("inv-2", "inv-2", "inv-3")
        ]
        assert ids[0] == ids[1] != ids[2]
        assert all(len(one) == 64 for one in ids)


async def test_two_who_store_the_first_document_of_a_subject_at_once_both_succeed(dsn: str, tmp_path: Path) -> None:
    async with vault_on(dsn, tmp_path) as one, vault_on(dsn, tmp_path) as other:
        ids = await asyncio.gather(
            *(vault.put_document(TENANT, "inv-4", CONTENT, PDF, limit_bytes=LIMIT) for vault in (one, other))
        )
        assert ids[0] == ids[1]
        assert (await one.get_document(TENANT, "inv-4", ids[0])).content == CONTENT


async def test_a_document_over_the_limit_is_refused_before_it_is_touched(dsn: str, tmp_path: Path) -> None:
    async with vault_on(dsn, tmp_path) as vault:
        assert await vault.put_document(TENANT, "inv-5", b"12345", PDF, limit_bytes=5)
        with pytest.raises(DocumentTooLarge):
            await vault.put_document(TENANT, "inv-6", b"123456", PDF, limit_bytes=5)
        assert await vault.store.keys(TENANT, ["inv-6"]) == []


async def test_i7_an_erased_subject_has_no_documents_and_gets_none(dsn: str, tmp_path: Path) -> None:
    async with vault_on(dsn, tmp_path) as vault:
        document = await vault.put_document(TENANT, "inv-7", CONTENT, PDF, limit_bytes=LIMIT)
        await vault.erase(TENANT, "inv-7", NOW)
        with pytest.raises(DocumentNotFound):
            await vault.get_document(TENANT, "inv-7", document)
        with pytest.raises(SubjectErased):
            await vault.put_document(TENANT, "inv-7", CONTENT, PDF, limit_bytes=LIMIT)


async def test_a_document_moved_or_altered_in_the_database_does_not_open(dsn: str, tmp_path: Path) -> None:
    async with vault_on(dsn, tmp_path) as vault:
        first = await vault.put_document(TENANT, "inv-8", CONTENT, PDF, limit_bytes=LIMIT)
        second = await vault.put_document(TENANT, "inv-8", b"other", PDF, limit_bytes=LIMIT)
        admin = await asyncpg.connect(dsn)
        await admin.execute(
            "update vault.documents as d set content = o.content from vault.documents as o"
            " where d.document = $1 and o.document = $2", first, second,
        )  # fmt: skip
        await admin.execute("update vault.documents set media_type = 'text/html' where document = $1", second)
        await admin.close()
        for document in (first, second):
            with pytest.raises(SealBroken):
                await vault.get_document(TENANT, "inv-8", document)
        for tenant, subject, document in (
            ("other", "inv-8", first),
            (TENANT, "inv-9", first),
            (TENANT, "inv-8", "x\x00"),
        ):
            with pytest.raises(DocumentNotFound):
                await vault.get_document(tenant, subject, document)
