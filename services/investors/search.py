"""Search for people by name, IBAN, tax number or reference, through keyed tokens; never by an address (TA-I-7).

Tokens find whom the words may mean; the rows are read within the caller's scope, opened and compared, and only then
shown. What a key was destroyed for is found by nobody.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import Field, model_validator
from starlette.responses import Response

from libs.edge.auth import Caller, CallerOf
from libs.edge.guard import needs
from libs.kernel.personal import Term
from libs.messages.investors import Category, Risk
from libs.messages.values import Code, Country
from services.investors import views
from services.investors.people import People, Row, clear, full_name
from services.investors.queries import INVESTOR, answer, may_filter, persons
from services.investors.sending import Body

Text = Annotated[str, Field(min_length=1, max_length=200)]
_KINDS = ("name", "iban", "tin", "reference")
_FOUND = f"{INVESTOR} where investor = any($1::uuid[]) and stage <> 'erased'"
_IBANS = "select investor, details::text from bank_accounts where investor = any($1::uuid[])"
# Subjects looked at for one answer; who filters a frequent name gets the rest by `next`.
_CHUNKS, _MOST = 4, 400


class SearchFilters(Body):
    """What else must be so."""

    status: views.InvestorStatus | None = None
    category: Category | None = None
    country: Country | None = None
    risk: Risk | None = None
    screening: views.Screening | None = None
    review_overdue: bool | None = None
    distributor: Code | None = None


class SearchBody(Body):
    """One of name (each word, or a beginning of three letters or more), IBAN, tax number, reference."""

    name: Text | None = None
    iban: Text | None = None
    tin: Text | None = None
    reference: Text | None = None
    filters: SearchFilters = SearchFilters()
    limit: Annotated[int, Field(ge=1, le=100)] = 20
    cursor: UUID | None = None

    @model_validator(mode="after")
    def _one(self) -> SearchBody:
        if len(self.terms()) != 1:
            raise ValueError(f"give one of: {', '.join(_KINDS)}")
        return self

    def terms(self) -> list[Term]:
        """What is looked for."""
        return [Term(kind, text) for kind in _KINDS if (text := getattr(self, kind)) is not None]


def router(people: People) -> APIRouter:
    """`POST /investors/search`: a person's name stands in no address."""
    routes = APIRouter(tags=["investors"])

    @routes.post(
        "/investors/search", response_model=views.FoundInvestors, dependencies=[needs("investors:personal")],
        openapi_extra={"x-one-command": False},
    )  # fmt: skip
    async def search_investors(request: Request, body: SearchBody, caller: CallerOf) -> Response:
        """Investors by what they are called, or by a number of theirs."""
        may_filter(caller, body.filters.model_dump(exclude_none=True))
        rows, next_subject = await _found(people, caller, body)
        return answer({"items": await persons(people, request, caller, rows), "next": next_subject})

    return routes


async def _found(people: People, caller: Caller, body: SearchBody) -> tuple[list[Row], str | None]:
    """The rows that match, in the order of subjects, and the subject to go on after, if there may be more.

    For a distributor all subjects are looked at: a place to go on at, with nothing of its own found, would tell
    of another's investor (TA-I-8).
    """
    term, found = body.terms()[0], list[Row]()
    after = "" if body.cursor is None else str(body.cursor)
    size = body.limit + 1
    for _ in range(_CHUNKS) if caller.distributor is None else count():
        subjects = await people.vault.search(caller.tenant, [term], after, size)
        for row in await _matching(people, caller, body, term, subjects):
            found.append(row)
            if len(found) > body.limit:
                return found[:-1], str(found[-2]["investor"])
        if len(subjects) < size:
            return found, None
        after, size = subjects[-1], _MOST
    return found, after


async def _matching(people: People, caller: Caller, body: SearchBody, term: Term, subjects: list[str]) -> list[Row]:
    if not subjects:
        return []
    arguments, conditions = [[UUID(subject) for subject in subjects]], ""
    for name, value in body.filters.model_dump(exclude_none=True).items():
        arguments.append(value)
        conditions += f" and {name} = ${len(arguments)}"
    rows = await people.rows(caller.scope, f"{_FOUND}{conditions} order by investor", *arguments)
    texts = await _texts(people, caller, term.kind, rows)
    return [row for row in rows if any(people.vault.matches(term, text) for text in texts(row))]


async def _texts(people: People, caller: Caller, kind: str, rows: list[Row]) -> Callable[[Row], list[str]]:
    """What a row is compared by: texts of this kind, opened."""
    if kind == "reference":
        return lambda row: [row["reference"] or ""]
    if kind == "iban":
        holders = [row["investor"] for row in rows]
        kept = await people.vault.open_rows(caller.tenant, await people.rows(caller.scope, _IBANS, holders))
        ibans: dict[Any, list[str]] = {}
        for one in kept:
            if details := clear(one["details"]):
                ibans.setdefault(one["investor"], []).append(details["iban"])
        return lambda row: ibans.get(row["investor"], [])
    column = "identity" if kind == "name" else "tax_identities"
    narrow = [{"investor": row["investor"], column: row[column]} for row in rows]
    opened = {one["investor"]: one[column] for one in await people.vault.open_rows(caller.tenant, narrow)}
    if kind == "name":
        return lambda row: [full_name(opened[row["investor"]])]
    return lambda row: [one["tin"] for one in clear(opened[row["investor"]]) or () if one["tin"]]
