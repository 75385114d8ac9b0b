"""Values about people inside the published events of investors (TA-I): all but the tax status are personal."""

from __future__ import annotations

import unicodedata
from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, field_validator

from libs.messages.values import Country, Lei, sorted_once, written

# Joiners belong to Persian and Indian names; other invisible characters only hide what a name is.
_JOINERS = "\u200c\u200d"
# Counted after NFC too, which makes two of a few characters.
MAX_TEXT = 200
_EARLIEST = date(1875, 1, 1)


class PersonalValue(BaseModel):
    """A personal value: frozen, no field beside the named ones, and no error that shows what it holds."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


def _text(value: str) -> str:
    """Any script and direction, in one spelling (NFC), nothing invisible in it."""
    value = unicodedata.normalize("NFC", value)
    if not value.isprintable() and not all(mark.isprintable() or mark in _JOINERS for mark in value):
        raise ValueError("only printable characters: no control, direction or line break characters")
    if len(value) > MAX_TEXT:
        raise ValueError(f"at most {MAX_TEXT} characters")
    return value


def _named(value: str) -> str:
    if not any(mark.isalpha() for mark in value):
        raise ValueError("a name has a letter")
    return value


def _past_century(value: date) -> date:
    if value < _EARLIEST:
        raise ValueError(f"not before {_EARLIEST}")
    return value


def _iban(value: str) -> str:
    import schwifty  # noqa: PLC0415  (0.1 s, only when needed)
    from schwifty.exceptions import SchwiftyException  # noqa: PLC0415

    try:
        return str(schwifty.IBAN(value).compact)
    except SchwiftyException as error:
        raise ValueError(f"not an IBAN: {type(error).__name__} (ISO 13616)") from None


def _bic(value: str) -> str:
    import schwifty  # noqa: PLC0415  (0.1 s, only when needed)
    from schwifty.exceptions import SchwiftyException  # noqa: PLC0415

    try:
        return str(schwifty.BIC(value).compact)
    except SchwiftyException as error:
        raise ValueError(f"not a BIC: {type(error).__name__} (ISO 9362)") from None


PersonalText = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_TEXT), AfterValidator(_text)
]
PersonName = Annotated[PersonalText, AfterValidator(_named)]
Iban = Annotated[str, StringConstraints(max_length=42), AfterValidator(_iban)]
Bic = Annotated[str, StringConstraints(max_length=11), AfterValidator(_bic)]
# What a person is written to at; that it arrives is for a message to show.
Email = Annotated[str, StringConstraints(max_length=254, pattern=r"^[^@\s\x00-\x1f]{1,64}@[^@\s\x00-\x1f]{1,189}$")]
Phone = Annotated[str, StringConstraints(pattern=r"^\+[1-9][0-9]{5,14}$")]
PastDate = Annotated[date, BeforeValidator(written), AfterValidator(_past_century)]


class NaturalPerson(PersonalValue):
    """A human being; who has one name only has it as the family name."""

    kind: Literal["natural"] = "natural"
    family_name: PersonName
    given_names: PersonName | None = None
    birth_date: PastDate
    birth_country: Country | None = None
    nationality: Country

    @property
    def full_name(self) -> str:
        """Given names, then family name."""
        return f"{self.given_names} {self.family_name}" if self.given_names else self.family_name


class LegalPerson(PersonalValue):
    """A company, fund or foundation; its `controllers` are the natural persons behind it (beneficial owners)."""

    kind: Literal["legal"] = "legal"
    name: PersonName
    legal_form: PersonalText | None = None
    registration_number: PersonalText | None = None
    incorporated_on: PastDate | None = None
    lei: Lei | None = None
    controllers: Annotated[tuple[NaturalPerson, ...], Field(max_length=25)] = ()

    @property
    def full_name(self) -> str:
        """The registered name."""
        return self.name


Identity = Annotated[NaturalPerson | LegalPerson, Field(discriminator="kind")]


class Address(PersonalValue):
    """A postal address."""

    lines: Annotated[tuple[PersonalText, ...], Field(min_length=1, max_length=3)]
    postal_code: PersonalText | None = None
    city: PersonalText
    country: Country


class Contact(PersonalValue):
    """How a person is reached; the phone number as E.164."""

    email: Email | None = None
    phone: Phone | None = None


class TaxIdentity(PersonalValue):
    """A tax number of one country; `tin` is None where the country gives none, with the reason of the CRS (A, B, C)."""

    country: Country
    tin: Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=40)] | None = None
    missing_reason: Literal["A", "B", "C"] | None = None


class TaxStatus(BaseModel):
    """FATCA and CRS status as certified (TA-I-4); the countries of residence, without the numbers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    fatca: Literal["non_us", "us_person", "exempt", "participating_ffi", "passive_nffe", "active_nffe"]
    crs: Literal["individual", "financial_institution", "active_nfe", "passive_nfe", "exempt"]
    residences: Annotated[tuple[Country, ...], Field(min_length=1, max_length=10)]
    signed_on: PastDate

    _in_order = field_validator("residences")(sorted_once)


class BankDetails(PersonalValue):
    """A bank account as its holder gives it (TA-I-5)."""

    iban: Iban
    bic: Bic | None = None
    holder: PersonName


class BlockGround(PersonalValue):
    """Why an account is blocked and by whose authority: sealed, since a distributor never learns it (TA-I-6)."""

    reason: Literal["aml", "sanctions", "court_order", "regulator", "deceased", "dispute", "client_request", "other"]
    authority: PersonalText
    reference: PersonalText | None = None
