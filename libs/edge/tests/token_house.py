"""An issuer, its verifier and time, and tokens put together by hand."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from libs.edge.auth import Caller, Verifier
from libs.edge.issuer import LocalIssuer
from libs.edge.keyset import KeySet
from libs.edge.tests.sample import ManualClock
from libs.kernel.envelope import Actor

CALLER = Caller(Actor("u-1", "operations", "u-9", "dist-7"), "acme")


class House:
    """An issuer, its verifier, and time."""

    def __init__(self, folder: Path, retry_s: float = 0) -> None:
        self.clock, self.folder = ManualClock(), folder
        self.issuer = LocalIssuer(folder, "cartulary-local", "cartulary")
        self.keys = KeySet(str(self.issuer.jwks_file), self.clock, 300, retry_s)
        self.verifier = Verifier(self.keys, self.clock, "cartulary-local", "cartulary", 5)

    def token(self, caller: Caller = CALLER, ttl_s: int = 600) -> str:
        return self.issuer.token(caller, self.clock.now(), ttl_s)

    def parts(self) -> tuple[dict[str, Any], dict[str, Any], Ed25519PrivateKey]:
        """Header, claims and key of a good token."""
        token = self.token()
        claims = jwt.decode(token, options={"verify_signature": False})
        return jwt.get_unverified_header(token), claims, self.issuer.ensure()


def segment(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def signed(header: dict[str, Any], claims: dict[str, Any], key: Ed25519PrivateKey) -> str:
    text = f"{segment(header)}.{segment(claims)}"
    return text + "." + base64.urlsafe_b64encode(key.sign(text.encode())).rstrip(b"=").decode()


def raw_signed(header: str, claims: str, key: Ed25519PrivateKey) -> str:
    """A token of exactly these texts."""
    text = ".".join(base64.urlsafe_b64encode(part.encode()).rstrip(b"=").decode() for part in (header, claims))
    return text + "." + base64.urlsafe_b64encode(key.sign(text.encode())).rstrip(b"=").decode()
