"""Queries of funds over its read tables, each bound to the caller's tenant by the database."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import APIRouter, Query, Request
from pydantic import AwareDatetime, Field
from starlette.responses import Response

from libs.adapters.postgres.store import PostgresStore
from libs.calendars.dealing import Side
from libs.edge.auth import CallerOf
from libs.edge.context import Now
from libs.edge.guard import needs
from libs.edge.paging import PageOf, PageQuery, page
from libs.kernel.errors import NotFound
from libs.messages.funds import AssetClass
from libs.messages.values import Code, Currency
from libs.ports import Scope
from services.funds import board, views

_READS = [needs("funds:read")]
_JSON = ("calendar", "tools", "terms")
_UMBRELLA = "select umbrella, name, legal_form, regime, domicile, lei, registered_at, changed_at from umbrellas"
_SUB_FUND = """
select sub_fund, umbrella, code, name, base_currency, asset_class, lei, frequency, calendar::text, tools::text, status,
       reason, registered_at, changed_at
from sub_funds"""
_SHARE_CLASS = """
select share_class, sub_fund, umbrella, isin, name, currency, income, terms::text, status, reason,
       existing_holders_may_subscribe, offer_price, offer_closes_at, offer_minimum_raise, offer_outcome, offer_raised,
       registered_at, changed_at
from share_classes"""


class SubFundQuery(PageQuery):
    """Filters of the list of sub-funds."""

    umbrella: UUID | None = None
    status: views.SubFundStatus | None = None
    base_currency: Currency | None = None
    frequency: views.Frequency | None = None
    asset_class: AssetClass | None = None
    code: Code | None = None


class ShareClassQuery(PageQuery):
    """Filters of the list of share classes."""

    umbrella: UUID | None = None
    sub_fund: UUID | None = None
    currency: Currency | None = None
    status: views.ShareClassStatus | None = None
    income: views.Income | None = None
    isin: str | None = Field(None, pattern="^[A-Z0-9]{12}$")


def routers(store: PostgresStore) -> Sequence[APIRouter]:
    """The queries over the store."""
    return [_umbrellas(store), _sub_funds(store), _share_classes(store)]


def _umbrellas(store: PostgresStore) -> APIRouter:
    router = APIRouter(tags=["umbrellas"], dependencies=_READS)

    @router.get("/umbrellas", response_model=PageOf[views.UmbrellaView])
    async def list_umbrellas(request: Request, query: Annotated[PageQuery, Query()], caller: CallerOf) -> Response:
        """Umbrellas, by name."""
        after = query.after(request, str, UUID)
        rows = await _listed(store, caller.scope, _UMBRELLA, query, ("name", "umbrella"), after)
        return page(request, query, rows, ("name", "umbrella"))

    @router.get("/umbrellas/{umbrella}", response_model=views.UmbrellaView)
    async def read_umbrella(umbrella: UUID, caller: CallerOf) -> Response:
        """One umbrella."""
        return _answer(await one_of(store, caller.scope, f"{_UMBRELLA} where umbrella = $1", "umbrella", umbrella))

    return router


def _sub_funds(store: PostgresStore) -> APIRouter:
    router = APIRouter(tags=["sub-funds"], dependencies=_READS)

    @router.get("/sub-funds", response_model=PageOf[views.SubFundView])
    async def list_sub_funds(request: Request, query: Annotated[SubFundQuery, Query()], caller: CallerOf) -> Response:
        """Sub-funds, by code."""
        after = query.after(request, str, UUID)
        rows = await _listed(store, caller.scope, _SUB_FUND, query, ("code", "sub_fund"), after)
        return page(request, query, rows, ("code", "sub_fund"))

    @router.get("/sub-funds/{sub_fund}", response_model=views.SubFundView)
    async def read_sub_fund(sub_fund: UUID, caller: CallerOf) -> Response:
        """One sub-fund."""
        return _answer(await one_of(store, caller.scope, f"{_SUB_FUND} where sub_fund = $1", "sub_fund", sub_fund))

    @router.get("/sub-funds/{sub_fund}/dealing")
    async def read_dealing_dates(
        sub_fund: UUID, caller: CallerOf, now: Now, received_at: AwareDatetime | None = None, side: Side | None = None
    ) -> views.DealingOf:
        """The dealing, valuation and settlement dates of an order received then, or now (TA-F-2)."""
        row = await one_of(store, caller.scope, f"{_SUB_FUND} where sub_fund = $1", "sub_fund", sub_fund)
        living = f"{_SHARE_CLASS} where sub_fund = $1 and status <> 'closed' order by isin"
        classes = [dict(row) for row in await store.query(caller.scope, living, sub_fund)]
        # Calendars are computed at first use, which takes a moment that others should not wait for.
        return await asyncio.to_thread(board.dealing_of, row, classes, received_at or now, [side] if side else [*Side])

    @router.get("/sub-funds/{sub_fund}/calendar")
    async def read_dealing_days(
        sub_fund: UUID, caller: CallerOf, first: Annotated[date, Query(alias="from")],
        last: Annotated[date, Query(alias="to")],
    ) -> views.DealingDays:  # fmt: skip
        """The dealing days from a day to another, at most 366 days later (TA-F-2)."""
        row = await one_of(store, caller.scope, f"{_SUB_FUND} where sub_fund = $1", "sub_fund", sub_fund)
        return await asyncio.to_thread(board.dealing_days, row, first, last)

    return router


def _share_classes(store: PostgresStore) -> APIRouter:
    router = APIRouter(tags=["share-classes"], dependencies=_READS)

    @router.get("/share-classes", response_model=PageOf[views.ShareClassView])
    async def list_share_classes(
        request: Request, query: Annotated[ShareClassQuery, Query()], caller: CallerOf
    ) -> Response:
        """Share classes, by ISIN."""
        rows = await _listed(store, caller.scope, _SHARE_CLASS, query, ("isin",), query.after(request, str))
        return page(request, query, rows, ("isin",))

    @router.get("/share-classes/{share_class}", response_model=views.ShareClassView)
    async def read_share_class(share_class: UUID, caller: CallerOf) -> Response:
        """One share class."""
        one = f"{_SHARE_CLASS} where share_class = $1"
        return _answer(await one_of(store, caller.scope, one, "share_class", share_class))

    return router


async def one_of(store: PostgresStore, scope: Scope, sql: str, field: str, identity: UUID) -> dict[str, Any]:
    """The one row of a query by id; raises NotFound."""
    rows = await store.query(scope, sql, identity)
    if not rows:
        raise NotFound(f"there is no such {field.replace('_', '-')}", field=field, value=identity)
    return dict(rows[0])


async def _listed(
    store: PostgresStore, scope: Scope, select: str, query: PageQuery, order: Sequence[str], after: Sequence[Any] | None
) -> list[Mapping[str, Any]]:
    """The rows of a page and one more; filters are named as their columns."""
    arguments, conditions = list[Any](), list[str]()
    for column, value in query.filters().items():
        arguments.append(value)
        conditions.append(f"{column} = ${len(arguments)}")
    columns = ", ".join(order)
    if after is not None:
        marks = ", ".join(f"${len(arguments) + position}" for position in range(1, len(after) + 1))
        arguments.extend(after)
        conditions.append(f"({columns}) > ({marks})")
    where = f" where {' and '.join(conditions)}" if conditions else ""
    sql = f"{select}{where} order by {columns} limit {query.limit + 1}"
    return [_shown(dict(row)) for row in await store.query(scope, sql, *arguments)]


def _shown(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row as JSON values; what the database has as JSON goes through as it is."""
    return {name: orjson.Fragment(value) if name in _JSON else value for name, value in row.items()}


def _answer(row: Mapping[str, Any]) -> Response:
    return Response(orjson.dumps(_shown(row), default=str, option=orjson.OPT_UTC_Z), media_type="application/json")
