"""The key store on PostgreSQL: keys, tombstones, tokens and documents, by the one login role `vault_keys`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

import asyncpg

from libs.kernel.errors import Conflict
from libs.vault.errors import KeyStoreAway
from libs.vault.master import Wrapped
from libs.vault.migrate import ROLE, SCHEMA

CONNECT_TIMEOUT_S = 5.0
COMMAND_TIMEOUT_S = 10.0
_AWAY = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # a connection that broke between two of its states
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InvalidPasswordError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.UndefinedTableError,
    asyncpg.InvalidSchemaNameError,
    asyncpg.InvalidAuthorizationSpecificationError,
)
_RACES = (
    asyncpg.UniqueViolationError,
    asyncpg.ForeignKeyViolationError,  # tokens or a document for a subject that was erased meanwhile
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
)

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record] | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]
else:
    Connection = asyncpg.Connection


class StoredKey(NamedTuple):
    """A subject's row; `wrapped` is None for a tombstone."""

    subject: str
    wrapped: Wrapped | None


class OwnedKey(NamedTuple):
    """A wrapped key with its owner."""

    tenant: str
    subject: str
    wrapped: Wrapped


class StoredDocument(NamedTuple):
    """An encrypted document."""

    media_type: str
    content: bytes


class KeyCounts(NamedTuple):
    """What the key store holds; `keys` by master key."""

    keys: dict[str, int]
    tombstones: int
    searchable: int
    documents: int
    document_bytes: int


class KeyStore:
    """A pool of its own, opened at first use; raises KeyStoreAway, and Conflict where another writer was first."""

    def __init__(self, dsn: str, password: str, *, connections: int = 4) -> None:
        self._dsn, self._password, self._size = dsn, password, connections
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None
        self._opening = asyncio.Lock()

    async def _opened(self) -> asyncpg.Pool[asyncpg.Record]:
        async with self._opening:
            if self._pool is None:
                self._pool = await asyncpg.create_pool(
                    self._dsn, user=ROLE, password=self._password, min_size=0, max_size=self._size,
                    timeout=CONNECT_TIMEOUT_S, command_timeout=COMMAND_TIMEOUT_S,
                    server_settings={"search_path": SCHEMA, "application_name": f"cartulary.{ROLE}"},
                )  # fmt: skip
        return self._pool

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection of the role; raises KeyStoreAway, Conflict."""
        try:
            pool = await self._opened()
            async with pool.acquire(timeout=CONNECT_TIMEOUT_S * 2) as connection:
                yield connection
        except _RACES as error:
            raise Conflict("another writer of the key store was first") from error
        except _AWAY as error:
            raise KeyStoreAway(f"the key store did not answer: {type(error).__name__}") from error

    async def close(self) -> None:
        """Close the pool."""
        if self._pool is None:
            return
        try:
            await asyncio.wait_for(self._pool.close(), CONNECT_TIMEOUT_S)
        except TimeoutError:
            self._pool.terminate()
        self._pool = None

    async def keys(self, tenant: str, subjects: Collection[str]) -> list[StoredKey]:
        """The keys and tombstones of these subjects; one who has neither is left out."""
        query = "select subject, kek, wrapped from subject_keys where tenant = $1 and subject = any($2::text[])"
        async with self.connection() as connection:
            rows = await connection.fetch(query, tenant, list(subjects))
        return [_stored(subject, kek, content) for subject, kek, content in rows]

    async def add(
        self, tenant: str, made: Mapping[str, Wrapped], tokens: Mapping[str, Collection[int]], at: datetime
    ) -> None:
        """Store new keys and add search tokens, all or nothing; Conflict when a subject has a key or a tombstone."""
        async with self.connection() as connection, connection.transaction():
            if made:
                owned = [OwnedKey(tenant, subject, wrapped) for subject, wrapped in made.items()]
                if await insert_keys(connection, owned, [at] * len(owned)) != len(made):
                    raise Conflict("another writer made a key for a data subject, or erased it", field="subject")
            if tokens:
                await merge_tokens(connection, [(tenant, subject, found) for subject, found in tokens.items()])

    async def erase(self, erasures: Iterable[tuple[str, str, datetime]]) -> None:
        """Put tombstones for each (tenant, subject, at) and destroy keys, tokens, documents; again changes nothing."""
        first: dict[tuple[str, str], datetime] = {}
        for tenant, subject, at in erasures:
            first[tenant, subject] = min(at, first.get((tenant, subject), at))
        owners = sorted(first)
        tenants, subjects = [tenant for tenant, _ in owners], [subject for _, subject in owners]
        async with self.connection() as connection, connection.transaction():
            await connection.execute(
                "insert into subject_keys as k (tenant, subject, erased_at)"
                " select * from unnest($1::text[], $2::text[], $3::timestamptz[])"
                " on conflict (tenant, subject) do update"
                " set kek = null, wrapped = null, erased_at = excluded.erased_at where k.erased_at is null",
                tenants, subjects, [first[owner] for owner in owners],
            )  # fmt: skip
            for table in ("search", "documents"):
                await connection.execute(
                    f"delete from {table} as t using unnest($1::text[], $2::text[]) as e (tenant, subject)"
                    " where t.tenant = e.tenant and t.subject = e.subject",
                    tenants, subjects,
                )  # fmt: skip

    async def search(self, tenant: str, tokens: Collection[int], after: str, limit: int) -> list[str]:
        """Subjects that have every token, ascending, after a subject ("" is before all)."""
        # Materialised, so that the index on tokens is what finds them, however common they are.
        query = (
            "with found as materialized (select tenant, subject from search where tokens @> $2::bigint[])"
            " select subject from found where tenant = $1 and subject > $3 order by subject limit $4"
        )
        async with self.connection() as connection:
            return [row[0] for row in await connection.fetch(query, tenant, list(tokens), after, limit)]

    async def put_document(self, tenant: str, subject: str, document: str, stored: StoredDocument, size: int) -> None:
        """Store an encrypted document; one that is there stays. Conflict when the subject has no key."""
        async with self.connection() as connection:
            await connection.execute(
                "insert into documents values ($1, $2, $3, $4, $5, $6) on conflict do nothing",
                tenant, subject, document, stored.media_type, size, stored.content,
            )  # fmt: skip

    async def document(self, tenant: str, subject: str, document: str) -> StoredDocument | None:
        """An encrypted document, or None."""
        query = "select media_type, content from documents where tenant = $1 and subject = $2 and document = $3"
        async with self.connection() as connection:
            row = await connection.fetchrow(query, tenant, subject, document)
        return StoredDocument(*row) if row else None

    async def wrapped_otherwise(self, kek: str, after: tuple[str, str], limit: int) -> list[OwnedKey]:
        """Keys under another master key than this, by owner, after an owner (("", "") is before all)."""
        query = (
            "select tenant, subject, kek, wrapped from subject_keys where wrapped is not null and kek <> $1"
            " and (tenant, subject) > ($2, $3) order by tenant, subject limit $4"
        )
        async with self.connection() as connection:
            rows = await connection.fetch(query, kek, *after, limit)
        return [OwnedKey(tenant, subject, Wrapped(kek, content)) for tenant, subject, kek, content in rows]

    async def rewrap(self, changes: Sequence[tuple[OwnedKey, Wrapped]]) -> None:
        """Put the new wrapping where the old one still stands; an erased subject stays erased."""
        async with self.connection() as connection:
            # Locked in order first: writers of tokens lock several of these rows too, in the same order.
            await connection.execute(
                "with n as (select * from unnest($1::text[], $2::text[], $3::bytea[], $4::text[], $5::bytea[])"
                " as n (tenant, subject, was, kek, wrapped)),"
                " locked as (select k.tenant, k.subject, n.kek, n.wrapped from subject_keys as k, n"
                " where k.tenant = n.tenant and k.subject = n.subject and k.wrapped = n.was"
                " order by k.tenant, k.subject for no key update of k)"
                " update subject_keys as k set kek = l.kek, wrapped = l.wrapped from locked as l"
                " where k.tenant = l.tenant and k.subject = l.subject",
                [old.tenant for old, _ in changes], [old.subject for old, _ in changes],
                [old.wrapped.content for old, _ in changes], [new.kek for _, new in changes],
                [new.content for _, new in changes],
            )  # fmt: skip

    async def one_of_each(self) -> list[OwnedKey]:
        """One key of each master key."""
        query = (
            "select distinct on (kek) tenant, subject, kek, wrapped from subject_keys where wrapped is not null"
            " order by kek, tenant, subject"
        )
        async with self.connection() as connection:
            rows = await connection.fetch(query)
        return [OwnedKey(tenant, subject, Wrapped(kek, content)) for tenant, subject, kek, content in rows]

    async def counts(self) -> KeyCounts:
        """What is there."""
        async with self.connection() as connection:
            keys = await connection.fetch(
                "select kek, count(*) from subject_keys where wrapped is not null group by kek order by kek"
            )
            others = await connection.fetchrow(
                "select (select count(*) from tombstones), (select count(*) from search), count(*),"
                " coalesce(sum(size), 0)::bigint from documents"
            )
        return KeyCounts(dict(map(tuple, keys)), *(others or (0, 0, 0, 0)))


def _stored(subject: str, kek: str | None, content: bytes | None) -> StoredKey:
    return StoredKey(subject, None if kek is None or content is None else Wrapped(kek, content))


async def insert_keys(connection: Connection, keys: Sequence[OwnedKey], made_at: Sequence[datetime]) -> int:
    """Store keys whose subjects have neither key nor tombstone; how many."""
    # In order, so that two writers of the same subjects wait for one another and never in a circle.
    rows = sorted(zip(keys, made_at, strict=True), key=lambda row: row[0][:2])
    done = await connection.execute(
        "insert into subject_keys (tenant, subject, kek, wrapped, made_at)"
        " select * from unnest($1::text[], $2::text[], $3::text[], $4::bytea[], $5::timestamptz[])"
        " on conflict do nothing",
        [key.tenant for key, _ in rows], [key.subject for key, _ in rows], [key.wrapped.kek for key, _ in rows],
        [key.wrapped.content for key, _ in rows], [at for _, at in rows],
    )  # fmt: skip
    return int(done.rpartition(" ")[2])


async def merge_tokens(connection: Connection, rows: Iterable[tuple[str, str, Collection[int]]]) -> None:
    """Add the tokens of each (tenant, subject, tokens) to those that stand; ForeignKeyViolation without a key."""
    ordered = sorted(rows, key=lambda row: row[:2])
    # Arrays of unequal length cannot be unnested side by side: each travels as the text of an array.
    await connection.execute(
        "insert into search as s (tenant, subject, tokens)"
        " select tenant, subject, tokens::bigint[]"
        " from unnest($1::text[], $2::text[], $3::text[]) as n (tenant, subject, tokens)"
        " on conflict (tenant, subject) do update set tokens ="
        " (select array_agg(distinct token) from unnest(s.tokens || excluded.tokens) as token)"
        " where not s.tokens @> excluded.tokens",
        [tenant for tenant, _, _ in ordered], [subject for _, subject, _ in ordered],
        ["{" + ",".join(map(str, tokens)) + "}" for _, _, tokens in ordered],
    )  # fmt: skip
