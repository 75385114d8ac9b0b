"""What the edge asks of the runtime: decide a command, and tell what became of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from libs.kernel.decider import Command
from libs.kernel.envelope import Actor
from libs.ports import Outcome, Scope


class CommandGateway(Protocol):
    """Commands of one service, on their way into the write path."""

    async def submit(
        self,
        command: Command,
        tenant: str,
        actor: Actor,
        idempotency_key: str,
        request: bytes,
        traceparent: str | None = None,
        correlation: str | None = None,
    ) -> Outcome:
        """Decide without waiting for the ledger; a refusal is an Outcome with its problem.

        Raises NotReady, BacklogFull, IdempotencyMismatch, StoreUnreachable, CheckUnavailable, InvalidValue.
        """
        ...

    async def settled(self, tenant: str, command_hash: str, timeout_s: float) -> Outcome | None:
        """Wait until the command is committed or refused; None when the time is over."""
        ...

    def command_hash(self, tenant: str, actor: Actor, idempotency_key: str) -> str:
        """The keyed hash that names the command (W-20)."""
        ...

    async def outcome(self, tenant: str, command_hash: str) -> Outcome | None:
        """What became of the command so far; None for an unknown one, or another tenant's."""
        ...


class ChangeDesk(Protocol):
    """Changes under four eyes (TA-F-4): the commands around a change, and the changes of a scope.

    A change is a mapping with `change` (its id), `command`, `payload`, `status`, `proposer`, `approver`,
    `effective_at`, `expires_at`, `reason`.
    """

    async def propose(
        self, scope: Scope, actor: Actor, change: str, command: str, payload: Mapping[str, Any],
        effective_at: datetime | None, now: datetime, expires_at: datetime | None = None,
    ) -> Command:  # fmt: skip
        """The command that proposes the change; raises InvalidValue for an unknown command or payload."""
        ...

    async def approve(self, scope: Scope, actor: Actor, change: str, now: datetime) -> Command:
        """The command that approves the change (its decision refuses the proposer); raises NotFound."""
        ...

    async def reject(self, scope: Scope, actor: Actor, change: str, reason: str, now: datetime) -> Command:
        """The command that rejects the change; raises NotFound."""
        ...

    async def change(self, scope: Scope, change: str) -> Mapping[str, Any] | None:
        """One change; None for an unknown one, or one out of the scope."""
        ...

    async def changes(
        self, scope: Scope, filters: Mapping[str, Any], after: str | None, limit: int
    ) -> Sequence[Mapping[str, Any]]:
        """Changes by id (UUIDv7, so by time), ascending, past `after`; `filters`: `status`, `command`."""
        ...

    async def opened(self, scope: Scope, changes: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
        """These changes with the personal values of their payloads in clear, for who may see them."""
        ...
