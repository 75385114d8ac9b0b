"""When every class of a sub-fund that deals is published, its prices are whole (TA-O-5, TA-N-4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from uuid import UUID

from libs.kernel.events import Event
from libs.kernel.exchange import ExchangeRate
from libs.kernel.money import Money, exactly
from libs.messages.nav import DayCompleted, FlowsMeasured, SubFundPublished
from libs.messages.nav_values import ClassPrice, CurrencyRate
from services.nav.domain.commands import DayCommand
from services.nav.domain.computation import Valuation
from services.nav.domain.references import SubFundFacts
from services.nav.domain.refusals import RateMissing


@dataclass(frozen=True, slots=True)
class Day:
    """A sub-fund's date: rates, its test, the NAVs that count now; which ones were whole last, at which revision."""

    rates: tuple[CurrencyRate, ...] | None = None
    test: FlowsMeasured | None = None
    published: Mapping[UUID, ClassPrice] = field(default_factory=dict)
    revision: int = 0
    is_whole: bool = False
    whole: frozenset[UUID] = frozenset()

    def is_out(self) -> bool:
        """Whether a price counts now, or orders were priced already: the direction is dealt at."""
        return bool(self.published) or self.revision > 0


def rates_of(day: Day, facts: SubFundFacts) -> Mapping[str, ExchangeRate]:
    """The middle rates by foreign currency; raises RateMissing for a class whose currency has none."""
    rates = {rate.foreign(facts.currency): rate.middle() for rate in day.rates or ()}
    for each in facts.classes:
        if each.status not in ("draft", "closed") and each.currency not in (facts.currency, *rates):
            raise RateMissing("set the date's rates first", field="rates", value=each.currency)
    return rates


def completion(command: DayCommand, facts: SubFundFacts, day: Day) -> Sequence[Event]:
    """The sub-fund's prices, once all that were measured and still deal are published; nothing before, nor twice."""
    if day.test is None or day.is_whole or not day.published:
        return []
    still_dealing = {each.share_class for each in facts.dealing()} & set(day.test.classes)
    # A correction replaces what orders were priced by, whoever deals now.
    awaited = day.whole or still_dealing
    if not awaited or not awaited <= day.published.keys():
        return []
    revision = day.revision + 1
    published = SubFundPublished(
        **command.day_ids(),
        revision=revision,
        currency=facts.currency,
        net_assets=_net_assets(day, facts),
        prices=tuple(day.published[name] for name in sorted(day.published)),
        rates=day.rates or (),
        levy_due=day.test.levy_due,
    )
    return [DayCompleted(**command.day_ids(), revision=revision), published]


@exactly
def _net_assets(day: Day, facts: SubFundFacts) -> Decimal:
    """The published classes' net assets, each exchanged and rounded."""
    valuation = Valuation(facts.currency, rates_of(day, facts))
    worth = (Money(price.net_assets, price.currency) for price in day.published.values())
    return sum((valuation.converted(money, facts.currency) for money in worth), Decimal(0))
