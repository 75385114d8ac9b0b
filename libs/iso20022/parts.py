"""Parts that many messages share, out of their dataclasses: references, instruments, quantities, parties, dates."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from stdnum import isin as isin_numbers
from stdnum import lei as lei_numbers

from libs.iso20022.errors import Fault, Reason, value_class
from libs.iso20022.values import Amount, CashAccount, Identifier, Quantity, QuantityKind

_HUNDRED = Decimal(100)


def moment_of(value: Any, place: str) -> datetime | None:
    """A point in time in UTC; one without an offset is taken as UTC. Raises Fault for one that no calendar has."""
    if value is None:
        return None
    try:
        found: datetime = value.to_datetime()
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise Fault(Reason.VALUE, place, "is not a point in time", value_class(str(value))) from error


def date_of(value: Any, place: str) -> date | None:
    """A calendar date. Raises Fault for one that no calendar has."""
    if value is None:
        return None
    try:
        found: date = value.to_date()
    except (ValueError, OverflowError) as error:
        raise Fault(Reason.VALUE, place, "is not a date", value_class(str(value))) from error
    return found


def date_or_moment(value: Any, place: str) -> date | datetime | None:
    """The choice of a date or a point in time."""
    if value is None:
        return None
    return date_of(value.dt, f"{place}/Dt") or moment_of(value.dt_tm, f"{place}/DtTm")


def amount_of(value: Any) -> Amount | None:
    """An amount with its currency, as it was written."""
    return None if value is None else Amount(value.value, value.ccy)


def instrument_of(identification: Any, place: str) -> Identifier:
    """The identification of a share class; an ISIN must have its right check digit (ISO 6166)."""
    for attribute, name in _SCHEMES.items():
        value = getattr(identification, attribute, None)
        if value is not None:
            if name == "ISIN" and not isin_numbers.is_valid(value):
                raise Fault(Reason.VALUE, f"{place}/ISIN", "has a wrong check digit", value_class(value))
            return Identifier(name, value)
    other = identification.othr_prtry_id
    source = getattr(other, "id_src", None)
    scheme = (source.prtry or source.dmst) if source is not None else getattr(other, "prtry_id_src", None)
    return Identifier(scheme or "proprietary", other.id)


_SCHEMES = {
    "isin": "ISIN",
    "sedol": "SEDOL",
    "cusip": "CUSIP",
    "ric": "RIC",
    "tckr_symb": "TckrSymb",
    "blmbrg": "Blmbrg",
    "cta": "CTA",
    "quick": "QUICK",
    "wrtppr": "Wrtppr",
    "dtch": "Dtch",
    "vlrn": "Vlrn",
    "scvm": "SCVM",
    "belgn": "Belgn",
    "cmon": "Cmon",
}


def quantity_of(choice: Any, place: str) -> Quantity:
    """Units, a gross or a net amount, or all units (`HldgsRedRate` 100, O-5); zero and parts are refused."""
    if choice.units_nb is not None:
        return Quantity(QuantityKind.UNITS, _positive(choice.units_nb, f"{place}/UnitsNb"))
    for attribute, kind, name in (
        ("grss_amt", QuantityKind.GROSS_AMOUNT, "GrssAmt"),
        ("net_amt", QuantityKind.NET_AMOUNT, "NetAmt"),
    ):
        amount = getattr(choice, attribute, None)
        if amount is not None:
            return Quantity(kind, _positive(amount.value, f"{place}/{name}"), amount.ccy)
    if getattr(choice, "hldgs_red_rate", None) is not None:
        if choice.hldgs_red_rate != _HUNDRED:
            raise Fault(Reason.QUANTITY, f"{place}/HldgsRedRate", "only 100, all units, is taken")
        return Quantity(QuantityKind.ALL_UNITS)
    if getattr(choice, "pctg_of_ttl_red_amt", None) is not None:
        if choice.pctg_of_ttl_red_amt != _HUNDRED:
            raise Fault(Reason.QUANTITY, f"{place}/PctgOfTtlRedAmt", "only 100, all proceeds, is taken")
        return Quantity(QuantityKind.ALL_PROCEEDS)
    raise Fault(Reason.QUANTITY, place, "is not units, a gross or a net amount, or all of it")


def _positive(value: Decimal, place: str) -> Decimal:
    if value <= 0:
        raise Fault(Reason.QUANTITY, place, "must be above zero", value_class(str(value)))
    return value


def party_of(party: Any, place: str) -> Identifier | None:
    """A party by LEI, else BIC, else its proprietary identification; a name alone identifies nobody here."""
    if party.lei is not None:
        if not lei_numbers.is_valid(party.lei):
            raise Fault(Reason.VALUE, f"{place}/LEI", "has wrong check digits", value_class(party.lei))
        return Identifier("LEI", party.lei)
    if party.pty.any_bic is not None:
        return Identifier("BIC", party.pty.any_bic)
    own = party.pty.prtry_id
    return None if own is None else Identifier(own.schme_nm or "proprietary", own.id)


def distributor_of(intermediaries: Iterable[Any], place: str) -> Identifier | None:
    """The party in the role of distributor, else of an intermediary (I-8); several distributors are refused."""
    by_role: dict[str, list[Identifier]] = {"DIST": [], "INTR": []}
    for at, intermediary in enumerate(intermediaries, 1):
        role = intermediary.role.cd if intermediary.role is not None else None
        party = party_of(intermediary.id, f"{place}[{at}]/Id")
        if role is not None and party is not None and role.value in by_role:
            by_role[role.value].append(party)
    for found in by_role.values():
        if len(found) > 1:
            raise Fault(Reason.REPEATED, place, "names two parties in one role")
        if found:
            return found[0]
    return None


def cash_account_of(settlement: Any) -> CashAccount | None:
    """The account of a credit transfer or the investor's cash account, when the order names one."""
    if settlement is None:
        return None
    instrument = settlement.pmt_instrm
    if instrument.cdt_trf_dtls is not None:
        identification = instrument.cdt_trf_dtls.cdtr_acct.id
        if identification.iban is not None:
            return CashAccount("IBAN", identification.iban)
        return CashAccount("other", identification.othr.id)
    if instrument.csh_acct_dtls is not None and instrument.csh_acct_dtls.acct_id is not None:
        return CashAccount("cash account", instrument.csh_acct_dtls.acct_id)
    return None


def unread_of(model: Any, read: frozenset[str], names: dict[str, str]) -> tuple[str, ...]:
    """The XML names of the parts that stand in the entry and that nobody acts upon."""
    return tuple(
        sorted(names[name] for name, value in vars(model).items() if name not in read and value not in (None, []))
    )


def code_of(value: Any) -> str | None:
    """The text of a code."""
    return None if value is None else str(value.value)
