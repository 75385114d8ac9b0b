"""Four eyes over HTTP: propose a change, approve or reject it as a second person, read changes (TA-F-4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field
from starlette.responses import Response

from libs.edge.auth import Caller, CallerOf
from libs.edge.commands import accept
from libs.edge.context import Now, edge_of
from libs.edge.gateway import ChangeDesk
from libs.edge.guard import Forbidden, may_approve, may_propose, needs
from libs.edge.paging import PageOf, PageQuery, page
from libs.kernel.canonical import check
from libs.kernel.errors import NotFound
from libs.kernel.ids import uuid7
from libs.messages.values import written

ChangeStatus = Literal["proposed", "approved", "applied", "rejected", "expired", "failed"]
_FIRST_YEAR, _LAST_YEAR = 2000, 2200


def _in_reach(moment: datetime) -> datetime:
    if not _FIRST_YEAR <= moment.year < _LAST_YEAR:
        raise ValueError(f"a time between {_FIRST_YEAR} and {_LAST_YEAR} expected")
    return moment.astimezone(UTC)


Moment = Annotated[AwareDatetime, BeforeValidator(written), AfterValidator(_in_reach)]


class Proposal(BaseModel):
    """A command under four eyes, and from when it is to count (on approval without a time)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    command: str = Field(pattern="^[A-Z][A-Za-z]{0,63}$", examples=["ChangeShareClass"])
    payload: dict[str, Any]
    effective_at: Moment | None = None
    expires_at: Moment | None = Field(None, description="Until when it can be approved; without it, for 7 days.")


class Rejection(BaseModel):
    """Why a change is rejected, or withdrawn by its proposer."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reason: str = Field(min_length=1, max_length=500)


class ChangeView(BaseModel):
    """A change as it stands."""

    change: str
    command: str
    payload: dict[str, Any]
    status: ChangeStatus
    proposer: str
    approver: str | None = None
    effective_at: datetime | None = None
    expires_at: datetime
    reason: str | None = None


class ChangeQuery(PageQuery):
    """Filters of the list of changes."""

    status: ChangeStatus | None = None
    command: str | None = Field(None, pattern="^[A-Z][A-Za-z]{0,63}$")


async def propose(
    request: Request,
    caller: Caller,
    now: datetime,
    command: str,
    payload: Mapping[str, Any],
    effective_at: datetime | None,
    expires_at: datetime | None = None,
) -> Response:
    """Propose a command as a change; for routes of a service that know part of it already.

    Raises Forbidden when the caller's role may not propose that command. Whether what it changes is the caller's own
    is for the route to look at, by the caller's scope (TA-I-8).
    """
    may_propose(request, caller, command)
    desk = edge_of(request).desk
    if desk is None:
        raise NotFound("this service has no changes")
    check(payload, "payload")
    proposal = await desk.propose(
        caller.scope, caller.actor, str(uuid7(now)), command, payload, effective_at, now, expires_at
    )
    return await accept(request, proposal, created="/changes/{id}")


def change_routes(desk: ChangeDesk) -> APIRouter:
    """`/changes` of a service."""
    router = APIRouter(prefix="/changes", tags=["changes"])

    @router.post("", dependencies=[needs("changes:propose")])
    async def propose_change(request: Request, body: Proposal, caller: CallerOf, now: Now) -> Response:
        """Propose a command that needs a second person."""
        if caller.distributor is not None:
            # Here nothing says whose accounts the command would change (TA-I-8).
            raise Forbidden("changes:propose", "propose through the address of what it changes")
        return await propose(request, caller, now, body.command, body.payload, body.effective_at, body.expires_at)

    @router.post("/{change}/approve", dependencies=[needs("changes:approve")])
    async def approve_change(request: Request, change: UUID, caller: CallerOf, now: Now) -> Response:
        """Approve a change that somebody else proposed."""
        may_approve(request, caller, (await _seen(desk, caller, change))["command"])
        return await accept(request, await desk.approve(caller.scope, caller.actor, str(change), now))

    @router.post("/{change}/reject", dependencies=[needs("changes:reject")])
    async def reject_change(request: Request, change: UUID, body: Rejection, caller: CallerOf, now: Now) -> Response:
        """Reject a change as one who may approve it, or withdraw one's own."""
        found = await _seen(desk, caller, change)
        if found["proposer"] != caller.actor.sub:
            may_approve(request, caller, found["command"])
        return await accept(request, await desk.reject(caller.scope, caller.actor, str(change), body.reason, now))

    @router.get("", response_model=PageOf[ChangeView], dependencies=[needs("changes:read")])
    async def list_changes(request: Request, query: Annotated[ChangeQuery, Query()], caller: CallerOf) -> Response:
        """Changes, oldest first; a distributor's own ones for a caller bound to it."""
        after = query.after(request, UUID)
        rows = await desk.changes(caller.scope, query.filters(), str(after[0]) if after else None, query.limit + 1)
        return page(request, query, await _shown(request, desk, caller, rows), ("change",))

    @router.get("/{change}", dependencies=[needs("changes:read")])
    async def read_change(request: Request, change: UUID, caller: CallerOf) -> ChangeView:
        """One change."""
        found = await _shown(request, desk, caller, [await _seen(desk, caller, change)])
        return ChangeView.model_validate(found[0])

    return router


async def _seen(desk: ChangeDesk, caller: Caller, change: UUID) -> Mapping[str, Any]:
    found = await desk.change(caller.scope, str(change))
    if found is None:
        raise NotFound("there is no such change", field="change", value=change)
    return found


async def _shown(
    request: Request, desk: ChangeDesk, caller: Caller, changes: Sequence[Mapping[str, Any]]
) -> Sequence[Mapping[str, Any]]:
    """The changes as this caller may see them: personal values stay sealed for who has no permission for them."""
    edge = edge_of(request)
    if edge.permissions.allows(caller.actor.role, f"{edge.service}:personal"):
        changes = await desk.opened(caller.scope, changes)
    # A reason that is sealed still, or erased, is none.
    return [{**row, "reason": said if isinstance(said := row.get("reason"), str) else None} for row in changes]
