"""The compact tables of a walk against plain dicts."""

from __future__ import annotations

import random

from libs.ledger.verify.tables import USE, IdTable, StreamState, StreamTable


def test_a_stream_table_is_a_dict_of_states() -> None:
    chance, table, known = random.Random(1), StreamTable(), dict[str, StreamState]()
    for _ in range(20_000):
        stream = f"s/{chance.randrange(6_000)}"
        before = known.get(stream, StreamState(0, 0, 0))
        assert table.state(stream) == before
        known[stream] = StreamState(before.version + 1, 1_767_600_000_000, before.time + 1)
        table.put(stream, known[stream])
    assert len(table) == len(known)
    assert all(table.state(stream) == state for stream, state in known.items())


def test_streams_move_on_together_or_not_at_all() -> None:
    table = StreamTable()
    use = USE.pack(1, 2, 1, 10, 20)
    assert table.apply(["a", "b"], use + use)
    good, new, wrong = USE.pack(3, 3, 2, 20, 20), USE.pack(1, 1, 2, 20, 20), USE.pack(2, 2, 2, 20, 20)
    assert not table.apply(["a", "c", "b"], good + new + wrong)
    assert not table.apply(["a"], USE.pack(3, 3, 2, 19, 19))
    assert [table.state(name) for name in "abc"] == [StreamState(2, 1, 20), StreamState(2, 1, 20), StreamState(0, 0, 0)]
    assert table.apply(["a"], USE.pack(3, 3, 2, 20, 20))


def test_an_id_table_is_a_set() -> None:
    chance, table, known = random.Random(2), IdTable(), set[int]()
    for _ in range(20_000):
        key = chance.randrange(1, 9_000) * 0x9E37_79B9_7F4A_7C15 % 2**64
        assert table.add(key) is (key not in known)
        known.add(key)
