"""Compact memory of a walk: 32 bytes a slot for a stream, 8 for a decision, so that a big ledger fits a small machine.

A Python dict takes over 200 bytes a stream; these tables take 55 to 110, whatever the length of the names. Keys are
Python's 64-bit hashes of the names, under a secret of this process, so that nobody can aim for a collision; 0 marks an
empty slot.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from struct import Struct
from typing import NamedTuple

_FIRST_SLOTS = 1 << 12
_FILLED = 0.6
_WORDS = 4
_KEY_MASK = (1 << 64) - 1


class StreamState(NamedTuple):
    """A stream as walked so far: last version, the epoch that wrote it, its time (µs); 0 before the first."""

    version: int
    epoch: int
    time: int


# What a batch did to a stream: first and last version, last epoch, first and last time.
USE = Struct("=5Q")


class IdTable:
    """A set of 64-bit keys."""

    def __init__(self) -> None:
        self._slots = array("Q", bytes(8 * _FIRST_SLOTS))
        self._mask = _FIRST_SLOTS - 1
        self._left = int(_FIRST_SLOTS * _FILLED)

    def add(self, key: int) -> bool:
        """Whether the key is new."""
        key = key or 1
        slots, mask = self._slots, self._mask
        at = key & mask
        while (found := slots[at]) and found != key:
            at = (at + 1) & mask
        if found:
            return False
        slots[at] = key
        self._left -= 1
        if not self._left:
            self._grow()
        return True

    def _grow(self) -> None:
        size = 2 * (self._mask + 1)
        fresh, mask = array("Q", bytes(8 * size)), size - 1
        for key in self._slots:
            if key:
                at = key & mask
                while fresh[at]:
                    at = (at + 1) & mask
                fresh[at] = key
        self._left += int((size - size // 2) * _FILLED)
        self._slots, self._mask = fresh, mask


class StreamTable:
    """The state of every stream of a walk, by its 64-bit key."""

    def __init__(self) -> None:
        self._slots = array("Q", bytes(8 * _WORDS * _FIRST_SLOTS))
        self._count = 0
        self._mask = _FIRST_SLOTS - 1
        self._left = int(_FIRST_SLOTS * _FILLED)

    def __len__(self) -> int:
        """How many streams it knows."""
        return self._count

    def state(self, stream: str) -> StreamState:
        """The stream's state."""
        slots, at = self._slots, self._find(_key(stream))
        return StreamState(slots[at + 1], slots[at + 2], slots[at + 3])

    def put(self, stream: str, state: StreamState) -> None:
        """Remember the stream's state."""
        self._put(_key(stream), *state)

    def apply(self, streams: Sequence[str], uses: bytes) -> bool:
        """Move all these streams on (a `USE` each), or none of them when one does not continue."""
        undo: list[tuple[int, int, int, int]] = []
        for stream, (first, last, epoch, began, ended) in zip(streams, USE.iter_unpack(uses), strict=True):
            key = _key(stream)
            slots, at = self._slots, self._find(key)
            version, time = slots[at + 1], slots[at + 3]
            if version + 1 != first or time > began:
                for before in reversed(undo):
                    self._put(*before)
                return False
            undo.append((key, version, slots[at + 2], time))
            if version:
                slots[at + 1], slots[at + 2], slots[at + 3] = last, epoch, ended
            else:
                self._put(key, last, epoch, ended)
        return True

    def _find(self, key: int) -> int:
        """The index of the key's slot, or of the empty one where it belongs."""
        slots, mask = self._slots, self._mask
        at = key & mask
        while (found := slots[_WORDS * at]) and found != key:
            at = (at + 1) & mask
        return _WORDS * at

    def _put(self, key: int, version: int, epoch: int, time: int) -> None:
        slots, at = self._slots, self._find(key)
        slots[at + 1], slots[at + 2], slots[at + 3] = version, epoch, time
        if not slots[at]:
            slots[at] = key
            self._count += 1
            self._left -= 1
            if not self._left:
                self._grow()

    def _grow(self) -> None:
        size = 2 * (self._mask + 1)
        old, self._slots, self._mask = self._slots, array("Q", bytes(8 * _WORDS * size)), size - 1
        for at in range(0, len(old), _WORDS):
            if key := old[at]:
                to = self._find(key)
                self._slots[to : to + _WORDS] = old[at : at + _WORDS]
        self._left += int((size - size // 2) * _FILLED)


def _key(stream: str) -> int:
    return (hash(stream) & _KEY_MASK) or 1
