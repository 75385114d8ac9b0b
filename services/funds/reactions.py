"""What falls due in funds becomes a command (W-25); funds reacts to nobody."""

from __future__ import annotations

from collections.abc import Mapping

from libs.runtime.automatic import DueCommand
from services.funds.domain.initial_offer import EndInitialOffer

DUE: Mapping[str, DueCommand] = {
    "EndInitialOffer": lambda row, now: EndInitialOffer.model_validate({"now": now, **row.payload}),
}
