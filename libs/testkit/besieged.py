"""A tenant of investors with two distributors, and how its people come on the books, for those who attack it."""

from __future__ import annotations

from typing import Any, NamedTuple

import asyncpg

from libs.testkit.journey import People, Person

# Addresses begin with the service's own path, as those in headers do.
INVESTORS, DISTRIBUTORS = "/investors/investors", "/investors/distributors"
ADDRESS: dict[str, Any] = {"lines": ["1 Rue de la Gare"], "city": "Luxembourg", "country": "LU"}
TAX: dict[str, Any] = {"fatca": "non_us", "crs": "individual", "residences": ["LU"], "signed_on": "2026-01-15"}
COMPLETE: dict[str, Any] = {"tax": TAX, "tax_identities": [{"country": "LU", "missing_reason": "B"}], "submit": True}


class Besieged(NamedTuple):
    """Who works for the tenant, and its two distributors."""

    operations: Person
    compliance: Person
    protection: Person
    north: Person
    south: Person


async def besiege(staff: People, tenant: str) -> Besieged:
    """The people of a new tenant, its distributors NORTH and SOUTH registered."""
    own = [staff.person(role, tenant, role) for role in ("operations", "compliance", "data_protection")]
    bound = [staff.person(code.lower(), tenant, "distributor", code) for code in ("NORTH", "SOUTH")]
    for code in ("NORTH", "SOUTH"):
        body = {"code": code, "name": f"{code} Bank", "country": "LU"}
        assert (await own[0].post(DISTRIBUTORS, body)).status_code == 201
    return Besieged(*own, *bound)


def named(family_name: str, given_names: str = "Livia") -> dict[str, Any]:
    """A person of this name."""
    return {
        "kind": "natural", "family_name": family_name, "given_names": given_names, "birth_date": "1990-05-06",
        "nationality": "LU",
    }  # fmt: skip


def bank(holder: str) -> dict[str, Any]:
    """A bank account of this holder, as it is added."""
    return {"currency": "EUR", "details": {"iban": "LU280019400644750000", "holder": holder}}


async def registered(person: Person, family_name: str, **more: Any) -> str:
    """The address of a person whom somebody registered."""
    body = {"category": "retail", "identity": named(family_name), "address": ADDRESS, **more}
    made = await person.post(INVESTORS, body)
    assert made.status_code == 201, made.text
    return made.headers["Location"]


async def approved(besieged: Besieged, person: Person, family_name: str) -> str:
    """The address of a person whom compliance took on."""
    address = await registered(person, family_name, **COMPLETE)
    await besieged.compliance.eventually(address, lambda seen: seen["status"] == "in_review")
    assert (await besieged.compliance.post(f"{address}/approve", {"risk": "high"})).status_code == 200
    return address


async def tables_with(dsn: str, text: str) -> list[str]:
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
