"""Bad input at the API of investors: a clear 4xx that names the field, never a person's value; nothing half done."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx
import orjson
import pytest

from libs.testkit.journey import People, Person

TENANT = "bad-input"
INVESTORS = "/investors/investors"
SECRET = "Geheimrat"
PERSON = {"kind": "natural", "family_name": SECRET, "birth_date": "1980-01-01", "nationality": "DE"}
ADDRESS = {"lines": [f"{SECRET} 1"], "city": "Berlin", "country": "DE"}
BODY: dict[str, Any] = {"category": "retail", "identity": PERSON, "address": ADDRESS}
BANK = {"iban": "DE89370400440532013000", "bic": "COBADEFFXXX", "holder": SECRET}
TAX = {"fatca": "non_us", "crs": "individual", "residences": ["DE"], "signed_on": "2026-01-15"}


def person(**more: Any) -> dict[str, Any]:
    """A registration whose person is like this."""
    return {**BODY, "identity": {**PERSON, **more}}


def bank(**more: Any) -> dict[str, Any]:
    """A registration whose bank account is like this."""
    return {**BODY, "bank": {**BANK, **more}, "bank_currency": "EUR"}


def certified(identity: dict[str, Any], **tax: Any) -> dict[str, Any]:
    """A registration with this tax number."""
    return {**BODY, "tax": {**TAX, **tax}, "tax_identities": [identity]}


FIELDS: list[tuple[str, dict[str, Any], int, str]] = [
    ("a wrong type", {**BODY, "address": 7}, 422, "address"),
    ("an unknown field", {**BODY, "nickname": SECRET}, 422, "nickname"),
    ("an unknown field of a person", person(nickname=SECRET), 422, "identity"),
    ("a missing field", {"category": "retail", "identity": PERSON}, 422, "address"),
    ("an unknown category", {**BODY, "category": "royal"}, 422, "category"),
    ("an unknown kind", person(kind="legion"), 422, "identity"),
    ("a day that does not exist", person(birth_date="1981-02-29"), 422, "birth_date"),
    ("a birth in an absurd year", person(birth_date="0001-01-01"), 422, "birth_date"),
    ("a birth that is to come", person(birth_date="2199-01-01"), 422, "birth_date"),
    ("a name without a letter", person(family_name="1234567"), 422, "family_name"),
    ("a name too long", person(family_name=SECRET * 40), 422, "family_name"),
    ("a hidden turn of direction", person(family_name=f"{SECRET}\u202e"), 422, "family_name"),
    ("a country that is none", person(nationality="D1"), 422, "nationality"),
    ("an IBAN with a wrong check digit", bank(iban="DE88370400440532013000"), 422, "iban"),
    ("a BIC that is none", bank(bic="C0BADEFFXX"), 422, "bic"),
    ("an LEI with a wrong check digit",
     {**BODY, "identity": {"kind": "legal", "name": SECRET, "lei": "529900T8BM49AURSDO56"}}, 422, "lei"),
    ("a TIN with a wrong check digit", certified({"country": "ES", "tin": "12345678A"}, residences=["ES"]), 422, "tin"),
    ("a certification of a day to come", certified({"country": "DE", "tin": "36574261809"}, signed_on="2199-01-01"),
     422, "signed_on"),
    ("a reference with a person's name in it", {**BODY, "reference": f"{SECRET} & Co"}, 422, "reference"),
    ("an id that is none", {**BODY, "investor": "seven"}, 422, "investor"),
    ("a distributor that is none", {**BODY, "distributor": "NOBODY"}, 404, "distributor"),
]  # fmt: skip


@pytest.fixture(scope="module")
def operations(staff: People) -> Person:
    return staff.person("operations", TENANT)


def problem_of(answer: httpx.Response, status: int) -> dict[str, Any]:
    """The problem, which tells nothing of a person."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    for value in (SECRET, "370400440532013000", "12345678A", "529900T8BM49AURSDO56", "1981-02-29"):
        assert value not in answer.text
    found: dict[str, Any] = answer.json()
    return found


def named(problem: dict[str, Any]) -> str:
    """Every field that the problem names."""
    return " ".join([str(problem.get("field")), *(each["field"] for each in problem.get("errors", []))])


async def raw(caller: Person, content: bytes, media_type: str = "application/json") -> httpx.Response:
    """A registration as bytes."""
    headers = {**caller.headers, "Idempotency-Key": str(uuid4()), "Content-Type": media_type}
    async with httpx.AsyncClient(timeout=60) as client:
        return await client.post(f"{caller.url}/investors", content=content, headers=headers)


@pytest.mark.parametrize(("body", "status", "field"), [each[1:] for each in FIELDS], ids=[each[0] for each in FIELDS])
async def test_a_field_is_named_its_value_is_not_and_nothing_is_done(
    operations: Person, body: dict[str, Any], status: int, field: str
) -> None:
    identity = str(uuid4())
    problem = problem_of(await operations.post(INVESTORS, {"investor": identity, **body}), status)
    assert field in named(problem)
    assert (await operations.get(f"{INVESTORS}/{identity}")).status_code == 404


BODIES: list[tuple[str, bytes, int, str]] = [
    ("no JSON", b'{"category": ', 400, "malformed-json"),
    ("no UTF-8", b'{"category": "\xff\xfe"}', 400, "malformed-json"),
    ("a key twice", b'{"category": "retail", "category": "retail"}', 400, "duplicate-key"),
    ("a NUL in a name", orjson.dumps(person(family_name=f"{SECRET}\x00")), 400, "forbidden-character"),
    ("a lone surrogate", b'{"identity": {"family_name": "' + SECRET.encode() + b'\\ud800"}}', 400,
     "forbidden-character"),
    ("nested 10,000 deep", b'{"identity":' * 10_000 + b"1" + b"}" * 10_000, 400, "too-deep"),
    ("more than 1 MB", orjson.dumps({**BODY, "reference": "x" * 1_000_001}), 413, "body-too-large"),
    ("a float", b'{"category": 1.5}', 422, "invalid-value"),
    ("a number past 2^53", b'{"category": 99999999999999999999}', 422, "invalid-value"),
    ("a list", b"[]", 422, "invalid-request"),
]  # fmt: skip


@pytest.mark.parametrize(("content", "status", "code"), [each[1:] for each in BODIES], ids=[each[0] for each in BODIES])
async def test_a_body_that_readers_would_not_read_alike_is_refused(
    operations: Person, content: bytes, status: int, code: str
) -> None:
    assert problem_of(await raw(operations, content), status)["type"] == f"urn:cartulary:problem:{code}"


async def test_another_media_type_than_json_is_refused(operations: Person) -> None:
    problem_of(await raw(operations, orjson.dumps(BODY), "text/plain"), 415)


NAMES = ["محمد عبد الله", "שרה כהן", "山田太郎", "नरेंद्र कुमार", "Þórdís Ævarsdóttir", "Nguyễn Thị Minh", "O’Brien"]


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
async def test_a_name_of_any_script_and_direction_is_a_name(operations: Person, name: str) -> None:
    made = await operations.post(INVESTORS, person(family_name=name))
    assert made.status_code == 201, made.text
    seen = (await operations.get(made.headers["Location"])).json()
    assert seen["identity"]["family_name"] == name


@pytest.mark.parametrize(
    ("content", "media_type", "status"),
    [(b"%PDF-1.7", "image/png", 422), (b"MZ\x90\x00", "application/pdf", 422), (b"", "application/pdf", 422),
     (b"<svg/>", "image/svg+xml", 415), (b"%PDF-" + b"0" * 5_000_001, "application/pdf", 413)],
    ids=["another kind", "no document", "empty", "unknown kind", "too large"],
)  # fmt: skip
async def test_a_document_is_what_it_says_it_is_and_not_too_large(
    operations: Person, content: bytes, media_type: str, status: int
) -> None:
    made = (await operations.post(INVESTORS, BODY)).headers["Location"]
    problem_of(await operations.upload(f"{made}/documents?kind=identity", content, media_type), status)
    assert await operations.all(f"{made}/documents") == []


async def test_a_document_may_be_larger_than_json_may(operations: Person) -> None:
    made = (await operations.post(INVESTORS, BODY)).headers["Location"]
    filed = await operations.upload(f"{made}/documents?kind=identity", b"%PDF-" + b"0" * 4_000_000, "application/pdf")
    assert filed.status_code == 201, filed.text


@pytest.mark.parametrize(
    "body", [{}, {"name": SECRET, "iban": SECRET}, {"name": SECRET, "limit": -1}, {"phone": SECRET}]
)
async def test_a_search_without_sense_is_refused_without_telling_what_was_sought(
    operations: Person, body: dict[str, Any]
) -> None:
    problem_of(await operations.post(f"{INVESTORS}/search", body), 422)


@pytest.mark.parametrize(
    "address",
    [f"{INVESTORS}/search?name={SECRET}", f"{INVESTORS}?name=x", f"{INVESTORS}?limit=0", f"{INVESTORS}?country=1",
     f"{INVESTORS}?status=a&status=b", f"{INVESTORS}?cursor=zzz", f"{INVESTORS}/not-an-id", f"{INVESTORS}?limit=%00"],
)  # fmt: skip
async def test_an_address_that_means_nothing_is_refused(operations: Person, address: str) -> None:
    assert (await operations.get(address)).status_code in {400, 404, 405, 422}


@pytest.mark.parametrize("token", ["x", "eyJhbGciOiJub25lIn0.e30.", "nonsense"])
async def test_without_a_token_of_the_issuer_nothing_is_answered(operations: Person, token: str) -> None:
    stranger = Person(operations.url, {"Authorization": f"Bearer {token}"})
    assert problem_of(await stranger.get(INVESTORS), 401)["type"] == "urn:cartulary:problem:unauthorized"
