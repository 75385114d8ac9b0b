"""What must hold once a simulated fleet is at rest, checked against the ledger alone (architecture.md)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from decimal import Decimal
from itertools import groupby
from typing import Any

from libs.edge.path import Keys, ServicePath
from libs.kernel.envelope import AttestedEvent, BatchPlace
from libs.ledger import abi
from libs.ledger.opening import ProducerKeys, open_batch
from libs.runtime import life
from libs.testkit.sample.bells import LOUD_FROM
from libs.testkit.sim.clock import SimClock
from libs.testkit.sim.fleet import TENANT, Fleet
from libs.testkit.sim.people import check_personal
from libs.testkit.sim.schema import SimSchema
from libs.testkit.sim.store import SimStore

Found = list[str]


async def check(fleet: Fleet) -> None:
    """Raise AssertionError with every breach."""
    lanes = [list(_lane(fleet, lane)) for lane in range(fleet.lanes)]
    events = [event for lane in lanes for event in lane]
    found: Found = [f"the schema refused: {what}" for what in fleet.world.violations]
    for lane in lanes:
        _whole(lane, found)
    _streams(events, found)
    _commands(fleet, events, found)
    _committed(fleet, events, found)
    _reactions(events, found)
    _due(events, found)
    _tables(fleet, events, found)
    check_personal(fleet, events, found)
    for service in fleet.parts:
        await _replayed(fleet, service, found)
    assert not found, "\n".join(found)


def _lane(fleet: Fleet, lane: int) -> Iterator[AttestedEvent]:
    """Invariant 4: the lane's events, every head and root and signature computed again; raises BadBatch."""
    chain = fleet.chain
    keys = ProducerKeys(key for block in chain.blocks for key in block.keys)
    head, following = fleet.heads[lane], 1
    for block in (one.block for one in chain.blocks):
        for mined in block.transactions:
            batch = mined.batch
            if batch is None or batch.lane != lane:
                continue
            call = abi.decode_attest(mined.calldata)
            place = BatchPlace(
                lane, batch.first, batch.count, head, batch.head, batch.root, block.number, block.hash, block.time,
                mined.hash, batch.transaction_index,
            )  # fmt: skip
            assert batch.first == following, f"lane {lane} goes on at {batch.first}, {following} was next"
            yield from open_batch(place, call.payload, call=call, keys=keys, genesis_head=fleet.heads[lane])
            head, following = batch.head, batch.first + batch.count
    assert (following, head) == chain.state.lanes[lane]


def _whole(lane: list[AttestedEvent], found: Found) -> None:
    """Invariant 12 and W-9: decisions whole and once, numbered without a gap in each life."""
    marks: dict[str, tuple[int, int]] = {}
    seen: set[str] = set()
    for decision, group in groupby(lane, key=lambda event: str(event.body["decision"]["id"])):
        events = list(group)
        places = [event.body["decision"]["index"] for event in events]
        if decision in seen:
            found.append(f"decision {decision} stands twice")
        if places != list(range(events[0].body["decision"]["count"])):
            found.append(f"decision {decision} is not whole: {places}")
        seen.add(decision)
        producer = events[0].body["producer"]
        epoch, last = marks.get(producer["service"], (0, 0))
        if (producer["epoch"], producer["seq"]) != (epoch, last + 1) and not (
            producer["epoch"] > epoch and producer["seq"] == 1
        ):
            found.append(f"{producer} does not continue {epoch}/{last}")
        marks[producer["service"]] = (producer["epoch"], producer["seq"])


def _streams(events: list[AttestedEvent], found: Found) -> None:
    """Invariant 3, W-23: versions contiguous from 1 in ledger order, time never back."""
    versions: Counter[str] = Counter()
    times: dict[str, str] = {}
    for event in events:
        if event.stream.endswith("/epoch"):
            continue  # two lives in a row may give their markers the same version; the later is void (W-21)
        versions[event.stream] += 1
        if event.body["version"] != versions[event.stream]:
            found.append(f"{event.stream} has {event.body['version']} where {versions[event.stream]} belongs")
        if event.body["time"] < times.get(event.stream, ""):
            found.append(f"time goes back in {event.stream}")
        times[event.stream] = event.body["time"]


def _commands(fleet: Fleet, events: list[AttestedEvent], found: Found) -> None:
    """Invariants 9 and 10: each key took effect at most once, and what was acknowledged stands."""
    decisions: dict[str, set[str]] = defaultdict(set)
    for event in events:
        decisions[event.body["command"]].add(event.body["decision"]["id"])
    found.extend(f"command {name} took effect {len(ids)} times" for name, ids in decisions.items() if len(ids) > 1)
    known = {one for ids in decisions.values() for one in ids}
    for sent in fleet.sent:
        name, outcome = fleet.keyed.command(TENANT, sent.sub, sent.key), sent.outcome
        if outcome is None:
            found.append(f"{sent.key} was never answered")
        elif outcome.status == "committed" and outcome.decision is not None and outcome.decision not in known:
            found.append(f"{sent.key} was acknowledged and is not on the ledger ({outcome.decision})")
        elif outcome.status == "refused" and name in decisions:
            found.append(f"{sent.key} was refused and took effect all the same")
        elif name in decisions:
            kept = fleet.schemas[sent.service].tables.outcomes.get((TENANT, name))
            if kept is None or kept.status != "committed" or kept.decision not in decisions[name]:
                found.append(f"{sent.key} is kept as {kept}, the ledger has {decisions[name]}")


def _committed(fleet: Fleet, events: list[AttestedEvent], found: Found) -> None:
    """Invariants 1 and 2: a service has committed exactly what the ledger holds of it."""
    for service, schema in fleet.schemas.items():
        on_ledger = {(e.place.lane, e.sequence): e.raw for e in events if e.service == service}
        committed = {place: seen.raw for place, (seen, _) in schema.tables.events.items()}
        if on_ledger != committed:
            missing, extra = on_ledger.keys() - committed.keys(), committed.keys() - on_ledger.keys()
            found.append(f"{service} lacks {sorted(missing)}, has too many {sorted(extra)}")
        void = [seen for seen, is_void in schema.tables.events.values() if is_void]
        found.extend(f"{service} {e.type} {e.id} is void" for e in void if not e.stream.endswith("/epoch"))


def _reactions(events: list[AttestedEvent], found: Found) -> None:
    """Invariant 10, W-18: a loud deposit rang each of two bells once, or its refusal is recorded."""
    caused: Counter[str] = Counter()
    for event in events:
        if event.type.startswith(("bells.BellRung.", "bells.RingBellRefused.")):
            caused[str(event.body["causation"])] += 1
    for event in events:
        loud = event.type.startswith("tills.Deposited.") and Decimal(event.body["data"]["amount"]) >= LOUD_FROM
        if caused[event.id] != (2 if loud else 0):
            found.append(f"{event.type} {event.id} caused {caused[event.id]} rings")


def _due(events: list[AttestedEvent], found: Found) -> None:
    """W-25: every till was counted once, or closed before."""
    by_till: dict[str, Counter[str]] = defaultdict(Counter)
    for event in events:
        if event.service == "tills":
            by_till[event.stream][event.type.split(".")[1]] += 1
    for stream, kinds in by_till.items():
        if kinds["TillOpened"] and kinds["TillCounted"] > 1:
            found.append(f"{stream} was counted {kinds['TillCounted']} times")
        if kinds["TillOpened"] and not kinds["TillCounted"] and not kinds["TillShut"]:
            found.append(f"{stream} was never counted")


def _tables(fleet: Fleet, events: list[AttestedEvent], found: Found) -> None:
    """The read tables are what the events come to."""
    totals: dict[str, Decimal] = defaultdict(Decimal)
    labels: dict[str, str] = {}
    for event in events:
        data, kind = event.body["data"], event.type.split(".")[1]
        if kind in {"Deposited", "Withdrawn"}:
            totals[data["till"]] += Decimal(data["amount"]) * (1 if kind == "Deposited" else -1)
        elif kind == "TillOpened":
            labels[data["till"]] = data["label"]
    rows: dict[str, dict[str, Any]] = {
        row["till"]: row for row in fleet.schemas["tills"].tables.read.get("tills", {}).values()
    }
    if {till: row["balance"] for till, row in rows.items()} != {till: totals[till] for till in labels}:
        found.append(f"balances {rows} are not {dict(totals)}")
    if any(balance < 0 for balance in totals.values()):
        found.append(f"a till was overdrawn: {dict(totals)}")
    held = [name for name, holders in fleet.schemas["tills"].tables.claims.items() if len(holders) > 1]
    found.extend(f"claim {name} is held more than once" for name in held)


async def _replayed(fleet: Fleet, service: str, found: Found) -> None:
    """Invariants 5 and 13, W-20: a schema rebuilt from the ledger alone has the same digest."""
    node = fleet.world.node(f"replay of {service}")
    schema = SimSchema(fleet.world, service, fleet.lanes)
    store, ledger, clock = SimStore(schema, node), fleet.chain.ledger(node), SimClock(node)
    bus = fleet.broker.bus(node)
    path = ServicePath(fleet.parts[service], store, bus, ledger, clock, Keys(fleet.keyed, lambda _lane, run: run))
    await life.rebuild(store, path.committer, bus, ledger, clock)
    live, replayed = fleet.schemas[service].digest(), schema.digest()
    if live != replayed:
        ours, theirs = fleet.schemas[service].state(), schema.state()
        found.extend(f"{service} {part} differs after a replay" for part in ours if ours[part] != theirs[part])
