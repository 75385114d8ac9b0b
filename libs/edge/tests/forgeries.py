"""Forged tokens, by class: RFC 8725, and what was ever tried against verifiers of JWTs."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from libs.edge.tests.token_house import raw_signed, segment, signed

Forge = Callable[[dict[str, Any], dict[str, Any], Ed25519PrivateKey], str]
MINE = Ed25519PrivateKey.generate()
MY_RSA = rsa.generate_private_key(65537, 2048)
MY_CURVE = ec.generate_private_key(ec.SECP256R1())
MY_X = base64.urlsafe_b64encode(MINE.public_key().public_bytes_raw()).rstrip(b"=").decode()
MY_JWK = {"kty": "OKP", "crv": "Ed25519", "x": MY_X}


def by_hmac(secret: Callable[[Ed25519PrivateKey], bytes], algorithm: str = "HS256") -> Forge:
    """The public key as a shared secret: the classic confusion."""

    def forge(header: dict[str, Any], claims: dict[str, Any], key: Ed25519PrivateKey) -> str:
        text = f"{segment({**header, 'alg': algorithm})}.{segment(claims)}"
        mac = hmac.new(secret(key), text.encode(), getattr(hashlib, "sha" + algorithm[2:])).digest()
        return text + "." + base64.urlsafe_b64encode(mac).rstrip(b"=").decode()

    return forge


def public(encoding: Encoding, form: PublicFormat) -> Callable[[Ed25519PrivateKey], bytes]:
    return lambda key: key.public_key().public_bytes(encoding, form)


def with_claim(**changed: Any) -> Forge:
    def forge(header: dict[str, Any], claims: dict[str, Any], key: Ed25519PrivateKey) -> str:
        return signed(header, {n: v for n, v in {**claims, **changed}.items() if v is not None}, key)

    return forge


def with_header(**changed: Any) -> Forge:
    return lambda header, claims, key: signed(
        {n: v for n, v in {**header, **changed}.items() if v is not None}, claims, key
    )


def by_my_key(**changed: Any) -> Forge:
    """Signed by a key of the forger's that the token itself brings or names."""
    return lambda header, claims, key: signed({**header, **changed}, claims, MINE)


def none_of(spelling: str, signature: str = "") -> Forge:
    return lambda header, claims, key: f"{segment({**header, 'alg': spelling})}.{segment(claims)}.{signature}"


def twice(name: str, first: Any) -> Forge:
    """The claim twice, by the issuer's own key: readers would disagree on which one counts."""

    def forge(header: dict[str, Any], claims: dict[str, Any], key: Ed25519PrivateKey) -> str:
        return raw_signed(
            json.dumps(header), f"{{{json.dumps(name)}: {json.dumps(first)}, {json.dumps(claims)[1:]}", key
        )

    return forge


def raw_claim(name: str, text: str) -> Forge:
    """A claim in a spelling that `json.dumps` would not give it."""

    def forge(header: dict[str, Any], claims: dict[str, Any], key: Ed25519PrivateKey) -> str:
        others = json.dumps({n: v for n, v in claims.items() if n != name})
        return raw_signed(json.dumps(header), f"{{{json.dumps(name)}: {text}, {others[1:]}", key)

    return forge


def cut(length: int) -> Forge:
    return lambda header, claims, key: signed(header, claims, key)[:-length]


def with_signature_of(
    header: dict[str, Any], of: dict[str, Any], claims: dict[str, Any], key: Ed25519PrivateKey
) -> str:
    """The claims under the signature of others."""
    return f"{segment(header)}.{segment(claims)}.{signed(header, of, key).rpartition('.')[2]}"


def flipped(header: dict[str, Any], claims: dict[str, Any], key: Ed25519PrivateKey) -> str:
    text, _, signature = signed(header, claims, key).rpartition(".")
    return f"{text}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}"


def other_spelling(header: dict[str, Any], claims: dict[str, Any], key: Ed25519PrivateKey) -> str:
    """The same signature with its unused last bits set: another text that decodes to the same bytes."""
    token = signed(header, claims, key)
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return token[:-1] + letters[letters.index(token[-1]) + 1]


NUMBERS = {
    "NaN": "NaN",
    "endless": "1e999",
    "minus endless": "-Infinity",
    "text": '"tomorrow"',
    "true": "true",
    "huge": "9" * 400,
    "of 5,000 digits": "9" * 5_000,
    "after the year 9999": "253402300800",
    "a list": "[4102444800]",
    "below zero": "-1",
    "an object": "{}",
}

FORGERIES: dict[str, Forge] = {
    **{f"alg {spelling!r}": none_of(spelling) for spelling in ("none", "None", "NONE", "nOnE", "none ", "")},
    **{f"alg {spelling!r} with a signature": none_of(spelling, "c2ln") for spelling in ("none", "NONE")},
    "alg none, signed": with_header(alg="none"),
    "no alg": with_header(alg=None),
    "alg a list": with_header(alg=["EdDSA"]),
    "HS256, public key raw": by_hmac(public(Encoding.Raw, PublicFormat.Raw)),
    "HS256, public key PEM": by_hmac(public(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)),
    "HS256, public key DER": by_hmac(public(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)),
    "HS512, public key PEM": by_hmac(public(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo), "HS512"),
    "HS256, empty secret": by_hmac(lambda key: b""),
    "RS256 under an Ed25519 key id": lambda h, c, k: jwt.encode(c, MY_RSA, "RS256", {"kid": h["kid"]}),
    "PS256 under an Ed25519 key id": lambda h, c, k: jwt.encode(c, MY_RSA, "PS256", {"kid": h["kid"]}),
    "ES256 under an Ed25519 key id": lambda h, c, k: jwt.encode(c, MY_CURVE, "ES256", {"kid": h["kid"]}),
    "another key under the same id": by_my_key(),
    "no key id": with_header(kid=None),
    "unknown key id": with_header(kid="nobody"),
    "key id a path": by_my_key(kid="../../../../dev/null"),
    "key id SQL": by_my_key(kid="x' union select 'key' --"),
    "key id a command": by_my_key(kid="x|cat /etc/passwd"),
    "key id an address": by_my_key(kid="http://127.0.0.1/jwks"),
    "key id a list": with_header(kid=["x"]),
    "key id a number": with_header(kid=7),
    "key id empty": with_header(kid=""),
    "key id huge": with_header(kid="k" * 4_000),
    "jwk in the header": by_my_key(jwk=MY_JWK, kid="mine"),
    "jwk beside the issuer's key id": by_my_key(jwk=MY_JWK),
    "jku in the header": by_my_key(jku="http://127.0.0.1:1/jwks"),
    "x5u in the header": by_my_key(x5u="http://127.0.0.1:1/c"),
    "x5c in the header": by_my_key(x5c=["MIIB"]),
    "jku on a good token": with_header(jku="http://127.0.0.1:1/jwks"),
    "critical extension": with_header(crit=["exp"], exp=1),
    "unencoded payload": with_header(b64=False, crit=["b64"]),
    "compressed": with_header(zip="DEF"),
    "a token for logging out": with_header(typ="logout+jwt"),
    "a proof of possession": with_header(typ="dpop+jwt"),
    "another issuer": with_claim(iss="evil"),
    "no issuer": with_claim(iss=None),
    "issuers in a list": with_claim(iss=["cartulary-local", "evil"]),
    "issuer with a slash": with_claim(iss="cartulary-local/"),
    "another audience": with_claim(aud="other"),
    "other audiences": with_claim(aud=["other", "third"]),
    "no audience": with_claim(aud=None),
    "audience a number": with_claim(aud=7),
    "audience a beginning of ours": with_claim(aud="cartular"),
    "no audience in a list": with_claim(aud=[]),
    "audience with a number": with_claim(aud=["cartulary", 7]),
    "expired": with_claim(exp=1_600_000_000),
    "no expiry": with_claim(exp=None),
    **{f"expiry {name}": raw_claim("exp", text) for name, text in NUMBERS.items()},
    **{f"not before {name}": raw_claim("nbf", text) for name, text in NUMBERS.items()},
    **{f"issued at {name}": raw_claim("iat", text) for name, text in NUMBERS.items()},
    "not valid yet": with_claim(nbf=4_000_000_000),
    "issued in the future": with_claim(iat=4_000_000_000),
    "no subject": with_claim(sub=None),
    "an e-mail as subject": with_claim(sub="ann@example.com"),
    "a name as subject": with_claim(sub="Ann Smith"),
    "an empty subject": with_claim(sub=""),
    "a blank at the end": with_claim(sub="u-1 "),
    "a line in the subject": with_claim(sub="u-1\n"),
    "a subject that is no text": with_claim(sub=7),
    "a subject of 1,000 characters": with_claim(sub="u" * 1_000),
    "a NUL in the subject": with_claim(sub="u\x00"),
    "no tenant": with_claim(tenant=None),
    "the runtime's own tenant": with_claim(tenant="cartulary"),
    "a tenant with a slash": with_claim(tenant="a/b"),
    "a tenant that is SQL": with_claim(tenant="acme' or 'a'='a"),
    "two tenants": with_claim(tenant=["acme", "other"]),
    "an empty tenant": with_claim(tenant=""),
    "no role": with_claim(role=None),
    "an unknown role": with_claim(role="admin"),
    "a role in capitals": with_claim(role="Operations"),
    "two roles": with_claim(role=["operations", "compliance"]),
    "no role in a list": with_claim(role=[]),
    "a role in an object": with_claim(role={"operations": True}),
    "the services' own role": with_claim(role="service"),
    "a distributor of no distributor": with_claim(role="distributor", distributor=None),
    "an empty distributor": with_claim(distributor=""),
    "two distributors": with_claim(distributor=["d-1", "d-2"]),
    "a distributor that is SQL": with_claim(distributor="' or ''='"),
    "a person as principal": with_claim(on_behalf_of="ann@example.com"),
    **{
        f"{name} twice": twice(name, first)
        for name, first in (
            ("sub", "u-2"),
            ("role", "compliance"),
            ("tenant", "other"),
            ("exp", 4_102_444_800),
            ("iss", "evil"),
            ("aud", "x"),
        )
    },
    "kid twice": lambda h, c, k: raw_signed('{"kid": "x", ' + json.dumps(h)[1:], json.dumps(c), k),
    "alg twice": lambda h, c, k: raw_signed('{"alg": "none", ' + json.dumps(h)[1:], json.dumps(c), k),
    "signature stripped": lambda h, c, k: signed(h, c, k).rpartition(".")[0] + ".",
    "no signature part": lambda h, c, k: signed(h, c, k).rpartition(".")[0],
    "signature cut": cut(4),
    "signature cut to nothing": cut(86),
    "signature changed": flipped,
    "signature in another spelling": other_spelling,
    "signature of another token": lambda h, c, k: with_signature_of(h, {**c, "jti": "x"}, c, k),
    "payload changed": lambda h, c, k: with_signature_of(h, c, {**c, "role": "compliance"}, k),
    "no JWT at all": lambda h, c, k: "x",
    "nothing": lambda h, c, k: "",
    "dots": lambda h, c, k: "..",
    "not ASCII": lambda h, c, k: signed(h, c, k) + "é",
    "white space inside": lambda h, c, k: signed(h, c, k).replace(".", " ."),
    "padded": lambda h, c, k: signed(h, c, k) + "==",
    "five parts, encrypted": lambda h, c, k: f"{segment({**h, 'alg': 'dir', 'enc': 'A256GCM'})}..{segment(c)}.eA.eA",
    "a token in a token": lambda h, c, k: raw_signed(json.dumps({**h, "cty": "JWT"}), json.dumps(signed(h, c, k)), k),
    "10 kB": lambda h, c, k: signed(h, {**c, "pad": "x" * 10_000}, k),
    "claims a list": lambda h, c, k: raw_signed(json.dumps(h), "[]", k),
    "claims not JSON": lambda h, c, k: raw_signed(json.dumps(h), "{", k),
    "header a list": lambda h, c, k: raw_signed("[]", json.dumps(c), k),
    "claims 2,000 deep": lambda h, c, k: raw_signed(json.dumps(h), '{"a":' + "[" * 2_000 + "]" * 2_000 + "}", k),
    "header 2,000 deep": lambda h, c, k: raw_signed('{"a":' + "[" * 2_000 + "]" * 2_000 + "}", json.dumps(c), k),
}
