"""Master keys in files of the state directory: `keys/kek/0001-<fingerprint>`, 0600, 32 bytes in hex.

The fingerprint keeps a key that is brought back from meeting another one of its number.
"""

from __future__ import annotations

import fcntl
import hmac
import os
import re
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import structlog

from libs.kernel.errors import CartularyError
from libs.vault.errors import MasterKeyMissing, MasterKeyUnusable, MasterKeyWrong, SealBroken
from libs.vault.master import Wrapped
from libs.vault.sealing import KEY_BYTES, DataKey

log = structlog.get_logger(__name__)

_NAME = re.compile(r"[0-9]{4}-[0-9a-f]{16}")
_PREFIX = "local-"


class LocalKeys:
    """Master keys read from a folder; the highest number wraps, all of them unwrap. Implements MasterKeys.

    A key made by another process is seen at once: the folder's change is looked for before every use.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen: int | None = None
        self._names: list[str] = []
        self._keys: dict[str, DataKey] = {}

    def knows(self, kek: str) -> bool:
        """Whether the id is one of a file."""
        return kek.startswith(_PREFIX)

    async def newest(self) -> str:
        """The id of the newest master key, which is made when there is none; raises MasterKeyUnusable."""
        return _PREFIX + self._newest()

    async def wrap(self, keys: Sequence[tuple[bytes, bytes]]) -> list[Wrapped]:
        """Each (key, context) under the newest master key; raises MasterKeyUnusable, MasterKeyWrong."""
        name = self._newest()
        master = self._key(name)
        return [Wrapped(_PREFIX + name, master.encrypt(key, context)) for key, context in keys]

    async def unwrap(self, keys: Sequence[tuple[Wrapped, bytes]]) -> list[bytes | CartularyError]:
        """Each (wrapped key, context) opened, or why not."""
        return [self._unwrapped(wrapped, context) for wrapped, context in keys]

    async def rotate(self) -> str:
        """A new master key after the newest; two at once make one after the other."""
        self._newest()
        with self._locked():
            self._make(int(self._found()[-1][:4]) + 1)
        return await self.newest()

    async def close(self) -> None:
        """Nothing is held open."""

    def _newest(self) -> str:
        if not self._found():
            with self._locked():
                if not self._found():
                    self._make(1)
        return self._found()[-1]

    def _unwrapped(self, wrapped: Wrapped, context: bytes) -> bytes | CartularyError:
        name = wrapped.kek.removeprefix(_PREFIX)
        if _PREFIX + name != wrapped.kek or _NAME.fullmatch(name) is None:
            return MasterKeyMissing("a key is wrapped by a master key of another kind", field="kek", value=wrapped.kek)
        try:
            if name not in self._keys and not (self._folder / name).exists():
                gone = f"the master key {self._folder / name} is missing; bring it back"
                return MasterKeyMissing(gone, field="kek", value=wrapped.kek)
            return self._key(name).decrypt(wrapped.content, context)
        except (MasterKeyUnusable, MasterKeyWrong) as unusable:
            return unusable
        except SealBroken:
            return MasterKeyWrong("a wrapped key was altered, or is another subject's", field="kek", value=wrapped.kek)

    def _found(self) -> list[str]:
        """Names of the keys that are there, in order; read again when the folder changed."""
        try:
            changed = self._folder.stat().st_mtime_ns
            if changed != self._seen:
                self._names = sorted(path.name for path in self._folder.iterdir() if _NAME.fullmatch(path.name))
                self._keys = {name: key for name, key in self._keys.items() if name in self._names}
                self._seen = changed
        except FileNotFoundError:
            return []
        except OSError as error:
            raise MasterKeyUnusable(f"{self._folder} cannot be read: {error.strerror}", field="kek") from error
        return self._names

    def _key(self, name: str) -> DataKey:
        if name not in self._keys:
            raw = _read(self._folder / name)
            if _fingerprint(raw) != name[5:]:
                raise MasterKeyWrong(f"{self._folder / name} holds another key", field="kek", value=name)
            self._keys[name] = DataKey(raw)
        return self._keys[name]

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One process at a time makes a key."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            self._seen = None
            yield
            # Keys are wrapped by it from now on: its name must outlive a power cut.
            os.fsync(folder)
        finally:
            os.close(folder)
            self._seen = None

    def _make(self, number: int) -> None:
        """Write the key whole or not at all."""
        raw = secrets.token_bytes(KEY_BYTES)
        name = f"{number:04}-{_fingerprint(raw)}"
        fresh = self._folder / f".{name}.fresh"
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(raw.hex())
            file.flush()
            os.fsync(file.fileno())
        fresh.rename(self._folder / name)
        log.info("master_key_made", kek=_PREFIX + name)


def _fingerprint(raw: bytes) -> str:
    return hmac.digest(raw, b"kek id", "sha256")[:8].hex()


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_mode & 0o077:
            raise MasterKeyUnusable(f"{path} is open to others; run: chmod 600 {path}", field="mode")
        raw = bytes.fromhex(path.read_text().strip())
    except OSError as error:
        raise MasterKeyUnusable(f"{path} cannot be read: {error.strerror}", field="kek", value=path.name) from error
    except ValueError:
        raise MasterKeyUnusable(f"{path} is not hex", field="kek", value=path.name) from None
    if len(raw) != KEY_BYTES:
        raise MasterKeyUnusable(f"{path} has {len(raw)} bytes, {KEY_BYTES} are needed", field="kek", value=path.name)
    return raw
