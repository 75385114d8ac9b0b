"""Runs and payloads: how decisions travel from a service to the ledger (docs/payload-format.md).

A run is consecutive whole decisions of one service and lane. The service signs its bytes once; they stand verbatim in
the intents topic and in the ledger's payload, so that the chain shows which service decided what.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
import zstandard

from libs.kernel.canonical import MAX_INTEGER, canonical
from libs.kernel.envelope import Actor, Decision, EventEntry
from libs.kernel.errors import CartularyError, InvalidValue
from libs.kernel.ids import attestation_id

RUN_VERSION = 1
PAYLOAD_VERSION = 1
SIGNATURE_BYTES = 64
SIGNED_PREFIX = b"cartulary.run.v1"
MAX_PAYLOAD_BYTES = 32 * 1024 * 1024
MAX_RUN_BYTES = 8 * 1024 * 1024
MAX_DECISION_EVENTS = 1_000
_ZSTD_LEVEL = 3
_MEMBERS = {"v", "service", "lane", "epoch", "first", "tenants", "actors", "types", "decisions"}
_ACTOR = ("sub", "role", "onBehalfOf")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z")


class MalformedRun(CartularyError):
    """Bytes that claim to be a run or a payload and are not (W-13)."""

    code = "malformed-run"


@dataclass(frozen=True, slots=True)
class Run:
    """A decoded run: decisions `first` … `last` of a producer's life, as the wire's rows.

    `decisions` rows are [id, time, tenant index, actor index, causation, correlation or None for the decision's own id,
    command, request, [[type index, stream, version, data], …]].
    """

    service: str
    lane: int
    epoch: int
    first: int
    tenants: list[str]
    actors: list[dict[str, Any]]
    types: list[str]
    rows: list[list[Any]]

    @property
    def last(self) -> int:
        """The seq of the run's last decision."""
        return self.first + len(self.rows) - 1

    @property
    def events(self) -> int:
        """How many events the run holds."""
        return sum(len(row[8]) for row in self.rows)


def encode_run(service: str, lane: int, epoch: int, first: int, decisions: Sequence[Decision]) -> bytes:
    """The bytes of a run; the same decisions give the same bytes."""
    tenants: dict[str, int] = {}
    actors: dict[Actor, int] = {}
    types: dict[str, int] = {}
    rows = [
        [
            d.id,
            d.time,
            tenants.setdefault(d.tenant, len(tenants)),
            actors.setdefault(d.actor, len(actors)),
            d.causation,
            None if d.correlation == d.id else d.correlation,
            d.command,
            d.request,
            [[types.setdefault(e.type, len(types)), e.stream, e.version, e.data] for e in d.events],
        ]
        for d in decisions
    ]
    return canonical(
        {
            "v": RUN_VERSION,
            "service": service,
            "lane": lane,
            "epoch": epoch,
            "first": first,
            "tenants": list(tenants),
            "actors": [actor.wire() for actor in actors],
            "types": list(types),
            "decisions": rows,
        }
    )


def signed_message(genesis_head: bytes, blob: bytes) -> bytes:
    """What the service signs: the lane's genesis head binds chain, contract and lane."""
    return SIGNED_PREFIX + genesis_head + blob


def decode_run(blob: bytes) -> Run:
    """The run in these bytes; raises MalformedRun for anything else."""
    if len(blob) > MAX_RUN_BYTES:
        raise MalformedRun(f"a run has at most {MAX_RUN_BYTES} bytes", field="run", value=len(blob))
    try:
        wire = orjson.loads(blob)
        if wire["v"] != RUN_VERSION:
            raise MalformedRun("unknown version of a run", field="v", value=wire["v"])
        if wire.keys() != _MEMBERS or canonical(wire) != blob:
            raise MalformedRun("a run is canonical JSON of its own members", field="run")
        run = Run(
            wire["service"], wire["lane"], wire["epoch"], wire["first"],
            wire["tenants"], wire["actors"], wire["types"], wire["decisions"],
        )  # fmt: skip
        _check_shape(run)
    except (AttributeError, KeyError, TypeError, IndexError, ValueError, InvalidValue) as error:
        raise MalformedRun(f"not a run: {error!r}", field="run") from error
    return run


def _check_shape(run: Run) -> None:
    """Everything that `records` and `decisions` rely on, so that neither can fail on what was decoded."""
    numbers = (run.lane, run.epoch, run.first)
    if not all(type(n) is int and 0 <= n <= MAX_INTEGER for n in numbers) or run.first < 1 or run.epoch < 1:
        raise MalformedRun("lane, epoch or first out of range", field="run", value=numbers)
    if type(run.service) is not str or not run.service:
        raise MalformedRun("a run names its service", field="service", value=run.service)
    if not all(type(table) is list and table for table in (run.tenants, run.actors, run.types, run.rows)):
        raise MalformedRun("a run lists its tenants, actors, types and decisions", field="run")
    if not all(type(t) is str for t in (*run.tenants, *run.types)):
        raise MalformedRun("tenants and types are text", field="run")
    for wire in run.actors:
        sub, role, for_whom, bound_to = (*(wire[name] for name in _ACTOR), wire.get("distributor", ""))
        whole = len(wire) == len(_ACTOR) + ("distributor" in wire)
        if not whole or not all(type(text) is str for text in (sub, role, bound_to)) or not _is_text(for_whom):
            raise MalformedRun("an actor is {sub, role, onBehalfOf}, and distributor where it has one", field="actors")
    for row in run.rows:
        _check_decision(run, row)


def _check_decision(run: Run, row: list[Any]) -> None:
    decision, time, tenant, actor, causation, correlation, command, request, events = row
    if type(events) is not list or not 0 < len(events) <= MAX_DECISION_EVENTS:
        raise MalformedRun(f"a decision has 1 to {MAX_DECISION_EVENTS} events", field="decisions", value=decision)
    if not _UUID.fullmatch(decision) or not _TIME.fullmatch(time):
        raise MalformedRun("a decision has a UUID and a UTC time with microseconds", field="decisions", value=decision)
    datetime.fromisoformat(time)
    texts = type(command) is str and type(request) is str and _is_text(causation) and _is_text(correlation)
    if not texts or not _is_index(tenant, run.tenants) or not _is_index(actor, run.actors):
        raise MalformedRun("a decision's row is out of shape", field="decisions", value=decision)
    for kind, stream, version, data in events:
        shaped = _is_index(kind, run.types) and type(stream) is str and type(data) is dict
        if not shaped or type(version) is not int or not 0 < version <= MAX_INTEGER:
            raise MalformedRun("an event is [type, stream, version, data]", field="events", value=decision)
        _check_plain(data)


def _is_text(value: Any) -> bool:
    return value is None or type(value) is str


def _is_index(value: Any, table: list[Any]) -> bool:
    return type(value) is int and 0 <= value < len(table)


def _check_plain(value: dict[str, Any] | list[Any]) -> None:
    """What `kernel.canonical.check` checks, at a fifth of the time: every reader does it to every event."""
    if isinstance(value, dict) and not "".join(value).isascii():
        raise MalformedRun("a key must be ASCII text", field="data")
    inner: Any
    for inner in value.values() if isinstance(value, dict) else value:
        kind = type(inner)
        if kind is dict or kind is list:
            _check_plain(inner)
        elif kind is float or (kind is int and not -MAX_INTEGER <= inner <= MAX_INTEGER):
            raise MalformedRun("a number in an event is an integer below 2^53", field="data", value=inner)


def bodies(run: Run) -> list[bytes]:
    """The canonical body of every event of the run, in ledger order: what is hashed, without what is parsed.

    Put together from parts encoded once a run or once a decision; `records` has the same bodies as dictionaries.
    """
    return _rebuilt(run)[0]


def _rebuilt(run: Run) -> tuple[list[bytes], list[str]]:
    out, ids = list[bytes](), list[str]()
    dumps, sort = orjson.dumps, orjson.OPT_SORT_KEYS
    tenants, types = [dumps(one) for one in run.tenants], [dumps(one) for one in run.types]
    actors = [dumps(one, option=sort) for one in run.actors]
    service = dumps(run.service)
    for seq, row in enumerate(run.rows, start=run.first):
        decision_id, time, tenant, actor, causation, correlation, command, request, events = row
        raw_id, identity = bytes.fromhex(decision_id.replace("-", "")), dumps(decision_id)
        known = identity if correlation is None else dumps(correlation)
        head = b'{"actor":%b,"causation":%b,"command":%b,"correlation":%b,"data":' % (
            actors[actor], dumps(causation), dumps(command), known,
        )  # fmt: skip
        count = b',"decision":{"count":%d,"id":%b,"index":' % (len(events), identity)
        producer = b'"producer":{"epoch":%d,"seq":%d,"service":%b},"request":%b,"stream":' % (
            run.epoch, seq, service, dumps(request),
        )  # fmt: skip
        tail = b',"tenant":%b,"time":%b,"type":' % (tenants[tenant], dumps(time))
        for index, (kind, stream, version, data) in enumerate(events):
            ids.append(attestation_id(raw_id, index))
            out.append(
                b'%b%b%b%d},"id":"%b",%b%b%b%b,"version":%d}'
                % (
                    head, dumps(data, option=sort), count, index, ids[-1].encode(), producer,
                    dumps(stream), tail, types[kind], version,
                )
            )  # fmt: skip
    return out, ids


def records(run: Run) -> list[tuple[bytes, dict[str, Any]]]:
    """Every event of the run as (canonical body, body), in ledger order."""
    raws, ids = _rebuilt(run)
    out: list[tuple[bytes, dict[str, Any]]] = []
    for seq, row in enumerate(run.rows, start=run.first):
        decision_id, time, tenant, actor, causation, correlation, command, request, events = row
        producer = {"epoch": run.epoch, "seq": seq, "service": run.service}
        for index, (kind, stream, version, data) in enumerate(events):
            at = len(out)
            body = {
                "actor": run.actors[actor],
                "causation": causation,
                "command": command,
                "correlation": correlation or decision_id,
                "data": data,
                "decision": {"count": len(events), "id": decision_id, "index": index},
                "id": ids[at],
                "producer": producer,
                "request": request,
                "stream": stream,
                "tenant": run.tenants[tenant],
                "time": time,
                "type": run.types[kind],
                "version": version,
            }
            out.append((raws[at], body))
    return out


def decisions(run: Run) -> list[Decision]:
    """The decisions of a run, as the service stored them (without traces)."""
    return [
        Decision(
            row[0], row[1], run.tenants[row[2]], Actor.parse(run.actors[row[3]]), row[4], row[5] or row[0], row[6],
            row[7], tuple(EventEntry(run.types[k], stream, version, data) for k, stream, version, data in row[8]),
        )
        for row in run.rows
    ]  # fmt: skip


def encode_payload(sealed_runs: Iterable[bytes]) -> bytes:
    """The ledger's payload: a version byte, then zstd of length-prefixed sealed runs (signature ‖ run)."""
    framed = b"".join(part for run in sealed_runs for part in (len(run).to_bytes(4, "big"), run))
    return bytes([PAYLOAD_VERSION]) + zstandard.ZstdCompressor(level=_ZSTD_LEVEL).compress(framed)


def decode_payload(payload: bytes) -> list[bytes]:
    """The sealed runs of a payload; decompression is bounded; raises MalformedRun."""
    if not payload or payload[0] != PAYLOAD_VERSION:
        raise MalformedRun("unknown version of a payload", field="payload", value=payload[:1].hex())
    try:
        size = zstandard.frame_content_size(payload[1:])
        if not 0 < size <= MAX_PAYLOAD_BYTES:
            raise MalformedRun(f"a payload expands to at most {MAX_PAYLOAD_BYTES} bytes", field="payload", value=size)
        framed = zstandard.ZstdDecompressor().decompress(
            payload[1:], max_output_size=MAX_PAYLOAD_BYTES, allow_extra_data=False
        )
    except zstandard.ZstdError as error:
        raise MalformedRun(f"a payload is not zstd: {error}", field="payload") from error
    runs, at = [], 0
    while at < len(framed):
        length = int.from_bytes(framed[at : at + 4], "big")
        at += 4
        if length <= SIGNATURE_BYTES or at + length > len(framed):
            raise MalformedRun("a payload is cut off", field="payload", value=at)
        runs.append(framed[at : at + length])
        at += length
    return runs


def split_sealed(sealed: bytes) -> tuple[bytes, bytes]:
    """Signature and run of a sealed run; raises MalformedRun when it is too short."""
    if len(sealed) <= SIGNATURE_BYTES:
        raise MalformedRun("a sealed run is cut off", field="run", value=len(sealed))
    return sealed[:SIGNATURE_BYTES], sealed[SIGNATURE_BYTES:]
