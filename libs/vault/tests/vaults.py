"""Vaults on a real PostgreSQL with a clock that the test turns."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from libs.adapters.tests.schemas import password
from libs.vault.kek import LocalKeys
from libs.vault.master import MasterKeys
from libs.vault.migrate import ROLE
from libs.vault.store import KeyStore
from libs.vault.vault import Vault

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
SECRET = b"\x07" * 32
TENANT = "acme"


class Seconds:
    """A monotonic clock that stands until it is turned."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def at_now() -> datetime:
    """The one moment of the tests."""
    return NOW


def key_store(dsn: str) -> KeyStore:
    """The key store of a database."""
    return KeyStore(dsn, password(ROLE))


@asynccontextmanager
async def vault_on(
    dsn: str, master: MasterKeys | Path, seconds: Seconds | None = None, cache_size: int = 1_000
) -> AsyncIterator[Vault]:
    """A process's vault on this database; closed afterwards."""
    keys = LocalKeys(master) if isinstance(master, Path) else master
    vault = Vault(key_store(dsn), keys, SECRET, at_now, monotonic=seconds or Seconds(), cache_size=cache_size)
    try:
        yield vault
    finally:
        await vault.close()


def stream_of(subject: str) -> str:
    """The stream of a subject's profile."""
    return f"investors/{subject}/profile/{subject}"


async def sealed_name(vault: Vault, subject: str, name: str = "Anna Weber", version: int = 1) -> dict[str, object]:
    """An event's data with a sealed name, its key kept."""
    ring = await vault.ring(TENANT, [subject])
    data = ring.seal({"name": {"clear": name}}, "investors.Named.v1", stream_of(subject), version)
    await vault.keep(ring)
    return data


async def opened_name(vault: Vault, subject: str, data: dict[str, object], version: int = 1) -> object:
    """The name that the data holds: the clear text, or None once it is erased."""
    ring = await vault.ring(TENANT, [subject])
    leaf = ring.open(data, "investors.Named.v1", stream_of(subject), version)["name"]
    assert isinstance(leaf, dict)
    if leaf == {"erased": True}:
        return None
    name: object = leaf["clear"]
    return name
