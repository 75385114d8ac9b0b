"""The deployment's master secret, and what is derived from it; files are 0600 and made once, races or not."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from libs.kernel.errors import CartularyError

SECRET_BYTES = 32


class SecretUnusable(CartularyError):
    """A secret is readable by others, cut off, or not hex; the value is never shown."""

    code = "secret-unusable"


def load_or_create(path: Path, env: str, make: Callable[[], bytes] | None = None, size: int = SECRET_BYTES) -> bytes:
    """The secret of `size` bytes from the environment (hex), else from the file, which is made when missing.

    Two processes at once end with the same secret. Raises SecretUnusable.
    """
    if given := os.environ.get(env):
        return _hex(given, size, env)
    if not path.exists():
        _create(path, make() if make else secrets.token_bytes(size))
    if path.stat().st_mode & 0o077:
        raise SecretUnusable(f"{path} is open to others; run: chmod 600 {path}", field="mode")
    return _hex(path.read_text().strip(), size, str(path))


def _create(path: Path, secret: bytes) -> None:
    """Write the secret whole or not at all; what another process wrote first stays."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secret.hex())
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(fresh, path)
    finally:
        fresh.unlink(missing_ok=True)
    # The name must outlive a power cut too: lanes are granted to this key, and nothing else can write to them.
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _hex(text: str, size: int, where: str) -> bytes:
    try:
        value = bytes.fromhex(text.removeprefix("0x"))
    except ValueError as error:
        raise SecretUnusable(f"{where} is not hex", field=where) from error
    if len(value) != size:
        raise SecretUnusable(f"{where} has {len(value)} bytes, {size} are needed", field=where)
    return value


class MasterSecret:
    """Everything secret that is not a signing key is derived from this one by HKDF-SHA256 and a label."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    @classmethod
    def load(cls, home: Path) -> MasterSecret:
        """From CARTULARY_MASTER_KEY or `keys/master` of the state directory."""
        return cls(load_or_create(home / "keys" / "master", "CARTULARY_MASTER_KEY"))

    def derive(self, label: str) -> bytes:
        """32 bytes for this label."""
        return HKDF(SHA256(), SECRET_BYTES, salt=None, info=f"cartulary/{label}".encode()).derive(self._secret)

    def password(self, role: str) -> str:
        """The password of a database role."""
        return self.derive(f"postgres/{role}").hex()
