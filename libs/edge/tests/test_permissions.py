"""Roles and permissions: every route of every service with every role, and no route without a permission."""

from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI

from libs.adapters.postgres.store import PostgresStore
from libs.edge.app import create_app
from libs.edge.auth import Caller
from libs.edge.guard import Guarded, RoutesUnguarded, guarded, needs
from libs.edge.issuer import LocalIssuer
from libs.edge.permissions import FOUR_EYES, PERMISSIONS, ROLES
from libs.edge.proof import committing_services
from libs.edge.serve import Process, parts_of, services
from libs.edge.settings import Settings
from libs.edge.tests.sample import ManualClock, Sample
from libs.kernel.envelope import Actor

ID = "0198c5a0-0000-7000-8000-000000000000"
KEY = {"Idempotency-Key": "k-1"}


class Served:
    """A service as it is served, over a store that has nothing."""

    def __init__(self, name: str, home: Path) -> None:
        dsn = "postgresql://nobody@127.0.0.1:1/nothing"
        self.settings = Settings(home=home).having(
            postgres_dsn=dsn, rate_subject_burst=100_000, rate_tenant_burst=100_000, rate_address_burst=100_000
        )
        api = parts_of([name], self.settings)[0].api
        assert isinstance(api, FastAPI)
        self.api = api

    def bearer(self, role: str, now: Any) -> dict[str, str]:
        issuer = LocalIssuer(self.settings.issuer_folder, self.settings.issuer, self.settings.audience)
        actor = Actor(f"u-{role}", role, None, "d-1" if role == "distributor" else None)
        return {"Authorization": f"Bearer {issuer.token(Caller(actor, 'acme'), now)}"}

    async def ask(self, route: Guarded, method: str, headers: dict[str, str]) -> httpx.Response:
        """The answer to a request with an id for each part of the path and a body that says nothing."""
        address = "/".join(ID if part.startswith("{") else part for part in route.path.split("/"))
        transport = httpx.ASGITransport(app=self.api)
        async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
            body: dict[str, Any] = {"json": {}} if method not in {"GET", "HEAD", "DELETE"} else {}
            return await client.request(method, address, headers={**KEY, **headers}, **body)


@pytest.fixture
def nothing_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    async def nothing(*_: object) -> list[Any]:
        return []

    monkeypatch.setattr(PostgresStore, "query", nothing)


@pytest.mark.parametrize("role", [*ROLES, None])
@pytest.mark.parametrize("service", services())
async def test_every_route_lets_in_who_has_its_permission_and_nobody_else(
    service: str, role: str | None, tmp_path: Path, nothing_stored: None
) -> None:
    from libs.adapters.clock import SystemClock

    served = Served(service, tmp_path)
    headers = served.bearer(role, SystemClock().now()) if role else {}
    wrong = []
    for route in guarded(served.api):
        for method in route.methods:
            answer = await served.ask(route, method, headers)
            found = (answer.status_code, answer.json().get("type") if answer.status_code in {401, 403} else None)
            if role is None:
                fits = found == (401, "urn:cartulary:problem:unauthorized")
            elif route.needs <= ROLES[role]:
                fits = found[0] not in {401, 403}
            else:
                missing = answer.json().get("permission")
                fits = found == (403, "urn:cartulary:problem:forbidden") and missing in route.needs - ROLES[role]
            if not fits:
                wrong.append((method, route.path, sorted(route.needs), *found))
    assert wrong == []


@pytest.mark.parametrize("service", services())
def test_every_route_that_is_described_is_walked(service: str, tmp_path: Path) -> None:
    served = Served(service, tmp_path)
    described = {
        (method.upper(), path) for path, methods in served.api.openapi()["paths"].items() for method in methods
    }
    operations = [operation for methods in served.api.openapi()["paths"].values() for operation in methods.values()]
    assert all(operation["x-permissions"] and "403" in operation["responses"] for operation in operations)
    assert described == {(method, route.path) for route in guarded(served.api) for method in route.methods}


def bare() -> APIRouter:
    router = APIRouter(prefix="/x")

    @router.get("/guarded", dependencies=[needs("funds:read")])
    async def guarded_route() -> None:
        return None

    @router.get("/bare")
    async def bare_route() -> None:
        return None

    @router.post("/misspelt", dependencies=[needs("funds:raed")])
    async def misspelt_route() -> None:
        return None

    return router


def test_a_route_without_a_permission_of_the_table_does_not_start_and_is_named(tmp_path: Path) -> None:
    outer = APIRouter(prefix="/outer")
    outer.include_router(bare())
    with pytest.raises(RoutesUnguarded) as refused:
        create_app("notes", Settings(home=tmp_path), ManualClock(), routers=[outer])
    assert "GET /outer/x/bare []" in refused.value.detail
    assert "POST /outer/x/misspelt ['funds:raed']" in refused.value.detail
    assert "/outer/x/guarded" not in refused.value.detail


def test_a_mount_and_a_websocket_have_no_permission_and_do_not_start(tmp_path: Path) -> None:
    sockets = APIRouter()

    @sockets.websocket("/live")
    async def live() -> None:
        return None

    mounts = APIRouter()
    mounts.mount("/files", FastAPI())
    for router, path in ((sockets, "/live"), (mounts, "/files")):
        with pytest.raises(RoutesUnguarded, match=path):
            create_app("notes", Settings(home=tmp_path), ManualClock(), routers=[router])


def test_a_route_put_in_later_does_not_start_either(sample: Sample) -> None:
    from libs.edge.component import ServiceParts

    sample.app.include_router(bare())
    with pytest.raises(RoutesUnguarded, match="/x/bare"):
        Process([ServiceParts("notes", sample.app)], sample.settings, sample.clock)


async def test_a_refusal_names_the_permission_and_nothing_more(sample: Sample, client: httpx.AsyncClient) -> None:
    body = {"title": "a", "amount": "1.50"}
    answer = await client.post("/notes", json=body, headers={**KEY, **sample.bearer(role="auditor")})
    found = answer.json()
    assert (answer.status_code, found["type"]) == (403, "urn:cartulary:problem:forbidden")
    assert (found["permission"], found["detail"]) == ("notes:write", "the permission notes:write is needed")
    assert found.keys() - {"trace"} == {"type", "title", "status", "detail", "permission", "instance"}
    assert sample.gateway.commands == []


def test_the_table_gives_nobody_more_than_the_job_needs() -> None:
    reads = {"auditor": ROLES["auditor"], "administrator": ROLES["administrator"] - {"distributors:register"}}
    for role, having in reads.items():
        assert {permission.rpartition(":")[2] for permission in having} <= {"read", "export"}, role
    persons = {role for role, having in ROLES.items() if "investors:personal" in having}
    assert persons == {"operations", "compliance", "treasury", "data_protection", "distributor"}
    assert {role for role, having in ROLES.items() if "investors:review" in having} == {"compliance"}
    assert {role for role, having in ROLES.items() if "subjects:export" in having} == {"data_protection"}
    assert not ROLES["distributor"] & {"changes:propose", "changes:approve", "accounts:block", "bank_accounts:verify"}


def test_whoever_may_approve_can_reach_the_route_and_a_distributor_approves_nothing() -> None:
    for name, (propose, approve) in FOUR_EYES.items():
        assert propose, name
        assert approve, name
        assert propose | approve <= ROLES.keys(), name
        assert all(PERMISSIONS.allows(role, "changes:approve") for role in approve), name
        assert "distributor" not in approve, name


def test_f4_every_command_under_four_eyes_has_who_proposes_it_and_who_approves_it() -> None:
    found = {
        f"{service}.{name}"
        for service, parts in committing_services().items()
        for name, kind in parts.decider.commands.items()
        if kind.four_eyes
    }
    assert {name for name in FOUR_EYES if "." in name} <= found
    assert [name for name in found if not all(PERMISSIONS.on(*name.split(".")))] == []


def test_a_command_that_the_table_does_not_know_is_nobodys() -> None:
    assert PERMISSIONS.on("orders", "MoveMountain") == (frozenset(), frozenset())
    assert PERMISSIONS.on("funds", "ChangeShareClass") == FOUR_EYES["funds"]
    assert PERMISSIONS.on("investors", "ChangeBankAccount") == FOUR_EYES["investors.ChangeBankAccount"]
