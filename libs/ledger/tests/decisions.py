"""Decisions for tests of the codec: strategies for Hypothesis, and one by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from hypothesis import strategies as st

from libs.kernel.canonical import MAX_INTEGER
from libs.kernel.envelope import Actor, Decision, EventEntry

# What JSON can carry: any text but lone surrogates.
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
names = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters="/"), min_size=1, max_size=12)
keys = st.text(st.characters(max_codepoint=0x7F), max_size=10)
integers = st.integers(-MAX_INTEGER, MAX_INTEGER)
values = st.recursive(
    st.none() | st.booleans() | integers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=12,
)
data = st.dictionaries(keys, values, max_size=5)
uuids = st.uuids(version=4).map(lambda one: str(UUID(int=one.int & ~(0xF << 76) | 0x7 << 76)))
times = st.datetimes().map(lambda one: one.strftime("%Y-%m-%dT%H:%M:%S.%fZ").rjust(27, "0"))
hashes = st.binary(min_size=32, max_size=32).map(bytes.hex)
actors = st.builds(Actor, texts, names, st.none() | texts, st.none() | texts)
entries = st.builds(
    EventEntry, names.map("funds.{}.v1".format), names.map("funds/x/y/{}".format), st.integers(1, 10**6), data
)


@st.composite
def decisions(draw: st.DrawFn) -> Decision:
    """One decision with 1 to 4 events; its correlation is often its own id."""
    own = draw(uuids)
    return Decision(
        own,
        draw(times),
        draw(names),
        draw(actors),
        draw(st.none() | uuids),
        draw(st.just(own) | uuids),
        draw(hashes),
        draw(hashes),
        tuple(draw(st.lists(entries, min_size=1, max_size=4))),
    )


runs = st.tuples(
    names,
    st.integers(0, 63),
    st.integers(1, 2**40),
    st.integers(1, 2**40),
    st.lists(decisions(), min_size=1, max_size=4),
)


def decision(number: int = 1, events: int = 1, changed: Mapping[str, Any] | None = None) -> Decision:
    """A plain decision; `changed` replaces fields."""
    own = f"01980000-0000-7000-8000-{number:012x}"
    fields: dict[str, Any] = {
        "id": own,
        "time": "2026-01-02T03:04:05.000006Z",
        "tenant": "acme",
        "actor": Actor("sub-1", "operator"),
        "causation": None,
        "correlation": own,
        "command": "aa" * 32,
        "request": "bb" * 32,
        "events": tuple(
            EventEntry("funds.SubFundRegistered.v1", f"funds/u/subfund/{number}", at + 1, {"name": "Größe", "n": at})
            for at in range(events)
        ),
    }
    return Decision(**{**fields, **(changed or {})})
