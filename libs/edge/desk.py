"""Changes under four eyes of a service on PostgreSQL: the commands around a change, and the read table of changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import asyncpg
import orjson

from libs.adapters.postgres.store import PostgresStore
from libs.kernel.decider import Command
from libs.kernel.envelope import Actor
from libs.kernel.errors import NotFound
from libs.kernel.personal import is_leaf
from libs.kernel.streams import key_of
from libs.ports import Scope
from libs.rules.four_eyes import ApproveChange, ProposeChange, RejectChange, Rules
from libs.vault.vault import Vault

_COLUMNS = (
    "change::text, key, command, payload::text, reads::text, status, proposer, approver,"
    " effective_at, expires_at, reason::text"
)
_LIST = f"""
select {_COLUMNS} from changes
where ($1::text is null or status = $1) and ($2::text is null or command = $2)
  and ($3::text is null or change > $3::uuid)
order by change limit $4
"""


class PostgresChangeDesk:
    """ChangeDesk of one service."""

    def __init__(self, rules: Rules, store: PostgresStore, vault: Vault | None = None) -> None:
        self._rules, self._store, self._vault = rules, store, vault

    async def propose(
        self, scope: Scope, actor: Actor, change: str, command: str, payload: Mapping[str, Any],
        effective_at: datetime | None, now: datetime, expires_at: datetime | None = None,
    ) -> Command:  # fmt: skip
        """The command that proposes the change; raises InvalidValue for an unknown command or payload."""
        wrapped = self._rules.wrapped(command, payload, now)
        reads = wrapped.streams()
        return ProposeChange(
            now=now, service=self._rules.service, change=change, key=key_of(reads[0]), by=actor.sub,
            behalf=actor.on_behalf_of, reads=reads, command=command, payload=dict(payload), effective_at=effective_at,
            expires_at=expires_at, needs=wrapped.references(),
        )  # fmt: skip

    async def approve(self, scope: Scope, actor: Actor, change: str, now: datetime) -> Command:
        """The command that approves the change; raises NotFound."""
        row = await self._row(scope, change)
        # Its personal fields are sealed here; whatever else it is made of says which rows it needs.
        kind = self._rules.decider.commands[row["command"]]
        needs = kind.model_construct(None, **row["payload"]).references()
        return ApproveChange(now=now, by=actor.sub, behalf=actor.on_behalf_of, needs=needs, **self._named(row))

    async def reject(self, scope: Scope, actor: Actor, change: str, reason: str, now: datetime) -> Command:
        """The command that rejects the change; raises NotFound."""
        named = self._named(await self._row(scope, change))
        return RejectChange(now=now, by=actor.sub, reason=reason, **named)

    async def _row(self, scope: Scope, change: str) -> Mapping[str, Any]:
        row = await self.change(scope, change)
        if row is None:
            raise NotFound("there is no such change", field="change", value=change)
        return row

    def _named(self, row: Mapping[str, Any]) -> dict[str, Any]:
        return {"service": self._rules.service, "change": row["change"], "key": row["key"], "reads": row["reads"]}

    async def change(self, scope: Scope, change: str) -> Mapping[str, Any] | None:
        """One change; None for an unknown one, or one out of the scope."""
        rows = await self._store.query(scope, f"select {_COLUMNS} from changes where change = $1::uuid", change)
        return _view(rows[0]) if rows else None

    async def changes(
        self, scope: Scope, filters: Mapping[str, Any], after: str | None, limit: int
    ) -> Sequence[Mapping[str, Any]]:
        """Changes by id (which ascends with time), past `after`."""
        rows = await self._store.query(scope, _LIST, filters.get("status"), filters.get("command"), after, limit)
        return [_view(row) for row in rows]

    async def opened(self, scope: Scope, changes: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
        """See ChangeDesk.opened: whoever approves a change sees what it is."""
        if self._vault is None:
            return changes
        rows = await self._vault.open_rows(scope.tenant, changes)
        return [
            {**row, "payload": {name: _clear(value) for name, value in row["payload"].items()},
             "reason": _clear(row["reason"])}
            for row in rows
        ]  # fmt: skip


def _clear(value: Any) -> Any:
    return value["clear"] if is_leaf(value) and "clear" in value else value


def _view(row: asyncpg.Record) -> dict[str, Any]:
    return {**dict(row), **{name: orjson.loads(row[name]) for name in ("payload", "reads", "reason")}}
