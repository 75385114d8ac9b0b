"""The lots of one holding as a queue: what leaves goes from its front, and no other lot is looked at (TA-R-1).

The account of a platform has a hundred thousand lots. Older versions of a queue stay as they were, since a decision may
be taken again; so lots stand in a persistent map by place, and units and cost are kept, not summed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal

from immutables import Map

from libs.kernel.errors import InvalidValue
from libs.kernel.money import Rounding, ratio, rounded
from libs.messages.register_values import LotRow, LotsTaken
from services.register.domain.lots import Lot, Lots, cost_of, issued, units_of


class LotQueue:
    """Lots, the oldest first; `units` and `cost` are their sums. Call its methods where decimals are exact."""

    __slots__ = ("_first", "_last", "_lots", "cost", "units")

    def __init__(
        self, lots: Map[int, Lot] | None = None, first: int = 0, units: Decimal = Decimal(0), cost: Decimal = Decimal(0)
    ) -> None:
        self._lots = Map[int, Lot]() if lots is None else lots
        self._first, self._last = first, first + len(self._lots)
        self.units, self.cost = units, cost

    @classmethod
    def of(cls, lots: Iterable[Lot]) -> LotQueue:
        """The queue of lots that are in order already."""
        in_order = tuple(lots)
        return cls(Map(enumerate(in_order)), 0, units_of(in_order), cost_of(in_order))

    def __iter__(self) -> Iterator[Lot]:
        return (self._lots[place] for place in range(self._first, self._last))

    def __len__(self) -> int:
        return len(self._lots)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LotQueue) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        return hash((len(self), self.units, self.cost))

    def __repr__(self) -> str:
        return f"LotQueue({len(self)} lots, {self.units} units, cost {self.cost})"

    def added(self, lot: Lot) -> LotQueue:
        """With a lot more, in its place by date, behind those of the same date."""
        if self._lots and self._lots[self._last - 1].acquired > lot.acquired:
            return LotQueue.of(issued(tuple(self), [lot]))
        lots = self._lots.set(self._last, lot)
        return LotQueue(lots, self._first, self.units + lot.units, self.cost + lot.cost)

    def with_all(self, rows: Iterable[LotRow]) -> LotQueue:
        """With stored lots more; those of one date behind the ones that are there, in their order."""
        return LotQueue.of(issued(tuple(self), [Lot(*row) for row in rows]))

    def front(self, units: Decimal, cost_decimals: int) -> LotsTaken:
        """What so many units take, the same as `lots.taken` says: a part costs HALF_UP(cost × part ÷ units).

        Raises InvalidValue for units that are not positive, or more than there are (TA-R-5).
        """
        if not 0 < units <= self.units:
            raise InvalidValue("no more units are taken than are held", field="units", value=units)
        cost, place, left = Decimal(0), self._first, units
        while left >= self._lots[place].units:
            lot = self._lots[place]
            cost, left, place = cost + lot.cost, left - lot.units, place + 1
            if not left:
                return LotsTaken(whole=place - self._first, cost=cost)
        lot = self._lots[place]
        part = rounded(ratio(lot.cost * left, lot.units), cost_decimals, Rounding.HALF_UP)
        return LotsTaken(whole=place - self._first, part_units=left, part_cost=part, cost=cost + part)

    def parts(self, taken: LotsTaken) -> Lots:
        """The lots, the last one perhaps in part, that `taken` speaks of."""
        whole = tuple(self._lots[place] for place in range(self._first, self._first + taken.whole))
        if not taken.part_units:
            return whole
        return (*whole, Lot(self._lots[self._first + taken.whole].acquired, taken.part_units, taken.part_cost))

    def without(self, taken: LotsTaken) -> LotQueue:
        """Without what was taken from the front; units and cost of both add up to before."""
        first = self._first + taken.whole
        gone = Decimal(0)
        with self._lots.mutate() as lots:
            for place in range(self._first, first):
                gone += lots.pop(place).units
            if taken.part_units:
                lot = lots[first]
                lots[first] = Lot(lot.acquired, lot.units - taken.part_units, lot.cost - taken.part_cost)
            left = lots.finish()
        return LotQueue(left, first, self.units - gone - taken.part_units, self.cost - taken.cost)
