"""Words, references and the base of every published event of investors (TA-I); their names are the stored format."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from libs.kernel.events import Event
from libs.messages.person_values import PersonalValue
from libs.messages.values import Name

InvestorKind = Literal["natural", "legal"]
Category = Literal["retail", "professional", "institutional"]
Risk = Literal["low", "medium", "high"]
AccountKind = Literal["single", "joint", "nominee", "omnibus"]
BlockScope = Literal["all", "subscriptions", "redemptions", "transfers", "payments", "asset_freeze"]
DocumentKind = Literal["identity", "proof_of_address", "self_certification", "register_extract", "other"]
Evidence = Literal["bank_confirmation", "penny_test", "statement_seen", "provider_check"]
NameMatch = Literal["match", "close", "mismatch"]
LegalBasis = Literal["consent_withdrawn", "retention_over", "unlawful", "legal_obligation"]
MediaType = Literal["application/pdf", "image/png", "image/jpeg"]
HitOutcome = Literal["dismissed", "confirmed"]
ExportPurpose = Literal["subject_request", "authority_request", "portability"]
RejectionReason = Literal[
    "sanctions_hit", "identity_not_proven", "source_of_funds", "ineligible", "incomplete", "other"
]
# A reference that the client or distributor gave; no person's name belongs in it.
Reference = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,34}$")]
# A keyed hash of the content, as the vault names it.
DocumentId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
Round = Annotated[int, Field(ge=1)]
# Of one round; the best come first.
MAX_HITS = 50
# What a hit goes by: its place among the hits of its round, from 1. Which entry that is, only the sealed hits say.
HitNumber = Annotated[int, Field(ge=1, le=MAX_HITS)]


class InvestorsEvent(Event):
    """An event of investors; the investor is the lane key and the data subject (W-2, invariant 6)."""

    service: ClassVar[str] = "investors"
    aggregate: ClassVar[str] = "investor"
    key_field: ClassVar[str] = "investor"
    id_field: ClassVar[str] = "investor"

    investor: UUID


class ScreeningHit(PersonalValue):
    """An entry of a list that is like the person: personal, since it says who the person may be (TA-I-3, TA-I-7)."""

    entry: Annotated[Name, Field(max_length=80)]
    list_name: Annotated[Name, Field(max_length=80)]
    score_percent: Annotated[int, Field(ge=0, le=100)]
