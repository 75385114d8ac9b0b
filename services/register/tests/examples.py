"""Valid values, commands and rows that the tests of the register start from."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from libs.kernel.decider import Command, Reference
from libs.kernel.events import Event
from libs.kernel.ids import named_id
from libs.messages import register as published
from libs.testkit.given import Given, given_by
from services.register.domain.decider import RegisterDecider
from services.register.domain.holding import NOTHING, Holding
from services.register.domain.share_class import NEW, ShareClass

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
DAY = date(2026, 11, 20)
SETTLES = date(2026, 11, 24)
DECIDER = RegisterDecider()
given = given_by(DECIDER)

UMBRELLA = named_id("example", "umbrella")
SUB_FUND = named_id("example", "sub-fund")
SHARE_CLASS = named_id("example", "share-class")
DOLLARS = named_id("example", "dollar class")
X, Y, Z = (named_id("account", name) for name in "XYZ")

CLASS_ROW: dict[str, Any] = {
    "umbrella": UMBRELLA,
    "sub_fund": SUB_FUND,
    "currency": "EUR",
    "unit_decimals": 4,
    "status": "open",
    "money": "cleared_before_dealing",
    "unpaid_limit_days": 10,
}
DOLLAR_ROW = {**CLASS_ROW, "currency": "USD", "unit_decimals": 3}
ACCOUNT_ROW: dict[str, Any] = {"closed": False, "frozen": False, "transfers_blocked": False}
PRICE_ROW: dict[str, Any] = {"valuation_date": DAY, "price": Decimal("100.00")}
CONTRACTUAL = {**CLASS_ROW, "money": "contractual"}

Row = dict[str, Any]
Changes = Mapping[UUID, Row | None]


def order(name: object) -> UUID:
    """The order of that name."""
    return named_id("order", str(name))


def rows_for(command: Command, changed: Changes) -> dict[Reference, Row | None]:
    """The rows that a command asks for, with changes by id."""
    defaults: dict[str, Row] = {"share_classes": CLASS_ROW, "accounts": ACCOUNT_ROW, "latest_prices": PRICE_ROW}
    found: dict[Reference, Row | None] = {}
    for reference in command.references():
        (name,) = (UUID(text) for text in reference.key.values())
        default = DOLLAR_ROW if name == DOLLARS else defaults[reference.table]
        found[reference] = changed.get(name, default) if reference.table != "latest_prices" else default
    return found


def command(name: str, /, now: datetime = NOW, rows: Changes | None = None, **fields: Any) -> Command:
    """The command of that name on the example's class, with its reference rows."""
    kind = DECIDER.commands[name]
    defaults: dict[str, Any] = {
        "umbrella": UMBRELLA,
        "share_class": SHARE_CLASS,
        "valuation_date": DAY,
        "settlement_date": SETTLES,
    }
    own = {field: value for field, value in defaults.items() if field in kind.model_fields}
    made = kind.model_validate({**own, "now": now, **fields})
    return made.given(rows_for(made, rows or {}))


def movement(name: object, account: UUID, side: str, units: str, amount: str, **changes: Any) -> Row:
    """A priced order's units."""
    fields = {"order": order(name), "account": account, "side": side, "units": units, "amount": amount}
    return {**fields, "currency": "EUR", "settlement_date": SETTLES, **changes}


def issue(name: object, account: UUID = X, units: str = "10", amount: str = "1000", **changes: Any) -> Row:
    """Units for an order."""
    return movement(name, account, "issue", units, amount, **changes)


def cancel(name: object, account: UUID = X, units: str = "10", amount: str = "1000", **changes: Any) -> Row:
    """Units ended by an order."""
    return movement(name, account, "cancel", units, amount, **changes)


def book(*movements: Row, chunk: int = 0, **fields: Any) -> Command:
    """A chunk of movements."""
    return command("BookMovements", movements=movements, chunk=chunk, **fields)


def transfer(units: str, **fields: Any) -> Command:
    """X gives units to Y."""
    own = {"transfer": named_id("transfer", "1"), "account": X, "to_account": Y, "units": units}
    return command("TransferUnits", **{**own, **fields})


def carried_out(*commands: Command) -> Given:
    """Streams in which these commands were carried out."""
    past = given()
    for each in commands:
        carry_out(past, each)
    return past


def carry_out(past: Given, each: Command) -> list[Event]:
    """The events of a command, folded as the ledger would give them back."""
    events = list(past.decide(each))
    for event in events:
        past.apply(event)
    return events


def holding(past: Given, account: UUID = X, share_class: UUID = SHARE_CLASS) -> Holding:
    """What an account holds."""
    state = past.states.get(f"register/{UMBRELLA}/holding/{account}:{share_class}", NOTHING)
    assert isinstance(state, Holding)
    return state


def share_class_of(past: Given, share_class: UUID = SHARE_CLASS) -> ShareClass:
    """The class's units in issue."""
    state = past.states.get(f"register/{UMBRELLA}/class/{share_class}", NEW)
    assert isinstance(state, ShareClass)
    return state


def lots(held: Holding) -> list[str]:
    """Date, units and cost of each lot, at the decimals that the example's class has."""
    return [f"{lot.acquired} {lot.units:.4f} {lot.cost:.2f}" for lot in held.lots]


def answer(events: list[Event]) -> published.MovementsBooked:
    """What a booking said of its chunk."""
    found = events[-1]
    assert isinstance(found, published.MovementsBooked)
    return found


def priced(each: Command, price: str | None, day: date = DAY) -> Command:
    """The command with this latest price of its class."""
    row: Row | None = None if price is None else {"valuation_date": str(day), "price": Decimal(price)}
    rows = rows_for(each, {})
    return each.given({ref: row if ref.table == "latest_prices" else rows[ref] for ref in rows})


def together(*values: object) -> list[object]:
    """Values to compare at once, numbers by what they are worth."""
    return list(values)


def refused(events: list[Event]) -> list[str]:
    """Why movements of a chunk were not booked."""
    return [each.reason for each in answer(events).refused]
