"""The composition root of funds."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from libs.calendars.calendar import import_libraries
from libs.edge.component import Component, ServiceParts
from libs.edge.composition import compose
from libs.edge.path import Parts
from libs.edge.settings import Settings
from services.funds.api import routers
from services.funds.domain.decider import FundsDecider
from services.funds.projections import project
from services.funds.reactions import DUE


def parts() -> Parts:
    """What funds brings to the runtime."""
    decider = FundsDecider()
    stems = (kind.type_name().rpartition(".v")[0] for kind in decider.catalogue.types())
    return Parts(decider, dict.fromkeys(stems, project), Path(__file__).with_name("migrations"), due=DUE)


def service(settings: Settings) -> ServiceParts:
    """Funds for `cartulary serve`."""
    description = "Umbrellas, sub-funds, share classes and their dealing calendars."
    whole = compose(parts(), settings, lambda composed: routers(composed.store), description)
    calendars = Component("calendars", _warm_up, ("api",))
    return replace(whole, components=[*whole.components, calendars])


async def _warm_up() -> None:
    """The first command that names a calendar must not hold up everything else while libraries are imported."""
    await asyncio.to_thread(import_libraries)
    await asyncio.Event().wait()
