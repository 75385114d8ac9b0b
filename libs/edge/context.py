"""What every route of a service can reach: one object on the app, made by `create_app`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Request

from libs.edge.auth import Verifier
from libs.edge.gateway import ChangeDesk, CommandGateway
from libs.edge.health import Health
from libs.edge.limits import Limits
from libs.edge.permissions import PERMISSIONS, Permissions
from libs.edge.settings import Settings
from libs.ports import Clock


@dataclass(frozen=True, slots=True)
class Edge:
    """The parts behind a service's HTTP side; `gateway` is None for a service that takes no commands,
    `desk` for one without changes under four eyes. `personal` names the fields whose values no problem shows."""

    service: str
    settings: Settings
    clock: Clock
    verifier: Verifier
    health: Health
    limits: Limits
    gateway: CommandGateway | None
    desk: ChangeDesk | None = None
    permissions: Permissions = PERMISSIONS
    personal: frozenset[str] = frozenset()


def edge_of(request: Request) -> Edge:
    """The edge of the app that serves this request."""
    edge: Edge = request.app.state.edge
    return edge


async def arrival(request: Request) -> datetime:
    """FastAPI dependency: the service's own UTC time, for a command's `now` (TA-O-2)."""
    return edge_of(request).clock.now()


Now = Annotated[datetime, Depends(arrival)]
