"""Many commands in one request: each by itself, in their order (W-1, invariant 9)."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import given as forall
from hypothesis import strategies as st

from libs.edge.batches import MAX_ENTRIES
from libs.edge.masking import HIDDEN
from libs.edge.tests.sample import Sample, settle
from libs.kernel.errors import BacklogFull


def entry(number: int, **body: Any) -> dict[str, Any]:
    return {"key": f"k-{number}", "body": {"title": f"note {number}", "amount": "1.50", **body}}


async def write(client: httpx.AsyncClient, *entries: Any, prefer: str = "") -> httpx.Response:
    return await client.post("/notes/batch", json={"entries": list(entries)}, headers={"Prefer": prefer})


async def test_entries_are_decided_and_answered_in_their_order(sample: Sample, client: httpx.AsyncClient) -> None:
    answer = await write(client, *(entry(number) for number in range(40)))
    results = answer.json()["results"]
    assert answer.status_code == 200
    assert [result["key"] for result in results] == [f"k-{number}" for number in range(40)]
    assert {result["status"] for result in results} == {"committed"}
    assert [getattr(command, "title", "") for command in sample.gateway.commands] == [f"note {n}" for n in range(40)]


async def test_a_bad_entry_hurts_no_other(client: httpx.AsyncClient) -> None:
    bad = ["text", {"key": "k"}, {"key": "é", "body": {}}, {"key": "k", "body": {}, "more": 1}, entry(1, amount="x")]
    answer = await write(client, *bad, entry(2, title="plain"), entry(3))
    results = answer.json()["results"]
    assert answer.status_code == 200
    assert [result["status"] for result in results] == ["refused"] * 6 + ["committed"]
    assert [result["problem"]["type"].rpartition(":")[2] for result in results[:6]] == [
        *["invalid-request"] * 5, "note-too-plain",
    ]  # fmt: skip
    assert results[4]["problem"]["errors"][0]["field"] == "body.amount"
    members = {"key", "status", "command", "decision", "streams", "repeated"}
    assert all(set(result) - {"problem"} == members for result in results)


async def test_a_personal_value_of_an_entry_is_shown_to_nobody(tmp_path: Path) -> None:
    sample = Sample(tmp_path, personal=frozenset({"amount", "title"}))
    async with sample.client() as client:
        answer = await write(client, entry(1, amount="Anna Weber"), entry(2, title="plain"))
    first, second = (result["problem"] for result in answer.json()["results"])
    assert (first["errors"][0]["value"], second["value"]) == (HIDDEN, HIDDEN)
    assert "Anna" not in answer.text


async def test_invariant_9_the_same_batch_again_gives_the_same_answers_and_says_so(
    sample: Sample, client: httpx.AsyncClient
) -> None:
    first = (await write(client, entry(1), entry(2))).json()["results"]
    await sample.clock.move(1)
    again = (await write(client, entry(2), entry(1), entry(3))).json()["results"]
    assert [result["decision"] for result in again[:2]] == [first[1]["decision"], first[0]["decision"]]
    assert [result["repeated"] for result in (*first, *again)] == [False, False, True, True, False]
    assert len(sample.gateway.commands) == 3


async def test_invariant_9_an_entry_is_the_same_request_as_one_of_its_own(client: httpx.AsyncClient) -> None:
    alone = await client.post("/notes", json=entry(1)["body"], headers={"Idempotency-Key": "k-1"})
    result = (await write(client, entry(1))).json()["results"][0]
    assert result["decision"] == alone.json()["decision"]


async def test_invariant_9_a_key_that_came_with_another_body_is_that_entrys_problem(client: httpx.AsyncClient) -> None:
    results = (await write(client, entry(1), entry(1, title="other"), entry(2))).json()["results"]
    assert [result["status"] for result in results] == ["committed", "refused", "committed"]
    assert results[1]["problem"]["type"].endswith("idempotency-mismatch")


async def test_w1_a_batch_that_is_not_committed_in_time_is_told_as_decided(
    sample: Sample, client: httpx.AsyncClient
) -> None:
    sample.gateway.commits_at_once = False
    late = await write(client, entry(1), entry(2, title="plain"), prefer="wait=0")
    assert (late.status_code, late.headers["retry-after"]) == (202, "1")
    assert [result["status"] for result in late.json()["results"]] == ["decided", "refused"]
    waiting = asyncio.create_task(write(client, entry(1), entry(3), prefer="wait=60"))
    while len(sample.gateway.known) < 3:
        await settle()
    await sample.gateway.commit_all()
    answer = await waiting
    assert (answer.status_code, answer.headers["preference-applied"]) == (200, "wait=60")
    assert [result["status"] for result in answer.json()["results"]] == ["committed", "committed"]


async def test_an_entry_that_cannot_be_decided_now_may_be_sent_again(sample: Sample, client: httpx.AsyncClient) -> None:
    sample.gateway.error = BacklogFull("too many")
    result = (await write(client, entry(1))).json()["results"][0]
    assert (result["status"], result["problem"]["status"]) == ("failed", 503)
    sample.gateway.error = None
    assert (await write(client, entry(1))).json()["results"][0]["status"] == "committed"


async def test_a_batch_has_a_larger_body_than_a_single_request(client: httpx.AsyncClient) -> None:
    wide = [entry(number, secret_word="x" * 3_000) for number in range(400)]
    assert (await write(client, *wide)).status_code == 200
    wider = await write(client, *(entry(number, secret_word="x" * 6_000) for number in range(400)))
    alone = await client.post("/notes", json={"title": "x" * 1_000_000}, headers={"Idempotency-Key": "k"})
    assert (wider.status_code, alone.status_code) == (413, 413)


NO_BATCHES: list[Any] = [
    None, [], "entries", {}, {"entries": None}, {"entries": []}, {"entries": {}}, {"entries": [{}], "more": 1},
    {"entries": [{}] * (MAX_ENTRIES + 1)},
]  # fmt: skip


@pytest.mark.parametrize("body", NO_BATCHES)
async def test_what_is_no_batch_is_refused_as_a_whole(client: httpx.AsyncClient, body: Any) -> None:
    answer = await client.post("/notes/batch", json=body)
    assert answer.status_code in {415, 422}
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_batch_needs_the_permission_of_its_entries_and_counts_as_one_request(tmp_path: Path) -> None:
    sample = Sample(tmp_path, rate_subject_burst=2, rate_subject_per_s=0.001)
    async with sample.client() as client:
        forbidden = await client.post("/notes/batch", json={}, headers=sample.bearer("u-2", role="auditor"))
        many = [entry(number) for number in range(50)]
        answers = [(await write(client, *many)).status_code for _ in range(3)]
    assert (forbidden.status_code, answers) == (403, [200, 200, 429])


async def test_the_description_of_a_batch_names_its_entries_and_no_key_in_the_header(sample: Sample) -> None:
    operation = sample.app.openapi()["paths"]["/notes/batch"]["post"]
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    entries = schema["properties"]["entries"]
    assert "title" in entries["items"]["anyOf"][0]["properties"]["body"]["properties"]
    assert (entries["minItems"], entries["maxItems"]) == (1, MAX_ENTRIES)
    assert "Idempotency-Key" not in {parameter["name"] for parameter in operation.get("parameters", ())}
    assert "$ref" not in str(schema)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=8, alphabet="kbeytl é1"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["entries", "key", "body", "title", "amount"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@forall(VALUES)
async def test_no_body_ends_in_anything_but_results_or_a_problem(client: httpx.AsyncClient, body: Any) -> None:
    answer = await client.post("/notes/batch", json=body)
    assert answer.status_code in {200, 415, 422}
