"""Rate limits: a token bucket a subject and a tenant, and one an address for tokens that do not count.

Told to every caller by the fields of draft-ietf-httpapi-ratelimit-headers-11. Each process of a service counts for
itself: what several let through together is as many times more.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Hashable, Mapping, Sequence
from ipaddress import IPv6Address, ip_address
from typing import NamedTuple

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from libs.edge import metrics
from libs.edge.settings import Settings
from libs.kernel.errors import CartularyError
from libs.ports import Clock

# Buckets that are kept of each kind, about 200 bytes each; the one that was not asked for longest gives way.
MOST_BUCKETS = 50_000
_STATE = "cartulary_rate"


class QuotaExceeded(CartularyError):
    """More requests than a policy lets through; nothing was done."""

    code = "quota-exceeded"
    status = 429
    title = "Too many requests"

    def __init__(self, violated: Sequence[str], retry_after_s: int) -> None:
        super().__init__(f"more requests than the policy {' and '.join(violated)} lets through; see Retry-After")
        self.violated = list(violated)
        self.headers = {"Retry-After": str(retry_after_s)}

    def as_problem(self) -> dict[str, object]:
        """The problem with the names of the policies that were violated."""
        return {**super().as_problem(), "violated-policies": self.violated}


class Standing(NamedTuple):
    """How a bucket stands: whole requests that are left, and seconds until there is one more."""

    policy: str
    left: int
    more_in_s: int


class Buckets:
    """The buckets of one policy: `burst` requests at once, `per_s` a second from then on."""

    def __init__(self, policy: str, per_s: float, burst: int, clock: Clock, most: int = MOST_BUCKETS) -> None:
        self.policy, self._per_s, self._burst, self._clock, self._most = policy, per_s, burst, clock, most
        # Tokens at a time (monotonic, s); a bucket that is not here is full.
        self._buckets: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    @property
    def advertised(self) -> str:
        """The policy as an item of `RateLimit-Policy`: the burst, and the seconds in which it comes back."""
        return f'"{self.policy}";q={self._burst};w={max(1, math.ceil(self._burst / self._per_s))}'

    def standing(self, key: Hashable) -> Standing:
        """How the bucket stands now."""
        tokens = self._tokens(key)
        missing = 1.0 - tokens if tokens < 1 else 1.0 - tokens % 1
        return Standing(self.policy, int(tokens), max(1, math.ceil(missing / self._per_s)))

    def take(self, key: Hashable) -> None:
        """Take one request out of a bucket that has one."""
        self._buckets[key] = (self._tokens(key) - 1.0, self._clock.monotonic())
        self._buckets.move_to_end(key)
        if len(self._buckets) > self._most:
            self._buckets.popitem(last=False)

    def _tokens(self, key: Hashable) -> float:
        known = self._buckets.get(key)
        if known is None:
            return float(self._burst)
        tokens, at = known
        return min(float(self._burst), tokens + (self._clock.monotonic() - at) * self._per_s)


class Limits:
    """The limits of one service in one process."""

    def __init__(self, service: str, settings: Settings, clock: Clock) -> None:
        self._service = service
        self._subjects = Buckets("subject", settings.rate_subject_per_s, settings.rate_subject_burst, clock)
        self._tenants = Buckets("tenant", settings.rate_tenant_per_s, settings.rate_tenant_burst, clock)
        self._addresses = Buckets("address", settings.rate_address_per_s, settings.rate_address_burst, clock)

    def admit(self, scope: Scope, tenant: str, sub: str) -> None:
        """Count a request of an authenticated subject; raises QuotaExceeded, and then counts nothing."""
        self._count(scope, ((self._subjects, (tenant, sub)), (self._tenants, tenant)))

    def failed(self, scope: Scope) -> None:
        """Count a request whose authentication failed, by its address; raises QuotaExceeded."""
        client = scope.get("client")
        self._count(scope, ((self._addresses, _network(client[0] if client else "")),))

    def _count(self, scope: Scope, of: Sequence[tuple[Buckets, Hashable]]) -> None:
        empty = [standing for buckets, key in of if (standing := buckets.standing(key)).left < 1]
        if not empty:
            for buckets, key in of:
                buckets.take(key)
        stands = [buckets.standing(key) for buckets, key in of]
        scope.setdefault("state", {})[_STATE] = {
            "RateLimit-Policy": ", ".join(buckets.advertised for buckets, _ in of),
            "RateLimit": ", ".join(f'"{s.policy}";r={s.left};t={s.more_in_s}' for s in stands),
        }
        if empty:
            for standing in empty:
                metrics.LIMITED.labels(self._service, standing.policy).inc()
            raise QuotaExceeded([standing.policy for standing in empty], max(s.more_in_s for s in empty))


def _network(address: str) -> str:
    """Whom an address is counted for: itself, or its /64, of which one caller may have every address."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is None:
        return str(IPv6Address(int(parsed) >> 64 << 64))
    return str(parsed)


class RateLimitFields:
    """ASGI middleware: tells on every answer to a counted request how the caller's buckets stand."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve, with the fields on the answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state = scope.setdefault("state", {})

        async def told(message: Message) -> None:
            fields: Mapping[str, str] | None = state.get(_STATE)
            if message["type"] == "http.response.start" and fields:
                MutableHeaders(scope=message).update(fields)
            await send(message)

        await self._app(scope, receive, told)
