"""Commands over HTTP: Idempotency-Key, Prefer, answers and status addresses (W-1, invariant 9)."""

import asyncio
from typing import Any

import httpx
import pytest

from libs.edge.tests.sample import Sample, settle

GOOD = {"title": "a", "amount": "1.50"}


async def write(client: httpx.AsyncClient, key: str = "k-1", **more: Any) -> httpx.Response:
    headers = {"Idempotency-Key": key, **more.pop("headers", {})}
    return await client.post("/notes", json=more.pop("body", GOOD), headers=headers, **more)


async def test_a_command_committed_in_time_answers_with_what_was_committed(client: httpx.AsyncClient) -> None:
    answer = await write(client)
    found = answer.json()
    assert answer.status_code == 201
    assert (found["status"], found["streams"][0]["version"]) == ("committed", 1)
    assert found["decision"]
    assert answer.headers["location"] == "/notes/" + found["streams"][0]["stream"].rpartition("/")[2]
    assert "preference-applied" not in answer.headers


async def test_w1_an_expired_wait_answers_202_and_the_same_key_later_gives_the_final_answer(
    sample: Sample, client: httpx.AsyncClient
) -> None:
    sample.gateway.commits_at_once = False
    late = await write(client, headers={"Prefer": "respond-async"})
    assert late.status_code == 202
    assert late.headers["preference-applied"] == "respond-async"
    assert late.json()["status"] == "decided"
    assert (await client.get(late.headers["location"])).json()["status"] == "decided"
    await sample.gateway.commit_all()
    assert (await client.get(late.headers["location"])).json()["status"] == "committed"
    again = await write(client)
    assert again.status_code == 201
    assert again.json()["decision"] == late.json()["decision"]
    assert len(sample.gateway.commands) == 1


async def test_a_caller_that_waits_gets_the_commit_when_it_comes(sample: Sample, client: httpx.AsyncClient) -> None:
    sample.gateway.commits_at_once = False
    waiting = asyncio.create_task(write(client, headers={"Prefer": "wait=60"}))
    while not sample.gateway.known:
        await settle()
    await sample.gateway.commit_all()
    answer = await waiting
    assert (answer.status_code, answer.headers["preference-applied"]) == (201, "wait=60")


@pytest.mark.parametrize(
    ("prefer", "status", "applied"),
    [
        ("wait=0", 202, "wait=0"),
        ("respond-async, wait=0", 202, "respond-async, wait=0"),
        ("RESPOND-ASYNC", 202, "respond-async"),
        ("return=minimal, respond-async", 202, "respond-async"),
        ("wait=soon, respond-async", 202, "respond-async"),
        ("wait=0, wait=60", 202, "wait=0"),
    ],
)
async def test_preferences_are_honoured_and_told(
    sample: Sample, client: httpx.AsyncClient, prefer: str, status: int, applied: str
) -> None:
    sample.gateway.commits_at_once = False
    answer = await write(client, headers={"Prefer": prefer})
    assert (answer.status_code, answer.headers["preference-applied"]) == (status, applied)


async def test_a_wait_of_more_than_a_minute_is_a_minute(client: httpx.AsyncClient) -> None:
    assert (await write(client, headers={"Prefer": "wait=9999"})).headers["preference-applied"] == "wait=60"


async def test_without_a_preference_the_default_wait_counts(tmp_path: Any) -> None:
    sample = Sample(tmp_path, default_wait_s=0)
    sample.gateway.commits_at_once = False
    async with sample.client() as client:
        assert (await write(client)).status_code == 202


@pytest.mark.parametrize("key", [None, "", "with space", "k" * 201, "schlüssel".encode().decode("latin-1")])
async def test_inv09_a_mutation_needs_an_idempotency_key_of_its_form(
    client: httpx.AsyncClient, key: str | None
) -> None:
    headers = [] if key is None else [(b"Idempotency-Key", key.encode("latin-1"))]
    answer = await client.post("/notes", json=GOOD, headers=headers)
    assert answer.status_code == 400
    assert answer.json()["type"].endswith(":idempotency-key-invalid")


async def test_inv09_two_keys_are_no_key(client: httpx.AsyncClient) -> None:
    answer = await client.post("/notes", json=GOOD, headers=[("Idempotency-Key", "a"), ("Idempotency-Key", "b")])
    assert answer.status_code == 400


async def test_inv09_the_same_key_with_another_body_is_409(client: httpx.AsyncClient) -> None:
    await write(client)
    answer = await write(client, body={**GOOD, "title": "b"})
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:cartulary:problem:idempotency-mismatch")


async def test_inv09_white_space_and_order_make_no_other_body(sample: Sample, client: httpx.AsyncClient) -> None:
    await write(client)
    headers = {"Idempotency-Key": "k-1", "Content-Type": "application/json"}
    answer = await client.post("/notes", content=b'{ "amount":"1.50",\n "title":"a"}', headers=headers)
    assert (answer.status_code, len(sample.gateway.commands)) == (201, 1)


async def test_inv09_another_caller_may_use_the_same_key(sample: Sample, client: httpx.AsyncClient) -> None:
    first = await write(client)
    second = await write(client, headers=sample.bearer("u-2"))
    assert first.json()["command"] != second.json()["command"]


async def test_a_refusal_is_its_problem_and_its_status_says_why(client: httpx.AsyncClient) -> None:
    answer = await write(client, body={**GOOD, "title": "plain"})
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:cartulary:problem:note-too-plain")
    address = answer.headers["link"].partition(">")[0].lstrip("<")
    found = (await client.get(address)).json()
    assert (found["status"], found["problem"]["type"]) == ("refused", "urn:cartulary:problem:note-too-plain")


async def test_another_tenants_command_is_unknown(sample: Sample, client: httpx.AsyncClient) -> None:
    name = (await write(client)).json()["command"]
    answer = await client.get(f"/commands/{name}", headers=sample.bearer(tenant="other"))
    assert answer.status_code == 404


async def test_an_unknown_command_is_404_and_a_name_of_another_form_422(client: httpx.AsyncClient) -> None:
    assert (await client.get("/commands/" + "0" * 32)).status_code == 404
    assert (await client.get("/commands/nothing-like-it")).status_code == 422


async def test_the_trace_of_the_request_goes_with_the_command(sample: Sample, client: httpx.AsyncClient) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    await write(client, headers={"traceparent": f"00-{trace}-b7ad6b7169203331-01"})
    assert sample.gateway.traceparents[0] is not None
    assert trace in sample.gateway.traceparents[0]


async def test_a_change_is_proposed_read_and_approved(sample: Sample, client: httpx.AsyncClient) -> None:
    """TA-F-4."""
    body = {"command": "ChangeNote", "payload": {"title": "b"}, "effective_at": "2026-04-01T00:00:00+02:00"}
    made = await client.post("/changes", json=body, headers={"Idempotency-Key": "c-1"})
    assert made.status_code == 201
    change = (await client.get(made.headers["location"])).json()
    assert (change["status"], change["proposer"]) == ("proposed", "u-1")
    assert change["effective_at"].startswith("2026-03-31T22:00:00")
    second = sample.bearer("u-2")
    approved = await client.post(made.headers["location"] + "/approve", headers={"Idempotency-Key": "c-2", **second})
    assert approved.status_code == 200
    listed = (await client.get("/changes?status=proposed&command=ChangeNote")).json()
    assert [row["change"] for row in listed["items"]] == [change["change"]]


async def test_an_unknown_change_can_neither_be_read_nor_rejected(client: httpx.AsyncClient) -> None:
    address = "/changes/0198c5a0-0000-7000-8000-000000000000"
    assert (await client.get(address)).status_code == 404
    answer = await client.post(address + "/reject", json={"reason": "no"}, headers={"Idempotency-Key": "c-3"})
    assert answer.status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        {"command": "change note", "payload": {}},
        {"command": "ChangeNote", "payload": {}, "effective_at": "2026-04-01T00:00:00"},
        {"command": "ChangeNote", "payload": {}, "effective_at": "9999-12-31T23:59:59-12:00"},
        {"command": "ChangeNote", "payload": {"größe": 1}},
    ],
)
async def test_a_proposal_that_cannot_be_is_422(client: httpx.AsyncClient, body: dict[str, Any]) -> None:
    assert (await client.post("/changes", json=body, headers={"Idempotency-Key": "c-4"})).status_code == 422
