"""Who is calling: a JWT verified against the issuer's keys; every request has an actor."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import jwt
from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from jwt.exceptions import PyJWTError
from jwt.types import Options

from libs.edge.keyset import KeySet
from libs.edge.permissions import DISTRIBUTOR, ROLES
from libs.edge.settings import Settings
from libs.kernel.envelope import Actor
from libs.kernel.errors import CartularyError
from libs.ports import Clock, Scope
from libs.runtime.records import SYSTEM_TENANT

_MAX_TOKEN = 8_192
# Pseudonyms only: no `@`, no blank, so neither an e-mail nor a name reaches the ledger (invariant 6).
_SUBJECT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:|-]{0,127}")
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class Unauthorized(CartularyError):
    """The request carries no token, or one that does not count."""

    code = "unauthorized"
    status = 401
    title = "A valid token is needed"
    headers: Mapping[str, str] = {"WWW-Authenticate": 'Bearer realm="cartulary", error="invalid_token"'}


@dataclass(frozen=True, slots=True)
class Caller:
    """A verified caller: who acts (bound to a distributor's accounts, if to one's), and for which tenant."""

    actor: Actor
    tenant: str

    @property
    def distributor(self) -> str | None:
        """The distributor whose accounts alone the caller sees; None for one who sees the tenant's."""
        return self.actor.distributor

    @property
    def scope(self) -> Scope:
        """Whose rows the caller's questions see (TA-I-8)."""
        return Scope(self.tenant, self.actor.distributor)


class Verifier:
    """Turns a bearer token into a caller."""

    def __init__(self, keys: KeySet, clock: Clock, issuer: str, audience: str, leeway_s: float) -> None:
        self._keys, self._clock = keys, clock
        self._issuer, self._audience, self._leeway_s = issuer, audience, leeway_s

    @staticmethod
    def of(settings: Settings, clock: Clock) -> Verifier:
        """The verifier that the settings describe."""
        keys = KeySet(settings.jwks_source, clock, settings.jwks_cache_s, settings.jwks_retry_s)
        return Verifier(keys, clock, settings.issuer, settings.audience, settings.token_leeway_s)

    async def caller(self, token: str) -> Caller:
        """The caller of a token; raises Unauthorized, or CheckUnavailable without the issuer's keys."""
        if len(token) > _MAX_TOKEN or not token.isascii():
            raise Unauthorized("the token is no JWT")
        try:
            header = jwt.get_unverified_header(token)
        except PyJWTError:
            raise Unauthorized("the token is no JWT") from None
        kid = header.get("kid")
        if not isinstance(kid, str) or "crit" in header:
            raise Unauthorized("the token names no key")
        key = await self._keys.key(kid)
        if key is None:
            raise Unauthorized("the token's key is not the issuer's")
        if header.get("alg") != key.algorithm:
            raise Unauthorized("the token's algorithm is not its key's")
        try:
            claims = jwt.decode(
                token, key.key, algorithms=[key.algorithm], issuer=self._issuer, audience=self._audience,
                options=_OPTIONS,
            )  # fmt: skip
        except PyJWTError as error:
            raise Unauthorized(f"the token is not valid: {type(error).__name__}") from None
        self._check_times(claims)
        return checked_identity(claims)

    def _check_times(self, claims: Mapping[str, Any]) -> None:
        now = self._clock.now().timestamp()
        if _seconds(claims, "exp") + self._leeway_s <= now:
            raise Unauthorized("the token has expired")
        for name in ("nbf", "iat"):
            if name in claims and _seconds(claims, name) - self._leeway_s > now:
                raise Unauthorized("the token is not valid yet")


# Times are checked by our clock; PyJWT would read the machine's.
_OPTIONS: Options = {
    "require": ["exp", "iss", "aud", "sub"],
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
}


def _seconds(claims: Mapping[str, Any], name: str) -> float:
    value = claims[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise Unauthorized(f"the claim {name} is no time")
    return float(value)


def checked_identity(claims: Mapping[str, Any]) -> Caller:
    """The caller that a token's claims describe; raises Unauthorized naming the claim that is not of its form."""
    tenant = _text(claims, "tenant", _WORD)
    if tenant == SYSTEM_TENANT:
        raise Unauthorized("the claim tenant is reserved")
    on_behalf_of = _text(claims, "on_behalf_of", _SUBJECT) if claims.get("on_behalf_of") is not None else None
    distributor = _text(claims, "distributor", _WORD) if claims.get("distributor") is not None else None
    role = _text(claims, "role", _WORD)
    if role not in ROLES:
        raise Unauthorized(f"the claim role names none of: {', '.join(ROLES)}")
    if role == DISTRIBUTOR and distributor is None:
        raise Unauthorized("the role distributor needs the claim distributor")
    return Caller(Actor(_text(claims, "sub", _SUBJECT), role, on_behalf_of, distributor), tenant)


def _text(claims: Mapping[str, Any], name: str, form: re.Pattern[str]) -> str:
    value = claims.get(name)
    if not isinstance(value, str) or not form.fullmatch(value):
        raise Unauthorized(f"the claim {name} is missing or not of its form")
    return value


_bearer = HTTPBearer(
    auto_error=False, scheme_name="token", bearerFormat="JWT", description="`cartulary token` prints one."
)


async def authenticated(
    request: Request, documented: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)] = None
) -> Caller:
    """FastAPI dependency: the caller of this request; raises Unauthorized."""
    known = getattr(request.state, "caller", None)
    if isinstance(known, Caller):
        return known
    given = request.headers.getlist("authorization")
    scheme, _, token = given[0].partition(" ") if len(given) == 1 else ("", "", "")
    edge = request.app.state.edge
    verifier: Verifier = edge.verifier
    try:
        if scheme.lower() != "bearer" or not token.strip(" "):
            raise Unauthorized("send one header `Authorization: Bearer <token>`")
        caller = await verifier.caller(token.strip(" "))
    except Unauthorized:
        edge.limits.failed(request.scope)
        raise
    edge.limits.admit(request.scope, caller.tenant, caller.actor.sub)
    request.state.caller = caller
    return caller


CallerOf = Annotated[Caller, Depends(authenticated)]
