"""HTTP of funds: requests become commands; what needs a second person is proposed as a change (TA-F-4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from libs.adapters.postgres.store import PostgresStore
from libs.edge.auth import CallerOf
from libs.edge.commands import accept, command_from
from libs.edge.context import Now
from libs.edge.guard import needs
from libs.kernel.ids import uuid7
from libs.messages.fund_values import DealingCalendar, LiquidityTools, ShareClassTerms
from libs.messages.funds import AssetClass
from libs.messages.values import Code, Country, Currency, Isin, Lei, Name
from services.funds import changes, queries
from services.funds.domain.share_class import DraftShareClass
from services.funds.domain.sub_fund import RegisterSubFund
from services.funds.domain.umbrella import RegisterUmbrella

# A caller that derives ids from names of its own can repeat a request for ever: what is there already stays.
OwnId = Annotated[UUID | None, Field(description="The id it shall have; without one it gets a new one.")]


class Body(BaseModel):
    """A request's body: no field beside the named ones."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class UmbrellaBody(Body):
    """An umbrella fund to register."""

    umbrella: OwnId = None
    name: Name
    legal_form: Literal["sicav", "fcp", "icav", "plc", "unit_trust", "partnership"]
    regime: Literal["ucits", "part_ii", "sif", "sicar", "raif", "eltif", "other_aif"]
    domicile: Country
    lei: Lei | None = None


class SubFundBody(Body):
    """A sub-fund to register."""

    sub_fund: OwnId = None
    code: Code
    name: Name
    base_currency: Currency
    asset_class: AssetClass
    lei: Lei | None = None
    calendar: DealingCalendar
    tools: LiquidityTools = LiquidityTools()


class ShareClassBody(Body):
    """A share class to draft."""

    share_class: OwnId = None
    isin: Isin
    terms: ShareClassTerms


def routers(store: PostgresStore) -> Sequence[APIRouter]:
    """The routes of funds over its store."""
    return [_commands(), changes.router(store), *queries.routers(store)]


def _commands() -> APIRouter:
    """The commands that one person may send."""
    router = APIRouter(dependencies=[needs("funds:register")])

    @router.post("/umbrellas", tags=["umbrellas"])
    async def register_umbrella(request: Request, body: UmbrellaBody, caller: CallerOf, now: Now) -> Response:
        """Register an umbrella fund."""
        command = command_from(RegisterUmbrella, body, umbrella=body.umbrella or uuid7(now), now=now)
        return await accept(request, command, created="/umbrellas/{id}")

    @router.post("/umbrellas/{umbrella}/sub-funds", tags=["sub-funds"])
    async def register_sub_fund(
        request: Request, umbrella: UUID, body: SubFundBody, caller: CallerOf, now: Now
    ) -> Response:
        """Register a sub-fund with its dealing calendar and liquidity tools (TA-F-2, TA-F-3)."""
        identity = body.sub_fund or uuid7(now)
        command = command_from(RegisterSubFund, body, umbrella=umbrella, sub_fund=identity, now=now)
        return await accept(request, command, created="/sub-funds/{id}")

    @router.post("/umbrellas/{umbrella}/sub-funds/{sub_fund}/share-classes", tags=["share-classes"])
    async def draft_share_class(
        request: Request, umbrella: UUID, sub_fund: UUID, body: ShareClassBody, caller: CallerOf, now: Now
    ) -> Response:
        """Draft a share class with its ISIN and terms (TA-F-1)."""
        ids = {"umbrella": umbrella, "sub_fund": sub_fund, "share_class": body.share_class or uuid7(now)}
        command = command_from(DraftShareClass, body, **ids, now=now)
        return await accept(request, command, created="/share-classes/{id}")

    return router
