"""Who is like an entry of tests-e2e/data/screening.jsonl, and who is not (TA-I-3)."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given as forall
from hypothesis import settings
from hypothesis import strategies as st

from services.investors.adapters.likeness import NameIndex, name_of
from services.investors.adapters.local_list import ListEntry, read_list
from services.investors.adapters.screening import Subject

SAMPLE = Path(__file__).parents[3] / "tests-e2e" / "data" / "screening.jsonl"
LIST = read_list(SAMPLE)
ENTRIES = [ListEntry.model_validate_json(line) for line in SAMPLE.read_text().splitlines()[1:]]


def entries_like(
    name: str, kind: Literal["natural", "legal"] = "natural", born: str | None = None, countries: str = ""
) -> list[str]:
    subject = Subject(
        name,
        kind,
        birth_date=None if born is None else date.fromisoformat(born),
        countries=frozenset(countries.split()),
    )
    return [hit.entry for hit in LIST.hits(subject)]


@pytest.mark.parametrize(
    ("fact", "name", "entry"),
    [
        ("words transposed", "Primerov, Ivan Sergeyevich", "EX-001"),
        ("a middle name missing", "Ivan Primerov", "EX-001"),
        ("Cyrillic against Latin", "Иван Примеров", "EX-001"),
        ("a German transliteration", "Iwan Primerow", "EX-001"),
        ("a Ukrainian name by a Russian spelling", "Aleksandr Zrazkovy", "EX-016"),
        ("Latin against Arabic", "Muhammad Mithali", "EX-002"),
        ("Arabic against Latin", "محمد المثالي", "EX-002"),
        ("a name in one word instead of two", "Mohamed Abdelrahman Al Mithali", "EX-002"),
        ("Greek against Latin", "Alexandros Paradigmatidis", "EX-003"),
        ("Greek, another order", "Παραδειγματίδης Αλέξανδρος", "EX-003"),
        ("Chinese against pinyin", "李示范", "EX-004"),
        ("pinyin the other way round", "Shifan Li", "EX-004"),
        ("pinyin by syllables", "Li Shi Fan", "EX-004"),
        ("an umlaut left out", "Jorg Muller Beispiel", "EX-005"),
        ("an umlaut written out, and a title", "Dr. Joerg Mueller-Beispiel", "EX-005"),
        ("diacritics left out", "Jose Ejemplo Nunez", "EX-006"),
        ("an alias", "Ejemplo Pepe", "EX-006"),
        ("Latin against Hebrew", "Shlomo Cohen", "EX-007"),
        ("Hebrew", "שלמה כהן", "EX-007"),
        ("Korean given names run together", "Kim Bonbogi", "EX-008"),
        ("Japanese family name last", "Taro Mihon", "EX-009"),
        ("Vietnamese without marks", "Nguyen Mau", "EX-011"),
        ("a Polish letter of its own", "Lukasz Przykladowski", "EX-012"),
        ("an honorific before", "Haji Oleksandr Zrazkovyi", "EX-016"),
        ("an initial in between", "Oleksandr V. Zrazkovyi", "EX-016"),
        ("one name only", "Suharsono", "EX-014"),
    ],
)
def test_i3_a_person_is_found_in_spite_of(fact: str, name: str, entry: str) -> None:
    assert entries_like(name) == [entry], fact


@pytest.mark.parametrize(
    ("name", "entry"),
    [
        ("Exemplar Shipping", "EX-017"),
        ("Obrazets Treid OOO", "EX-018"),
        ("Образец Трейд", "EX-018"),
        ("MUSTER HANDELS G.m.b.H.", "EX-019"),
    ],
)
def test_i3_a_legal_person_is_found_whatever_its_legal_form(name: str, entry: str) -> None:
    assert entries_like(name, "legal") == [entry]


@pytest.mark.parametrize(
    "name",
    ["Li Fan", "Ana Li", "Li Na", "Kim Kim", "Kim Bo", "Van Nguyen", "Anna Weber", "Maria Nunez Ruiz", "Jan Muller",
     "Mohammed Ali", "Taro Tanaka", "Ivan Ivanov", "Budi Suharsono", "Cohen", "Ng"],
)  # fmt: skip
def test_i3_a_short_or_common_name_in_part_is_nobody(name: str) -> None:
    assert entries_like(name) == []


def test_i3_a_company_is_no_natural_person_unless_the_list_does_not_say() -> None:
    assert entries_like("Exemplar Shipping", "natural") == []
    assert entries_like("Specimen Foundation", "natural") == entries_like("Specimen Foundation", "legal") == ["EX-020"]


def test_i3_a_year_of_birth_more_than_two_away_is_somebody_else() -> None:
    assert entries_like("Ivan Primerov", born="1963-12-31") == ["EX-001"]
    assert entries_like("Ivan Primerov", born="1964-01-01") == []
    assert entries_like("Bjork Synishornsdottir", born="1964-01-01") == ["EX-013"], "the list knows no date"


def test_i3_the_same_day_of_birth_lets_less_of_the_name_do() -> None:
    assert entries_like("Budi Suharsono", born="1951-07-07") == ["EX-014"]
    assert entries_like("Budi Suharsono", born="1951-07-08") == []


def test_i3_other_countries_ask_for_more_of_the_name() -> None:
    assert entries_like("Solomon Cohen") == ["EX-007"]
    assert entries_like("Solomon Cohen", countries="IL US") == ["EX-007"]
    assert entries_like("Solomon Cohen", countries="US") == []
    assert entries_like("Shlomo Cohen", countries="US") == ["EX-007"]


def test_i3_the_measure_says_how_much_was_left_over() -> None:
    index = NameIndex(["Anna Maria Weber", "Anna Weber"])
    assert {like.name: like.percent for like in index.like("Weber Anna")} == {0: 97.0, 1: 100.0}


spellings = st.sampled_from([(entry, name) for entry in ENTRIES for name in entry.names])


@forall(spellings.flatmap(lambda one: st.tuples(st.just(one[0]), st.permutations(one[1].split()))))
def test_i3_every_name_on_the_list_is_found_in_any_order_of_its_words(drawn: tuple[ListEntry, list[str]]) -> None:
    entry, words = drawn
    found = LIST.hits(Subject(" ".join(words), entry.kind or "natural"))
    assert entry.entry in [hit.entry for hit in found if hit.score_percent >= 97]


@settings(deadline=None, max_examples=50)
@forall(st.text(max_size=200))
def test_i3_any_text_can_be_asked_for(text: str) -> None:
    name_of(text)
    assert all(0 <= hit.score_percent <= 100 for hit in LIST.hits(Subject(text)))
