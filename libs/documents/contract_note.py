"""The contract note: every step of the price on one page (TA-O-5, O-9)."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from libs.documents.paper import Paper, day, figure, moment, raw_figure
from libs.documents.values import ContractNote, DealLeg


def contract_note(note: ContractNote) -> bytes:
    """The note as a PDF; the same bytes for the same values."""
    paper = Paper(note.letterhead, f"Contract note {note.number}", note.issued, "".join(texts_of(note)))
    paper.recipient(note.recipient)
    corrected = "" if note.corrects is None else f" · replaces contract note {note.corrects}"
    paper.headline(f"Contract note: {note.kind}", f"No. {note.number} · {day(note.issued)}{corrected}")
    pairs = [
        ("Account", note.account),
        ("Order received", moment(note.received_at)),
        ("Order reference", note.order_reference),
        ("Valuation date", day(note.trade_date)),
        ("Deal reference", note.deal_reference),
        ("Settlement date", day(note.settlement_date)),
        ("Client reference", note.client_reference or "–"),
        ("Distributor", note.distributor or "–"),
    ]
    paper.grid(pairs)
    for leg in note.legs:
        _leg(paper, leg)
        if leg is note.legs[0] and note.exchange is not None:
            exchange = note.exchange
            paper.section("Exchange", keep=20)
            paper.row(exchange.label, f"1 {exchange.sold_currency}", figure(exchange.rate), exchange.bought_currency)
            bought = f"from {figure(exchange.sold)} {exchange.sold_currency}"
            paper.row("Amount exchanged", bought, figure(exchange.bought), exchange.bought_currency)
    paper.remarks(note.remarks)
    return paper.bytes()


def _leg(paper: Paper, leg: DealLeg) -> None:
    paper.section(leg.title, keep=70)
    paper.y += paper.write(22, paper.y + 0.5, 166, f"{leg.fund} – {leg.share_class}", size=10, bold=True) + 0.5
    paper.y += paper.write(22, paper.y, 166, f"ISIN {leg.isin}", size=8.5, soft=True) + 1.5
    paper.rule(paper.y)
    paper.row("Order", leg.ordered, "", "")
    for label, note, amount in _amounts(leg):
        paper.row(label, note, amount, leg.currency)
    if leg.unswung_price is not None:
        paper.row("Net asset value before swing", day(leg.price_date), figure(leg.unswung_price), leg.currency)
    paper.row(leg.price_label, day(leg.price_date), figure(leg.price), leg.currency)
    if leg.units_raw is not None:
        paper.row("Units before rounding", "amount ÷ price", raw_figure(leg.units_raw), "units")
    paper.row("Units", leg.rounding, figure(leg.units), "units", strong=True)
    if leg.units_value is not None:
        paper.row("Value of the units", "units × price", raw_figure(leg.units_value), leg.currency)
    if leg.residual is not None:
        paper.row("Residual", "stays in the fund", raw_figure(leg.residual), leg.currency)
    if leg.carried_units is not None:
        paper.row("Carried to the next dealing day", "redemption gate", figure(leg.carried_units), "units")
    paper.row(leg.settlement_label, "", figure(leg.settlement), leg.currency, strong=True)


def _amounts(leg: DealLeg) -> Iterator[tuple[str, str, str]]:
    """Gross, fees, net; or from net up to gross where the order said the net amount."""
    fees = [
        (fee.label, f"{figure(fee.percent)} % {fee.base}".strip() if fee.percent is not None else fee.base, fee.amount)
        for fee in leg.fees
    ]
    sign = "−" if leg.gross_first else "+"
    first, last = (("Gross amount", leg.gross), ("Net amount", leg.net))
    if not leg.gross_first:
        first, last = last, first
    if not fees and leg.gross == leg.net:
        yield "Amount", "no fees", figure(leg.gross)
        return
    yield first[0], "", figure(first[1])
    for label, note, amount in fees:
        yield label, note, f"{sign}{figure(amount)}"
    yield last[0], "", figure(last[1])


def texts_of(value: Any) -> Iterator[str]:
    """Every text in the values of a document, to know which fonts it needs."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple):
        for each in value:
            yield from texts_of(each)
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from texts_of(getattr(value, field.name))
