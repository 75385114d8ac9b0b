"""Who is calling: every class of forgery is refused, and keys rotate without a restart."""

import json
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from libs.edge.auth import Caller, Unauthorized, Verifier, checked_identity
from libs.edge.issuer import IssuerUnusable
from libs.edge.keyset import KeySet, parse_jwks
from libs.edge.permissions import ROLES
from libs.edge.tests.sample import Sample
from libs.edge.tests.token_house import CALLER, House, signed
from libs.kernel.envelope import Actor
from libs.kernel.errors import CheckUnavailable
from libs.ports import Scope


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path / "issuer")


async def test_a_good_token_is_its_caller(house: House) -> None:
    assert await house.verifier.caller(house.token()) == CALLER


@pytest.mark.parametrize("role", ROLES)
async def test_i8_a_token_with_a_distributor_is_bound_to_it_whatever_its_role(house: House, role: str) -> None:
    caller = await house.verifier.caller(house.token(Caller(Actor("u-1", role, None, "d-1"), "acme")))
    assert (caller.scope, caller.actor.distributor) == (Scope("acme", "d-1"), "d-1")


async def test_a_token_counts_until_it_expires_and_five_seconds_for_other_clocks(house: House) -> None:
    token = house.token(ttl_s=60)
    await house.verifier.caller(token)
    await house.clock.move(64)
    await house.verifier.caller(token)
    await house.clock.move(1)
    with pytest.raises(Unauthorized, match="expired"):
        await house.verifier.caller(token)


async def test_keys_rotate_without_a_restart_and_old_tokens_stay_valid(house: House) -> None:
    old = house.token()
    await house.verifier.caller(old)
    house.issuer.rotate()
    assert await house.verifier.caller(house.token()) == CALLER
    assert await house.verifier.caller(old) == CALLER


async def test_a_key_taken_out_of_the_jwks_counts_no_more_after_the_cache_time(house: House) -> None:
    token = house.token(ttl_s=3_600)
    await house.verifier.caller(token)
    house.issuer.jwks_file.write_text('{"keys": []}')
    await house.clock.move(301)
    with pytest.raises(Unauthorized):
        await house.verifier.caller(token)


async def test_unknown_key_ids_do_not_make_the_jwks_read_without_bound(tmp_path: Path) -> None:
    house = House(tmp_path, retry_s=5)
    await house.verifier.caller(house.token())
    await house.clock.move(10)
    header, claims, key = house.parts()
    with pytest.raises(Unauthorized):
        await house.verifier.caller(signed({**header, "kid": "first"}, claims, key))
    house.issuer.rotate()
    with pytest.raises(Unauthorized):
        await house.verifier.caller(house.token())
    await house.clock.move(5)
    assert await house.verifier.caller(house.token()) == CALLER


async def test_inv11_without_keys_nobody_is_let_in_and_it_is_not_the_callers_fault(house: House) -> None:
    token = house.token()
    house.issuer.jwks_file.unlink()
    with pytest.raises(CheckUnavailable):
        await house.verifier.caller(token)


async def test_keys_once_read_go_on_for_a_day_when_the_issuer_is_away(house: House) -> None:
    token = house.token(ttl_s=200_000)
    await house.verifier.caller(token)
    house.issuer.jwks_file.unlink()
    await house.clock.move(80_000)
    assert await house.verifier.caller(token) == CALLER
    await house.clock.move(7_000)
    with pytest.raises(CheckUnavailable):
        await house.verifier.caller(token)


async def test_a_jwks_behind_a_url_is_read_and_one_that_is_too_large_is_not(tmp_path: Path) -> None:
    from aiohttp import web

    house = House(tmp_path / "issuer")
    token, answers = house.token(), [house.issuer.jwks_file.read_bytes(), b" " * 300_000]

    async def jwks(request: web.Request) -> web.Response:
        return web.Response(body=answers.pop(0))

    server = web.Application()
    server.router.add_get("/jwks", jwks)
    runner = web.AppRunner(server)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        for expected in (None, CheckUnavailable):
            keys = KeySet(f"http://127.0.0.1:{port}/jwks", house.clock, 300, 0)
            verifier = Verifier(keys, house.clock, "cartulary-local", "cartulary", 5)
            if expected is None:
                assert await verifier.caller(token) == CALLER
            else:
                with pytest.raises(expected):
                    await verifier.caller(token)
    finally:
        await runner.cleanup()


def test_only_signing_keys_strong_enough_are_taken_from_a_jwks() -> None:
    def jwk(key: Any, kind: Any, **more: str) -> dict[str, Any]:
        return {**json.loads(kind.to_jwk(key)), **more}

    weak = rsa.generate_private_key(65537, 1024).public_key()
    strong = rsa.generate_private_key(65537, 2048).public_key()
    curve = ec.generate_private_key(ec.SECP256R1()).public_key()
    keys = [
        {"kty": "oct", "k": "c2VjcmV0", "kid": "symmetric", "alg": "HS256"},
        jwk(weak, jwt.algorithms.RSAAlgorithm, kid="weak"),
        jwk(strong, jwt.algorithms.RSAAlgorithm, kid="rsa"),
        jwk(strong, jwt.algorithms.RSAAlgorithm, kid="rsa-pss", alg="PS256"),
        jwk(strong, jwt.algorithms.RSAAlgorithm, kid="rsa-as-mac", alg="HS256"),
        jwk(strong, jwt.algorithms.RSAAlgorithm, kid="encrypts", use="enc"),
        jwk(curve, jwt.algorithms.ECAlgorithm, kid="curve"),
        jwk(curve, jwt.algorithms.ECAlgorithm, kid="curve-misnamed", alg="RS256"),
        {"kty": "OKP", "crv": "Ed25519", "x": "!!", "kid": "broken"},
        {"kty": "RSA", "kid": "empty"},
        "text",
    ]
    found = parse_jwks(json.dumps({"keys": keys}).encode())
    assert {kid: key.algorithm for kid, key in found.items()} == {"rsa": "RS256", "rsa-pss": "PS256", "curve": "ES256"}


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"keys": {}}', b"\xff"])
def test_what_is_no_jwks_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError):
        parse_jwks(body)


def test_two_keys_under_one_id_make_a_jwks_unusable(house: House) -> None:
    house.token()
    key = json.loads(house.issuer.jwks_file.read_bytes())["keys"][0]
    with pytest.raises(ValueError, match="share an id"):
        parse_jwks(json.dumps({"keys": [key, key]}).encode())


def test_the_issuers_key_is_for_its_owner_only(house: House) -> None:
    house.token()
    key = house.folder / "signing.key"
    assert key.stat().st_mode & 0o777 == 0o600
    key.chmod(0o644)
    with pytest.raises(IssuerUnusable, match="chmod 600"):
        house.token()


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("Authorization", "Bearer")],
        [("Authorization", "Basic dTpw")],
        [("Authorization", "Bearer x"), ("Authorization", "Bearer y")],
        [("Authorization", "Bearer \xff\xfe")],
    ],
)
async def test_every_route_of_a_service_needs_a_token(sample: Sample, headers: list[tuple[str, str]]) -> None:
    transport = httpx.ASGITransport(app=sample.app)
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers]
    async with httpx.AsyncClient(transport=transport, base_url="http://notes") as client:
        for address in ("/notes", "/notes/0198c5a0-0000-7000-8000-000000000000", "/changes", "/commands/" + "0" * 32):
            answer = await client.get(address, headers=raw)
            assert (answer.status_code, answer.json()["type"]) == (401, "urn:cartulary:problem:unauthorized")
            assert answer.headers["www-authenticate"].startswith("Bearer")
        assert (await client.get("/health/live")).status_code == 200


def test_an_identity_names_the_claim_that_is_wrong() -> None:
    with pytest.raises(Unauthorized, match="claim role"):
        checked_identity({"sub": "u", "role": "a b", "tenant": "acme"})
