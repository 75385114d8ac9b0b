"""Whether an order that was received is accepted: every refusal has a name (TA-O-4, golden A1)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import NamedTuple, assert_never

from libs.messages import order_values as values
from libs.messages.order_values import Refused
from services.orders.domain.commands import PlaceOrder
from services.orders.domain.ordered import expected_of, minimum_of, quantity_of
from services.orders.domain.pricing import quantity_refused
from services.orders.domain.references import (
    NO_UNITS,
    AccountRow,
    ClassRow,
    HoldingRow,
    SubFundRow,
    account_row,
    found,
    holding_row,
    share_class_row,
    sub_fund_row,
)


class Rejection(NamedTuple):
    """A named reason, the field that it is about, and the figures compared where there are some."""

    reason: Refused
    field: str
    found: Decimal | None = None
    limit: Decimal | None = None


class Rows(NamedTuple):
    """What is known of the order's class, account and holding; of a switch's in leg, of a transfer's other account."""

    share_class: ClassRow | None
    sub_fund: SubFundRow | None
    account: AccountRow | None
    holding: HoldingRow
    into: ClassRow | None = None
    into_sub_fund: SubFundRow | None = None
    into_holding: HoldingRow = NO_UNITS
    to_account: AccountRow | None = None

    @classmethod
    def of(cls, command: PlaceOrder) -> Rows:
        """The rows that the command was given; raises CheckUnavailable."""
        rows, target = command.rows, command.into
        known = cls(
            found(rows, share_class_row(command.share_class), ClassRow),
            found(rows, sub_fund_row(command.sub_fund), SubFundRow),
            found(rows, account_row(command.account), AccountRow),
            found(rows, holding_row(command.account, command.share_class), HoldingRow) or NO_UNITS,
        )
        if target is not None:
            known = known._replace(
                into=found(rows, share_class_row(target.share_class), ClassRow),
                into_sub_fund=found(rows, sub_fund_row(target.sub_fund), SubFundRow),
                into_holding=found(rows, holding_row(command.account, target.share_class), HoldingRow) or NO_UNITS,
            )
        if command.to_account is not None:
            known = known._replace(to_account=found(rows, account_row(command.to_account), AccountRow))
        return known


def rejection_of(command: PlaceOrder, rows: Rows) -> Rejection | None:
    """The first reason against the order, None when it can be dealt (O-4)."""
    checks: tuple[Callable[[PlaceOrder, Rows], Rejection | None], ...] = (
        _class_known,
        _account_known,
        _class_deals,
        _account_may,
        _account_is_free,
        _eligible,
        _quantity,
        _minimum,
        _holding,
    )
    for check in checks:
        against = check(command, rows)
        if against is not None:
            return against
    return None


# --- Of the class


def _class_known(command: PlaceOrder, rows: Rows) -> Rejection | None:
    """Class and sub-fund are of this umbrella; a switch goes into another class of it (W-2)."""
    target = command.into
    if (target is not None) != (command.kind == "switch"):
        return Rejection(Refused.CLASS_UNKNOWN, "into")
    if not _belongs(rows.share_class, rows.sub_fund, command, command.sub_fund):
        return Rejection(Refused.CLASS_UNKNOWN, "share_class")
    if target is not None and not _belongs(rows.into, rows.into_sub_fund, command, target.sub_fund):
        return Rejection(Refused.CLASS_UNKNOWN, "into.share_class")
    if target is not None and target.share_class == command.share_class:
        return Rejection(Refused.SAME_CLASS, "into.share_class")
    return None


def _belongs(row: ClassRow | None, sub_fund: SubFundRow | None, command: PlaceOrder, named: object) -> bool:
    if row is None or sub_fund is None:
        return False
    return row.umbrella == sub_fund.umbrella == command.umbrella and row.sub_fund == named


def _class_deals(command: PlaceOrder, rows: Rows) -> Rejection | None:
    """Open; suspended stops both sides (O-7), soft-closed new investors; a transfer needs a class that is not over."""
    if rows.share_class is None or rows.sub_fund is None:
        return None
    if command.kind == "transfer":
        is_over = rows.share_class.status in ("closed", "draft")
        return Rejection(Refused.CLASS_CLOSED, "share_class") if is_over else None
    buys = command.kind == "subscription"
    against = _deals(rows.share_class, rows.sub_fund, rows.holding, "share_class", buys=buys)
    if against is None and rows.into is not None and rows.into_sub_fund is not None:
        against = _deals(rows.into, rows.into_sub_fund, rows.into_holding, "into.share_class", buys=True)
    return against


def _deals(row: ClassRow, sub_fund: SubFundRow, holding: HoldingRow, field: str, *, buys: bool) -> Rejection | None:
    if row.status == "closed" or sub_fund.status == "closed":
        return Rejection(Refused.CLASS_CLOSED, field)
    if row.status in ("draft", "initial_offer", "initial_offer_ended"):
        return Rejection(Refused.CLASS_NOT_OPEN, field)
    if row.status == "suspended" or sub_fund.status == "suspended":
        return Rejection(Refused.CLASS_SUSPENDED, field)
    holds = holding.free + holding.blocked > 0
    if row.status == "soft_closed" and buys and not (row.existing_holders_may_subscribe and holds):
        return Rejection(Refused.CLASS_SOFT_CLOSED, field)
    return None


# --- Of the account


def _account_known(command: PlaceOrder, rows: Rows) -> Rejection | None:
    """Another distributor's account does not exist for it (I-8)."""
    if rows.account is None or rows.account.distributor != command.placed_under:
        return Rejection(Refused.ACCOUNT_UNKNOWN, "account")
    if command.kind == "transfer" and (rows.to_account is None or command.to_account == command.account):
        return Rejection(Refused.ACCOUNT_UNKNOWN, "to_account")
    return None


def _account_may(command: PlaceOrder, rows: Rows) -> Rejection | None:
    """Open, its holders approved; who is due for review sells, but does not buy (I-2)."""
    for row, field in ((rows.account, "account"), (rows.to_account, "to_account")):
        if row is not None and (row.status != "open" or not row.approved):
            return Rejection(Refused.ACCOUNT_NOT_APPROVED, field)
        buys = command.kind in ("subscription", "switch") or field == "to_account"
        if row is not None and buys and row.review_overdue:
            return Rejection(Refused.REVIEW_OVERDUE, field)
    return None


_FORBIDS: dict[values.OrderKind, frozenset[str]] = {
    "subscription": frozenset({"all", "asset_freeze", "subscriptions"}),
    "redemption": frozenset({"all", "asset_freeze", "redemptions"}),
    "switch": frozenset({"all", "asset_freeze", "subscriptions", "redemptions"}),
    "transfer": frozenset({"all", "asset_freeze", "transfers"}),
}


def _account_is_free(command: PlaceOrder, rows: Rows) -> Rejection | None:
    """No block forbids it; a block of payments alone lets it deal (I-6)."""
    for row, field in ((rows.account, "account"), (rows.to_account, "to_account")):
        if row is not None and not _FORBIDS[command.kind].isdisjoint(row.blocks):
            return Rejection(Refused.ACCOUNT_BLOCKED, field)
    return None


def _eligible(command: PlaceOrder, rows: Rows) -> Rejection | None:
    """Whoever comes to hold a class is of its investor types, in its countries (F-1)."""
    match command.kind:
        case "subscription":
            buyer, bought = rows.account, rows.share_class
        case "switch":
            buyer, bought = rows.account, rows.into
        case "transfer":
            buyer, bought = rows.to_account, rows.share_class
        case "redemption":
            return None
        case _:
            assert_never(command.kind)
    if buyer is None or bought is None:
        return None
    fits = _all_in(buyer.categories, bought.terms.investor_types) and _all_in(buyer.countries, bought.terms.countries)
    return None if fits else Rejection(Refused.INELIGIBLE, "account")


def _all_in(named: Iterable[str], allowed: Iterable[str]) -> bool:
    return set(named) <= set(allowed)


# --- Of the quantity


def _quantity(command: PlaceOrder, rows: Rows) -> Rejection | None:
    """In the class's currency, positive, no finer than it; nobody subscribes for all, a transfer is of units."""
    quantity = command.quantity
    if rows.share_class is None:
        return None
    terms = rows.share_class.terms
    by_amount = isinstance(quantity, values.InGross | values.InNet)
    if isinstance(quantity, values.InGross | values.InNet) and quantity.currency != terms.currency:
        return Rejection(Refused.CURRENCY, "quantity.currency")
    wrong_all = command.kind == "subscription" and isinstance(quantity, values.InAll)
    if wrong_all or (command.kind == "transfer" and by_amount):
        return Rejection(Refused.QUANTITY, "quantity.by")
    refused = quantity_refused(quantity_of(quantity), terms)
    if refused is not None:
        return Rejection(Refused.QUANTITY, "quantity", refused.found, refused.limit)
    return None


def _minimum(command: PlaceOrder, rows: Rows) -> Rejection | None:
    """What an amount buys, charges excluded, against the first or next minimum; units are compared when priced."""
    if command.kind != "subscription" or rows.share_class is None or isinstance(command.quantity, values.InUnits):
        return None
    terms = rows.share_class.terms
    reason, limit = minimum_of(terms, rows.holding)
    net = expected_of(command, terms, rows.holding).cash
    return Rejection(reason, "quantity.amount", net, limit) if net < limit else None


def _holding(command: PlaceOrder, rows: Rows) -> Rejection | None:
    """Units that are not there are not sold; amounts are compared when priced, by the NAV of that day (O-5)."""
    if command.kind == "subscription":
        return None
    free = rows.holding.free
    asked = command.quantity.units if isinstance(command.quantity, values.InUnits) else None
    if free <= 0 or (asked is not None and asked > free):
        return Rejection(Refused.HOLDING_TOO_SMALL, "quantity", asked, free)
    return None
