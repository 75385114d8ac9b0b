"""What must be found nowhere: every personal text of the demo's people, in every form that a store may give it."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import quote, quote_plus

import orjson
import yaml

from libs.edge.importing_csv import Row
from services.investors.import_csv import table

# What is too short would be found by chance in random bytes; a name so short is looked for with its other half.
_SHORTEST_BYTES = 6
_PERSONAL = (
    "family_name", "given_names", "name", "birth_date", "registration_number", "address_1", "address_2", "address_3",
    "email", "phone", "iban", "holder",
)  # fmt: skip
_TINS = "tins"
_BY_CHANCE = re.compile(r"[0-9a-fA-F-]{1,12}")
# Fields whose values are words that everybody uses.
_WORDS = frozenset({"kind", "country", "nationality", "birth_country", "reason", "city"})


def texts_of(path: Path) -> set[str]:
    """The personal texts of a file of investors; of a row whose cells are not its columns none can be told."""
    found: set[str] = set()
    for row in table(path).rows():
        if isinstance(row, Row):
            found.update(_texts(row.cells))
    return {text for text in found if len(text.encode()) >= _SHORTEST_BYTES}


def _texts(row: Mapping[str, str]) -> Iterator[str]:
    for column in _PERSONAL:
        if value := (row.get(column) or "").strip():
            yield value
    for tin in (row.get(_TINS) or "").split("|"):
        number = tin.partition(":")[2].strip()
        if not number.startswith("none-"):
            yield number
    given, family = (row.get("given_names") or "").strip(), (row.get("family_name") or "").strip()
    if given and family:
        yield f"{given} {family}"
        yield f"{family} {given}"
    if iban := (row.get("iban") or "").replace(" ", ""):
        yield iban
        yield " ".join(iban[at : at + 4] for at in range(0, len(iban), 4))


def texts_of_list(path: Path) -> set[str]:
    """What a list of people is called, and its entries: whom a hit is taken for is personal (TA-I-3)."""
    head, *entries = (orjson.loads(line) for line in path.read_bytes().splitlines() if line.strip())
    return {head["list_name"], *(entry["entry"] for entry in entries)}


def needles(texts: Iterable[str]) -> set[bytes]:
    """Every form of the texts as bytes."""
    found: set[bytes] = set()
    for text in texts:
        for cased in {text, text.upper(), text.lower()}:
            plain = {cased.encode(), quote(cased).encode(), quote_plus(cased).encode(), *_in_json(cased)}
            found |= {*_wide(cased), *(_delimited(cased) if _BY_CHANCE.fullmatch(cased) else plain)}
        found |= set(_base64(text.encode()))
        for wide in _wide(text):
            found |= set(_base64(wide))
    # A line of the pattern file is a pattern.
    return {needle for needle in found if b"\n" not in needle and len(needle) >= _SHORTEST_BYTES}


def _delimited(text: str) -> Iterator[bytes]:
    """As a value of its own: so few digits stand in some hash or id by chance."""
    for before, after in ('""', "''", ",,", "\t\t", "  ", "=&", "><", ":|", '"|', '|"'):
        yield f"{before}{text}{after}".encode()


def _wide(text: str) -> tuple[bytes, bytes]:
    return text.encode("utf-16-le"), text.encode("utf-16-be")


def _in_json(text: str) -> tuple[bytes, bytes]:
    """As JSON writes it, and as JSON that keeps to ASCII does."""
    escaped = "".join(mark if mark.isascii() else _escape(mark) for mark in text)
    return orjson.dumps(text)[1:-1], escaped.encode()


def _escape(mark: str) -> str:
    wide = mark.encode("utf-16-be")
    return "".join(f"\\u{wide[at : at + 2].hex()}" for at in range(0, len(wide), 2))


def _base64(raw: bytes) -> Iterator[bytes]:
    """The part that does not depend on what stands before and after, for each of the three alignments."""
    for shift in range(3):
        for alphabet in (base64.standard_b64encode, base64.urlsafe_b64encode):
            encoded = alphabet(bytes(shift) + raw).rstrip(b"=")
            first = (shift * 8 + 5) // 6
            last = (shift + len(raw)) * 8 // 6
            yield encoded[first:last]


def texts_of_story(path: Path) -> set[str]:
    """The personal texts of the story of the demo: whatever stands in a person's, an address's or a bank's part."""
    found: set[str] = set()
    story = yaml.safe_load(path.read_text())
    for part in [*story["applicants"], *story["bank_account_changes"], *story["blocks"]]:
        for name in ("identity", "address", "contact", "tax_identities", "details", "bank", "ground"):
            found.update(_leaves(part.get(name)))
    return {text for text in found if (len(text.encode()) >= _SHORTEST_BYTES and not text.isalpha()) or " " in text}


def _leaves(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            if name not in _WORDS:
                yield from _leaves(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner)
    elif value is not None:
        yield str(value)
