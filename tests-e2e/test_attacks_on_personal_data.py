"""By which ways a clear personal value might be kept, or outlive its erasure (invariant 6, TA-I-7)."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio

from libs.edge.settings import Settings
from libs.edge.vault import make_vault
from libs.ledger.secrets import MasterSecret
from libs.testkit.besieged import (
    COMPLETE,
    INVESTORS,
    Besieged,
    approved,
    bank,
    besiege,
    named,
    registered,
    tables_with,
)
from libs.testkit.journey import People

TENANT = "besieged-persons"
# A name that stands in nothing else, so that its bytes can be looked for.
SECRET = "Quetzalina Vörösmarty"


@pytest_asyncio.fixture(scope="module")
async def besieged(staff: People) -> Besieged:
    return await besiege(staff, TENANT)


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
    assert not await tables_with(fleet_database, SECRET.split(maxsplit=1)[0])


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
    assert not await tables_with(fleet_database, SECRET.split(maxsplit=1)[0])


async def rounds_and_hits(dsn: str, settings: Settings, distributor: str) -> tuple[int, int]:
    """How many rows of screening the API's own role sees for a caller of this distributor, empty for none."""
    password = MasterSecret.load(settings.home).password("investors_api")
    bound = {"search_path": "investors", "cartulary.tenant": TENANT, "cartulary.distributor": distributor}
    connection = await asyncpg.connect(dsn, user="investors_api", password=password, server_settings=bound)
    try:
        tables = ("screening_rounds", "screening_hits")
        rounds, hits = [await connection.fetchval(f"select count(*) from {table}") for table in tables]
        return rounds, hits
    finally:
        await connection.close()


async def test_i3_inv06_which_entry_somebody_may_be_is_sealed_and_erased(
    besieged: Besieged, fleet_database: str, fleet_settings: Settings
) -> None:
    """Neither the service's tables nor its copy of the ledger tell it; with the person it goes for good."""
    listed = {**named("Primerov", "Ivan"), "birth_date": "1961-03-04"}
    address = await registered(besieged.north, "Primerov", **{**COMPLETE, "identity": listed})
    await besieged.compliance.eventually(address, lambda seen: seen["screening"] == "hits")
    (hit,) = (await besieged.compliance.get(f"{address}/screening")).json()["hits"]
    assert (hit["entry"], hit["list_name"], hit["sealed"]) == ("EX-1", "Example list", False)
    for person in (besieged.operations, besieged.north):
        assert (await person.get(f"{address}/screening")).status_code == 403
    assert await rounds_and_hits(fleet_database, fleet_settings, "NORTH") == (0, 0)
    assert all(await rounds_and_hits(fleet_database, fleet_settings, ""))
    named_by_entry = {"round": 1, "entry": "EX-1", "outcome": "confirmed", "reason": "the very same"}
    refused = await besieged.compliance.post(f"{address}/screening/resolutions", named_by_entry)
    assert refused.status_code == 422, refused.text
    resolution = {"round": 1, "hit": 2, "outcome": "confirmed", "reason": "the very same"}
    unknown = await besieged.compliance.post(f"{address}/screening/resolutions", resolution)
    assert unknown.json()["type"] == "urn:cartulary:problem:hit-unknown", unknown.text
    resolved = await besieged.compliance.post(f"{address}/screening/resolutions", {**resolution, "hit": 1})
    assert resolved.status_code == 200, resolved.text
    assert (await besieged.compliance.post(f"{address}/reject", {"reason": "other"})).status_code == 200
    for text in ("EX-1", "Example list"):
        assert not await tables_with(fleet_database, text)
    erasure = await besieged.operations.post(f"{address}/erasure", {"legal_basis": "legal_obligation"})
    assert (await besieged.protection.post(f"{erasure.headers['Location']}/approve")).status_code == 200
    await besieged.operations.eventually(address, lambda seen: seen["status"] == "erased")
    (gone,) = (await besieged.compliance.get(f"{address}/screening")).json()["hits"]
    assert (gone["hit"], gone["outcome"], gone["erased"]) == (1, "confirmed", True)
    assert (gone["entry"], gone["list_name"], gone["score_percent"]) == (None, None, None)


@pytest.mark.timeout(180)
async def test_i7_an_erasure_wins_over_whatever_is_under_way(
    besieged: Besieged, fleet_database: str, fleet_settings: Settings
) -> None:
    """Amendments, papers and bank accounts sent at that very moment: nothing of them opens, is found or is kept."""
    vault = make_vault(fleet_settings)
    try:
        for number in range(6):
            family = f"Verschwunden{chr(ord('a') + number)}"
            address = await registered(besieged.operations, family)
            proposed = await besieged.operations.post(f"{address}/erasure", {"legal_basis": "consent_withdrawn"})
            approval = besieged.protection.post(f"{proposed.headers['Location']}/approve")
            paper = f"%PDF-1.7 {family}".encode()
            others = [
                besieged.operations.post(f"{address}/particulars", {"identity": named(family, "Nochmals")}),
                besieged.operations.upload(f"{address}/documents?kind=other", paper, "application/pdf"),
                besieged.operations.post(f"{address}/bank-accounts", bank(f"Livia {family}")),
                besieged.operations.upload(f"{address}/documents?kind=identity", paper + b"2", "application/pdf"),
            ]
            answers = await asyncio.gather(*others[: number % 4], approval, *others[number % 4 :])
            assert all(answer.status_code < 500 for answer in answers), [answer.text for answer in answers]
            assert (await besieged.operations.get(address)).json()["status"] == "erased"

            def destroyed(seen: dict[str, Any]) -> bool:
                return any(row["type"] == "investors.KeyDestroyed.v1" for row in seen["items"])

            await besieged.operations.eventually(f"{address}/history?limit=200", destroyed)
            subject = address.rpartition("/")[2]
            late = await besieged.operations.upload(f"{address}/documents?kind=other", paper, "application/pdf")
            assert 400 <= late.status_code < 500, late.text
            seen = (await besieged.operations.get(address)).json()
            assert (seen["identity"], seen["erased"]) == (None, True)
            found = await besieged.operations.post(f"{INVESTORS}/search", {"name": family})
            assert found.json() == {"items": [], "next": None}
            async with vault.store.connection() as keys:
                for table in ("search", "documents"):
                    assert await keys.fetchval(f"select count(*) from {table} where subject = $1", subject) == 0
                assert await keys.fetchval("select wrapped from subject_keys where subject = $1", subject) is None
    finally:
        await vault.close()
    assert not await tables_with(fleet_database, "Verschwunden")
