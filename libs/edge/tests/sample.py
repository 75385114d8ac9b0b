"""A small service to try the edge on: notes, a gateway and a desk in memory, a clock that stands still."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, ClassVar
from uuid import UUID

import httpx
from fastapi import APIRouter, FastAPI, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from libs.edge.app import create_app
from libs.edge.auth import Caller, CallerOf
from libs.edge.batches import MAX_BODY_BYTES, BatchResult, accept_batch, batch_openapi, checked_body
from libs.edge.commands import accept, command_from
from libs.edge.context import Now
from libs.edge.guard import needs
from libs.edge.health import Check
from libs.edge.issuer import LocalIssuer
from libs.edge.paging import PageOf, PageQuery, page
from libs.edge.permissions import FOUR_EYES, ROLES, FourEyes, Permissions
from libs.edge.settings import Settings
from libs.edge.tests.memory_desk import FakeDesk
from libs.kernel.decider import Command
from libs.kernel.envelope import Actor
from libs.kernel.errors import CartularyError, IdempotencyMismatch, NotFound, Refused
from libs.kernel.ids import uuid7
from libs.ports import Outcome

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


class ManualClock:
    """Time that moves only when a test moves it; `slept` has every pause that was asked for."""

    def __init__(self) -> None:
        self._elapsed_s = 0.0
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []
        self.slept: list[float] = []

    def now(self) -> datetime:
        return NOON + timedelta(seconds=self._elapsed_s)

    def monotonic(self) -> float:
        return self._elapsed_s

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        wake: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleepers.append((self._elapsed_s + seconds, wake))
        await wake

    async def move(self, seconds: float) -> None:
        """Let so many seconds pass, and everybody who then wakes up do what they do."""
        self._elapsed_s += seconds
        for at, wake in self._sleepers:
            if at <= self._elapsed_s and not wake.done():
                wake.set_result(None)
        await settle()


async def settle() -> None:
    """Let every task run until it waits."""
    for _ in range(20):
        await asyncio.sleep(0)


async def until(condition: Callable[[], bool]) -> None:
    """Wait until it holds; the test's own time limit ends it otherwise."""
    while not condition():  # noqa: ASYNC110 (a condition of another process, or of uvicorn, sets no event of ours)
        await asyncio.sleep(0.005)


class NoteTooPlain(Refused):
    """The one rule of notes."""

    code = "note-too-plain"


class WriteNote(Command):
    """Write a note."""

    note: str
    title: str = Field(max_length=20)
    amount: Decimal
    four_eyes: ClassVar[bool] = False

    def streams(self) -> tuple[str, ...]:
        return (f"notes/all/note/{self.note}",)


class FakeGateway:
    """Commands in memory: decided at once, committed at once or when `commit_all` says so."""

    def __init__(self) -> None:
        self.commits_at_once = True
        self.error: CartularyError | None = None
        self.known: dict[tuple[str, str], Outcome] = {}
        self.commands: list[Command] = []
        self.traceparents: list[str | None] = []
        self._committed = asyncio.Condition()

    def command_hash(self, tenant: str, actor: Actor, idempotency_key: str) -> str:
        return hashlib.sha256(f"{tenant}/{actor.sub}/{idempotency_key}".encode()).hexdigest()[:32]

    async def submit(
        self, command: Command, tenant: str, actor: Actor, idempotency_key: str, request: bytes,
        traceparent: str | None = None, correlation: str | None = None,
    ) -> Outcome:  # fmt: skip
        if self.error is not None:
            raise self.error
        name = (tenant, self.command_hash(tenant, actor, idempotency_key))
        mark = hashlib.sha256(request).hexdigest()
        if name in self.known:
            if self.known[name].request != mark:
                raise IdempotencyMismatch("this Idempotency-Key came with another request before")
            return self.known[name]
        self.commands.append(command)
        self.traceparents.append(traceparent)
        self.known[name] = self._decided(command, mark)
        return self.known[name]

    def _decided(self, command: Command, mark: str) -> Outcome:
        if getattr(command, "title", "") == "plain":
            return Outcome(
                mark, "refused", problem=NoteTooPlain("too plain", field="title", value="plain").as_problem()
            )
        decision = str(uuid7(command.now))
        streams = tuple((stream, 1) for stream in command.streams())
        return Outcome(mark, "committed" if self.commits_at_once else "decided", decision, streams)

    async def commit_all(self) -> None:
        """The ledger has them now."""
        async with self._committed:
            for name, outcome in self.known.items():
                if outcome.status == "decided":
                    self.known[name] = Outcome(outcome.request, "committed", outcome.decision, outcome.streams)
            self._committed.notify_all()

    async def settled(self, tenant: str, command_hash: str, timeout_s: float) -> Outcome | None:
        try:
            async with asyncio.timeout(timeout_s), self._committed:
                name = (tenant, command_hash)
                await self._committed.wait_for(lambda: self.known[name].status in {"committed", "refused"})
                return self.known[name]
        except TimeoutError:
            return None

    async def outcome(self, tenant: str, command_hash: str) -> Outcome | None:
        return self.known.get((tenant, command_hash))


class NoteBody(BaseModel):
    """A note to write."""

    model_config = ConfigDict(extra="forbid")

    title: str = Field(min_length=1, max_length=30)
    amount: Decimal = Field(Decimal(1), max_digits=20, decimal_places=2)
    secret_word: str | None = Field(None, max_length=10)
    tags: list[str] = Field([], max_length=5)


class Note(BaseModel):
    """A note as read."""

    number: int
    title: str


class NoteQuery(PageQuery):
    """Filters of the list of notes."""

    title: str | None = Field(None, min_length=1, max_length=30)


NOTES = [Note(number=number, title=f"note {number % 3}") for number in range(1, 13)]


def _note_of(body: Mapping[str, Any], now: datetime) -> Command:
    checked = checked_body(NoteBody, body)
    return command_from(WriteNote, checked.model_dump(include={"title", "amount"}), note=str(uuid7(now)), now=now)


def note_routes() -> APIRouter:
    """`/notes`."""
    router = APIRouter(prefix="/notes", tags=["notes"])
    reads = [needs("notes:read")]

    @router.post("", dependencies=[needs("notes:write")])
    async def write_note(request: Request, body: NoteBody, now: Now) -> Response:
        fields = body.model_dump(include={"title", "amount"})
        return await accept(
            request, command_from(WriteNote, fields, note=str(uuid7(now)), now=now), created="/notes/{id}"
        )

    @router.post(
        "/batch",
        responses={200: {"model": BatchResult}, 202: {"model": BatchResult}},
        openapi_extra=batch_openapi(NoteBody),
        dependencies=[needs("notes:write")],
    )
    async def write_notes(request: Request) -> Response:
        return await accept_batch(request, "/notes", _note_of)

    @router.get("", response_model=PageOf[Note], dependencies=reads)
    async def list_notes(request: Request, query: Annotated[NoteQuery, Query()], caller: CallerOf) -> Response:
        after = query.after(request, int)
        found = [n for n in NOTES if query.title in {None, n.title} and (after is None or n.number > after[0])]
        return page(request, query, [n.model_dump() for n in found[: query.limit + 1]], ("number",))

    @router.get("/broken", dependencies=reads)
    async def break_down() -> None:
        raise RuntimeError("the password is hunter2")

    @router.get("/{note}", dependencies=reads)
    async def read_note(note: UUID) -> Note:
        raise NotFound("there is no such note", field="note", value=note)

    return router


_OWN = {"operations": {"notes:read", "notes:write"}, "distributor": {"notes:read"}, "auditor": {"notes:read"}}
NOTES_PERMISSIONS = Permissions(
    {role: having | _OWN.get(role, set()) for role, having in ROLES.items()},
    {
        **FOUR_EYES,
        "notes": FourEyes(frozenset({"operations"}), frozenset({"operations", "compliance"})),
        "notes.BurnNote": FourEyes(frozenset({"operations"}), frozenset({"compliance"})),
    },
)


class Sample:
    """The sample service, with callers."""

    def __init__(
        self, home: Path, checks: Sequence[Check] = (), personal: frozenset[str] = frozenset(), **changed: Any
    ) -> None:
        self.settings = Settings(home=home).having(jwks_retry_s=0, **changed)
        self.clock, self.gateway, self.desk = ManualClock(), FakeGateway(), FakeDesk()
        self.issuer = LocalIssuer(self.settings.issuer_folder, self.settings.issuer, self.settings.audience)
        self.app: FastAPI = create_app(
            "notes", self.settings, self.clock, routers=[note_routes()], gateway=self.gateway, desk=self.desk,
            checks=checks, permissions=NOTES_PERMISSIONS, personal=personal,
            larger_bodies={"/notes/batch": MAX_BODY_BYTES},
        )  # fmt: skip

    def bearer(
        self, sub: str = "u-1", tenant: str = "acme", role: str = "operations", distributor: str | None = None
    ) -> dict[str, str]:
        """The header of a caller."""
        caller = Caller(Actor(sub, role, None, distributor), tenant)
        return {"Authorization": f"Bearer {self.issuer.token(caller, self.clock.now())}"}

    def client(self, **headers: str) -> httpx.AsyncClient:
        """A client with the caller's token and no other header than these."""
        transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=True)
        return httpx.AsyncClient(transport=transport, base_url="http://notes", headers={**self.bearer(), **headers})
