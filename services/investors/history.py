"""The file of a person as the ledger has it: its events, by whom, and where they are attested."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from libs.edge.auth import Caller, CallerOf
from libs.edge.guard import needs
from libs.edge.paging import PageOf, PageQuery, page
from libs.kernel.streams import stream_name
from libs.rules.records import change_stream
from services.investors import views
from services.investors.domain.commands import SERVICE
from services.investors.people import People, Row
from services.investors.queries import person

_STREAMS = """
select 'account' as aggregate, account as id from accounts where investor = $1
union all select 'bank_account', bank_account from bank_accounts where investor = $1
"""
_CHANGES = "select change::text from changes where key = $1"
# All of one key lie in one lane, so that its sequence is their order.
_EVENTS = """
select e.type, e.body::jsonb ->> 'time' as time, e.stream, e.version, e.body::jsonb #>> '{actor,role}' as role,
       e.body::jsonb #>> '{actor,sub}' as sub, e.lane, e.sequence, b.block
from events e join ledger_batches b on b.lane = e.lane and b.first = e.batch
where e.stream = any($1::text[]) and not e.void and ($2::bigint is null or e.sequence > $2)
  and split_part(e.type, '.', 2) <> all ($3::text[])
  and ($3::text[] = '{}' or split_part(e.type, '.', 2) not like '%Refused')
order by e.sequence limit $4
"""
# What would tell a person, or its distributor, of a suspicion (TA-I-6).
TELLING = (
    "ScreeningRequested", "ScreeningRecorded", "ScreeningUnavailable", "HitResolved", "MoreInformationRequested",
    "AccountBlocked", "AccountUnblocked", "InvestorRejected",
)  # fmt: skip
# Besides, what a distributor has no part in: whose papers those are, and for whom, would tell it as much.
WITHHELD = (*TELLING, "DocumentFiled", "PersonalDataExported")


def router(people: People) -> APIRouter:
    """`/investors/{investor}/history`."""
    routes = APIRouter(tags=["investors"])

    @routes.get(
        "/investors/{investor}/history", response_model=PageOf[views.EventView],
        dependencies=[needs("investors:read")],
    )  # fmt: skip
    async def read_history(
        request: Request, investor: UUID, query: Annotated[PageQuery, Query()], caller: CallerOf
    ) -> Response:
        """The events of a person's file in their order, each with its place on the ledger."""
        after = query.after(request, int)
        rows = await events(people, caller, investor, after[0] if after else None, query.limit + 1)
        return page(request, query, rows, ("sequence",))

    return routes


async def events(
    people: People, caller: Caller, investor: UUID, after: int | None, limit: int, *, telling: bool = True
) -> list[Row]:
    """The events of an investor's key past a sequence; raises NotFound.

    Those that tell of a suspicion are left out for a distributor, and without `telling`; with them the versions, by
    whose gaps they could be counted.
    """
    await person(people, caller, investor)
    own: list[str] = [stream_name(SERVICE, investor, "investor", investor)]
    things = await people.rows(caller.scope, _STREAMS, investor)
    own += [stream_name(SERVICE, investor, row["aggregate"], row["id"]) for row in things]
    changes = await people.rows(caller.scope, _CHANGES, str(investor))
    own += [change_stream(SERVICE, str(investor), row["change"]) for row in changes]
    hidden = list(WITHHELD if caller.distributor is not None else () if telling else TELLING)
    rows = await people.rows(caller.scope, _EVENTS, own, after, hidden, limit)
    return [{**row, "version": None} for row in rows] if hidden else rows
