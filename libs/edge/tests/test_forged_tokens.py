"""Every class of forged token is nobody, and so is a header of another form."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from libs.edge.auth import Unauthorized
from libs.edge.tests.forgeries import FORGERIES, MY_CURVE, MY_RSA, with_claim, with_header
from libs.edge.tests.sample import Sample
from libs.edge.tests.token_house import CALLER, House, raw_signed, segment, signed
from libs.edge.tokens import NoToken, opened


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path / "issuer")


@pytest.mark.parametrize("name", FORGERIES)
async def test_a_forged_token_is_nobody(house: House, name: str) -> None:
    header, claims, key = house.parts()
    token = FORGERIES[name](header, claims, key)
    with pytest.raises(Unauthorized) as refused:
        await house.verifier.caller(token)
    assert not any(part in refused.value.detail for part in token.split(".") if len(part) > 20)


async def test_the_forgers_work_begins_with_a_token_that_counts(house: House) -> None:
    header, claims, key = house.parts()
    for good in (signed(header, claims, key), raw_signed(json.dumps(header), json.dumps(claims), key)):
        assert await house.verifier.caller(good) == CALLER
    for forge in (
        with_claim(aud=["other", "cartulary"]),
        with_header(typ="at+jwt"),
        with_claim(role=["operations", "x"]),
    ):
        assert await house.verifier.caller(forge(header, claims, key)) == CALLER


tokenish = st.text(st.sampled_from("abAB019-_.=+/ \n"), max_size=60)
members = st.dictionaries(st.sampled_from(["kid", "alg", "typ", "sub", "crit"]), st.none() | st.integers() | st.text())
written = st.builds(lambda h, c, s: f"{segment(h)}.{segment(c)}.{segment(s)}", members, members, st.text())


@given(st.text() | tokenish | written)
def test_whatever_stands_in_for_a_token_is_taken_apart_or_refused_by_name(token: str) -> None:
    try:
        said = opened(token)
    except NoToken:
        return
    assert token.isascii()
    assert said.kid


@given(at=st.integers(0, 10_000), letter=st.sampled_from("ABCxyz019-_.=~é \x00"), how=st.sampled_from("cir"))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
async def test_a_token_with_one_letter_changed_put_in_or_taken_out_is_nobody(
    house: House, at: int, letter: str, how: str
) -> None:
    token = house.token()
    place = at % len(token)
    changed = token[:place] + ("" if how == "r" else letter) + token[place + (how != "i") :]
    if changed != token:
        with pytest.raises(Unauthorized):
            await house.verifier.caller(changed)


@pytest.mark.parametrize("named", ["EdDSA", "RS256", "ES256"])
@pytest.mark.parametrize("signs", ["EdDSA", "RS256", "ES256", "PS256", "ES384"])
async def test_a_key_verifies_by_its_own_algorithm_only(house: House, named: str, signs: str) -> None:
    """Each of the issuer's own keys, under the id of each of the others and by each of the others' algorithms."""
    _, claims, ed = house.parts()
    keys: dict[str, Any] = {"EdDSA": ed, "RS256": MY_RSA, "ES256": MY_CURVE}
    jwks = json.loads(house.issuer.jwks_file.read_bytes())["keys"]
    ids = {"EdDSA": jwks[0]["kid"], "RS256": "r", "ES256": "e"}
    jwks.append({**json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(MY_RSA.public_key())), "kid": "r"})
    jwks.append({**json.loads(jwt.algorithms.ECAlgorithm.to_jwk(MY_CURVE.public_key())), "kid": "e"})
    house.issuer.jwks_file.write_text(json.dumps({"keys": jwks}))
    other: dict[str, Any] = {"PS256": MY_RSA, "ES384": ec.generate_private_key(ec.SECP384R1())}
    token = jwt.encode(claims, keys.get(signs) or other[signs], signs, {"kid": ids[named]})
    if named == signs:
        assert await house.verifier.caller(token) == CALLER
    else:
        with pytest.raises(Unauthorized):
            await house.verifier.caller(token)


@pytest.mark.parametrize(
    "given",
    [
        lambda good: [f"Bearer {good}", f"Bearer {good}"], lambda good: [f"Bearer {good}, Bearer {good}"],
        lambda good: [f"Bearer {good} {good}"], lambda good: [f"Basic {good}"], lambda good: [f"DPoP {good}"],
        lambda good: [good], lambda good: [f"Token {good}"], lambda good: ["Bearer"], lambda good: ["Bearer "],
        lambda good: [""], lambda good: [f"Bearer\t{good}"], lambda good: [f"Bearer{good}"],
        lambda good: [f"Bearer \t{good}"], lambda good: [f'Bearer "{good}"'], lambda good: [f"Bearer {good}\xe9"],
        lambda good: ["Bearer \xff\xfe"], lambda good: [f"Bearer {good[:-1]}\x00"],
        lambda good: [f"Bearer {'x' * 10_000}"],
    ],
)  # fmt: skip
async def test_a_header_of_another_form_is_nobody(sample: Sample, given: Callable[[str], list[str]]) -> None:
    good = sample.bearer()["Authorization"].removeprefix("Bearer ")
    raw = [(b"Authorization", value.encode("latin-1")) for value in given(good)]
    transport = httpx.ASGITransport(app=sample.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://notes") as client:
        answer = await client.get("/notes", headers=raw)
        assert (answer.status_code, answer.json()["type"]) == (401, "urn:cartulary:problem:unauthorized")
        assert good not in answer.text
        fine = await client.get("/notes", headers={"authorization": f"bearer  {good}"})
        assert fine.status_code == 200
        for elsewhere in ({"params": {"access_token": good}}, {"headers": {"Cookie": f"token={good}"}}):
            assert (await client.get("/notes", **elsewhere)).status_code in {401, 422}  # type: ignore[arg-type]
