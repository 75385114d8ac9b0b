"""A change is made by one person, approved by another, and counts from its day on (TA-F-4)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest_asyncio

from libs.testkit.journey import People, Person
from services.funds.tests.examples import SUB_FUND_FACTS, UMBRELLA_FACTS

TENANT = "harbourside"


class Books(NamedTuple):
    """A sub-fund of a tenant of its own, and two people who look after it."""

    maker: Person
    checker: Person
    umbrella: str
    sub_fund: str

    @property
    def address(self) -> str:
        return f"/sub-funds/{self.sub_fund}"

    async def propose(self, name: str, **more: Any) -> str:
        """Propose a name; the address of the change."""
        payload = {"umbrella": self.umbrella, "sub_fund": self.sub_fund, "name": name}
        proposed = await self.maker.post("/changes", {"command": "RenameSubFund", "payload": payload, **more})
        assert proposed.status_code == 201, proposed.text
        return str(proposed.headers["Location"])

    async def name(self) -> str:
        return str((await self.maker.get(self.address)).json()["name"])


@pytest_asyncio.fixture(scope="module")
async def books(people: People) -> Books:
    maker, checker = people.person("maker", TENANT), people.person("checker", TENANT)
    umbrella = (await maker.post("/umbrellas", UMBRELLA_FACTS)).headers["Location"].rpartition("/")[2]
    facts = {name: value for name, value in SUB_FUND_FACTS.items() if name not in {"umbrella", "sub_fund"}}
    registered = await maker.post(f"/umbrellas/{umbrella}/sub-funds", facts)
    return Books(maker, checker, umbrella, registered.headers["Location"].rpartition("/")[2])


def from_now(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


async def test_f4_whoever_proposed_a_change_cannot_approve_it_and_another_can(books: Books) -> None:
    before = await books.name()
    change = await books.propose("Approved at once")
    alone = await books.maker.post(f"{change}/approve")
    assert (alone.status_code, alone.json()["type"]) == (403, "urn:cartulary:problem:same-subject")
    assert await books.name() == before
    assert (await books.checker.post(f"{change}/approve")).status_code == 200
    assert await books.name() == "Approved at once"
    seen = (await books.maker.get(change)).json()
    assert (seen["status"], seen["proposer"], seen["approver"]) == ("applied", "maker", "checker")


async def test_f4_w25_an_approved_change_counts_from_its_effective_time_on(books: Books) -> None:
    before = await books.name()
    change = await books.propose("Counts later", effective_at=from_now(6))
    approved = await books.checker.post(f"{change}/approve")
    assert approved.status_code == 200, approved.text
    waiting = (await books.maker.get(change)).json()
    if datetime.fromisoformat(waiting["effective_at"]) > datetime.now(UTC):
        assert (waiting["status"], await books.name()) == ("approved", before)
    applied = await books.maker.eventually(change, lambda seen: seen["status"] == "applied")
    assert await books.name() == "Counts later"
    changed = (await books.maker.get(books.address)).json()["changed_at"]
    assert datetime.fromisoformat(changed) >= datetime.fromisoformat(applied["effective_at"])


async def test_f4_a_day_begins_in_the_time_zone_of_the_cut_off(books: Books) -> None:
    body = {"command": "RenameSubFund", "payload": {"name": "From a day on"}, "effective_date": "2027-07-01"}
    proposed = await books.maker.post(f"{books.address}/changes", body)
    seen = (await books.maker.get(proposed.headers["Location"])).json()
    assert seen["effective_at"] == "2027-06-30T22:00:00Z"
    assert seen["payload"]["sub_fund"] == books.sub_fund


async def test_f4_a_rejected_change_stays_without_effect(books: Books) -> None:
    before = await books.name()
    change = await books.propose("Never")
    assert (await books.checker.post(f"{change}/reject", {"reason": "not in the prospectus"})).status_code == 200
    late = await books.checker.post(f"{change}/approve")
    assert (late.status_code, late.json()["type"]) == (409, "urn:cartulary:problem:change-not-open")
    seen = (await books.maker.get(change)).json()
    assert (seen["status"], seen["reason"]) == ("rejected", "not in the prospectus")
    assert await books.name() == before


async def test_f4_w25_a_change_that_nobody_decides_on_expires(books: Books) -> None:
    before = await books.name()
    change = await books.propose("Too late", expires_at=from_now(2))
    await books.maker.eventually(change, lambda seen: seen["status"] == "expired")
    late = await books.checker.post(f"{change}/approve")
    assert (late.status_code, late.json()["type"]) == (409, "urn:cartulary:problem:change-not-open")
    assert await books.name() == before


async def test_f4_what_the_rules_refuse_cannot_even_be_proposed(books: Books) -> None:
    refused = await books.maker.post(f"{books.address}/changes", {"command": "CloseShareClass", "payload": {}})
    unknown = await books.maker.post("/changes", {"command": "RegisterUmbrella", "payload": UMBRELLA_FACTS})
    assert (refused.status_code, unknown.status_code) == (422, 422)
    assert unknown.json()["detail"] == "not a command under four eyes"
