"""The rules of nav behind the decider protocol: every command and every event, once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, get_args

from libs.kernel.decider import Command
from libs.kernel.events import Catalogue, Event
from libs.messages.nav import CATALOGUE, ClassNavEvent, CompensationEvent, DayEvent, NavEvent
from services.nav.domain import class_nav, day, nav_error, publication, sub_fund, valuation
from services.nav.domain.commands import SERVICE
from services.nav.domain.refusals import unexpected

_COMMANDS: tuple[type[Command], ...] = (
    sub_fund.SetNavPolicy,
    *get_args(day.DayCommands),
    valuation.ComputeNavs,
    *get_args(class_nav.ClassNavCommands),
    *get_args(publication.PublicationCommands),
    *get_args(nav_error.CompensationCommands),
)


class NavDecider:
    """Sub-funds, their valuation dates, NAVs and compensations; implements `libs.kernel.decider.Decider`."""

    service: str = SERVICE
    catalogue: Catalogue = CATALOGUE
    commands: Mapping[str, type[Command]] = {kind.__name__: kind for kind in _COMMANDS}

    def decide(self, command: Command, states: Mapping[str, Any]) -> Sequence[Event]:
        """The events of a command; raises Refused, InvalidValue, TypeError for another service's command."""
        seen = [states[stream] for stream in command.streams()]
        if isinstance(command, sub_fund.SetNavPolicy):
            return sub_fund.decide(command, *seen)
        if isinstance(command, day.DayCommands):
            return day.decide(command, *seen)
        if isinstance(command, valuation.ComputeNavs):
            return valuation.decide(command, *seen)
        if isinstance(command, class_nav.ClassNavCommands):
            target, _, sub_fund_state = seen
            return class_nav.decide(command, target, sub_fund_state)
        if isinstance(command, publication.PublicationCommands):
            return publication.decide(command, *seen)
        if isinstance(command, nav_error.CompensationCommands):
            return nav_error.decide(command, *seen)
        raise TypeError(f"{type(command).__name__} is no command of nav")

    def evolve(self, state: Any, event: Event) -> Any:
        """The state of the event's stream after it; raises UnknownEvent."""
        match event:
            case ClassNavEvent():
                return class_nav.evolve(state, event)
            case DayEvent():
                return day.evolve(state, event)
            case CompensationEvent():
                return nav_error.evolve(state, event)
            case NavEvent():
                return sub_fund.evolve(state, event)
            case _:
                raise unexpected(event, state)
