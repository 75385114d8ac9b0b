"""Transfers between accounts and conversions between classes: both legs in one decision (TA-R-1, TA-R-2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, assert_never

from libs.kernel.errors import InvalidValue
from libs.kernel.events import Event
from libs.kernel.exchange import ExchangeRate
from libs.messages import register as published
from libs.messages.register_values import LotRow
from services.register.domain.books import Books
from services.register.domain.commands import ConvertUnits, TransferUnits
from services.register.domain.corporate_actions import costs_in, exchanged, merger_factor
from services.register.domain.holding import Holding, conversion_done, take, transfer_done
from services.register.domain.lots import Lots
from services.register.domain.refusals import MovementExists, QuantityInvalid
from services.register.domain.share_class import ShareClass
from services.register.domain.terms import (
    ClassTerms,
    check_amount,
    check_dates,
    check_gives,
    check_open,
    check_takes,
    check_transfers,
    check_units,
    terms_of,
)

TransferCommands = TransferUnits | ConvertUnits

# --- Decide


def decide(command: TransferCommands, *seen: Any) -> Sequence[Event]:
    """The events of a transfer or a conversion."""
    match command:
        case TransferUnits():
            return transfer_units(command, *seen)
        case ConvertUnits():
            return convert_units(command, *seen)
        case _:
            assert_never(command)


def transfer_units(
    command: TransferUnits, giver: Holding | None, receiver: Holding | None, share_class: ShareClass | None
) -> Sequence[Event]:
    """Units leave one account and reach the other, with their lots or as a new one; the transfer again is no event."""
    if command.account == command.to_account:
        raise InvalidValue("units move to another account", field="to_account", value=command.to_account)
    terms = terms_of(command, command.share_class)
    dates = {"valuation_date": command.valuation_date, "settlement_date": command.settlement_date}
    ids: dict[str, Any] = {"umbrella": command.umbrella, "share_class": command.share_class, **dates}
    said: dict[str, Any] = {"transfer": command.transfer, "consideration": command.consideration}
    asked = published.UnitsTransferred(
        **ids, **said, booking_date=command.now.date(), account=command.account, leg="out",
        other_account=command.to_account, units=command.units,
    )  # fmt: skip
    if done_before(giver, command.transfer, transfer_done(asked), "transfer"):
        return []
    check_units(command.units, terms)
    check_dates(command, command.valuation_date, command.settlement_date)
    if command.consideration is not None:
        check_amount(command.consideration, terms.currency, terms)
    check_transfers(command, command.account, "account")
    check_transfers(command, command.to_account, "to_account")
    check_takes(command, command.to_account, "to_account")
    seen = {(command.account, command.share_class): giver, (command.to_account, command.share_class): receiver}
    books = Books(command, seen, {command.share_class: share_class})
    books.caught_up(command.to_account, command.share_class, command.valuation_date)
    held = books.caught_up(command.account, command.share_class, command.valuation_date)
    generation = books.generation(command.share_class, command.valuation_date)
    taken = take(held, command.units, terms.cost_decimals)
    if command.consideration is None:
        lots = rows(held.lots.parts(taken))
    else:
        lots = (LotRow(command.valuation_date, command.units, command.consideration),)
    books.record(asked.model_copy(update={"generation": generation, "taken": taken}))
    books.record(
        published.UnitsTransferred(
            **ids, **said, booking_date=books.booked_on, generation=generation, account=command.to_account, leg="in",
            other_account=command.account, units=command.units, lots=lots,
        )
    )  # fmt: skip
    return books.close()


def convert_units(
    command: ConvertUnits,
    own: Holding | None,
    other: Holding | None,
    share_class: ShareClass | None,
    into_class: ShareClass | None,
) -> Sequence[Event]:
    """The oldest units of a class become units of another at both prices; the residual of a unit is shown."""
    if command.share_class == command.into_class:
        raise InvalidValue("units become another class's", field="into_class", value=command.into_class)
    terms = terms_of(command, command.share_class)
    into = terms_of(command, command.into_class, "into_class")
    dates = {"valuation_date": command.valuation_date, "settlement_date": command.settlement_date}
    ids: dict[str, Any] = {"umbrella": command.umbrella, "account": command.account, **dates}
    said: dict[str, Any] = {"conversion": command.conversion, "merger": False, "given": command.units}
    asked = published.UnitsConverted(
        **ids, **said, booking_date=command.now.date(), share_class=command.share_class, leg="out",
        other_class=command.into_class, units=command.units,
    )  # fmt: skip
    if done_before(own, command.conversion, conversion_done(asked), "conversion"):
        return []
    check_units(command.units, terms)
    check_dates(command, command.valuation_date, command.settlement_date)
    check_open(into)
    check_gives(command, command.account)
    check_takes(command, command.account)
    rate = rate_of(terms, into, command)
    factor = merger_factor(command.price, command.into_price, terms.currency, into.currency, rate)
    keys = [(command.account, each) for each in (command.share_class, command.into_class)]
    books = Books(
        command,
        dict(zip(keys, (own, other), strict=True)),
        {command.share_class: share_class, command.into_class: into_class},
    )
    books.caught_up(command.account, command.into_class, command.valuation_date)
    held = books.caught_up(command.account, command.share_class, command.valuation_date)
    taken = take(held, command.units, terms.cost_decimals)
    found = exchanged(in_currency(held.lots.parts(taken), terms, into, rate), factor, into.unit_decimals)
    if not found.units:
        raise QuantityInvalid("no unit comes of so few", field="units", value=command.units)
    generation = books.generation(command.share_class, command.valuation_date)
    books.record(asked.model_copy(update={"generation": generation, "taken": taken}))
    books.record(
        published.UnitsConverted(
            **ids, **said, booking_date=books.booked_on, share_class=command.into_class, leg="in",
            other_class=command.share_class, units=found.units, lots=rows(found.lots), residual=found.residual,
            generation=books.generation(command.into_class, command.valuation_date),
        )
    )  # fmt: skip
    return books.close()


def done_before(holding: Holding | None, name: Any, asked: tuple[object, ...], field: str) -> bool:
    """Whether exactly this was carried out; raises MovementExists when something else was under its id."""
    done = None if holding is None else holding.done.get(name)
    if done is not None and done != asked:
        raise MovementExists("it was carried out with other particulars", field=field, value=name)
    return done is not None


def rows(lots: Lots) -> tuple[LotRow, ...]:
    """Lots as an event tells them."""
    return tuple(LotRow(lot.acquired, lot.units, lot.cost) for lot in lots)


def rate_of(terms: ClassTerms, into: ClassTerms, command: Any) -> ExchangeRate | None:
    """The middle rate of the two classes' currencies; raises InvalidValue where it is missing or one too many."""
    if (command.rate is None) != (terms.currency == into.currency):
        raise InvalidValue("a rate where the currencies differ, and only there", field="rate", value=command.rate)
    return None if command.rate is None else ExchangeRate.middle(terms.currency, into.currency, command.rate)


def in_currency(lots: Lots, terms: ClassTerms, into: ClassTerms, rate: ExchangeRate | None) -> Lots:
    """The lots with their costs in the currency of the class that they go into."""
    return lots if rate is None else costs_in(lots, terms.currency, into.currency, rate)
