"""Tax numbers by country, holders' names, names of persons (TA-I-4, TA-I-5)."""

from __future__ import annotations

import string

import pytest
from hypothesis import assume, settings
from hypothesis import given as forall
from hypothesis import strategies as st
from stdnum import get_cc_module

from libs.kernel.errors import InvalidValue
from libs.messages.codes import COUNTRIES
from libs.messages.investors import InvestorKind
from libs.messages.person_values import LegalPerson, NaturalPerson
from services.investors.domain.names import CLOSE_PERCENT, MATCH_PERCENT, holder_match, words_of
from services.investors.domain.tax import MODULES, check_tin
from services.investors.tests.examples import COMPANY, PERSON

ANNA = NaturalPerson.model_validate({**PERSON, "family_name": "Müller"})
KINDS: list[InvestorKind] = ["natural", "legal"]


def refusal_of(tin: str, country: str, kind: InvestorKind) -> InvalidValue | None:
    try:
        check_tin(tin, country, kind, "tin")
    except InvalidValue as refusal:
        return refusal
    return None


def is_tin(tin: str, country: str, kind: InvestorKind) -> bool:
    refusal = refusal_of(tin, country, kind)
    if refusal is not None:
        assert (refusal.field, refusal.value) == ("tin", None)
        assert len(tin) < 4 or tin not in refusal.detail
    return refusal is None


# --- Tax numbers


def test_i4_every_number_that_stands_in_the_table_is_one_that_stdnum_knows() -> None:
    for kind in KINDS:
        for country, names in MODULES[kind].items():
            assert country in COUNTRIES
            assert all(hasattr(get_cc_module(country.lower(), name), "is_valid") for name in names.split())


@pytest.mark.parametrize(
    ("country", "kind", "right", "wrong"),
    [
        ("DE", "natural", "36 574 261 809", "36 574 261 808"),
        ("DE", "legal", "DE136695976", "DE136695978"),
        ("ES", "natural", "54362315K", "54362315Z"),
        ("IT", "natural", "RCCMNL83S18D969H", "RCCMNL83S18D969A"),
        ("NL", "natural", "111222333", "111252333"),
        ("BE", "natural", "85073003328", "85073003329"),
        ("PL", "natural", "44051401359", "44051401358"),
        ("PT", "legal", "501964843", "501964842"),
        ("US", "natural", "536-90-4399", "000-90-4399"),
        ("US", "legal", "91-1144442", "07-1144442"),
        ("BR", "natural", "390.533.447-05", "231.002.999-00"),
        ("CH", "natural", "756.9217.0769.85", "756.9217.0769.84"),
        ("IN", "natural", "ACUPA7085R", "234123412347"),
    ],
)
def test_i4_a_tax_number_has_its_countrys_form_and_check_digit(
    country: str, kind: InvestorKind, right: str, wrong: str
) -> None:
    assert is_tin(right, country, kind)
    assert not is_tin(wrong, country, kind)


@pytest.mark.parametrize("country", ["LU", "GB", "HU", "KY", "ZZ"])
def test_i4_of_a_country_whose_numbers_nobody_taught_us_only_the_form_counts(country: str) -> None:
    assert is_tin("1990 01 01 123-45", country, "natural")
    for odd in ("no digit", "12;34", "12\x00", "12\n", " 12", "١٢٣", "-12-"):
        assert not is_tin(odd, country, "natural")


@settings(deadline=None)
@forall(
    st.sampled_from(sorted({*MODULES["natural"], *MODULES["legal"]})),
    st.sampled_from(KINDS),
    st.text(alphabet=string.ascii_letters + string.digits + " -./é\x00", min_size=2, max_size=40),
)
def test_i4_any_text_is_a_tax_number_or_a_named_refusal(country: str, kind: InvestorKind, text: str) -> None:
    is_tin(text, country, kind)


@forall(st.integers(10**9, 10**10 - 1), st.integers(0, 9))
def test_i4_at_most_one_check_digit_in_ten_makes_a_german_number(body: int, digit: int) -> None:
    accepted = [last for last in range(10) if is_tin(f"{body}{last}", "DE", "natural")]
    assert len(accepted) <= 1
    assert is_tin(f"{body}{digit}", "DE", "natural") == (digit in accepted)


# --- Names of holders


@pytest.mark.parametrize(
    ("holder", "verdict"),
    [
        ("Anna Maria Müller", "match"),
        ("MUELLER ANNA MARIA", "match"),
        ("Frau Dr. Anna-Maria Müller", "match"),
        ("Müller, Anna Maria / Blum, Karl", "match"),
        ("Karl Blum & Anna Maria Müller", "match"),
        ("Anna Müller", "close"),
        ("Анна Мария Мюллер", "close"),
        ("Müller", "mismatch"),
        ("Karl Müller", "mismatch"),
        ("Petros Xenakis", "mismatch"),
    ],
)
def test_i5_a_holder_is_the_investor_in_any_order_and_spelling_but_not_by_family_name(
    holder: str, verdict: str
) -> None:
    assert holder_match(ANNA, holder).verdict == verdict


def test_i5_a_company_is_the_holder_whatever_its_legal_form_says() -> None:
    company = LegalPerson.model_validate(COMPANY)
    assert holder_match(company, "NORDLICHT VERWAHRUNG G.m.b.H.") == ("match", 100)
    assert holder_match(company, "Nordlicht AG & Petros Xenakis").verdict == "mismatch"


def test_i5_a_name_of_no_letters_that_we_can_read_matches_nobody() -> None:
    unreadable = NaturalPerson.model_validate({**PERSON, "given_names": None, "family_name": "\U00012000"})
    assert holder_match(unreadable, "\U00012000").verdict == "mismatch"


names = st.text(alphabet=st.characters(categories=["Lu", "Ll", "Lo"]), min_size=1, max_size=30)


@forall(st.lists(names, min_size=1, max_size=4).flatmap(lambda one: st.tuples(st.just(one), st.permutations(one))))
def test_i5_the_order_of_words_never_counts(drawn: tuple[list[str], list[str]]) -> None:
    written, turned = (" ".join(words) for words in drawn)
    assume(words_of(written))
    person = NaturalPerson.model_validate({**PERSON, "given_names": None, "family_name": written})
    assert holder_match(person, turned) == ("match", 100)


@forall(names, st.text(max_size=60))
def test_i5_the_verdict_follows_from_the_measure(name: str, holder: str) -> None:
    person = NaturalPerson.model_validate({**PERSON, "given_names": None, "family_name": name})
    verdict, percent = holder_match(person, holder)
    assert 0 <= percent <= 100
    expected = "match" if percent >= MATCH_PERCENT else "close" if percent >= CLOSE_PERCENT else "mismatch"
    assert verdict == expected
