"""Queries of bank accounts, registered accounts and distributors (TA-I-5, TA-I-6, TA-I-8)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from libs.edge.auth import CallerOf
from libs.edge.guard import needs
from libs.edge.paging import PageOf, PageQuery, page
from libs.messages.investors import AccountKind
from libs.messages.values import Code
from services.investors import views
from services.investors.people import PERSONAL, People, may
from services.investors.queries import answer, listed

BANK_ACCOUNT = """
select bank_account, investor, country, currency, details::text, name_match, match_percent, status, evidence, added_at,
       changed_at
from bank_accounts"""
ACCOUNT = """
select account, investor, reference, kind,
       (select json_agg(h.investor order by h.position)::text from account_holders h where h.account = accounts.account)
           as holders,
       signatures, distributor, reinvest, payout_account,
       (select coalesce(json_agg(distinct b.scope), '[]')::text from account_blocks b
        where b.account = accounts.account and b.lifted_at is null) as blocked,
       status, opened_at, changed_at
from accounts"""
_INTRODUCED = "investor in (select i.investor from investors i where i.distributor = {})"
_HELD = "account in (select h.account from account_holders h where h.investor = {})"
_BLOCKS = """
select block, scope, ground::text, blocked_at, lifted_at, lift_reason::text from account_blocks where account = $1
order by blocked_at, block"""
_DISTRIBUTOR = "select id as distributor, code, name, country, lei, ended, registered_at, changed_at from distributors"


class BankAccountQuery(PageQuery):
    """Filters of the list of bank accounts; `distributor` introduced the investor."""

    distributor: Code | None = None
    investor: UUID | None = None
    status: views.BankAccountStatus | None = None


class AccountQuery(PageQuery):
    """Filters of the list of accounts; `holder` is any of its holders."""

    distributor: Code | None = None
    status: views.AccountStatus | None = None
    holder: UUID | None = None
    reference: str | None = None
    kind: AccountKind | None = None


class DistributorQuery(PageQuery):
    """Filters of the list of distributors."""

    ended: bool | None = None


def bank_account_router(people: People) -> APIRouter:
    """`/bank-accounts`."""
    routes = APIRouter(tags=["bank-accounts"], dependencies=[needs("investors:read")])

    @routes.get("/bank-accounts", response_model=PageOf[views.BankAccountView])
    async def list_bank_accounts(
        request: Request, query: Annotated[BankAccountQuery, Query()], caller: CallerOf
    ) -> Response:
        """Bank accounts, oldest first."""
        order = ("added_at", "bank_account")
        after, conditions = query.after(request, datetime, UUID), {"distributor": _INTRODUCED}
        rows = await listed(people, caller, BANK_ACCOUNT, query, order, after, conditions=conditions)
        return page(
            request, query, await people.shown(caller, rows, ["details"], may(request, caller, PERSONAL)), order
        )

    @routes.get("/bank-accounts/{bank_account}", response_model=views.BankAccountView)
    async def read_bank_account(request: Request, bank_account: UUID, caller: CallerOf) -> Response:
        """One bank account."""
        one = f"{BANK_ACCOUNT} where bank_account = $1"
        row = await people.one(caller.scope, one, "bank_account", bank_account)
        return answer((await people.shown(caller, [row], ["details"], may(request, caller, PERSONAL)))[0])

    return routes


def account_router(people: People) -> APIRouter:
    """`/accounts`."""
    routes = APIRouter(tags=["accounts"], dependencies=[needs("accounts:read")])

    @routes.get("/accounts", response_model=PageOf[views.AccountView])
    async def list_accounts(request: Request, query: Annotated[AccountQuery, Query()], caller: CallerOf) -> Response:
        """Registered accounts, by reference."""
        order, after = ("reference", "account"), query.after(request, str, UUID)
        rows = await listed(people, caller, ACCOUNT, query, order, after, conditions={"holder": _HELD})
        return page(request, query, rows, order)

    @routes.get("/accounts/{account}", response_model=views.AccountView)
    async def read_account(account: UUID, caller: CallerOf) -> Response:
        """One registered account."""
        return answer(await people.one(caller.scope, f"{ACCOUNT} where account = $1", "account", account))

    @routes.get("/accounts/{account}/blocks")
    async def read_blocks(request: Request, account: UUID, caller: CallerOf) -> list[views.BlockView]:
        """The blocks of an account; the grounds are for who may block, never for a distributor (TA-I-6)."""
        await people.one(caller.scope, "select account from accounts where account = $1", "account", account)
        rows = await people.rows(caller.scope, _BLOCKS, account)
        opens = may(request, caller, PERSONAL) and may(request, caller, "accounts:block") and caller.distributor is None
        shown = await people.shown(caller, rows, ["ground", "lift_reason"], opens)
        return [views.BlockView.model_validate(row) for row in shown]

    return routes


def distributor_router(people: People) -> APIRouter:
    """`/distributors`; a distributor sees itself."""
    routes = APIRouter(tags=["distributors"], dependencies=[needs("distributors:read")])

    @routes.get("/distributors", response_model=PageOf[views.DistributorView])
    async def list_distributors(
        request: Request, query: Annotated[DistributorQuery, Query()], caller: CallerOf
    ) -> Response:
        """Distributors, by code."""
        rows = await listed(people, caller, _DISTRIBUTOR, query, ("code",), query.after(request, str))
        return page(request, query, rows, ("code",))

    @routes.get("/distributors/{code}", response_model=views.DistributorView)
    async def read_distributor(code: Code, caller: CallerOf) -> Response:
        """One distributor, by its code."""
        return answer(await people.one(caller.scope, f"{_DISTRIBUTOR} where code = $1", "distributor", code))

    return routes
