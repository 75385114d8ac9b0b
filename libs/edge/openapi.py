"""OpenAPI as the edge behaves: problems, headers and answers of commands, decimals as text."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel

from libs.edge.commands import CommandStatus
from libs.edge.guard import Guarded, guarded
from libs.edge.problems import MEDIA_TYPE, Problem

_MUTATIONS = ("post", "put", "patch", "delete")
_SCHEMAS = "#/components/schemas/"
_PROBLEMS = {
    "400": "The request cannot be read, or its Idempotency-Key is missing.",
    "401": "No valid token.",
    "403": "Not allowed, or a second person is needed.",
    "404": "It does not exist, or it is another tenant's.",
    "409": "Refused in the present state, or the Idempotency-Key was used with another request.",
    "413": "The body or the decision is too large.",
    "415": "The body is not application/json.",
    "422": "Fields are not valid; `errors` names each.",
    "429": "Too many requests: see `Retry-After` and `RateLimit`.",
    "503": "Not now: see `Retry-After`.",
}
_ANSWERS = {
    "200": "Committed: the ledger holds it.",
    "201": "Committed, and something new is at `Location`.",
    "202": "Not committed yet; `Location` tells what becomes of it.",
}
_HEADERS: list[dict[str, Any]] = [
    {
        "name": "Idempotency-Key", "in": "header", "required": True,
        "description": "Names this command: the same key with the same request gives the first answer again.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[\\x21-\\x7e]{1,200}$"},
    },
    {
        "name": "Prefer", "in": "header", "required": False,
        "description": "`wait=N` (0 to 60 s, 10 by default) for the commit, or `respond-async`.",
        "schema": {"type": "string", "examples": ["wait=10", "respond-async"]},
    },
]  # fmt: skip


def install_openapi(app: FastAPI) -> None:
    """Describe the app once, when it is first asked for."""

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
            app.openapi_schema = _permitted(_completed(document), guarded(app) if hasattr(app.state, "edge") else ())
        return app.openapi_schema

    app.openapi = described  # type: ignore[method-assign]


def _completed(document: dict[str, Any]) -> dict[str, Any]:
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for model in (Problem, CommandStatus):
        _add_model(schemas, model)
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    for path, operations in document.get("paths", {}).items():
        for method, operation in operations.items():
            # A search is posted too, and a batch has a key an entry: such routes describe their own answers.
            one_command = operation.pop("x-one-command", True)
            _complete(operation, method in _MUTATIONS, one_command, "{" in path)
    _decimals_as_text(document)
    return document


def _permitted(document: dict[str, Any], routes: Iterable[Guarded]) -> dict[str, Any]:
    """Each operation with the permissions that it needs."""
    for route in routes:
        for method in route.methods:
            operation = document.get("paths", {}).get(route.path, {}).get(method.lower())
            if operation is not None:
                operation["x-permissions"] = sorted(route.needs)
    return document


def _add_model(schemas: dict[str, Any], model: type[BaseModel]) -> None:
    schema = model.model_json_schema(ref_template=_SCHEMAS + "{model}")
    schemas.update(schema.pop("$defs", {}))
    schemas[model.__name__] = schema


def _complete(operation: dict[str, Any], mutates: bool, one_command: bool, has_parameters: bool) -> None:
    responses = operation["responses"]
    content = {MEDIA_TYPE: {"schema": {"$ref": _SCHEMAS + "Problem"}}}
    for status, description in _PROBLEMS.items():
        if mutates or status in {"400", "401", "403", "422", "429", "503"} or (status == "404" and has_parameters):
            responses[status] = {"description": description, "content": content}
    if mutates and one_command:
        operation.setdefault("parameters", []).extend(_HEADERS)
        answer = {"application/json": {"schema": {"$ref": _SCHEMAS + "CommandStatus"}}}
        for status, description in _ANSWERS.items():
            responses[status] = {"description": description, "content": answer}


def _decimals_as_text(node: Any) -> None:
    """Pydantic says `number or string` of a Decimal; this edge takes an integer or text, no float (invariant 7)."""
    if isinstance(node, list):
        for inner in node:
            _decimals_as_text(inner)
    elif isinstance(node, dict):
        choices = [choice for choice in node.get("anyOf", ()) if isinstance(choice, dict)]
        if {"number", "string"} <= {choice.get("type") for choice in choices}:
            forms = {"number": {"type": "integer"}, "string": {"format": "decimal"}}
            node["anyOf"] = [{**choice, **forms.get(str(choice.get("type")), {})} for choice in choices]
        for inner in node.values():
            _decimals_as_text(inner)
