"""The journal gives back what it took, and only a torn end is cut off (write-path.md, the embedded
ledger)."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.stack.journal import MINE, ChainConstants, Entry, Journal, JournalDamaged, decode, encode

CONSTANTS = ChainConstants(chain_id=20_261, genesis_timestamp=1_700_000_000, gas_limit=64_000_000)
BLOCKS = [
    Entry(MINE, 1_700_000_001, bytes(32), [b"first", b"second"]),
    Entry(MINE, 1_700_000_002, b"\x01" * 32, []),
    Entry(MINE, 1_700_000_002, b"\x02" * 32, [b"third" * 100]),
]


def written(path: Path) -> Path:
    with Journal(path, CONSTANTS) as journal:
        for block in BLOCKS:
            journal.append(block)
        journal.sync()
    return path


def read(path: Path) -> list[Entry]:
    with Journal(path, CONSTANTS) as journal:
        return [entry for _, entry in journal.entries()]


@given(st.integers(0, 2**63), st.binary(min_size=32, max_size=32), st.lists(st.binary(max_size=300)))
def test_a_block_is_read_as_it_was_written(timestamp: int, parent: bytes, raws: list[bytes]) -> None:
    entry = Entry(MINE, timestamp, parent, raws)
    assert decode(encode(entry)) == entry


def test_a_journal_gives_its_blocks_back_in_order(tmp_path: Path) -> None:
    assert read(written(tmp_path / "journal")) == BLOCKS


def test_a_journal_keeps_the_constants_that_it_was_created_with(tmp_path: Path) -> None:
    path = written(tmp_path / "journal")
    with Journal(path, ChainConstants(1, 2, 3)) as journal:
        assert journal.constants == CONSTANTS


@pytest.mark.parametrize("torn_bytes", [1, 7, 8, 300])
def test_a_torn_last_record_is_cut_off_and_the_rest_stays(tmp_path: Path, torn_bytes: int) -> None:
    path = written(tmp_path / "journal")
    whole = path.read_bytes()
    path.write_bytes(whole[:-torn_bytes])
    assert read(path) == BLOCKS[:-1]
    with Journal(path, CONSTANTS) as journal:
        assert journal.cut_bytes == 0
        journal.append(BLOCKS[-1])
    assert path.read_bytes() == whole


def test_a_last_record_of_garbage_is_cut_off(tmp_path: Path) -> None:
    path = written(tmp_path / "journal")
    whole = path.read_bytes()
    path.write_bytes(whole[:-20] + bytes(20))
    assert read(path) == BLOCKS[:-1]


def test_a_damage_before_the_end_is_refused_and_nothing_is_cut(tmp_path: Path) -> None:
    path = written(tmp_path / "journal")
    damaged = bytearray(path.read_bytes())
    damaged[damaged.index(b"first")] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(JournalDamaged, match="damaged"):
        Journal(path, CONSTANTS)
    assert path.read_bytes() == damaged
