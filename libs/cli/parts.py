"""Where the parts are: what the settings give by address, and what the local stack of the state directory runs."""

from __future__ import annotations

from libs.edge.settings import Settings
from libs.stack.addresses import Addresses
from libs.stack.local import LocalStack
from libs.stack.part import PartFailed


def with_local_stack(settings: Settings) -> Settings:
    """The settings with the local stack's addresses where none are given, unchanged when it does not run."""
    given = Addresses.given(settings.home)
    if given.postgres and given.kafka and given.ledger:
        return settings
    try:
        found = LocalStack(settings.home).addresses()
    except PartFailed:
        return settings
    return settings.having(
        postgres_dsn=given.postgres or found.postgres,
        kafka_bootstrap=given.kafka or found.kafka,
        ledger_rpc=given.ledger or found.ledger,
    )
