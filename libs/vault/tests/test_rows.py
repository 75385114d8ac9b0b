"""Read tables keep personal values sealed; the API opens many of several subjects in one go."""

from __future__ import annotations

from pathlib import Path

import pytest

from libs.kernel.errors import InvalidValue
from libs.vault.errors import SealBroken
from libs.vault.rows import is_kept, kept, subjects_kept
from libs.vault.store import KeyStore, StoredKey
from libs.vault.tests.vaults import NOW, TENANT, stream_of, vault_on

TYPE = "investors.Named.v1"


def test_a_clear_value_never_gets_into_a_table() -> None:
    for wrong in ({"clear": "Anna"}, {"clear": "Anna", "of": "inv-2"}, {"name": "Anna"}):
        with pytest.raises(InvalidValue) as refused:
            kept(wrong, TYPE, stream_of("inv-1"), 1, "name")
        assert "Anna" not in str(refused.value.as_problem())


def test_a_kept_value_has_the_place_that_it_was_sealed_for() -> None:
    row = kept({"sealed": "abc", "of": "inv-2"}, TYPE, stream_of("inv-1"), 4, "holders.0.name")
    assert row == {
        "sealed": "abc", "of": "inv-2", "type": TYPE, "stream": stream_of("inv-1"), "version": 4,
        "field": "holders.0.name",
    }  # fmt: skip
    assert is_kept(row)
    assert kept({"erased": True}, TYPE, stream_of("inv-1"), 4, "name") == {"erased": True}
    assert subjects_kept(TENANT, [{"a": [row]}, kept({"sealed": "x"}, TYPE, stream_of("inv-1"), 1, "n")]) == {
        "inv-1", "inv-2",
    }  # fmt: skip


async def test_many_rows_of_several_subjects_are_opened_by_one_query(
    dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with vault_on(dsn, tmp_path) as writer:
        subjects = [f"inv-r{number}" for number in range(40)]
        ring = await writer.ring(TENANT, [*subjects, "inv-other"])
        rows = []
        for number, subject in enumerate(subjects):
            clear = {"name": {"clear": f"Anna {number}"}, "holders": [{"name": {"clear": "Bo", "of": "inv-other"}}]}
            data = ring.seal(clear, TYPE, stream_of(subject), number + 1)
            place = (TYPE, stream_of(subject), number + 1)
            rows.append({
                "id": subject, "name": kept(data["name"], *place, "name"),
                "holders": [{"name": kept(data["holders"][0]["name"], *place, "holders.0.name")}], "note": None,
            })  # fmt: skip
        await writer.keep(ring)
        await writer.erase(TENANT, subjects[3], NOW)
    asked: list[int] = []
    keys = KeyStore.keys

    async def counted(store: KeyStore, tenant: str, wanted: list[str]) -> list[StoredKey]:
        asked.append(len(wanted))
        return await keys(store, tenant, wanted)

    monkeypatch.setattr(KeyStore, "keys", counted)
    async with vault_on(dsn, tmp_path) as reader:
        opened = await reader.open_rows(TENANT, rows)
        assert asked == [41]
        for number, row in enumerate(opened):
            name = {"erased": True} if number == 3 else {"clear": f"Anna {number}"}
            assert row == {
                "id": subjects[number], "name": name, "note": None,
                "holders": [{"name": {"clear": "Bo", "of": "inv-other"}}],
            }  # fmt: skip
        assert await reader.open_rows(TENANT, []) == []
        moved = [{"name": {**rows[0]["name"], "version": 2}}]  # type: ignore[dict-item]
        with pytest.raises(SealBroken):
            await reader.open_rows(TENANT, moved)
