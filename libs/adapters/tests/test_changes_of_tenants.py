"""Rows of read tables are written for the tenant whose event they follow from, whoever else has the same key (W-19)."""

from __future__ import annotations

from typing import Any, cast

import pytest

from libs.adapters.postgres.committing import PostgresCommitting
from libs.adapters.postgres.pools import Connection
from libs.ports.changes import Add, Change, Drop, Put


class Written(PostgresCommitting):
    """What would be written, by table, tenant and key."""

    def __init__(self) -> None:
        super().__init__(cast(Connection, None), {})
        self.rows: list[dict[str, Any]] = []

    async def _write(
        self, verb: type[Change], table: str, key: tuple[str, ...], columns: tuple[str, ...], rows: list[dict[str, Any]]
    ) -> None:
        self.rows += rows


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        (Put("distributors", {"code": "NORTH"}, {"name": "a"}), Put("distributors", {"code": "NORTH"}, {"name": "b"})),
        (Add("investors", {"investor": "1"}, {"n": 1}), Add("investors", {"investor": "1"}, {"n": 2})),
        (Drop("investors", {"investor": "1"}), Drop("investors", {"investor": "1"})),
    ],
)
async def test_w19_one_key_of_two_tenants_in_one_commit_is_two_rows(mine: Change, theirs: Change) -> None:
    """Else the later tenant's values stood in the earlier one's row, where that tenant's people read them."""
    written = Written()
    await written._changes([("meridian", mine), ("rival", theirs)])
    assert [row["tenant"] for row in written.rows] == ["meridian", "rival"]
    for row, change in zip(written.rows, (mine, theirs), strict=True):
        if isinstance(change, Put):
            assert change.values.items() <= row.items()
