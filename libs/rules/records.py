"""The runtime's own events: markers, cursors, refusals of automatic commands, and changes under four eyes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, ClassVar

from libs.kernel.decider import Command
from libs.kernel.events import Due, Event
from libs.kernel.streams import lane_stream, stream_name

SYSTEM_TENANT = "cartulary"


class RuntimeEvent(Event):
    """An event that the runtime decides and folds; a service's own `evolve` never sees one."""


class EpochBegun(RuntimeEvent):
    """A life of the service began in this lane: whatever older lives had in flight is settled before it (W-21)."""

    epoch: int
    lane: int

    def stream(self) -> str:
        """`<service>/<lane>/epoch`."""
        return lane_stream(self.service, self.lane, "epoch")


class CursorAdvanced(RuntimeEvent):
    """Every reaction to the lane's events below `sequence` is decided (W-18)."""

    lane: int
    consumer: str
    sequence: int
    head: str
    block: int

    def stream(self) -> str:
        """`<service>/<lane>/cursor`."""
        return lane_stream(self.service, self.lane, "cursor")


class CommandRefused(RuntimeEvent):
    """A reaction's or a due command was refused: recorded on its target, no journey ends in silence (W-18)."""

    target: str
    reason: str
    detail: str

    def stream(self) -> str:
        """The command's target."""
        return self.target


class ChangeProposed(RuntimeEvent):
    """Somebody proposes a command that needs a second person (TA-F-4)."""

    aggregate: ClassVar[str] = "change"
    key_field: ClassVar[str] = "key"
    id_field: ClassVar[str] = "change"

    change: str
    key: str
    command: str
    payload: dict[str, Any]
    reads: tuple[str, ...]
    proposer: str
    # On whose behalf, if on anybody's: that person does not approve it either.
    behalf: str | None = None
    effective_at: datetime | None
    expires_at: datetime

    def due(self) -> tuple[Due, ...]:
        """A change that nobody decided on expires."""
        return (Due("ExpireChange", self.expires_at, {"change": self.change, "key": self.key}),)


class ChangeApproved(RuntimeEvent):
    """Another subject approved the change; it takes effect at once or when it falls due."""

    aggregate: ClassVar[str] = "change"
    key_field: ClassVar[str] = "key"
    id_field: ClassVar[str] = "change"

    change: str
    key: str
    approver: str
    command: str
    payload: dict[str, Any]
    reads: tuple[str, ...]
    effective_at: datetime | None

    def due(self) -> tuple[Due, ...]:
        """The command itself falls due at the effective time."""
        if self.effective_at is None:
            return ()
        payload = {"change": self.change, "key": self.key, "reads": list(self.reads)}
        return (Due("ApplyChange", self.effective_at, payload),)


class ChangeEnded(RuntimeEvent):
    """The change's last state: `applied`, `rejected`, `expired`, or `failed` with the rules' reason.

    Why it was rejected is a personal value in a service of persons.
    """

    aggregate: ClassVar[str] = "change"
    key_field: ClassVar[str] = "key"
    id_field: ClassVar[str] = "change"

    change: str
    key: str
    status: str
    by: str
    reason: str | dict[str, Any] = ""


def of_service(
    kind: type[RuntimeEvent], service: str, name: str | None = None, *, holds_personal: bool = False
) -> type[Any]:
    """The runtime event as this service's own type: `funds.EpochBegun.v1`."""
    members = {"service": service, "holds_personal": holds_personal, "__module__": kind.__module__}
    return type(name or kind.__name__, (kind,), members)


class RuntimeTypes:
    """The runtime's event types in the name of one service."""

    def __init__(self, service: str, commands: Iterable[type[Command]]) -> None:
        commands = list(commands)
        personal = any(command.four_eyes and command.personal for command in commands)
        self.epoch_begun = of_service(EpochBegun, service)
        self.cursor_advanced = of_service(CursorAdvanced, service)
        self.change_proposed = of_service(ChangeProposed, service, holds_personal=personal)
        self.change_approved = of_service(ChangeApproved, service, holds_personal=personal)
        self.change_ended = of_service(ChangeEnded, service, holds_personal=personal)
        self.refused = {
            command.__name__: of_service(CommandRefused, service, f"{command.__name__}Refused") for command in commands
        }

    def all(self) -> list[type[Event]]:
        """Every type, for the catalogue."""
        changes = (self.change_proposed, self.change_approved, self.change_ended)
        return [self.epoch_begun, self.cursor_advanced, *changes, *self.refused.values()]


def change_stream(service: str, key: str, change: str) -> str:
    """`<service>/<key>/change/<id>`."""
    return stream_name(service, key, "change", change)
