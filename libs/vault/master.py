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


def context_of(tenant: str, subject: str) -> bytes:
    """Whose key it is: a wrapped key moved to another subject does not open."""
    return canonical(["subject key", tenant, subject])
