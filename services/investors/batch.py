"""HTTP of many registrations in one request (TA-I-1); an import sends its rows so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar

from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.responses import Response

from libs.edge.auth import Caller, CallerOf
from libs.edge.batches import BatchResult, accept_batch, batch_openapi, checked_body
from libs.edge.context import edge_of
from libs.edge.guard import needs
from libs.kernel.decider import Command

PATH = "/investors/batch"
Registration = TypeVar("Registration", bound=BaseModel)


def router(body: type[Registration], command_of: Callable[[Registration, Caller, datetime], Command]) -> APIRouter:
    """`POST /investors/batch`; `body` and `command_of` are those of `POST /investors`, so that both mean the same."""
    routes = APIRouter(tags=["investors"])

    @routes.post(
        PATH,
        responses={200: {"model": BatchResult}, 202: {"model": BatchResult}},
        openapi_extra=batch_openapi(body),
        dependencies=[needs("investors:register")],
    )
    async def register_investors(request: Request, caller: CallerOf) -> Response:
        """Register up to 500 investors: each entry is decided and answered by itself."""
        personal = edge_of(request).personal

        def command(raw: Mapping[str, Any], now: datetime) -> Command:
            return command_of(checked_body(body, raw, personal), caller, now)

        return await accept_batch(request, "/investors", command)

    return routes
