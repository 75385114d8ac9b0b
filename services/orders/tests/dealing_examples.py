"""A small fund house that the tests of dealing days start from, and whoever sends commands to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, TypeVar
from uuid import UUID

from libs.kernel.decider import Command, Reference
from libs.kernel.errors import CartularyError
from libs.kernel.events import Event
from libs.kernel.ids import named_id
from libs.messages import order_values as values
from libs.messages.fund_values import ShareClassTerms
from libs.testkit.given import Given, When
from services.orders.domain.commands import DayRef, order_id
from services.orders.domain.dealing_day import Day
from services.orders.domain.decider import OrdersDecider
from services.orders.domain.order import Order
from services.orders.domain.refusals import DatesMoved
from services.orders.tests.examples import b_usd, terms

DECIDER = OrdersDecider()
# A Monday; the cut-off of both sub-funds is 14:00 in Luxembourg, 13:00 UTC.
NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
CUT_OFF = datetime(2026, 11, 23, 13, tzinfo=UTC)
CLOSE = CUT_OFF + timedelta(seconds=60)
PUBLISHED = datetime(2026, 11, 23, 18, tzinfo=UTC)
MONDAY, TUESDAY, WEDNESDAY = date(2026, 11, 23), date(2026, 11, 24), date(2026, 11, 25)
MICROSECOND = timedelta(microseconds=1)

UMBRELLA = named_id("example", "umbrella")
SUB_FUND, OTHER_FUND = named_id("example", "sub-fund"), named_id("example", "other-sub-fund")
# A and B are of one sub-fund, C of the other, which values on Tuesdays.
A, B, C = named_id("example", "A"), named_id("example", "B"), named_id("example", "C")
ACCOUNT, SECOND, STRANGE = (named_id("example", name) for name in ("account", "second", "strange"))
DISTRIBUTOR = "DIST-1"

CALENDAR: dict[str, Any] = {
    "frequency": {"kind": "daily"},
    "holiday_sets": ["bank:LU"],
    "cut_off": {"at": "14:00", "zone": "Europe/Luxembourg"},
    "nav_known": {"at": "17:30", "zone": "Europe/Luxembourg"},
}
TUESDAYS = {**CALENDAR, "frequency": {"kind": "weekly", "weekdays": [1]}}
GATE = {"threshold": "0.1", "remainder": "carried"}
PRICES = {A: "100", B: "50", C: "200"}

Found = TypeVar("Found", bound=Event)


def named(name: str, distributor: str | None = None) -> UUID:
    """The id of an order by its client reference."""
    return order_id("example", distributor, name)


def class_row(of: ShareClassTerms, sub_fund: UUID = SUB_FUND, **changed: Any) -> dict[str, Any]:
    """The row of an open class."""
    row = {"umbrella": UMBRELLA, "sub_fund": sub_fund, "status": "open", "terms": of.model_dump_json()}
    return {**row, "existing_holders_may_subscribe": None, **changed}


def sub_fund_row(**changed: Any) -> dict[str, Any]:
    """The row of a sub-fund that deals."""
    return {"umbrella": UMBRELLA, "status": "dealing", "calendar": CALENDAR, "tools": {}, **changed}


def account_row(**changed: Any) -> dict[str, Any]:
    """The row of an account that may do everything."""
    row = {"distributor": None, "status": "open", "approved": True, "review_overdue": False}
    return {**row, "categories": ["retail"], "countries": ["LU"], "blocks": [], **changed}


def holding_row(free: str, blocked: str = "0") -> dict[str, Any]:
    """The row of a holding."""
    return {"free": free, "blocked": blocked, "long_held": free}


class House:
    """Streams, reference rows, and a sender that names the dealing days which a decision asks for."""

    def __init__(self) -> None:
        self.past = Given(DECIDER, [])
        self.now = NOW
        self.rows: dict[str, dict[Any, dict[str, Any]]] = {
            "share_classes": {A: class_row(terms()), B: class_row(b_usd()), C: class_row(terms(), OTHER_FUND)},
            "sub_funds": {SUB_FUND: sub_fund_row(), OTHER_FUND: sub_fund_row(calendar=TUESDAYS)},
            "accounts": {
                ACCOUNT: account_row(),
                SECOND: account_row(),
                STRANGE: account_row(distributor=DISTRIBUTOR),
            },
            "holdings": {(ACCOUNT, A): holding_row("1000"), (SECOND, A): holding_row("500")},
            "published_days": {},
        }

    def change(self, table: str, key: Any, **columns: Any) -> House:
        """A row with other columns."""
        self.rows[table][key] = {**self.rows[table][key], **columns}
        return self

    def gated(self, remainder: str = "carried") -> House:
        """The first sub-fund has a gate."""
        return self.change("sub_funds", SUB_FUND, tools={"gate": {**GATE, "remainder": remainder}})

    def _row(self, reference: Reference) -> Mapping[str, Any] | None:
        keys = [value if "-" in value and len(value) == 10 else UUID(value) for value in reference.key.values()]
        return self.rows[reference.table].get(keys[0] if len(keys) == 1 else tuple(keys))

    def command(self, name: str, /, **fields: Any) -> Command:
        """A command with its rows and the days that its decision asks for."""
        kind = DECIDER.commands[name]
        fields = {"now": self.now, "umbrella": UMBRELLA, **fields}
        days = list(fields.pop("days", ()))
        while True:
            built = kind.model_validate({**fields, "days": days})
            built = built.given({reference: self._row(reference) for reference in built.references()})
            try:
                self.past.decide(built)
            except DatesMoved as missing:
                sub_fund, _, day = str(missing.value).partition(":")
                days.append(DayRef(sub_fund=UUID(sub_fund), valuation_date=date.fromisoformat(day)))
            except CartularyError:
                return built
            else:
                return built

    def when(self, name: str, /, **fields: Any) -> When:
        """The command is in question."""
        return self.past.when(self.command(name, **fields))

    def do(self, name: str, /, **fields: Any) -> Sequence[Event]:
        """The command is carried out; what it came to."""
        events = self.past.decide(self.command(name, **fields))
        for event in events:
            self.past.apply(event)
        return events

    def place(
        self, name: str, kind: str = "subscription", quantity: Any = "gross 1000", **fields: Any
    ) -> Sequence[Event]:
        """An order of class A by its client reference."""
        return self.do("PlaceOrder", **placed(name, kind, quantity, **fields))

    def order(self, name: str, distributor: str | None = None) -> Order:
        """An order as it stands."""
        state = self.past.states[f"orders/{UMBRELLA}/order/{named(name, distributor)}"]
        assert isinstance(state, Order)
        return state

    def day(self, valuation_date: date = MONDAY, sub_fund: UUID = SUB_FUND) -> Day:
        """A dealing day as it stands."""
        state = self.past.states[f"orders/{UMBRELLA}/dealing_day/{sub_fund}:{valuation_date}"]
        assert isinstance(state, Day)
        return state

    def close(self, valuation_date: date = MONDAY, sub_fund: UUID = SUB_FUND) -> Sequence[Event]:
        """The day closes when it falls due."""
        self.now = max(self.now, self.day(valuation_date, sub_fund).opened.closes_at)
        return self.do("CloseDealingDay", sub_fund=sub_fund, valuation_date=valuation_date)

    def publish(self, valuation_date: date = MONDAY, sub_fund: UUID = SUB_FUND, **fields: Any) -> Sequence[Event]:
        """The NAVs of a closed day are published."""
        self.now = max(self.now, datetime.combine(valuation_date, time(18), UTC))
        return self.do("OpenPricing", **publication(self.now, valuation_date, sub_fund, **fields))

    def price(
        self, *names: str, valuation_date: date = MONDAY, sub_fund: UUID = SUB_FUND, revision: int = 1,
        shares: Mapping[str, Mapping[str, str]] | None = None,
    ) -> Sequence[Event]:  # fmt: skip
        """A chunk is priced."""
        return self.do("PriceOrders", **self.chunk(*names, valuation_date=valuation_date, sub_fund=sub_fund,
                                                   revision=revision, shares=shares))  # fmt: skip

    def chunk(
        self, *names: str, valuation_date: date = MONDAY, sub_fund: UUID = SUB_FUND, revision: int = 1,
        shares: Mapping[str, Mapping[str, str]] | None = None,
    ) -> dict[str, Any]:  # fmt: skip
        """The fields of a chunk."""
        orders = []
        for name in names:
            received = self.order(name).received
            each = received.model_dump(include={"order", "account", "sub_fund", "share_class", "into"})
            orders.append({**each, "share": (shares or {}).get(name)})
        return {"sub_fund": sub_fund, "valuation_date": valuation_date, "revision": revision, "orders": orders}

    def book(self, events: Sequence[Event]) -> list[Event]:
        """The register books every movement of these events."""
        answers = list[Event]()
        for moved in of_kind(events, "MovementsPriced"):
            answers += self.do(
                "RecordBookings",  valuation_date=moved.valuation_date,
                share_class=moved.share_class, chunk=moved.chunk, booked=[each.order for each in moved.movements],
            )  # fmt: skip
        return answers


def publication(
    now: datetime, valuation_date: date = MONDAY, sub_fund: UUID = SUB_FUND, revision: int = 1, **fields: Any
) -> dict[str, Any]:
    """The fields of a publication of every class."""
    prices = [{"share_class": name, "nav": price} for name, price in PRICES.items()]
    rates = [{"base": "EUR", "quote": "USD", "bid": "1.0837", "offer": "1.0843"}]
    of_day = {"sub_fund": sub_fund, "valuation_date": valuation_date, "revision": revision}
    return {**of_day, "published_at": now, "currency": "EUR", "prices": prices, "rates": rates, **fields}


def placed(name: str, kind: str = "subscription", quantity: Any = "gross 1000", **fields: Any) -> dict[str, Any]:
    """The fields of an order of class A by the first account."""
    what = written(quantity, "EUR") if isinstance(quantity, str) else quantity
    given = {"order": named(name, fields.get("placed_by")), "client_reference": name, "kind": kind, "quantity": what}
    return {**given, "account": ACCOUNT, "sub_fund": SUB_FUND, "share_class": A, **fields}


def into(share_class: UUID, sub_fund: UUID = SUB_FUND) -> dict[str, UUID]:
    """The in leg of a switch."""
    return {"sub_fund": sub_fund, "share_class": share_class}


def written(text: str, currency: str) -> dict[str, Any]:
    """`units 25`, `gross 4000`, `net 4000` or `all`."""
    by, _, number = text.partition(" ")
    if by == "all":
        return {"by": "all"}
    return {"by": by, "units": number} if by == "units" else {"by": by, "amount": number, "currency": currency}


def names(events: Sequence[Event]) -> list[str]:
    """What happened, by name."""
    return [type(event).__name__ for event in events]


def of_kind(events: Sequence[Event], name: str) -> list[Any]:
    """The events of a name."""
    return [event for event in events if type(event).__name__ == name]


def totals(closed: Event) -> dict[tuple[UUID, str], values.FlowTotals]:
    """The totals of a closed day by class and kind."""
    assert hasattr(closed, "classes")
    return {(each.share_class, one.kind): one for each in closed.classes for one in each.totals}


ZERO = Decimal(0)


def published_at(nav: str, house: House, **fields: Any) -> House:
    """The day is closed and published: class A at this NAV."""
    house.close()
    prices = [{"share_class": A, "nav": nav}, {"share_class": B, "nav": "98.7654"}, {"share_class": C, "nav": "200"}]
    house.publish(**{"prices": prices, **fields})
    return house
