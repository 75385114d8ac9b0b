"""Everything of one person as JSON (GDPR 15, 20), and the register of accounts as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response, StreamingResponse

from libs.edge.auth import Caller, CallerOf
from libs.edge.commands import CommandStatus
from libs.edge.context import Now
from libs.edge.guard import needs
from libs.messages.investors import ExportPurpose
from services.investors import views
from services.investors.account_queries import ACCOUNT, BANK_ACCOUNT
from services.investors.domain.commands import ExportPersonalData
from services.investors.history import events
from services.investors.people import PERSONAL, People, Row, full_name, may
from services.investors.queries import COLUMNS, answer, person
from services.investors.sending import Body, facts_of, send

_HELD = f"{ACCOUNT} where account in (select account from account_holders where investor = $1) order by reference"
_BANKS = f"{BANK_ACCOUNT} where investor = $1 order by added_at, bank_account"
_DOCUMENTS = "select document, kind, media_type, size_bytes, filed_at from documents where investor = $1 order by 1"
_PERSON = tuple(views.PersonView.model_fields)
_CHUNK = 500
_REGISTER = f"{ACCOUNT} where (reference, account) > ($1, $2) order by reference, account limit {_CHUNK}"
_NAMES = "select investor, identity::text from investors where investor = any($1::uuid[])"
_FIELDS = (
    "account", "reference", "kind", "status", "distributor", "holders", "signatures", "reinvest", "blocked",
    "opened_at",
)  # fmt: skip
# A spreadsheet would run what begins so.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


# A command with an answer of its own.
_COMMAND: dict[str, Any] = {
    "x-one-command": False,
    "parameters": [
        {"name": "Idempotency-Key", "in": "header", "required": True, "schema": {"type": "string", "minLength": 1}},
        {"name": "Prefer", "in": "header", "required": False, "schema": {"type": "string"}},
    ],
}


class ExportBody(Body):
    """What the export is for."""

    purpose: ExportPurpose


def router(people: People) -> APIRouter:
    """`/investors/{investor}/export` and `/accounts/export`."""
    routes = APIRouter()

    @routes.post(
        "/investors/{investor}/export", tags=["investors"], response_model=views.SubjectView,
        responses={202: {"model": CommandStatus}}, openapi_extra=_COMMAND, dependencies=[needs("subjects:export")],
    )  # fmt: skip
    async def export_person(request: Request, investor: UUID, body: ExportBody, caller: CallerOf, now: Now) -> Response:
        """A person's whole data; that it was handed out is on the record before it is (GDPR 15, 20)."""
        await person(people, caller, investor)
        recorded = await send(request, caller, now, ExportPersonalData, facts_of(body, investor=investor))
        if recorded.status_code != 200:
            return recorded
        return answer(await _whole(people, caller, investor))

    @routes.get(
        "/accounts/export", tags=["accounts"], dependencies=[needs("accounts:export")], response_class=Response,
        responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
    )  # fmt: skip
    async def export_accounts(request: Request, caller: CallerOf) -> StreamingResponse:
        """The register of accounts as CSV; with the holders' names for whom may see them."""
        names = may(request, caller, PERSONAL)
        # The first rows are read before the answer begins, so that what is wrong has a status.
        chunks = _register(people, caller, names)
        first = await anext(chunks)
        headers = {"Content-Disposition": 'attachment; filename="accounts.csv"', "Cache-Control": "no-store"}
        return StreamingResponse(_chained(first, chunks), headers=headers, media_type="text/csv; charset=utf-8")

    return routes


async def _whole(people: People, caller: Caller, investor: UUID) -> dict[str, Any]:
    """The grounds of blocks are left out: they may tell of a suspicion."""
    shown = (await people.shown(caller, [await person(people, caller, investor)], COLUMNS, opens=True))[0]
    banks = await people.rows(caller.scope, _BANKS, investor)
    history, after = list[Row](), None
    while found := await events(people, caller, investor, after, _CHUNK, telling=False):
        history += found
        after = found[-1]["sequence"]
    accounts = await people.rows(caller.scope, _HELD, investor)
    return {
        "investor": {name: shown[name] for name in _PERSON},
        "bank_accounts": await people.shown(caller, banks, ["details"], opens=True),
        "accounts": [{name: value for name, value in one.items() if name != "blocked"} for one in accounts],
        "documents": await people.rows(caller.scope, _DOCUMENTS, investor),
        "events": history,
    }


async def _register(people: People, caller: Caller, names: bool) -> AsyncIterator[bytes]:
    yield _csv([[*_FIELDS, "holder_names"] if names else [*_FIELDS]])
    place: tuple[str, UUID] = ("", UUID(int=0))
    while rows := await people.rows(caller.scope, _REGISTER, *place):
        place = (rows[-1]["reference"], rows[-1]["account"])
        known = await _names(people, caller, rows) if names else {}
        yield _csv([_line(row, known, names) for row in rows])


async def _names(people: People, caller: Caller, rows: list[Row]) -> dict[str, str]:
    holders = sorted({holder for row in rows for holder in row["holders"]})
    kept = await people.rows(caller.scope, _NAMES, [UUID(holder) for holder in holders])
    opened = await people.vault.open_rows(caller.tenant, kept)
    return {str(row["investor"]): full_name(row["identity"]) for row in opened}


def _line(row: Row, known: dict[str, str], names: bool) -> list[str]:
    lists = {"holders": " ".join(row["holders"]), "blocked": " ".join(row["blocked"])}
    cells = [str(lists.get(name, "" if row[name] is None else row[name])) for name in _FIELDS]
    if names:
        cells.append("; ".join(known.get(holder, "") for holder in row["holders"]))
    return [f"'{cell}" if cell.startswith(_FORMULA) else cell for cell in cells]


def _csv(lines: list[list[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(lines)
    return text.getvalue().encode()


async def _chained(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for chunk in rest:
        yield chunk
