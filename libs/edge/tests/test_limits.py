"""Rate limits: a bucket a subject, a tenant and an address; what is refused does nothing (RateLimit draft 11)."""

from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client import REGISTRY

from libs.edge.limits import Buckets
from libs.edge.tests.sample import ManualClock, Sample

GOOD = {"title": "a", "amount": "1.50"}


@pytest.fixture
def slow(tmp_path: Path) -> Sample:
    return Sample(
        tmp_path, rate_subject_per_s=1, rate_subject_burst=3, rate_tenant_per_s=2, rate_tenant_burst=5,
        rate_address_per_s=0.5, rate_address_burst=2,
    )  # fmt: skip


def limited(policy: str) -> float:
    labels = {"service": "notes", "policy": policy}
    return REGISTRY.get_sample_value("cartulary_http_requests_limited_total", labels) or 0.0


def exceeded(answer: httpx.Response, *policies: str) -> dict[str, Any]:
    found: dict[str, Any] = answer.json()
    assert (answer.status_code, found["type"]) == (429, "urn:cartulary:problem:quota-exceeded")
    assert found["violated-policies"] == list(policies)
    return found


async def test_a_subject_has_its_burst_then_its_rate_and_is_told_on_every_answer(slow: Sample) -> None:
    async with slow.client() as client:
        left = []
        for _ in range(3):
            answer = await client.get("/notes")
            assert answer.status_code == 200
            assert answer.headers["ratelimit-policy"] == '"subject";q=3;w=3, "tenant";q=5;w=3'
            left.append(answer.headers["ratelimit"])
        assert left == [
            '"subject";r=2;t=1, "tenant";r=4;t=1', '"subject";r=1;t=1, "tenant";r=3;t=1',
            '"subject";r=0;t=1, "tenant";r=2;t=1',
        ]  # fmt: skip
        before = limited("subject")
        refused = await client.get("/notes")
        exceeded(refused, "subject")
        assert refused.headers["retry-after"] == "1"
        assert refused.headers["ratelimit"] == '"subject";r=0;t=1, "tenant";r=2;t=1'
        assert limited("subject") == before + 1
        await slow.clock.move(1)
        assert (await client.get("/notes")).status_code == 200
        exceeded(await client.get("/notes"), "subject")


async def test_a_refused_request_does_nothing_and_counts_for_nobody_else(slow: Sample) -> None:
    async with slow.client() as client:
        for number in range(3):
            await client.post("/notes", json=GOOD, headers={"Idempotency-Key": f"k-{number}"})
        exceeded(await client.post("/notes", json=GOOD, headers={"Idempotency-Key": "k-4"}), "subject")
        assert len(slow.gateway.commands) == 3
        other = slow.bearer("u-2")
        assert [(await client.get("/notes", headers=other)).status_code for _ in range(3)] == [200, 200, 429]


async def test_a_tenants_subjects_share_its_rate_and_another_tenant_has_its_own(slow: Sample) -> None:
    async with slow.client() as client:
        for number in range(5):
            assert (await client.get("/notes", headers=slow.bearer(f"u-{number}"))).status_code == 200
        exceeded(await client.get("/notes", headers=slow.bearer("u-9")), "tenant")
        assert (await client.get("/notes", headers=slow.bearer("u-9", "other"))).status_code == 200


async def test_what_is_asked_without_a_permission_counts_too(slow: Sample) -> None:
    async with slow.client() as client:
        auditor = slow.bearer(role="auditor")
        answers = [
            await client.post("/notes", json=GOOD, headers={**auditor, "Idempotency-Key": "k"}) for _ in range(4)
        ]
        assert [answer.status_code for answer in answers] == [403, 403, 403, 429]
        assert all("ratelimit" in answer.headers for answer in answers)


async def test_failed_authentications_are_counted_by_address_and_do_not_lock_anybody_out(slow: Sample) -> None:
    async with slow.client() as client:
        answers = [await client.get("/notes", headers={"Authorization": "Bearer x.y.z"}) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [401, 401, 429]
        exceeded(answers[2], "address")
        assert answers[0].headers["ratelimit-policy"] == '"address";q=2;w=4'
        assert answers[2].headers["retry-after"] == "2"
        assert (await client.get("/notes")).status_code == 200


@pytest.mark.parametrize(
    ("first", "second", "shared"),
    [
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("192.0.2.1", "192.0.2.2", False),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
    ],
)
async def test_addresses_of_one_network_of_64_bits_are_one(slow: Sample, first: str, second: str, shared: bool) -> None:
    found = []
    for address in (first, first, second):
        transport = httpx.ASGITransport(app=slow.app, client=(address, 4711))
        async with httpx.AsyncClient(transport=transport, base_url="http://notes") as client:
            found.append((await client.get("/notes")).status_code)
    assert found == [401, 401, 429 if shared else 401]


async def test_health_and_metrics_are_not_limited(slow: Sample) -> None:
    async with slow.client() as client:
        for _ in range(10):
            answer = await client.get("/health/live")
            assert (answer.status_code, "ratelimit" in answer.headers) == (200, False)
        assert "cartulary_http_requests_limited" in (await client.get("/metrics")).text


def test_the_buckets_that_are_kept_are_bounded_and_the_oldest_gives_way() -> None:
    clock = ManualClock()
    buckets = Buckets("subject", 1, 2, clock, most=100)
    for number in range(1_000):
        buckets.take(number)
    assert len(buckets) == 100
    assert buckets.standing(0).left == 2
    assert buckets.standing(999).left == 1


async def test_a_bucket_fills_to_its_burst_and_no_further() -> None:
    clock = ManualClock()
    buckets = Buckets("subject", 10, 4, clock)
    for _ in range(4):
        buckets.take("a")
    assert buckets.standing("a").left == 0
    await clock.move(0.25)
    assert buckets.standing("a").left == 2
    await clock.move(1_000_000)
    assert buckets.standing("a").left == 4
