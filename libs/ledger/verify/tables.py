"""Compact memory of a walk: 24 bytes a slot for a stream, 8 for a decision, so that a big ledger fits a small machine.

A Python dict takes about 180 bytes a stream; these tables take 40 to 70, whatever the length of the names. Keys are
64-bit digests under a key of this run, so that nobody can aim for a collision; 0 marks an empty slot.
"""

from __future__ import annotations

from array import array
from struct import Struct
from typing import NamedTuple

_FIRST_SLOTS = 1 << 12
_FILLED = 0.6
_NUMBER_BITS = 32
_NUMBER_MASK = (1 << _NUMBER_BITS) - 1
NUMBER_LIMIT = 1 << _NUMBER_BITS


class StreamState(NamedTuple):
    """A stream as walked so far: last version, the epoch that wrote it, its time (µs); 0 before the first."""

    version: int
    epoch: int
    time: int


# What a batch did to a stream: key, first and last version, last epoch, first and last time.
STREAM = Struct("<QIIQQQ")


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
        self._slots = array("Q", bytes(24 * _FIRST_SLOTS))
        self._mask = _FIRST_SLOTS - 1
        self._left = int(_FIRST_SLOTS * _FILLED)

    def __len__(self) -> int:
        """How many streams it knows."""
        return int((self._mask + 1) * _FILLED) - self._left

    def state(self, key: int) -> StreamState:
        """The stream's state."""
        slots, at = self._slots, self._find(key or 1)
        return StreamState(slots[at + 1] & _NUMBER_MASK, slots[at + 1] >> _NUMBER_BITS, slots[at + 2])

    def put(self, key: int, state: StreamState) -> None:
        """Remember the stream's state."""
        self._put(key or 1, state.epoch << _NUMBER_BITS | state.version, state.time)

    def apply(self, packed: bytes) -> bool:
        """Move all these streams on (`STREAM` each), or none of them when one does not continue."""
        undo: list[tuple[int, int, int]] = []
        for key, first, last, epoch, began, ended in STREAM.iter_unpack(packed):
            at = self._find(key or 1)
            number, time = self._slots[at + 1], self._slots[at + 2]
            if (number & _NUMBER_MASK) + 1 != first or time > began:
                for known, number_then, time_then in reversed(undo):
                    self._put(known, number_then, time_then)
                return False
            undo.append((key or 1, number, time))
            self._put(key or 1, epoch << _NUMBER_BITS | last, ended, at)
        return True

    def _find(self, key: int) -> int:
        """The index of the key's slot, or of the empty one where it belongs."""
        slots, mask = self._slots, self._mask
        at = key & mask
        while (found := slots[3 * at]) and found != key:
            at = (at + 1) & mask
        return 3 * at

    def _put(self, key: int, number: int, time: int, at: int = -1) -> None:
        at = self._find(key) if at < 0 else at
        slots = self._slots
        slots[at + 1], slots[at + 2] = number, time
        if not slots[at]:
            slots[at] = key
            self._left -= 1
            if not self._left:
                self._grow()

    def _grow(self) -> None:
        size = 2 * (self._mask + 1)
        old, self._slots, self._mask = self._slots, array("Q", bytes(24 * size)), size - 1
        for at in range(0, len(old), 3):
            if key := old[at]:
                self._slots[(to := self._find(key)) : to + 3] = old[at : at + 3]
        self._left += int((size - size // 2) * _FILLED)
