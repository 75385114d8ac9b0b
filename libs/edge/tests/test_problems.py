"""Errors over HTTP: every kind has its stable type, and bad input is never a 5xx."""

import json
from typing import Any

import httpx
import pytest

from libs.edge.body import strict_json
from libs.edge.problems import DuplicateKey, MalformedJson
from libs.edge.tests.sample import Sample
from libs.kernel.errors import BacklogFull, CartularyError, CheckUnavailable, NotReady
from libs.ports import StoreUnreachable

JSON = {"Content-Type": "application/json", "Idempotency-Key": "k-1"}
GOOD = {"title": "a", "amount": "1.50"}


async def post(client: httpx.AsyncClient, body: bytes, **headers: str) -> httpx.Response:
    return await client.post("/notes", content=body, headers={**JSON, **headers})


def problem(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    found: dict[str, Any] = response.json()
    assert response.headers["content-type"] == "application/problem+json"
    assert (response.status_code, found["status"], found["type"]) == (status, status, f"urn:cartulary:problem:{code}")
    assert found["title"]
    assert found["detail"]
    return found


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "malformed-json"),
        (b"\xff\xfe", 400, "malformed-json"),
        (b"{} {}", 400, "malformed-json"),
        (b'{"title": "a", "title": "b", "amount": "1"}', 400, "duplicate-key"),
        (b'{"title": "a", "amount": "1", "tags": [{"x": 1, "x": 1}]}', 400, "duplicate-key"),
        (b'{"title": "\\u0000", "amount": "1"}', 400, "forbidden-character"),
        (b'{"title": "\\ud800", "amount": "1"}', 400, "forbidden-character"),
        (b'{"\\udfff": 1}', 400, "forbidden-character"),
        (b"[" * 40 + b"]" * 40, 400, "too-deep"),
        (b"[" * 400_000, 400, "too-deep"),
        (b'{"title": "a", "amount": 1.5}', 422, "invalid-value"),
        (b'{"title": "a", "amount": 1e999}', 422, "invalid-value"),
        (b'{"title": "a", "amount": NaN}', 422, "invalid-value"),
        (b'{"title": "a", "amount": 9007199254740993}', 422, "invalid-value"),
        (b'{"title": "a", "amount": ' + b"9" * 10_000 + b"}", 422, "invalid-value"),
        (b"", 422, "invalid-request"),
        (b"null", 422, "invalid-request"),
        (b'"text"', 422, "invalid-request"),
        (b'{"amount": "1"}', 422, "invalid-request"),
        (b'{"title": "a", "amount": "1", "more": 1}', 422, "invalid-request"),
        (b'{"title": "a", "amount": "x"}', 422, "invalid-request"),
        (b" " * 1_000_001, 413, "body-too-large"),
    ],
)
async def test_a_bad_body_has_its_own_problem(client: httpx.AsyncClient, body: bytes, status: int, code: str) -> None:
    problem(await post(client, body), status, code)


async def test_a_body_at_the_limit_is_read(client: httpx.AsyncClient) -> None:
    assert (await post(client, json.dumps(GOOD).encode().ljust(1_000_000))).status_code == 201


async def test_a_body_that_grows_past_what_it_announced_is_cut_off(client: httpx.AsyncClient) -> None:
    async def chunks() -> Any:
        for _ in range(100):
            yield b" " * 50_000

    answer = await client.post("/notes", content=chunks(), headers=JSON)
    problem(answer, 413, "body-too-large")


async def test_every_wrong_field_is_named_with_its_value_and_secrets_stay_hidden(client: httpx.AsyncClient) -> None:
    body = {"title": "", "amount": "x", "secret_word": "hunter2-is-too-long"}
    answer = await post(client, json.dumps(body).encode())
    found = problem(answer, 422, "invalid-request")
    assert {finding["field"] for finding in found["errors"]} == {"body.title", "body.amount", "body.secret_word"}
    assert "hunter2" not in answer.text
    assert next(f for f in found["errors"] if f["field"] == "body.amount")["value"] == "x"


async def test_a_command_that_is_stricter_than_its_body_is_still_the_callers_error(client: httpx.AsyncClient) -> None:
    answer = await post(client, json.dumps({**GOOD, "title": "t" * 25}).encode())
    assert problem(answer, 422, "invalid-request")["errors"][0]["field"] == "body.title"


async def test_another_media_type_is_415(client: httpx.AsyncClient) -> None:
    problem(await post(client, b"title=a", **{"Content-Type": "text/plain"}), 415, "unsupported-media-type")


async def test_an_unknown_route_is_404_and_a_wrong_method_405(client: httpx.AsyncClient) -> None:
    problem(await client.get("/nothing"), 404, "unknown-route")
    answer = await client.patch("/notes")
    problem(answer, 405, "method-not-allowed")
    assert "POST" in answer.headers["allow"]


@pytest.mark.parametrize("address", ["/notes?title=%00", "/notes/%00", "/%00"])
async def test_a_nul_in_the_address_is_refused(client: httpx.AsyncClient, address: str) -> None:
    problem(await client.get(address), 400, "forbidden-character")


async def test_a_parameter_given_twice_is_refused(client: httpx.AsyncClient) -> None:
    found = problem(await client.get("/notes?title=a&limit=1&title=b"), 400, "duplicate-parameter")
    assert found["field"] == "title"


async def test_an_unexpected_error_shows_nothing_of_the_inside(client: httpx.AsyncClient) -> None:
    answer = await client.get("/notes/broken")
    problem(answer, 500, "internal-error")
    assert "hunter2" not in answer.text
    assert "RuntimeError" not in answer.text


@pytest.mark.parametrize("error", [BacklogFull, NotReady, CheckUnavailable, StoreUnreachable])
async def test_inv14_not_now_says_when_to_come_again(
    sample: Sample, client: httpx.AsyncClient, error: type[CartularyError]
) -> None:
    sample.gateway.error = error("not now")
    answer = await post(client, json.dumps(GOOD).encode())
    problem(answer, 503, error.code)
    assert int(answer.headers["retry-after"]) > 0


async def test_an_error_of_ours_with_status_500_keeps_its_detail_to_the_log(
    sample: Sample, client: httpx.AsyncClient
) -> None:
    sample.gateway.error = CartularyError("row 17 of table x is odd")
    answer = await post(client, json.dumps(GOOD).encode())
    problem(answer, 500, "internal-error")
    assert "row 17" not in answer.text


def test_strict_json_names_the_key_that_stands_twice() -> None:
    with pytest.raises(DuplicateKey) as refused:
        strict_json(b'{"a": 1, "b": 2, "a": 3}', 5)
    assert refused.value.field == "a"


@pytest.mark.parametrize("depth", [1, 2, 5])
def test_nesting_is_allowed_up_to_its_bound_exactly(depth: int) -> None:
    strict_json(b"[" * depth + b"]" * depth, depth)
    with pytest.raises(Exception, match="nested deeper"):
        strict_json(b"[" * (depth + 1) + b"]" * (depth + 1), depth)


def test_a_body_that_is_no_utf8_says_where() -> None:
    with pytest.raises(MalformedJson, match="byte 3"):
        strict_json(b'"ab\xff"', 5)
