"""The fixtures of the journeys; mypy sees them where they are (this folder's name is no module's)."""

from libs.testkit.served import (
    fleet,
    fleet_database,
    fleet_environment,
    fleet_home,
    fleet_settings,
    imported,
    people,
    staff,
)

__all__ = [
    "fleet", "fleet_database", "fleet_environment", "fleet_home", "fleet_settings", "imported", "people", "staff",
]  # fmt: skip
