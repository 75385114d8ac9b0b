"""Health: live, and ready or why not, since when (invariant 14)."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

import libs.edge.health
from libs.edge.health import Check, Health, State
from libs.edge.tests.sample import NOON, ManualClock, Sample
from libs.kernel.time import to_wire
from libs.ledger.port import LedgerUnreachable


class Part:
    """Something that a check asks."""

    def __init__(self) -> None:
        self.answer: State | Exception = State()
        self.asked = 0

    async def probe(self) -> State:
        self.asked += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


async def test_inv14_the_health_page_says_why_and_since_when() -> None:
    clock, part = ManualClock(), Part()
    health = Health("notes", clock, [Check("ledger", part.probe)])
    assert (await health.ready())["status"] == "ok"
    await clock.move(10)
    part.answer = LedgerUnreachable("no node answers")
    await health.ready()
    await clock.move(5)
    found = await health.ready()
    assert found["status"] == "failing"
    since = to_wire(NOON + timedelta(seconds=10))
    assert found["checks"] == [{"name": "ledger", "status": "failing", "detail": "no node answers", "since": since}]


async def test_a_check_may_know_itself_since_when() -> None:
    clock, part = ManualClock(), Part()
    part.answer = State("failing", "rebuilding: 12,300 of 50,000", NOON - timedelta(hours=1))
    found = await Health("notes", clock, [Check("rebuild", part.probe)]).ready()
    assert found["checks"][0]["since"] == to_wire(NOON - timedelta(hours=1))


async def test_degraded_is_shown_and_stays_ready(tmp_path: Path) -> None:
    part = Part()
    part.answer = State("degraded", "ledger behind")
    sample = Sample(tmp_path, [Check("ledger", part.probe)])
    async with sample.client() as client:
        answer = await client.get("/health/ready")
    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")


async def test_failing_is_503_while_live_goes_on(tmp_path: Path) -> None:
    part, other = Part(), Part()
    part.answer = RuntimeError("the password is hunter2")
    sample = Sample(tmp_path, [Check("store", part.probe), Check("bus", other.probe)])
    async with sample.client() as client:
        answer = await client.get("/health/ready")
        assert (await client.get("/health/live")).status_code == 200
    assert answer.status_code == 503
    assert {check["name"]: check["status"] for check in answer.json()["checks"]} == {"store": "failing", "bus": "ok"}
    assert "hunter2" not in answer.text
    assert answer.headers["retry-after"]


async def test_a_check_that_hangs_is_failing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libs.edge.health, "PROBE_TIMEOUT_S", 0.05)

    async def hang() -> State:
        await asyncio.Event().wait()
        return State()

    found = await Health("notes", ManualClock(), [Check("store", hang)]).ready()
    assert found["checks"][0]["detail"].startswith("no answer within")


async def test_asking_often_is_no_load() -> None:
    clock, part = ManualClock(), Part()
    health = Health("notes", clock, [Check("store", part.probe)])
    await asyncio.gather(*(health.ready() for _ in range(50)))
    assert part.asked == 1
    await clock.move(1)
    await health.ready()
    assert part.asked == 2


async def test_metrics_count_by_route_template_and_no_label_is_made_up(sample: Sample) -> None:
    async with sample.client() as client:
        await client.get("/notes/0198c5a0-0000-7000-8000-000000000000")
        await client.get("/nothing/here")
        await client.request("BREW", "/notes")
        text = (await client.get("/metrics")).text
    assert 'cartulary_http_requests_total{method="GET",route="/notes/{note}",service="notes",status="404"}' in text
    assert 'route="unmatched"' in text
    assert 'method="other"' in text
    assert "BREW" not in text
    assert "0198c5a0" not in text
