"""Changes of one sub-fund or share class from a day on: ids and time zone are filled in (TA-F-4)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from starlette.responses import Response

from libs.adapters.postgres.store import PostgresStore
from libs.edge.auth import CallerOf
from libs.edge.changes import propose
from libs.edge.context import Now
from libs.edge.guard import needs
from libs.kernel.errors import InvalidValue
from libs.messages.values import written
from services.funds.domain.calendar import instant
from services.funds.queries import one_of

_FIRST, _LAST = date(2000, 1, 1), date(2199, 12, 31)
_SUB_FUND = "select umbrella, sub_fund, calendar->'cut_off'->>'zone' as zone from sub_funds where sub_fund = $1"
_SHARE_CLASS = """
select c.umbrella, c.sub_fund, c.share_class, s.calendar->'cut_off'->>'zone' as zone
from share_classes c join sub_funds s on s.sub_fund = c.sub_fund where c.share_class = $1
"""


def _in_reach(day: date) -> date:
    if not _FIRST <= day <= _LAST:
        raise ValueError(f"a day between {_FIRST} and {_LAST} expected")
    return day


class DatedProposal(BaseModel):
    """A command under four eyes without the ids that the address has, and the day from which it is to count."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    command: str = Field(pattern="^[A-Z][A-Za-z]{0,63}$", examples=["RenameSubFund"])
    payload: dict[str, Any] = Field({}, examples=[{"name": "Meridian Global Equity"}])
    effective_date: Annotated[date, BeforeValidator(written), AfterValidator(_in_reach)] | None = Field(
        None, description="From the first instant of that day in the time zone of the cut-off; without it, on approval."
    )


def router(store: PostgresStore) -> APIRouter:
    """`/sub-funds/{sub_fund}/changes` and `/share-classes/{share_class}/changes`."""
    routes = APIRouter(tags=["changes"], dependencies=[needs("funds:change")])

    @routes.post("/sub-funds/{sub_fund}/changes")
    async def propose_sub_fund_change(
        request: Request, sub_fund: UUID, body: DatedProposal, caller: CallerOf, now: Now
    ) -> Response:
        """Propose a change of a sub-fund from a day on; `/changes` has its approval."""
        place = await one_of(store, caller.scope, _SUB_FUND, "sub_fund", sub_fund)
        return await propose(request, caller, now, body.command, _payload(body, place), _from(body, place))

    @routes.post("/share-classes/{share_class}/changes")
    async def propose_share_class_change(
        request: Request, share_class: UUID, body: DatedProposal, caller: CallerOf, now: Now
    ) -> Response:
        """Propose a change of a share class from a day on; `/changes` has its approval."""
        place = await one_of(store, caller.scope, _SHARE_CLASS, "share_class", share_class)
        return await propose(request, caller, now, body.command, _payload(body, place), _from(body, place))

    return routes


def _payload(body: DatedProposal, place: Mapping[str, Any]) -> Mapping[str, Any]:
    ids = {name: str(value) for name, value in place.items() if name != "zone"}
    for name in ids.keys() & body.payload.keys():
        raise InvalidValue("the address names it already", field=f"payload.{name}", value=body.payload[name])
    return {**body.payload, **ids}


def _from(body: DatedProposal, place: Mapping[str, Any]) -> datetime | None:
    return None if body.effective_date is None else instant(body.effective_date, time(), place["zone"])
