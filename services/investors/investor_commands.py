"""HTTP of investors: onboarding, review, the end of the relationship (TA-I-1 to TA-I-4)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.responses import Response

from libs.edge.auth import Caller, CallerOf
from libs.edge.commands import accept, command_from
from libs.edge.context import Now
from libs.edge.guard import needs
from libs.edge.settings import Settings
from libs.kernel.ids import uuid7
from libs.messages import investors as messages
from libs.messages.person_values import Address, BankDetails, Contact, Identity, TaxIdentity, TaxStatus
from libs.messages.values import Code, Currency
from services.investors.domain import commands
from services.investors.sending import Body, OwnId, facts_of, send

_REGISTERS = [needs("investors:register")]
_REVIEWS = [needs("investors:review")]
TaxIdentities = Annotated[tuple[TaxIdentity, ...], Field(max_length=10)]


class InvestorBody(Body):
    """A person to register; with `submit` the file is complete, with `bank` it has a first bank account."""

    investor: OwnId = None
    category: messages.Category
    reference: messages.Reference | None = None
    distributor: Code | None = None
    identity: Identity
    address: Address
    contact: Contact | None = None
    tax: TaxStatus | None = None
    tax_identities: TaxIdentities = ()
    bank_account: OwnId = None
    bank: BankDetails | None = None
    bank_currency: Currency | None = None
    submit: bool = False


class ParticularsBody(Body):
    """What changes; what is left out stays."""

    category: messages.Category | None = None
    identity: Identity | None = None
    address: Address | None = None
    contact: Contact | None = None


class CertificationBody(Body):
    """A self-certification (TA-I-4); `document` is the signed form, if it is filed."""

    tax: TaxStatus
    tax_identities: Annotated[TaxIdentities, Field(min_length=1)]
    document: messages.DocumentId | None = None


class ResolutionBody(Body):
    """What a reviewer says of a hit, by its number in its round."""

    round: messages.Round
    hit: messages.HitNumber
    outcome: messages.HitOutcome
    reason: messages.Text


class InformationBody(Body):
    """What is missing."""

    what: messages.Text


class RatingBody(Body):
    """The risk rating, by which the next review falls due (TA-I-2)."""

    risk: messages.Risk


class ApprovalBody(RatingBody):
    """The risk rating; with `round`, refused when the person was screened again since, under another name."""

    round: messages.Round | None = None


class RejectionBody(Body):
    """Why the investor is not taken on."""

    reason: messages.RejectionReason


def router(settings: Settings) -> APIRouter:
    """The commands on an investor that one person may send."""
    routes = APIRouter(tags=["investors"])
    _onboarding(routes)
    _review(routes, settings)
    return routes


def registration(body: InvestorBody, caller: Caller, now: datetime) -> commands.RegisterInvestor:
    """The command of one registration; raises InvalidRequest."""
    ids = {"investor": body.investor or uuid7(now)}
    if body.bank is not None:
        ids["bank_account"] = body.bank_account or uuid7(now)
    return command_from(commands.RegisterInvestor, facts_of(body, **ids), placed_by=caller.distributor, now=now)


def _onboarding(routes: APIRouter) -> None:
    @routes.post("/investors", dependencies=_REGISTERS)
    async def register_investor(request: Request, body: InvestorBody, caller: CallerOf, now: Now) -> Response:
        """Register a person, as a draft or as a complete file (TA-I-1)."""
        return await accept(request, registration(body, caller, now), created="/investors/{id}")

    @routes.post("/investors/{investor}/particulars", dependencies=_REGISTERS)
    async def amend_particulars(
        request: Request, investor: UUID, body: ParticularsBody, caller: CallerOf, now: Now
    ) -> Response:
        """Change a person's particulars; a new name is screened again (TA-I-3)."""
        return await send(request, caller, now, commands.AmendParticulars, facts_of(body, investor=investor))

    @routes.post("/investors/{investor}/tax", dependencies=_REGISTERS)
    async def certify_tax_status(
        request: Request, investor: UUID, body: CertificationBody, caller: CallerOf, now: Now
    ) -> Response:
        """File the self-certification of tax residences (TA-I-4)."""
        return await send(request, caller, now, commands.CertifyTaxStatus, facts_of(body, investor=investor))

    @routes.post("/investors/{investor}/submit", dependencies=_REGISTERS)
    async def submit_onboarding(request: Request, investor: UUID, caller: CallerOf, now: Now) -> Response:
        """Hand the file in for screening and review (TA-I-2)."""
        return await send(request, caller, now, commands.SubmitOnboarding, {"investor": investor})

    @routes.post("/investors/{investor}/withdraw", dependencies=_REGISTERS)
    async def withdraw_onboarding(request: Request, investor: UUID, caller: CallerOf, now: Now) -> Response:
        """Give up a draft."""
        return await send(request, caller, now, commands.WithdrawOnboarding, {"investor": investor})


def _review(routes: APIRouter, settings: Settings) -> None:
    @routes.post("/investors/{investor}/screening/resolutions", dependencies=_REVIEWS)
    async def resolve_hit(
        request: Request, investor: UUID, body: ResolutionBody, caller: CallerOf, now: Now
    ) -> Response:
        """Dismiss or confirm a hit of the present round, or dismiss a confirmed one of its own round (TA-I-3)."""
        return await send(request, caller, now, commands.ResolveHit, facts_of(body, investor=investor))

    @routes.post("/investors/{investor}/information-request", dependencies=_REVIEWS)
    async def request_more_information(
        request: Request, investor: UUID, body: InformationBody, caller: CallerOf, now: Now
    ) -> Response:
        """Send the file back for more information."""
        return await send(request, caller, now, commands.RequestMoreInformation, facts_of(body, investor=investor))

    @routes.post("/investors/{investor}/approve", dependencies=_REVIEWS)
    async def approve_investor(
        request: Request, investor: UUID, body: ApprovalBody, caller: CallerOf, now: Now
    ) -> Response:
        """Take the investor on with a risk rating (TA-I-2)."""
        after = _review_after(settings, body.risk)
        return await send(
            request, caller, now, commands.ApproveInvestor, facts_of(body, investor=investor, review_after=after)
        )

    @routes.post("/investors/{investor}/reject", dependencies=_REVIEWS)
    async def reject_investor(
        request: Request, investor: UUID, body: RejectionBody, caller: CallerOf, now: Now
    ) -> Response:
        """Do not take the investor on."""
        retention = _days(settings.retention_days)
        return await send(
            request, caller, now, commands.RejectInvestor, facts_of(body, investor=investor, retention=retention)
        )

    @routes.post("/investors/{investor}/review", dependencies=_REVIEWS)
    async def complete_review(
        request: Request, investor: UUID, body: RatingBody, caller: CallerOf, now: Now
    ) -> Response:
        """Complete the periodic review, or change the rating."""
        after = _review_after(settings, body.risk)
        return await send(
            request, caller, now, commands.CompleteReview, facts_of(body, investor=investor, review_after=after)
        )

    @routes.post("/investors/{investor}/end", dependencies=_REVIEWS)
    async def end_relationship(request: Request, investor: UUID, caller: CallerOf, now: Now) -> Response:
        """End the business relationship; refused while an account is open (TA-I-7)."""
        retention = _days(settings.retention_days)
        return await send(
            request, caller, now, commands.EndRelationship, {"investor": investor, "retention": retention}
        )


def _review_after(settings: Settings, risk: messages.Risk) -> timedelta | None:
    by_risk = {
        "high": settings.review_days_high, "medium": settings.review_days_medium, "low": settings.review_days_low
    }  # fmt: skip
    return _days(by_risk[risk])


def _days(count: int | None) -> timedelta | None:
    return None if count is None else timedelta(days=count)
