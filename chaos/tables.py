"""A service's schema held against the ledger: rows, the write path's own tables, read tables, the digest of all."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import asyncpg
import orjson

from chaos.truth import Truth
from libs.edge.path import Parts
from libs.ports.changes import Add, Change, Drop, Put
from libs.rules.changes import CHANGE_PROJECTIONS
from libs.rules.four_eyes import Rules

BATCH_COLUMNS = (
    "lane, first, count, previous_head, head, root, block, block_hash, block_time, transaction, transaction_index"
)
_TABLE = re.compile(r"^create table (?:if not exists )?(\w+)", re.MULTILINE)
_WRITABLE = """
select a.attname::text from pg_attribute a
where a.attrelid = $1::text::regclass and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
"""
Rows = dict[Any, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Schema:
    """A service's schema, asked through an administrator's connection, and what of the ledger is the service's."""

    admin: asyncpg.Connection
    parts: Parts
    truth: Truth

    @property
    def service(self) -> str:
        """Its name."""
        return self.parts.decider.service

    async def breaches(self) -> list[str]:
        """What is not as the ledger has it, a sentence each."""
        found = [*await self._events(), *await self._batches(), *await self._path(), *await self._lives()]
        found += await self._read_tables()
        return [f"{self.service}: {one}" for one in found]

    async def _events(self) -> list[str]:
        """Invariants 1, 2: the rows of `events` are the ledger's records, no more, no fewer."""
        columns = "lane, sequence, batch, stream, version, tenant, type, void, body"
        found = await self.admin.fetch(f"select {columns} from {self.service}.events")
        rows, events = {(row["lane"], row["sequence"]): row for row in found}, self.truth.events
        wrong = [f"row {place} has no record on the ledger" for place in rows.keys() - events.keys()]
        wrong += [f"record {place} was never committed" for place in events.keys() - rows.keys()]
        for place in rows.keys() & events.keys():
            row, seen = rows[place], events[place]
            said = (row["batch"], row["stream"], row["version"], row["tenant"], row["type"], row["body"].encode())
            if said != (seen.place.first, seen.stream, seen.body["version"], seen.tenant, seen.type, seen.raw):
                wrong.append(f"row {place} differs from its record")
            if row["void"]:
                wrong.append(f"row {place} is void")
        return wrong

    async def _batches(self) -> list[str]:
        """Invariants 1, 2: the rows of `ledger_batches` are the ledger's."""
        wrong = []
        for row in await self.admin.fetch(f"select {BATCH_COLUMNS} from {self.service}.ledger_batches"):
            batch = self.truth.batches.get((row["lane"], row["first"]))
            if batch is None or tuple(row) != tuple(getattr(batch, name) for name in BATCH_COLUMNS.split(", ")):
                wrong.append(f"batch {row['first']} of lane {row['lane']} is not what the ledger has")
        return wrong

    async def _path(self) -> list[str]:
        """What the path keeps of streams and keys is what the ledger comes to (W-20)."""
        wrong, truth = [], self.truth
        streams = await self.admin.fetch(f"select stream, version, committed from {self.service}.streams")
        have = {row["stream"]: (row["version"], row["committed"]) for row in streams}
        if have != {stream: (version, version) for stream, version in truth.versions.items()}:
            wrong.append("the table streams is not what the ledger's streams come to")
        pending = await self.admin.fetchval(f"select count(*) from {self.service}.pending")
        if pending:
            wrong.append(f"{pending} pending events are left over")
        keys = await self.admin.fetch(f"select command, status, decision::text from {self.service}.idempotency")
        for row in keys:
            if row["status"] in ("running", "decided"):
                wrong.append(f"command {row['command']} is still {row['status']}")
            elif row["status"] == "committed" and row["decision"] not in truth.by_command.get(row["command"], ()):
                wrong.append(f"command {row['command']} is kept as {row['decision']}, the ledger has another")
        missing = truth.by_command.keys() - {row["command"] for row in keys if row["status"] == "committed"}
        # A life's markers are nobody's command: their keys come back with the rebuild only.
        markers = {name for name in missing for one in truth.by_command[name] if truth.decisions[one].seq == 1}
        if missing - markers:
            wrong.append(f"{len(missing - markers)} commands of the ledger are not kept as committed")
        return wrong

    async def _lives(self) -> list[str]:
        """The life stands where the ledger's marks stand (W-21)."""
        wrong = []
        epoch = await self.admin.fetchval(f"select epoch from {self.service}.life")
        for row in await self.admin.fetch(f"select lane, next_seq, settled from {self.service}.producer_lanes"):
            mark = self.truth.marks.get((row["lane"], self.service))
            if mark is None or (epoch, row["next_seq"] - 1, True) != (mark.epoch, mark.last, row["settled"]):
                wrong.append(f"lane {row['lane']}: life {epoch} stands at {dict(row)}, the mark is {mark}")
        return wrong

    async def _read_tables(self) -> list[str]:
        """The read tables are a fold of the ledger: folded here in memory, held against the rows by PostgreSQL itself.

        The tables are those that the service's migrations make and its projections write.
        """
        folded = self._folded()
        made = {name for file in self._migrations() for name in _TABLE.findall(file)}
        return [wrong for table in sorted(made | folded.keys()) for wrong in await self._table(table, folded)]

    def _migrations(self) -> list[str]:
        return (
            [file.read_text() for file in sorted(self.parts.migrations.glob("*.sql"))] if self.parts.migrations else []
        )

    async def _table(self, table: str, folded: dict[str, Rows]) -> list[str]:
        live, fold = f'{self.service}."{table}"', f'pg_temp."fold of {table}"'
        # Defaults and generated columns are the table's own matter, in the fold as in the rows.
        await self.admin.execute(
            f'drop table if exists {fold}; create temp table "fold of {table}"'
            f" (like {live} including defaults including generated)"
        )
        writable = {row[0] for row in await self.admin.fetch(_WRITABLE, live)}
        by_columns: dict[tuple[str, ...], list[dict[str, Any]]] = {}
        for row in folded.get(table, {}).values():
            if unknown := row.keys() - writable:
                return [f"{table}: the projection writes {sorted(unknown)}, which it does not have"]
            by_columns.setdefault(tuple(row), []).append(row)
        for columns, rows in by_columns.items():
            names = ", ".join(f'"{name}"' for name in columns)
            source = f"jsonb_populate_recordset(null::{live}, $1::text::jsonb)"
            insert = f"insert into {fold} ({names}) select {names} from {source}"
            await self.admin.execute(insert, orjson.dumps(rows, default=str).decode())
        lives, folds = (f"select to_jsonb(t) from {one} t" for one in (live, fold))
        differ = await self.admin.fetch(f"(({lives}) except ({folds})) union all (({folds}) except ({lives}))")
        return [f"{table}: {len(differ)} rows differ from a fold of the ledger, {differ[0][0]}"] if differ else []

    def _folded(self) -> dict[str, Rows]:
        catalogue = Rules(self.parts.decider).catalogue
        own = {f"{self.service}.{stem}": projection for stem, projection in CHANGE_PROJECTIONS.items()}
        projections = {**own, **self.parts.projections}
        tables: dict[str, Rows] = {}
        for seen in self.truth.in_ledger_order():
            if projection := projections.get(seen.type.rpartition(".v")[0]):
                for change in projection(catalogue.parse(seen.type, seen.body["data"]), seen):
                    _apply(tables.setdefault(change.table, {}), seen.tenant, change)
        return tables


def _apply(rows: Rows, tenant: str, change: Change) -> None:
    key = (tenant, *sorted(change.key.items()))
    match change:
        case Put(values=values):
            rows.setdefault(key, {"tenant": tenant, **change.key}).update(values)
        case Add(deltas=deltas):
            row = rows.setdefault(key, {"tenant": tenant, **change.key})
            row.update({name: row.get(name, 0) + delta for name, delta in deltas.items()})
        case Drop():
            rows.pop(key, None)
