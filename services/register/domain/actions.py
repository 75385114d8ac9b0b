"""Corporate actions on all holdings of a class: started once, carried out in chunks, residuals shown (TA-R-1, G8).

A split waits for no chunk: a movement valued on or after its effective date first splits the holding that it touches.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, assert_never
from uuid import UUID

from libs.kernel.errors import InvalidValue
from libs.kernel.events import Event
from libs.kernel.exchange import ExchangeRate
from libs.kernel.money import Money
from libs.messages import register as published
from libs.messages.register_values import LotsTaken
from services.register.domain.action_commands import (
    ExchangeHoldings,
    MergeHoldings,
    SplitHoldings,
    StartMerger,
    StartSplit,
)
from services.register.domain.books import Books, completed
from services.register.domain.corporate_actions import costs_in, exchanged, merger_factor
from services.register.domain.holding import Holding, Reserved, moved, scaled
from services.register.domain.refusals import (
    ActionExists,
    ActionIsEarly,
    ActionIsLate,
    ActionStillRuns,
    ActionUnknown,
    ShareClassIsMerged,
)
from services.register.domain.share_class import NEW, Progress, ShareClass, Started, action_known
from services.register.domain.terms import check_open, terms_of
from services.register.domain.transfers import rate_of, rows

ActionCommands = StartSplit | StartMerger | SplitHoldings | MergeHoldings
# A lot that moves to another class takes some 40 bytes, a reservation 200, and a decision has 200,000 (W-6).
_MOST_LOTS = 1_500
_LOTS_PER_RESERVATION = 5

# --- Decide


def decide(command: ActionCommands, *seen: Any) -> Sequence[Event]:
    """The events of a corporate action."""
    match command:
        case StartSplit():
            return start_split(command, *seen)
        case StartMerger():
            return start_merger(command, *seen)
        case SplitHoldings():
            *holdings, share_class = seen
            return split_holdings(command, holdings, share_class)
        case MergeHoldings():
            *both, share_class, into_class = seen
            return merge_holdings(command, both, share_class, into_class)
        case _:
            assert_never(command)


def start_split(command: StartSplit, share_class: ShareClass | None) -> Sequence[Event]:
    """From the effective date `new` units stand for `old`; nothing is booked on or after it yet."""
    if command.new == command.old:
        raise InvalidValue("a split changes the number of units", field="new", value=command.new)
    terms = terms_of(command, command.share_class)
    started = published.SplitStarted(
        umbrella=command.umbrella,
        share_class=command.share_class,
        action=command.action,
        new=command.new,
        old=command.old,
        effective_date=command.effective_date,
        unit_decimals=terms.unit_decimals,
    )
    return _start(command, share_class or NEW, started)


def start_merger(
    command: StartMerger, share_class: ShareClass | None, into_class: ShareClass | None
) -> Sequence[Event]:
    """From the effective date the units are another class's, by both prices; that class is not on its way itself."""
    if command.share_class == command.into_class:
        raise InvalidValue("a class merges into another", field="into_class", value=command.into_class)
    terms = terms_of(command, command.share_class)
    into = terms_of(command, command.into_class, "into_class")
    rate = rate_of(terms, into, command)
    started = published.MergerStarted(
        umbrella=command.umbrella,
        share_class=command.share_class,
        action=command.action,
        into_class=command.into_class,
        effective_date=command.effective_date,
        factor=merger_factor(command.price, command.into_price, terms.currency, into.currency, rate),
        unit_decimals=into.unit_decimals,
        currency=terms.currency,
        into_currency=into.currency,
        rate=command.rate,
    )
    if action_known(share_class or NEW, command.action) is not None:
        return _start(command, share_class or NEW, started)
    check_open(into)
    _check_ready(into_class or NEW, started)
    expected = published.MergerExpected(
        umbrella=command.umbrella,
        share_class=command.into_class,
        action=command.action,
        from_class=command.share_class,
    )
    events = _start(command, share_class or NEW, started)
    return [*events, expected] if len(events) == 1 else events


def _check_ready(into_class: ShareClass, started: published.MergerStarted) -> None:
    if into_class.running is not None:
        raise ActionStillRuns("the other class goes through an action", field="into_class", value=started.into_class)
    if into_class.actions and isinstance(into_class.actions[-1], published.MergerStarted):
        raise ShareClassIsMerged("it takes no units any more", field="into_class", value=started.into_class)
    if into_class.actions and into_class.actions[-1].effective_date > started.effective_date:
        late = into_class.actions[-1].effective_date
        raise ActionIsLate(f"the other class split on {late}", field="effective_date", value=started.effective_date)


def _start(command: StartSplit | StartMerger, share_class: ShareClass, started: Started) -> Sequence[Event]:
    former = action_known(share_class, command.action)
    if former is not None:
        if former != started:
            raise ActionExists("it was started with other particulars", field="action", value=command.action)
        return []
    if share_class.running is not None or share_class.expected:
        raise ActionStillRuns("wait until it is completed", field="action", value=command.action)
    last = share_class.actions[-1] if share_class.actions else None
    if isinstance(last, published.MergerStarted):
        raise ShareClassIsMerged(f"effective {last.effective_date}", field="share_class", value=command.share_class)
    booked_until = max(share_class.latest_valuation, last.effective_date if last else share_class.latest_valuation)
    if started.effective_date <= booked_until:
        reason = f"units are booked up to {booked_until}"
        raise ActionIsLate(reason, field="effective_date", value=started.effective_date)
    if share_class.holders or started.effective_date > command.now.date():
        return [started]
    ids = {"umbrella": command.umbrella, "share_class": command.share_class}
    return [started, completed(ids, command.action, Progress())]


def split_holdings(
    command: SplitHoldings, holdings: Sequence[Holding | None], share_class: ShareClass | None
) -> Sequence[Event]:
    """Holdings that still wait for the split go through it; a chunk that went through is no event."""
    known = share_class or NEW
    action, generation = _effective(command, known, published.SplitStarted)
    accounts = dict.fromkeys(command.accounts)
    keys = [(account, command.share_class) for account in accounts]
    books = Books(command, dict(zip(keys, holdings, strict=True)), {action.share_class: known})
    books.touch(action.share_class)
    for account in accounts:
        held = books.holding(account, command.share_class)
        if held.units and held.generation < generation:
            books.brought_to(account, command.share_class, generation)
    return books.close()


def merge_holdings(
    command: MergeHoldings,
    both: Sequence[Holding | None],
    share_class: ShareClass | None,
    into_class: ShareClass | None,
) -> Sequence[Event]:
    """Holdings that still wait become units of the other class, with their blocks, pledges and earmarks.

    What would not fit a decision waits for the same command under another key (W-6): whoever sends chunks looks at
    `waiting`.
    """
    known = share_class or NEW
    action, generation = _effective(command, known, published.MergerStarted)
    accounts = dict.fromkeys(command.accounts)
    keys = [(account, each) for each in (command.share_class, command.into_class) for account in accounts]
    classes = {command.share_class: known, command.into_class: into_class}
    books = Books(command, dict(zip(keys, both, strict=True)), classes)
    books.touch(action.share_class)
    lots = 0
    for account in accounts:
        held = books.holding(account, command.share_class)
        if not held.units or held.generation >= generation:
            continue
        size = len(held.lots) + _LOTS_PER_RESERVATION * len(held.reserved)
        if lots and lots + size > _MOST_LOTS:
            break
        lots += size
        _merge(account, action, generation, books)
    events = books.close()
    over = known.running is None or any(isinstance(event, published.CorporateActionCompleted) for event in events)
    if over and into_class is not None and action.action in into_class.expected:
        ids = {"umbrella": command.umbrella, "share_class": command.into_class}
        events.append(published.MergerArrived(**ids, action=action.action))
    return events


def _merge(account: UUID, action: published.MergerStarted, generation: int, books: Books) -> None:
    held = books.brought_to(account, action.share_class, generation - 1)
    books.caught_up(account, action.into_class, action.effective_date)
    rate = None
    if action.rate is not None:
        rate = ExchangeRate.middle(action.currency, action.into_currency, action.rate)
    before = tuple(held.lots)
    lots = before if rate is None else costs_in(before, action.currency, action.into_currency, rate)
    found = exchanged(lots, action.factor, action.unit_decimals)
    common: dict[str, Any] = {
        "umbrella": action.umbrella, "account": account, "booking_date": books.booked_on,
        "valuation_date": action.effective_date, "settlement_date": action.effective_date,
        "conversion": action.action, "merger": True, "given": held.units,
    }  # fmt: skip
    taken = LotsTaken(whole=len(before), cost=held.lots.cost)
    books.record(
        published.UnitsConverted(
            **common, share_class=action.share_class, leg="out", other_class=action.into_class, units=held.units,
            generation=generation, taken=taken,
        )
    )  # fmt: skip
    reserved = scaled(held.reserved, action.factor, action.unit_decimals)
    books.record(
        published.UnitsConverted(
            **common, share_class=action.into_class, leg="in", other_class=action.share_class, units=found.units,
            generation=books.generation(action.into_class, action.effective_date), lots=rows(found.lots),
            residual=found.residual, cost_dropped=found.cost_dropped,
            reservations=moved(reserved.update({name: _owed(each, rate, action) for name, each in reserved.items()})),
        )
    )  # fmt: skip
    books.exchanged(action, Progress(1, held.units, found.units, found.residual, found.cost_dropped))


def _owed(reserved: Reserved, rate: ExchangeRate | None, action: published.MergerStarted) -> Reserved:
    if reserved.owed is None or rate is None:
        return reserved
    return replace(reserved, owed=rate.sold(Money(reserved.owed, action.currency)).amount)


def _effective(command: ExchangeHoldings, share_class: ShareClass, kind: type[Any]) -> tuple[Any, int]:
    """The action and how many its holdings went through with it; ActionUnknown, ActionIsEarly."""
    action = action_known(share_class, command.action)
    if not isinstance(action, kind) or (isinstance(command, MergeHoldings) and action.into_class != command.into_class):
        raise ActionUnknown("start the corporate action first", field="action", value=command.action)
    if command.now.date() < action.effective_date:
        raise ActionIsEarly(f"effective {action.effective_date}", field="action", value=command.action)
    return action, share_class.actions.index(action) + 1
