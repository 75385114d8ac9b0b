"""Back-ups of the key store: wrapped keys in a file with a mark of ours, good for 30 days (ledger.md)."""

from __future__ import annotations

import hmac
import os
import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing
from datetime import datetime, timedelta
from itertools import groupby, islice
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import orjson

from libs.kernel.errors import InvalidValue
from libs.kernel.time import from_wire, to_wire
from libs.vault.archive import Line, PutBack, lines, put_back
from libs.vault.errors import BackupUnusable
from libs.vault.store import KeyStore

# Key back-ups expire (ledger.md, "Personal data"): an erased subject's key is in none that is older.
GOOD_FOR = timedelta(days=30)
_FORMAT = "cartulary-vault-backup.v1"
_NAMES = "cartulary-vault-*.backup"
_BATCH = 500

# One erasure: tenant, subject, when.
Erasure = tuple[str, str, datetime]
Progress = Callable[[int], None]


class BackedUp(NamedTuple):
    """A back-up that was made: its rows by kind, and the expired ones that were deleted for it."""

    path: Path
    rows: dict[str, int]
    deleted: list[Path]


class Restored(NamedTuple):
    """What a restore put back; `erasures` were replayed from the ledger or the services' events."""

    made_at: datetime
    erasures: int
    rows: PutBack


async def back_up(
    store: KeyStore, folder: Path, secret: bytes, now: datetime, *, documents: bool = True,
    progress: Progress | None = None,
) -> BackedUp:  # fmt: skip
    """Write a back-up of everything into the folder and delete the folder's expired ones.

    The file appears whole or not at all, 0600, authenticated by the deployment's secret. Raises KeyStoreAway,
    BackupUnusable when the folder cannot be written.
    """
    count: dict[str, int] = {}
    try:
        with _Writer(folder, secret, now) as writer:
            async with aclosing(lines(store, documents=documents)) as rows:
                async for line in rows:
                    writer.write(line)
                    count[line[0]] = count.get(line[0], 0) + 1
                    if progress is not None:
                        progress(1)
            path = writer.finish()
        return BackedUp(path, count, _delete_expired(folder, now))
    except OSError as error:
        raise BackupUnusable(f"{folder} cannot be written: {error.strerror}", field="folder") from error


async def restore(
    store: KeyStore, path: Path, secret: bytes, now: datetime, erasures: AsyncIterator[Erasure], *,
    progress: Progress | None = None,
) -> Restored:  # fmt: skip
    """Put back the keys that are missing, after every erasure that is known was replayed (TA-I-7).

    Erasures come from `erasures` (the ledger's events, the services' events), from the file and from the database. All
    of them stand before the first key is put back, so that a restore that ends half-way revives nobody. Again changes
    nothing. Raises BackupUnusable, KeyStoreAway, and what `erasures` raises.
    """
    made_at = check(path, secret, now)
    replayed = 0
    batch: list[Erasure] = []
    async for erasure in erasures:
        batch.append(erasure)
        if len(batch) == _BATCH:
            await store.erase(batch)
            replayed, batch = replayed + len(batch), []
    if batch:
        await store.erase(batch)
    rows = PutBack()
    for part in _batches(path):
        done = await put_back(store, part)
        rows = PutBack(*(before + more for before, more in zip(rows, done, strict=True)))
        if progress is not None:
            progress(len(part))
    return Restored(made_at, replayed + len(batch), rows)


def check(path: Path, secret: bytes, now: datetime) -> datetime:
    """When a back-up was made; raises BackupUnusable for one that is cut, altered, another deployment's or expired."""
    mac = _mac(secret)
    try:
        with path.open("rb") as file:
            header = file.readline()
            line = header
            for after in file:
                mac.update(line)
                line = after
    except OSError as error:
        raise BackupUnusable(f"{path} cannot be read: {error.strerror}", field="file") from error
    if not hmac.compare_digest(line, _last_line(mac.hexdigest())):
        raise BackupUnusable(f"{path} is cut, altered, or not of this deployment", field="file")
    made_at = _made_at(header)
    if made_at is None:
        raise BackupUnusable(f"{path} is no back-up that this version reads", field="file")
    if _is_expired(made_at, now):
        raise BackupUnusable(f"{path} expired {GOOD_FOR.days} days after {to_wire(made_at)}", field="file")
    return made_at


class _Writer:
    """Lines into a hidden file that gets its name at the end."""

    def __init__(self, folder: Path, secret: bytes, now: datetime) -> None:
        self._folder, self._mac = folder, _mac(secret)
        self._name = f"cartulary-vault-{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}.backup"
        self._header = {"format": _FORMAT, "made_at": to_wire(now), "expires_at": to_wire(now + GOOD_FOR)}
        self._fresh = folder / f".{self._name}.fresh"
        self._file: BinaryIO | None = None

    def __enter__(self) -> _Writer:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._file = os.fdopen(os.open(self._fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
        self.write(self._header)
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()
        self._fresh.unlink(missing_ok=True)

    def write(self, line: Line | dict[str, Any]) -> None:
        """One line more."""
        content = orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)
        self._mac.update(content)
        self._open.write(content)

    def finish(self) -> Path:
        """Close with the mark and give the file its name, past a power cut."""
        self._open.write(_last_line(self._mac.hexdigest()))
        self._open.flush()
        os.fsync(self._open.fileno())
        path = self._fresh.rename(self._folder / self._name)
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return path

    @property
    def _open(self) -> BinaryIO:
        if self._file is None:
            raise BackupUnusable("the back-up is not open")
        return self._file


def _batches(path: Path) -> Iterator[list[Line]]:
    """The rows of a checked back-up, of one kind each time."""
    with path.open("rb") as file:
        file.readline()
        rows = (row for line in file if isinstance(row := orjson.loads(line), list))
        for _, of_kind in groupby(rows, key=lambda row: row[0]):
            while part := list(islice(of_kind, _BATCH)):
                yield part


def _delete_expired(folder: Path, now: datetime) -> list[Path]:
    deleted = []
    for path in sorted(folder.glob(_NAMES)):
        with path.open("rb") as file:
            made_at = _made_at(file.readline(1_000))
        if made_at is not None and _is_expired(made_at, now):
            path.unlink()
            deleted.append(path)
    return deleted


def _made_at(header: bytes) -> datetime | None:
    try:
        found = orjson.loads(header)
        return from_wire(found["made_at"]) if found["format"] == _FORMAT else None
    except (orjson.JSONDecodeError, KeyError, TypeError, InvalidValue):
        return None


def _is_expired(made_at: datetime, now: datetime) -> bool:
    return now >= made_at + GOOD_FOR


def _mac(secret: bytes) -> hmac.HMAC:
    return hmac.new(hmac.digest(secret, b"key back-up", "sha256"), digestmod="sha256")


def _last_line(digest: str) -> bytes:
    return orjson.dumps({"hmac": digest}, option=orjson.OPT_APPEND_NEWLINE)
