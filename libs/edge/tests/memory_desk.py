"""Changes under four eyes in memory, for the sample service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from libs.kernel.decider import Command
from libs.kernel.envelope import Actor
from libs.kernel.errors import NotFound
from libs.ports import Scope


class ChangeCommand(Command):
    """Stands for the runtime's commands around a change."""

    change: str
    what: str

    def streams(self) -> tuple[str, ...]:
        return (f"notes/all/change/{self.change}",)


class FakeDesk:
    """Changes in memory, by tenant."""

    def __init__(self) -> None:
        self.rows: dict[str, list[dict[str, Any]]] = {}

    async def propose(
        self, scope: Scope, actor: Actor, change: str, command: str, payload: Mapping[str, Any],
        effective_at: datetime | None, now: datetime, expires_at: datetime | None = None,
    ) -> Command:  # fmt: skip
        self.rows.setdefault(scope.tenant, []).append(
            {
                "change": change,
                "command": command,
                "payload": dict(payload),
                "status": "proposed",
                "proposer": actor.sub,
                "distributor": actor.distributor,
                "effective_at": effective_at,
                "expires_at": expires_at or now + timedelta(days=7),
            }
        )
        return ChangeCommand(now=now, change=change, what="propose")

    async def approve(self, scope: Scope, actor: Actor, change: str, now: datetime) -> Command:
        await self._existing(scope, change)
        return ChangeCommand(now=now, change=change, what="approve")

    async def reject(self, scope: Scope, actor: Actor, change: str, reason: str, now: datetime) -> Command:
        await self._existing(scope, change)
        return ChangeCommand(now=now, change=change, what=f"reject: {reason}")

    async def _existing(self, scope: Scope, change: str) -> None:
        if await self.change(scope, change) is None:
            raise NotFound("there is no such change", field="change", value=change)

    async def change(self, scope: Scope, change: str) -> Mapping[str, Any] | None:
        return next((row for row in self._of(scope) if row["change"] == change), None)

    def _of(self, scope: Scope) -> list[dict[str, Any]]:
        rows = self.rows.get(scope.tenant, [])
        return [row for row in rows if scope.distributor in {None, row["distributor"]}]

    async def changes(
        self, scope: Scope, filters: Mapping[str, Any], after: str | None, limit: int
    ) -> Sequence[Mapping[str, Any]]:
        rows = sorted(self._of(scope), key=lambda row: str(row["change"]))
        wanted = [row for row in rows if all(row[name] == value for name, value in filters.items())]
        return [row for row in wanted if after is None or row["change"] > after][:limit]

    async def opened(self, scope: Scope, changes: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
        return changes
