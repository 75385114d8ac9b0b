"""What is taken out of the money of an order: entry, exit and switch fee, anti-dilution levy, redemption fee (TA-O-5).

The fee goes to whom the prospectus names; levy and redemption fee stay in the fund (TA-F-3). Golden G1 and G2 have no
levy and no redemption fee; with them: a subscription's levy is a part of what buys units, put on top of it, and the
entry fee is taken of the rest as in G1; a redemption's charges are all parts of gross, but an exit fee of net is not.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from libs.kernel.errors import InvalidValue
from libs.kernel.fees import fee_on_top, fee_out_of
from libs.kernel.money import Rounding, exactly, ratio, rounded
from libs.messages.fund_values import Fee, FeeBase, LiquidityTools, ShareClassTerms

_NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class Charges:
    """What an order is charged; `free_units` leave first (FIFO) and bear no redemption fee.

    Raises InvalidValue when the rates together leave nothing.
    """

    fee: Fee | None = None
    levy_rate: Decimal = _NOTHING
    redemption_fee_rate: Decimal = _NOTHING
    free_units: Decimal = _NOTHING

    def __post_init__(self) -> None:
        if self.fee_rate + self.levy_rate + self.redemption_fee_rate >= 1:
            raise InvalidValue("the charges take all of the amount", field="charges", value=self)

    @property
    def fee_rate(self) -> Decimal:
        """The fee's rate, 0 without one."""
        return _NOTHING if self.fee is None else self.fee.rate

    @property
    def of_gross(self) -> bool:
        """Whether the fee is a part of the amount that holds it."""
        return self.fee is not None and self.fee.base is FeeBase.GROSS


def entry_charges(terms: ShareClassTerms, tools: LiquidityTools, *, levied: bool) -> Charges:
    """The class's entry fee, and the sub-fund's levy on the days on which it is due."""
    levy = _NOTHING if tools.levy is None or not levied else tools.levy.subscription_rate
    return Charges(terms.entry_fee, levy)


def exit_charges(terms: ShareClassTerms, tools: LiquidityTools, *, levied: bool, free_units: Decimal) -> Charges:
    """The class's exit fee, the levy on days on which it is due, the redemption fee on units held too shortly.

    `free_units`: the account's units that were held longer than `held_up_to_days`; no use where that is None.
    """
    return _leaving(terms.exit_fee, tools, levied=levied, free_units=free_units)


def switch_charges(terms: ShareClassTerms, tools: LiquidityTools, *, levied: bool, free_units: Decimal) -> Charges:
    """As for a redemption, but the class's switch fee in place of its exit fee (golden G3)."""
    return _leaving(terms.switch_fee, tools, levied=levied, free_units=free_units)


def _leaving(fee: Fee | None, tools: LiquidityTools, *, levied: bool, free_units: Decimal) -> Charges:
    levy = _NOTHING if tools.levy is None or not levied else tools.levy.redemption_rate
    kept = tools.redemption_fee
    if kept is None:
        return Charges(fee, levy)
    return Charges(fee, levy, kept.rate, _NOTHING if kept.held_up_to_days is None else free_units)


@dataclass(frozen=True, slots=True)
class Amounts:
    """The money of one order at minor units: gross = net + fee + levy + redemption fee; both in their ISO meaning.

    `fund` is what enters or leaves the fund; `raw` the figure before the rounding by which gross and net were split.
    """

    gross: Decimal
    net: Decimal
    fee: Decimal
    levy: Decimal
    redemption_fee: Decimal
    fund: Decimal
    raw: Fraction


@dataclass(frozen=True, slots=True)
class Cents:
    """The decimals and the rounding mode of a class's money."""

    decimals: int
    mode: Rounding

    def of(self, value: Decimal | Fraction) -> Decimal:
        """The amount at minor units."""
        return rounded(value, self.decimals, self.mode)


@exactly
def subscribed_for_gross(gross: Decimal, charges: Charges, cents: Cents) -> Amounts:
    """What the investor pays, split (G1 a, b): the fee first, then the levy out of what enters the fund."""
    paid = fee_out_of(gross, charges.fee_rate, of_gross=charges.of_gross, decimals=cents.decimals, mode=cents.mode)
    inside = fee_out_of(paid.net, charges.levy_rate, of_gross=False, decimals=cents.decimals, mode=cents.mode)
    return Amounts(gross, inside.net, paid.fee, inside.fee, _NOTHING, paid.net, paid.raw)


@exactly
def subscribed_for_net(net: Decimal, charges: Charges, cents: Cents) -> Amounts:
    """What buys units, with its charges on top (G1 c-f)."""
    inside = fee_on_top(net, charges.levy_rate, of_gross=False, decimals=cents.decimals, mode=cents.mode)
    paid = fee_on_top(
        inside.gross, charges.fee_rate, of_gross=charges.of_gross, decimals=cents.decimals, mode=cents.mode
    )
    return Amounts(paid.gross, net, paid.fee, inside.fee, _NOTHING, inside.gross, paid.raw)


@exactly
def redeemed_for_gross(gross: Decimal, price: Decimal, charges: Charges, cents: Cents) -> Amounts:
    """The value of the units cancelled, less its charges (G2 a, b, d)."""
    levy = cents.of(gross * charges.levy_rate)
    redemption_fee = cents.of(_short_held(gross, price, charges, cents) * charges.redemption_fee_rate)
    kept = min(levy + redemption_fee, gross)
    left = gross - kept
    if charges.of_gross:
        raw = Fraction(gross * charges.fee_rate)
        fee = min(cents.of(raw), left)
    else:
        raw = ratio(left, 1 + charges.fee_rate)
        fee = left - cents.of(raw)
    return Amounts(gross, left - fee, fee, levy, kept - levy, left, raw)


@exactly
def redeemed_for_net(net: Decimal, price: Decimal, charges: Charges, cents: Cents) -> Amounts:
    """The gross that leaves exactly the net asked for (G2 c); the last of its charges is what is left.

    The redemption fee is at most what the levy leaves, so that roundings that meet make no charge negative.
    """
    fee_of_net = _NOTHING if charges.of_gross else cents.of(net * charges.fee_rate)
    raw = _gross_for(net + fee_of_net, price, charges, cents)
    gross = cents.of(raw)
    kept = gross - net - fee_of_net
    levy = cents.of(gross * charges.levy_rate)
    short_held = _short_held(gross, price, charges, cents)
    redemption_fee = min(cents.of(short_held * charges.redemption_fee_rate), kept - levy)
    rest = kept - levy - redemption_fee
    if charges.of_gross:
        return Amounts(gross, net, rest, levy, redemption_fee, net + rest, raw)
    # A levy alone leaves no rest: the rounding of gross was its own.
    return Amounts(gross, net, fee_of_net, levy, redemption_fee + rest, net + fee_of_net, raw)


def _gross_for(left: Decimal, price: Decimal, charges: Charges, cents: Cents) -> Fraction:
    """The gross that leaves `left` after all charges of gross; the redemption fee begins past the free units."""
    taken = charges.levy_rate + (charges.fee_rate if charges.of_gross else _NOTHING)
    gross = ratio(left, 1 - taken)
    free = cents.of(charges.free_units * price)
    if charges.redemption_fee_rate and gross > free:
        gross = ratio(left - charges.redemption_fee_rate * free, 1 - taken - charges.redemption_fee_rate)
    return gross


def _short_held(gross: Decimal, price: Decimal, charges: Charges, cents: Cents) -> Decimal:
    """The part of gross that comes from units on which the redemption fee falls."""
    return max(_NOTHING, gross - cents.of(charges.free_units * price))
