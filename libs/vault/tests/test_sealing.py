"""A sealed value opens in its own place, whole and unaltered, and nowhere else (ledger.md, "Personal data")."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from libs.kernel.errors import InvalidValue
from libs.vault.errors import AlreadySealed, SealBroken, SubjectErased
from libs.vault.sealing import DataKey, Place, open_leaves, open_value, seal_leaves, seal_value, subjects_of

KEY, OTHER = DataKey(b"\x01" * 32), DataKey(b"\x02" * 32)
PLACE = Place("acme", "investors.Named.v1", "investors/inv-1/profile/p-1", 3)

text = st.text(st.characters(exclude_categories=["Cs"]))
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abcxyz_", min_size=1), inner, max_size=3),
    max_leaves=8,
)
clear_leaves = values.map(lambda value: {"clear": value})
leaves = clear_leaves | st.tuples(values, st.sampled_from(["inv-1", "inv-2"])).map(
    lambda pair: {"clear": pair[0], "of": pair[1]}
)
data = st.dictionaries(
    st.text("abcdef", min_size=1),
    st.recursive(
        leaves | text | st.integers(0, 9),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ghi", min_size=1), inner, max_size=3),
        max_leaves=6,
    ),
    max_size=4,
)


def keys(subject: str) -> DataKey:
    return {"inv-1": KEY, "inv-2": OTHER}[subject]


def erased(_subject: str) -> None:
    return None


@given(data)
def test_what_is_sealed_opens_to_what_it_was(clear: dict[str, Any]) -> None:
    sealed = seal_leaves(clear, PLACE, keys)
    assert '"clear"' not in json.dumps(sealed)
    assert subjects_of(sealed, PLACE.stream) == subjects_of(clear, PLACE.stream)
    assert open_leaves(sealed, PLACE, keys) == clear
    assert open_leaves(json.loads(json.dumps(sealed)), PLACE, keys) == clear


@given(data)
def test_i7_of_an_erased_subject_only_that_is_left(clear: dict[str, Any]) -> None:
    def without(value: Any) -> Any:
        if isinstance(value, dict):
            if "clear" in value:
                return {"erased": True} | {name: value[name] for name in ("of",) if name in value}
            return {key: without(inner) for key, inner in value.items()}
        return [without(inner) for inner in value] if isinstance(value, list) else value

    opened = open_leaves(seal_leaves(clear, PLACE, keys), PLACE, erased)
    assert opened == without(clear)
    assert seal_leaves(opened, PLACE, keys) == opened == open_leaves(opened, PLACE, keys)


@given(values, st.data())
def test_no_altered_or_cut_value_opens(value: Any, draw: st.DataObject) -> None:
    raw = urlsafe_b64decode(seal_value(KEY, value, b"place") + "==")
    at = draw.draw(st.integers(0, len(raw) - 1))
    flipped = raw[:at] + bytes([raw[at] ^ draw.draw(st.integers(1, 255))]) + raw[at + 1 :]
    for wrong in (flipped, raw[:at], raw[at + 1 :], raw + b"\0"):
        with pytest.raises(SealBroken):
            open_value(KEY, urlsafe_b64encode(wrong).rstrip(b"=").decode(), b"place")


@given(text)
def test_no_text_opens_by_chance(wrong: str) -> None:
    with pytest.raises(SealBroken):
        open_value(KEY, wrong, b"place")


@given(values)
def test_a_seal_has_one_text_only(value: Any) -> None:
    sealed = seal_value(KEY, value, b"place")
    last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".index(sealed[-1])
    spare = {2: 15, 3: 3, 0: 0}[len(sealed) % 4]
    others = [sealed + "=", sealed + "\n", sealed[:-1] + "!", sealed.replace("-", "+").replace("_", "/")]
    if spare:
        letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        others.append(sealed[:-1] + letters[last ^ 1])
    for other in others:
        if other != sealed:
            with pytest.raises(SealBroken):
                open_value(KEY, other, b"place")


places = st.builds(
    Place, st.sampled_from(["acme", "other"]), st.sampled_from(["a.B.v1", "a.C.v1"]),
    st.sampled_from(["s/inv-1/a/1", "s/inv-1/a/2", "s/inv-2/a/1"]), st.integers(1, 3),
)  # fmt: skip
fields = st.sampled_from(["name", "name.first", "names.0", "names.1"])
subjects = st.sampled_from(["inv-1", "inv-2"])


@given(places, fields, subjects, places, fields, subjects)
def test_a_moved_value_does_not_open(
    place: Place, field: str, subject: str, to: Place, to_field: str, to_subject: str
) -> None:
    assume((place, field, subject) != (to, to_field, to_subject))
    sealed = seal_value(KEY, "Anna", place.associated(subject, field))
    assert open_value(KEY, sealed, place.associated(subject, field)) == "Anna"
    with pytest.raises(SealBroken):
        open_value(KEY, sealed, to.associated(to_subject, to_field))


def test_a_leaf_moved_within_an_event_or_to_another_subject_does_not_open() -> None:
    sealed = seal_leaves({"names": [{"clear": "Anna"}, {"clear": "Bo"}]}, PLACE, keys)
    first, second = sealed["names"]
    for moved in ({"names": [second, first]}, {"name": first}, {"names": [{**first, "of": "inv-2"}, second]}):
        with pytest.raises(SealBroken):
            open_leaves(moved, PLACE, keys)
    with pytest.raises(SealBroken):
        open_leaves(sealed, PLACE, lambda _subject: OTHER)


def test_equal_values_have_different_seals_and_the_text_is_as_documented() -> None:
    seals = {seal_value(KEY, "Anna", b"place") for _ in range(100)}
    assert len(seals) == 100
    raw = urlsafe_b64decode(seals.pop() + "==")
    assert len(raw) == 12 + len('"Anna"') + 16
    assert KEY.cipher.decrypt(raw[:12], raw[12:], b"place") == b'"Anna"'
    associated = PLACE.associated("inv-1", "payload.details")
    assert associated == (b'["acme","inv-1","investors.Named.v1","investors/inv-1/profile/p-1",3,"payload.details"]')


def test_what_must_not_be_sealed_is_refused_and_never_shown() -> None:
    with pytest.raises(SubjectErased) as refused:
        seal_leaves({"name": {"clear": "Anna"}}, PLACE, erased)
    with pytest.raises(AlreadySealed):
        seal_leaves(seal_leaves({"name": {"clear": "Anna"}}, PLACE, keys), PLACE, keys)
    with pytest.raises(InvalidValue, match="no dot"):
        seal_leaves({"a.b": {"clear": "Anna"}}, PLACE, keys)
    with pytest.raises(InvalidValue) as surrogate:
        seal_leaves({"name": {"clear": "Anna\ud800"}}, PLACE, keys)
    with pytest.raises(SealBroken, match="not sealed") as stored:
        open_leaves({"name": {"clear": "Anna"}}, PLACE, keys)
    for raised in (refused, surrogate, stored):
        assert "Anna" not in str(raised.value.as_problem())


def test_a_key_has_no_text_form() -> None:
    assert "\\x01" not in repr(KEY)
    with pytest.raises(SealBroken):
        DataKey(b"\x01" * 31)
