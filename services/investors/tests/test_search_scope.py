"""What a search tells beside the persons that it finds (TA-I-8)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from libs.edge.auth import Caller
from libs.kernel.envelope import Actor
from libs.kernel.personal import Term
from libs.ports import Scope
from services.investors import search
from services.investors.people import People

SUBJECTS = [str(UUID(int=number)) for number in range(1, 2_001)]


class Index:
    """Many subjects with one token, none of them the distributor's; and no more of any table."""

    async def search(self, tenant: str, terms: list[Term], after: str = "", limit: int = 100) -> list[str]:
        return [subject for subject in SUBJECTS if subject > after][:limit]

    async def query(self, scope: Scope, sql: str, *arguments: object) -> list[dict[str, Any]]:
        return []

    async def open_rows(self, tenant: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return rows


async def found_by(actor: Actor) -> tuple[list[dict[str, Any]], str | None]:
    people = People(Index(), Index())  # type: ignore[arg-type]
    return await search._found(people, Caller(actor, "meridian"), search.SearchBody(name="weber", limit=1))


async def test_i8_a_distributor_gets_no_place_to_go_on_at_among_anothers_investors() -> None:
    assert await found_by(Actor("north", "distributor", distributor="NORTH")) == ([], None)


async def test_who_sees_the_tenant_goes_on_where_a_long_search_ended() -> None:
    rows, following = await found_by(Actor("olga", "operations"))
    assert rows == []
    assert following in SUBJECTS[1_000:-1]
