"""Canonical JSON is RFC 8785 for everything that `check` lets pass (ledger.md, "The record")."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import orjson
import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from libs.kernel.canonical import MAX_INTEGER, canonical, check
from libs.kernel.errors import InvalidValue

texts = st.text(st.characters(exclude_categories=["Cs"]))
keys = st.text(st.characters(max_codepoint=0x7F))
values = st.recursive(
    st.none() | st.booleans() | st.integers(-MAX_INTEGER, MAX_INTEGER) | texts,
    lambda inner: st.lists(inner) | st.dictionaries(keys, inner),
)


@given(values)
def test_canonical_is_what_the_rfc8785_package_writes(value: Any) -> None:
    check(value)
    assert canonical(value) == rfc8785.dumps(value)


@given(values)
def test_what_was_written_is_read_back_and_written_again(value: Any) -> None:
    assert orjson.loads(canonical(value)) == value
    assert canonical(orjson.loads(canonical(value))) == canonical(value)


@given(st.dictionaries(keys, values))
def test_the_order_of_the_keys_does_not_matter(value: dict[str, Any]) -> None:
    assert canonical(dict(reversed(value.items()))) == canonical(value)


@pytest.mark.parametrize("character", [chr(n) for n in (*range(0x20), 0x22, 0x5C, 0x7F, 0x2028, 0xFFFF, 0x1F4B6)])
def test_every_character_is_escaped_as_the_rfc_says(character: str) -> None:
    assert canonical(character) == rfc8785.dumps(character)


@pytest.mark.parametrize(
    ("value", "path"),
    [
        (1.5, "$"),
        ({"price": 1.0}, "$.price"),
        ({"a": [0, {"b": float("nan")}]}, "$.a[1].b"),
        ({"n": 2**53}, "$.n"),
        ([-(2**53)], "$[0]"),
        ({"Größe": 1}, "$"),
        ({1: 1}, "$"),
    ],
)
def test_inv07_floats_huge_integers_and_foreign_keys_are_refused_with_their_path(value: Any, path: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        check(value)
    assert refused.value.field == path


@pytest.mark.parametrize(
    "value", ["\ud800", {"x": object()}, b"bytes", {"d": Decimal(1)}, 2**70, {date(2026, 1, 1): 1}]
)
def test_what_json_cannot_hold_is_refused_by_name(value: Any) -> None:
    with pytest.raises(InvalidValue):
        canonical(value)
