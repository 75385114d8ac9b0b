"""The rules of funds behind the decider protocol: every command and every event, once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, get_args

from libs.kernel.decider import Command
from libs.kernel.events import Catalogue, Event
from libs.messages.funds import CATALOGUE, ShareClassEvent, SubFundEvent, UmbrellaRegistered
from services.funds.domain import initial_offer, share_class, sub_fund, umbrella
from services.funds.domain.commands import SERVICE

_COMMANDS: tuple[type[Command], ...] = (
    umbrella.RegisterUmbrella,
    *get_args(sub_fund.SubFundCommands),
    *get_args(share_class.ShareClassCommands),
    *get_args(initial_offer.InitialOfferCommands),
)


class FundsDecider:
    """Umbrellas, sub-funds, share classes; implements `libs.kernel.decider.Decider`."""

    service: str = SERVICE
    catalogue: Catalogue = CATALOGUE
    commands: Mapping[str, type[Command]] = {kind.__name__: kind for kind in _COMMANDS}

    def decide(self, command: Command, states: Mapping[str, Any]) -> Sequence[Event]:
        """The events of a command; raises Refused, InvalidValue, TypeError for another service's command."""
        seen = [states[stream] for stream in command.streams()]
        if isinstance(command, umbrella.UmbrellaCommand):
            return umbrella.decide(command, *seen)
        if isinstance(command, sub_fund.SubFundCommands):
            return sub_fund.decide(command, *seen)
        if isinstance(command, share_class.ShareClassCommands):
            return share_class.decide(command, *seen)
        if isinstance(command, initial_offer.InitialOfferCommands):
            return initial_offer.decide(command, *seen)
        raise TypeError(f"{type(command).__name__} is no command of funds")

    def evolve(self, state: Any, event: Event) -> Any:
        """The state of the event's stream after it; raises UnknownEvent."""
        # From the narrowest kind to the widest: a share class's events are also a sub-fund's kind.
        if isinstance(event, ShareClassEvent):
            return share_class.evolve(state, event)
        if isinstance(event, SubFundEvent):
            return sub_fund.evolve(state, event)
        if isinstance(event, UmbrellaRegistered):
            return umbrella.evolve(state, event)
        raise umbrella.unexpected(event, state)
