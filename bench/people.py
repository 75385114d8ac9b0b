"""People who do not exist, as rows of an investors' CSV: `python -m bench.people 200000 FILE.csv`.

The same seed gives the same people. Names are put together from lists in fourteen languages and nine scripts; IBANs,
LEIs and tax numbers have right check digits.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from random import Random

from bench.names import COMPANY_KINDS, COMPANY_WORDS, LOCALES, Locale
from bench.numbers import IBAN_COUNTRIES, iban, lei, tin

HEADER = (
    "kind", "reference", "distributor", "category", "family_name", "given_names", "birth_date", "birth_country",
    "nationality", "name", "legal_form", "registration_number", "incorporated_on", "lei", "address_1", "address_2",
    "postal_code", "city", "country", "email", "phone", "fatca", "crs", "tax_residences", "tins", "signed_on", "iban",
    "holder", "currency",
)  # fmt: skip
_FIRST_BIRTH, _BIRTH_DAYS = date(1935, 1, 1), 25_000
_COMPANIES = 0.08
_SINGLE_NAMES = 0.02
_SIGNED = date(2026, 1, 15)


def people(count: int, seed: int = 10, distributors: tuple[str, ...] = ("",)) -> Iterator[dict[str, str]]:
    """So many rows, by column; references are `B-<number>`."""
    chance = Random(seed)
    for number in range(1, count + 1):
        row = company(chance) if chance.random() < _COMPANIES else person(chance, chance.choice(LOCALES))
        row["reference"] = f"B-{number:07d}"
        row["distributor"] = distributors[number % len(distributors)]
        yield row


def person(chance: Random, locale: Locale) -> dict[str, str]:
    """A natural person of a language."""
    born = _FIRST_BIRTH + timedelta(days=chance.randrange(_BIRTH_DAYS))
    given = chance.choice(locale.given)
    if chance.random() < 0.6:
        given = f"{given} {chance.choice(locale.given)}"
    family = chance.choice(locale.family)
    if chance.random() < 0.3:
        family = f"{family}-{chance.choice(locale.family)}"
    country = locale.country
    row = {
        "kind": "natural", "category": "retail", "family_name": family, "given_names": given,
        "birth_date": born.isoformat(), "birth_country": country, "nationality": country,
        **_address(chance, locale), "email": f"b{chance.randrange(10**9)}@example.net",
        "phone": f"+99{chance.randrange(10**8, 10**9)}", "fatca": "non_us", "crs": "individual",
        "tax_residences": country, "tins": f"{country}:{tin(country, chance, born)}", "signed_on": _SIGNED.isoformat(),
        **_bank(chance, country),
    }  # fmt: skip
    if chance.random() < _SINGLE_NAMES:
        del row["given_names"]
    return row


def company(chance: Random) -> dict[str, str]:
    """A legal person."""
    country, form = chance.choice(COMPANY_KINDS)
    words = " ".join(chance.sample(COMPANY_WORDS, 2))
    locale = chance.choice(LOCALES[:3])
    return {
        "kind": "legal", "category": "institutional", "name": f"{words} {chance.randrange(1, 1000)} {form}",
        "legal_form": form, "registration_number": f"{chance.choice('ABCH')}{chance.randrange(10**5, 10**6)}",
        "incorporated_on": (_FIRST_BIRTH + timedelta(days=20_000 + chance.randrange(10_000))).isoformat(),
        "lei": lei(chance), **_address(chance, locale), "country": country, "fatca": "active_nffe", "crs": "active_nfe",
        "tax_residences": country, "tins": f"{country}:none-C", "signed_on": _SIGNED.isoformat(),
        **_bank(chance, country),
    }  # fmt: skip


def write(path: Path, count: int, seed: int = 10) -> None:
    """A CSV file of so many people, in UTF-8."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, HEADER, lineterminator="\n")
        writer.writeheader()
        writer.writerows(people(count, seed))


def _address(chance: Random, locale: Locale) -> dict[str, str]:
    return {
        "address_1": f"{locale.street} {chance.randrange(1, 200)}",
        "postal_code": f"{chance.randrange(10_000, 99_999)}",
        "city": chance.choice(locale.cities),
        "country": locale.country,
    }


def _bank(chance: Random, country: str) -> dict[str, str]:
    where = country if country in IBAN_COUNTRIES else chance.choice(("LU", "CH", "AT"))
    return {"iban": iban(where, chance), "currency": chance.choice(("EUR", "EUR", "USD", "CHF"))}


if __name__ == "__main__":
    write(Path(sys.argv[2]), int(sys.argv[1]))
