"""What takes two people, proposed by the address of what it changes: ids are filled in (TA-F-4, TA-I-5 to TA-I-7)."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from libs.edge.auth import Caller, CallerOf
from libs.edge.changes import Moment, propose
from libs.edge.context import Now
from libs.edge.guard import needs
from libs.kernel.ids import uuid7
from libs.messages import investors as messages
from libs.messages.person_values import BankDetails
from libs.messages.values import Currency
from services.investors.people import People
from services.investors.queries import person
from services.investors.sending import Body, first_holder

_BLOCK = "select block from account_blocks where block = $1 and account = $2"


class BankAccountChangeBody(Body):
    """The bank account that is paid to from then on, and how it is known to be the investor's (TA-I-5)."""

    currency: Currency
    details: BankDetails
    evidence: messages.Evidence
    effective_at: Moment | None = None


class LiftingBody(Body):
    """Why the block is lifted (TA-I-6)."""

    reason: messages.Text


class ErasureBody(Body):
    """On which legal basis the person's data is destroyed (TA-I-7)."""

    legal_basis: messages.LegalBasis


def router(people: People) -> APIRouter:
    """The proposals; `/changes` has their approval."""
    routes = APIRouter(tags=["changes"])

    @routes.post("/accounts/{account}/bank-account-change", dependencies=[needs("bank_accounts:add")])
    async def propose_bank_account_change(
        request: Request, account: UUID, body: BankAccountChangeBody, caller: CallerOf, now: Now
    ) -> Response:
        """Propose another bank account for an account."""
        investor = await first_holder(people, caller, account)
        facts = body.model_dump(mode="json", exclude={"effective_at"})
        ids = {"account": account, "bank_account": uuid7(now)}
        return await _propose(request, caller, now, "ChangeBankAccount", investor, {**facts, **ids}, body.effective_at)

    @routes.post("/accounts/{account}/blocks/{block}/lifting", dependencies=[needs("accounts:block")])
    async def propose_lifting(
        request: Request, account: UUID, block: UUID, body: LiftingBody, caller: CallerOf, now: Now
    ) -> Response:
        """Propose to lift a block."""
        investor = await first_holder(people, caller, account)
        await people.one(caller.scope, _BLOCK, "block", block, account)
        facts = {"account": account, "block": block, "reason": body.reason}
        return await _propose(request, caller, now, "UnblockAccount", investor, facts)

    @routes.post("/investors/{investor}/erasure", dependencies=[needs("changes:propose")])
    async def propose_erasure(
        request: Request, investor: UUID, body: ErasureBody, caller: CallerOf, now: Now
    ) -> Response:
        """Propose to destroy a person's data for good."""
        await person(people, caller, investor)
        facts = {"legal_basis": body.legal_basis}
        return await _propose(request, caller, now, "EraseInvestor", investor, facts)

    return routes


async def _propose(
    request: Request, caller: Caller, now: datetime, command: str, investor: UUID, facts: dict[str, Any],
    effective_at: datetime | None = None,
) -> Response:  # fmt: skip
    bound = {} if caller.distributor is None else {"placed_by": caller.distributor}
    ids = {name: str(value) if isinstance(value, UUID) else value for name, value in facts.items()}
    payload = {"investor": str(investor), **ids, **bound}
    return await propose(request, caller, now, command, payload, effective_at)
