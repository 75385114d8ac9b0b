"""The NAV of a class and valuation date: estimated → computed → approved → published, then only corrected (TA-N-3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Annotated, Any, Literal, assert_never
from uuid import UUID

from pydantic import Field

from libs.kernel.events import Event
from libs.messages.nav import (
    NavApproved,
    NavCancelled,
    NavComputed,
    NavErrorFound,
    NavErrorTaken,
    NavEstimated,
    NavFigures,
    NavPublished,
)
from libs.messages.nav_values import Explanation, Figure, NavInput
from libs.messages.values import Currency, Name, Price
from services.nav.domain.commands import ClassNavCommand, DayCommand
from services.nav.domain.figures import Figures, check_figures, check_quote, found_in, previous_of
from services.nav.domain.references import ClassFacts, check_valuation_date, class_of
from services.nav.domain.refusals import (
    FindingUnexplained,
    FindingUnknown,
    NavDiffers,
    NavIsPublished,
    NavUnknown,
    StatusForbids,
    unexpected,
)
from services.nav.domain.sub_fund import SubFund

Status = Literal["estimated", "computed", "approved", "published", "cancelled"]

# --- State


@dataclass(frozen=True, slots=True)
class Nav:
    """What is known of the NAV now, and its history: revisions withdrawn, the one dealt at, the error found in it."""

    status: Status
    estimate: NavEstimated | None = None
    computed: NavComputed | None = None
    approved: NavApproved | None = None
    published: NavPublished | None = None
    withdrawn: tuple[NavComputed, ...] = ()
    dealt: NavPublished | None = None
    error: NavErrorFound | None = None
    taken_by: UUID | None = None


# --- Commands


class ImportNav(ClassNavCommand):
    """Take a line of a NAV file, as an estimate or as the NAV; `source` names file and line."""

    stage: Literal["estimated", "computed"] = "computed"
    source: Name
    currency: Currency
    total: Figure
    units: Figure
    nav: Figure
    bid: Figure | None = None
    offer: Figure | None = None
    benchmark_return: Figure | None = None
    inputs: Annotated[tuple[NavInput, ...], Field(max_length=100)] = ()


class ApproveNav(ClassNavCommand):
    """State that this NAV may be published, with a reason for each finding."""

    nav: Price
    explanations: Annotated[tuple[Explanation, ...], Field(max_length=110)] = ()
    bid: Price | None = None
    offer: Price | None = None


ClassNavCommands = ImportNav | ApproveNav

# --- Decide


def decide(command: ClassNavCommands, nav: Nav | None, sub_fund: SubFund | None) -> Sequence[Event]:
    """The events of a command on a NAV that is not published."""
    match command:
        case ImportNav():
            return import_nav(command, nav, sub_fund)
        case ApproveNav():
            return approve_nav(command, known(nav, command), sub_fund)
        case _:
            assert_never(command)


def import_nav(command: ImportNav, nav: Nav | None, sub_fund: SubFund | None) -> Sequence[Event]:
    """A line counts once; another price for a published NAV is a correction only (N-1, N-3)."""
    _, facts = class_of(command)
    check_valuation_date(command, is_final=command.stage == "computed")
    figures = Figures(command.currency, command.total, command.units, command.nav, command.bid, command.offer)
    check_figures(figures, facts)
    line = {**command.ids(), "source": command.source, **figures._asdict()}
    if command.stage == "computed":
        return computed(command, nav, facts, sub_fund, line, command.benchmark_return, command.inputs)
    estimated = NavEstimated(**line)
    if nav is not None and _stands(estimated, nav):
        return []
    if nav is not None and nav.status not in ("estimated", "cancelled"):
        raise _past(nav)
    return [estimated]


def computed(
    command: DayCommand,
    nav: Nav | None,
    facts: ClassFacts,
    sub_fund: SubFund | None,
    line: dict[str, Any],
    benchmark_return: Decimal | None,
    inputs: tuple[NavInput, ...],
) -> Sequence[Event]:
    """The NAV with its findings; nothing for one that stands, or that was withdrawn with its line (N-2, N-3)."""
    former = None if nav is None else (nav.computed or next(reversed(nav.withdrawn), None))
    event = NavComputed.model_validate(
        {
            **line,
            "previous": previous_of(command, facts.share_class, sub_fund, former),
            "benchmark_return": benchmark_return,
            "inputs": inputs,
            "findings": (),
        }
    )
    if nav is not None and _stands(event, nav):
        return []
    if nav is not None and nav.status == "published":
        raise _past(nav)
    return [event.model_copy(update={"findings": found_in(command, event, facts, sub_fund)})]


def approve_nav(command: ApproveNav, nav: Nav, sub_fund: SubFund | None) -> Sequence[Event]:
    """Every finding has a reason, and every reason its finding (N-2); a class of two prices has them by now."""
    _, facts = class_of(command)
    if nav.computed is None:
        raise StatusForbids(f"the NAV is {nav.status}", field="valuation_date", value=command.valuation_date)
    if nav.computed.nav != command.nav:
        raise NavDiffers("it was replaced", field="nav", value=nav.computed.nav)
    bid = nav.computed.bid if command.bid is None else command.bid
    offer = nav.computed.offer if command.offer is None else command.offer
    check_quote(nav.computed.nav, bid, offer, facts, is_last_call=True)
    approved = NavApproved(**command.ids(), explanations=command.explanations, bid=bid, offer=offer)
    if nav.approved == approved:
        return []
    if nav.status == "published":
        raise _past(nav)
    check_explained(command, nav.computed, approved, facts, sub_fund)
    found = {(each.check, each.subject) for each in found_in(command, nav.computed, facts, sub_fund)}
    for each in command.explanations:
        if (each.check, each.subject) not in found:
            raise FindingUnknown("nothing of the kind was found", field="explanations", value=each.check)
    return [approved]


def check_explained(
    command: ClassNavCommand, nav: NavComputed, approved: NavApproved, facts: ClassFacts, sub_fund: SubFund | None
) -> None:
    """Raise FindingUnexplained for what is found now and has no reason (N-2)."""
    explained = {(each.check, each.subject) for each in approved.explanations}
    for finding in found_in(command, nav, facts, sub_fund):
        if (finding.check, finding.subject) not in explained:
            detail = f"{finding.subject}: {finding.found} found, {finding.expected} allowed"
            raise FindingUnexplained(detail, field="explanations", value=finding.check)


def known(nav: Nav | None, command: ClassNavCommand) -> Nav:
    """The NAV, or NavUnknown."""
    if nav is None:
        raise NavUnknown("import or compute it first", field="valuation_date", value=command.valuation_date)
    return nav


def _stands(line: NavFigures, nav: Nav) -> bool:
    """Whether a line tells what is known already, or what was withdrawn with this very line."""
    if any(line.source == each.source and _told(line) == _told(each) for each in nav.withdrawn):
        return True
    present = nav.estimate if isinstance(line, NavEstimated) else nav.computed
    return present is not None and _told(line) == _told(present)


def _told(line: NavFigures) -> tuple[object, ...]:
    figures = (line.currency, line.total, line.units, line.nav, line.bid, line.offer)
    return (*figures, line.benchmark_return, line.inputs) if isinstance(line, NavComputed) else figures


def _past(nav: Nav) -> NavIsPublished | StatusForbids:
    if nav.status == "published":
        return NavIsPublished("cancel and correct it", field="nav")
    return StatusForbids(f"the NAV is {nav.status}", field="stage")


# --- Evolve


def evolve(nav: Nav | None, event: Event) -> Nav:
    """The NAV after the event."""
    nav = Nav("estimated") if nav is None else nav
    match event:
        case NavEstimated():
            return replace(nav, status="estimated", estimate=event)
        case NavComputed():
            return replace(nav, status="computed", computed=event, approved=None)
        case NavApproved():
            return replace(nav, status="approved", approved=event)
        case NavPublished():
            return replace(nav, status="published", published=event)
        case NavCancelled():
            return _withdrawn(nav, event)
        case NavErrorFound():
            return replace(nav, error=event)
        case NavErrorTaken(compensation=compensation):
            return replace(nav, taken_by=compensation)
        case _:
            raise unexpected(event, nav)


def _withdrawn(nav: Nav, event: NavCancelled) -> Nav:
    """What was published stays known: the first one that orders were priced by is what they dealt at."""
    if nav.computed is None:
        raise unexpected(event, nav)
    dealt = nav.published if event.dealt and nav.dealt is None else nav.dealt
    withdrawn = (*nav.withdrawn, nav.computed)
    return replace(nav, status="cancelled", computed=None, approved=None, withdrawn=withdrawn, dealt=dealt)
