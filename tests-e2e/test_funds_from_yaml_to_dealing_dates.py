"""A document of funds goes in through the API; lists, dealing dates and dealing days come out (TA-F-1 … TA-F-3)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from libs.adapters.clock import SystemClock
from libs.edge.importing import Imported, Importer
from libs.testkit.journey import People, Person
from services.funds.import_yaml import entries

DOCUMENT = Path(__file__).parent / "data" / "funds.yaml"
TENANT = "meridian"


@pytest_asyncio.fixture
async def alice(people: People, imported: Imported) -> Person:
    return people.person("alice", TENANT)


async def sub_fund(person: Person, code: str) -> dict[str, Any]:
    (found,) = await person.all("/sub-funds", code=code)
    return found


async def everything(person: Person) -> list[list[dict[str, Any]]]:
    return [await person.all(address) for address in ("/umbrellas", "/sub-funds", "/share-classes", "/changes")]


async def test_the_document_is_on_the_books_and_its_bad_entries_are_named(imported: Imported, alice: Person) -> None:
    assert imported.new == {"umbrella": 2, "sub-fund": 12, "share class": 28, "initial offer": 3}
    assert [(entry.field, entry.value) for entry in imported.bad if entry.field] == [
        ("isin", "LU9900000018"),
        ("terms.minimum_first", "1000.005"),
        ("calendar.cut_off.zone", "America/Brasilia"),
        ("calendar.holiday_sets.1", "exchange:XBSX"),
        ("calendar.cut_off.at", "17:45:00 Europe/Luxembourg"),
    ]
    umbrellas, sub_funds, classes, changes = await everything(alice)
    assert [len(umbrellas), len(sub_funds), len(classes), len(changes)] == [2, 12, 28, 3]
    assert {change["status"] for change in changes} == {"applied"}
    assert {change["proposer"] for change in changes} != {change["approver"] for change in changes}


async def test_inv09_importing_the_document_again_changes_nothing(people: People, alice: Person) -> None:
    before = await everything(alice)
    clock = SystemClock()
    maker, checker = (people.token(sub, TENANT) for sub in ("maker", "checker"))
    again = await Importer(people.url, maker, checker, clock).run(entries(DOCUMENT.read_text(), TENANT, clock.now()))
    assert (again.new, sum(again.there.values())) == ({}, 45)
    assert await everything(alice) == before


DATES = [
    # The cut-off instant itself is in time, a microsecond later is not.
    ("MER-GE", "2026-07-01T12:00:00Z", "subscription", "2026-07-01", "2026-07-01", "2026-07-03"),
    ("MER-GE", "2026-07-01T12:00:00.000001Z", "subscription", "2026-07-02", "2026-07-02", "2026-07-06"),
    ("MER-GE", "2026-07-01T12:00:00Z", "redemption", "2026-07-01", "2026-07-01", "2026-07-06"),
    # New York closes early on the day after Thanksgiving.
    ("MER-US", "2026-11-27T15:30:00Z", "subscription", "2026-11-27", "2026-11-27", "2026-12-01"),
    ("MER-US", "2026-11-27T15:30:01Z", "subscription", "2026-11-30", "2026-11-30", "2026-12-02"),
    # The last cut-off before Tokyo's New Year.
    ("MER-JP", "2026-12-30T16:00:00Z", "subscription", "2026-12-30", "2027-01-04", "2027-01-07"),
]


@pytest.mark.parametrize(("code", "received", "side", "dealing", "valuation", "settlement"), DATES)
async def test_f2_an_order_takes_its_dates_from_its_receipt_time(
    alice: Person, code: str, received: str, side: str, dealing: str, valuation: str, settlement: str
) -> None:
    found = await sub_fund(alice, code)
    answer = (await alice.get(f"/sub-funds/{found['sub_fund']}/dealing", received_at=received, side=side)).json()
    (dates,) = answer["sides"]
    assert (dates["dealing_date"], dates["valuation_date"]) == (dealing, valuation)
    assert dates["settlements"][0]["settlement_date"] == settlement


async def test_f2_a_notice_period_counts_for_redemptions_only(alice: Person) -> None:
    found = await sub_fund(alice, "HAR-RE")
    answer = await alice.get(f"/sub-funds/{found['sub_fund']}/dealing", received_at="2026-07-01T00:00:00Z")
    dates = {side["side"]: side["valuation_date"] for side in answer.json()["sides"]}
    assert dates == {"subscription": "2026-12-31", "redemption": "2027-12-31"}


async def test_f2_the_calendar_leaves_holidays_out_and_cuts_half_days_short(alice: Person) -> None:
    found = await sub_fund(alice, "MER-US")
    query = {"from": "2026-11-24", "to": "2026-11-30"}
    days = (await alice.get(f"/sub-funds/{found['sub_fund']}/calendar", **query)).json()["days"]
    assert [(day["dealing_date"], day["cut_off"]) for day in days] == [
        ("2026-11-24", "2026-11-24T17:00:00Z"),
        ("2026-11-25", "2026-11-25T17:00:00Z"),
        ("2026-11-27", "2026-11-27T15:30:00Z"),
        ("2026-11-30", "2026-11-30T17:00:00Z"),
    ]


async def test_lists_are_filtered_and_paged(alice: Person) -> None:
    whole = await alice.all("/share-classes")
    isins = [each["isin"] for each in whole]
    assert isins == sorted(set(isins))
    in_euro = await alice.all("/share-classes", currency="EUR", limit=3)
    assert in_euro == [each for each in whole if each["currency"] == "EUR"]
    offered = await alice.all("/share-classes", status="initial_offer")
    assert {each["isin"] for each in offered} == {"LU9901187856", "LU9901662999", "IE9902375703"}
    weekly = await alice.all("/sub-funds", frequency="weekly", asset_class="bond")
    assert [each["code"] for each in weekly] == ["MER-SE"]


@pytest.mark.parametrize(
    "address", ["/sub-funds?status=asleep", "/sub-funds?codes=X", "/share-classes?isin=x", "/umbrellas?limit=0"]
)
async def test_a_filter_that_there_is_not_is_named(alice: Person, address: str) -> None:
    answer = await alice.get(address)
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:cartulary:problem:invalid-request")


async def test_inv08_another_tenant_sees_nothing_and_changes_nothing(people: People, alice: Person) -> None:
    stranger = people.person("alice", "harbour")
    assert await everything(stranger) == [[], [], [], []]
    umbrellas, sub_funds, classes, changes = await everything(alice)
    hidden = [
        f"/umbrellas/{umbrellas[0]['umbrella']}",
        f"/sub-funds/{sub_funds[0]['sub_fund']}",
        f"/sub-funds/{sub_funds[0]['sub_fund']}/dealing",
        f"/sub-funds/{sub_funds[0]['sub_fund']}/calendar?from=2026-11-24&to=2026-11-30",
        f"/share-classes/{classes[0]['share_class']}",
        f"/changes/{changes[0]['change']}",
    ]
    assert [(await stranger.get(address)).status_code for address in hidden] == [404] * len(hidden)
    rename = {"command": "RenameSubFund", "payload": {"name": "Mine"}}
    attempts = [
        await stranger.post(f"/sub-funds/{sub_funds[0]['sub_fund']}/changes", rename),
        await stranger.post(f"/changes/{changes[0]['change']}/approve"),
    ]
    assert [attempt.status_code for attempt in attempts] == [404, 404]
    assert await everything(alice) == [umbrellas, sub_funds, classes, changes]


async def test_inv09_the_same_key_gives_the_first_answer_and_with_another_request_409(people: People) -> None:
    umbrella = {"name": "Twice SICAV", "legal_form": "sicav", "regime": "ucits", "domicile": "LU"}
    bob = people.person("bob", "twice")
    first = await bob.post("/umbrellas", umbrella, key="twice")
    again = await bob.post("/umbrellas", umbrella, key="twice")
    other = await bob.post("/umbrellas", {**umbrella, "name": "Else"}, key="twice")
    assert (first.status_code, again.status_code, again.json()) == (201, 201, first.json())
    assert (other.status_code, other.json()["type"]) == (409, "urn:cartulary:problem:idempotency-mismatch")
