"""A ring: the keys of some data subjects while commands are decided; and the cache that forgets within a minute."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from libs.kernel.errors import CartularyError
from libs.kernel.personal import Term
from libs.vault.errors import KeyMissing, RingExpired, SubjectErased
from libs.vault.rows import kept_place
from libs.vault.sealing import DataKey, Place, open_leaf, open_leaves, seal_leaves

Monotonic = Callable[[], float]

# A key leaves the cache after the first half of the minute and its last ring after the second, so that nothing opens
# 60 s after an erasure (ledger.md, "Personal data").
CACHED_S = 30.0
HELD_S = 30.0

# A key, None for an erased subject, or why the subject's key cannot be used.
Held = DataKey | CartularyError | None


class NotInRing(CartularyError):
    """A subject's key was asked of a ring that was not made for the subject; a fault of the caller."""

    code = "not-in-ring"


class Ring:
    """The keys of some data subjects of one tenant, for at most half a minute; sealing makes a key where none is.

    Implements the Ring of the Privacy port. `held` lacks the subjects that have neither key nor tombstone.
    """

    def __init__(
        self, tenant: str, subjects: Collection[str], held: Mapping[str, Held], until: float, monotonic: Monotonic
    ) -> None:
        self.tenant = tenant
        self._subjects = frozenset(subjects)
        self._held = dict(held)
        self._until, self._monotonic = until, monotonic
        self.made: dict[str, DataKey] = {}
        self.terms: dict[str, set[Term]] = {}

    def seal(self, data: Mapping[str, Any], type_name: str, stream: str, version: int) -> dict[str, Any]:
        """The data with every clear leaf sealed; raises SubjectErased, AlreadySealed, RingExpired, InvalidValue."""
        return seal_leaves(data, Place(self.tenant, type_name, stream, version), self.key_to_seal)

    def open(self, data: Mapping[str, Any], type_name: str, stream: str, version: int) -> dict[str, Any]:
        """The data with every sealed leaf clear, or erased; raises SealBroken, KeyMissing, RingExpired."""
        return open_leaves(data, Place(self.tenant, type_name, stream, version), self.key_to_open)

    def open_kept(self, kept: Mapping[str, Any]) -> dict[str, Any]:
        """A value of a read table, clear or erased; raises as `open`."""
        if "erased" in kept:
            return dict(kept)
        place, field, leaf = kept_place(self.tenant, kept)
        return open_leaf(leaf, field, place, self.key_to_open)

    def index(self, subject: str, terms: Iterable[Term]) -> None:
        """What the subject can be searched by from now on, beside what it could before; raises SubjectErased."""
        if found := {term for term in terms if term.text}:
            self.key_to_seal(subject)
            self.terms.setdefault(subject, set()).update(found)

    def key_to_seal(self, subject: str) -> DataKey:
        """The subject's key, made when there is none; raises SubjectErased."""
        key = self._key(subject)
        if key is None:
            if subject in self._held:
                raise SubjectErased("the data subject was erased; nothing is kept of it again", field="subject")
            key = self.made[subject] = DataKey.fresh()
        return key

    def key_to_open(self, subject: str) -> DataKey | None:
        """The subject's key, None when it was erased; raises KeyMissing."""
        key = self._key(subject)
        if key is None and subject not in self._held:
            raise KeyMissing(
                "a value is sealed under a key that the key store does not have; run: cartulary vault restore",
                field="subject",
            )
        return key

    def kept(self) -> None:
        """What was made is stored; the ring goes on with it."""
        self._held |= self.made
        self.made, self.terms = {}, {}

    def _key(self, subject: str) -> DataKey | None:
        if subject not in self._subjects:
            raise NotInRing("the ring was not made for this data subject", field="subject")
        if self._monotonic() >= self._until:
            raise RingExpired(f"keys are held for {HELD_S:.0f} s at most")
        found = self._held.get(subject, self.made.get(subject))
        if isinstance(found, CartularyError):
            raise found
        return found


class KeyCache:
    """The newest `size` keys, each for half a minute after it was read."""

    def __init__(self, size: int, monotonic: Monotonic) -> None:
        self._size, self._monotonic = size, monotonic
        self._keys: dict[tuple[str, str], tuple[float, DataKey]] = {}

    def __len__(self) -> int:
        return len(self._keys)

    def get(self, tenant: str, subject: str) -> DataKey | None:
        """The key, unless it was read too long ago."""
        found = self._keys.get((tenant, subject))
        if found is None:
            return None
        until, key = found
        if self._monotonic() < until:
            return key
        del self._keys[tenant, subject]
        return None

    def put(self, tenant: str, keys: Mapping[str, DataKey], read_at: float) -> None:
        """Remember keys that were asked for at `read_at` (monotonic seconds)."""
        for subject, key in keys.items():
            self._keys.pop((tenant, subject), None)
            self._keys[tenant, subject] = (read_at + CACHED_S, key)
        # The oldest stand first: what is past its time or over the size goes.
        now = self._monotonic()
        while self._keys:
            oldest = next(iter(self._keys))
            if len(self._keys) <= self._size and self._keys[oldest][0] > now:
                break
            del self._keys[oldest]

    def forget(self, tenant: str, subject: str) -> None:
        """Drop a subject's key at once."""
        self._keys.pop((tenant, subject), None)
