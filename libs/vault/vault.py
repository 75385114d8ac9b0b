"""The vault: keys of data subjects made, kept, used and destroyed; search by tokens; documents (TA-I-7)."""

from __future__ import annotations

import hmac
import re
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime
from typing import NamedTuple, TypeVar

from libs.kernel.canonical import canonical
from libs.kernel.errors import CartularyError, Conflict
from libs.kernel.personal import Term
from libs.vault import rows as tables
from libs.vault.errors import DocumentNotFound, DocumentTooLarge
from libs.vault.master import MasterKeys, context_of
from libs.vault.ring import HELD_S, Held, KeyCache, Monotonic, Ring
from libs.vault.sealing import DataKey
from libs.vault.store import KeyStore, StoredDocument
from libs.vault.tokens import Tokens, matches

Rows = TypeVar("Rows")

# Several writers of one new subject: each conflict leaves a key behind, so that the next try finds it.
_TRIES = 3
_ID = re.compile(r"[0-9a-f]{64}")


class Document(NamedTuple):
    """A document in clear."""

    media_type: str
    content: bytes


class Vault:
    """Implements the Privacy port (structurally: libs.ports stands above) and what reads and erasures need beside it.

    `secret` keys the search tokens of the deployment; `now` is the UTC clock; `monotonic` tells seconds.
    """

    def __init__(
        self, store: KeyStore, master: MasterKeys, secret: bytes, now: Callable[[], datetime], *,
        monotonic: Monotonic = time.monotonic, cache_size: int = 20_000,
    ) -> None:  # fmt: skip
        self.store, self.master = store, master
        self._secret, self._now, self._monotonic = secret, now, monotonic
        self._cache = KeyCache(cache_size, monotonic)

    async def ring(self, tenant: str, subjects: Collection[str]) -> Ring:
        """The keys of these subjects, by one query for all; raises CheckUnavailable."""
        asked_at = self._monotonic()
        held: dict[str, Held] = {}
        for subject in subjects:
            if (key := self._cache.get(tenant, subject)) is not None:
                held[subject] = key
        if unknown := [subject for subject in set(subjects) if subject not in held]:
            read = await self._read(tenant, unknown)
            self._cache.put(
                tenant, {subject: key for subject, key in read.items() if isinstance(key, DataKey)}, asked_at
            )
            held |= read
        return Ring(tenant, subjects, held, asked_at + HELD_S, self._monotonic)

    async def _read(self, tenant: str, subjects: Collection[str]) -> dict[str, Held]:
        stored = await self.store.keys(tenant, subjects)
        wrapped = [(row.subject, row.wrapped) for row in stored if row.wrapped is not None]
        raw = await self.master.unwrap([(key, context_of(tenant, subject)) for subject, key in wrapped])
        read: dict[str, Held] = {row.subject: None for row in stored if row.wrapped is None}
        for (subject, _), key in zip(wrapped, raw, strict=True):
            read[subject] = key if isinstance(key, CartularyError) else DataKey(key)
        return read

    async def keep(self, ring: object) -> None:
        """Store the keys and tokens that a ring of this vault made; raises Conflict, CheckUnavailable.

        Again does nothing.
        """
        if not isinstance(ring, Ring):
            raise TypeError("a vault keeps its own rings")
        if not ring.made and not ring.terms:
            return
        read_at = self._monotonic()
        subjects = list(ring.made)
        made = await self.master.wrap(
            [(ring.made[subject].raw, context_of(ring.tenant, subject)) for subject in subjects]
        ) if subjects else []  # fmt: skip
        tokens = Tokens(self._secret, ring.tenant)
        found = {subject: words for subject, terms in ring.terms.items() if (words := tokens.of(terms))}
        await self.store.add(ring.tenant, dict(zip(subjects, made, strict=True)), found, self._now())
        self._cache.put(ring.tenant, ring.made, read_at)
        ring.kept()

    async def erase(self, tenant: str, subject: str, at: datetime) -> None:
        """Put the tombstone and destroy key, tokens and documents, in one; again changes nothing (TA-I-7).

        This process forgets at once, every other one within 60 s. Raises CheckUnavailable.
        """
        self._cache.forget(tenant, subject)
        try:
            await self.store.erase([(tenant, subject, at)])
        finally:
            # A ring that was fetched meanwhile may have put the key back.
            self._cache.forget(tenant, subject)

    async def search(self, tenant: str, terms: Iterable[Term], after: str = "", limit: int = 100) -> list[str]:
        """Subjects that may match every word of every term, ascending, after a subject; empty without a word.

        Open what they hold and compare by `matches`: four or more than five letters are found by their beginning.
        """
        tokens = Tokens(self._secret, tenant).sought(terms)
        return [] if tokens is None else await self.store.search(tenant, tokens, after, limit)

    @staticmethod
    def matches(term: Term, clear: str) -> bool:
        """Whether a clear text is what the term looks for."""
        return matches(term, clear)

    async def open_rows(self, tenant: str, rows: Sequence[Rows]) -> list[Rows]:
        """Rows of read tables with every kept value, however deep, as `{"clear": …}` or `{"erased": true}`.

        Keys are fetched once for all. Raises SealBroken, CheckUnavailable.
        """
        ring = await self.ring(tenant, tables.subjects_kept(tenant, rows))
        result: list[Rows] = tables.opened(rows, ring.open_kept)
        return result

    async def put_document(
        self, tenant: str, subject: str, content: bytes, media_type: str, *, limit_bytes: int
    ) -> str:
        """Encrypt and store a document; its id, the same for the same content of the same subject.

        Raises DocumentTooLarge, SubjectErased, CheckUnavailable, Conflict when others never cease to be first.
        """
        if len(content) > limit_bytes:
            raise DocumentTooLarge(f"a document has at most {limit_bytes} bytes", field="bytes", value=len(content))
        for left in reversed(range(_TRIES)):
            ring = await self.ring(tenant, [subject])
            key = ring.key_to_seal(subject)
            document = _document_id(key, content)
            sealed = key.encrypt(content, _document_context(tenant, subject, document, media_type))
            try:
                await self.keep(ring)
                await self.store.put_document(
                    tenant, subject, document, StoredDocument(media_type, sealed), len(content)
                )
            except Conflict:
                self._cache.forget(tenant, subject)
                if not left:
                    raise
            else:
                return document
        raise AssertionError("unreachable")

    async def get_document(self, tenant: str, subject: str, document: str) -> Document:
        """A document in clear; raises DocumentNotFound, SealBroken, CheckUnavailable."""
        stored = await self.store.document(tenant, subject, document) if _ID.fullmatch(document) else None
        key = (await self.ring(tenant, [subject])).key_to_open(subject) if stored else None
        if stored is None or key is None:
            raise DocumentNotFound("there is no such document", field="document", value=document)
        context = _document_context(tenant, subject, document, stored.media_type)
        return Document(stored.media_type, key.decrypt(stored.content, context))

    async def close(self) -> None:
        """Let go of connections."""
        await self.store.close()
        await self.master.close()


def _document_id(key: DataKey, content: bytes) -> str:
    return hmac.digest(hmac.digest(key.raw, b"document id", "sha256"), content, "sha256").hex()


def _document_context(tenant: str, subject: str, document: str, media_type: str) -> bytes:
    return canonical(["document", tenant, subject, document, media_type])
