"""Rotation of the master key: every wrapped key is wrapped anew; no event, document or token is touched."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from libs.kernel.errors import CartularyError
from libs.vault.master import MasterKeys, context_of
from libs.vault.store import KeyCounts, KeyStore, OwnedKey

_BATCH = 500

# Told as it goes on: keys wrapped anew in this batch.
Progress = Callable[[int], None]


class Rotated(NamedTuple):
    """The master key that wraps now; `resumed` says that a former rotation was ended and no new key made.

    `failed` counts the keys that did not open, by the error's code; they keep their wrapping.
    """

    kek: str
    resumed: bool
    rewrapped: int
    failed: dict[str, int]


class Status(NamedTuple):
    """The key store and its master keys; `broken` names the master keys that do not open what they wrapped."""

    newest: str
    counts: KeyCounts
    broken: dict[str, CartularyError]


async def rotate(store: KeyStore, master: MasterKeys, progress: Progress | None = None) -> Rotated:
    """Make a new master key and wrap every key by it; one that was broken off is ended first, without a new key.

    Services go on meanwhile. Raises KeyStoreAway, MasterKeyAway, MasterKeyUnusable; then run it again.
    """
    newest = await master.newest()
    resumed = any(kek != newest for kek in (await store.counts()).keys)
    if not resumed:
        await master.rotate()
    rewrapped = 0
    while True:
        # Another rotation may be under way: both end with the newest key.
        newest = await master.newest()
        done, failed = await _pass(store, master, newest, progress)
        rewrapped += done
        # A service that had not seen the new key yet may have used the old one meanwhile.
        if not done:
            return Rotated(newest, resumed, rewrapped, dict(failed))


async def _pass(
    store: KeyStore, master: MasterKeys, newest: str, progress: Progress | None
) -> tuple[int, Counter[str]]:
    """Once over all keys under other master keys: how many were wrapped anew, and why others were not."""
    done, failed, after = 0, Counter[str](), ("", "")
    while batch := await store.wrapped_otherwise(newest, after, _BATCH):
        after = (batch[-1].tenant, batch[-1].subject)
        contexts = [context_of(key.tenant, key.subject) for key in batch]
        results = await master.unwrap(list(zip((key.wrapped for key in batch), contexts, strict=True)))
        opened: list[tuple[OwnedKey, bytes, bytes]] = []
        for key, context, raw in zip(batch, contexts, results, strict=True):
            if isinstance(raw, CartularyError):
                failed[raw.code] += 1
            else:
                opened.append((key, raw, context))
        if opened:
            wrapped = await master.wrap([(raw, context) for _, raw, context in opened])
            await store.rewrap([(key, anew) for (key, _, _), anew in zip(opened, wrapped, strict=True)])
        done += len(opened)
        if progress is not None:
            progress(len(opened))
    return done, failed


async def status(store: KeyStore, master: MasterKeys) -> Status:
    """What the key store holds, and one key of each master key tried; raises KeyStoreAway, MasterKeyAway."""
    counts, samples = await store.counts(), await store.one_of_each()
    tried = await master.unwrap([(key.wrapped, context_of(key.tenant, key.subject)) for key in samples])
    broken = {key.wrapped.kek: why for key, why in zip(samples, tried, strict=True) if isinstance(why, CartularyError)}
    return Status(await master.newest(), counts, broken)
