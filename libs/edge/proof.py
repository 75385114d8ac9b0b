"""What verify and replay need to know of a deployment: its services, its ledger, its database."""

from __future__ import annotations

import importlib
import pkgutil

from libs.edge.path import Parts
from libs.edge.settings import Settings, SettingsInvalid
from libs.ledger.deploy import CONTRACT_ENV
from libs.ledger.identity import load_identity, parse_address
from libs.ledger.port import LedgerIdentity
from libs.ledger.reader import RpcLedgerReader


def committing_services(package: str = "services") -> dict[str, Parts]:
    """The services with a schema of their own, by name: folders whose `app.py` has `parts()`."""
    found: dict[str, Parts] = {}
    for module in pkgutil.iter_modules(importlib.import_module(package).__path__):
        name = f"{package}.{module.name}.app"
        if module.ispkg and importlib.util.find_spec(name) is not None:
            make = getattr(importlib.import_module(name), "parts", None)
            if make is not None:
                parts: Parts = make()
                found[parts.decider.service] = parts
    return found


async def open_ledger(settings: Settings) -> tuple[RpcLedgerReader, LedgerIdentity | None]:
    """A reader of the ledger that is asked for, and the one that this deployment remembers, if any.

    The address comes from the settings (CARTULARY_LEDGER_CONTRACT), else from `ledger.json`. Raises SettingsInvalid,
    LedgerUnreachable.
    """
    if not settings.ledger_rpc:
        raise SettingsInvalid("no ledger node is configured; run: cartulary up", field="ledger_rpc")
    known = load_identity(settings.home)
    if settings.ledger_contract is not None:
        contract = parse_address(settings.ledger_contract)
        since = known.deployed_block if known is not None and known.contract == contract else 0
        return await RpcLedgerReader.connect(settings.ledger_rpc, contract, since), known
    if known is None:
        raise SettingsInvalid(
            f"no ledger is remembered in {settings.home}; deploy one, or set {CONTRACT_ENV}", field="ledger_contract"
        )
    return await RpcLedgerReader.connect(settings.ledger_rpc, known.contract, known.deployed_block), known


def database(settings: Settings) -> str:
    """The administrator's DSN; raises SettingsInvalid when there is none."""
    if settings.postgres_dsn is None:
        raise SettingsInvalid("no PostgreSQL is configured; run: cartulary up", field="postgres_dsn")
    return settings.postgres_dsn.get_secret_value()
