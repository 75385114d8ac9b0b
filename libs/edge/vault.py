"""The vault of a deployment, put together from the settings."""

from __future__ import annotations

from libs.adapters.clock import SystemClock
from libs.edge.proof import database
from libs.edge.settings import Settings, SettingsInvalid
from libs.ledger.secrets import MasterSecret
from libs.vault.kek import LocalKeys
from libs.vault.master import MasterKeys, MovingKeys
from libs.vault.migrate import ROLE, migrate
from libs.vault.store import KeyStore
from libs.vault.transit import TransitKeys
from libs.vault.vault import Vault


def master_keys(settings: Settings) -> MasterKeys:
    """The master keys that the settings choose; those of the other kind still open what they wrapped, if there are any.

    Raises SettingsInvalid.
    """
    folder, transit = settings.home / "keys" / "kek", _transit(settings)
    local = LocalKeys(folder)
    if settings.kek == "local":
        return local if transit is None else MovingKeys(local, transit)
    if transit is None:
        raise SettingsInvalid("kek=transit needs transit_url and transit_token", field="transit_url")
    return MovingKeys(transit, local) if folder.exists() else transit


def _transit(settings: Settings) -> TransitKeys | None:
    if settings.transit_url is None or settings.transit_token is None:
        return None
    return TransitKeys(settings.transit_url, settings.transit_token, settings.transit_key, settings.transit_mount)


def vault_secret(secrets: MasterSecret) -> bytes:
    """What keys search tokens and marks back-ups; the same for the life of a deployment."""
    return secrets.derive("vault")


def make_vault(settings: Settings) -> Vault:
    """The deployment's vault, connected at first use; raises SettingsInvalid, SecretUnusable."""
    secrets = MasterSecret.load(settings.home)
    store = KeyStore(database(settings), secrets.password(ROLE))
    return Vault(store, master_keys(settings), vault_secret(secrets), SystemClock().now)


async def migrate_vault(settings: Settings) -> list[str]:
    """Bring the key store's schema to its newest form; the names applied now. Safe from several processes at once."""
    return await migrate(database(settings), MasterSecret.load(settings.home).password(ROLE))
