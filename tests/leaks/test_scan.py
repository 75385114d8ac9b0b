"""The search itself: it finds every form of a text, wherever it stands, or its silence would prove nothing."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.leaks.needles import needles, texts_of
from tests.leaks.scan import search

NAME = "Zoë Брежнев-Müller"


def _hidden(form: str) -> bytes:
    forms = {
        "plain": NAME.encode(),
        "upper": NAME.upper().encode(),
        "utf-16": NAME.encode("utf-16-le"),
        "utf-16-be": NAME.encode("utf-16-be"),
        "base64": base64.b64encode(b"x" + NAME.encode() + b"yz"),
        "base64 again": base64.b64encode(b"xx" + NAME.encode()),
        "base64url": base64.urlsafe_b64encode(NAME.encode()),
        "base64 of utf-16": base64.b64encode(NAME.encode("utf-16-le") + b"..."),
        "percent": quote(NAME).encode(),
        "json": json.dumps({"n": NAME}).encode(),
    }
    return b"\x00\xff binary \x1f" + forms[form] + b"\x00\xfe more\n"


@pytest.mark.parametrize(
    "form",
    [
        "plain", "upper", "utf-16", "utf-16-be", "base64", "base64 again", "base64url", "base64 of utf-16", "percent",
        "json",
    ],
)  # fmt: skip
def test_inv06_a_personal_text_is_found_in_every_form(form: str, tmp_path: Path) -> None:
    place = tmp_path / "store" / "deep"
    place.mkdir(parents=True)
    (place / "file").write_bytes(_hidden(form))
    assert search(needles({NAME}), [tmp_path / "store"], tmp_path / "patterns")


def test_inv06_nothing_is_found_where_nothing_is(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"Zoe Breschnew-Mueller" * 1_000)
    assert search(needles({NAME}), [tmp_path / "file"], tmp_path / "patterns") == []


def test_the_texts_of_a_file_are_its_names_dates_addresses_and_numbers(tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text(
        "kind,family_name,given_names,birth_date,iban,tins,category,address_1,city,country\n"
        "natural,Müller,Anna,1970-01-02,DE89 3704 0044 0532 0130 00,DE:86095742719,retail,Hafenweg 1,Kiel,DE\n"
    )
    found = texts_of(file)
    assert {"Müller", "Anna Müller", "1970-01-02", "DE89370400440532013000", "86095742719"} <= found
    assert "retail" not in found
