"""HTTP of bank accounts, registered accounts and distributors (TA-I-1, TA-I-5, TA-I-6, TA-I-8)."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.responses import Response

from libs.edge.auth import CallerOf
from libs.edge.commands import accept, command_from
from libs.edge.context import Now
from libs.edge.guard import needs
from libs.kernel.ids import uuid7
from libs.messages import investors as messages
from libs.messages.person_values import BankDetails, BlockGround
from libs.messages.values import Code, Country, Currency, Lei, Name
from services.investors.domain import commands
from services.investors.people import People
from services.investors.sending import Body, OwnId, facts_of, first_holder, send

_OPENS = [needs("accounts:open")]


class BankAccountBody(Body):
    """A bank account to make known."""

    bank_account: OwnId = None
    currency: Currency
    details: BankDetails


class VerificationBody(Body):
    """How it is known that the bank account is the investor's."""

    evidence: messages.Evidence


class AccountBody(Body):
    """A registered account to open; the investor of the address is its first holder."""

    account: OwnId = None
    reference: messages.Reference
    kind: messages.AccountKind
    joint_holders: Annotated[tuple[UUID, ...], Field(max_length=9)] = ()
    signatures: Annotated[int, Field(ge=1, le=10)] = 1
    distributor: Code | None = None
    reinvest: bool = False
    payout_account: UUID | None = None


class InstructionsBody(Body):
    """What is done with distributions."""

    reinvest: bool


class PayoutBody(Body):
    """The verified bank account that the account is paid to."""

    bank_account: UUID


class BlockBody(Body):
    """What is forbidden, and on whose authority (TA-I-6)."""

    block: OwnId = None
    scope: messages.BlockScope
    ground: BlockGround


class DistributorBody(Body):
    """A distributor to register."""

    distributor: OwnId = None
    code: Code
    name: Name
    country: Country
    lei: Lei | None = None


def bank_account_router() -> APIRouter:
    """The commands on bank accounts that one person may send."""
    routes = APIRouter(tags=["bank-accounts"])

    @routes.post("/investors/{investor}/bank-accounts", dependencies=[needs("bank_accounts:add")])
    async def add_bank_account(
        request: Request, investor: UUID, body: BankAccountBody, caller: CallerOf, now: Now
    ) -> Response:
        """Make a bank account known; it is paid to once it is verified (TA-I-5)."""
        facts = facts_of(body, investor=investor, bank_account=body.bank_account or uuid7(now))
        return await send(request, caller, now, commands.AddBankAccount, facts, created="/bank-accounts/{id}")

    address = "/investors/{investor}/bank-accounts/{bank_account}"

    @routes.post(f"{address}/verify", dependencies=[needs("bank_accounts:verify")])
    async def verify_bank_account(
        request: Request, investor: UUID, bank_account: UUID, body: VerificationBody, caller: CallerOf, now: Now
    ) -> Response:
        """Say that the bank account is the investor's, and how that is known (TA-I-5)."""
        facts = facts_of(body, investor=investor, bank_account=bank_account)
        return await send(request, caller, now, commands.VerifyBankAccount, facts)

    @routes.post(f"{address}/close", dependencies=[needs("bank_accounts:add")])
    async def close_bank_account(
        request: Request, investor: UUID, bank_account: UUID, caller: CallerOf, now: Now
    ) -> Response:
        """Use the bank account no more."""
        facts = {"investor": investor, "bank_account": bank_account}
        return await send(request, caller, now, commands.CloseBankAccount, facts)

    return routes


def account_router(people: People) -> APIRouter:
    """The commands on registered accounts that one person may send."""
    routes = APIRouter(tags=["accounts"])

    @routes.post("/investors/{investor}/accounts", dependencies=_OPENS)
    async def open_account(request: Request, investor: UUID, body: AccountBody, caller: CallerOf, now: Now) -> Response:
        """Open a registered account (TA-I-1)."""
        facts = facts_of(body, investor=investor, account=body.account or uuid7(now))
        return await send(request, caller, now, commands.OpenAccount, facts, created="/accounts/{id}")

    @routes.post("/accounts/{account}/instructions", dependencies=_OPENS)
    async def set_instructions(
        request: Request, account: UUID, body: InstructionsBody, caller: CallerOf, now: Now
    ) -> Response:
        """Reinvest distributions, or pay them in cash."""
        facts = facts_of(body, investor=await first_holder(people, caller, account), account=account)
        return await send(request, caller, now, commands.SetInstructions, facts)

    @routes.post("/accounts/{account}/payout", dependencies=_OPENS)
    async def set_payout_account(
        request: Request, account: UUID, body: PayoutBody, caller: CallerOf, now: Now
    ) -> Response:
        """Name the bank account that is paid to for the first time; a change needs a second person (TA-I-5)."""
        facts = facts_of(body, investor=await first_holder(people, caller, account), account=account)
        return await send(request, caller, now, commands.SetPayoutAccount, facts)

    @routes.post("/accounts/{account}/blocks", dependencies=[needs("accounts:block")])
    async def block_account(request: Request, account: UUID, body: BlockBody, caller: CallerOf, now: Now) -> Response:
        """Forbid something to the account; lifting it needs a second person (TA-I-6)."""
        ids = {"investor": await first_holder(people, caller, account), "account": account}
        facts = facts_of(body, **ids, block=body.block or uuid7(now))
        return await send(request, caller, now, commands.BlockAccount, facts)

    @routes.post("/accounts/{account}/close", dependencies=_OPENS)
    async def close_account(request: Request, account: UUID, caller: CallerOf, now: Now) -> Response:
        """Close an account that holds nothing."""
        facts = {"investor": await first_holder(people, caller, account), "account": account}
        return await send(request, caller, now, commands.CloseAccount, facts)

    return routes


def distributor_router(people: People) -> APIRouter:
    """The commands on distributors."""
    routes = APIRouter(tags=["distributors"], dependencies=[needs("distributors:register")])

    @routes.post("/distributors")
    async def register_distributor(request: Request, body: DistributorBody, caller: CallerOf, now: Now) -> Response:
        """Register a distributor under its code (TA-I-8)."""
        facts = facts_of(body, distributor=body.distributor or uuid7(now))
        command = command_from(commands.RegisterDistributor, facts, now=now)
        return await accept(request, command, created=f"/distributors/{body.code}")

    @routes.post("/distributors/{code}/end")
    async def end_distributor(request: Request, code: Code, caller: CallerOf, now: Now) -> Response:
        """The agreement with the distributor ended; it opens no more accounts."""
        found = await people.one(caller.scope, "select id from distributors where code = $1", "distributor", code)
        return await accept(request, command_from(commands.EndDistributor, {}, distributor=found["id"], now=now))

    return routes
