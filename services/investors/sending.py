"""Requests as commands: what the address, the caller and the clock add to a body."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from libs.edge.auth import Caller
from libs.edge.commands import accept, command_from
from services.investors.domain.commands import InvestorCommand
from services.investors.people import People

# A caller that derives ids from names of its own can repeat a request for ever: what is there already stays.
OwnId = Annotated[UUID | None, Field(description="The id it shall have; without one it gets a new one.")]
_FIRST_HOLDER = "select investor from accounts where account = $1"


class Body(BaseModel):
    """A request's body: no field beside the named ones, and no error shows what it holds."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


def facts_of(body: BaseModel, **ids: Any) -> dict[str, Any]:
    """What a body says, with the ids that the address has or the route gives."""
    return {**dict(body), **ids}


async def send(
    request: Request, caller: Caller, now: datetime, kind: type[InvestorCommand], facts: Mapping[str, Any],
    created: str | None = None,
) -> Response:  # fmt: skip
    """Send a command on an investor or on what is its own, in the name of the caller's distributor (TA-I-8)."""
    command = command_from(kind, facts, placed_by=caller.distributor, now=now)
    return await accept(request, command, created=created)


async def first_holder(people: People, caller: Caller, account: UUID) -> UUID:
    """The investor whose lane an account lies in; raises NotFound, for another distributor's account too (TA-I-8)."""
    found: UUID = (await people.one(caller.scope, _FIRST_HOLDER, "account", account))["investor"]
    return found
