"""What callers see of people: kept values opened for whom may, withheld from the others, gone with the erased."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

import orjson
from fastapi import Request

from libs.adapters.postgres.store import PostgresStore
from libs.edge.auth import Caller
from libs.edge.context import edge_of
from libs.kernel.errors import NotFound
from libs.ports import Scope
from libs.vault.vault import Vault

PERSONAL = "investors:personal"
Row = dict[str, Any]
# Columns that come as JSON text.
_JSON = frozenset(
    {
        "identity", "address", "contact", "tax", "tax_identities", "details", "ground", "reason", "lift_reason",
        "holders", "blocked", "asked", "hits",
    }
)  # fmt: skip


class People:
    """Rows of the read tables for callers: bound to their scope by the database, opened by their permission."""

    def __init__(self, store: PostgresStore, vault: Vault) -> None:
        self.store, self.vault = store, vault

    async def rows(self, scope: Scope, sql: str, *arguments: object) -> list[Row]:
        """The rows of a query, JSON columns read; personal values stay kept."""
        return [_read(dict(row)) for row in await self.store.query(scope, sql, *arguments)]

    async def one(self, scope: Scope, sql: str, field: str, identity: UUID | str, *more: object) -> Row:
        """The one row of a query by id; raises NotFound, for another distributor's too (TA-I-8)."""
        rows = await self.rows(scope, sql, identity, *more)
        if not rows:
            raise NotFound(f"there is no such {field.replace('_', '-')}", field=field, value=identity)
        return rows[0]

    async def shown(self, caller: Caller, rows: Sequence[Row], columns: Iterable[str], opens: bool) -> list[Row]:
        """The rows with these personal columns clear for whom they open to, else null with `sealed`.

        An erased one is null with `erased` (TA-I-7). Raises CheckUnavailable when the key store is away.
        """
        names = tuple(columns)
        found = await self.vault.open_rows(caller.tenant, rows) if opens else rows
        return [_shown(row, names) for row in found]


def may(request: Request, caller: Caller, permission: str) -> bool:
    """Whether the caller's role has a permission, for what a route shows beside."""
    return edge_of(request).permissions.allows(caller.actor.role, permission)


def clear(value: Any) -> Any:
    """The content of an opened value, None for an erased or missing one."""
    return value["clear"] if isinstance(value, Mapping) and "clear" in value else None


def full_name(identity: Any) -> str:
    """The name of an opened identity, empty for an erased one."""
    person = clear(identity)
    if person is None:
        return ""
    if person["kind"] == "legal":
        return str(person["name"])
    return " ".join(part for part in (person.get("given_names"), person["family_name"]) if part)


def _read(row: Mapping[str, Any]) -> Row:
    return {
        name: orjson.loads(value) if name in _JSON and isinstance(value, str) else value for name, value in row.items()
    }


def _shown(row: Row, columns: tuple[str, ...]) -> Row:
    values = [row[column] for column in columns if column in row and row[column] is not None]
    erased = any(isinstance(value, Mapping) and "erased" in value for value in values)
    sealed = any(isinstance(value, Mapping) and "sealed" in value for value in values)
    return {**row, **{column: clear(row[column]) for column in columns if column in row}} | {
        "sealed": sealed, "erased": erased
    }  # fmt: skip
