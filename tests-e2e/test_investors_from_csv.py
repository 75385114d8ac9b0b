"""A CSV file of people becomes investors: the good ones once and for all, the bad ones named without a value."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest_asyncio

from libs.adapters.clock import SystemClock
from libs.edge.importing_batches import BatchImporter, Counts, Rejected
from libs.stack.places import CHECKOUT
from libs.testkit.journey import People, Person
from services.investors.import_csv import ADDRESS, column_of, items, table

TENANT = "csv-investors"
FILES = [CHECKOUT / "tests-e2e" / "data" / name for name in ("investors.csv", "investors-latin1.csv")]
GOOD, LATIN = 289, 14


class Import(NamedTuple):
    """What came of a file: how many, and which rows are bad."""

    counts: Counts
    bad: list[Rejected]


async def sent(staff: People, file: Path) -> Import:
    bad: list[Rejected] = []
    token = staff.token("importer", TENANT)
    importer = BatchImporter(staff.url + ADDRESS, token, SystemClock(), column_of, size=100, at_once=2)
    counts = await importer.run(items(table(file).rows(), TENANT), lambda counts: None, bad.append)
    return Import(counts, sorted(bad))


@pytest_asyncio.fixture(scope="module")
async def operations(staff: People) -> Person:
    person = staff.person("importer", TENANT)
    for code in ("KESTREL-DE", "AURORA-LU"):
        made = await person.post("/investors/distributors", {"code": code, "name": f"{code} Bank", "country": "LU"})
        assert made.status_code == 201, made.text
    return person


@pytest_asyncio.fixture(scope="module")
async def first(staff: People, operations: Person) -> list[Import]:
    return [await sent(staff, file) for file in FILES]


def test_good_rows_are_on_the_books_and_bad_ones_are_named(first: list[Import]) -> None:
    everybody, latin = first
    assert (everybody.counts.new, everybody.counts.there) == (GOOD, 0)
    assert (latin.counts.new, latin.counts.there, latin.counts.rejected) == (LATIN, 0, 0)
    reasons = {row.column: row.reason for row in everybody.bad}
    assert len(everybody.bad) == everybody.counts.rejected == 20
    assert reasons["reference"] == "8 characters (letters, digits, signs), registered with other particulars"
    assert reasons["currency"].startswith("5 characters (letters)")


def test_no_reason_shows_what_a_row_holds(first: list[Import]) -> None:
    rows = {item.line: item for item in items(table(FILES[0]).rows(), TENANT) if not isinstance(item, Rejected)}
    personal = (
        "family_name",
        "given_names",
        "name",
        "birth_date",
        "iban",
        "tins",
        "address_1",
        "city",
        "email",
        "phone",
    )
    for bad in first[0].bad:
        cells = rows[bad.line].cells if bad.line in rows else {}
        assert not [cells[column] for column in personal if column in cells and cells[column] in bad.reason]


async def test_invariant_9_the_same_files_again_change_nothing(staff: People, first: list[Import]) -> None:
    again = [await sent(staff, file) for file in FILES]
    assert [(each.counts.new, each.counts.there) for each in again] == [(0, GOOD), (0, LATIN)]
    assert [each.bad for each in again] == [each.bad for each in first]


async def test_w4_the_same_rows_from_another_hand_are_found_by_their_references(
    staff: People, first: list[Import]
) -> None:
    importer = BatchImporter(staff.url + ADDRESS, staff.token("another", TENANT), SystemClock(), column_of)
    counts = await importer.run(items(table(FILES[1]).rows(), TENANT), lambda counts: None, lambda row: None)
    assert (counts.new, counts.there, counts.rejected) == (0, LATIN, 0)


SEARCHES = ["Przykładowo-nobody", "Щербинин", "Shcherbinin", "Ejemplo", "髙橋", "Χατζηκώστα", "O'Shaughnessy"]


async def test_people_are_found_in_any_script(operations: Person, first: list[Import]) -> None:
    found = {}
    for name in SEARCHES:
        answer = await operations.post("/investors/investors/search", {"name": name})
        found[name] = len(answer.json()["items"])
    assert found.pop("Przykładowo-nobody") == 0
    assert all(found.values()), found


async def test_a_batch_of_one_who_may_not_register_is_refused_as_a_whole(staff: People) -> None:
    auditor = staff.person("auditor", TENANT, "auditor")
    answer = await auditor.post("/investors/investors/batch", {"entries": []})
    assert answer.status_code == 403
