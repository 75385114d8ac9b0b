"""Work that falls due and asks others first: screening, and the destruction of an erased person's key (W-25)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from pydantic import TypeAdapter

from libs.kernel.decider import Command
from libs.kernel.errors import CartularyError
from libs.messages.person_values import Identity
from libs.ports import DueRow, Scope
from services.investors.adapters.screening import ProviderAway, ScreeningProvider, screen_identity
from services.investors.domain.commands import RecordKeyDestroyed, RecordScreening, RecordScreeningUnavailable
from services.investors.people import People, clear

log = structlog.get_logger(__name__)

FIRST_RETRY, LONGEST_RETRY = timedelta(seconds=30), timedelta(days=1)
# A provider that is slower is away; other work that is due does not wait for it.
ANSWER_WITHIN_S = 20.0
# Whom the present round still waits for: no other's name is given to a provider, also after a rebuild (W-21).
_PERSON = """
select identity::text, country from investors
where investor = $1 and screening_round = $2 and screening in ('requested', 'unavailable')
  and stage not in ('rejected', 'ended', 'erased')"""
_IDENTITY: TypeAdapter[Identity] = TypeAdapter(Identity)


def screen(people: People, provider: ScreeningProvider | None) -> Callable[[DueRow, datetime], Awaitable[Command]]:
    """`ScreenInvestor`: ask the provider about a person; none, or one that is away, is on record too (TA-I-3)."""

    async def screened(row: DueRow, now: datetime) -> Command:
        round_ = {"investor": UUID(row.payload["investor"]), "round": row.payload["round"], "now": now}
        try:
            person = await _person(people, row)
            if person is not None and provider is None:
                raise ProviderAway("no screening list is configured")
            if person is not None and provider is not None:
                async with asyncio.timeout(ANSWER_WITHIN_S):
                    answer = await screen_identity(provider, *person)
                return RecordScreening(
                    **round_, provider=answer.provider, list_version=answer.list_version, hits=answer.hits
                )
        except Exception as away:  # noqa: BLE001 (nobody foresees all that a provider may do)
            # Whatever hinders, the case stays in review and is asked again (invariant 11).
            code = away.code if isinstance(away, CartularyError) else type(away).__name__
            log.warning("screening_waits", code=code, attempt=row.payload["attempt"])
        retry_at = now + pause_after(row.payload["attempt"])
        # Of a person whom the round does not wait for this decides nothing.
        return RecordScreeningUnavailable(**round_, attempt=row.payload["attempt"], retry_at=retry_at)

    return screened


def pause_after(attempt: int) -> timedelta:
    """How long to wait after a failed attempt, from 1: a minute, doubled each time, a day at most."""
    doublings: int = 2 ** min(attempt, 20)
    return min(FIRST_RETRY * doublings, LONGEST_RETRY)


def destroy_key(people: People) -> Callable[[DueRow, datetime], Awaitable[Command]]:
    """`DestroyKey`: once the ledger has the erasure, the key goes for good (TA-I-7)."""

    async def destroyed(row: DueRow, now: datetime) -> Command:
        investor: str = row.payload["investor"]
        await people.vault.erase(row.tenant, investor, row.at)
        return RecordKeyDestroyed(investor=UUID(investor), now=now)

    return destroyed


async def _person(people: People, row: DueRow) -> tuple[Identity, str] | None:
    """The person as it stands, and its country; None for one whom this round does not wait for any more."""
    rows = await people.rows(Scope(row.tenant), _PERSON, UUID(row.payload["investor"]), row.payload["round"])
    opened: list[dict[str, Any]] = await people.vault.open_rows(row.tenant, rows)
    if not opened or (identity := clear(opened[0]["identity"])) is None:
        return None
    return _IDENTITY.validate_python(identity), opened[0]["country"]
