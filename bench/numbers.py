"""Invented numbers with right check digits: IBAN, LEI, tax numbers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from random import Random

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
# The rest of an IBAN by country: letters stand for themselves, `n` is a digit.
_BBAN = {
    "DE": "n" * 18, "FR": "n" * 23, "ES": "n" * 20, "PL": "n" * 24, "PT": "n" * 21, "NL": "CART" + "n" * 10,
    "CY": "n" * 24, "KZ": "nnn" + "n" * 13, "AE": "n" * 19, "IL": "n" * 19, "GB": "CART" + "n" * 14,
    "LU": "nnn" + "n" * 13, "AT": "n" * 16, "IE": "CART" + "n" * 14, "CH": "nnnnn" + "n" * 12, "BE": "n" * 12,
}  # fmt: skip
IBAN_COUNTRIES = tuple(_BBAN)


def _as_number(text: str) -> int:
    """Letters as two digits each, as ISO 7064 has it."""
    return int("".join(mark if mark.isdigit() else str(ord(mark) - 55) for mark in text))


def iban(country: str, chance: Random) -> str:
    """An IBAN (ISO 13616) of a bank that there is not."""
    form = _BBAN[country]
    digits = str(chance.randrange(10 ** (count := form.count("n")))).zfill(count)
    rest = form.rstrip("n") + digits
    return f"{country}{98 - _as_number(rest + country + '00') % 97:02d}{rest}"


def lei(chance: Random) -> str:
    """A legal entity identifier (ISO 17442) of an issuer that there is not."""
    rest = "9999" + "00" + "".join(chance.choices("0123456789ABCDEFGHJKLMNPQRSTUVWXYZ", k=12))
    return f"{rest}{98 - _as_number(rest + '00') % 97:02d}"


def _idnr(chance: Random, born: date) -> str:
    """Germany: of ten digits one stands twice, ISO 7064 MOD 11,10."""
    digits = chance.sample("123456789", 1) + chance.sample("0123456789", 10)
    first = digits[0]
    rest = [mark for mark in digits[1:] if mark != first][:8]
    body = [first, *rest]
    body.append(rest[0])
    product = 10
    for mark in body:
        total = (int(mark) + product) % 10 or 10
        product = total * 2 % 11
    return "".join(body) + str((11 - product) % 10)


def _dni(chance: Random, born: date) -> str:
    number = chance.randrange(10_000_000, 100_000_000)
    return f"{number}{'TRWAGMYFPDXBNJZSQVHLCKE'[number % 23]}"


def _pesel(chance: Random, born: date) -> str:
    month = born.month + (20 if born.year >= 2000 else 0)
    body = f"{born.year % 100:02d}{month:02d}{born.day:02d}{chance.randrange(10_000):04d}"
    total = sum(int(mark) * weight for mark, weight in zip(body, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3), strict=True))
    return f"{body}{-total % 10}"


def _nif(chance: Random, born: date) -> str:
    body = f"2{chance.randrange(10**7):07d}"
    total = sum(int(mark) * weight for mark, weight in zip(body, range(9, 1, -1), strict=True))
    return f"{body}{(11 - total % 11) % 11 % 10}"


def _bsn(chance: Random, born: date) -> str:
    while True:
        body = f"{chance.randrange(10**8):08d}"
        last = sum(int(mark) * weight for mark, weight in zip(body, range(9, 1, -1), strict=True)) % 11
        if last < 10 and int(body):
            return f"{body}{last}"


def _israel(chance: Random, born: date) -> str:
    body = f"{chance.randrange(1, 10**8):08d}"
    doubled = (int(mark) * (1 + place % 2) for place, mark in enumerate(body))
    return f"{body}{-sum(one // 10 + one % 10 for one in doubled) % 10}"


def _plain(chance: Random, born: date) -> str:
    return f"{chance.randrange(10**9, 10**10)}"


_TINS: dict[str, Callable[[Random, date], str]] = {
    "DE": _idnr, "ES": _dni, "PL": _pesel, "PT": _nif, "NL": _bsn, "IL": _israel
}  # fmt: skip
# Where the number's check needs more than arithmetic, or the country gives none, the CRS has a reason instead.
WITHOUT_TIN = {"AE": "A", "FR": "C", "CY": "C", "JP": "C"}


def tin(country: str, chance: Random, born: date) -> str:
    """A tax number of a natural person, or `none-A` for the reason that there is none."""
    reason = WITHOUT_TIN.get(country)
    return f"none-{reason}" if reason else _TINS.get(country, _plain)(chance, born)
