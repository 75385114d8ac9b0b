"""Values about people: names in any script, IBAN, BIC, LEI, dates; no error shows what was given (TA-I-1, TA-I-5)."""

from __future__ import annotations

import string
import unicodedata
from typing import Any

import pytest
from hypothesis import assume, settings
from hypothesis import given as forall
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter, ValidationError
from schwifty import IBAN

from libs.messages.person_values import (
    Address,
    BankDetails,
    Bic,
    Contact,
    Iban,
    Identity,
    LegalPerson,
    NaturalPerson,
    PersonName,
    TaxIdentity,
    TaxStatus,
)
from libs.messages.values import Lei

NAMES: TypeAdapter[str] = TypeAdapter(PersonName)
IBANS: TypeAdapter[str] = TypeAdapter(Iban)
BICS: TypeAdapter[str] = TypeAdapter(Bic)
LEIS: TypeAdapter[str] = TypeAdapter(Lei)
ANNA: dict[str, Any] = {"family_name": "Weber", "given_names": "Anna", "birth_date": "1980-02-29", "nationality": "DE"}


def accepted(values: TypeAdapter[Any], value: object) -> Any:
    """The value as it is kept, None where it is refused; anything but ValidationError is raised."""
    try:
        return values.validate_python(value)
    except ValidationError:
        return None


# --- Names


@pytest.mark.parametrize(
    "name",
    ["Łukasz O’Brien-Ñúñez", "Иванов", "محمد بن علي", "שלמה כהן", "李娜", "김민준", "สมชาย", "मीना", "Ὀδυσσεύς",
     "X Æ A-12", "علی‌رضا", "Nguyễn Văn Mẫu", "d'Arc", "Jr. 3rd", "ᏣᎳᎩ"],
)  # fmt: skip
def test_i1_a_name_in_any_script_and_direction_is_a_name(name: str) -> None:
    assert NAMES.validate_python(name) == unicodedata.normalize("NFC", name)


@pytest.mark.parametrize(
    "name",
    ["", "   ", "123", "-", "A\x00B", "A\nB", "A\tB", "A\u202eB", "A\u200eB", "A\ufeffB", "A\u2028B", "\ud800A",
     "A" * 201, "\ufb1d" * 101],
)  # fmt: skip
def test_i1_nothing_invisible_stands_in_a_name(name: str) -> None:
    assert accepted(NAMES, name) is None


def test_i1_one_name_has_one_spelling() -> None:
    assert NAMES.validate_python(" Mu\u0308ller ") == NAMES.validate_python("Müller") == "Müller"


@forall(st.text(max_size=210))
def test_i1_whatever_is_accepted_as_a_name_is_kept_as_it_is_the_second_time(text: str) -> None:
    name = accepted(NAMES, text)
    if name is not None:
        assert NAMES.validate_python(name) == name
        assert any(mark.isalpha() for mark in name)
        assert all(mark.isprintable() or mark in "\u200c\u200d" for mark in name)


# --- IBAN, BIC, LEI


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("DE89 3704 0044 0532 0130 00", "DE89370400440532013000"),
        ("gb29nwbk60161331926819", "GB29NWBK60161331926819"),
        ("NO93 8601 1117 947", "NO9386011117947"),
    ],
)
def test_i5_an_iban_is_kept_in_one_spelling(written: str, kept: str) -> None:
    assert IBANS.validate_python(written) == kept


@pytest.mark.parametrize(
    "iban",
    ["", "DE", "DE88370400440532013000", "DE8937040044053201300", "XX89370400440532013000",
     "DE89-3704-0044-0532-0130-00", "٠٠89370400440532013000", "DE89370400440532013000" * 2, "\x00"],
)  # fmt: skip
def test_i5_what_is_no_iban_is_refused_unshown(iban: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        BankDetails.model_validate({"iban": iban, "holder": "Anna Weber"})
    assert iban == "" or iban not in str(refusal.value) or len(iban) < 3
    assert "input_value" not in str(refusal.value)


@settings(deadline=None)
@forall(st.from_regex(r"[0-9]{8}", fullmatch=True), st.from_regex(r"[0-9]{10}", fullmatch=True), st.integers(0, 99))
def test_i5_one_pair_of_check_digits_of_a_hundred_makes_an_iban(bank: str, number: str, digits: int) -> None:
    right = str(IBAN.generate("DE", bank_code=bank, account_code=number))
    offered = f"DE{digits:02d}{bank}{number}"
    assert accepted(IBANS, offered) == (offered if offered == right else None)


@settings(deadline=None)
@forall(st.text(alphabet=string.ascii_letters + string.digits + " -é\x00", max_size=45))
def test_i5_any_text_is_an_iban_or_a_named_error(text: str) -> None:
    iban = accepted(IBANS, text)
    assert iban is None or IBANS.validate_python(iban) == iban


@pytest.mark.parametrize("bic", ["COBADEFF", "COBADEFFXXX", "DEUTDEFF500"])
def test_i5_a_bic_has_eight_or_eleven_letters_and_digits(bic: str) -> None:
    assert BICS.validate_python(bic) == bic


@settings(deadline=None)
@forall(st.text(alphabet=string.ascii_uppercase + string.digits + " ", max_size=12))
def test_i5_any_text_is_a_bic_or_a_named_error(text: str) -> None:
    bic = accepted(BICS, text)
    assert bic is None or (len(bic) in (8, 11) and BICS.validate_python(bic) == bic)


@forall(st.from_regex(r"[0-9A-Z]{18}", fullmatch=True), st.integers(0, 99))
def test_i1_an_lei_has_right_check_digits(body: str, digits: int) -> None:
    number = int("".join(str(int(mark, 36)) for mark in body + "00"))
    right = 98 - number % 97
    assume(number % 97 != 97)
    offered = f"{body}{digits:02d}"
    kept = accepted(LEIS, offered)
    assert kept in (None, offered)
    if digits == right:
        assert kept == offered
    elif (digits - right) % 97:
        assert kept is None


# --- Persons


def test_i1_who_has_one_name_has_it_as_the_family_name() -> None:
    assert NaturalPerson.model_validate({**ANNA, "given_names": None}).full_name == "Weber"
    assert NaturalPerson.model_validate(ANNA).full_name == "Anna Weber"


@pytest.mark.parametrize("day", ["1980-02-30", "1979-02-29", "1874-12-31", "80-01-01", "0000-00-00", ""])
def test_i1_a_day_of_birth_exists_and_is_of_this_age(day: str) -> None:
    with pytest.raises(ValidationError):
        NaturalPerson.model_validate({**ANNA, "birth_date": day})


def test_i1_an_identity_is_of_the_kind_that_it_says() -> None:
    identities: TypeAdapter[Any] = TypeAdapter(Identity)
    assert isinstance(identities.validate_python({"kind": "legal", "name": "Example AG"}), LegalPerson)
    assert accepted(identities, {**ANNA, "kind": "legal"}) is None
    assert accepted(identities, {**ANNA, "kind": "natural", "shoe_size": 41}) is None


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (NaturalPerson, {**ANNA, "nationality": "Geheimland"}),
        (Address, {"lines": ["Geheimweg\x00"], "city": "Berlin", "country": "DE"}),
        (Contact, {"email": "geheim"}),
        (Contact, {"phone": "geheim"}),
        (BankDetails, {"iban": "DE89370400440532013000", "bic": "GEHEIM", "holder": "Geheim"}),
        (TaxIdentity, {"country": "DE", "tin": "Geheim" * 20}),
    ],
)
def test_i7_no_error_shows_a_personal_value(kind: type[BaseModel], value: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as refusal:
        kind.model_validate(value)
    assert "geheim" not in str(refusal.value).lower()


@pytest.mark.parametrize("phone", ["+4930123456", "+12125550100"])
def test_i1_a_phone_number_is_e164(phone: str) -> None:
    assert Contact(phone=phone).phone == phone


@pytest.mark.parametrize("email", ["a@b@c", "a b@c.de", "@c.de", "a@", "a\n@c.de"])
def test_i1_a_mail_address_has_one_at_sign_and_no_space(email: str) -> None:
    with pytest.raises(ValidationError):
        Contact.model_validate({"email": email})


def test_i4_residences_stand_once_and_in_order() -> None:
    status = {"fatca": "non_us", "crs": "individual", "signed_on": "2026-11-01", "residences": ["LU", "DE", "LU"]}
    assert TaxStatus.model_validate(status).residences == ("DE", "LU")
