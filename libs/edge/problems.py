"""Errors over HTTP: RFC 9457 problems with stable types; bad input is 4xx, never 5xx."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from libs.edge.hiding import MOST_SHOWN, hides, personal_of, shown_of, without
from libs.edge.masking import HIDDEN, masked_text
from libs.edge.telemetry import current_trace_id
from libs.kernel.errors import CartularyError

log = structlog.get_logger(__name__)

MEDIA_TYPE = "application/problem+json"
URN = "urn:cartulary:problem:"
RETRY_AFTER_S = 2
_MAX_FINDINGS = 20


class Finding(BaseModel):
    """One field that is not valid: where it is, what was sent (secrets hidden), what is wrong."""

    field: str
    message: str
    value: str | None = None


class Problem(BaseModel):
    """RFC 9457 problem details; `type` is stable and what a program goes by."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(examples=[URN + "invalid-request"])
    title: str
    status: int
    detail: str
    instance: str | None = None
    field: str | None = None
    value: str | None = None
    errors: list[Finding] | None = None
    trace: str | None = None


class BadRequest(CartularyError):
    """The request cannot be read at all."""

    code = "bad-request"
    status = 400
    title = "The request cannot be read"


class MalformedJson(BadRequest):
    """The body is not JSON in UTF-8."""

    code = "malformed-json"
    title = "The body is not JSON"


class DuplicateKey(BadRequest):
    """A JSON object names a key twice: readers would disagree on which one counts."""

    code = "duplicate-key"
    title = "A key stands twice in a JSON object"


class DuplicateParameter(BadRequest):
    """The query names a parameter twice; several values of one are written with commas."""

    code = "duplicate-parameter"
    title = "A parameter stands twice in the query"


class ForbiddenCharacter(BadRequest):
    """A NUL or a lone surrogate, which no store can hold."""

    code = "forbidden-character"
    title = "A text holds a NUL or a lone surrogate"


class TooDeep(BadRequest):
    """The JSON is nested deeper than allowed."""

    code = "too-deep"
    title = "The JSON is nested too deeply"


class BodyTooLarge(CartularyError):
    """The body is larger than allowed."""

    code = "body-too-large"
    status = 413
    title = "The body is too large"


class UnsupportedMedia(CartularyError):
    """The route reads JSON, and the body says that it is something else."""

    code = "unsupported-media-type"
    status = 415
    title = "The body must be application/json"


class InvalidRequest(CartularyError):
    """Fields of the request are not valid; `findings` names each."""

    code = "invalid-request"
    status = 422
    title = "The request is not valid"

    def __init__(self, findings: Sequence[Finding]) -> None:
        first = findings[0]
        super().__init__(f"{first.field}: {first.message}" if len(findings) == 1 else f"{len(findings)} fields")
        self.findings = findings

    def as_problem(self) -> dict[str, object]:
        """The problem with every finding under `errors`."""
        findings = [finding.model_dump(exclude_none=True) for finding in self.findings]
        return {**super().as_problem(), "errors": findings}


_BY_STATUS = {
    404: ("unknown-route", "There is nothing at this address"),
    405: ("method-not-allowed", "The method is not allowed here"),
    413: ("body-too-large", "The body is too large"),
}


def findings_of(
    errors: Sequence[Mapping[str, Any]], prefix: str = "", personal: frozenset[str] = frozenset()
) -> list[Finding]:
    """Pydantic's errors as findings: a dotted place, the value where it is short, no secret and not personal."""
    found = []
    for error in errors[:_MAX_FINDINGS]:
        place = [str(part) for part in ([prefix, *error["loc"]] if prefix else error["loc"])]
        shown, message, given = None, str(error["msg"]), error.get("input")
        if error["type"] != "missing" and isinstance(given, str | int | float | bool):
            hidden = hides(place, error["type"], personal)
            shown = HIDDEN if hidden else masked_text(str(given))[:MOST_SHOWN]
            message = without(given, message) if hidden else message
        found.append(Finding(field=".".join(place), message=message, value=shown))
    return found


def problem_response(
    problem: Mapping[str, object], request: Request | None = None, headers: Mapping[str, str] | None = None
) -> Response:
    """The problem as a response: `instance` is the path asked for, `trace` finds it in the logs."""
    shown = shown_of(problem, personal_of(request))
    if request is not None:
        shown.setdefault("instance", request.url.path)
    if trace := current_trace_id():
        shown.setdefault("trace", trace)
    status = int(str(shown["status"]))
    more = {"Retry-After": str(RETRY_AFTER_S)} if status == 503 else {}
    content = orjson.dumps(shown, default=str)
    return Response(content, status, {**more, **(headers or {}), "Cache-Control": "no-store"}, MEDIA_TYPE)


def plain_problem(code: str, status: int, title: str, detail: str) -> dict[str, object]:
    """A problem without an error behind it."""
    return {"type": URN + code, "title": title, "status": status, "detail": detail}


def internal_problem() -> dict[str, object]:
    """What a caller sees of an error that nobody foresaw: nothing of the inside."""
    return plain_problem("internal-error", 500, "Something went wrong here", "quote `trace` when you ask about it")


def install_problems(app: FastAPI) -> None:
    """Answer every foreseen error of the app with its problem; the others are `Observed`'s."""

    async def named(request: Request, error: Exception) -> Response:
        assert isinstance(error, CartularyError)
        if error.status >= 500:
            reason = shown_of(error.as_problem(), personal_of(request))["detail"]
            log.warning("request_not_served", code=error.code, reason=reason)
        if error.status == 500:
            return problem_response(internal_problem(), request)
        headers: Mapping[str, str] = getattr(error, "headers", {})
        return problem_response(error.as_problem(), request, headers)

    async def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        errors = list(error.errors())
        kind = request.headers.get("content-type", "")
        if any(tuple(e["loc"]) == ("body",) and isinstance(e.get("input"), bytes) for e in errors):
            return await named(request, UnsupportedMedia("send application/json", field="Content-Type", value=kind))
        return await named(request, InvalidRequest(findings_of(errors, personal=personal_of(request))))

    async def by_status(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        code, title = _BY_STATUS.get(error.status_code, ("http-error", "The request was not served"))
        detail = f"{request.method} {request.url.path}" if error.status_code in {404, 405} else str(error.detail)
        return problem_response(plain_problem(code, error.status_code, title, detail), request, error.headers)

    app.add_exception_handler(CartularyError, named)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, by_status)
