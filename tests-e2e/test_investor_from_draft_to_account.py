"""A person comes on the books, is screened and reviewed, has an account, is erased in the end (TA-I-1 to TA-I-8)."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Any, NamedTuple

import pytest
import pytest_asyncio

from libs.stack.places import CHECKOUT
from libs.testkit.journey import People, Person

TENANT = "harbour-investors"
# Addresses begin with the service's own path, as those in headers do.
INVESTORS, BANK_ACCOUNTS, ACCOUNTS, DISTRIBUTORS = (
    f"/investors/{name}" for name in ("investors", "bank-accounts", "accounts", "distributors")
)
PDF = b"%PDF-1.7\n" + b"self-certification" * 100
IDENTITY = {
    "kind": "natural", "family_name": "Łukasiewicz", "given_names": "Zofia Anna", "birth_date": "1984-02-29",
    "nationality": "PL",
}  # fmt: skip
ADDRESS = {"lines": ["12 Rue du Fossé"], "postal_code": "1536", "city": "Luxembourg", "country": "LU"}
TAX = {"fatca": "non_us", "crs": "individual", "residences": ["LU"], "signed_on": "2026-01-15"}
TAX_IDENTITIES = [{"country": "LU", "missing_reason": "B"}]
BANK = {"iban": "LU280019400644750000", "bic": "BCEELULL", "holder": "Zofia Anna Łukasiewicz"}
OTHER_BANK = {"iban": "DE89370400440532013000", "holder": "Zofia Anna Łukasiewicz"}


class Office(NamedTuple):
    """Who works on the files of one tenant."""

    operations: Person
    compliance: Person
    treasury: Person
    protection: Person
    auditor: Person
    north: Person
    south: Person


@pytest.fixture(scope="module")
def office(staff: People) -> Office:
    roles = ("operations", "compliance", "treasury", "data_protection", "auditor")
    own = [staff.person(role, TENANT, role) for role in roles]
    bound = [staff.person(code.lower(), TENANT, "distributor", code) for code in ("NORTH", "SOUTH")]
    return Office(*own, *bound)


@pytest_asyncio.fixture(scope="module")
async def distributors(office: Office) -> None:
    for code in ("NORTH", "SOUTH"):
        made = await office.operations.post(DISTRIBUTORS, {"code": code, "name": f"{code} Bank", "country": "LU"})
        assert made.status_code == 201, made.text


async def done(person: Person, address: str, body: object = None, status: int = 200) -> str:
    """The address of what a command made, or empty."""
    answer = await person.post(address, body)
    assert answer.status_code == status, (address, answer.text)
    return str(answer.headers.get("Location", ""))


async def registered(person: Person, **more: Any) -> str:
    """The address of a new draft."""
    body = {"category": "retail", "identity": IDENTITY, "address": ADDRESS, **more}
    return await done(person, INVESTORS, body, 201)


async def approved(office: Office, **more: Any) -> str:
    """The address of an investor that compliance took on."""
    complete = {"tax": TAX, "tax_identities": TAX_IDENTITIES, "submit": True}
    address = await registered(office.operations, **complete, **more)
    await office.compliance.eventually(address, lambda seen: seen["status"] == "in_review")
    await done(office.compliance, f"{address}/approve", {"risk": "medium"})
    return address


async def test_i2_i3_a_file_goes_from_draft_to_review_and_approval(office: Office) -> None:
    address = await registered(office.operations, reference="C-1001")
    seen = (await office.operations.get(address)).json()
    assert (seen["status"], seen["identity"]["family_name"], seen["screening"]) == ("draft", "Łukasiewicz", "none")
    filed = await office.operations.upload(f"{address}/documents?kind=self_certification", PDF, "application/pdf")
    assert filed.status_code == 201, filed.text
    document = filed.headers["Location"].rpartition("/")[2]
    certification = {"tax": TAX, "tax_identities": TAX_IDENTITIES, "document": document}
    await done(office.operations, f"{address}/tax", certification)
    await done(office.operations, f"{address}/submit")
    reviewed = await office.compliance.eventually(address, lambda seen: seen["status"] == "in_review")
    assert reviewed["screening"] == "clear"
    board = await office.compliance.all(INVESTORS, status="in_review")
    assert address.rpartition("/")[2] in {row["investor"] for row in board}
    await done(office.compliance, f"{address}/approve", {"risk": "high"})
    seen = (await office.compliance.get(address)).json()
    assert (seen["status"], seen["risk"], seen["review_overdue"]) == ("approved", "high", False)
    content = await office.compliance.get(f"{address}/documents/{document}")
    assert (content.content, content.headers["Content-Type"]) == (PDF, "application/pdf")
    history = await office.auditor.all(f"{address}/history")
    assert [row["type"] for row in history][:2] == ["investors.InvestorRegistered.v1", "investors.DocumentFiled.v1"]
    assert all(row["block"] > 0 for row in history)


async def test_i3_whoever_is_on_a_list_is_not_approved_before_a_reviewer_looked(office: Office) -> None:
    listed = {**IDENTITY, "given_names": "Ivan", "family_name": "Primerov", "birth_date": "1961-03-04"}
    complete = {"tax": TAX, "tax_identities": TAX_IDENTITIES, "submit": True}
    address = await registered(office.operations, identity=listed, **complete)
    await office.compliance.eventually(address, lambda seen: seen["status"] == "in_review")
    screening = (await office.compliance.get(f"{address}/screening")).json()
    (hit,) = screening["hits"]
    assert (screening["screening"], hit["round"], hit["hit"], hit["outcome"]) == ("hits", 1, 1, None)
    assert (hit["entry"], hit["list_name"], hit["sealed"], hit["erased"]) == ("EX-1", "Example list", False, False)
    early = await office.compliance.post(f"{address}/approve", {"risk": "low"})
    assert (early.status_code, early.json()["type"]) == (409, "urn:cartulary:problem:hits-are-open")
    resolution = {"round": 1, "hit": 1, "outcome": "dismissed", "reason": "Another birth place"}
    await done(office.compliance, f"{address}/screening/resolutions", resolution)
    await done(office.compliance, f"{address}/approve", {"risk": "low"})


async def test_i7_a_relationship_ends_after_its_accounts_and_its_erasure_waits_for_the_law(office: Office) -> None:
    address = await approved(office)
    account = await done(office.operations, f"{address}/accounts", {"reference": "A-7", "kind": "single"}, 201)
    early = await office.compliance.post(f"{address}/end")
    assert (early.status_code, early.json()["type"]) == (409, "urn:cartulary:problem:accounts-are-open")
    await done(office.operations, f"{account}/close")
    await done(office.compliance, f"{address}/end")
    kept = await office.operations.post(f"{address}/erasure", {"legal_basis": "retention_over"})
    assert (kept.status_code, kept.json()["type"]) == (409, "urn:cartulary:problem:must-be-retained")
    change = await done(office.operations, f"{address}/erasure", {"legal_basis": "legal_obligation"}, 201)
    await done(office.protection, f"{change}/approve")
    gone = await office.operations.eventually(address, lambda seen: seen["status"] == "erased")
    assert gone["open_accounts"] == 0


async def test_invariant_6_who_may_not_see_a_person_sees_that_something_is_sealed(office: Office) -> None:
    address = await registered(office.operations)
    seen = (await office.auditor.get(address)).json()
    assert (seen["identity"], seen["address"], seen["sealed"], seen["erased"]) == (None, None, True, False)


async def test_i5_a_bank_account_pays_when_verified_and_changes_by_two_people(office: Office) -> None:
    address = await approved(office)
    account = await done(office.operations, f"{address}/accounts", {"reference": "A-5", "kind": "single"}, 201)
    bank = await done(office.operations, f"{address}/bank-accounts", {"currency": "EUR", "details": BANK}, 201)
    identity = bank.rpartition("/")[2]
    early = await office.operations.post(f"{account}/payout", {"bank_account": identity})
    assert early.status_code == 409, early.text
    await done(office.compliance, f"{address}/bank-accounts/{identity}/verify", {"evidence": "bank_confirmation"})
    await done(office.operations, f"{account}/payout", {"bank_account": identity})
    body = {"currency": "EUR", "details": OTHER_BANK, "evidence": "bank_confirmation"}
    change = await done(office.operations, f"{account}/bank-account-change", body, 201)
    # Whoever approves sees what it is; who may see nobody's particulars does not.
    assert (await office.treasury.get(change)).json()["payload"]["details"]["iban"] == OTHER_BANK["iban"]
    assert OTHER_BANK["iban"] not in (await office.auditor.get(change)).text
    alone = await office.operations.post(f"{change}/approve")
    assert alone.status_code == 403, alone.text
    before = (await office.operations.get(account)).json()
    assert before["payout_account"] == identity
    await done(office.treasury, f"{change}/approve")
    after = (await office.operations.get(account)).json()["payout_account"]
    seen = (await office.treasury.get(f"{BANK_ACCOUNTS}/{after}")).json()
    assert (seen["details"]["iban"], seen["status"]) == (OTHER_BANK["iban"], "verified")


async def test_i6_a_block_is_lifted_by_two_people_and_its_ground_is_for_few(office: Office, distributors: None) -> None:
    address = await approved(office, distributor="NORTH")
    opened = {"reference": "A-6", "kind": "single", "distributor": "NORTH"}
    account = await done(office.operations, f"{address}/accounts", opened, 201)
    ground = {"reason": "aml", "authority": "Financial Intelligence Unit"}
    await done(office.compliance, f"{account}/blocks", {"scope": "redemptions", "ground": ground})
    assert (await office.north.get(account)).json()["blocked"] == ["redemptions"]
    (told,) = (await office.north.get(f"{account}/blocks")).json()
    (known,) = (await office.compliance.get(f"{account}/blocks")).json()
    assert (told["scope"], told["ground"], told["sealed"]) == ("redemptions", None, True)
    assert known["ground"]["authority"] == "Financial Intelligence Unit"
    lifting = f"{account}/blocks/{known['block']}/lifting"
    change = await done(office.operations, lifting, {"reason": "the order was withdrawn"}, 201)
    await done(office.compliance, f"{change}/approve")
    assert (await office.north.get(account)).json()["blocked"] == []
    body = {"currency": "EUR", "details": OTHER_BANK, "evidence": "bank_confirmation"}
    assert (await office.south.get(account)).status_code == 404
    assert (await office.south.post(f"{account}/bank-account-change", body)).status_code == 404
    assert (await office.north.post(f"{account}/bank-account-change", body)).status_code == 201


async def test_i8_a_distributor_sees_and_moves_its_own_only(office: Office, distributors: None) -> None:
    address = await registered(office.north, reference="N-1", identity={**IDENTITY, "family_name": "Nordström"})
    assert (await office.north.get(address)).json()["distributor"] == "NORTH"
    assert (await office.south.get(address)).status_code == 404
    assert (await office.south.post(f"{address}/submit")).status_code == 404
    assert (await office.south.get(f"{address}/history")).status_code == 404
    bank = await done(office.north, f"{address}/bank-accounts", {"currency": "EUR", "details": BANK}, 201)
    assert (await office.north.get(bank)).json()["details"]["iban"] == BANK["iban"]
    assert (await office.south.get(bank)).status_code == 404
    assert bank.rpartition("/")[2] not in {row["bank_account"] for row in await office.south.all(BANK_ACCOUNTS)}
    assert (await office.south.get(f"{address}/documents")).status_code == 404
    mine, theirs = [{row["investor"] for row in await who.all(INVESTORS)} for who in (office.north, office.south)]
    assert address.rpartition("/")[2] in mine - theirs
    found = {"name": "nordstrom"}
    assert len((await office.north.post(f"{INVESTORS}/search", found)).json()["items"]) == 1
    assert (await office.south.post(f"{INVESTORS}/search", found)).json() == {"items": [], "next": None}
    assert {row["code"] for row in await office.south.all(DISTRIBUTORS)} == {"SOUTH"}
    assert (await office.north.get(INVESTORS, risk="high")).status_code == 403


@pytest.mark.parametrize(
    ("sought", "count"),
    [({"name": "zofia luk"}, 1), ({"iban": BANK["iban"]}, 1), ({"reference": "S-1"}, 1), ({"name": "zofia x"}, 0)],
)
async def test_a_person_is_found_by_name_iban_or_reference(staff: People, sought: dict[str, str], count: int) -> None:
    tenant = f"search-{abs(hash(str(sought))) % 10**8}-{os.getpid()}"
    person = staff.person("operations", tenant)
    address = await registered(person, reference="S-1")
    await done(person, f"{address}/bank-accounts", {"currency": "EUR", "details": BANK}, 201)
    items = (await person.post(f"{INVESTORS}/search", sought)).json()["items"]
    assert len(items) == count


async def test_i7_an_erased_person_is_gone_from_reads_and_search(office: Office) -> None:
    identity = {**IDENTITY, "family_name": "Vergessen"}
    address = await registered(office.operations, identity=identity)
    await done(office.operations, f"{address}/withdraw")
    exported = await office.protection.post(f"{address}/export", {"purpose": "subject_request"})
    assert exported.json()["investor"]["identity"]["family_name"] == "Vergessen", exported.text
    change = await done(office.operations, f"{address}/erasure", {"legal_basis": "consent_withdrawn"}, 201)
    await done(office.protection, f"{change}/approve")
    gone = await office.operations.eventually(address, lambda seen: seen["status"] == "erased")
    assert (gone["identity"], gone["address"], gone["erased"]) == (None, None, True)

    def destroyed(seen: dict[str, Any]) -> bool:
        return any(row["type"] == "investors.KeyDestroyed.v1" for row in seen["items"])

    await office.operations.eventually(f"{address}/history", destroyed)
    found = await office.operations.post(f"{INVESTORS}/search", {"name": "vergessen"})
    assert found.json() == {"items": [], "next": None}


async def test_the_register_of_accounts_is_exported_with_names_for_whom_may_see_them(office: Office) -> None:
    address = await approved(office)
    await done(office.operations, f"{address}/accounts", {"reference": "A-9", "kind": "single"}, 201)
    named, bare = await office.operations.get(f"{ACCOUNTS}/export"), await office.auditor.get(f"{ACCOUNTS}/export")
    assert "Zofia Anna Łukasiewicz" in named.text
    assert "A-9" in bare.text
    assert "Łukasiewicz" not in bare.text


async def test_w19_what_the_ledger_holds_is_true_and_gives_the_same_tables(
    office: Office, fleet_environment: dict[str, str]
) -> None:
    """After the erasure too: nothing of a rebuild is ever opened (invariant 6)."""
    await approved(office)
    for arguments in (["verify", "--json"], ["replay", "investors", "--json"]):
        code, said = await cartulary(arguments, fleet_environment)
        assert code == 0, said
        assert "Łukasiewicz" not in said


async def cartulary(arguments: list[str], environment: dict[str, str]) -> tuple[int, str]:
    """The exit code of a command line, and what it said."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "from libs.cli.main import app; app()", *arguments, cwd=CHECKOUT,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, env={**os.environ, **environment},
    )  # fmt: skip
    output, _ = await process.communicate()
    return process.returncode or 0, output.decode()
