"""The given-when-then of the test kit fails when the rules say something else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import pytest

from libs.kernel.decider import Command
from libs.kernel.errors import Refused
from libs.kernel.events import Catalogue, Event
from libs.testkit.given import given_by


class Lit(Event):
    service: ClassVar[str] = "lamp"
    aggregate: ClassVar[str] = "lamp"
    key_field: ClassVar[str] = "lamp"
    id_field: ClassVar[str] = "lamp"

    lamp: str


class Broken(Refused):
    code = "broken"


class Light(Command):
    lamp: str
    now: Any = None

    def streams(self) -> tuple[str, ...]:
        return (f"lamp/{self.lamp}/lamp/{self.lamp}",)


class LampDecider:
    service = "lamp"
    catalogue = Catalogue([Lit])
    commands: Mapping[str, type[Command]] = {"Light": Light}

    def decide(self, command: Command, states: Mapping[str, Any]) -> Sequence[Event]:
        assert isinstance(command, Light)
        if command.lamp == "broken":
            raise Broken("it has no bulb", field="lamp")
        return [] if states[command.streams()[0]] else [Lit(lamp=command.lamp)]

    def evolve(self, state: Any, event: Event) -> Any:
        return "lit"


given = given_by(LampDecider())


def test_what_the_rules_say_passes() -> None:
    lit = given().when(Light(lamp="a")).then(Lit(lamp="a"))
    lit.when(Light(lamp="a")).then_nothing()
    given(Lit(lamp="a")).when(Light(lamp="b"), Light(lamp="b")).then_nothing()
    given().when(Light(lamp="broken")).then_refused(Broken, "lamp")


def test_what_they_do_not_say_fails() -> None:
    with pytest.raises(AssertionError):
        given().when(Light(lamp="a")).then()
    with pytest.raises(AssertionError):
        given().when(Light(lamp="a")).then_nothing()
    with pytest.raises(AssertionError, match="not refused"):
        given().when(Light(lamp="a")).then_refused(Broken)
    with pytest.raises(AssertionError, match="Broken"):
        given().when(Light(lamp="broken")).then_refused(Refused)
    with pytest.raises(AssertionError, match="names lamp"):
        given().when(Light(lamp="broken")).then_refused(Broken, "bulb")
