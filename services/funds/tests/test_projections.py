"""The read tables follow from the events alone, and fit their migration."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from libs.kernel.decider import Command
from libs.kernel.envelope import AttestedEvent, BatchPlace
from libs.kernel.events import Event, UnknownEvent
from libs.ports.changes import Put
from services.funds.projections import project
from services.funds.tests.examples import (
    ISIN,
    LEVY,
    LUXEMBOURG,
    OFFER,
    OFFER_END,
    TERMS,
    command,
    draft_share_class,
    given,
    register_sub_fund,
    register_umbrella,
)

MIGRATION = Path(__file__).parent.parent / "migrations" / "001_read_tables.sql"
PLACE = BatchPlace(0, 1, 1, b"", b"", b"", 1, b"", 0, b"", 0)
TIME = "2026-11-23T09:00:00.000000Z"


def seen(event: Event) -> AttestedEvent:
    return AttestedEvent(b"", {"type": event.type_name(), "time": TIME}, 1, PLACE)


def tables_after(*commands: Command) -> dict[str, dict[str, Any]]:
    """The one row of each table after the commands."""
    past, tables = given(), dict[str, dict[str, Any]]()
    for each in commands:
        for event in past.decide(each):
            past.apply(event)
            for change in project(event, seen(event)):
                assert isinstance(change, Put)
                tables.setdefault(change.table, {}).update({**change.key, **change.values})
    return tables


LIFE = [register_umbrella(), register_sub_fund(), draft_share_class()]
OFFERED = [*LIFE, command("OpenInitialOffer", offer=OFFER)]
ENDED = [*OFFERED, command("EndInitialOffer", now=OFFER_END, closes_at=OFFER_END)]
OPEN = [*ENDED, command("CloseInitialOffer", now=OFFER_END, raised="7000000")]


def columns_of(migration: str) -> Mapping[str, dict[str, bool]]:
    """Columns by table; True for one that must have a value."""
    tables = {}
    for table, body in re.findall(r"create table (\w+) \((.*?)\n\);", migration, re.DOTALL):
        columns = re.findall(
            r"^    (\w+) +(?:text|uuid|char|timestamptz|jsonb|smallint|numeric|boolean)(.*)$", body, re.MULTILINE
        )
        tables[table] = {name: "not null" in rest for name, rest in columns if name != "tenant"}
    return tables


def test_a_new_row_has_every_column_that_must_have_a_value() -> None:
    tables = tables_after(*OPEN)
    for table, columns in columns_of(MIGRATION.read_text()).items():
        assert set(tables[table]) <= set(columns), table
    first_rows = tables_after(*LIFE)
    for table, columns in columns_of(MIGRATION.read_text()).items():
        assert {name for name, needed in columns.items() if needed} <= set(first_rows[table]), table


def test_an_umbrella_has_its_row() -> None:
    row = tables_after(*LIFE)["umbrellas"]
    assert (row["name"], row["domicile"], row["registered_at"]) == ("Meridian SICAV", "LU", TIME)


SUB_FUND_ROWS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("RenameSubFund", {"name": "Other"}, {"name": "Other"}),
    ("SetDealingCalendar", {"calendar": {**LUXEMBOURG, "frequency": {"kind": "weekly", "weekdays": [1]}}},
     {"frequency": "weekly"}),
    ("SetLiquidityTools", {"tools": {"levy": LEVY}}, {"status": "dealing"}),
    ("SuspendSubFund", {"reason": "merger"}, {"status": "suspended", "reason": "merger"}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "fields", "expected"), SUB_FUND_ROWS, ids=[row[0] for row in SUB_FUND_ROWS])
def test_a_sub_funds_row_follows_its_changes(name: str, fields: dict[str, Any], expected: dict[str, Any]) -> None:
    row = tables_after(*LIFE, command(name, **fields))["sub_funds"]
    assert expected.items() <= row.items()


def test_a_sub_fund_resumes_and_closes_in_its_row() -> None:
    suspended = [*LIFE, command("SuspendSubFund", reason="merger"), command("ResumeSubFund")]
    assert tables_after(*suspended)["sub_funds"]["reason"] is None
    closed = [*LIFE, command("CloseShareClass", reason="merger"), command("CloseSubFund", reason="merger")]
    assert tables_after(*closed)["sub_funds"]["status"] == "closed"


STATUSES = [
    ("drafted", LIFE, "draft"),
    ("offered", OFFERED, "initial_offer"),
    ("offer over", ENDED, "initial_offer_ended"),
    ("open", OPEN, "open"),
    ("soft-closed", [*OPEN, command("SoftCloseShareClass", existing_holders_may_subscribe=True)], "soft_closed"),
    ("suspended", [*OPEN, command("SuspendShareClass", reason="merger")], "suspended"),
    ("resumed", [*OPEN, command("SuspendShareClass", reason="merger"), command("ResumeShareClass")], "open"),
    ("closed", [*OPEN, command("CloseShareClass", reason="merger")], "closed"),
]


@pytest.mark.parametrize(("commands", "status"), [s[1:] for s in STATUSES], ids=[s[0] for s in STATUSES])
def test_f1_the_status_of_a_class_stands_in_its_row(commands: list[Command], status: str) -> None:
    row = tables_after(*commands)["share_classes"]
    assert (row["isin"], row["status"], row["changed_at"]) == (ISIN, status, TIME)


def test_f1_offer_and_terms_stand_in_the_row_of_a_class() -> None:
    amend = command("AmendShareClassTerms", terms={**TERMS, "name": "B", "countries": ["FR"]})
    later = command("ExtendInitialOffer", closes_at=OFFER_END.replace(year=2027))
    row = tables_after(*OFFERED, amend, later)["share_classes"]
    assert (row["name"], row["countries"], row["terms"]["countries"]) == ("B", ["FR"], ["FR"])
    assert (row["offer_price"], row["offer_closes_at"][:4], row["offer_minimum_raise"]) == ("100", "2027", "5000000")
    assert tables_after(*OPEN)["share_classes"]["offer_raised"] == "7000000"


def test_an_event_that_no_table_knows_is_never_skipped() -> None:
    class Foreign(Event):
        service = "orders"

    with pytest.raises(UnknownEvent):
        list(project(Foreign(), seen(Foreign())))
