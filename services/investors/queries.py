"""Queries of investors over its read tables, bound to tenant and distributor by the database (TA-I-8)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from libs.edge.auth import Caller, CallerOf
from libs.edge.guard import Forbidden, needs
from libs.edge.paging import PageOf, PageQuery, page
from libs.messages.investors import Category, Risk
from libs.messages.values import Code, Country
from services.investors import views
from services.investors.people import PERSONAL, People, Row, may

COLUMNS = ("identity", "address", "contact", "tax_identities", "asked")
INVESTOR = """
select investor, kind, category, reference, distributor, country, identity::text, address::text, contact::text,
       tax::text, tax_identities::text, asked::text, status, screening, rejection, risk, review_due_at, review_overdue,
       open_accounts, retain_until, registered_at, changed_at
from investors"""
_ONE = f"{INVESTOR} where investor = $1 and registered_at is not null"
_HITS = """
select h.round, h.hit, r.hits::text, r.list_version, r.provider, r.found_at, h.outcome, h.reason::text, h.resolved_by,
       h.resolved_at
from screening_hits h join screening_rounds r using (tenant, investor, round)
where h.investor = $1 and (h.round = $2 or h.outcome = 'confirmed') order by h.round desc, h.hit"""
# What a distributor could learn a suspicion from (TA-I-6).
_WITHHELD = ("screening", "rejection", "risk", "review_due_at")
_HITS_COLUMNS = ("hits", "reason")
_FOUND = ("entry", "list_name", "score_percent")


class InvestorQuery(PageQuery):
    """Filters of the list of investors."""

    status: views.InvestorStatus | None = None
    category: Category | None = None
    country: Country | None = None
    risk: Risk | None = None
    screening: views.Screening | None = None
    review_overdue: bool | None = None
    distributor: Code | None = None


def router(people: People) -> APIRouter:
    """`/investors`, to be read."""
    routes = APIRouter(tags=["investors"])

    @routes.get(
        "/investors", response_model=PageOf[views.InvestorView], dependencies=[needs("investors:read")]
    )  # fmt: skip
    async def list_investors(request: Request, query: Annotated[InvestorQuery, Query()], caller: CallerOf) -> Response:
        """Investors, oldest first; `status=in_review` is the work of compliance."""
        may_filter(caller, query.filters())
        order = ("registered_at", "investor")
        rows = await listed(people, caller, INVESTOR, query, order, query.after(request, datetime, UUID))
        return page(request, query, await persons(people, request, caller, rows), order)

    @routes.get(
        "/investors/{investor}", response_model=views.InvestorView, dependencies=[needs("investors:read")]
    )  # fmt: skip
    async def read_investor(request: Request, investor: UUID, caller: CallerOf) -> Response:
        """One investor."""
        row = await person(people, caller, investor)
        return answer((await persons(people, request, caller, [row]))[0])

    @routes.get(
        "/investors/{investor}/screening", response_model=views.ScreeningView, dependencies=[needs("investors:review")]
    )  # fmt: skip
    async def read_screening(request: Request, investor: UUID, caller: CallerOf) -> Response:
        """Where the screening stands, with the hits of the present round and those that were confirmed in any."""
        sql = "select investor, screening, screening_round as round from investors where investor = $1"
        found = await people.one(caller.scope, sql, "investor", investor)
        hits = await people.rows(caller.scope, _HITS, investor, found["round"])
        opens = may(request, caller, PERSONAL)
        shown = await people.shown(caller, hits, _HITS_COLUMNS, opens)
        return answer({**found, "hits": [_numbered(row) for row in shown]})

    return routes


def _numbered(row: Row) -> Row:
    """The hit of this number among those of its round, which are sealed as one."""
    hits = row.pop("hits")
    return {**row, **(dict.fromkeys(_FOUND) if hits is None else hits[row["hit"] - 1])}


async def person(people: People, caller: Caller, investor: UUID) -> Row:
    """An investor's row, kept as it is; raises NotFound."""
    return await people.one(caller.scope, _ONE, "investor", investor)


async def persons(people: People, request: Request, caller: Caller, rows: Sequence[Row]) -> list[Row]:
    """Rows of investors as the caller may see them."""
    shown = await people.shown(caller, rows, COLUMNS, may(request, caller, PERSONAL))
    if caller.distributor is None:
        return shown
    return [{**row, **dict.fromkeys(_WITHHELD)} for row in shown]


def may_filter(caller: Caller, filters: Mapping[str, Any]) -> None:
    """Refuse a distributor a filter that would tell what is withheld from it; raises Forbidden."""
    if caller.distributor is not None and not filters.keys().isdisjoint(_WITHHELD):
        raise Forbidden("investors:review")


async def listed(
    people: People, caller: Caller, select: str, query: PageQuery, order: Sequence[str],
    after: Sequence[Any] | None, *, conditions: Mapping[str, str] | None = None, given: Sequence[Any] = (),
) -> list[Row]:  # fmt: skip
    """The rows of a page and one more; a filter is named as its column, or has a condition with `{}` for its value.

    `given` are values that `select` has places for already.
    """
    arguments, wheres = list(given), [f"{order[0]} is not null"]
    filters = query.filters()
    if "distributor" in type(query).model_fields and caller.distributor is not None:
        # The policy guards the rows; said once more it also finds them by their index.
        filters.setdefault("distributor", caller.distributor)
    for name, value in filters.items():
        arguments.append(value)
        wheres.append((conditions or {}).get(name, f"{name} = {{}}").format(f"${len(arguments)}"))
    columns = ", ".join(order)
    if after is not None:
        marks = ", ".join(f"${len(arguments) + position}" for position in range(1, len(after) + 1))
        arguments.extend(after)
        wheres.append(f"({columns}) > ({marks})")
    sql = f"{select} where {' and '.join(wheres)} order by {columns} limit {query.limit + 1}"
    return await people.rows(caller.scope, sql, *arguments)


def answer(content: Any) -> Response:
    """JSON of rows."""
    # What is personal is kept by nobody on the way.
    headers = {"Cache-Control": "no-store"}
    body = orjson.dumps(content, default=str, option=orjson.OPT_UTC_Z)
    return Response(body, headers=headers, media_type="application/json")
