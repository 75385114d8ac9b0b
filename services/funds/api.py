"""HTTP of funds: requests become commands, queries read the read tables."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import APIRouter, Request
from pydantic import create_model
from starlette.responses import Response

from libs.adapters.postgres.store import PostgresStore
from libs.edge.commands import accept, command_from
from libs.edge.context import Now
from libs.kernel.ids import uuid7
from services.funds.domain.umbrella import RegisterUmbrella

UmbrellaBody = create_model("UmbrellaBody", **{n: (f.annotation, f) for n, f in RegisterUmbrella.model_fields.items() if n not in ("now", "umbrella")})


def routers(store: PostgresStore) -> Sequence[APIRouter]:
    """The routes of funds over its store."""
    router = APIRouter(tags=["umbrellas"])

    @router.post("/umbrellas")
    async def register_umbrella(request: Request, body: UmbrellaBody, now: Now) -> Response:
        """Register an umbrella fund."""
        command = command_from(RegisterUmbrella, body, umbrella=uuid7(now), now=now)
        return await accept(request, command, created="/umbrellas/{id}")

    return [router]
