"""Work that falls due asks the key store and the provider first, and fails closed (TA-I-2, TA-I-3, TA-I-7, W-25)."""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID

import pytest

from libs.kernel.decider import Command
from libs.messages.investors import ScreeningHit
from libs.ports import DueRow, Scope
from libs.vault.errors import KeyStoreAway
from libs.vault.vault import Vault
from services.investors.adapters.screening import ProviderAway, ScreeningAnswer, Subject
from services.investors.domain.commands import (
    MarkReviewOverdue,
    RecordKeyDestroyed,
    RecordScreening,
    RecordScreeningUnavailable,
)
from services.investors.people import People, Row
from services.investors.reactions import DUE
from services.investors.screening import LONGEST_RETRY, destroy_key, pause_after, screen
from services.investors.tests.examples import INVESTOR, NOW, PERSON

AT = datetime(2027, 1, 4, 8, tzinfo=UTC)
HIT = ScreeningHit(entry="EX-17", list_name="Example list", score_percent=91)


class Keys:
    """A vault whose rows are clear already; `away` as a key store is."""

    def __init__(self, away: bool = False) -> None:
        self.away = away
        self.erased: list[tuple[str, str, datetime]] = []

    async def open_rows(self, tenant: str, rows: list[Row]) -> list[Row]:
        if self.away:
            raise KeyStoreAway("no answer")
        return rows

    async def erase(self, tenant: str, subject: str, at: datetime) -> None:
        if self.away:
            raise KeyStoreAway("no answer")
        self.erased.append((tenant, subject, at))


class Files(People):
    """One investor's row, or none."""

    def __init__(self, *rows: Row, keys: Keys | None = None) -> None:
        self.vault = cast(Vault, keys or Keys())
        self._rows = list(rows)

    async def rows(self, scope: Scope, sql: str, *arguments: object) -> list[Row]:
        assert (scope, arguments) == (Scope("meridian"), (INVESTOR, 2))
        return self._rows


class Provider:
    """Answers with a hit; remembers who it was asked about."""

    def __init__(self, away: bool = False) -> None:
        self.away = away
        self.asked: list[str] = []

    async def screen(self, subject: Subject) -> ScreeningAnswer:
        if self.away:
            raise ProviderAway("no answer")
        self.asked.append(subject.name)
        return ScreeningAnswer("list", "2026-11", (HIT,))


LIVING = {"identity": {"clear": PERSON}, "country": "DE", "stage": "submitted"}
ERASED = {"identity": {"erased": True}, "country": "DE", "stage": "erased"}


def row(kind: str, **payload: Any) -> DueRow:
    return DueRow("cause", kind, AT, "meridian", "stream", {"investor": str(INVESTOR), **payload})


SCREENING = row("ScreenInvestor", round=2, attempt=3)


async def test_i3_the_provider_is_asked_by_the_opened_name_and_its_answer_recorded() -> None:
    provider = Provider()
    command = await screen(Files(LIVING), provider)(SCREENING, NOW)
    assert command == RecordScreening(
        investor=INVESTOR, round=2, provider="list", list_version="2026-11", hits=(HIT,), now=NOW
    )
    assert provider.asked == ["Anna Maria Weber-Lindqvist"]


HINDERED = [
    (Files(LIVING), Provider(away=True)),
    (Files(LIVING), None),
    (Files(LIVING, keys=Keys(away=True)), Provider()),
    (Files(ERASED), Provider()),
    (Files(), Provider()),
]


@pytest.mark.parametrize(
    ("files", "provider"), HINDERED,
    ids=["provider away", "no provider", "key store away", "erased", "gone"],
)  # fmt: skip
async def test_i3_without_an_answer_the_case_stays_in_review_and_is_asked_again(
    files: Files, provider: Provider | None
) -> None:
    command = await screen(files, provider)(SCREENING, NOW)
    retry_at = NOW + timedelta(minutes=4)
    assert command == RecordScreeningUnavailable(investor=INVESTOR, round=2, attempt=3, retry_at=retry_at, now=NOW)
    assert provider is None or provider.asked == []


def test_i3_the_pauses_grow_to_a_day_and_no_further() -> None:
    pauses = [pause_after(attempt) for attempt in range(1, 14)]
    assert pauses[:3] == [timedelta(minutes=1), timedelta(minutes=2), timedelta(minutes=4)]
    assert pauses == sorted(pauses)
    assert {pauses[-1], pause_after(10**9)} == {LONGEST_RETRY}


async def test_i7_the_key_is_destroyed_before_that_is_said() -> None:
    keys = Keys()
    command = await destroy_key(Files(keys=keys))(row("DestroyKey"), NOW)
    assert (command, keys.erased) == (
        RecordKeyDestroyed(investor=INVESTOR, now=NOW), [("meridian", str(INVESTOR), AT)]
    )  # fmt: skip


async def test_i7_nothing_is_said_while_the_key_store_is_away() -> None:
    with pytest.raises(KeyStoreAway):
        await destroy_key(Files(keys=Keys(away=True)))(row("DestroyKey"), NOW)


def test_i2_a_review_is_overdue_at_the_time_that_it_was_due() -> None:
    made: Command | Awaitable[Command] = DUE["MarkReviewOverdue"](row("MarkReviewOverdue"), NOW)
    assert made == MarkReviewOverdue(investor=UUID(str(INVESTOR)), due_at=AT, now=NOW)
