"""The numbered invariants of the README, each as a property of random dealing days."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import given as forall
from hypothesis import settings
from hypothesis import strategies as st

from libs.kernel.decider import Command
from libs.kernel.errors import InvalidValue, Refused
from libs.kernel.events import Event
from libs.kernel.money import Rounding
from libs.messages import nav as published
from libs.messages.fund_values import RoundingModes, Swing
from libs.testkit.given import Given
from services.nav.domain.class_nav import Nav
from services.nav.domain.completion import Day
from services.nav.domain.computation import ClassNav, reproduces
from services.nav.domain.publication import PublishNav
from services.nav.domain.swing import Direction, swung_nav
from services.nav.tests.dealing_days import (
    CLOSED_AT,
    DAY,
    DECIDER,
    LEVY,
    SWING,
    WHOLE,
    A,
    B,
    approve,
    cancel,
    class_facts,
    command,
    flow,
    line_a,
    line_b,
    measure,
    policy_set,
    publish,
    published_before,
    rates,
    sub_fund_row,
    totals,
    units_row,
)

# --- Random dealing days of a sub-fund with two classes

ARROWS = {
    ("estimated", "estimated"), ("estimated", "computed"), ("computed", "computed"), ("computed", "approved"),
    ("approved", "computed"), ("approved", "approved"), ("approved", "published"), ("published", "cancelled"),
    ("cancelled", "estimated"), ("cancelled", "computed"),
}  # fmt: skip
# Total and NAV of 300,000 units of A and of 80,000 of B; the last ones are beyond tolerance, or not reproduced.
NAVS_A = [("41228430.00", "137.4281"), ("40596000.00", "135.32"), ("45177000.00", "150.59"), ("1", "137")]
NAVS_B = [("9040000.00", "113"), ("9000000.00", "112.5"), ("9040000.00", "99")]
WHY = {"check": "change_beyond_tolerance", "subject": "price", "reason": "index rose"}
REASONS: list[Any] = [[], [WHY]]

closed_days = st.builds(
    lambda euros, revision: {
        "closed_at": CLOSED_AT,
        "revision": revision,
        "classes": [totals(A, flow("redemption" if euros < 0 else "subscription", "EUR", f"{abs(euros)}"))],
    },
    st.sampled_from([1188000, -1188000, 498000, 0]),
    st.integers(1, 2),
)
tools = st.sampled_from([{"swing": SWING}, {"levy": LEVY}, {}])
status_of_b = st.sampled_from(["open", "open", "open", "suspended"])
worlds = st.builds(
    lambda closed, its, status, booked: {
        "closed_days": closed,
        "sub_funds": sub_fund_row(class_facts(A, "EUR", 4), class_facts(B, "USD", 3, status=status), tools=its),
        "units_in_issue": {A: units_row("300000", **booked), B: units_row("80000", **booked)},
    },
    st.one_of(*[closed_days.map(lambda day: {DAY: day})] * 3, st.just({})),
    tools,
    status_of_b,
    st.sampled_from([{}, {}, {}, {"booked_through": None}]),
)


def of_class(share_class: Any, line: Any, navs: list[tuple[str, str]]) -> list[st.SearchStrategy[Any]]:
    """Commands on one class's NAV, still without their rows."""
    some = st.sampled_from(navs)
    sources = st.sampled_from(["one.csv#1", "two.csv#1"])
    stages = st.sampled_from(["computed", "computed", "estimated"])
    return [
        st.builds(
            lambda nav, source, stage: (line, {"total": nav[0], "nav": nav[1], "source": source, "stage": stage}),
            some, sources, stages,
        ),
        st.builds(
            lambda nav, why: (approve, {"share_class": share_class, "nav": nav[1], "explanations": why}),
            some, st.sampled_from(REASONS),
        ),
        some.map(lambda nav: (publish, {"share_class": share_class, "nav": nav[1]})),
        st.integers(1, 3).map(lambda number: (cancel, {"share_class": share_class, "revision": number})),
    ]  # fmt: skip


def complete(**fields: Any) -> Command:
    return command("CompleteDay", **fields)


steps = st.one_of(
    *of_class(A, line_a, NAVS_A),
    *of_class(B, line_b, NAVS_B),
    st.sampled_from([(rates, {}), (rates, {"rates": []}), (measure, {}), (complete, {})]),
)


def correction(number: int, figures: tuple[str, str]) -> list[Any]:
    """Class A's present revision, whichever it is, withdrawn and replaced."""
    total, nav = figures
    its = {"share_class": A, "nav": nav}
    line = {"total": total, "nav": nav, "source": f"right.csv#{number}"}
    return [*((cancel, {"revision": each}) for each in (1, 2, 3)), (line_a, line), (approve, its), (publish, its)]


# Whole ways to a correction, so that a second and a third one are walked often.
walks = st.one_of(
    steps.map(lambda step: [step]),
    st.builds(correction, st.integers(1, 9), st.sampled_from(NAVS_A[1::-1])),
)
histories = st.tuples(st.sampled_from([True, True, False]), worlds, st.lists(walks, max_size=12)).map(
    lambda drawn: [
        *(WHOLE if drawn[0] else []),
        *(make(rows=drawn[1], **fields) for walk in drawn[2] for make, fields in walk),
    ]
)


def start() -> Given:
    return Given(DECIDER, [policy_set(), published_before()])


def carried_out(past: Given, each: Command) -> Sequence[Event]:
    """The events of a command, folded; none where the rules refuse it."""
    try:
        events = past.decide(each)
    except (Refused, InvalidValue):
        return []
    for event in events:
        past.apply(event)
    return events


def all_of(history: Sequence[Command]) -> list[Event]:
    past = start()
    return [event for each in history for event in carried_out(past, each)]


def navs_of(past: Given) -> dict[str, Nav]:
    return {stream: state for stream, state in past.states.items() if isinstance(state, Nav)}


def day_of(past: Given) -> Day:
    found = [state for state in past.states.values() if isinstance(state, Day)]
    return found[0] if found else Day()


# --- The invariants


@settings(deadline=None)
@forall(histories)
def test_nav_inv_1_a_nav_is_published_once_per_revision_and_revisions_count_up(history: list[Command]) -> None:
    events = all_of(history)
    for share_class in (A, B):
        out = [e.revision for e in events if isinstance(e, published.NavPublished) and e.share_class == share_class]
        back = [e.revision for e in events if isinstance(e, published.NavCancelled) and e.share_class == share_class]
        assert out == list(range(1, len(out) + 1))
        assert back == out[: len(back)]
        assert len(out) - len(back) in (0, 1)


@settings(deadline=None)
@forall(histories)
def test_nav_inv_2_3_one_direction_for_all_and_the_unswung_nav_is_kept(history: list[Command]) -> None:
    past = start()
    for each in history:
        navs, test = navs_of(past), day_of(past).test
        for event in carried_out(past, each):
            if isinstance(event, published.SubFundPublished):
                assert len({price.swung for price in event.prices}) == 1
            if not isinstance(event, published.NavPublished):
                continue
            computed = navs[event.stream()].computed
            assert test is not None
            assert computed is not None
            assert (event.swung, event.nav) == (test.swung, computed.nav)
            direction, swing = Direction(event.swung or "none"), Swing.model_validate(SWING)
            assert event.price == swung_nav(event.nav, direction, swing, 4, Rounding.HALF_UP)


@settings(deadline=None)
@forall(histories)
def test_nav_inv_4_total_net_assets_by_units_reproduce_every_nav(history: list[Command]) -> None:
    for event in all_of(history):
        if isinstance(event, published.NavFigures):
            figures = (event.currency, event.total, event.units, event.nav)
            assert reproduces(ClassNav(event.share_class, *figures, 4, RoundingModes()))


@settings(deadline=None)
@forall(histories)
def test_nav_inv_5_nothing_is_published_before_the_day_is_closed_measured_and_booked(history: list[Command]) -> None:
    past = start()
    for each in history:
        before = day_of(past)
        if not any(isinstance(event, published.NavPublished) for event in carried_out(past, each)):
            continue
        assert before.test is not None
        assert isinstance(each, PublishNav)
        rows = {reference.table: each.row(reference) for reference in each.references()}
        assert rows["closed_days"] is not None
        assert rows["units_in_issue"] is not None
        assert rows["units_in_issue"]["booked_through"] is not None


@settings(deadline=None)
@forall(histories)
def test_nav_inv_6_a_nav_moves_along_its_lifecycle_and_keeps_its_history(history: list[Command]) -> None:
    past = start()
    for each in history:
        before = navs_of(past)
        carried_out(past, each)
        for stream, now in navs_of(past).items():
            was = before.get(stream)
            if was is None or was == now:
                continue
            assert (was.status, now.status) in ARROWS
            assert now.withdrawn[: len(was.withdrawn)] == was.withdrawn
            assert was.dealt is None or now.dealt == was.dealt


@settings(deadline=None)
@forall(histories)
def test_nav_inv_7_whatever_is_published_has_a_reason_for_each_finding(history: list[Command]) -> None:
    past = start()
    for each in history:
        before = navs_of(past)
        for event in carried_out(past, each):
            if isinstance(event, published.NavPublished):
                nav = before[event.stream()]
                assert nav.computed is not None
                assert nav.approved is not None
                explained = {(e.check, e.subject) for e in nav.approved.explanations}
                assert {(f.check, f.subject) for f in nav.computed.findings} <= explained


@settings(deadline=None)
@forall(histories)
def test_nav_inv_8_a_command_that_was_carried_out_gives_nothing_again(history: list[Command]) -> None:
    past = start()
    for each in history:
        if carried_out(past, each):
            assert list(past.decide(each)) == []


@settings(deadline=None)
@forall(histories)
def test_nav_inv_9_state_folds_from_stored_events_alone(history: list[Command]) -> None:
    past = start()
    events = [event for each in history for event in carried_out(past, each)]
    assert Given(DECIDER, [policy_set(), published_before(), *events]).states == past.states


@settings(deadline=None)
@forall(histories)
def test_nav_inv_10_a_sub_funds_prices_come_whole_and_each_revision_once(history: list[Command]) -> None:
    past = start()
    revisions = []
    for each in history:
        for event in carried_out(past, each):
            if isinstance(event, published.SubFundPublished):
                revisions.append(event.revision)
                assert {p.share_class for p in event.prices} == day_of(past).published.keys()
                assert A in {p.share_class for p in event.prices}
    assert revisions == list(range(1, len(revisions) + 1))


@settings(deadline=None)
@forall(histories)
def test_nav_inv_12_levy_and_swing_never_come_together(history: list[Command]) -> None:
    for event in all_of(history):
        assert not (isinstance(event, published.FlowsMeasured) and event.swung and event.levy_due)
