"""What an error of the NAV costs whom: fund, investors and the party at fault (TA-N-5, golden G6; CSSF 24/856)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Literal
from uuid import UUID

from libs.kernel.allocation import allocate
from libs.kernel.errors import InvalidValue
from libs.kernel.money import Rounding, exactly, minor_units, ratio, rounded
from libs.messages.funds import AssetClass

# --- Materiality

LEGAL_TOLERANCES: Mapping[AssetClass, Decimal] = {
    "money_market": Decimal("0.0020"),
    "bond": Decimal("0.0050"),
    "mixed": Decimal("0.0050"),
    "equity": Decimal("0.0100"),
    "other": Decimal("0.0100"),
}
LARGEST_TOLERANCE = Decimal("0.05")

Regime = Literal["ucits", "part_ii", "sif", "sicar", "raif", "eltif", "euveca", "eusef", "other_aif"]
# These may set their own tolerance; Part II funds and ELTIFs only when reserved to informed investors.
_FREE_REGIMES = {"sif", "sicar", "euveca", "eusef"}
_FREE_WHEN_RESERVED = {"part_ii", "eltif"}


@exactly
def tolerance_of(
    asset_class: AssetClass,
    *,
    hosts: Sequence[Decimal] = (),
    chosen: Decimal | None = None,
    regime: Regime = "ucits",
    is_reserved: bool = False,
) -> Decimal:
    """The tolerance by kind of fund, or a host country's where one is lower (TA-N-5).

    `chosen` is a fund's own: up to the legal one, or up to 5 % for SIF, SICAR, EuVECA, EuSEF and reserved Part II funds
    and ELTIFs. Raises InvalidValue for a larger one, or one that is not positive.
    """
    legal = LEGAL_TOLERANCES[asset_class]
    free = regime in _FREE_REGIMES or (is_reserved and regime in _FREE_WHEN_RESERVED)
    own = legal if chosen is None else chosen
    if not 0 < own <= (LARGEST_TOLERANCE if free else legal) or any(host <= 0 for host in hosts):
        raise InvalidValue("no such tolerance is allowed", field="tolerance", value=own)
    return min(own, *hosts) if hosts else own


@exactly
def nav_error(published: Decimal, correct: Decimal) -> Fraction:
    """(published − correct) ÷ correct, unrounded; raises InvalidValue for a price that is not positive."""
    if published <= 0 or correct <= 0:
        raise InvalidValue("a NAV is positive", field="nav", value=min(published, correct))
    return ratio(published - correct, correct)


def is_material(published: Decimal, correct: Decimal, tolerance: Decimal) -> bool:
    """Whether the error reaches the tolerance; exactly at it, it does (TA-N-5)."""
    return abs(nav_error(published, correct)) >= tolerance


# --- What was dealt


@dataclass(frozen=True, slots=True)
class WrongDay:
    """One class's prices of a valuation date: dealt, and that should have been dealt; with swing both are swung.

    `redeemed`: the bids, published and correct, of a class of two prices, whose others are then the offers.
    """

    published: Decimal
    correct: Decimal
    redeemed: tuple[Decimal, Decimal] | None = None

    def excess(self, side: Literal["subscription", "redemption"]) -> Decimal:
        """How much too high the price of that side was."""
        if side == "redemption" and self.redeemed is not None:
            return self.redeemed[0] - self.redeemed[1]
        return self.published - self.correct


@dataclass(frozen=True, slots=True)
class Deal:
    """An order that was priced on a valuation date; `received` orders those of one day."""

    order: UUID
    account: UUID
    side: Literal["subscription", "redemption"]
    valuation_date: date
    received: datetime
    units: Decimal


@dataclass(frozen=True, slots=True)
class Effect:
    """What an order dealt at a wrong price did: above zero is owed to the investor, below is what he gained.

    `raw` = units × difference, unrounded. The fund's cash is off by the same: it holds what it owes, lacks what he got.
    """

    deal: Deal
    raw: Decimal
    amount: Decimal


class Payer(StrEnum):
    """Who pays: the fund its investor, the party at fault the fund, nobody for a trip that nets to zero."""

    FUND = "fund"
    PARTY_AT_FAULT = "party_at_fault"
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Part:
    """Units of one order inside a claim, with their part of its effect."""

    order: UUID
    units: Decimal
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Claim:
    """One compensation, traced to its orders: a round trip netted, or units that were not matched.

    `is_kept`: owed to an investor, but below the de minimis with all that he is owed; it stays in the fund.
    """

    account: UUID
    parts: tuple[Part, ...]
    payer: Payer
    amount: Decimal
    is_kept: bool


@dataclass(frozen=True, slots=True)
class FundTotals:
    """Sums of rounded amounts: excess in − excess out − paid to investors + received − kept = 0."""

    excess_in: Decimal
    excess_out: Decimal
    paid: Decimal
    received: Decimal
    kept: Decimal


@dataclass(frozen=True, slots=True)
class Compensation:
    """Everything that follows from one class's wrong prices; effects by valuation date and receipt."""

    effects: tuple[Effect, ...]
    claims: tuple[Claim, ...]
    fund: FundTotals


# --- Who pays what


@exactly
def compensate(
    days: Mapping[date, WrongDay], deals: Iterable[Deal], *, currency: str, tolerance: Decimal, de_minimis: Decimal
) -> Compensation:
    """Compensations of one class over all its material days (TA-N-5); the order of `deals` changes nothing.

    A redemption is matched FIFO by units with the account's subscriptions of earlier material days, and netted with
    them; the rest counts as held before, or as still held. `de_minimis` is held against what an account is owed in
    all, an amount equal to it is paid; what the fund is owed is always paid. Nothing is claimed from investors.
    Raises InvalidValue for units that are not positive or an order that stands there twice.
    """
    material = {day: prices for day, prices in days.items() if is_material(prices.published, prices.correct, tolerance)}
    effects = [
        _effect(deal, material[deal.valuation_date], minor_units(currency))
        for deal in sorted(deals, key=lambda deal: (deal.valuation_date, deal.received, deal.order))
        if deal.valuation_date in material
    ]
    orders = {effect.deal.order for effect in effects}
    if len(orders) < len(effects):
        raise InvalidValue("an order is dealt once", field="deals", value=len(effects) - len(orders))
    groups = _matched([effect.deal for effect in effects])
    claims = _claims(effects, groups, minor_units(currency), de_minimis)
    return Compensation(tuple(effects), claims, _totals(effects, claims))


def _effect(deal: Deal, prices: WrongDay, decimals: int) -> Effect:
    if deal.units <= 0:
        raise InvalidValue("units dealt are positive", field="units", value=deal.units)
    excess = prices.excess(deal.side)
    raw = deal.units * (excess if deal.side == "subscription" else -excess)
    return Effect(deal, raw, rounded(raw, decimals, Rounding.HALF_UP))


Piece = tuple[Deal, Decimal]


def _matched(deals: Sequence[Deal]) -> list[list[Piece]]:
    """Pieces of orders that are one claim each: a redemption with what it closes, and what is left of every order."""
    open_lots: dict[UUID, list[Piece]] = defaultdict(list)
    groups: list[list[Piece]] = []
    for deal in deals:
        if deal.side == "subscription":
            open_lots[deal.account].append((deal, deal.units))
            continue
        closed, open_lots[deal.account], unmatched = _closed(open_lots[deal.account], deal)
        if closed:
            groups.append([*closed, (deal, deal.units - unmatched)])
        if unmatched:
            groups.append([(deal, unmatched)])
    return groups + [[lot] for lots in open_lots.values() for lot in lots]


def _closed(lots: Sequence[Piece], redemption: Deal) -> tuple[list[Piece], list[Piece], Decimal]:
    """The pieces that a redemption closes, the lots that stay open, and the units that meet none."""
    closed: list[Piece] = []
    still_open: list[Piece] = []
    wanted = redemption.units
    for deal, units in lots:
        taken = min(units, wanted) if deal.valuation_date < redemption.valuation_date else Decimal(0)
        wanted -= taken
        if taken:
            closed.append((deal, taken))
        if units > taken:
            still_open.append((deal, units - taken))
    return closed, still_open, wanted


def _claims(
    effects: Sequence[Effect], groups: Sequence[Sequence[Piece]], decimals: int, de_minimis: Decimal
) -> tuple[Claim, ...]:
    """Net each group; an order in several groups is split among them pro rata by units, to the last cent."""
    pieces: dict[UUID, list[Decimal]] = defaultdict(list)
    for deal, units in (piece for group in groups for piece in group):
        pieces[deal.order].append(units)
    amounts = {
        effect.deal.order: iter(allocate(effect.amount, pieces[effect.deal.order], decimals)) for effect in effects
    }
    parts = [tuple(Part(deal.order, units, next(amounts[deal.order])) for deal, units in group) for group in groups]
    nets = [sum((part.amount for part in each), Decimal(0)) for each in parts]
    accounts = [group[0][0].account for group in groups]
    owed: dict[UUID, Decimal] = defaultdict(Decimal)
    for account, net in zip(accounts, nets, strict=True):
        owed[account] += max(net, Decimal(0))
    return tuple(
        Claim(account, each, _payer(net), abs(net), is_kept=net > 0 and owed[account] < de_minimis)
        for account, each, net in zip(accounts, parts, nets, strict=True)
    )


def _payer(net: Decimal) -> Payer:
    if not net:
        return Payer.NOBODY
    return Payer.FUND if net > 0 else Payer.PARTY_AT_FAULT


def _totals(effects: Sequence[Effect], claims: Sequence[Claim]) -> FundTotals:
    nothing = Decimal(0)
    excess_in = sum((effect.amount for effect in effects if effect.amount > 0), nothing)
    excess_out = -sum((effect.amount for effect in effects if effect.amount < 0), nothing)
    by_fund = [claim for claim in claims if claim.payer is Payer.FUND]
    kept = sum((claim.amount for claim in by_fund if claim.is_kept), nothing)
    paid = sum((claim.amount for claim in by_fund if not claim.is_kept), nothing)
    received = sum((claim.amount for claim in claims if claim.payer is Payer.PARTY_AT_FAULT), nothing)
    return FundTotals(excess_in, excess_out, paid, received, kept)


@exactly
def in_units(amount: Decimal, correct_nav: Decimal, unit_decimals: int) -> tuple[Decimal, Decimal]:
    """A compensation in units in place of cash: DOWN at the correct NAV, and the residual that stays in the fund.

    Raises InvalidValue for a NAV that is not positive or an amount below zero.
    """
    if correct_nav <= 0 or amount < 0:
        raise InvalidValue("a compensation is not negative, a NAV positive", field="correct_nav", value=correct_nav)
    units = rounded(ratio(amount, correct_nav), unit_decimals, Rounding.DOWN)
    return units, amount - units * correct_nav
