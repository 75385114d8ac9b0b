"""The decider protocol: pure functions that the runtime loads state for and stores the answer of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar, NamedTuple, Protocol, Self

from pydantic import BaseModel, ConfigDict

from libs.kernel.events import Catalogue, Event


class Reference(NamedTuple):
    """A row of the service's own schema that a command needs to be decided: table and primary key."""

    table: str
    key: Mapping[str, str]

    def __hash__(self) -> int:
        return hash((self.table, tuple(sorted(self.key.items()))))


class Command(BaseModel):
    """A request to one service, imperative; everything that the decision needs is inside, `now` included."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    # Whether the change takes effect only after another subject approved it (TA-F-4); the runtime sees to it.
    four_eyes: ClassVar[bool] = False
    # The fields whose values are personal: no problem shows them, and a proposal of the command seals them.
    personal: ClassVar[frozenset[str]] = frozenset()

    now: datetime

    def streams(self) -> tuple[str, ...]:
        """The streams that the decision reads or writes, its target first; all share one lane key (W-2)."""
        raise NotImplementedError(f"{type(self).__name__} names no streams")

    def references(self) -> tuple[Reference, ...]:
        """Committed rows that the decision needs from elsewhere (W-3, W-24)."""
        return ()

    def given(self, rows: Mapping[Reference, Mapping[str, Any] | None]) -> Self:
        """This command with its reference rows filled in; None stands for a row that does not exist."""
        return self


class Decider(Protocol):
    """The rules of one service; `commands` are its command types by class name."""

    service: str
    catalogue: Catalogue
    commands: Mapping[str, type[Command]]

    def decide(self, command: Command, states: Mapping[str, Any]) -> Sequence[Event]:
        """The events that the command produces, `[]` for a repetition; raises Refused.

        `states` has every stream that the command names; None for one without events.
        """
        ...

    def evolve(self, state: Any, event: Event) -> Any:
        """The state after the event; `state` is None before the first; raises on an event it does not know."""
        ...
