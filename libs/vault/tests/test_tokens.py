"""Whoever is written in any script is found by a word, by its beginning, and by the Latin form of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.kernel.personal import Term
from libs.vault.tokens import MAX_WORDS, Tokens, folded, matches, query_words, words_of

TOKENS = Tokens(b"\x07" * 32, "acme")
NAMES = [
    "Anna Weber", "Zoë de Souza", "Владимир Кузнецов", "Σωκράτης Παπαδόπουλος", "محمد بن علي", "משה כהן",
    "王小明", "山田 太郎", "김민수", "たなか はなこ", "नरेन्द्र शर्मा", "สมชาย", "Nguyễn Thị Minh", "O'Brien-Smith",
    "e\u0301le\u0300ne", "\u200f\u202bמשה\u202c", "Bob 🎉", "X",
]  # fmt: skip


def found(stored: str, sought: str) -> bool:
    """Whether the tokens of a stored name hold all that are sought, and the comparison agrees."""
    tokens = TOKENS.sought([Term("name", sought)])
    return tokens is not None and tokens <= TOKENS.of([Term("name", stored)]) and matches(Term("name", sought), stored)


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_found_by_itself_and_by_each_word(name: str) -> None:
    assert found(name, name)
    assert found(name, name.upper())
    for word in name.replace("-", " ").replace("🎉", "").split():
        assert found(name, word)


@pytest.mark.parametrize(
    ("stored", "sought"),
    [
        ("Владимир Кузнецов", "vladimir kuznetsov"),
        ("Σωκράτης", "sokratis"),
        ("王小明", "Wang Xiaoming"),
        ("王小明", "xiao ming wang"),
        ("王小明", "小明"),
        ("王小明", "王"),
        ("김민수", "Gim Minsu"),
        ("Müller", "muller"),
        ("MÜLLER", "mu\u0308ller"),
        ("Ａｎｎａ", "anna"),
        ("O’Brien", "obrien"),
        ("Jean-Luc Picard", "luc"),
        ("Straße", "strasse"),
        ("Alexandra Schneider", "ale schn"),
        ("Alexandra Schneider", "alexand"),
        ("An\u00adna\u200b Weber", "anna"),
        ("Anna\u0000Weber", "weber"),
        ("مُحَمَّد", "محمد"),
        ("محـمد", "mhmd"),
        ("שָׁלוֹם", "שלום"),
        ("أحمد", "احمد"),
        ("Ёлкин", "елкин"),
        ("ｱﾝﾅ", "Anna"),
    ],
)
def test_a_name_is_found_by_its_latin_form_and_by_beginnings(stored: str, sought: str) -> None:
    assert found(stored, sought)


@pytest.mark.parametrize(
    ("stored", "sought"),
    [
        ("Anna Weber", "an"), ("Anna Weber", "nna"), ("Anna Weber", "anna x"), ("Anna Weber", "anna schmidt"),
        ("Anna Weber", "weberin"), ("Li Wei", "l"), ("王小明", "大"), ("", "anna"), ("Anna", "🎉"), ("Anna", ""),
    ],
)  # fmt: skip
def test_what_does_not_match_is_not_found(stored: str, sought: str) -> None:
    assert not found(stored, sought)


def test_one_letter_is_a_word_and_begins_none() -> None:
    assert found("X Æ", "x")
    assert not found("Xaver", "x")


def test_four_letters_are_looked_up_by_three_and_then_compared() -> None:
    sought = Term("name", "anne")
    assert (TOKENS.sought([sought]) or set()) <= TOKENS.of([Term("name", "Anna")])
    assert not matches(sought, "Anna")


@pytest.mark.parametrize("kind", ["iban", "tin", "reference"])
def test_an_identifier_is_found_whole_however_it_is_spaced(kind: str) -> None:
    stored, sought = Term(kind, "DE89 3704 0044 0532 0130 00"), Term(kind, "de89370400440532013000")
    assert TOKENS.sought([sought]) == TOKENS.of([stored])
    assert matches(sought, stored.text)
    assert not matches(Term(kind, "DE89"), stored.text)
    assert TOKENS.sought([Term(kind, "DE89")]) != TOKENS.of([stored])
    assert TOKENS.sought([Term(kind, " - ")]) is None
    assert not matches(Term(kind, ""), "")


def test_tokens_differ_by_tenant_kind_and_deployment_and_fit_a_bigint() -> None:
    terms = [Term("name", "anna"), Term("tin", "anna"), Term("iban", "anna")]
    apart = [Tokens(secret, tenant).of([term])
             for secret in (b"\x07" * 32, b"\x08" * 32) for tenant in ("acme", "other") for term in terms]  # fmt: skip
    assert len(set().union(*apart)) == sum(map(len, apart))
    assert all(-(2**63) <= token < 2**63 for tokens in apart for token in tokens)


def test_two_words_and_three_identifiers_have_nine_tokens() -> None:
    terms = [Term("name", "Anneliese Schneider"), Term("iban", "x1"), Term("tin", "x2"), Term("reference", "x3")]
    assert len(TOKENS.of(terms)) == 9


@given(st.text())
def test_any_text_gives_a_bounded_number_of_plain_words(text: str) -> None:
    for word in [*words_of(text), *query_words(text), folded(text)]:
        assert word == "" or (word.isascii() and word.isalnum() and word == word.lower())
    assert len(words_of(text)) <= MAX_WORDS
    if 0 < len(words_of(text)) < MAX_WORDS:
        assert found(text, text)
    else:
        assert words_of(text) != [] or not found(text, text)


def test_a_name_as_long_as_a_body_is_bounded_in_time_and_number() -> None:
    for text in ("a " * 500_000, "王" * 100_000, "a" * 1_000_000):
        assert len(TOKENS.of([Term("name", text)])) <= MAX_WORDS * 3
