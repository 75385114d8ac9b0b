"""Particulars of a person against the world: countries that exist, days that are past (TA-I-1)."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from libs.kernel.errors import InvalidValue
from libs.messages.codes import check_country
from libs.messages.person_values import Address, Identity, NaturalPerson


def check_particulars(identity: Identity | None, address: Address | None, now: datetime) -> None:
    """Raise InvalidValue, naming the field but no value, for a country that does not exist or a day still to come."""
    if address is not None:
        _check_country(address.country, "address.country")
    if isinstance(identity, NaturalPerson):
        _check_person(identity, "identity", now)
    elif identity is not None:
        _check_past(identity.incorporated_on, "identity.incorporated_on", now)
        for position, person in enumerate(identity.controllers):
            _check_person(person, f"identity.controllers.{position}", now)


def _check_person(person: NaturalPerson, place: str, now: datetime) -> None:
    _check_past(person.birth_date, f"{place}.birth_date", now)
    _check_country(person.nationality, f"{place}.nationality")
    if person.birth_country is not None:
        _check_country(person.birth_country, f"{place}.birth_country")


def _check_past(day: date | None, field: str, now: datetime) -> None:
    # Somewhere on earth the next day has begun.
    if day is not None and day > (now + timedelta(hours=14)).date():
        raise InvalidValue("a day still to come", field=field)


def _check_country(country: str, field: str) -> None:
    try:
        check_country(country, field)
    except InvalidValue as error:
        raise error.without_value() from None
