"""The read tables of investors follow from the events alone, hold nothing clear, and fit their migration."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given as tried
from hypothesis import strategies as st

from libs.kernel.envelope import AttestedEvent, BatchPlace
from libs.kernel.events import Event, UnknownEvent
from libs.kernel.personal import Personal, is_leaf
from libs.kernel.streams import key_of
from libs.messages.investors import CATALOGUE, AccountUnblocked
from libs.ports.changes import Add, Put
from services.investors.projections import project
from services.investors.tests.examples import (
    ACCOUNT,
    BANK,
    BLOCK,
    HIT,
    INVESTOR,
    OTHER,
    PERSON,
    approved,
    command,
    ended,
    erased,
    history,
    in_review,
    opened,
    paid_out,
    registered,
    submitted,
)

MIGRATION = Path(__file__).parent.parent / "migrations" / "001_read_tables.sql"
PLACE = BatchPlace(0, 1, 1, b"", b"", b"", 1, b"", 0, b"", 0)
TIME = "2026-11-23T09:00:00.000000Z"
Tables = dict[str, dict[tuple[tuple[str, Any], ...], dict[str, Any]]]


def stored(event: Event, version: int) -> tuple[Event, AttestedEvent]:
    """The event as a projection sees it: sealed, with its record."""
    data = sealed(event.data())
    body = {
        "type": event.type_name(), "time": TIME, "stream": event.stream(), "version": version, "actor": {"sub": "rita"}
    }  # fmt: skip
    return CATALOGUE.parse(event.type_name(), data), AttestedEvent(b"", body, 1, PLACE)


def sealed(value: Any) -> Any:
    if is_leaf(value):
        return {"sealed": "c2VhbGVk"}
    if isinstance(value, Mapping):
        return {name: sealed(inner) for name, inner in value.items()}
    return value


def tables_of(events: Sequence[tuple[Event, AttestedEvent]]) -> Tables:
    """The rows of each table, as the commit role writes them."""
    tables: Tables = defaultdict(dict)
    for event, seen in events:
        for change in project(event, seen):
            row = tables[change.table].setdefault(tuple(sorted(change.key.items())), dict(change.key))
            if isinstance(change, Put):
                row.update(change.values)
            elif isinstance(change, Add):
                for column, delta in change.deltas.items():
                    row[column] = row.get(column, 0) + delta
    return tables


def in_order(events: Sequence[Event]) -> list[tuple[Event, AttestedEvent]]:
    versions: dict[str, int] = defaultdict(int)
    found = []
    for event in events:
        versions[event.stream()] += 1
        found.append(stored(event, versions[event.stream()]))
    return found


def row_of(events: Sequence[Event], table: str) -> dict[str, Any]:
    """The one row of a table."""
    (row,) = tables_of(in_order(events))[table].values()
    return row


REVIEWED = [
    *in_review(HIT), command("ResolveHit", round=1), command("ApproveInvestor"),
    command("AmendParticulars", identity={**PERSON, "family_name": "Other"}),
]  # fmt: skip
LIVES = [
    history(*REVIEWED), history(*ended()), history(*erased(), command("RecordKeyDestroyed")),
    history(*registered(), command("WithdrawOnboarding")),
    history(*submitted(), command("RecordScreeningUnavailable"), command("RequestMoreInformation")),
    history(*in_review(), command("RejectInvestor")),
    history(*paid_out(), command("CloseAccount")),
    history(*opened(), command("BlockAccount")),
    history(command("RegisterDistributor"), command("EndDistributor")),
]  # fmt: skip


def columns_of(migration: str) -> Mapping[str, dict[str, bool]]:
    """Columns by table; True for one that must have a value."""
    tables = {}
    for table, body in re.findall(r"create table (\w+) \((.*?)\n\);", migration, re.DOTALL):
        kinds = "text|uuid|char|timestamptz|jsonb|int|bigint|boolean"
        columns = re.findall(rf"^    (\w+) +(?:{kinds})(.*)$", body, re.MULTILINE)
        tables[table] = {
            name: "not null" in rest and "default" not in rest for name, rest in columns if name != "tenant"
        }
    return tables


@pytest.mark.parametrize("events", LIVES, ids=range(len(LIVES)))
def test_rows_fit_their_tables_and_hold_nothing_clear(events: list[Event]) -> None:
    tables = columns_of(MIGRATION.read_text())
    for table, rows in tables_of(in_order(events)).items():
        for row in rows.values():
            assert set(row) <= set(tables[table]), table
            assert {name for name, needed in tables[table].items() if needed} <= set(row), table
            assert not re.search(rb"Weber|Lindenallee|DE8937|36574261809|EX-17", orjson.dumps(row, default=str)), table


STATUSES = [
    (registered(), "draft", "none"),
    (submitted(), "submitted", "requested"),
    ([*submitted(), command("RecordScreeningUnavailable")], "submitted", "unavailable"),
    (in_review(), "submitted", "clear"),
    (in_review(HIT), "submitted", "hits"),
    (approved(), "approved", "clear"),
    ([*in_review(), command("RequestMoreInformation")], "more_information", "clear"),
    ([*in_review(), command("RejectInvestor")], "rejected", "clear"),
    (ended(), "ended", "clear"),
    (erased(), "erased", "none"),
]


@pytest.mark.parametrize(("commands", "stage", "screening"), STATUSES, ids=range(len(STATUSES)))
def test_i2_i3_stage_and_screening_stand_in_the_row(commands: list[Any], stage: str, screening: str) -> None:
    row = row_of(history(*commands), "investors")
    assert (row["stage"], row.get("screening", "none")) == (stage, screening)


def test_i2_a_file_that_screening_answered_for_is_in_review() -> None:
    assert [row_of(history(*each), "investors").get("answered") for each in (submitted(), in_review())] == [False, True]


def test_i3_a_hit_goes_by_its_number_and_what_became_of_it() -> None:
    events = history(*in_review(HIT), command("ResolveHit", round=1))
    row = row_of(events, "screening_hits")
    assert (row["round"], row["hit"], row["outcome"], row["resolved_by"]) == (1, 1, "dismissed", "rita")
    kept = row_of(events, "screening_rounds")
    assert (kept["round"], kept["provider"], kept["hits"]["field"]) == (1, "list", "hits")


def test_i5_a_bank_account_and_the_account_that_is_paid_to_it() -> None:
    events = history(*paid_out())
    bank, account = row_of(events, "bank_accounts"), row_of(events, "accounts")
    assert (bank["status"], bank["country"]) == ("verified", BANK["iban"][:2])
    assert account["payout_account"] == bank["bank_account"]


def test_i6_a_block_stands_until_it_is_lifted() -> None:
    events = history(*opened(), command("BlockAccount"))
    assert "lifted_at" not in row_of(events, "account_blocks")
    lifted = AccountUnblocked(investor=INVESTOR, account=ACCOUNT, block=BLOCK, reason=Personal.of("cleared"))
    assert row_of([*events, lifted], "account_blocks")["lifted_at"] == TIME


def test_i7_an_erased_row_has_nothing_that_could_be_opened() -> None:
    row = row_of(history(*erased()), "investors")
    assert {row[column].get("erased") for column in ("identity", "address", "contact", "tax_identities")} == {True}


def of_another(event: Event) -> Event:
    """The same event of the other investor, whose lane is another one."""
    text = orjson.dumps(event.data()).replace(str(INVESTOR).encode(), str(OTHER).encode())
    return CATALOGUE.parse(event.type_name(), orjson.loads(text))


JOINT = [command("OpenAccount", kind="joint", joint_holders=[OTHER], signatures=2), command("CloseAccount")]
LIFE = [*map(of_another, history(*approved())), *history(*approved(), *JOINT)]


def test_i1_an_account_counts_for_each_of_its_holders_while_it_is_open() -> None:
    before_close = [event for event in LIFE if type(event).__name__ != "AccountClosed"]
    for events, count in ((before_close, 1), (LIFE, 0)):
        rows = tables_of(in_order(events))["investors"].values()
        assert [row["open_accounts"] for row in rows] == [count, count]


@tried(st.randoms(use_true_random=False))
def test_w19_the_tables_are_the_same_for_every_interleaving_of_lanes(random: Any) -> None:
    lanes: dict[str, list[tuple[Event, AttestedEvent]]] = defaultdict(list)
    events = in_order(LIFE)
    for event, seen in events:
        lanes[key_of(event.stream())].append((event, seen))
    mixed = []
    while lanes:
        key = random.choice(sorted(lanes))
        mixed.append(lanes[key].pop(0))
        if not lanes[key]:
            del lanes[key]
    assert tables_of(mixed) == tables_of(events)


def test_an_event_that_no_table_knows_is_never_skipped() -> None:
    class Foreign(Event):
        service = "orders"

    with pytest.raises(UnknownEvent):
        list(project(Foreign(), AttestedEvent(b"", {}, 1, PLACE)))
