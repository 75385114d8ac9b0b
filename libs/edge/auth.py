"""Who is calling: a JWT verified against the issuer's keys; every request has an actor."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple

import jwt
from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from jwt.exceptions import PyJWTError
from jwt.types import Options

from libs.edge.discovery import Provider
from libs.edge.keyset import KeySet
from libs.edge.permissions import DISTRIBUTOR, ROLES
from libs.edge.settings import Settings
from libs.edge.tokens import NoToken, opened
from libs.kernel.envelope import Actor
from libs.kernel.errors import CartularyError
from libs.ports import Clock, Scope
from libs.rules.records import SYSTEM_TENANT

# The end of the year 9999, in seconds of Unix.
_LAST_TIME = 253_402_300_799
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


class ClaimNames(NamedTuple):
    """Where a token says who its subject is: names of claims, or dotted paths to them (`realm_access.roles`)."""

    role: str = "role"
    tenant: str = "tenant"
    distributor: str = "distributor"
    on_behalf_of: str = "on_behalf_of"


CLAIMS = ClaimNames()


class Verifier:
    """Turns a bearer token into a caller."""

    def __init__(
        self, keys: KeySet, clock: Clock, issuer: str, audience: str, leeway_s: float,
        names: ClaimNames = CLAIMS,
    ) -> None:  # fmt: skip
        self._keys, self._clock, self._names = keys, clock, names
        self._issuer, self._audience, self._leeway_s = issuer, audience, leeway_s

    @staticmethod
    def of(settings: Settings, clock: Clock) -> Verifier:
        """The verifier that the settings describe: keys of a JWKS, of an OpenID provider, or of the local issuer."""
        source: str | Callable[[], Awaitable[bytes]] = settings.jwks_source
        if settings.has_provider:
            source = Provider(settings.issuer, clock, settings.jwks_cache_s).jwks
        keys = KeySet(source, clock, settings.jwks_cache_s, settings.jwks_retry_s)
        names = ClaimNames(
            settings.role_claim, settings.tenant_claim, settings.distributor_claim, settings.on_behalf_of_claim
        )
        return Verifier(keys, clock, settings.issuer, settings.audience, settings.token_leeway_s, names)

    async def caller(self, token: str) -> Caller:
        """The caller of a token; raises Unauthorized, or CheckUnavailable without the issuer's keys."""
        try:
            said = opened(token)
        except NoToken as error:
            raise Unauthorized(str(error)) from None
        key = await self._keys.key(said.kid)
        if key is None:
            raise Unauthorized("the token's key is not the issuer's")
        if said.algorithm != key.algorithm:
            raise Unauthorized("the token's algorithm is not its key's")
        try:
            claims = jwt.decode(
                token, key.key, algorithms=[key.algorithm], issuer=self._issuer, audience=self._audience,
                options=_OPTIONS,
            )  # fmt: skip
        except (PyJWTError, ValueError, OverflowError) as error:
            raise Unauthorized(f"the token is not valid: {type(error).__name__}") from None
        self._check_times(claims)
        return checked_identity(claims, self._names)

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
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _LAST_TIME:
        raise Unauthorized(f"the claim {name} is no time")
    return float(value)


def checked_identity(claims: Mapping[str, Any], names: ClaimNames = CLAIMS) -> Caller:
    """The caller that a token's claims describe; raises Unauthorized naming the claim that is not of its form."""
    tenant = _text(claims, names.tenant, _WORD)
    if tenant == SYSTEM_TENANT:
        raise Unauthorized(f"the claim {names.tenant} is reserved")
    on_behalf_of, distributor = names.on_behalf_of, names.distributor
    role = _role(claims, names.role)
    actor = Actor(
        _text(claims, "sub", _SUBJECT),
        role,
        _text(claims, on_behalf_of, _SUBJECT) if _claim(claims, on_behalf_of) is not None else None,
        _text(claims, distributor, _WORD) if _claim(claims, distributor) is not None else None,
    )
    if role == DISTRIBUTOR and actor.distributor is None:
        raise Unauthorized(f"the role {DISTRIBUTOR} needs the claim {distributor}")
    return Caller(actor, tenant)


def _claim(claims: Mapping[str, Any], name: str) -> Any:
    """The claim of this name, which may hold dots itself, or at this path; None where there is none."""
    if name in claims:
        return claims[name]
    value: Any = claims
    for part in name.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _text(claims: Mapping[str, Any], name: str, form: re.Pattern[str]) -> str:
    value = _claim(claims, name)
    if not isinstance(value, str) or not form.fullmatch(value):
        raise Unauthorized(f"the claim {name} is missing or not of its form")
    return value


def _role(claims: Mapping[str, Any], name: str) -> str:
    """The one known role of the claim, a text or a list: with two of them nobody could say as what one acts."""
    value = _claim(claims, name)
    given = value if isinstance(value, list) else [value]
    known = {role for role in given if isinstance(role, str) and role in ROLES}
    if len(known) != 1:
        raise Unauthorized(f"the claim {name} must name exactly one of: {', '.join(ROLES)}")
    return known.pop()


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
