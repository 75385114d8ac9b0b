"""What accounts hold while a chunk is priced: every order leaves less for the next one (golden G2 d)."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from uuid import UUID

from services.orders.domain.commands import OrderToPrice
from services.orders.domain.pricing import Holding
from services.orders.domain.references import (
    NO_UNITS,
    AccountRow,
    HoldingRow,
    ReferenceRows,
    account_row,
    found,
    holding_row,
)


class Holdings:
    """The rows of a chunk, less what its orders took; those that leave first bear no redemption fee."""

    def __init__(self, rows: ReferenceRows | None) -> None:
        self._rows = rows
        self._taken: dict[tuple[UUID, UUID], Decimal] = {}

    def row(self, each: OrderToPrice) -> HoldingRow:
        """The holding as it is by now."""
        row = found(self._rows, holding_row(each.account, each.share_class), HoldingRow) or NO_UNITS
        taken = self._taken.get((each.account, each.share_class))
        if taken is None:
            return row
        return row.model_copy(
            update={"free": max(row.free - taken, Decimal(0)), "long_held": max(row.long_held - taken, Decimal(0))}
        )

    def left(self, each: OrderToPrice) -> Holding:
        """The holding as pricing takes it."""
        row = self.row(each)
        return replace(Holding(row.free), blocked=row.blocked)

    def take(self, each: OrderToPrice, units: Decimal) -> None:
        """An order of the chunk gives up these units."""
        key = (each.account, each.share_class)
        self._taken[key] = self._taken.get(key, Decimal(0)) + units

    def account(self, account: UUID) -> AccountRow | None:
        """An account of the chunk."""
        return found(self._rows, account_row(account), AccountRow)
