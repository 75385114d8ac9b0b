"""The key store's rows for a back-up: read in one snapshot, put back where nothing newer stands."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import AsyncGenerator, Callable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from libs.kernel.time import from_wire, to_wire
from libs.vault.master import Wrapped
from libs.vault.store import Connection, KeyStore, OwnedKey, insert_keys, merge_tokens

# A row as a line of the back-up: its kind, then its columns as JSON values.
Line = list[Any]

_PREFETCH = 500
# Tombstones first: whoever reads the file from the top puts no key where one stands.
_QUERIES: tuple[tuple[str, str, Callable[..., Line]], ...] = (
    (
        "tombstone",
        "select tenant, subject, erased_at from tombstones order by tenant, subject",
        lambda tenant, subject, at: [tenant, subject, to_wire(at)],
    ),
    (
        "key",
        "select tenant, subject, kek, wrapped, made_at from subject_keys where wrapped is not null"
        " order by tenant, subject",
        lambda tenant, subject, kek, wrapped, at: [tenant, subject, kek, b64encode(wrapped).decode(), to_wire(at)],
    ),
    (
        "tokens",
        "select tenant, subject, tokens from search order by tenant, subject",
        lambda tenant, subject, tokens: [tenant, subject, tokens],
    ),
    (
        "document",
        "select tenant, subject, document, media_type, size, content from documents order by tenant, subject, document",
        lambda *row: [*row[:5], b64encode(row[5]).decode()],
    ),
)


async def lines(store: KeyStore, *, documents: bool) -> AsyncGenerator[Line, None]:
    """Every row of the key store as it was at one moment; documents when they are wanted. Raises KeyStoreAway."""
    async with (
        store.connection() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        for kind, query, shape in _QUERIES:
            if kind == "document" and not documents:
                continue
            async for row in connection.cursor(query, prefetch=_PREFETCH if kind != "document" else 4):
                yield [kind, *shape(*row)]


class PutBack(NamedTuple):
    """Rows of each kind that a restore put back; those that stood or whose subject is erased are not counted."""

    keys: int = 0
    tombstones: int = 0
    searchable: int = 0
    documents: int = 0


async def put_back(store: KeyStore, batch: Sequence[Line]) -> PutBack:
    """Put lines of one kind back, all or nothing; never a key over a tombstone (TA-I-7)."""
    rows = [line[1:] for line in batch]
    match batch[0][0]:
        case "tombstone":
            await store.erase([(tenant, subject, from_wire(at)) for tenant, subject, at in rows])
            return PutBack(tombstones=len(rows))
        case "key":
            keys = [OwnedKey(tenant, subject, Wrapped(kek, b64decode(text))) for tenant, subject, kek, text, _ in rows]
            return PutBack(keys=await _keys(store, keys, [from_wire(row[4]) for row in rows]))
        case "tokens":
            return PutBack(searchable=await _tokens(store, rows))
        case _:
            return PutBack(documents=await _documents(store, rows))


async def _keys(store: KeyStore, keys: Sequence[OwnedKey], made_at: Sequence[datetime]) -> int:
    async with store.connection() as connection:
        return await insert_keys(connection, keys, made_at)


async def _tokens(store: KeyStore, rows: Sequence[Line]) -> int:
    async with store.connection() as connection, connection.transaction():
        alive = await _with_key(connection, rows)
        await merge_tokens(connection, [(tenant, subject, tokens) for tenant, subject, tokens in alive])
    return len(alive)


async def _documents(store: KeyStore, rows: Sequence[Line]) -> int:
    async with store.connection() as connection, connection.transaction():
        alive = await _with_key(connection, rows)
        await connection.executemany(
            "insert into documents values ($1, $2, $3, $4, $5, $6) on conflict do nothing",
            [(*row[:5], b64decode(row[5])) for row in alive],
        )
    return len(alive)


async def _with_key(connection: Connection, rows: Sequence[Line]) -> list[Line]:
    """The rows whose subject has a key; the keys' rows stay locked until the transaction ends."""
    owners = await connection.fetch(
        "select k.tenant, k.subject from subject_keys as k join unnest($1::text[], $2::text[]) as n (tenant, subject)"
        " on k.tenant = n.tenant and k.subject = n.subject where k.wrapped is not null for share of k",
        [row[0] for row in rows], [row[1] for row in rows],
    )  # fmt: skip
    alive = {tuple(owner) for owner in owners}
    return [row for row in rows if (row[0], row[1]) in alive]
