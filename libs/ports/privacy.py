"""The Privacy port: the keys of data subjects, while commands are decided (ledger.md, "Personal data")."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any, Protocol

from libs.kernel.personal import Term


class Ring(Protocol):
    """The keys of some data subjects of one tenant; sealing for one without a key makes it."""

    def seal(self, data: dict[str, Any], type_name: str, stream: str, version: int) -> dict[str, Any]:
        """The event's data with every clear leaf sealed; raises SubjectErased for an erased subject."""
        ...

    def open(self, data: dict[str, Any], type_name: str, stream: str, version: int) -> dict[str, Any]:
        """The event's data with every sealed leaf clear, or erased; raises what tells a false seal."""
        ...

    def index(self, subject: str, terms: Iterable[Term]) -> None:
        """What the subject can be searched by from now on."""
        ...


class Privacy(Protocol):
    """The key store."""

    async def ring(self, tenant: str, subjects: Collection[str]) -> Ring:
        """The keys of these subjects; raises CheckUnavailable when the key store is away (invariant 11)."""
        ...

    async def erase(self, tenant: str, subject: str, at: datetime) -> None:
        """A tombstone, then the destruction of key, tokens and documents; again it changes nothing."""
        ...

    async def keep(self, ring: Any) -> None:
        """Store the keys and search tokens that one of its rings made, before the events that need them are stored.

        Raises Conflict when another writer made a key for one of the subjects, CheckUnavailable.
        """
        ...
