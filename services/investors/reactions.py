"""What falls due in investors becomes a command (W-25); investors reacts to nobody."""

from __future__ import annotations

from collections.abc import Mapping

from libs.edge.composition import Composition
from libs.runtime.automatic import DueCommand
from services.investors.adapters.local_list import LocalListProvider
from services.investors.domain.commands import MarkReviewOverdue
from services.investors.people import People
from services.investors.screening import destroy_key, screen

# What needs nobody else.
DUE: Mapping[str, DueCommand] = {
    "MarkReviewOverdue": lambda row, now: MarkReviewOverdue(investor=row.payload["investor"], due_at=row.at, now=now),
}


def due(composed: Composition) -> Mapping[str, DueCommand]:
    """What asks the key store or the screening provider before it is a command."""
    people = People(composed.store, composed.vault)
    screening_list = composed.settings.screening_list
    provider = None if screening_list is None else LocalListProvider(screening_list)
    return {"ScreenInvestor": screen(people, provider), "DestroyKey": destroy_key(people)}
