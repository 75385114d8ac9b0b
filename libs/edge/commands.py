"""Commands over HTTP: Idempotency-Key, Prefer, the committed answer or a status address (W-1)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Annotated, Any, NamedTuple, TypeVar

import orjson
from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, ValidationError
from starlette.responses import Response

from libs.edge.auth import Caller, CallerOf, authenticated
from libs.edge.body import json_of
from libs.edge.context import edge_of
from libs.edge.gateway import CommandGateway
from libs.edge.guard import needs
from libs.edge.hiding import personal_of, shown_of
from libs.edge.problems import BadRequest, InvalidRequest, Problem, findings_of, problem_response
from libs.edge.telemetry import current_traceparent
from libs.kernel.canonical import canonical
from libs.kernel.decider import Command
from libs.kernel.errors import NotFound
from libs.ports import Outcome, Status

MAX_WAIT_S = 60
_KEY = re.compile(r"[\x21-\x7e]{1,200}")
_WAIT = re.compile(r"wait=\"?(\d{1,6})\"?")

Kind = TypeVar("Kind", bound=Command)


class IdempotencyKeyInvalid(BadRequest):
    """A mutation without an `Idempotency-Key`, or with one that is not of its form (invariant 9)."""

    code = "idempotency-key-invalid"
    title = "An Idempotency-Key is needed"


class StreamVersion(BaseModel):
    """A stream and its version after the command."""

    stream: str
    version: int


class CommandStatus(BaseModel):
    """What became of a command: `committed` when the ledger holds it; `problem` says why one was refused."""

    command: str
    status: Status
    decision: str | None
    streams: list[StreamVersion]
    problem: Problem | None = None


class Preference(NamedTuple):
    """How long the caller waits for the commit, in seconds, and which of its preferences that came from."""

    wait_s: float
    waits: str | None = None
    responds_async: bool = False

    def applied(self, finished: bool) -> dict[str, str]:
        """The `Preference-Applied` header (RFC 7240)."""
        async_part = "respond-async" if self.responds_async and not finished else None
        names = ", ".join(filter(None, (async_part, self.waits)))
        return {"Preference-Applied": names} if names else {}


def preference(request: Request, default_wait_s: float) -> Preference:
    """What `Prefer` asks for: `wait=N` (0 to 60 s), `respond-async`; the rest is ignored (RFC 7240)."""
    asked = [part.strip().lower() for line in request.headers.getlist("prefer") for part in re.split("[,;]", line)]
    waits = next((found for part in asked if (found := _WAIT.fullmatch(part))), None)
    responds_async = "respond-async" in asked
    if waits is None:
        return Preference(0 if responds_async else default_wait_s, None, responds_async)
    wait_s = min(int(waits[1]), MAX_WAIT_S)
    return Preference(wait_s, f"wait={wait_s}", responds_async)


def idempotency_key(request: Request) -> str:
    """The one `Idempotency-Key`, 1 to 200 visible ASCII characters; raises IdempotencyKeyInvalid."""
    given = request.headers.getlist("idempotency-key")
    if len(given) != 1 or not is_idempotency_key(given[0]):
        raise IdempotencyKeyInvalid(
            "send one header `Idempotency-Key` of 1 to 200 visible ASCII characters", field="Idempotency-Key"
        )
    return given[0]


def is_idempotency_key(text: str) -> bool:
    """Whether it is one: 1 to 200 visible ASCII characters."""
    return _KEY.fullmatch(text) is not None


def command_from(kind: type[Kind], body: BaseModel | Mapping[str, Any] | None = None, /, **more: Any) -> Kind:
    """The command of a body and what the route adds; raises InvalidRequest naming each wrong field."""
    fields = dict(body) if body is not None else {}
    try:
        return kind.model_validate({**fields, **more})
    except ValidationError as error:
        found = [dict(finding) for finding in error.errors()]
        raise InvalidRequest(findings_of(found, "body", kind.personal)) from (None if kind.personal else error)


async def accept(
    request: Request, command: Command, *, created: str | None = None, correlation: str | None = None
) -> Response:
    """Send a command on its way: 200 (201 with `created`) when committed in time, else 202.

    `created` is the path of what it makes, `{id}` in it standing for the id of the decision's first stream;
    a 202 has a status address.
    A refusal is answered with its problem; raises what the gateway raises, and IdempotencyKeyInvalid.
    """
    edge, caller, key = edge_of(request), await authenticated(request), idempotency_key(request)
    gateway, wanted = gateway_of(request), preference(request, edge.settings.default_wait_s)
    outcome = await gateway.submit(
        command,
        caller.tenant,
        caller.actor,
        key,
        await _request_bytes(request),
        current_traceparent(),
        correlation,
    )
    name = gateway.command_hash(caller.tenant, caller.actor, key)
    if outcome.status in {"running", "decided"} and wanted.wait_s > 0:
        outcome = await gateway.settled(caller.tenant, name, wanted.wait_s) or outcome
    return _answer(request, name, outcome, wanted, created)


def _answer(request: Request, name: str, outcome: Outcome, wanted: Preference, created: str | None) -> Response:
    status_address = f"{root_of(request)}/commands/{name}"
    if outcome.status == "refused":
        problem = outcome.problem or {}
        return problem_response(problem, request, {"Link": f'<{status_address}>; rel="status"'})
    finished = outcome.status == "committed"
    headers = wanted.applied(finished)
    if not finished:
        headers |= {"Location": status_address, "Retry-After": "1"}
    elif created is not None and outcome.streams:
        identity = outcome.streams[0][0].rpartition("/")[2]
        headers["Location"] = root_of(request) + created.replace("{id}", identity)
    status = 202 if not finished else 201 if created is not None else 200
    return _shown(request, name, outcome, status, headers)


def _shown(request: Request, name: str, outcome: Outcome, status: int, headers: Mapping[str, str]) -> Response:
    content: dict[str, Any] = {
        "command": name,
        "status": outcome.status,
        "decision": outcome.decision,
        "streams": [{"stream": stream, "version": version} for stream, version in outcome.streams],
    }
    if outcome.problem is not None:
        content["problem"] = shown_of(outcome.problem, personal_of(request))
    more = {**headers, "Cache-Control": "no-store"}
    return Response(orjson.dumps(content, default=str), status, more, "application/json")


async def _request_bytes(request: Request) -> bytes:
    """What makes two requests the same: method, path, query and body, whatever the body's white space."""
    body = json_of(request)
    raw = await request.body() if body is None else b""
    query = sorted(request.query_params.multi_items())
    return request_bytes(request.method, request.url.path, query, body, raw)


def request_bytes(method: str, path: str, query: list[tuple[str, str]], body: Any, raw: bytes = b"") -> bytes:
    """What makes two requests the same; `raw` is the body where it is no JSON."""
    return canonical([method, path, query, body, hashlib.sha256(raw).hexdigest()])


def gateway_of(request: Request) -> CommandGateway:
    """The service's gateway; raises NotFound where there is none."""
    gateway = edge_of(request).gateway
    if gateway is None:
        raise NotFound("this service takes no commands")
    return gateway


def root_of(request: Request) -> str:
    """The path that the service is mounted under, without a slash at its end."""
    return str(request.scope.get("root_path", "")).rstrip("/")


def status_routes() -> APIRouter:
    """`GET /commands/{command}`: what became of a command of one's tenant; `Prefer: wait=N` waits."""
    router = APIRouter(tags=["commands"])

    @router.get("/commands/{command}", response_model=CommandStatus, dependencies=[needs("commands:read")])
    async def command_status(
        request: Request, caller: CallerOf, command: Annotated[str, Path(pattern="^[0-9a-f]{16,64}$")]
    ) -> Response:
        """What became of a command: running, decided, committed, or refused with its problem."""
        return await _status(request, caller, command)

    return router


async def _status(request: Request, caller: Caller, command: str) -> Response:
    gateway, wanted = gateway_of(request), preference(request, 0)
    outcome = await gateway.outcome(caller.tenant, command)
    if outcome is None:
        raise NotFound("there is no such command", field="command", value=command)
    if outcome.status in {"running", "decided"} and wanted.wait_s > 0:
        outcome = await gateway.settled(caller.tenant, command, wanted.wait_s) or outcome
    return _shown(request, command, outcome, 200, wanted.applied(True))
