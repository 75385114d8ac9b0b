"""The fast way through a body and the careful one agree on every body."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, settings
from hypothesis import given as forall
from hypothesis import strategies as st

from libs.edge import body
from libs.kernel.errors import CartularyError

DEPTH = 4
PIECES = [
    '{"a":', '{"b" : ', "}", "[", "]", ",", '":"', '"a"', "1", "1.5", "9007199254740993", "true", "null", '"\\u0000"',
    '"\\\\"', "\\", '"é"', "\ud800", " ", "NaN", '"a":1', "{}", "-0",
]  # fmt: skip


def outcome(read: Any, text: bytes) -> Any:
    try:
        return read(text, DEPTH)
    except CartularyError as error:
        return error.code, error.detail


@settings(max_examples=400, deadline=None)
@forall(st.lists(st.sampled_from(PIECES), max_size=10).map("".join) | st.text(max_size=20))
@example('{"a":1,"a":1}')
@example('{"a":1,"a":":"}')
@example('[{"a":[[[]]]}]')
@example("1.0")
def test_both_ways_say_the_same(text: str) -> None:
    raw = text.encode(errors="surrogatepass")
    assert outcome(body.strict_json, raw) == outcome(body._carefully, raw)


PLAIN = ['{"a":{"b":[1,"x",null,true]}}', "[]", '"é"', '{"a" :1}', "[[[[]]]]"]


@pytest.mark.parametrize("text", PLAIN)
def test_what_is_plain_takes_the_fast_way(text: str) -> None:
    assert body._plainly(text.encode(), DEPTH) == outcome(body._carefully, text.encode())


NOT_PLAIN = ['{"a":1,"a":1}', "1.5", "9007199254740992", '"\\n"', "[[[[[]]]]]", "{", "NaN", '{"a":":"}']


@pytest.mark.parametrize("text", NOT_PLAIN)
def test_what_is_not_plain_is_left_to_the_careful_one(text: str) -> None:
    assert body._plainly(text.encode(), DEPTH) is body._NOT_PLAIN
