"""The distributor: who places orders under a code, until the agreement ends (TA-I-8)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, assert_never

from libs.kernel.events import Event
from libs.messages.codes import check_country
from libs.messages.investors import DistributorEnded, DistributorRegistered
from services.investors.domain.commands import EndDistributor, RegisterDistributor
from services.investors.domain.refusals import (
    DistributorExists,
    DistributorIsEnded,
    DistributorUnknown,
    ForeignDistributor,
    unexpected,
)

# --- State


@dataclass(frozen=True, slots=True)
class Distributor:
    """A distributor as it was registered, and whether its agreement ended."""

    registered: DistributorRegistered
    ended: bool = False


# --- Commands

DistributorCommands = RegisterDistributor | EndDistributor

# --- Decide


def decide(command: DistributorCommands, distributor: Distributor | None) -> Sequence[Event]:
    """The events of a command on a distributor."""
    match command:
        case RegisterDistributor():
            return register_distributor(command, distributor)
        case EndDistributor():
            return end_distributor(command, distributor)
        case _:
            assert_never(command)


def register_distributor(command: RegisterDistributor, distributor: Distributor | None) -> Sequence[Event]:
    """A distributor is registered once; again with the same particulars is no event."""
    check_country(command.country, "country")
    registered = DistributorRegistered(
        distributor=command.distributor,
        code=command.code,
        name=command.name,
        country=command.country,
        lei=command.lei,
    )
    if distributor is None:
        return [registered]
    if distributor.registered != registered:
        raise DistributorExists("registered with other particulars", field="distributor", value=command.distributor)
    return []


def end_distributor(command: EndDistributor, distributor: Distributor | None) -> Sequence[Event]:
    """What it placed stands; it places nothing new."""
    if distributor is None:
        raise DistributorUnknown("register the distributor first", field="distributor", value=command.distributor)
    if distributor.ended:
        return []
    return [DistributorEnded(distributor=command.distributor, code=distributor.registered.code)]


def check_code(code: str | None, bound_to: str | None) -> None:
    """Raise ForeignDistributor for a code that is not that of the distributor that the caller is bound to (I-8)."""
    if bound_to is not None and code != bound_to:
        raise ForeignDistributor("leave it out, or give your own", field="distributor", value=code)


def check_row(code: str | None, row: Mapping[str, Any] | None) -> None:
    """Raise DistributorUnknown or DistributorIsEnded for a code under which nothing new is placed (I-8)."""
    if code is None:
        return
    if row is None:
        raise DistributorUnknown("register the distributor first", field="distributor", value=code)
    if row["ended"]:
        raise DistributorIsEnded("it places nothing new", field="distributor", value=code)


# --- Evolve


def evolve(distributor: Distributor | None, event: Event) -> Distributor:
    """The distributor after the event."""
    match distributor, event:
        case None, DistributorRegistered():
            return Distributor(event)
        case Distributor(), DistributorEnded():
            return replace(distributor, ended=True)
        case _:
            raise unexpected(event, distributor)
