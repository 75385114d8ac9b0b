"""Screening: what the provider answered, round by round, and what became of its hits (TA-I-3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from libs.kernel.events import Event
from libs.kernel.personal import Personal
from libs.messages import investors as published
from services.investors.domain.commands import RecordScreening, RecordScreeningUnavailable, ResolveHit
from services.investors.domain.investor import LIVING, Investor, in_status, own, visible
from services.investors.domain.refusals import HitIsConfirmed, HitsAreOpen, HitUnknown, RoundIsPast, ScreeningIsOpen
from services.investors.domain.rounds import Hit, Screening

# --- Commands

ScreeningCommands = RecordScreening | RecordScreeningUnavailable | ResolveHit

# --- Decide


def decide(command: ScreeningCommands, investor: Investor | None) -> Sequence[Event]:
    """The events of a command on the screening of an investor."""
    match command:
        case RecordScreening():
            return record_screening(command, awaited(investor, command))
        case RecordScreeningUnavailable():
            return record_screening_unavailable(command, awaited(investor, command))
        case ResolveHit():
            return resolve_hit(command, own(investor, command))
        case _:
            assert_never(command)


def record_screening(command: RecordScreening, screening: Screening | None) -> Sequence[Event]:
    """The first answer of the present round counts; one to an older round is nothing."""
    if screening is None:
        return []
    best: dict[str, published.ScreeningHit] = {}
    for hit in sorted(command.hits, key=lambda hit: (-hit.score_percent, hit.entry, hit.list_name)):
        best.setdefault(hit.entry, hit)
    hits = tuple(best.values())[: published.MAX_HITS]
    return [
        published.ScreeningRecorded(
            investor=command.investor,
            round=command.round,
            provider=command.provider,
            list_version=command.list_version,
            hit_count=len(hits),
            hits=Personal.of(hits),
        )
    ]


def record_screening_unavailable(command: RecordScreeningUnavailable, screening: Screening | None) -> Sequence[Event]:
    """No answer is on record too, an attempt once: the case waits in review (invariant 11)."""
    if screening is None or command.attempt <= screening.attempts:
        return []
    return [
        published.ScreeningUnavailable(
            investor=command.investor, round=command.round, attempt=command.attempt, retry_at=command.retry_at
        )
    ]


def resolve_hit(command: ResolveHit, investor: Investor) -> Sequence[Event]:
    """A hit of the present round is dismissed or confirmed, one that stands from a former round dismissed.

    The later word counts.
    """
    screening = investor.screening
    former = screening is not None and Hit(command.round, command.hit) in screening.confirmed
    if screening is None or (command.round != screening.round and not former):
        raise RoundIsPast("look at the hits of the present round", field="round", value=command.round)
    if not former and not screening.has(command.hit):
        raise HitUnknown("the present round has no such hit", field="hit", value=command.hit)
    if command.outcome == ("confirmed" if former else screening.outcomes.get(command.hit)):
        return []
    in_status(investor, LIVING, command)
    return [
        published.HitResolved(
            investor=command.investor,
            round=command.round,
            hit=command.hit,
            outcome=command.outcome,
            reason=Personal.of(command.reason),
        )
    ]


def awaited(investor: Investor | None, command: RecordScreening | RecordScreeningUnavailable) -> Screening | None:
    """The round if its answer is still waited for; events overtook the others: rejected, ended, erased, a new name."""
    investor = visible(investor, command)
    if investor is not None and investor.status not in LIVING:
        return None
    screening = own(investor, command).screening
    if screening is None or screening.answer is not None or command.round != screening.round:
        return None
    return screening


def check_screened(investor: Investor) -> None:
    """Raise HitIsConfirmed, ScreeningIsOpen or HitsAreOpen unless the present round is answered and clear (I-3)."""
    screening = investor.screening
    if screening is not None and screening.stands():
        raise HitIsConfirmed("only rejection or the end of the relationship is left", field="hits")
    if screening is None or screening.answer is None:
        raise ScreeningIsOpen("the present round is not answered", field="screening")
    if left := screening.left():
        raise HitsAreOpen(f"{left} hits are to be resolved", field="hits")
