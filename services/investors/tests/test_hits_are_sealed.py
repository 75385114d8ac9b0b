"""Which entry of a list somebody may be is personal: sealed on the ledger and in tables, erased with the person."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import orjson
import pytest

from libs.kernel.envelope import AttestedEvent
from libs.kernel.events import Event
from libs.messages import investors as published
from libs.testkit.given import Given
from libs.vault.ring import Held, Ring
from services.investors.domain import refusals
from services.investors.domain.investor import Investor
from services.investors.domain.rounds import Hit
from services.investors.tests.examples import (
    DECIDER,
    HIT,
    INVESTOR,
    NO_ACCOUNTS,
    PERSON,
    command,
    given,
    history,
    holder,
)
from services.investors.tests.examples import in_review as found
from services.investors.tests.test_projections import PLACE, TIME, tables_of

SUBJECT, TENANT = str(INVESTOR), "meridian"
SECOND: dict[str, Any] = {**HIT, "entry": "EX-18", "score_percent": 88}
TELLING = (b"EX-17", b"EX-18", b"Example list", b"score")
# Two hits of a first round, one confirmed; another name, found once more; rejected, and erased by an order.
REVIEWED = [
    *found(HIT, SECOND), command("ResolveHit", outcome="confirmed"), command("ResolveHit", hit=2),
    command("AmendParticulars", identity={**PERSON, "family_name": "Blum"}),
    command("RecordScreening", round=2, hits=[SECOND]),
]  # fmt: skip
ERASED = [
    *REVIEWED, command("RejectInvestor", reason="other"),
    command("EraseInvestor", legal_basis="legal_obligation", rows={holder(INVESTOR): NO_ACCOUNTS}),
]  # fmt: skip


def ring_of(held: dict[str, Held]) -> Ring:
    """A ring of the one subject."""
    return Ring(TENANT, [SUBJECT], held, 1.0, lambda: 0.0)


def sealed(events: list[Event], ring: Ring) -> list[tuple[Event, AttestedEvent]]:
    """The events as the ledger has them, under the subject's own key."""
    versions: dict[str, int] = defaultdict(int)
    attested = []
    for event in events:
        stream, type_name = event.stream(), event.type_name()
        versions[stream] += 1
        data = ring.seal(event.data(), type_name, stream, versions[stream])
        body = {
            "type": type_name, "time": TIME, "stream": stream, "version": versions[stream], "actor": {"sub": "rita"},
            "data": data,
        }  # fmt: skip
        seen = AttestedEvent(orjson.dumps(body), body, 1, PLACE)
        attested.append((DECIDER.catalogue.parse(type_name, data), seen))
    return attested


def opened(attested: list[tuple[Event, AttestedEvent]], ring: Ring) -> list[Event]:
    """The events as a decision or an erased person's file has them."""
    places = [seen.body for _, seen in attested]
    return [
        DECIDER.catalogue.parse(
            body["type"], ring.open(body["data"], body["type"], body["stream"], body["version"])
        )
        for body in places
    ]  # fmt: skip


def investor_of(events: list[Event]) -> Investor:
    state = Given(DECIDER, events).states[f"investors/{INVESTOR}/investor/{INVESTOR}"]
    assert isinstance(state, Investor)
    return state


@pytest.mark.parametrize("commands", [REVIEWED, ERASED], ids=["in review", "erased"])
def test_i3_inv06_no_byte_of_events_and_rows_tells_which_entry_was_hit(commands: list[Any]) -> None:
    attested = sealed(history(*commands), ring_of({}))
    ledger = b"\n".join(seen.raw for _, seen in attested)
    rows = orjson.dumps([list(rows.values()) for rows in tables_of(attested).values()], default=str)
    assert b"ScreeningRecorded" in ledger
    assert [text for text in TELLING for place in (ledger, rows) if text in place] == []


def test_i3_inv06_the_hits_open_again_from_event_and_row() -> None:
    ring = ring_of({})
    attested = sealed(history(*REVIEWED), ring)
    answers = [event for event in opened(attested, ring) if isinstance(event, published.ScreeningRecorded)]
    assert [[hit.entry for hit in answer.hits.clear] for answer in answers] == [["EX-17", "EX-18"], ["EX-18"]]
    rounds = tables_of(attested)["screening_rounds"].values()
    assert [ring.open_kept(row["hits"])["clear"] for row in rounds] == [[HIT, SECOND], [SECOND]]


def test_i3_a_state_replayed_from_sealed_events_stands_where_the_clear_one_does() -> None:
    events = history(*REVIEWED)
    clear, shut = investor_of(events), investor_of([event for event, _ in sealed(events, ring_of({}))])
    for investor in (clear, shut):
        assert investor.screening is not None
        assert (investor.screening.stands(), investor.screening.left()) == (frozenset({Hit(1, 1)}), 1)
        assert investor.screening.answered() == (1, 2)


def test_i7_after_the_key_is_gone_events_fold_and_nothing_of_a_hit_opens() -> None:
    events = history(*ERASED)
    attested, gone = sealed(events, ring_of({})), ring_of({SUBJECT: None})
    left = opened(attested, gone)
    assert {event.hits.form for event in left if isinstance(event, published.ScreeningRecorded)} == {"erased"}
    assert investor_of(left).status == "erased"
    assert len(given(*left).decide(command("RecordKeyDestroyed"))) == 1
    for row in tables_of(attested)["screening_hits"].values():
        assert "reason" not in row or gone.open_kept(row["reason"]) == {"erased": True}


def test_i7_with_the_erasure_no_row_holds_hits_any_more_not_even_sealed() -> None:
    tables = tables_of(sealed(history(*ERASED), ring_of({})))
    assert [row["hits"] for row in tables["screening_rounds"].values()] == [{"erased": True}] * 2


def test_i7_a_round_that_was_never_answered_has_no_row_to_erase() -> None:
    waiting = command("AmendParticulars", identity={**PERSON, "family_name": "Weber"})
    events = history(*ERASED[:-2], waiting, *ERASED[-2:])
    (erased,) = [event for event in events if isinstance(event, published.InvestorErased)]
    assert erased.rounds == (1, 2)
    assert len(tables_of(sealed(events, ring_of({})))["screening_rounds"]) == 2


def test_i3_two_confirmed_hits_stand_each_by_its_round_and_number() -> None:
    past = [*REVIEWED, command("ResolveHit", round=2, outcome="confirmed")]
    screening = investor_of(history(*past)).screening
    assert screening is not None
    assert screening.stands() == {Hit(1, 1), Hit(2, 1)}
    mistaken = [*past, command("ResolveHit", round=2)]
    given(*history(*mistaken)).when(command("ApproveInvestor")).then_refused(refusals.HitIsConfirmed)
    cleared = given(*history(*mistaken, command("ResolveHit", round=1)))
    assert len(cleared.decide(command("ApproveInvestor"))) == 1
    # The one that was dismissed in its round was never carried on.
    given(*history(*past)).when(command("ResolveHit", round=1, hit=2)).then_refused(refusals.RoundIsPast, "round")
