"""The vault of a service's process, from the settings: made at once, its schema when it opens, its state for health."""

from __future__ import annotations

import asyncpg

from libs.edge.health import State
from libs.edge.settings import Settings, SettingsInvalid
from libs.ledger.secrets import MasterSecret
from libs.ports import Clock, StoreUnreachable
from libs.vault.kek import LocalKeys
from libs.vault.migrate import ROLE, migrate
from libs.vault.store import KeyStore
from libs.vault.vault import Vault

# No subject of any tenant: the question is only whether the key store answers.
_NOBODY = ""


class ServiceVault:
    """The vault and what keeps it: connections open at first use."""

    def __init__(self, settings: Settings, secrets: MasterSecret, clock: Clock) -> None:
        if settings.postgres_dsn is None:
            raise SettingsInvalid("no PostgreSQL is configured; run: cartulary up", field="postgres_dsn")
        self._dsn = settings.postgres_dsn.get_secret_value()
        self._password = secrets.password(ROLE)
        self.vault = Vault(
            KeyStore(self._dsn, self._password), LocalKeys(settings.home / "keys" / "kek"), secrets.derive("search"),
            clock.now, monotonic=clock.monotonic,
        )  # fmt: skip

    async def prepare(self) -> None:
        """Bring the key store's schema to its newest form; raises StoreUnreachable."""
        try:
            await migrate(self._dsn, self._password)
        except (OSError, asyncpg.PostgresConnectionError, asyncpg.CannotConnectNowError) as error:
            raise StoreUnreachable(f"the key store did not answer: {type(error).__name__}") from error

    async def state(self) -> State:
        """Whether keys can be read; a key store that is away raises, which is `failing` (invariant 11)."""
        await self.vault.store.keys(_NOBODY, [_NOBODY])
        return State("ok", f"master key {await self.vault.master.newest()}")

    async def close(self) -> None:
        """Let go of connections."""
        await self.vault.close()
