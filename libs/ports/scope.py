"""Whose records a question may see: a tenant's, and of those a distributor's only where it is bound to one (TA-I-8)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scope:
    """A tenant, and the distributor whose rows alone are seen; None sees all rows of the tenant."""

    tenant: str
    distributor: str | None = None
