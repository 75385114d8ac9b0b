"""The umbrella fund: the legal person or common fund under which sub-funds stand (TA-F-1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, assert_never

from libs.kernel.errors import CartularyError
from libs.kernel.events import Event, UnknownEvent
from libs.messages.codes import check_country
from libs.messages.funds import UmbrellaRegistered
from libs.messages.values import Country, Lei, Name
from services.funds.domain.commands import FundsCommand
from services.funds.domain.refusals import UmbrellaExists, UmbrellaUnknown

# --- State


@dataclass(frozen=True, slots=True)
class Umbrella:
    """An umbrella as it was registered."""

    registered: UmbrellaRegistered


# --- Commands


class RegisterUmbrella(FundsCommand):
    """Put an umbrella fund on the books."""

    name: Name
    legal_form: Literal["sicav", "fcp", "icav", "plc", "unit_trust", "partnership"]
    regime: Literal["ucits", "part_ii", "sif", "sicar", "raif", "eltif", "other_aif"]
    domicile: Country
    lei: Lei | None = None


UmbrellaCommand = RegisterUmbrella

# --- Decide


def decide(command: UmbrellaCommand, umbrella: Umbrella | None) -> Sequence[Event]:
    """The events of a command on an umbrella."""
    match command:
        case RegisterUmbrella():
            return register_umbrella(command, umbrella)
        case _:
            assert_never(command)


def register_umbrella(command: RegisterUmbrella, umbrella: Umbrella | None) -> Sequence[Event]:
    """An umbrella is registered once; again with the same particulars is no event."""
    check_country(command.domicile, "domicile")
    registered = UmbrellaRegistered(
        umbrella=command.umbrella,
        name=command.name,
        legal_form=command.legal_form,
        regime=command.regime,
        domicile=command.domicile,
        lei=command.lei,
    )
    if umbrella is None:
        return [registered]
    if umbrella.registered != registered:
        raise UmbrellaExists("registered with other particulars", field="umbrella", value=command.umbrella)
    return []


def existing(umbrella: Umbrella | None, command: FundsCommand) -> Umbrella:
    """The umbrella, or UmbrellaUnknown."""
    if umbrella is None:
        raise UmbrellaUnknown("register the umbrella first", field="umbrella", value=command.umbrella)
    return umbrella


# --- Evolve


def evolve(umbrella: Umbrella | None, event: Event) -> Umbrella:
    """The umbrella after the event."""
    match event:
        case UmbrellaRegistered() if umbrella is None:
            return Umbrella(event)
        case _:
            raise unexpected(event, umbrella)


def unexpected(event: Event, state: object) -> CartularyError:
    """An event that cannot follow on this state."""
    return UnknownEvent(f"{event.type_name()} does not follow on {type(state).__name__}", field="type")
