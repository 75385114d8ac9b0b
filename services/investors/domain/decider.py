"""The rules of investors behind the decider protocol: every command and every event, once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, get_args

from libs.kernel.decider import Command
from libs.kernel.events import Catalogue, Event
from libs.messages.investors import CATALOGUE, AccountEvent, BankAccountEvent, DistributorEvent, InvestorsEvent
from services.investors.domain import (
    account,
    bank_account,
    distributor,
    erasure,
    investor,
    opening,
    registration,
    review,
    screening,
)
from services.investors.domain.commands import SERVICE
from services.investors.domain.refusals import unexpected

_COMMANDS: tuple[type[Command], ...] = (
    registration.RegistrationCommand,
    *get_args(investor.FileCommands),
    *get_args(screening.ScreeningCommands),
    *get_args(review.ReviewCommands),
    *get_args(erasure.SubjectCommands),
    *get_args(bank_account.BankAccountCommands),
    opening.OpeningCommand,
    *get_args(account.AccountCommands),
    *get_args(distributor.DistributorCommands),
)


class InvestorsDecider:
    """Investors, bank accounts, accounts, distributors; implements `libs.kernel.decider.Decider`."""

    service: str = SERVICE
    catalogue: Catalogue = CATALOGUE
    commands: Mapping[str, type[Command]] = {kind.__name__: kind for kind in _COMMANDS}

    def decide(self, command: Command, states: Mapping[str, Any]) -> Sequence[Event]:
        """The events of a command; raises Refused, InvalidValue, TypeError for another service's command."""
        seen = [states[stream] for stream in command.streams()]
        if isinstance(command, registration.RegistrationCommand):
            return registration.decide(command, *seen)
        if isinstance(command, investor.FileCommands):
            return investor.decide(command, *seen)
        if isinstance(command, screening.ScreeningCommands):
            return screening.decide(command, *seen)
        if isinstance(command, review.ReviewCommands):
            return review.decide(command, *seen)
        if isinstance(command, erasure.SubjectCommands):
            return erasure.decide(command, *seen)
        return self._of_accounts(command, seen)

    def _of_accounts(self, command: Command, seen: Sequence[Any]) -> Sequence[Event]:
        if isinstance(command, bank_account.BankAccountCommands):
            return bank_account.decide(command, *seen)
        if isinstance(command, opening.OpeningCommand):
            return opening.decide(command, *seen)
        if isinstance(command, account.AccountCommands):
            return account.decide(command, *seen)
        if isinstance(command, distributor.DistributorCommands):
            return distributor.decide(command, *seen)
        raise TypeError(f"{type(command).__name__} is no command of investors")

    def evolve(self, state: Any, event: Event) -> Any:
        """The state of the event's stream after it; raises UnknownEvent."""
        # From the narrowest kind to the widest: an account's events are also an investor's kind.
        if isinstance(event, AccountEvent):
            return account.evolve(state, event)
        if isinstance(event, BankAccountEvent):
            return bank_account.evolve(state, event)
        if isinstance(event, DistributorEvent):
            return distributor.evolve(state, event)
        if isinstance(event, InvestorsEvent):
            return investor.evolve(state, event)
        raise unexpected(event, state)
