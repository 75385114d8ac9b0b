"""A YAML document becomes commands; bad entries are named and the others go on."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given as forall
from hypothesis import strategies as st

from libs.edge.importing import BadEntry, Entry
from libs.kernel.decider import Command
from libs.kernel.errors import InvalidValue
from services.funds.import_yaml import Found, entries, read_funds

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
DEMO = Path(__file__).parents[3] / "tests-e2e" / "data" / "funds.yaml"
ONE_UMBRELLA = """
umbrellas:
  - {name: Meridian, legal_form: sicav, regime: ucits, domicile: LU}
"""


def read(document: str, tenant: str = "demo") -> tuple[list[Command], list[BadEntry]]:
    found = list(read_funds(document, tenant, NOW))
    commands = [each.command for each in found if isinstance(each, Found)]
    return commands, [each for each in found if isinstance(each, BadEntry)]


def test_the_demos_document_gives_its_funds_and_names_its_bad_entries() -> None:
    commands, bad = read(DEMO.read_text())
    assert Counter(type(each).__name__ for each in commands) == {
        "RegisterUmbrella": 2, "RegisterSubFund": 12, "DraftShareClass": 28, "OpenInitialOffer": 3,
    }  # fmt: skip
    assert [(entry.field, entry.value) for entry in bad if entry.field] == [
        ("isin", "LU9900000018"),
        ("terms.minimum_first", "1000.005"),
        ("calendar.cut_off.zone", "America/Brasilia"),
        ("calendar.holiday_sets.1", "exchange:XBSX"),
        ("calendar.cut_off.at", "17:45:00 Europe/Luxembourg"),
    ]
    assert [entry.path for entry in bad if not entry.field] == [
        "umbrellas[0].sub_funds[9].share_classes[0]",
        "umbrellas[0].sub_funds[10].share_classes[0]",
        "umbrellas[1].sub_funds[3].share_classes[0]",
    ]


def test_the_same_document_gives_the_same_ids_and_another_tenant_others() -> None:
    once, again, elsewhere = (read(DEMO.read_text(), tenant)[0] for tenant in ("demo", "demo", "other"))
    assert once == again
    assert not {each.streams()[0] for each in once} & {each.streams()[0] for each in elsewhere}


def test_every_failure_of_an_entry_is_named() -> None:
    _, bad = read("umbrellas: [{name: X, legal_form: club, regime: none, domicile: LU, extra: 1}]")
    assert {(entry.path, entry.field) for entry in bad} == {
        ("umbrellas[0]", "legal_form"), ("umbrellas[0]", "regime"), ("umbrellas[0]", "extra"),
    }  # fmt: skip


def test_w4_what_stands_twice_is_named() -> None:
    lei = "529900T8BM49AURSDO55"
    entry = "{{name: {0}, legal_form: sicav, regime: ucits, domicile: LU, lei: {1}}}"
    _, bad = read(f"umbrellas: [{entry.format('One', lei)}, {entry.format('Two', lei)}]")
    assert [(each.path, each.field, each.value) for each in bad] == [("umbrellas[1]", "lei", lei)]


def test_norway_and_numbers_stay_text() -> None:
    commands, bad = read(ONE_UMBRELLA.replace("LU", "NO").replace("Meridian", "1_000.50"))
    assert bad == []
    assert (commands[0].model_dump()["domicile"], commands[0].model_dump()["name"]) == ("NO", "1_000.50")


BAD_DOCUMENTS = [
    ("nothing", ""),
    ("no YAML", "umbrellas: [}"),
    ("no list", "umbrellas: 3"),
    ("another document", "funds: []"),
    ("a key twice", "umbrellas: []\numbrellas: []"),
    ("a key that is no text", "umbrellas: []\n? [a]\n: b"),
    ("control characters", "umbrellas: \x00"),
    ("half a surrogate pair", "umbrellas: \ud800"),
    ("depth without end", "[" * 2_000),
    ("too long", "#" * 5_000_001),
]


@pytest.mark.parametrize("document", [d[1] for d in BAD_DOCUMENTS], ids=[d[0] for d in BAD_DOCUMENTS])
def test_what_is_no_document_of_funds_is_refused(document: str) -> None:
    with pytest.raises(InvalidValue):
        read(document)


BAD_ENTRIES = [
    ("text for an umbrella", "umbrellas: [text]"),
    ("no name", "umbrellas: [{legal_form: sicav}]"),
    ("a mapping that holds itself", "umbrellas: [&a {name: *a, sub_funds: [*a]}]"),
    ("aliases upon aliases", "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\numbrellas: [{name: *c}]"),
    ("a tag", "umbrellas: [!!python/object:os.system {}]"),
]


@pytest.mark.parametrize("document", [d[1] for d in BAD_ENTRIES], ids=[d[0] for d in BAD_ENTRIES])
def test_an_entry_that_is_none_is_named(document: str) -> None:
    commands, bad = read(document)
    assert commands == []
    assert bad[0].path == "umbrellas[0]"


def test_merge_keys_let_entries_share_their_parts() -> None:
    shared = "base: &base {legal_form: sicav, regime: ucits, domicile: LU}\n"
    commands, bad = read(shared + "umbrellas: [{<<: *base, name: One}, {<<: [*base, {lei: x}], name: Two}]")
    assert [each.model_dump()["name"] for each in commands] == ["One"]
    assert [(entry.field, entry.value) for entry in bad] == [("lei", "x")]


@forall(st.text(alphabet=st.sampled_from("umbrelas: -[]{}&*!|>'\"#%\n\t<NO1."), max_size=80))
def test_no_document_ends_in_anything_but_commands_or_names(document: str) -> None:
    try:
        read(document)
    except InvalidValue as refusal:
        assert refusal.field in {"document", "umbrellas"}  # noqa: PT017  (either way is right)


def test_an_entry_says_where_it_is_sent_and_where_to_look_whether_it_is_there() -> None:
    found = [each for each in entries(DEMO.read_text(), "demo", NOW) if isinstance(each, Entry)]
    first = {each.kind: each for each in reversed(found)}
    umbrella, sub_fund = first["umbrella"].body["umbrella"], first["sub-fund"].body["sub_fund"]
    assert (first["umbrella"].address, first["umbrella"].there) == ("/umbrellas", f"/umbrellas/{umbrella}")
    assert first["sub-fund"].address == f"/umbrellas/{umbrella}/sub-funds"
    assert first["share class"].address == f"/umbrellas/{umbrella}/sub-funds/{sub_fund}/share-classes"
    assert first["initial offer"].body["command"] == "OpenInitialOffer"


def test_f4_what_needs_a_second_person_goes_last_and_to_no_address_of_its_own() -> None:
    found = [each for each in entries(DEMO.read_text(), "demo", NOW) if isinstance(each, Entry)]
    assert {each.step for each in found if each.address is None} == {max(each.step for each in found)}
