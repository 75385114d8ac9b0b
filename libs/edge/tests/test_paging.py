"""Paging: every item once, in order; a cursor counts only for the query that gave it."""

import httpx
import pytest


async def test_following_next_gives_every_item_once(client: httpx.AsyncClient) -> None:
    numbers, address = [], "/notes?limit=5"
    while address:
        answer = await client.get(address)
        numbers += [item["number"] for item in answer.json()["items"]]
        address = answer.links.get("next", {}).get("url", "")
    assert numbers == list(range(1, 13))


async def test_a_filter_stays_with_the_pages(client: httpx.AsyncClient) -> None:
    first = await client.get("/notes", params={"limit": 3, "title": "note 1"})
    second = await client.get(first.links["next"]["url"])
    assert [item["number"] for item in first.json()["items"] + second.json()["items"]] == [1, 4, 7, 10]
    assert second.json()["next"] is None
    assert "next" not in second.links


async def test_a_cursor_of_another_query_is_refused(client: httpx.AsyncClient) -> None:
    cursor = (await client.get("/notes?limit=3")).json()["next"]
    answer = await client.get("/notes", params={"limit": 3, "title": "note 1", "cursor": cursor})
    assert (answer.status_code, answer.json()["type"]) == (400, "urn:cartulary:problem:invalid-cursor")


@pytest.mark.parametrize("cursor", ["x", "", "%F0", "W10", "WyJhIiwxXQ", "bnVsbA", "e30", "é"])
async def test_a_cursor_that_nobody_gave_out_is_refused(client: httpx.AsyncClient, cursor: str) -> None:
    answer = await client.get("/notes", params={"cursor": cursor})
    assert answer.json()["type"] == "urn:cartulary:problem:invalid-cursor"


@pytest.mark.parametrize("query", ["limit=0", "limit=501", "limit=x", "limit=1.5", "titel=a", "title=" + "x" * 31])
async def test_a_query_that_the_list_does_not_know_is_422(client: httpx.AsyncClient, query: str) -> None:
    assert (await client.get("/notes?" + query)).status_code == 422
