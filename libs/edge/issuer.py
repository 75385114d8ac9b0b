"""The local issuer: tokens for laptops and tests; production has an OpenID provider."""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
from datetime import datetime
from pathlib import Path

import jwt
import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from libs.edge.auth import Caller
from libs.kernel.canonical import canonical
from libs.kernel.errors import CartularyError
from libs.kernel.ids import uuid7

DEFAULT_TTL_S = 8 * 3_600


class IssuerUnusable(CartularyError):
    """The local issuer's key cannot be used as it lies there."""

    code = "issuer-unusable"
    title = "The local issuer cannot be used"


class LocalIssuer:
    """An Ed25519 key under `folder` (`signing.key`, 0600) and the JWKS beside it (`jwks.json`)."""

    def __init__(self, folder: Path, issuer: str, audience: str) -> None:
        self._folder, self._issuer, self._audience = folder, issuer, audience
        self._key_file, self.jwks_file = folder / "signing.key", folder / "jwks.json"

    def token(self, caller: Caller, now: datetime, ttl_s: int = DEFAULT_TTL_S) -> str:
        """A signed token for this caller; makes the key and the JWKS at the first time."""
        key, issued, actor = self.ensure(), int(now.timestamp()), caller.actor
        claims = {
            "iss": self._issuer, "aud": self._audience, "iat": issued, "nbf": issued, "exp": issued + ttl_s,
            "jti": str(uuid7(now)), "sub": actor.sub, "role": actor.role, "tenant": caller.tenant,
            "on_behalf_of": actor.on_behalf_of, "distributor": actor.distributor,
        }  # fmt: skip
        present = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(present, key, algorithm="EdDSA", headers={"kid": _jwk(key)["kid"]})

    def ensure(self) -> Ed25519PrivateKey:
        """The signing key, made when there is none; raises IssuerUnusable when others can read it."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not self._key_file.exists():
            self._make_key()
        mode = self._key_file.stat().st_mode
        if mode & 0o077:
            raise IssuerUnusable(f"others can read {self._key_file}: chmod 600 it", value=oct(mode & 0o777))
        key = load_pem_private_key(self._key_file.read_bytes(), None)
        if not isinstance(key, Ed25519PrivateKey):
            raise IssuerUnusable(f"{self._key_file} holds no Ed25519 key")
        self._publish(_jwk(key))
        return key

    def rotate(self) -> None:
        """Sign with a new key from now on; tokens of the old one stay valid until they expire."""
        self.ensure()
        self._key_file.unlink()
        self.ensure()

    def _make_key(self) -> None:
        pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        made = self._folder / f".signing.{secrets.token_hex(8)}"
        _write(made, pem, 0o600)
        try:
            # A link fails when the name is taken: of two processes at once, one key wins for both.
            os.link(made, self._key_file)
        except FileExistsError:
            return
        finally:
            made.unlink()

    def _publish(self, jwk: dict[str, str]) -> None:
        known = orjson.loads(self.jwks_file.read_bytes())["keys"] if self.jwks_file.exists() else []
        if jwk in known:
            return
        made = self._folder / f".jwks.{secrets.token_hex(8)}"
        _write(made, orjson.dumps({"keys": [*known, jwk]}), 0o644)
        made.replace(self.jwks_file)


def _write(path: Path, content: bytes, mode: int) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _jwk(key: Ed25519PrivateKey) -> dict[str, str]:
    raw = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    members = {"crv": "Ed25519", "kty": "OKP", "x": _base64url(raw)}
    # The key id is its RFC 7638 thumbprint.
    thumbprint = _base64url(hashlib.sha256(canonical(members)).digest())
    return {**members, "alg": "EdDSA", "kid": thumbprint, "use": "sig"}


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
