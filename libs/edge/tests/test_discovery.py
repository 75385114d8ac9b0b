"""An OpenID provider by its address: over HTTP, with rotation, away, and lying (a local stand-in)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import jwt
import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import rsa

from libs.edge.auth import Caller, Unauthorized, Verifier
from libs.edge.discovery import keys_address
from libs.edge.settings import Settings, SettingsInvalid
from libs.edge.tests.sample import ManualClock, settle
from libs.kernel.envelope import Actor
from libs.kernel.errors import CheckUnavailable

WELL_KNOWN = "/realms/acme/.well-known/openid-configuration"
KEYCLOAK = {
    "role_claim": "realm_access.roles", "tenant_claim": "organisation.tenant",
    "distributor_claim": "organisation.seller",
    "on_behalf_of_claim": "https://acme.example/acts_for",
}  # fmt: skip
CLAIMS = {
    "sub": "f:7:u-1", "realm_access": {"roles": ["offline_access", "operations", "uma_authorization"]},
    "organisation": {"tenant": "acme", "seller": "d-1"}, "https://acme.example/acts_for": "u-9",
}  # fmt: skip

EXPECTED = Caller(Actor("f:7:u-1", "operations", "u-9", "d-1"), "acme")


class StandIn:
    """A provider of one realm; `document` and `answers` replace what it would say of itself."""

    def __init__(self) -> None:
        self.keys: dict[str, rsa.RSAPrivateKey] = {}
        self.document: dict[str, Any] = {}
        self.answers: dict[str, web.StreamResponse] = {}
        self.asked: list[str] = []
        self.clock = ManualClock()
        self.issuer = ""
        self._runner: web.AppRunner | None = None
        self._port = 0
        self.rotate("k-1")

    async def start(self) -> None:
        app = web.Application()
        app.router.add_get("/{rest:.*}", self._answer)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        self._port = self._runner.addresses[0][1]
        self.issuer = f"http://127.0.0.1:{self._port}/realms/acme"

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    def rotate(self, kid: str) -> None:
        self.keys[kid] = rsa.generate_private_key(65537, 2048)

    def verifier(self, home: Path, **changed: Any) -> Verifier:
        settings = Settings(home=home).having(issuer=self.issuer, **{**KEYCLOAK, **changed})
        return Verifier.of(settings, self.clock)

    def token(self, kid: str, **changed: Any) -> str:
        now = int(self.clock.now().timestamp())
        times = {"iat": now, "exp": now + 7 * 86_400}
        claims = {**CLAIMS, "iss": self.issuer, "aud": ["account", "cartulary"], **times, **changed}
        return jwt.encode(claims, self.keys[kid], "RS256", {"kid": kid})

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path)
        if request.path in self.answers:
            return self.answers[request.path]
        if request.path == WELL_KNOWN:
            return web.json_response({"issuer": self.issuer, "jwks_uri": f"{self.issuer}/certs", **self.document})
        if request.path == "/realms/acme/certs":
            keys = [
                {**json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key())), "kid": kid, "alg": "RS256"}
                for kid, key in self.keys.items()
            ]
            return web.json_response({"keys": keys})
        return web.Response(status=404)


@pytest.fixture
async def provider() -> AsyncIterator[StandIn]:
    stand_in = StandIn()
    await stand_in.start()
    yield stand_in
    await stand_in.stop()


async def test_the_issuers_address_is_all_that_is_told_and_claims_are_found_by_their_paths(
    provider: StandIn, tmp_path: Path
) -> None:
    caller = await provider.verifier(tmp_path).caller(provider.token("k-1"))
    assert caller == EXPECTED
    assert provider.asked == [WELL_KNOWN, "/realms/acme/certs"]


@pytest.mark.parametrize(
    "roles",
    [[], ["offline_access"], ["operations", "auditor"], "offline_access", None, [["operations"]], {"operations": 1}],
)  # fmt: skip
async def test_exactly_one_known_role_must_be_in_the_list(provider: StandIn, tmp_path: Path, roles: Any) -> None:
    with pytest.raises(Unauthorized, match=r"realm_access\.roles must name exactly one"):
        await provider.verifier(tmp_path).caller(provider.token("k-1", realm_access={"roles": roles}))


@pytest.mark.parametrize(
    "changed", [{"organisation": None}, {"organisation": "acme"}, {"organisation": {"tenant": ["acme"]}}]
)
async def test_a_path_that_leads_nowhere_is_a_missing_claim(
    provider: StandIn, tmp_path: Path, changed: dict[str, Any]
) -> None:
    with pytest.raises(Unauthorized, match=r"organisation\.tenant"):
        await provider.verifier(tmp_path).caller(provider.token("k-1", **changed))


async def test_keys_are_rotated_without_a_restart_by_one_reading_for_an_unknown_id(
    provider: StandIn, tmp_path: Path
) -> None:
    verifier = provider.verifier(tmp_path, jwks_retry_s=5)
    await verifier.caller(provider.token("k-1"))
    provider.rotate("k-2")
    await provider.clock.move(6)
    fresh = [verifier.caller(provider.token("k-2")) for _ in range(10)]
    assert len(set(await asyncio.gather(*fresh))) == 1
    assert provider.asked.count("/realms/acme/certs") == 2
    assert await verifier.caller(provider.token("k-1")) == EXPECTED
    provider.keys["forged"] = rsa.generate_private_key(65537, 2048)
    forged = provider.token("forged")
    del provider.keys["forged"]
    await provider.clock.move(6)
    for _ in range(20):
        with pytest.raises(Unauthorized):
            await verifier.caller(forged)
    assert provider.asked.count("/realms/acme/certs") == 3


async def test_a_provider_that_is_away_is_done_without_for_a_day(provider: StandIn, tmp_path: Path) -> None:
    verifier = provider.verifier(tmp_path)
    token = provider.token("k-1")
    await verifier.caller(token)
    await provider.stop()
    await provider.clock.move(80_000)
    assert await verifier.caller(token) == EXPECTED
    provider.rotate("k-2")
    with pytest.raises(Unauthorized):
        await verifier.caller(provider.token("k-2"))
    await provider.clock.move(7_000)
    with pytest.raises(CheckUnavailable):
        await verifier.caller(token)
    await provider.start()
    await provider.clock.move(6)
    assert await verifier.caller(token) == EXPECTED


async def test_while_a_provider_hangs_callers_with_known_keys_do_not_wait_for_it(
    provider: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    verifier, asked, hanging = provider.verifier(tmp_path), [0], asyncio.Event()
    token = provider.token("k-1")
    await verifier.caller(token)

    async def away(url: str) -> bytes:
        asked[0] += 1
        if asked[0] > 1:
            await hanging.wait()
        raise TimeoutError

    monkeypatch.setattr("libs.edge.discovery.fetch", away)
    await provider.clock.move(400)
    assert await verifier.caller(token) == EXPECTED
    await provider.clock.move(6)
    first = asyncio.create_task(verifier.caller(token))
    await settle()
    assert asked[0] == 2
    for _ in range(5):
        assert await verifier.caller(token) == EXPECTED
    assert not first.done()
    hanging.set()
    assert await first == EXPECTED
    assert asked[0] == 2


async def test_where_the_keys_are_is_asked_again_when_they_are_not_there_any_more(
    provider: StandIn, tmp_path: Path
) -> None:
    verifier = provider.verifier(tmp_path, jwks_retry_s=0)
    await verifier.caller(provider.token("k-1"))
    provider.rotate("k-2")
    provider.answers["/realms/acme/certs"] = web.Response(status=410)
    provider.document = {"jwks_uri": f"{provider.issuer}/../moved"}
    with pytest.raises(Unauthorized):
        await verifier.caller(provider.token("k-2"))
    del provider.answers["/realms/acme/certs"]
    provider.document = {}
    assert await verifier.caller(provider.token("k-2")) == EXPECTED


@pytest.mark.parametrize("path", [WELL_KNOWN, "/realms/acme/certs"])
@pytest.mark.parametrize(
    ("answer", "headers"),
    [
        (b"not JSON", {}), (b"[]", {}), (b"{}", {}), (b"", {}), (b"{" * 100_000, {}), (b" " * 300_000, {}),
        (b"\x1f\x8b\x08\x00", {"Content-Encoding": "gzip"}), (404, {}), (500, {}),
        (302, {"Location": "http://127.0.0.1:1/elsewhere"}), (302, {"Location": "/realms/acme/other"}),
    ],
)  # fmt: skip
async def test_an_answer_that_cannot_be_used_lets_nobody_in(
    provider: StandIn, tmp_path: Path, path: str, answer: bytes | int, headers: dict[str, str]
) -> None:
    body, status = (answer, 200) if isinstance(answer, bytes) else (b"", answer)
    provider.answers[path] = web.Response(body=body, status=status, headers=headers)
    with pytest.raises(CheckUnavailable):
        await provider.verifier(tmp_path).caller(provider.token("k-1"))
    assert "/realms/acme/other" not in provider.asked


@pytest.mark.parametrize(
    "said",
    [
        {"issuer": "http://127.0.0.1:1/realms/acme"}, {"issuer": None}, {"jwks_uri": None}, {"jwks_uri": 7},
        {"jwks_uri": "file:///etc/passwd"}, {"jwks_uri": "/certs"}, {"jwks_uri": "gopher://127.0.0.1/"},
    ],
)  # fmt: skip
async def test_a_document_of_another_issuer_or_without_an_address_of_keys_is_not_believed(
    provider: StandIn, tmp_path: Path, said: dict[str, Any]
) -> None:
    provider.document = said
    with pytest.raises(CheckUnavailable):
        await provider.verifier(tmp_path).caller(provider.token("k-1"))
    assert provider.asked == [WELL_KNOWN]


def test_an_issuer_must_be_equal_to_the_letter_and_keys_of_one_behind_tls_are_behind_tls() -> None:
    said = {"issuer": "https://id.example", "jwks_uri": "https://keys.example/jwks"}
    assert keys_address(json.dumps(said).encode(), "https://id.example") == "https://keys.example/jwks"
    for issuer, changed in (
        ("https://id.example/", {}),
        ("https://id.example", {"jwks_uri": "http://id.example/jwks"}),
    ):
        with pytest.raises(ValueError, match=r"issuer's|TLS"):
            keys_address(json.dumps({**said, **changed}).encode(), issuer)


def test_a_given_jwks_counts_more_than_the_provider_and_an_issuer_that_is_no_address_has_none(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    assert not settings.has_provider
    assert settings.having(issuer="https://id.example").has_provider
    assert not settings.having(issuer="https://id.example", jwks="/etc/keys.json").has_provider
    with pytest.raises(SettingsInvalid, match="CARTULARY_ISSUER"):
        settings.having(issuer="ftp://id.example")
