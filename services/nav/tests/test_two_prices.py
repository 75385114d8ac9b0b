"""A class of bid and offer: subscribers are compensated by the offers, redeemers by the bids (TA-F-1, TA-N-5)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from libs.kernel.decider import Command
from libs.kernel.ids import named_id
from libs.messages.nav import CompensationCalculated, SubFundPublished
from services.nav.tests.dealing_days import (
    CLOSED_AT,
    DAY,
    A,
    approve,
    cancel,
    carried_out,
    class_facts,
    command,
    line_a,
    measure,
    on_the_day,
    publish,
    sub_fund_row,
)

ROWS: dict[str, Any] = {
    "sub_funds": sub_fund_row(class_facts(A, "EUR", 4, price_type="bid_and_offer"), tools={}),
    "closed_days": {DAY: {"closed_at": CLOSED_AT, "classes": []}},
}
COMPENSATION: dict[str, Any] = {"compensation": named_id("compensation"), "share_class": A}


def dealt(name: str, side: str, minute: int) -> dict[str, Any]:
    """An order of 100 units of an account of its own."""
    ids = {"order": named_id("order", name), "account": named_id("account", name)}
    return {**ids, "side": side, "valuation_date": DAY, "received": f"2026-11-23T09:{minute:02}:00Z", "units": "100"}


def revision(nav: str, total: str, bid: str, offer: str, source: str) -> tuple[Command, ...]:
    """A NAV with its quotes, published."""
    line = {"nav": nav, "total": total, "bid": bid, "offer": offer, "source": source}
    return (line_a(rows=ROWS, **line), approve(nav=nav, rows=ROWS), publish(nav=nav, rows=ROWS))


def test_n5_who_subscribed_paid_the_offer_and_who_redeemed_got_the_bid() -> None:
    past = on_the_day(
        measure(rows=ROWS), *revision("137.4281", "41228430.00", "137.0000", "138.0000", "a.csv#1"), cancel(rows=ROWS)
    )
    past = carried_out(past, *revision("135.32", "40596000.00", "135.1000", "135.9000", "b.csv#1"))
    opening = command("OpenCompensation", **COMPENSATION, valuation_dates=[DAY], rows=ROWS)
    orders = [dealt("S", "subscription", 1), dealt("R", "redemption", 2)]
    calculating = command("CalculateCompensation", **COMPENSATION, chunk=0, deals=orders)
    (found,) = carried_out(past, opening).decide(calculating)
    assert isinstance(found, CompensationCalculated)
    # 100 × (138.00 − 135.90), and 100 × (137.00 − 135.10).
    owed = {each.parts[0].order: (each.payer, each.amount) for each in found.compensations}
    assert owed == {
        named_id("order", "S"): ("fund", Decimal(210)),
        named_id("order", "R"): ("party_at_fault", Decimal(190)),
    }


def test_f1_a_class_of_two_prices_is_published_with_both_and_none_between() -> None:
    past = on_the_day(measure(rows=ROWS))
    *before, last = revision("137.4281", "41228430.00", "137.0000", "138.0000", "a.csv#1")
    events = carried_out(past, *before).decide(last)
    (whole,) = (event for event in events if isinstance(event, SubFundPublished))
    (price,) = whole.prices
    assert (price.nav, price.price, price.bid, price.offer) == (
        Decimal("137.4281"),
        None,
        Decimal(137),
        Decimal(138),
    )
