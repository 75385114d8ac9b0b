"""The gate's journal: what the embedded ledger needs to be built again, byte for byte, after a SIGKILL.

A file of records: u32 length, u32 CRC-32, body. The first body is JSON (the chain's constants); each other
one is a block: kind, timestamp in seconds, hash of the block before it, then the raw transactions that came
in since then, each behind a u32 length. All numbers are big-endian.
"""

import os
import struct
import zlib
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import orjson

_FRAME = struct.Struct(">II")
_BLOCK = struct.Struct(">cQ32s")
_LENGTH = struct.Struct(">I")
_MAX_RECORD_BYTES = 1 << 30

MINE = b"M"
DROP_POOL = b"D"


class JournalDamaged(Exception):
    """The journal is broken before its end; what stands behind the break cannot be replayed."""


@dataclass(frozen=True, slots=True)
class ChainConstants:
    """What must be the same at every start of one chain."""

    chain_id: int
    genesis_timestamp: int
    gas_limit: int


class Entry(NamedTuple):
    """One block: when it was mined, what stood before it, what came in for it."""

    kind: bytes
    timestamp: int
    parent: bytes
    raws: list[bytes]


def encode(entry: Entry) -> bytes:
    """The body of a record."""
    parts = [_BLOCK.pack(entry.kind, entry.timestamp, entry.parent)]
    for raw in entry.raws:
        parts += (_LENGTH.pack(len(raw)), raw)
    return b"".join(parts)


def decode(body: bytes) -> Entry:
    """The block of a record's body."""
    kind, timestamp, parent = _BLOCK.unpack_from(body)
    raws, offset = [], _BLOCK.size
    while offset < len(body):
        (size,) = _LENGTH.unpack_from(body, offset)
        offset += _LENGTH.size
        raws.append(body[offset : offset + size])
        offset += size
    return Entry(kind, timestamp, parent, raws)


class Journal:
    """An append-only file of blocks; opening it cuts off a record that a crash tore."""

    def __init__(self, path: Path, constants: ChainConstants) -> None:
        """Opens or creates `path`; an existing journal keeps the constants that it was created with."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._head_path = path.with_suffix(".head")
        self._file = path.open("a+b", buffering=0)
        try:
            self.cut_bytes = self._cut_torn_end()
        except JournalDamaged:
            self._file.close()
            raise
        bodies = self._bodies()
        first = next(bodies, None)
        bodies.close()
        if first is None:
            self.constants = constants
            self._append(
                orjson.dumps(
                    {"chain_id": constants.chain_id, "gas_limit": constants.gas_limit}
                    | {"genesis_timestamp": constants.genesis_timestamp}
                )
            )
            self.sync()
            _sync_folder(path.parent)
        else:
            self.constants = ChainConstants(**orjson.loads(first[1]))

    @property
    def size_bytes(self) -> int:
        """Length of the file."""
        return os.fstat(self._file.fileno()).st_size

    def append(self, entry: Entry) -> None:
        """Writes a block to the file; it is durable after `sync`."""
        self._append(encode(entry))

    def sync(self) -> None:
        """Returns when everything written is on the disk."""
        os.fdatasync(self._file.fileno())

    def entries(self) -> Iterator[tuple[int, Entry]]:
        """Every block in order, with the offset where its record ends."""
        bodies = self._bodies()
        next(bodies)
        for end, body in bodies:
            yield end, decode(body)

    def note_head(self, block_hash: bytes) -> None:
        """Remembers the hash of the last block; not durable, it only serves to compare after a replay."""
        temporary = self._head_path.with_suffix(".new")
        temporary.write_bytes(orjson.dumps({"size": self.size_bytes, "hash": block_hash.hex()}))
        temporary.replace(self._head_path)

    def noted_head(self) -> bytes | None:
        """The remembered hash, when it belongs to the journal's present end."""
        if not self._head_path.exists():
            return None
        noted = orjson.loads(self._head_path.read_bytes())
        return bytes.fromhex(noted["hash"]) if noted["size"] == self.size_bytes else None

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _append(self, body: bytes) -> None:
        record = memoryview(_FRAME.pack(len(body), zlib.crc32(body)) + body)
        while record:
            record = record[self._file.write(record) :]

    def _bodies(self) -> Generator[tuple[int, bytes]]:
        """Offset behind it and body of every whole record."""
        with Path(self._file.name).open("rb", buffering=1 << 20) as file:
            end = 0
            while len(frame := file.read(_FRAME.size)) == _FRAME.size:
                size, checksum = _FRAME.unpack(frame)
                body = file.read(size) if size <= _MAX_RECORD_BYTES else b""
                if len(body) < size or zlib.crc32(body) != checksum:
                    return
                end += _FRAME.size + size
                yield end, body

    def _cut_torn_end(self) -> int:
        """Cuts what follows the last whole record and says how many bytes that were (only one record may be
        torn)."""
        good = 0
        for end, _ in self._bodies():
            good = end
        torn = self.size_bytes - good
        if torn == 0:
            return 0
        with Path(self._file.name).open("rb") as file:
            file.seek(good)
            frame = file.read(_FRAME.size)
        if len(frame) == _FRAME.size and torn > _FRAME.size + _FRAME.unpack(frame)[0]:
            raise JournalDamaged(
                f"{self._file.name}: the record at byte {good} is damaged and others follow it;"
                " restore the file from a back-up"
            )
        os.ftruncate(self._file.fileno(), good)
        self.sync()
        return torn


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
