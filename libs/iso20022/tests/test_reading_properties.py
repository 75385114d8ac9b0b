"""Hypothesis over the readers: whatever the bytes, only named errors, and nothing that was not there."""

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from libs.iso20022.csv_orders import read_orders_csv
from libs.iso20022.errors import FileRefused
from libs.iso20022.hardened import Limits
from libs.iso20022.reading import read_messages
from libs.iso20022.values import Entry, OrderInstruction, RefusedEntry

MESSAGES = Path(__file__).resolve().parents[3] / "tests-e2e" / "data" / "messages"
FILES = {path.name: path.read_bytes() for path in sorted(MESSAGES.glob("*.xml"))}
CSV = (MESSAGES / "orders.csv").read_bytes()
SMALL = Limits(file_bytes=1 << 20, token_bytes=1 << 16)
slow = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])

mutations = st.lists(
    st.tuples(st.integers(0, 1 << 16), st.integers(0, 40), st.binary(max_size=12)), min_size=1, max_size=4
)
pieces = st.sampled_from(
    [b"<", b"</Document>", b"&amp;", b"&x;", b"<!DOCTYPE a>", b"<?p?>", b"]]>", b"\x00", b"\xff", b"1e400", b"-0",
     b"NaN", b"<OrdrRef>", b' Ccy="EUR"', b"<!---->", b"9" * 40, b"<![CDATA[x]]>"]
)  # fmt: skip


def mutated(data: bytes, changes: list[tuple[int, int, bytes]]) -> bytes:
    for at, length, new in changes:
        start = at % (len(data) + 1)
        data = data[:start] + new + data[start + length :]
    return data


def taken(data: bytes) -> list[Entry]:
    """The entries before the end of the bytes, or before the named error that ends them."""
    found: list[Entry] = []
    with suppress(FileRefused):
        for entry in read_messages([data], SMALL):
            found.append(entry)  # noqa: PERF402 - what came before the error counts
    return found


@pytest.mark.parametrize("name", FILES)
@given(changes=mutations)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_changed_message_raises_nothing_but_named_errors(name: str, changes: list[tuple[int, int, bytes]]) -> None:
    taken(mutated(FILES[name], changes))


@given(at=st.integers(0, 1 << 16), piece=pieces, length=st.integers(0, 30))
@slow
def test_markup_put_anywhere_raises_nothing_but_named_errors(at: int, piece: bytes, length: int) -> None:
    taken(mutated(FILES["many.xml"], [(at, length, piece)]))


@given(data=st.binary(max_size=300))
@slow
def test_any_bytes_are_a_message_or_a_named_error(data: bytes) -> None:
    taken(data)


@given(cut=st.integers(0, len(FILES["setr.010.xml"]) - 12))
@slow
def test_a_cut_message_gives_none_of_its_orders_a_whole_one_all(cut: int) -> None:
    whole = taken(FILES["setr.010.xml"])
    good = [entry for entry in taken(FILES["setr.010.xml"][:cut]) if not isinstance(entry, RefusedEntry)]
    assert good in ([], whole)


@given(data=st.binary(max_size=200), changes=mutations)
@slow
def test_any_csv_bytes_are_lines_or_named_errors(data: bytes, changes: list[tuple[int, int, bytes]]) -> None:
    for each in (data, mutated(CSV, changes)):
        with suppress(FileRefused):
            for entry in read_orders_csv([each], "file"):
                if isinstance(entry, OrderInstruction) and entry.quantity.value is not None:
                    assert entry.quantity.value > 0
