"""Ids that follow from names."""

from __future__ import annotations

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from libs.kernel.ids import named_id

names = st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=8), max_size=4)


def test_the_same_names_give_the_same_id_for_ever() -> None:
    assert named_id("demo", "umbrella", "Meridian") == UUID("a0bc8e94-31b6-81fd-ba19-6a5d3dc2c922")


@given(names, names)
def test_other_names_give_another_id(one: list[str], other: list[str]) -> None:
    assert (named_id(*one) == named_id(*other)) == (one == other)


@given(names)
def test_a_named_id_is_a_uuid_of_version_8(parts: list[str]) -> None:
    made = named_id(*parts)
    assert (made.version, made.variant) == (8, "specified in RFC 4122")
