"""The vault of a service's process: made at once, its schema when the service opens, its state for health."""

from __future__ import annotations

import asyncpg

from libs.edge.health import State
from libs.edge.settings import Settings
from libs.edge.vault import make_vault, migrate_vault
from libs.ports import StoreUnreachable
from libs.vault.vault import Vault

# No subject of any tenant: the question is only whether the key store answers.
_NOBODY = ""


class ServiceVault:
    """The vault and what keeps it: connections open at first use. Raises SettingsInvalid, SecretUnusable."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.vault: Vault = make_vault(settings)

    async def prepare(self) -> None:
        """Bring the key store's schema to its newest form; raises StoreUnreachable."""
        try:
            await migrate_vault(self._settings)
        except (OSError, asyncpg.PostgresConnectionError, asyncpg.CannotConnectNowError) as error:
            raise StoreUnreachable(f"the key store did not answer: {type(error).__name__}") from error

    async def state(self) -> State:
        """Whether keys can be read; a key store that is away raises, which is `failing` (invariant 11)."""
        await self.vault.store.keys(_NOBODY, [_NOBODY])
        return State("ok", f"master key {await self.vault.master.newest()}")

    async def close(self) -> None:
        """Let go of connections."""
        await self.vault.close()
