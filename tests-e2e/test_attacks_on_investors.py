"""What a distributor may try against another's investors, and against what it must not know (TA-I-6, TA-I-8)."""

from __future__ import annotations

from typing import Any, NamedTuple
from uuid import uuid4

import pytest_asyncio

from libs.testkit.besieged import (
    ADDRESS,
    COMPLETE,
    INVESTORS,
    Besieged,
    approved,
    bank,
    besiege,
    named,
    registered,
)
from libs.testkit.journey import People, Person

TENANT = "besieged-investors"


@pytest_asyncio.fixture(scope="module")
async def besieged(staff: People) -> Besieged:
    return await besiege(staff, TENANT)


async def test_i8_nobody_takes_the_id_of_anothers_bank_account_or_account(besieged: Besieged) -> None:
    theirs = await approved(besieged, besieged.south, "Southwood")
    mine = await approved(besieged, besieged.north, "Northwood")
    made = await besieged.south.post(f"{theirs}/bank-accounts", bank("Livia Southwood"))
    opened = await besieged.south.post(f"{theirs}/accounts", {"reference": "S-77", "kind": "single"})
    taken, account = made.headers["Location"], opened.headers["Location"]
    body = {**bank("Livia Northwood"), "bank_account": taken.rpartition("/")[2]}
    assert (await besieged.north.post(f"{mine}/bank-accounts", body)).status_code == 409
    body = {"reference": "N-77", "kind": "single", "account": account.rpartition("/")[2]}
    assert (await besieged.north.post(f"{mine}/accounts", body)).status_code == 409
    assert (await besieged.south.get(taken)).json()["investor"] == theirs.rpartition("/")[2]
    assert (await besieged.south.get(account)).json()["reference"] == "S-77"


async def test_i6_a_distributor_is_not_told_of_hits_nor_of_the_rating(besieged: Besieged) -> None:
    address = await approved(besieged, besieged.north, "Unlisted")
    seen = (await besieged.north.get(address)).json()
    assert (seen["risk"], seen["review_due_at"]) == (None, None)
    renamed = {"identity": {**named("Primerov", "Ivan"), "birth_date": "1961-03-04"}}
    assert (await besieged.operations.post(f"{address}/particulars", renamed)).status_code == 200
    await besieged.compliance.eventually(address, lambda seen: seen["screening"] == "hits")
    refused = await besieged.north.post(f"{address}/accounts", {"reference": "U-1", "kind": "single"})
    assert refused.status_code == 409
    assert "hit" not in refused.text.lower(), refused.text
    told = await besieged.compliance.post(f"{address}/accounts", {"reference": "U-1", "kind": "single"})
    assert told.status_code == 403


async def test_i3_i6_nobody_holds_an_account_with_one_whose_hits_are_open(besieged: Besieged) -> None:
    first, second = [await approved(besieged, besieged.north, name) for name in ("Jointly", "Severally")]
    body = {"reference": "J-1", "kind": "joint", "joint_holders": [second.rpartition("/")[2]], "signatures": 2}
    opened = await besieged.north.post(f"{first}/accounts", body)
    assert opened.status_code == 201, opened.text
    renamed = {"identity": {**named("Primerov", "Ivan"), "birth_date": "1961-03-04"}}
    assert (await besieged.operations.post(f"{second}/particulars", renamed)).status_code == 200
    await besieged.compliance.eventually(second, lambda seen: seen["screening"] == "hits")
    again = {**body, "reference": "J-2"}
    for person, told in ((besieged.north, "holder-is-looked-at"), (besieged.operations, "hits-are-open")):
        refused = await person.post(f"{first}/accounts", again)
        assert refused.json()["type"] == f"urn:cartulary:problem:{told}", refused.text
    resolution = {"round": 2, "hit": 1, "outcome": "dismissed", "reason": "a namesake"}
    resolved = await besieged.compliance.post(f"{second}/screening/resolutions", resolution)
    assert resolved.status_code == 200, resolved.text
    assert (await besieged.north.post(f"{first}/accounts", again)).status_code == 201


async def test_i8_a_search_says_nothing_of_anothers_investors(besieged: Besieged) -> None:
    for _ in range(3):
        await registered(besieged.south, "Zwetschgenbaum")
    body = {"name": "zwetschgenbaum", "limit": 1}
    for filters in ({}, {"category": "retail"}):
        found = await besieged.north.post(f"{INVESTORS}/search", {**body, "filters": filters})
        assert found.json() == {"items": [], "next": None}


async def test_i6_a_distributor_counts_no_events_and_reads_no_papers_of_compliance(besieged: Besieged) -> None:
    address = await approved(besieged, besieged.north, "Counted")
    for person in (besieged.north, besieged.compliance):
        content = f"%PDF-1.7 by {person.headers['Authorization'][-8:]}".encode()
        filed = await person.upload(f"{address}/documents?kind=other", content, "application/pdf")
        assert filed.status_code == 201, filed.text
    exported = await besieged.protection.post(f"{address}/export", {"purpose": "authority_request"})
    assert exported.status_code == 200, exported.text
    own = await besieged.north.all(f"{address}/documents")
    assert len(own) == 1
    known = await besieged.compliance.all(f"{address}/documents")
    (theirs,) = {one["document"] for one in known} - {one["document"] for one in own}
    assert (await besieged.north.get(f"{address}/documents/{theirs}")).status_code == 404
    history = await besieged.north.all(f"{address}/history")
    assert [row["type"].split(".")[1] for row in history] == [
        "InvestorRegistered", "SelfCertified", "OnboardingSubmitted", "InvestorApproved"
    ]  # fmt: skip
    assert {row["version"] for row in history} == {None}
    assert None not in {row["version"] for row in await besieged.compliance.all(f"{address}/history")}


class Anothers(NamedTuple):
    """What is SOUTH's, by the names that addresses have for it."""

    investor: str
    account: str
    bank_account: str
    block: str
    change: str
    command: str
    document: str
    code: str = "SOUTH"


async def anothers(besieged: Besieged) -> Anothers:
    address = await approved(besieged, besieged.south, "Everything")
    made = await besieged.south.post(f"{address}/bank-accounts", bank("Livia Everything"))
    opened = await besieged.south.post(f"{address}/accounts", {"reference": "S-99", "kind": "single"})
    account = opened.headers["Location"]
    change = {**bank("Livia Everything"), "evidence": "bank_confirmation"}
    proposed = await besieged.south.post(f"{account}/bank-account-change", change)
    assert proposed.status_code == 201, proposed.text
    ground = {"reason": "aml", "authority": "Financial Intelligence Unit"}
    await besieged.compliance.post(f"{account}/blocks", {"scope": "transfers", "ground": ground})
    ((block,),) = [[one["block"] for one in (await besieged.compliance.get(f"{account}/blocks")).json()]]
    filed = await besieged.south.upload(f"{address}/documents?kind=other", b"%PDF-1.7 theirs", "application/pdf")
    ids = [answer.headers["Location"].rpartition("/")[2] for answer in (opened, made, proposed, filed)]
    return Anothers(address.rpartition("/")[2], ids[0], ids[1], block, ids[2], proposed.json()["command"], ids[3])


async def test_i8_no_address_gives_away_what_is_anothers(besieged: Besieged, staff: People) -> None:
    """Every address with an id in it, read and written, by another distributor and by another tenant's people."""
    theirs = await anothers(besieged)
    spec = (await besieged.operations.get("/openapi.json")).json()
    roles = ("operations", "compliance", "treasury", "data_protection", "auditor", "administrator")
    foreign = [staff.person(f"foreign-{role}", "another-tenant", role) for role in roles]
    tried = 0
    for path, methods in spec["paths"].items():
        # A command is named by a keyed hash that nobody guesses: within its tenant that is the permission.
        callers = foreign if path == "/commands/{command}" else [besieged.north, *foreign]
        if "{" not in path:
            continue
        address = path.format(**theirs._asdict())
        for method in methods:
            for caller in callers:
                answer = await caller.get(address) if method == "get" else await tried_on(caller, address)
                assert answer.status_code in {403, 404}, (method, path, answer.status_code, answer.text)
                tried += 1
    assert tried > 150


async def tried_on(caller: Person, address: str) -> Any:
    """A command with a body of its form, so that what refuses it is whose it is."""
    if address.endswith("/documents"):
        return await caller.upload(f"{address}?kind=other", b"%PDF-1.7 mine", "application/pdf")
    return await caller.post(address, BODIES.get(address.rpartition("/")[2]))


BODIES: dict[str, Any] = {
    "particulars": {"category": "professional"},
    "tax": {name: COMPLETE[name] for name in ("tax", "tax_identities")},
    "resolutions": {"round": 1, "hit": 1, "outcome": "dismissed", "reason": "another"},
    "information-request": {"what": "more"},
    "approve": {"risk": "low"},
    "review": {"risk": "low"},
    "reject": {"reason": "other"},
    "bank-accounts": bank("Livia Northwood"),
    "verify": {"evidence": "bank_confirmation"},
    "accounts": {"reference": "N-98", "kind": "single"},
    "instructions": {"reinvest": True},
    "payout": {"bank_account": str(uuid4())},
    "blocks": {"scope": "all", "ground": {"reason": "other", "authority": "nobody"}},
    "lifting": {"reason": "none"},
    "bank-account-change": {**bank("Livia Northwood"), "evidence": "bank_confirmation"},
    "erasure": {"legal_basis": "unlawful"},
    "export": {"purpose": "portability"},
}


async def test_i8_a_key_used_for_one_distributor_says_nothing_to_another(besieged: Besieged, staff: People) -> None:
    """One agent, two tokens, the same request: two investors, each its distributor's."""
    body = {"category": "retail", "identity": named("Twofold"), "address": ADDRESS}
    made = [
        await staff.person("agent", TENANT, "distributor", code).post(INVESTORS, body, key="the-same")
        for code in ("NORTH", "SOUTH")
    ]
    assert [answer.status_code for answer in made] == [201, 201]
    north, south = (answer.headers["Location"] for answer in made)
    assert (await besieged.north.get(north)).json()["distributor"] == "NORTH"
    assert (await besieged.south.get(south)).json()["distributor"] == "SOUTH"
