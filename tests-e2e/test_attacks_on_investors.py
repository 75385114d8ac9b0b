"""What a distributor, or a careless colleague, may try against investors over HTTP (TA-I-5 to TA-I-8, invariant 6)."""

from __future__ import annotations

from typing import Any, NamedTuple
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio

from libs.testkit.journey import People, Person

TENANT = "besieged-investors"
INVESTORS, BANK_ACCOUNTS, ACCOUNTS = (f"/investors/{name}" for name in ("investors", "bank-accounts", "accounts"))
ADDRESS = {"lines": ["1 Rue de la Gare"], "city": "Luxembourg", "country": "LU"}
TAX = {"fatca": "non_us", "crs": "individual", "residences": ["LU"], "signed_on": "2026-01-15"}
COMPLETE = {"tax": TAX, "tax_identities": [{"country": "LU", "missing_reason": "B"}], "submit": True}
# A name that stands in nothing else, so that its bytes can be looked for.
SECRET = "Quetzalina Vörösmarty"


class Besieged(NamedTuple):
    """Who works for the tenant, and its two distributors."""

    operations: Person
    compliance: Person
    protection: Person
    north: Person
    south: Person


@pytest_asyncio.fixture(scope="module")
async def besieged(staff: People) -> Besieged:
    own = [staff.person(role, TENANT, role) for role in ("operations", "compliance", "data_protection")]
    bound = [staff.person(code.lower(), TENANT, "distributor", code) for code in ("NORTH", "SOUTH")]
    for code in ("NORTH", "SOUTH"):
        body = {"code": code, "name": f"{code} Bank", "country": "LU"}
        assert (await own[0].post("/investors/distributors", body)).status_code == 201
    return Besieged(*own, *bound)


def named(family_name: str, given_names: str = "Livia") -> dict[str, Any]:
    return {
        "kind": "natural", "family_name": family_name, "given_names": given_names, "birth_date": "1990-05-06",
        "nationality": "LU",
    }  # fmt: skip


async def registered(person: Person, family_name: str, **more: Any) -> str:
    body = {"category": "retail", "identity": named(family_name), "address": ADDRESS, **more}
    made = await person.post(INVESTORS, body)
    assert made.status_code == 201, made.text
    return made.headers["Location"]


async def approved(besieged: Besieged, person: Person, family_name: str) -> str:
    address = await registered(person, family_name, **COMPLETE)
    await besieged.compliance.eventually(address, lambda seen: seen["status"] == "in_review")
    assert (await besieged.compliance.post(f"{address}/approve", {"risk": "high"})).status_code == 200
    return address


def bank(holder: str) -> dict[str, Any]:
    return {"currency": "EUR", "details": {"iban": "LU280019400644750000", "holder": holder}}


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


@pytest.mark.parametrize(
    "more",
    [{"now": SECRET}, {"investor_row": {"open_accounts": 0, "note": SECRET}}, {"legal_basis": {"clear": SECRET}}],
)
async def test_inv06_a_proposal_holds_nothing_but_its_command(
    besieged: Besieged, fleet_database: str, more: dict[str, Any]
) -> None:
    address = await registered(besieged.operations, "Proposed")
    payload = {"investor": address.rpartition("/")[2], "legal_basis": "consent_withdrawn", **more}
    made = await besieged.operations.post("/investors/changes", {"command": "EraseInvestor", "payload": payload})
    assert made.status_code == 422, made.text
    assert SECRET.split(maxsplit=1)[0] not in made.text
    assert not await stored(fleet_database, SECRET.split(maxsplit=1)[0])


async def test_a_personal_field_in_the_form_of_a_sealed_one_is_a_bad_request(besieged: Besieged) -> None:
    """A proposal comes in clear as any body does: its caller neither seals nor names another data subject."""
    address = await approved(besieged, besieged.operations, "Leafed")
    opened = await besieged.operations.post(f"{address}/accounts", {"reference": "L-1", "kind": "single"})
    ids = {"investor": address.rpartition("/")[2], "account": opened.headers["Location"].rpartition("/")[2]}
    for reason in ({"clear": "mended", "of": str(uuid4())}, {"clear": "mended"}, {"sealed": "AAAA"}, {"erased": True}):
        payload = {**ids, "block": str(uuid4()), "reason": reason}
        made = await besieged.operations.post("/investors/changes", {"command": "UnblockAccount", "payload": payload})
        assert made.status_code == 422, (reason, made.text)


async def test_inv06_why_a_change_was_rejected_is_sealed(besieged: Besieged, fleet_database: str) -> None:
    address = await registered(besieged.operations, "Rejected")
    erasure = await besieged.operations.post(f"{address}/erasure", {"legal_basis": "consent_withdrawn"})
    change = erasure.headers["Location"]
    rejected = await besieged.protection.post(f"{change}/reject", {"reason": f"{SECRET} called, and wants to stay"})
    assert rejected.status_code == 200, rejected.text
    assert SECRET in (await besieged.protection.get(change)).json()["reason"]
    assert not await stored(fleet_database, SECRET.split(maxsplit=1)[0])


async def test_i6_a_distributor_is_not_told_of_hits_nor_of_the_rating(besieged: Besieged) -> None:
    address = await approved(besieged, besieged.north, "Unlisted")
    seen = (await besieged.north.get(address)).json()
    assert (seen["risk"], seen["review_due_at"]) == (None, None)
    renamed = {"identity": {**named("Primerov", "Ivan"), "birth_date": "1961-03-04"}}
    assert (await besieged.north.post(f"{address}/particulars", renamed)).status_code == 200
    await besieged.compliance.eventually(address, lambda seen: seen["screening"] == "hits")
    refused = await besieged.north.post(f"{address}/accounts", {"reference": "U-1", "kind": "single"})
    assert refused.status_code == 409
    assert "hit" not in refused.text.lower(), refused.text
    told = await besieged.compliance.post(f"{address}/accounts", {"reference": "U-1", "kind": "single"})
    assert told.status_code == 403


async def test_i8_a_search_says_nothing_of_anothers_investors(besieged: Besieged) -> None:
    for _ in range(3):
        await registered(besieged.south, "Zwetschgenbaum")
    body = {"name": "zwetschgenbaum", "limit": 1}
    for filters in ({}, {"category": "retail"}):
        found = await besieged.north.post(f"{INVESTORS}/search", {**body, "filters": filters})
        assert found.json() == {"items": [], "next": None}


async def stored(dsn: str, text: str) -> list[str]:
    """The tables of investors that hold a text in clear."""
    admin = await asyncpg.connect(dsn)
    try:
        tables = await admin.fetch("select tablename from pg_tables where schemaname = 'investors'")
        found = []
        for (table,) in tables:
            query = f'select exists (select from investors."{table}" as t where t::text like $1 or t::text like $2)'
            if await admin.fetchval(query, f"%{text}%", f"%{text.encode().hex()}%"):
                found.append(table)
        return found
    finally:
        await admin.close()
