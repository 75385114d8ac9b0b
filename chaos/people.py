"""Invented people in several scripts, what is sent of them, and the texts that nothing may ever show of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import orjson


class Person(NamedTuple):
    """Nobody; the name in its own script, with what a registration needs."""

    given_names: str | None
    family_name: str
    birth_date: str
    country: str
    city: str
    street: str
    tin: str
    ibans: tuple[str, str]


_IBANS = (
    "LU280019400644750000", "DE89370400440532013000", "FR4620041000000505013M02670", "BE68539007547034",
    "AT611904300234573201", "NL91ABNA0417164300", "CH9300762011623852957", "PT50000200001234567890156",
    "SE7450000000583982574660", "ES6621000000650200051332", "PL61109010140000071219812874", "DK5000400440116243",
)  # fmt: skip
_WHO = (
    ("Ottilie", "Feldkirchner", "1961-02-17", "DE", "Regensburg", "Brückengässchen 4"),
    ("Πηνελόπη", "Καραμανλάκη", "1974-08-30", "GR", "Θεσσαλονίκη", "Οδός Αμπελώνων 11"),
    ("Дарина", "Величкова", "1988-11-05", "BG", "Пловдив", "улица Липова 27"),
    ("فرزانه", "نیک‌اندیش", "1979-03-21", "LU", "Esch-sur-Alzette", "Rue des Tilleuls 8"),
    ("שלומית", "בן־אהרונסקי", "1983-06-12", "LU", "Diekirch", "Montée du Moulin 3"),
    ("華燕", "歐陽靜宜", "1990-01-29", "LU", "Grevenmacher", "Quai de la Moselle 19"),
    ("さくら", "長谷川野乃", "1986-04-02", "LU", "Echternach", "Rue du Lac 77"),
    ("မြတ်နိုးထွန်း", "အောင်ကျော်ဇေယျာ", "1969-12-24", "LU", "Remich", "Route du Vin 52"),
    ("प्रियंवदा", "चट्टोपाध्याय", "1977-07-07", "LU", "Wiltz", "Grand-Rue 6"),
    ("Þórgunnur", "Ásgrímsdóttir", "1958-10-10", "IS", "Ísafjörður", "Hafnarstræti 15"),
    ("Nguyễn Thị", "Bạch-Tuyết", "1992-05-18", "LU", "Vianden", "Rue de la Gare 90"),
    (None, "Sukarnoputrawati", "1965-09-09", "LU", "Clervaux", "Rue du Château 2"),
)
PEOPLE = tuple(
    Person(*who, tin=f"{who[2].replace('-', '')}77{number:03}", ibans=(_IBANS[number], _IBANS[number - 1]))
    for number, who in enumerate(_WHO)
)
# Somebody on the list is like this person; a reviewer has to say that it is another one.
LISTED = PEOPLE[0]
# Whom a hit is taken for is as personal as a name.
_LIST, _ENTRY = "Chaos list of nobody", "CHAOS-ENTRY-1"
_SHORTEST_BYTES = 6


def identity(person: Person) -> dict[str, Any]:
    """The identity in a body."""
    found = {"kind": "natural", "family_name": person.family_name, "birth_date": person.birth_date}
    found |= {"given_names": person.given_names} if person.given_names else {}
    return {**found, "nationality": person.country}


def full_name(shown: Mapping[str, Any]) -> str:
    """The name of an identity in a body."""
    return " ".join(part for part in (shown.get("given_names"), shown["family_name"]) if part)


def registration(person: Person, *, whole: bool = False) -> dict[str, Any]:
    """A body that registers the person; a whole file has a certification and a bank account."""
    address = {"lines": [person.street], "postal_code": "L-9999", "city": person.city, "country": person.country}
    body = {"category": "retail", "identity": identity(person), "address": address}
    return body | {**certification(person), "bank": bank(person, 0), "bank_currency": "EUR"} if whole else body


def certification(person: Person) -> dict[str, Any]:
    """A body that certifies where the person pays taxes."""
    tax = {"fatca": "non_us", "crs": "individual", "residences": ["LU"], "signed_on": "2026-01-15"}
    return {"tax": tax, "tax_identities": [{"country": "LU", "tin": person.tin}]}


def bank(person: Person, which: int) -> dict[str, Any]:
    """The first or second bank account of the person."""
    return {"iban": person.ibans[which], "holder": full_name(identity(person))}


def hits_on(sent: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What the list says of an identity: it names LISTED in full, and nobody else."""
    same = full_name(sent) == full_name(identity(LISTED))
    return [{"entry": _ENTRY, "list_name": _LIST, "score_percent": 100}] if same else []


@cache
def clear_texts() -> tuple[bytes, ...]:
    """Every text of theirs, as UTF-8 and as JSON that keeps to ASCII; what is too short is found by chance."""
    texts = {text for person in PEOPLE for text in (*person[:3], *person[4:7], *person.ibans) if text} | {_LIST, _ENTRY}
    escaped = {json.dumps(text)[1:-1].encode() for text in texts}
    return tuple(sorted(raw for raw in {text.encode() for text in texts} | escaped if len(raw) >= _SHORTEST_BYTES))


def write_screening_list(place: Path) -> Path:
    """A list on which nobody stands but somebody like LISTED; its path."""
    head = {"list_name": _LIST, "list_version": "1", "entries": 2}
    entries = [
        {"entry": _ENTRY, "kind": "natural", "names": [full_name(identity(LISTED))], "births": [LISTED.birth_date[:4]]},
        {"entry": "CHAOS-ENTRY-2", "kind": "legal", "names": ["Nobody's Shipping Ltd"]},
    ]
    path = place / "screening.jsonl"
    path.write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in (head, *entries)))
    return path
