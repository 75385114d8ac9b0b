"""The Privacy port over a simulated key store: what it stored stands, though its answer may be lost."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from libs.kernel.errors import CheckUnavailable, Conflict
from libs.testkit.sim.world import Node, World
from libs.vault.ring import HELD_S, Held, Ring
from libs.vault.sealing import DataKey

Subject = tuple[str, str]


def _away() -> CheckUnavailable:
    return CheckUnavailable("the simulated key store did not answer")


class SimKeys:
    """The durable half: keys by tenant and subject, None for an erased one; it outlives every node."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.held: dict[Subject, DataKey | None] = {}
        self.terms: dict[Subject, set[str]] = {}


class SimVault:
    """A node's way to the key store; see the port. It has no cache: each ring is read anew."""

    def __init__(self, keys: SimKeys, node: Node) -> None:
        self._keys, self._node = keys, node

    async def ring(self, tenant: str, subjects: Collection[str]) -> Ring:
        """See Privacy.ring."""
        await self._node.ask("vault.ring", _away())
        held: dict[str, Held] = {s: self._keys.held[tenant, s] for s in subjects if (tenant, s) in self._keys.held}
        clock = self._keys.world.elapsed
        ring = Ring(tenant, subjects, held, clock() + HELD_S, clock)
        await self._node.answer("vault.ring", _away())
        return ring

    async def keep(self, ring: Ring) -> None:
        """See Privacy.keep."""
        if not ring.made and not ring.terms:
            return
        await self._node.ask("vault.keep", _away())
        places = {(ring.tenant, subject): key for subject, key in ring.made.items()}
        if self._keys.held.keys() & places.keys():
            raise Conflict("another writer made a key for one of these subjects")
        self._keys.held |= places
        for subject, terms in ring.terms.items():
            self._keys.terms.setdefault((ring.tenant, subject), set()).update(term.text for term in terms)
        ring.kept()
        await self._node.answer("vault.keep", _away())

    async def erase(self, tenant: str, subject: str, at: datetime) -> None:
        """See Privacy.erase."""
        await self._node.ask("vault.erase", _away())
        self._keys.held[tenant, subject] = None
        self._keys.terms.pop((tenant, subject), None)
        await self._node.answer("vault.erase", _away())
