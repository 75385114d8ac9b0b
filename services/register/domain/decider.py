"""The rules of the register behind the decider protocol: every command and every event, once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, get_args

from libs.kernel.decider import Command
from libs.kernel.events import Catalogue, Event
from libs.kernel.money import exactly
from libs.messages.register import CATALOGUE, ClassEvent, HoldingEvent, MovementsBooked
from services.register.domain import actions, booking, holding, reservations, share_class, transfers
from services.register.domain.commands import SERVICE, BookMovements
from services.register.domain.refusals import unexpected

_COMMANDS: tuple[type[Command], ...] = (
    BookMovements,
    *get_args(transfers.TransferCommands),
    *get_args(reservations.ReservationCommands),
    *get_args(actions.ActionCommands),
)


class RegisterDecider:
    """Holdings, classes, bookings; implements `libs.kernel.decider.Decider`. Decimals are exact inside."""

    service: str = SERVICE
    catalogue: Catalogue = CATALOGUE
    commands: Mapping[str, type[Command]] = {kind.__name__: kind for kind in _COMMANDS}

    @exactly
    def decide(self, command: Command, states: Mapping[str, Any]) -> Sequence[Event]:
        """The events of a command; raises Refused, InvalidValue, TypeError for another service's command."""
        seen = [states[stream] for stream in command.streams()]
        if isinstance(command, BookMovements):
            return booking.decide(command, *seen)
        if isinstance(command, transfers.TransferCommands):
            return transfers.decide(command, *seen)
        if isinstance(command, reservations.ReservationCommands):
            return reservations.decide(command, *seen)
        if isinstance(command, actions.ActionCommands):
            return actions.decide(command, *seen)
        raise TypeError(f"{type(command).__name__} is no command of the register")

    @exactly
    def evolve(self, state: Any, event: Event) -> Any:
        """The state of the event's stream after it; raises UnknownEvent."""
        if isinstance(event, HoldingEvent):
            return holding.evolve(state, event)
        if isinstance(event, ClassEvent):
            return share_class.evolve(state, event)
        if isinstance(event, MovementsBooked):
            return booking.evolve(state, event)
        raise unexpected(event, state)
