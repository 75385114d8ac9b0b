"""Erasures are found wherever they were recorded: in a service's events and on the ledger itself (TA-I-7)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from libs.adapters.clock import SystemClock
from libs.adapters.tests.schemas import connect, own_database, password
from libs.edge.erasures import erasures_in_database, erasures_on_ledger
from libs.edge.replay import Replay
from libs.kernel.envelope import Decision, EventEntry
from libs.kernel.streams import lane_of_stream
from libs.ledger.opening import BadBatch
from libs.stack.addresses import Addresses
from libs.testkit.sample import tills
from libs.testkit.till_ledger import KEYED, LANES, TillLedger, market_in

AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
Found = list[tuple[str, str, datetime]]


async def collected(erasures: AsyncIterator[tuple[str, str, datetime]]) -> Found:
    return [erasure async for erasure in erasures]


def erased(ledger: TillLedger, market: str, version: int = 1) -> Decision:
    """A decision that erases the market's keeper, as an investor's service would."""
    shut = ledger.decide(tills.TillShut(market=market, till="x", label="x"), time=AT)
    entry = EventEntry("tills.KeeperErased.v1", f"tills/{market}/keeper/{market}", version, {})
    return Decision(**{name: getattr(shut, name) for name in shut.__slots__} | {"events": (entry,)})


async def test_i7_every_erasure_on_the_ledger_is_found_with_tenant_subject_and_time() -> None:
    ledger = TillLedger().days(2)
    markets = [market_in(lane) for lane in range(LANES)]
    for lane, market in enumerate(markets):
        ledger.write(lane, erased(ledger, market))
    ledger.days(1, first=3)
    assert await collected(erasures_on_ledger(ledger, ledger.identity)) == [("acme", one, AT) for one in markets]


async def test_w21_a_void_erasure_erases_nobody() -> None:
    ledger = TillLedger()
    market = market_in(0)
    stream = f"tills/{market}/keeper/{market}"
    assert lane_of_stream(stream, LANES) == 0
    first = erased(ledger, market)
    kept = Decision(
        **{name: getattr(first, name) for name in first.__slots__}
        | {"events": (EventEntry("tills.KeeperNamed.v1", stream, 1, {}),)}
    )
    ledger.write(0, kept)
    ledger.write(0, erased(ledger, market))
    assert await collected(erasures_on_ledger(ledger, ledger.identity)) == []
    ledger.write(0, erased(ledger, market, version=2))
    assert await collected(erasures_on_ledger(ledger, ledger.identity)) == [("acme", market, AT)]


async def test_an_erasure_that_nobody_registered_signed_is_not_believed() -> None:
    ledger = TillLedger()
    ledger.write(0, erased(ledger, market_in(0)))
    ledger.registered.clear()
    with pytest.raises(BadBatch):
        await collected(erasures_on_ledger(ledger, ledger.identity))


async def test_i7_an_erasure_that_a_service_committed_is_found_in_its_events(stack: Addresses) -> None:
    async with own_database(stack) as dsn:
        ledger = TillLedger().days(1)
        await Replay(ledger, SystemClock(), KEYED, password, dsn, dsn).rebuild(tills.PARTS)
        assert await collected(erasures_in_database(dsn, ["tills", "bells", "no_such"])) == []
        writer = await connect(dsn, "tills_commit")
        body = '{"tenant":"acme","stream":"tills/m-1/keeper/m-1","time":"2026-03-02T09:30:00.000000Z"}'
        insert = (
            "insert into events select lane, 9000 + $1, batch, 'tills/m-1/keeper/m-1', $1, 'acme', $2, $3, $4"
            " from events limit 1"
        )
        await writer.execute(insert, 1, "tills.KeeperErased.v1", False, body)
        await writer.execute(insert, 2, "tills.KeeperErased.v1", True, body.replace("m-1", "m-2"))
        await writer.execute(insert, 3, "tills.KeeperNamed.v1", False, body.replace("m-1", "m-3"))
        await writer.close()
        assert await collected(erasures_in_database(dsn, ["tills", "no_such"])) == [("acme", "m-1", AT)]
