"""The HTTP side of a service, composed: what all have in common is here, routes hold nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from fastapi import APIRouter, FastAPI

from libs.edge.auth import Verifier
from libs.edge.body import StrictBody
from libs.edge.changes import change_routes
from libs.edge.commands import status_routes
from libs.edge.context import Edge
from libs.edge.gateway import ChangeDesk, CommandGateway
from libs.edge.guard import guarded
from libs.edge.health import Check, Health, health_routes
from libs.edge.limits import Limits, RateLimitFields
from libs.edge.observe import Observed
from libs.edge.openapi import install_openapi
from libs.edge.permissions import PERMISSIONS, Permissions
from libs.edge.problems import install_problems
from libs.edge.settings import Settings
from libs.ports import Clock

# Raised when a route changes so that callers must change too.
API_VERSION = "1"


def create_app(  # noqa: PLR0913 (what a service is made of, each by its name)
    service: str,
    settings: Settings,
    clock: Clock,
    *,
    description: str = "",
    routers: Sequence[APIRouter] = (),
    gateway: CommandGateway | None = None,
    desk: ChangeDesk | None = None,
    checks: Iterable[Check] = (),
    permissions: Permissions = PERMISSIONS,
    personal: frozenset[str] = frozenset(),
    larger_bodies: Mapping[str, int] | None = None,
) -> FastAPI:
    """A service's API: its routers behind authentication, the commands' and changes' routes, health, OpenAPI.

    Every route of `routers` states its permission by `needs`; raises RoutesUnguarded. Without `gateway` the
    service takes no commands, without `desk` it has no changes under four eyes. `personal` names the fields of
    its bodies whose values are shown to nobody, `larger_bodies` the limits in bytes of paths that take more than JSON.
    """
    app = bare_app(service, settings, description, larger_bodies)
    health = Health(service, clock, checks)
    verifier, limits = Verifier.of(settings, clock), Limits(service, settings, clock)
    app.state.edge = Edge(service, settings, clock, verifier, health, limits, gateway, desk, permissions, personal)
    own = [*routers]
    if gateway is not None:
        own.append(status_routes())
    if desk is not None:
        own.append(change_routes(desk))
    for router in own:
        app.include_router(router)
    app.include_router(health_routes(health))
    guarded(app)
    return app


def bare_app(
    service: str, settings: Settings, description: str = "", larger_bodies: Mapping[str, int] | None = None
) -> FastAPI:
    """An app with the edge's manners and no routes: strict bodies, problems, spans, metrics."""
    app = FastAPI(
        title=f"Cartulary {service}",
        version=API_VERSION,
        description=description,
        # Their pages load scripts of others from the net.
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
        # `Observed` sees requests; FastAPI's own would log the values that it refused.
        telemetry={
            "tracing": False,
            "metrics": False,
            "logs": False,
            "operation_spans": False,
            "auto_configure": False,
        },
    )
    install_problems(app)
    install_openapi(app)
    app.add_middleware(
        StrictBody, max_body_bytes=settings.max_body_bytes, max_json_depth=settings.max_json_depth, larger=larger_bodies
    )
    app.add_middleware(Observed, service=service)
    app.add_middleware(RateLimitFields)
    return app
