"""Given events, when a command, then events or a refusal: the rules of any decider, told in one line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from libs.kernel.decider import Command, Decider
from libs.kernel.errors import CartularyError
from libs.kernel.events import Event


class Given:
    """Streams folded from past events; each event is read back from its stored form first."""

    def __init__(self, decider: Decider, events: Sequence[Event]) -> None:
        self._decider = decider
        self.states: dict[str, Any] = {}
        for event in events:
            self.apply(event)

    def apply(self, event: Event) -> None:
        """Fold one more event, as the ledger would give it back."""
        stored = self._decider.catalogue.parse(event.type_name(), event.data())
        assert stored == event, f"{event.type_name()} does not survive being stored"
        stream = stored.stream()
        self.states[stream] = self._decider.evolve(self.states.get(stream), stored)

    def decide(self, command: Command) -> Sequence[Event]:
        """The events of the command on these streams; nothing is folded."""
        return self._decider.decide(command, {stream: self.states.get(stream) for stream in command.streams()})

    def when(self, *commands: Command) -> When:
        """All but the last command are carried out; the last one is in question."""
        for command in commands[:-1]:
            for event in self.decide(command):
                self.apply(event)
        return When(self, commands[-1])


class When:
    """A command that is about to be decided."""

    def __init__(self, past: Given, command: Command) -> None:
        self._past = past
        self._command = command

    def then(self, *expected: Event) -> Given:
        """Exactly these events come; returns the streams with them folded."""
        events = self._past.decide(self._command)
        assert list(events) == list(expected)
        for event in events:
            self._past.apply(event)
        return self._past

    def then_nothing(self) -> None:
        """The command is a repetition."""
        assert list(self._past.decide(self._command)) == []

    def then_refused(self, error: type[CartularyError], field: str | None = None) -> CartularyError:
        """The command is refused by exactly this error, which names the field where one is given."""
        refusal = self._refusal()
        assert type(refusal) is error, f"{type(refusal).__name__}: {refusal}"
        assert field is None or refusal.field == field, f"names {refusal.field}, not {field}"
        return refusal

    def _refusal(self) -> CartularyError:
        try:
            events = self._past.decide(self._command)
        except CartularyError as refusal:
            return refusal
        raise AssertionError(f"not refused, but {[event.type_name() for event in events]}")


def given_by(decider: Decider) -> Callable[..., Given]:
    """`given = given_by(FundsDecider())`; then `given(*events).when(command).then(*events)`."""
    return lambda *events: Given(decider, events)
