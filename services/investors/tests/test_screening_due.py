"""Screening as it falls due: whatever hinders the provider, the case waits, and nothing else does (TA-I-3, W-25)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
import pytest

from libs.kernel.decider import Command
from libs.ports import DueRow, Scope
from services.investors import screening
from services.investors.adapters.screening import ScreeningAnswer, Subject
from services.investors.domain.commands import RecordScreening, RecordScreeningUnavailable
from services.investors.people import People
from services.investors.tests.examples import INVESTOR, NOW, PERSON

ROW = DueRow("cause", "ScreenInvestor", NOW, "meridian", "", {"investor": str(INVESTOR), "round": 1, "attempt": 1})


class Table:
    """The one row of a person, and the vault that opens it."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, tuple[object, ...]]] = []

    async def query(self, scope: Scope, sql: str, *arguments: object) -> list[dict[str, Any]]:
        self.asked.append((sql, arguments))
        return [{"identity": orjson.dumps({"clear": PERSON}).decode(), "country": "DE"}]

    async def open_rows(self, tenant: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return rows


class Provider:
    """A provider that does as it is told."""

    def __init__(self, answer: Callable[[], Awaitable[ScreeningAnswer]]) -> None:
        self._answer = answer

    async def screen(self, subject: Subject) -> ScreeningAnswer:
        return await self._answer()


async def screened(answer: Callable[[], Awaitable[ScreeningAnswer]], table: Table | None = None) -> Command:
    known = table or Table()
    people = People(known, known)  # type: ignore[arg-type]
    command = screening.screen(people, Provider(answer))(ROW, NOW)
    assert not isinstance(command, Command)
    return await command


async def clean() -> ScreeningAnswer:
    return ScreeningAnswer("list", "1")


async def broken() -> ScreeningAnswer:
    raise ZeroDivisionError(PERSON["family_name"])


async def never() -> ScreeningAnswer:
    await asyncio.Event().wait()
    return ScreeningAnswer("list", "1")


async def unnamed() -> ScreeningAnswer:
    return ScreeningAnswer("list", "a version\x07 that no event can hold")


async def test_i3_a_provider_that_answers_is_recorded() -> None:
    assert isinstance(await screened(clean), RecordScreening)


@pytest.mark.parametrize("answer", [broken, never, unnamed])
async def test_i3_a_provider_that_breaks_or_hangs_leaves_the_case_in_review(
    answer: Callable[[], Awaitable[ScreeningAnswer]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error that got out would begin the whole clock anew, for ever, and no key would be destroyed meanwhile."""
    monkeypatch.setattr(screening, "ANSWER_WITHIN_S", 0.05)
    assert isinstance(await screened(answer), RecordScreeningUnavailable)


async def test_i3_only_whom_the_present_round_waits_for_is_named_to_a_provider() -> None:
    """After a rebuild every round falls due again, of the rejected and the former customers too."""
    table = Table()
    await screened(clean, table)
    ((sql, arguments),) = table.asked
    assert arguments == (INVESTOR, 1)
    assert "screening_round = $2" in sql
    assert "stage not in ('rejected', 'ended', 'erased')" in sql
