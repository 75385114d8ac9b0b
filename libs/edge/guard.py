"""The guard at every route: who has no permission is refused, and a route without one does not start."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from fastapi import Depends, FastAPI, Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute

from libs.edge.auth import Caller, CallerOf
from libs.edge.permissions import Permissions
from libs.kernel.errors import CartularyError

# For probes and for readers of the API's description; they show nobody's data.
OPEN = frozenset({"/health/live", "/health/ready", "/metrics", "/openapi.json"})


class Forbidden(CartularyError):
    """The caller's role has not the permission; the problem names the permission and nothing else."""

    code = "forbidden"
    status = 403
    title = "The caller may not do this"

    def __init__(self, permission: str, detail: str = "") -> None:
        super().__init__(detail or f"the permission {permission} is needed")
        self.permission = permission

    def as_problem(self) -> dict[str, object]:
        """The problem with the permission that is missing."""
        return {**super().as_problem(), "permission": self.permission}


class RoutesUnguarded(CartularyError):
    """Routes that state no permission, or one that no role has: the app does not start."""

    code = "routes-unguarded"
    title = "Routes without a permission"


class Needs:
    """The check of one permission; see `needs`."""

    def __init__(self, permission: str) -> None:
        self.permission = permission

    async def __call__(self, request: Request, caller: CallerOf) -> Caller:
        """The caller, who has the permission; raises Unauthorized, Forbidden."""
        permissions: Permissions = request.app.state.edge.permissions
        if not permissions.allows(caller.actor.role, self.permission):
            raise Forbidden(self.permission)
        return caller


def needs(permission: str) -> Any:
    """FastAPI dependency that authenticates and refuses whoever has not the permission.

    For a route's or a router's `dependencies=[needs("funds:read")]`, or as a parameter:
    `caller: Annotated[Caller, needs("funds:read")]`. Raises Unauthorized (401) and Forbidden (403).
    """
    return Depends(Needs(permission))


def may_propose(request: Request, caller: Caller, command: str) -> None:
    """Check that the caller's role may propose the command; raises Forbidden naming the command."""
    _four_eyes(request, caller, command, "propose")


def may_approve(request: Request, caller: Caller, command: str) -> None:
    """Check that the caller's role may approve the command; raises Forbidden naming the command."""
    _four_eyes(request, caller, command, "approve")


def _four_eyes(request: Request, caller: Caller, command: str, what: str) -> None:
    edge = request.app.state.edge
    permissions: Permissions = edge.permissions
    if caller.actor.role not in getattr(permissions.on(edge.service, command), what):
        name = f"{what}:{edge.service}.{command}"
        raise Forbidden(name, f"the permission {name} is needed")


class Guarded(NamedTuple):
    """A route and the permissions that it needs, all of them."""

    methods: tuple[str, ...]
    path: str
    needs: frozenset[str]


def guarded(app: FastAPI) -> list[Guarded]:
    """Every route of the app with what it needs, except health, metrics and OpenAPI.

    Raises RoutesUnguarded naming each one that needs nothing, or what no role has.
    """
    found = [route for route in _walk(app.routes, "", frozenset()) if route.path not in OPEN]
    known = app.state.edge.permissions.known()
    bare = [route for route in found if not route.needs or not route.needs <= known]
    if bare:
        named = "; ".join(f"{' '.join(route.methods)} {route.path} {sorted(route.needs)}" for route in bare)
        raise RoutesUnguarded(f"state a permission of the table by needs(...): {named}")
    return found


def _walk(routes: Iterable[BaseRoute], prefix: str, inherited: frozenset[str]) -> Iterator[Guarded]:
    for route in routes:
        included: Any = getattr(route, "include_context", None)
        if included is not None:
            more = inherited | _of_dependencies(included.dependencies)
            yield from _walk(included.included_router.routes, prefix + included.prefix, more)
        elif isinstance(route, APIRoute):
            methods = tuple(sorted(route.methods or ()))
            yield Guarded(methods, prefix + route.path, inherited | _of_dependant(route.dependant))
        else:
            # Whatever else answers (a mount, a websocket) has no place for a permission.
            path = str(getattr(route, "path", route))
            yield Guarded(tuple(sorted(getattr(route, "methods", None) or ())), prefix + path, inherited)


def _of_dependencies(dependencies: Sequence[Any]) -> frozenset[str]:
    calls = (dependency.dependency for dependency in dependencies)
    return frozenset(call.permission for call in calls if isinstance(call, Needs))


def _of_dependant(dependant: Dependant) -> frozenset[str]:
    own = frozenset({dependant.call.permission}) if isinstance(dependant.call, Needs) else frozenset[str]()
    return own.union(*(_of_dependant(inner) for inner in dependant.dependencies))
