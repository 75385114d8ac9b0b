"""Many commands in one request: each is decided, committed and answered by itself (W-1).

The body is `{"entries": [{"key": "…", "body": {…}}, …]}`: an entry's `key` is its Idempotency-Key, its `body` what a
request of its own would hold. An entry is the very same request as that one: a key that was used there gives the
answer from there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from datetime import datetime
from typing import Any, Literal, NamedTuple, TypeVar
from uuid import UUID

import orjson
import structlog
from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.responses import Response

from libs.edge.auth import authenticated
from libs.edge.body import json_of
from libs.edge.commands import (
    Preference,
    StreamVersion,
    gateway_of,
    is_idempotency_key,
    preference,
    request_bytes,
    root_of,
)
from libs.edge.context import edge_of
from libs.edge.hiding import shown_of
from libs.edge.problems import (
    Finding,
    InvalidRequest,
    Problem,
    UnsupportedMedia,
    findings_of,
    internal_problem,
)
from libs.edge.telemetry import current_traceparent
from libs.kernel.decider import Command
from libs.kernel.errors import CartularyError
from libs.ports import Outcome

log = structlog.get_logger(__name__)

MAX_ENTRIES = 500
# For entries of 4 kB: what create_app's `larger_bodies` gives the path of a batch.
MAX_BODY_BYTES = MAX_ENTRIES * 4_000
_AT_A_STRETCH = 16
_NO_FIELD = "there is no such field"
_ENTRY_FIELDS = frozenset({"key", "body"})
_UNSETTLED = frozenset({"running", "decided"})

Body = TypeVar("Body", bound=BaseModel)
# The command of an entry's body at a time; raises CartularyError, InvalidRequest for its shape.
CommandOf = Callable[[Mapping[str, Any], datetime], Command]


class BatchEntry(BaseModel):
    """One command: its Idempotency-Key, and the body that a request of its own would have."""

    model_config = ConfigDict(extra="forbid")

    key: str = Field(pattern=r"^[\x21-\x7e]{1,200}$")
    body: dict[str, Any]


class Batch(BaseModel):
    """Entries that are decided in their order where they touch the same thing, and else at once."""

    model_config = ConfigDict(extra="forbid")

    entries: list[BatchEntry] = Field(min_length=1, max_length=MAX_ENTRIES)


class EntryResult(BaseModel):
    """What became of an entry.

    `refused` says so for good with its `problem`; `failed` was not decided now and may be sent again with its key.
    `repeated` when an earlier request had decided it.
    """

    key: str | None
    status: Literal["running", "decided", "committed", "refused", "failed"]
    command: str | None = None
    decision: str | None = None
    streams: list[StreamVersion] = []
    repeated: bool = False
    problem: Problem | None = None


class BatchResult(BaseModel):
    """The entries' results in the order of the entries."""

    results: list[EntryResult]


class _Sent(NamedTuple):
    key: str
    name: str
    command: Command
    request: bytes


def checked_body(kind: type[Body], body: Mapping[str, Any], personal: frozenset[str] = frozenset()) -> Body:
    """An entry's body as a model; raises InvalidRequest naming each wrong field as a route of its own would."""
    try:
        return kind.model_validate(body)
    except ValidationError as error:
        found = [dict(finding) for finding in error.errors()]
        raise InvalidRequest(findings_of(found, "body", personal)) from (None if personal else error)


def batch_openapi(body: type[BaseModel]) -> dict[str, Any]:
    """`openapi_extra` of a route that takes a batch of these bodies: the edge reads the body itself."""
    batch, entry, own = Batch.model_json_schema(), BatchEntry.model_json_schema(), body.model_json_schema()
    entry["properties"]["body"] = {name: part for name, part in own.items() if name != "$defs"}
    batch["properties"]["entries"]["items"] = {"anyOf": [entry, {"description": "Refused, in its own result."}]}
    batch["$defs"] = own.get("$defs", {})
    return {
        "x-one-command": False,
        "requestBody": {"required": True, "content": {"application/json": {"schema": _inlined(batch)}}},
    }


async def accept_batch(request: Request, single: str, command_of: CommandOf) -> Response:
    """Decide every entry, wait for the commits as `Prefer` says, answer in order.

    `single` is the path of the route that takes one such body. 200 when every entry has its final answer, else 202:
    the same batch sent again gives the answers of then. Raises InvalidRequest, UnsupportedMedia for what is no batch;
    what is wrong with one entry is in its result.
    """
    edge, caller, gateway = edge_of(request), await authenticated(request), gateway_of(request)
    wanted, now = preference(request, edge.settings.default_wait_s), edge.clock.now()
    path, trace = root_of(request) + single, current_traceparent()

    def named(key: str) -> str:
        return gateway.command_hash(caller.tenant, caller.actor, key)

    async def decided(entry: Any) -> dict[str, Any]:
        key = entry.get("key") if isinstance(entry, dict) else None
        name = None
        try:
            sent = _sent(entry, path, command_of, now, named)
            name = sent.name
            outcome = await gateway.submit(sent.command, caller.tenant, caller.actor, sent.key, sent.request, trace)
            if outcome.status in _UNSETTLED and wanted.wait_s > 0:
                outcome = await gateway.settled(caller.tenant, sent.name, wanted.wait_s) or outcome
        except CartularyError as error:
            return _problem(key, name, error, edge.personal)
        except Exception:
            # One entry that nobody foresaw hurts no other; what it holds stays out of the log.
            log.exception("batch_entry_failed")
            return _undecided(key, "failed", internal_problem())
        return _result(sent, outcome, now, edge.personal)

    return _answer(await _in_order(decided, _entries(request)), wanted)


async def _in_order(
    decided: Callable[[Any], Coroutine[Any, Any, dict[str, Any]]], entries: list[Any]
) -> list[dict[str, Any]]:
    """All at once, in their order: each has put its command into its lane's queue before the next begins."""
    tasks: list[asyncio.Task[dict[str, Any]]] = []
    async with asyncio.TaskGroup() as group:
        for position, entry in enumerate(entries, 1):
            tasks.append(group.create_task(decided(entry)))
            if position % _AT_A_STRETCH == 0:
                # Who sent a single command meanwhile waits for a stretch, not for the whole batch.
                await asyncio.sleep(0)
    return [task.result() for task in tasks]


def _entries(request: Request) -> list[Any]:
    batch = json_of(request)
    if batch is None:
        kind = request.headers.get("content-type", "")
        raise UnsupportedMedia("send application/json", field="Content-Type", value=kind)
    if not isinstance(batch, dict):
        raise InvalidRequest([Finding(field="body", message="an object with a list named entries is expected")])
    findings = [Finding(field=f"body.{name}"[:100], message=_NO_FIELD) for name in batch.keys() - {"entries"}]
    entries: Any = batch.get("entries")
    if not isinstance(entries, list) or not 1 <= len(entries) <= MAX_ENTRIES:
        findings.append(Finding(field="body.entries", message=f"a list of 1 to {MAX_ENTRIES} entries is expected"))
    if findings:
        raise InvalidRequest(findings)
    found: list[Any] = entries
    return found


def _sent(entry: Any, path: str, command_of: CommandOf, now: datetime, name_of: Callable[[str], str]) -> _Sent:
    if not isinstance(entry, dict):
        raise InvalidRequest([Finding(field="entry", message="an object with key and body is expected")])
    findings = [Finding(field=name[:100], message=_NO_FIELD) for name in entry.keys() - _ENTRY_FIELDS]
    key: Any = entry.get("key")
    body: Any = entry.get("body")
    if not isinstance(key, str) or not is_idempotency_key(key):
        findings.append(Finding(field="key", message="1 to 200 visible ASCII characters are expected"))
    if not isinstance(body, dict):
        findings.append(Finding(field="body", message="an object is expected"))
    if findings:
        raise InvalidRequest(findings)
    return _Sent(key, name_of(key), command_of(body, now), request_bytes("POST", path, [], body))


def _result(sent: _Sent, outcome: Outcome, now: datetime, personal: frozenset[str]) -> dict[str, Any]:
    result: dict[str, Any] = {
        "key": sent.key,
        "status": outcome.status,
        "command": sent.name,
        "decision": outcome.decision,
        "streams": [{"stream": stream, "version": version} for stream, version in outcome.streams],
        "repeated": outcome.status != "refused" and not _decided_at(outcome.decision, now),
    }
    if outcome.problem is not None:
        result["problem"] = shown_of(outcome.problem, personal)
    return result


def _decided_at(decision: str | None, now: datetime) -> bool:
    """Whether the decision was made by this request: its id, a UUIDv7, has the time of the command."""
    return decision is not None and UUID(decision).int >> 80 == int(now.timestamp() * 1000)


def _problem(key: Any, name: str | None, error: CartularyError, personal: frozenset[str]) -> dict[str, Any]:
    status = "failed" if error.status >= 500 else "refused"
    problem = internal_problem() if error.status == 500 else error.as_problem()
    return _undecided(key, status, shown_of(problem, personal)) | {"command": name}


def _undecided(key: Any, status: str, problem: Mapping[str, object]) -> dict[str, Any]:
    """The result of an entry of which nothing was decided, in the form of all results."""
    known = key if isinstance(key, str) and is_idempotency_key(key) else None
    nothing: dict[str, Any] = {"command": None, "decision": None, "streams": [], "repeated": False}
    return {"key": known, "status": status, **nothing, "problem": dict(problem)}


def _answer(results: list[dict[str, Any]], wanted: Preference) -> Response:
    finished = not any(result["status"] in _UNSETTLED for result in results)
    headers = {**wanted.applied(finished), "Cache-Control": "no-store"}
    if not finished:
        headers["Retry-After"] = "1"
    content = orjson.dumps({"results": results}, default=str)
    return Response(content, 200 if finished else 202, headers, "application/json")


def _inlined(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema with its definitions in their places: an operation's own schema has no `$defs` to point into."""
    definitions: dict[str, Any] = schema.get("$defs", {})

    def inside(node: Any) -> Any:
        if isinstance(node, list):
            return [inside(inner) for inner in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            return inside(definitions[node["$ref"].rpartition("/")[2]])
        return {name: inside(inner) for name, inner in node.items() if name not in {"$defs", "discriminator"}}

    found: dict[str, Any] = inside(schema)
    return found
