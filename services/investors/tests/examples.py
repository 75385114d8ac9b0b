"""Valid values, commands and histories that the tests of investors start from; all people in them are invented."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from libs.kernel.decider import Command, Reference
from libs.kernel.events import Event
from libs.kernel.ids import named_id
from libs.testkit.given import Given, given_by
from services.investors.domain.decider import InvestorsDecider

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
DECIDER = InvestorsDecider()
given = given_by(DECIDER)

INVESTOR = named_id("example", "investor")
OTHER = named_id("example", "other-investor")
BANK_ACCOUNT = named_id("example", "bank-account")
SECOND_BANK = named_id("example", "second-bank-account")
ACCOUNT = named_id("example", "account")
BLOCK = named_id("example", "block")
DISTRIBUTOR = named_id("example", "distributor")
DOCUMENT = "ab" * 32

PERSON: dict[str, Any] = {
    "kind": "natural",
    "given_names": "Anna Maria",
    "family_name": "Weber-Lindqvist",
    "birth_date": "1980-02-29",
    "nationality": "DE",
}
COMPANY: dict[str, Any] = {"kind": "legal", "name": "Nordlicht Verwahrung GmbH", "incorporated_on": "2001-05-02"}
ADDRESS: dict[str, Any] = {"lines": ["Lindenallee 7"], "postal_code": "10115", "city": "Berlin", "country": "DE"}
TAX: dict[str, Any] = {"fatca": "non_us", "crs": "individual", "residences": ["DE"], "signed_on": "2026-11-01"}
TAX_IDENTITIES: list[dict[str, Any]] = [{"country": "DE", "tin": "36574261809"}]
COMPANY_TAX: dict[str, Any] = {**TAX, "fatca": "active_nffe", "crs": "active_nfe"}
COMPANY_TAX_IDENTITIES: list[dict[str, Any]] = [{"country": "DE", "tin": "DE136695976"}]
BANK: dict[str, Any] = {"iban": "DE89370400440532013000", "bic": "COBADEFFXXX", "holder": "Anna Maria Weber-Lindqvist"}
OTHER_BANK: dict[str, Any] = {"iban": "LU280019400644750000", "holder": "Weber-Lindqvist Anna Maria"}
MISMATCH: dict[str, Any] = {**OTHER_BANK, "holder": "Petros Xenakis"}
GROUND: dict[str, Any] = {"reason": "aml", "authority": "Compliance office"}
HIT: dict[str, Any] = {"entry": "EX-17", "list_name": "Example list", "score_percent": 91}

FACTS: dict[str, dict[str, Any]] = {
    "RegisterInvestor": {"category": "retail", "identity": PERSON, "address": ADDRESS},
    "CertifyTaxStatus": {"tax": TAX, "tax_identities": TAX_IDENTITIES},
    "FileDocument": {
        "document": DOCUMENT,
        "kind": "self_certification",
        "media_type": "application/pdf",
        "size_bytes": 9,
    },
    "RecordScreening": {"round": 1, "provider": "list", "list_version": "2026-11"},
    "RecordScreeningUnavailable": {"round": 1, "attempt": 1, "retry_at": NOW + timedelta(minutes=5)},
    "ResolveHit": {"round": 1, "hit": 1, "outcome": "dismissed", "reason": "Born in another century"},
    "RequestMoreInformation": {"what": "A clearer copy of the passport"},
    "ApproveInvestor": {"risk": "medium"},
    "CompleteReview": {"risk": "high"},
    "RejectInvestor": {"reason": "incomplete"},
    "ExportPersonalData": {"purpose": "subject_request"},
    "EraseInvestor": {"legal_basis": "retention_over"},
    "AddBankAccount": {"currency": "EUR", "details": BANK},
    "VerifyBankAccount": {"evidence": "penny_test"},
    "OpenAccount": {"reference": "A-1001", "kind": "single"},
    "ChangeBankAccount": {
        "bank_account": SECOND_BANK,
        "currency": "EUR",
        "details": OTHER_BANK,
        "evidence": "bank_confirmation",
    },
    "BlockAccount": {"block": BLOCK, "scope": "payments", "ground": GROUND},
    "UnblockAccount": {"block": BLOCK, "reason": "Cleared by compliance"},
    "SetInstructions": {"reinvest": True},
    "RegisterDistributor": {"code": "DIST-1", "name": "Example Distribution", "country": "LU"},
}
_TARGETS: dict[str, UUID] = {
    "investor": INVESTOR,
    "account": ACCOUNT,
    "bank_account": BANK_ACCOUNT,
    "distributor": DISTRIBUTOR,
}
NO_ACCOUNTS = {"open_accounts": 0}
APPROVED_ROW = {
    "status": "approved", "review_overdue": False, "tax": "{}", "distributor": None, "open_accounts": 0,
    "screening": "clear", "hits_left": 0,
}  # fmt: skip


def command(name: str, /, rows: Mapping[Reference, Any] | None = None, **fields: Any) -> Command:
    """A command by name, valid unless the fields say otherwise, with its reference rows as they are by default."""
    kind = DECIDER.commands[name]
    needed = {
        target: value
        for target, value in _TARGETS.items()
        if target in kind.model_fields and kind.model_fields[target].is_required()
    }
    built = kind.model_validate({"now": NOW, **needed, **FACTS.get(name, {}), **fields})
    return built.given({reference: _row(reference, rows or {}) for reference in built.references()})


def _row(reference: Reference, rows: Mapping[Reference, Any]) -> Any:
    if reference in rows:
        return rows[reference]
    return {"ended": False} if reference.table == "distributors" else APPROVED_ROW


def holder(investor: UUID) -> Reference:
    """The reference to an investor's row."""
    return Reference("investors", {"investor": str(investor)})


def joint_holder(investor: UUID) -> Reference:
    """The reference to an investor's row as a holder beside the first."""
    return Reference("holders", {"investor": str(investor)})


def distributor(code: str) -> Reference:
    """The reference to a distributor's row."""
    return Reference("distributors", {"code": code})


def history(*commands: Command) -> list[Event]:
    """The events that the commands come to, one after the other; none of them is refused."""
    past, events = Given(DECIDER, []), list[Event]()
    for each in commands:
        for event in past.decide(each):
            past.apply(event)
            events.append(event)
    return events


def registered(**fields: Any) -> list[Command]:
    """A draft."""
    return [command("RegisterInvestor", **fields)]


def submitted(**fields: Any) -> list[Command]:
    """A whole file, handed in."""
    return registered(**{"tax": TAX, "tax_identities": TAX_IDENTITIES, "submit": True, **fields})


def in_review(*hits: Mapping[str, Any], **fields: Any) -> list[Command]:
    """A file that the provider answered for."""
    return [*submitted(**fields), command("RecordScreening", hits=hits)]


def approved(**fields: Any) -> list[Command]:
    """An investor who may have accounts."""
    return [*in_review(**fields), command("ApproveInvestor")]


def approved_company(**fields: Any) -> list[Command]:
    """A legal person that may have accounts."""
    file = {"identity": COMPANY, "tax": COMPANY_TAX, "tax_identities": COMPANY_TAX_IDENTITIES}
    return approved(**{**file, **fields})


def opened(**fields: Any) -> list[Command]:
    """An account of an approved investor with a verified bank account."""
    return [*approved(), command("AddBankAccount"), command("VerifyBankAccount"), command("OpenAccount", **fields)]


def paid_out() -> list[Command]:
    """An account that is paid to the first bank account."""
    return [*opened(), command("SetPayoutAccount", bank_account=BANK_ACCOUNT)]


def ended() -> list[Command]:
    """A relationship that is over."""
    return [*approved(), command("EndRelationship", rows={holder(INVESTOR): NO_ACCOUNTS})]


def erased() -> list[Command]:
    """A draft that was erased."""
    return [*registered(), command("EraseInvestor", legal_basis="consent_withdrawn")]
