"""The state digest of a service's schema: what a rebuild from the ledger alone must come to again (W-19, W-20).

One keccak a table, over its rows as canonical JSON in the order of the primary key. What is not the ledger's stays out:
offsets, positions, insertion times (columns that are generated or default to the present), and what is only pending.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sha3 import keccak_256

from libs.adapters.postgres.pools import Connection
from libs.kernel.canonical import canonical

_ROWS_AT_ONCE = 2_000
_LEFT_OUT = ("life", "producer_lanes", "intents", "pending", "positions", "schema_migrations")
# A stream's head and time count pending intents in; `done` says what the clock loop has looked at, not what happened.
_COLUMNS_LEFT_OUT = {"streams": ("version", "time"), "due": ("done",), "idempotency": ("status", "problem")}
# An outcome without an event of its own (a refusal, a repetition under another key) is decided anew (W-20). A claim
# of a stream that has pending intents may be theirs: $1 names those streams, for both sides of a comparison.
_ONLY = {
    "streams": "t.committed > 0",
    "claims": "t.stream <> all ($1::text[])",
    "idempotency": """t.status = 'committed' and exists (
        select from events e where e.stream = t.streams -> 0 ->> 0 and e.version = (t.streams -> 0 ->> 1)::int
        and not e.void and e.body::json ->> 'command' = t.command)""",
}
_TABLES = """
select c.relname::text as name from pg_class c
where c.relnamespace = current_schema()::regnamespace and c.relkind = 'r' and c.relname <> all ($1::text[]) order by 1
"""
_COLUMNS = """
select a.attname::text as name, a.attcollation <> 0 as is_text,
       coalesce(array_position(i.indkey::int[], a.attnum::int), -1) as key
from pg_attribute a
left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
left join pg_index i on i.indrelid = a.attrelid and i.indisprimary
where a.attrelid = $1::text::regclass and a.attnum > 0 and not a.attisdropped and a.attidentity = ''
  and a.attgenerated = '' and coalesce(pg_get_expr(d.adbin, d.adrelid), '') !~* '(now\\(|current_|nextval|_timestamp)'
order by a.attnum
"""


class Digest(NamedTuple):
    """Rows of a table, and the keccak-256 (hex) over them."""

    rows: int
    keccak: str


async def digests(connection: Connection, pending: Sequence[str] = ()) -> dict[str, Digest]:
    """The digest of every table of the current schema, in the transaction that is open; `pending` names streams.

    Streamed by a cursor: memory is flat.
    """
    await connection.execute(
        "set local time zone 'UTC'; set local extra_float_digits = 1; set local bytea_output = hex"
    )
    tables = [row["name"] for row in await connection.fetch(_TABLES, list(_LEFT_OUT))]
    return {table: await _digest(connection, table, pending) for table in tables}


async def _digest(connection: Connection, table: str, pending: Sequence[str]) -> Digest:
    left_out = _COLUMNS_LEFT_OUT.get(table, ())
    columns = [row for row in await connection.fetch(_COLUMNS, f'"{table}"') if row["name"] not in left_out]
    names = ", ".join(f't."{row["name"]}"::text' for row in columns)
    keys = sorted((row for row in columns if row["key"] >= 0), key=lambda row: row["key"]) or columns
    order = ", ".join(f't."{row["name"]}"' + (' collate "C"' if row["is_text"] else "") for row in keys)
    query = f'select {names} from "{table}" t where {_ONLY.get(table, "true")} order by {order}'
    arguments = [list(pending)] if "$1" in query else []
    count, hashed = 0, keccak_256()
    async for row in connection.cursor(query, *arguments, prefetch=_ROWS_AT_ONCE):
        hashed.update(canonical(dict(row.items())) + b"\n")
        count += 1
    return Digest(count, hashed.hexdigest())
