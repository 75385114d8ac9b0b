"""Whether a NAV's figures are its class's, and what is found wrong with them (TA-N-1, TA-N-2)."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from libs.kernel.money import has_decimals, minor_units
from libs.messages.nav import NavComputed
from libs.messages.nav_values import NavFinding
from services.nav.domain.checks import Expected, Finding, Input, findings
from services.nav.domain.commands import DayCommand
from services.nav.domain.computation import ClassNav, reproduces
from services.nav.domain.references import ClassFacts, units_of
from services.nav.domain.refusals import (
    ClassHasNoNav,
    CurrencyDiffers,
    NavNotPositive,
    NavNotReproduced,
    QuoteCrossed,
    QuoteMissing,
    QuoteNotAllowed,
    TooManyDecimals,
)
from services.nav.domain.sub_fund import SubFund, policy_of, tolerances_of


class Figures(NamedTuple):
    """What a NAV says, in its class's currency."""

    currency: str
    total: Decimal
    units: Decimal
    nav: Decimal
    bid: Decimal | None
    offer: Decimal | None


def figures_of(event: NavComputed) -> Figures:
    """The figures of a computed NAV."""
    return Figures(event.currency, event.total, event.units, event.nav, event.bid, event.offer)


def check_figures(figures: Figures, facts: ClassFacts) -> None:
    """Raise for a class without a NAV, another currency, figures of zero or too fine, a price not reproduced (N-1)."""
    if facts.status in ("draft", "closed"):
        raise ClassHasNoNav(f"the class is {facts.status}", field="share_class", value=facts.share_class)
    if figures.currency != facts.currency:
        raise CurrencyDiffers(f"the class is in {facts.currency}", field="currency", value=figures.currency)
    decimals = {
        "total": minor_units(facts.currency),
        "units": facts.unit_decimals,
        "nav": facts.price_decimals,
        "bid": facts.price_decimals,
        "offer": facts.price_decimals,
    }
    named: Mapping[str, Decimal | None] = figures._asdict()
    for field, allowed in decimals.items():
        value = named[field]
        if value is not None and value <= 0:
            raise NavNotPositive("it prices nothing", field=field, value=value)
        if value is not None and not has_decimals(value, allowed):
            raise TooManyDecimals(f"{allowed} decimals", field=field, value=value)
    check_quote(figures.nav, figures.bid, figures.offer, facts, is_last_call=False)
    if not reproduces(_as_nav(figures, facts)):
        raise NavNotReproduced("total net assets by units give another price", field="nav", value=figures.nav)


def check_quote(
    nav: Decimal, bid: Decimal | None, offer: Decimal | None, facts: ClassFacts, *, is_last_call: bool
) -> None:
    """A class has one price, or both a bid and an offer around its NAV; they may come until it is approved."""
    if facts.price_type == "single":
        if bid is not None or offer is not None:
            raise QuoteNotAllowed("it has neither bid nor offer", field="bid", value=bid)
        return
    if bid is None or offer is None:
        if is_last_call or bid != offer:
            raise QuoteMissing("give both", field="offer" if offer is None else "bid")
        return
    for field, value in (("bid", bid), ("offer", offer)):
        if not has_decimals(value, facts.price_decimals):
            raise TooManyDecimals(f"{facts.price_decimals} decimals", field=field, value=value)
    if not bid <= nav <= offer:
        raise QuoteCrossed("bid ≤ NAV ≤ offer", field="bid", value=bid)


def found_in(
    command: DayCommand, nav: NavComputed, facts: ClassFacts, sub_fund: SubFund | None
) -> tuple[NavFinding, ...]:
    """Everything that needs a reason now (N-2); the register's units count as soon as they are there."""
    register = units_of(command, facts.share_class)
    units = nav.units if register is None else register.before(command.valuation_date)
    found = findings(
        _as_nav(figures_of(nav), facts),
        Expected(nav.previous, units, nav.benchmark_return),
        [Input(each.name, each.as_of) for each in nav.inputs],
        command.valuation_date,
        tolerances_of(policy_of(sub_fund, command)),
    )
    return tuple(map(_told, found))


def previous_of(
    command: DayCommand, share_class: UUID, sub_fund: SubFund | None, former: NavComputed | None
) -> Decimal | None:
    """The class's last published NAV before the date, or the one that a former revision was held against."""
    known = None if sub_fund is None else sub_fund.nav_before(command.valuation_date, share_class)
    return former.previous if known is None and former is not None else known


def _as_nav(figures: Figures, facts: ClassFacts) -> ClassNav:
    return ClassNav(
        facts.share_class,
        figures.currency,
        figures.total,
        figures.units,
        figures.nav,
        facts.price_decimals,
        facts.rounding,
    )


def _told(finding: Finding) -> NavFinding:
    """As it is stored: figures as plain text."""
    return NavFinding(
        check=finding.check.value,
        subject=finding.subject,
        found=_text(finding.found),
        expected=_text(finding.expected),
    )


def _text(value: object) -> str:
    return f"{value.normalize() + 0:f}" if isinstance(value, Decimal) else str(value)
