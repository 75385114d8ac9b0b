"""The services' databases held against the ledger, row by row, in one snapshot each (role `_verify`).

The rows of a batch are read by their (lane, sequence) range as its batch is walked: the two are merged as they stream
by. What lies past a service's commit position is not committed yet, and no lie.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import asyncpg

from libs.kernel.envelope import AttestedEvent, BatchPlace
from libs.kernel.errors import CartularyError
from libs.ledger.opening import Lie
from libs.ledger.verify.lane import Known
from libs.ledger.verify.report import Found

_EVENTS = """
select sequence, batch, stream, version, tenant, type, body, void from events
where lane = $1 and sequence >= $2 and sequence < $3 order by sequence
"""
_BATCH_COLUMNS = (
    "first", "count", "previous_head", "head", "root", "block", "block_hash", "block_time", "transaction",
    "transaction_index",
)  # fmt: skip
_BATCHES = f"""
select {", ".join(_BATCH_COLUMNS)} from ledger_batches where lane = $1 and first >= $2 and first < $3 order by first
"""
_BEYOND = """
select lane, sequence from events where lane = $1 and (sequence < 1 or sequence >= $2)
union all
select lane, first from ledger_batches where lane = $1 and (first < 1 or first >= $2)
order by 2 limit 1
"""
_NO_LANE = """
select lane, sequence from events where lane < 0 or lane >= $1
union all
select lane, first from ledger_batches where lane < 0 or lane >= $1
order by 1, 2 limit 1
"""
_COMMIT = "select lane, sequence, head from positions where consumer = 'commit'"


class DatabaseUnreachable(CartularyError):
    """The database did not answer, or refused the role that reads it."""

    code = "database-unreachable"


class Database(NamedTuple):
    """Where a service's rows are, and the password of its `_verify` role; `snapshot` is the one that all share."""

    dsn: str
    service: str
    password: str
    snapshot: str = ""
    # The next sequence number to commit, by lane.
    committed: Mapping[int, int] = {}


@dataclass(slots=True)
class Rows:
    """What the rows of one batch came to: by service the rows there and the records not committed yet."""

    rows: dict[str, int] = field(default_factory=dict)
    waiting: dict[str, int] = field(default_factory=dict)
    # (service, sequence) of rows that say that they are void: the walk knows which ones are.
    void: list[tuple[str, int]] = field(default_factory=list)
    lies: list[Found] = field(default_factory=list)


class RowReader:
    """One service's rows in one snapshot: the first one to open makes the snapshot, the others share it."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.heads: dict[int, tuple[int, bytes]] = {}
        self._connection: asyncpg.Connection[asyncpg.Record] | None = None

    async def open(self) -> None:
        """Connect and enter the snapshot; raises DatabaseUnreachable."""
        dsn, service, password, snapshot, _ = self.database
        try:
            self._connection = connection = await asyncpg.connect(
                dsn, user=f"{service}_verify", password=password, server_settings={"search_path": service}
            )
            await connection.execute("begin isolation level repeatable read, read only")
            if snapshot:
                await connection.execute(f"set transaction snapshot '{snapshot}'")
            else:
                rows = await connection.fetch(_COMMIT)
                self.heads = {row["lane"]: (row["sequence"], row["head"]) for row in rows}
                snapshot = await connection.fetchval("select pg_export_snapshot()")
                committed = {lane: sequence for lane, (sequence, _) in self.heads.items()}
                self.database = Database(dsn, service, password, snapshot, committed)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise DatabaseUnreachable(f"the database of {service} did not answer: {error}", field="service") from error

    async def close(self) -> None:
        """End the snapshot."""
        if self._connection is not None:
            await self._connection.close()
            self._connection = None

    def known(self, lane: int) -> list[Known]:
        """What the service's commit position says of a lane's history."""
        if lane not in self.heads:
            return []
        sequence, head = self.heads[lane]
        return [Known(sequence, head, f"the database of {self.database.service}", Lie.FORKED_HISTORY)]

    async def hold(self, place: BatchPlace, events: Sequence[AttestedEvent], rows: Rows) -> None:
        """Hold the service's rows of this batch against its events."""
        service, due = self.database.service, self.database.committed.get(place.lane, 1)
        own = {event.sequence: event for event in events if event.service == service}
        found = await self._fetch(_EVENTS, place.lane, place.first, place.first + place.count)
        for row in found:
            event = own.pop(row["sequence"], None)
            if event is None:
                rows.lies.append(_lie(Lie.ROW_WITHOUT_RECORD, event_at(place.lane, row["sequence"]), service))
            elif differing := _differs(row, event):
                rows.lies.append(
                    _lie(Lie.ALTERED_ROW, event_at(place.lane, row["sequence"]), service, f", column {differing}")
                )
            if row["void"]:
                rows.void.append((service, row["sequence"]))
        taken = [sequence for sequence in own if sequence < due]
        rows.lies.extend(_lie(Lie.RECORD_WITHOUT_ROW, event_at(place.lane, sequence), service) for sequence in taken)
        rows.rows[service], rows.waiting[service] = len(found), len(own) - len(taken)
        is_due = place.first < due and any(event.service == service for event in events)
        await self._hold_batch(place, is_due, rows)

    async def _hold_batch(self, place: BatchPlace, is_due: bool, rows: Rows) -> None:
        found = await self._fetch(_BATCHES, place.lane, place.first, place.first + place.count)
        service, standing = self.database.service, False
        for row in found:
            where = ("batch", place.lane, row["first"])
            if row["first"] != place.first:
                rows.lies.append(_lie(Lie.ROW_WITHOUT_RECORD, where, service))
                continue
            standing = True
            if differing := [column for column in _BATCH_COLUMNS if row[column] != getattr(place, column)]:
                rows.lies.append(_lie(Lie.ALTERED_ROW, where, service, f", column {differing[0]}"))
        if is_due and not standing:
            rows.lies.append(_lie(Lie.RECORD_WITHOUT_ROW, ("batch", place.lane, place.first), service))

    async def beyond(self, lane: int, end: int) -> Found | None:
        """The first row of the lane that lies outside its history."""
        rows = await self._fetch(_BEYOND, lane, end)
        return self._outside(rows)

    async def nowhere(self, lanes: int) -> Found | None:
        """The first row in a lane that does not exist."""
        return self._outside(await self._fetch(_NO_LANE, lanes))

    def _outside(self, rows: Sequence[asyncpg.Record]) -> Found | None:
        if not rows:
            return None
        where = event_at(rows[0]["lane"], rows[0]["sequence"])
        return _lie(Lie.ROW_WITHOUT_RECORD, where, self.database.service, " and perhaps more behind it")

    async def _fetch(self, query: str, *arguments: int) -> Sequence[asyncpg.Record]:
        if self._connection is None:
            raise DatabaseUnreachable("the database was not opened", field="service")
        try:
            return await self._connection.fetch(query, *arguments)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise DatabaseUnreachable(f"the database of {self.database.service} is gone: {error}") from error


async def open_rows(dsn: str, passwords: Mapping[str, str]) -> tuple[list[RowReader], list[str]]:
    """A reader for each service (name → password of its `_verify` role), and the names of those without a schema.

    `dsn` is the administrator's: it only looks which schemas there are. Raises DatabaseUnreachable.
    """
    try:
        admin = await asyncpg.connect(dsn)
        try:
            query = "select array_agg(s) from unnest($1::text[]) as s where to_regclass(s || '.events') is not null"
            there = set(await admin.fetchval(query, list(passwords)) or ())
        finally:
            await admin.close()
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise DatabaseUnreachable(f"the database did not answer: {error}") from error
    readers: list[RowReader] = []
    try:
        for service in sorted(there):
            readers.append(RowReader(Database(dsn, service, passwords[service])))
            await readers[-1].open()
    except BaseException:
        for reader in readers:
            await reader.close()
        raise
    return readers, sorted(set(passwords) - there)


def event_at(lane: int, sequence: int) -> tuple[str, int, int]:
    """Where an event's row is."""
    return ("event", lane, sequence)


def _lie(kind: Lie, where: tuple[str, int, int], service: str, more: str = "") -> Found:
    what, lane, sequence = where
    return Found(kind, lane, sequence, f"{what} {sequence} of lane {lane} in the database of {service}{more}", service)


def _differs(row: asyncpg.Record, event: AttestedEvent) -> str:
    """The first column that is not the event's; `void` is the walk's to compare."""
    if row["body"] != event.raw.decode():
        return "body"
    if row["batch"] != event.place.first:
        return "batch"
    return next((name for name in ("stream", "version", "tenant", "type") if row[name] != event.body[name]), "")
