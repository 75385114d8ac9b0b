"""The verdict: what callers were told and what the database holds, both held against the ledger."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import orjson

from chaos.breakage import decisions_on_bus
from chaos.fleet import NEVER, SERVICE, TENANT, Fleet
from chaos.load import Load, Sent
from chaos.truth import Truth, read_truth
from libs.kernel.keyed import KeyedHashes
from libs.ledger.secrets import MasterSecret
from libs.ports.changes import Add, Change, Drop, Put
from libs.rules.changes import CHANGE_PROJECTIONS
from libs.rules.four_eyes import Rules
from services.funds.app import parts

ASKED_AT_ONCE = 24
MOST_SHOWN = 8


@dataclass
class Verdict:
    """Counts for the table, and every breach as a sentence; `holds` when there is none."""

    commands: int = 0
    committed: int = 0
    refused: int = 0
    events: int = 0
    asked_again: int = 0
    decided_anew: int = 0
    breaches: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Whether everything was as it must be."""
        return not self.breaches

    def __str__(self) -> str:
        counts = (
            f"{self.commands} commands, {self.committed} committed, {self.refused} refused, "
            f"{self.events} events on the ledger, {self.asked_again} keys asked again"
        )
        if self.decided_anew:
            counts += f", {self.decided_anew} not yet on the bus decided anew (W-20)"
        if self.holds:
            return f"{counts}: 0 lost, 0 doubled, 0 without a ledger record; all holds"
        shown = "\n  ".join(self.breaches[:MOST_SHOWN])
        return f"{counts}: {len(self.breaches)} breaches\n  {shown}"


async def judge(fleet: Fleet, load: Load, within_s: float = 60.0, *, schema_was_emptied: bool = False) -> Verdict:
    """Wait until the path is at rest, then check everything against the ledger.

    A decision told with a 202 stands, whatever happens; only an emptied schema takes those that had not reached Kafka
    with it (W-20), and their keys are decided anew.
    """
    verdict = Verdict(commands=len(load.sent))
    admin = await asyncpg.connect(fleet.addresses.postgres)
    try:
        truth = await _at_rest(fleet, admin, verdict, within_s)
        verdict.events = len(truth.events)
        verdict.breaches += truth.found + load.contradictions
        _acknowledged(fleet, load, truth, verdict)
        await _told_before(fleet, load, verdict, schema_was_emptied)
        await _events_rows(admin, truth, verdict)
        await _write_path_tables(admin, truth, verdict)
        await _read_tables(admin, truth, verdict)
    finally:
        await admin.close()
    await _asked_again(load, verdict)
    said = fleet.said()
    verdict.breaches += [f"the log says {name} {said[name]} times" for name in NEVER if said[name]]
    alone = [*fleet.ended_alone, *(name for name, one in fleet.running.items() if one.poll() is not None)]
    verdict.breaches += [f"{name} ended by itself" for name in alone]
    return verdict


async def _at_rest(fleet: Fleet, admin: asyncpg.Connection, verdict: Verdict, within_s: float) -> Truth:
    """The ledger once nothing is under way: no intent waits, and the committer has all that the ledger has."""
    waiting = "the path was not looked at"
    try:
        async with asyncio.timeout(within_s):
            while True:
                truth = await read_truth(fleet.addresses.ledger, fleet.identity)
                waiting = await _under_way(admin, truth)
                if not waiting:
                    return truth
                await asyncio.sleep(0.3)
    except TimeoutError:
        verdict.breaches.append(f"not at rest after {within_s:.0f} s: {waiting}")
        return await read_truth(fleet.addresses.ledger, fleet.identity)


async def _under_way(admin: asyncpg.Connection, truth: Truth) -> str:
    if await admin.fetchval("select to_regclass('funds.positions')") is None:
        return "there is no schema"
    left = await admin.fetchval(f"select count(*) from {SERVICE}.intents")
    if left:
        return f"{left} intents wait for their commit"
    rows = await admin.fetch(f"select lane, sequence from {SERVICE}.positions where consumer = 'commit'")
    have = {row["lane"]: row["sequence"] for row in rows}
    behind = {
        lane: (have.get(lane, 1), following) for lane, following in truth.next.items() if have.get(lane, 1) != following
    }
    return f"the committer is behind, lane: (has, ledger): {behind}" if behind else ""


def _acknowledged(fleet: Fleet, load: Load, truth: Truth, verdict: Verdict) -> None:
    """Invariants 9, 10: what was acknowledged stands on the ledger, once, as it was told; what was refused does not."""
    keyed = KeyedHashes(MasterSecret.load(fleet.home).derive("idempotency"))
    for sent in load.sent:
        name = keyed.command(TENANT, sent.caller, sent.key)
        answer = sent.answer
        if answer is None:
            verdict.breaches.append(f"{sent.key} was never answered")
        elif answer.decision is None:
            verdict.refused += 1
            if name in truth.by_command:
                verdict.breaches.append(f"{sent.key} was refused and took effect all the same")
        else:
            verdict.committed += 1
            decided = truth.decisions.get(answer.decision)
            if decided is None:
                verdict.breaches.append(f"lost: {sent.key} was acknowledged, {answer.decision} is not on the ledger")
            elif (decided.command, sorted(decided.streams)) != (name, sorted(answer.streams)):
                verdict.breaches.append(f"{sent.key} was told {answer}, the ledger has {decided}")


async def _told_before(fleet: Fleet, load: Load, verdict: Verdict, schema_was_emptied: bool) -> None:
    on_bus = await decisions_on_bus(fleet) if schema_was_emptied and load.redecided else set()
    for one in load.redecided:
        if not schema_was_emptied or one.first in on_bus:
            verdict.breaches.append(f"lost: {one.key} was told decision {one.first}, then {one.later}")
    verdict.decided_anew = len(load.redecided)
    load.redecided.clear()


async def _events_rows(admin: asyncpg.Connection, truth: Truth, verdict: Verdict) -> None:
    """Invariants 1, 2: the rows of `events` and `ledger_batches` are the ledger's records, no more, no fewer."""
    rows = {
        (row["lane"], row["sequence"]): row
        for row in await admin.fetch(
            f"select lane, sequence, batch, stream, version, tenant, type, void, body from {SERVICE}.events"
        )
    }
    for place in rows.keys() - truth.events.keys():
        verdict.breaches.append(f"row {place} has no record on the ledger")
    for place in truth.events.keys() - rows.keys():
        verdict.breaches.append(f"record {place} was never committed")
    for place in rows.keys() & truth.events.keys():
        row, seen = rows[place], truth.events[place]
        said = (row["batch"], row["stream"], row["version"], row["tenant"], row["type"], row["body"].encode())
        if said != (seen.place.first, seen.stream, seen.body["version"], seen.tenant, seen.type, seen.raw):
            verdict.breaches.append(f"row {place} differs from its record")
        if row["void"]:
            verdict.breaches.append(f"row {place} is void")
    columns = (
        "lane, first, count, previous_head, head, root, block, block_hash, block_time, transaction, transaction_index"
    )
    for row in await admin.fetch(f"select {columns} from {SERVICE}.ledger_batches"):
        batch = truth.batches.get((row["lane"], row["first"]))
        if batch is None or tuple(row) != tuple(getattr(batch, name) for name in columns.split(", ")):
            verdict.breaches.append(f"batch {row['first']} of lane {row['lane']} is not what the ledger has")


async def _write_path_tables(admin: asyncpg.Connection, truth: Truth, verdict: Verdict) -> None:
    """What the path keeps of streams, keys and lives is what the ledger comes to (W-20, W-21)."""
    streams = await admin.fetch(f"select stream, version, committed from {SERVICE}.streams")
    have = {row["stream"]: (row["version"], row["committed"]) for row in streams}
    if have != {stream: (version, version) for stream, version in truth.versions.items()}:
        verdict.breaches.append("the table streams is not what the ledger's streams come to")
    pending = await admin.fetchval(f"select count(*) from {SERVICE}.pending")
    if pending:
        verdict.breaches.append(f"{pending} pending events are left over")
    keys = await admin.fetch(f"select command, status, decision::text from {SERVICE}.idempotency")
    for row in keys:
        if row["status"] in ("running", "decided"):
            verdict.breaches.append(f"command {row['command']} is still {row['status']}")
        elif row["status"] == "committed" and row["decision"] not in truth.by_command.get(row["command"], ()):
            verdict.breaches.append(f"command {row['command']} is kept as {row['decision']}, the ledger has another")
    missing = truth.by_command.keys() - {row["command"] for row in keys if row["status"] == "committed"}
    # A life's markers are nobody's command: their keys come back with the rebuild only.
    markers = {name for name in missing for one in truth.by_command[name] if truth.decisions[one].seq == 1}
    if missing - markers:
        verdict.breaches.append(f"{len(missing - markers)} commands of the ledger are not kept as committed")
    epoch = await admin.fetchval(f"select epoch from {SERVICE}.life")
    lanes = await admin.fetch(f"select lane, next_seq, settled from {SERVICE}.producer_lanes")
    for row in lanes:
        mark = truth.marks.get((row["lane"], SERVICE))
        if mark is None or (epoch, row["next_seq"] - 1, True) != (mark.epoch, mark.last, row["settled"]):
            verdict.breaches.append(f"lane {row['lane']}: life {epoch} stands at {dict(row)}, the mark is {mark}")


async def _read_tables(admin: asyncpg.Connection, truth: Truth, verdict: Verdict) -> None:
    """The read tables are a fold of the ledger: folded here in memory, held against the rows by PostgreSQL itself."""
    tables = _fold(truth)
    for table in ("umbrellas", "sub_funds", "share_classes", "changes"):
        expected = orjson.dumps(list(tables.get(table, {}).values()), default=str).decode()
        live = f'select to_jsonb(t) from {SERVICE}."{table}" t'
        fold = f'select to_jsonb(w) from jsonb_populate_recordset(null::{SERVICE}."{table}", $1::text::jsonb) w'
        differ = await admin.fetch(f"(({live}) except ({fold})) union all (({fold}) except ({live}))", expected)
        if differ:
            verdict.breaches.append(f"{table}: {len(differ)} rows differ from a fold of the ledger, {differ[0][0]}")


def _fold(truth: Truth) -> dict[str, dict[Any, dict[str, Any]]]:
    funds = parts()
    catalogue = Rules(funds.decider).catalogue
    own = {f"{SERVICE}.{stem}": projection for stem, projection in CHANGE_PROJECTIONS.items()}
    projections = {**own, **funds.projections}
    tables: dict[str, dict[Any, dict[str, Any]]] = {}
    for seen in truth.in_ledger_order():
        if projection := projections.get(seen.type.rpartition(".v")[0]):
            for change in projection(catalogue.parse(seen.type, seen.body["data"]), seen):
                _apply(tables.setdefault(change.table, {}), seen.tenant, change)
    return tables


def _apply(rows: dict[Any, dict[str, Any]], tenant: str, change: Change) -> None:
    key = (tenant, *sorted(change.key.items()))
    match change:
        case Put(values=values):
            rows.setdefault(key, {"tenant": tenant, **change.key}).update(values)
        case Add(deltas=deltas):
            row = rows.setdefault(key, {"tenant": tenant, **change.key})
            row.update({name: row.get(name, 0) + delta for name, delta in deltas.items()})
        case Drop():
            rows.pop(key, None)


async def _asked_again(load: Load, verdict: Verdict) -> None:
    """Invariant 9: every key still gives its first answer."""
    before, turn = len(load.contradictions), asyncio.Semaphore(ASKED_AT_ONCE)

    async def ask(sent: Sent) -> None:
        async with turn:
            await load.again(sent)

    async with load.connected():
        answered = [sent for sent in load.sent if sent.answer is not None]
        await asyncio.gather(*map(ask, answered))
    verdict.asked_again = len(answered)
    verdict.breaches += load.contradictions[before:]
