"""Master keys (KEK): they wrap the keys of data subjects, in batches; the interface of a file, a KMS or an HSM."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from libs.kernel.canonical import canonical
from libs.kernel.errors import CartularyError


class Wrapped(NamedTuple):
    """A key under a master key: the master key's id and the bytes."""

    kek: str
    content: bytes


class MasterKeys(Protocol):
    """Wraps and unwraps keys of 32 bytes; the context says whose key it is and is authenticated with it."""

    def knows(self, kek: str) -> bool:
        """Whether such an id is of this kind of master key."""
        ...

    async def newest(self) -> str:
        """The id of the master key that wraps from now on; raises what tells why there is none."""
        ...

    async def wrap(self, keys: Sequence[tuple[bytes, bytes]]) -> list[Wrapped]:
        """Each (key, context) under the newest master key; raises MasterKeyAway, MasterKeyUnusable."""
        ...

    async def unwrap(self, keys: Sequence[tuple[Wrapped, bytes]]) -> list[bytes | CartularyError]:
        """Each (wrapped key, context) opened, or why not: MasterKeyMissing, MasterKeyUnusable, MasterKeyWrong.

        Raises MasterKeyAway when nothing can be opened now.
        """
        ...

    async def rotate(self) -> str:
        """Make a new master key; its id. The old ones go on opening what they wrapped."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


class MovingKeys:
    """Master keys of one kind that wrap, beside those of another kind that still open. Implements MasterKeys.

    A rotation then moves every key from the one to the other.
    """

    def __init__(self, wrapping: MasterKeys, former: MasterKeys) -> None:
        self._wrapping, self._former = wrapping, former

    def knows(self, kek: str) -> bool:
        """Whether either kind has such ids."""
        return self._wrapping.knows(kek) or self._former.knows(kek)

    async def newest(self) -> str:
        """The id of the master key that wraps from now on."""
        return await self._wrapping.newest()

    async def wrap(self, keys: Sequence[tuple[bytes, bytes]]) -> list[Wrapped]:
        """Each (key, context) under the newest master key of the kind that wraps."""
        return await self._wrapping.wrap(keys)

    async def unwrap(self, keys: Sequence[tuple[Wrapped, bytes]]) -> list[bytes | CartularyError]:
        """Each (wrapped key, context) opened by its own kind, or why not."""
        former = {at for at, (wrapped, _) in enumerate(keys) if self._former.knows(wrapped.kek)}
        opened = iter(await self._wrapping.unwrap([key for at, key in enumerate(keys) if at not in former]))
        by_former = iter(await self._former.unwrap([key for at, key in enumerate(keys) if at in former]))
        return [next(by_former) if at in former else next(opened) for at in range(len(keys))]

    async def rotate(self) -> str:
        """A new master key of the kind that wraps."""
        return await self._wrapping.rotate()

    async def close(self) -> None:
        """Let go of connections."""
        await self._wrapping.close()
        await self._former.close()


def context_of(tenant: str, subject: str) -> bytes:
    """Whose key it is: a wrapped key moved to another subject does not open."""
    return canonical(["subject key", tenant, subject])
