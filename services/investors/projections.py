"""Read tables of investors from its attested events (migrations/001); personal values go through sealed.

Every row but `investors` follows from the events of one lane; there `open_accounts` is a sum, so that the order of
lanes does not matter (W-19).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from libs.kernel.envelope import AttestedEvent
from libs.kernel.events import Event, UnknownEvent
from libs.messages import investors as messages
from libs.ports.changes import Change, Put
from libs.vault.rows import kept
from services.investors import account_projections as accounts

_SILENT = (
    messages.InvestorAccountAdded,
    messages.InvestorAccountRemoved,
    messages.PersonalDataExported,
    messages.KeyDestroyed,
)
# The columns of a person that are sealed.
PERSONAL = ("identity", "address", "contact", "tax_identities", "asked")
ERASED = {"erased": True}


def project(event: Event, seen: AttestedEvent) -> Iterable[Change]:
    """The changes of the read tables; raises UnknownEvent."""
    match event:
        case messages.AccountEvent():
            return accounts.of_account(event, seen)
        case messages.BankAccountEvent():
            return [accounts.of_bank_account(event, seen)]
        case messages.DistributorEvent():
            return [accounts.of_distributor(event, seen)]
        case messages.DocumentFiled():
            return [_document(event, seen)]
        case messages.ScreeningRecorded():
            return _recorded(event, seen)
        case messages.HitResolved():
            return [_resolved(event, seen)]
        case messages.InvestorErased():
            return _erased(event, seen)
        case messages.InvestorsEvent() if not isinstance(event, _SILENT):
            return [_investor(event, seen, _values(event, seen))]
        case messages.InvestorsEvent():
            return []
        case _:
            raise UnknownEvent("no read table of investors knows this event", field="type", value=event.type_name())


def sealed(event: Event, seen: AttestedEvent, *fields: str) -> dict[str, Any]:
    """These personal fields of an event as a read table keeps them, those that the event leaves out excepted."""
    data, body = event.model_dump(mode="json", include=set(fields)), seen.body
    return {
        field: kept(data[field], body["type"], body["stream"], body["version"], field)
        for field in fields
        if data[field] is not None
    }


def _investor(event: messages.InvestorsEvent, seen: AttestedEvent, values: Mapping[str, Any]) -> Change:
    return Put("investors", {"investor": str(event.investor)}, {**values, "changed_at": seen.body["time"]})


def _values(event: messages.InvestorsEvent, seen: AttestedEvent) -> dict[str, Any]:
    match event:
        case messages.InvestorRegistered():
            plain = event.model_dump(mode="json", include={"kind", "category", "reference", "distributor", "country"})
            personal = sealed(event, seen, "identity", "address", "contact")
            return {**plain, **personal, "stage": "draft", "registered_at": seen.body["time"]}
        case messages.ParticularsAmended():
            plain = event.model_dump(mode="json", include={"category", "country"}, exclude_none=True)
            return {**plain, **sealed(event, seen, "identity", "address", "contact")}
        case messages.SelfCertified(status=status):
            return {"tax": status.model_dump(mode="json"), **sealed(event, seen, "tax_identities")}
        case messages.ScreeningRequested(round=number):
            return {"screening": "requested", "screening_round": number}
        case messages.ScreeningUnavailable(round=number):
            return {"screening": "unavailable", "screening_round": number, "answered": True}
        case messages.InvestorApproved() | messages.ReviewCompleted():
            return _reviewed(event)
        case messages.ReviewFellDue():
            return {"review_overdue": True}
        case _:
            return _moved(event, seen)


def _reviewed(event: messages.InvestorApproved | messages.ReviewCompleted) -> dict[str, Any]:
    stage = {"stage": "approved"} if isinstance(event, messages.InvestorApproved) else {}
    due = event.model_dump(mode="json", include={"risk", "review_due_at"})
    return {**stage, **due, "review_overdue": False}


def _moved(event: messages.InvestorsEvent, seen: AttestedEvent) -> dict[str, Any]:
    match event:
        case messages.InvestorRejected(reason=reason):
            kept_until = event.model_dump(mode="json", include={"retain_until"})
            return {"stage": "rejected", "rejection": reason, **kept_until}
        case messages.RelationshipEnded():
            return {"stage": "ended", **event.model_dump(mode="json", include={"retain_until"})}
        case messages.InvestorErased():
            return {"stage": "erased", **dict.fromkeys(PERSONAL, ERASED)}
        case messages.OnboardingSubmitted():
            return {"stage": "submitted", "answered": False, "asked": None}
        case messages.MoreInformationRequested():
            return {"stage": "more_information", "asked": sealed(event, seen, "what")["what"]}
        case messages.OnboardingWithdrawn():
            return {"stage": "withdrawn"}
        case _:
            raise UnknownEvent("the table investors does not know this event", field="type", value=event.type_name())


def _document(event: messages.DocumentFiled, seen: AttestedEvent) -> Change:
    values = event.model_dump(mode="json", include={"kind", "media_type", "size_bytes"})
    key = {"investor": str(event.investor), "document": event.document}
    # A distributor sees the papers that came from itself, not those that compliance filed (TA-I-6, TA-I-8).
    bound = {"distributor": seen.body["actor"].get("distributor")}
    return Put("documents", key, {**values, **bound, "filed_at": seen.body["time"]})


def _recorded(event: messages.ScreeningRecorded, seen: AttestedEvent) -> Iterable[Change]:
    found = {"screening": "hits" if event.hit_count else "clear", "screening_round": event.round, "answered": True}
    yield _investor(event, seen, found)
    about = {"list_version": event.list_version, "provider": event.provider, "found_at": seen.body["time"]}
    # Hits are sealed as one, so that they are kept as one; of each there is its number.
    yield Put("screening_rounds", _round(event.investor, event.round), {**about, **sealed(event, seen, "hits")})
    for number in range(1, event.hit_count + 1):
        yield Put("screening_hits", _hit(event.investor, event.round, number), {})


def _erased(event: messages.InvestorErased, seen: AttestedEvent) -> Iterable[Change]:
    yield _investor(event, seen, _values(event, seen))
    for number in event.rounds:
        yield Put("screening_rounds", _round(event.investor, number), {"hits": ERASED})


def _resolved(event: messages.HitResolved, seen: AttestedEvent) -> Change:
    by = {"resolved_by": seen.body["actor"]["sub"], "resolved_at": seen.body["time"]}
    values = {"outcome": event.outcome, **sealed(event, seen, "reason"), **by}
    return Put("screening_hits", _hit(event.investor, event.round, event.hit), values)


def _round(investor: object, number: int) -> dict[str, Any]:
    return {"investor": str(investor), "round": number}


def _hit(investor: object, number: int, hit: int) -> dict[str, Any]:
    return {**_round(investor, number), "hit": hit}
