"""What a data subject may ask for: its data, and that its data is destroyed (TA-I-7, ADR 0014)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from libs.kernel.events import Event
from libs.messages import investors as published
from libs.messages.investors import LegalBasis
from services.investors.domain.commands import EraseInvestor, ExportPersonalData, RecordKeyDestroyed
from services.investors.domain.investor import Investor, living, own, visible
from services.investors.domain.refusals import InvestorUnknown, MustBeRetained, NotErased, RelationshipStands
from services.investors.domain.review import check_no_accounts

# A duty to keep gives way to these alone: data that must not be held, and a law or an authority that says so.
BEFORE_RETENTION_IS_OVER: frozenset[LegalBasis] = frozenset({"unlawful", "legal_obligation"})

# --- Commands

SubjectCommands = ExportPersonalData | EraseInvestor | RecordKeyDestroyed

# --- Decide


def decide(command: SubjectCommands, investor: Investor | None) -> Sequence[Event]:
    """The events of a command about the subject's data."""
    match command:
        case ExportPersonalData():
            return export_personal_data(command, own(investor, command))
        case EraseInvestor():
            return erase_investor(command, visible(investor, command))
        case RecordKeyDestroyed():
            return record_key_destroyed(command, visible(investor, command))
        case _:
            assert_never(command)


def export_personal_data(command: ExportPersonalData, investor: Investor) -> Sequence[Event]:
    """Every handing out is on record, with its time."""
    exported = published.PersonalDataExported(
        investor=command.investor, purpose=command.purpose, exported_at=command.now
    )
    return [] if investor.exported == exported else [exported]


def erase_investor(command: EraseInvestor, investor: Investor | None) -> Sequence[Event]:
    """Not while an account is open, a relationship stands or is being made, or a duty to keep remains (I-7).

    A file that was never submitted is under no such duty.
    """
    if investor is not None and investor.status == "erased":
        return []
    investor = living(investor, command)
    if investor.status not in ("draft", "withdrawn"):
        check_no_accounts(investor, command.investor_row)
        if investor.retain_until is None:
            raise RelationshipStands(
                "reject the investor or end the relationship first", field="status", value=investor.status
            )
        if command.now < investor.retain_until and command.legal_basis not in BEFORE_RETENTION_IS_OVER:
            raise MustBeRetained(
                f"kept until {investor.retain_until.isoformat()}", field="legal_basis", value=command.legal_basis
            )
    rounds = () if investor.screening is None else investor.screening.answered()
    erased = published.InvestorErased(
        investor=command.investor, legal_basis=command.legal_basis, erased_at=command.now, rounds=rounds
    )
    return [erased]


def record_key_destroyed(command: RecordKeyDestroyed, investor: Investor | None) -> Sequence[Event]:
    """The key is destroyed after the erasure, once."""
    if investor is None:
        raise InvestorUnknown("there is no such investor", field="investor", value=command.investor)
    if investor.status != "erased":
        raise NotErased("erase the investor first", field="investor", value=command.investor)
    return [] if investor.key_destroyed else [published.KeyDestroyed(investor=command.investor)]
