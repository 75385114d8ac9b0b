"""Rows of an investors' CSV become registrations: the same row the same one, whoever sends it (TA-I-1)."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given as forall
from hypothesis import strategies as st

from libs.edge.auth import Caller
from libs.edge.batches import checked_body
from libs.edge.importing_batches import Item, Rejected
from libs.edge.importing_csv import Row
from libs.kernel.envelope import Actor
from libs.kernel.errors import CartularyError
from services.investors.domain.decider import InvestorsDecider
from services.investors.import_csv import COLUMNS, REQUIRED, column_of, items, table
from services.investors.investor_commands import InvestorBody, registration

DATA = Path(__file__).parents[3] / "tests-e2e" / "data"
NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
CALLER = Caller(Actor("import", "operations"), "demo")
ANNA = {
    "kind": "natural", "reference": "R-1", "category": "retail", "family_name": "Weber", "given_names": "Anna",
    "birth_date": "1980-02-29", "nationality": "DE", "address_1": "Gasse 1", "address_2": "Hof", "city": "Köln",
    "country": "DE", "phone": "+49 (30) 123-456", "fatca": "non_us", "crs": "individual", "tax_residences": "de, lu",
    "tins": "DE: 81 872 495 633 | LU:none-B", "signed_on": "2026-01-15", "iban": "DE89 3704 0044 0532 0130 00",
    "currency": "EUR",
}  # fmt: skip


def item(tenant: str = "demo", *, submit: bool = False, **cells: str) -> Item:
    found = next(items([Row(2, {**ANNA, **cells})], tenant, submit))
    assert isinstance(found, Item)
    return found


def decided(found: Item) -> int:
    """How many events the row comes to; raises what refuses it."""
    command = registration(checked_body(InvestorBody, found.body), CALLER, NOW)
    if command.introduced_by:
        command = command.model_copy(update={"distributor_row": {"code": command.introduced_by, "ended": False}})
    return len(InvestorsDecider().decide(command, dict.fromkeys(command.streams())))


def test_i1_a_row_is_one_decision_with_certification_and_bank_account() -> None:
    assert decided(item()) == 3
    assert decided(item(submit=True)) == 5
    assert item().body["contact"] == {"phone": "+4930123456"}
    assert item().body["tax"]["residences"] == ["DE", "LU"]
    assert item().body["tax_identities"][1] == {"country": "LU", "missing_reason": "B"}
    assert item().body["bank"]["holder"] == "Anna Weber"


def test_ids_follow_from_tenant_distributor_and_reference_and_from_nothing_else() -> None:
    first, married = item(), item(family_name="Weber-Klein", iban="")
    assert first.body["investor"] == married.body["investor"]
    assert first.key != married.key
    others = {
        item("other").body["investor"],
        item(distributor="X").body["investor"],
        item(reference="R-2").body["investor"],
    }
    assert len(others | {first.body["investor"]}) == 4
    assert UUID(first.body["bank_account"]).version == 8


def test_inv06_no_id_follows_from_what_is_personal() -> None:
    body = item(reference="").body
    assert ("investor" in body, "bank_account" in body) == (False, False)


def test_invariant_9_a_row_without_reference_is_known_by_its_content_wherever_it_stands() -> None:
    cells = {name: value for name, value in ANNA.items() if name != "reference"}
    here, there, other = items([Row(2, cells), Row(900, cells), Row(901, {**cells, "city": "Bonn"})], "demo")
    assert isinstance(here, Item)
    assert isinstance(there, Item)
    assert isinstance(other, Item)
    assert (here.key == there.key, here.key == other.key) == (True, False)


def test_a_legal_person_is_read_from_columns_of_its_own() -> None:
    found = item(kind="Legal", name="Kestrel SAS", fatca="active_nffe", crs="active_nfe", tins="DE:none-C|LU:none-B")
    assert found.body["identity"] == {"kind": "legal", "name": "Kestrel SAS"}
    assert decided(found) == 3


BAD = [
    ("birth_date", "19800229", "8 characters (digits), not a date as YYYY-MM-DD"),
    ("birth_date", "29.02.1980", "10 characters (digits, signs), not a date as YYYY-MM-DD"),
    ("tins", "81872495633", "11 characters (digits), not COUNTRY:NUMBER or COUNTRY:none-A, one after another with |"),
]


@pytest.mark.parametrize(("column", "value", "reason"), BAD)
def test_what_could_be_taken_for_something_else_is_rejected(column: str, value: str, reason: str) -> None:
    assert list(items([Row(7, {**ANNA, column: value})], "demo")) == [Rejected(7, column, reason)]


FIELDS = [
    ("body.identity.natural.birth_date", "birth_date"), ("body.address.lines.1", "address_2"),
    ("body.address.lines", "address_1"), ("body.bank.iban", "iban"), ("bank_currency", "currency"),
    ("tax_identities.0.tin", "tins"), ("body.tax.residences.0", "tax_residences"), ("investor", "reference"),
    ("body.identity", "kind"), ("body.contact.email", "email"), ("identity.legal.lei", "lei"), ("body", ""), ("", ""),
    ("body.more", ""),
]  # fmt: skip


@pytest.mark.parametrize(("field", "column"), FIELDS)
def test_a_field_of_a_problem_is_named_by_its_column(field: str, column: str) -> None:
    assert column_of(field) == column


@forall(st.text(max_size=30))
def test_every_field_has_a_column_or_none(field: str) -> None:
    assert column_of(field) in {*COLUMNS, ""}


@forall(st.dictionaries(st.sampled_from(COLUMNS), st.text(min_size=1, max_size=20), max_size=12))
def test_no_row_ends_in_anything_but_a_registration_or_a_named_error(cells: dict[str, str]) -> None:
    found = next(items([Row(2, cells)], "demo"))
    if isinstance(found, Rejected):
        assert found.column in COLUMNS
        return
    try:
        decided(found)
    except CartularyError as refused:
        assert refused.status < 500  # noqa: PT017 (either way is right)


def test_the_columns_are_documented() -> None:
    text = (DATA.parents[1] / "docs" / "investors-csv.md").read_text()
    assert re.findall(r"^\| `([a-z0-9_]+)`", text, re.MULTILINE) == list(COLUMNS)
    assert set(REQUIRED) <= set(COLUMNS)


def outcomes(file: str) -> tuple[Counter[str], list[str]]:
    """How many rows are good, and the columns of those that are not."""
    counts, bad, taken = Counter[str](), list[str](), set[str]()
    for found in items(table(DATA / file).rows(), "demo"):
        if isinstance(found, Rejected):
            bad.append(found.column)
            continue
        try:
            decided(found)
        except CartularyError as refused:
            first = refused.as_problem().get("errors") or [{"field": refused.field}]
            assert isinstance(first, list)
            bad.append(column_of(str(first[0]["field"])))
        else:
            twice = found.body.get("investor", found.key) in taken
            counts["twice" if twice else found.cells.get("distributor", "direct")] += 1
            taken.add(found.body.get("investor", found.key))
    return counts, bad


def test_the_demos_file_has_people_of_two_distributors_and_bad_rows_of_many_kinds() -> None:
    counts, bad = outcomes("investors.csv")
    assert counts["twice"] == 1
    assert counts["NOBODY-XX"] == 1
    assert counts["direct"] + counts["KESTREL-DE"] + counts["AURORA-LU"] == 289
    assert Counter(bad) == {
        "": 2, "iban": 2, "birth_date": 3, "country": 1, "nationality": 1, "family_name": 1, "tins": 2, "city": 1,
        "kind": 1, "lei": 1, "fatca": 1, "currency": 1, "reference": 1,
    }  # fmt: skip


def test_the_demos_other_file_is_windows_1252_with_semicolons() -> None:
    file = table(DATA / "investors-latin1.csv")
    assert (file.encoding.shown, file.delimiter) == ("windows-1252", ";")
    assert outcomes("investors-latin1.csv") == (Counter({"direct": 10, "KESTREL-DE": 4}), [])
