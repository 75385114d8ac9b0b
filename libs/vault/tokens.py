"""Search tokens: keyed hashes of words and of their beginnings, so that a store of tokens names nobody."""

from __future__ import annotations

import hmac
import re
import unicodedata
from collections.abc import Iterable, Iterator

from anyascii import anyascii

from libs.kernel.personal import Term

# Beginnings that are indexed, in characters; a longer beginning is looked up by the longest of these and compared.
BEGINNINGS = (3, 5)
# Bounds of what one text gives: no person has a name of more words, and no index should grow by one who says so.
MAX_WORDS = 32
MAX_WORD_CHARS = 64

_NAME = "name"
_APOSTROPHES = frozenset("'’ʼ`´‘＇ʻʿʾ")
# Vowel points of Hebrew and Arabic and the stretching of Arabic: the same name is written with and without them.
_OPTIONAL = re.compile("[\u0591-\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06ed]")
_NOT_ASCII_WORD = re.compile(r"[^a-z0-9]+")
_ASCII_WORD = re.compile(r"[A-Za-z0-9]+")
# One character is one syllable, and names are written without spaces: Han and Hangul.
_SYLLABLES = re.compile(r"[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff\uac00-\ud7a3]+")


def words_of(text: str) -> list[str]:
    """The words of a name in `[a-z0-9]`, whatever its script and direction; a word that says nothing is left out.

    Han and Hangul names give every syllable, the whole and the whole without its first syllable (the given name), so
    that both the script and its Latin form in one, two or three words find them.
    """
    return _words(part for piece in _pieces(text) for part in _indexed(piece))


def query_words(text: str) -> list[str]:
    """The words that must match when someone searches by this text: syllables of Han and Hangul one by one."""
    return _words(part for piece in _pieces(text) for part in (piece if _SYLLABLES.match(piece) else (piece,)))


def folded(text: str) -> str:
    """An identifier as one word: letters and digits only, case folded (IBAN, TIN, reference)."""
    return _ascii("".join(_split(text)))


def _split(text: str) -> Iterator[str]:
    """Runs of letters, marks and digits; apostrophes, vowel points and invisible characters are passed over."""
    run: list[str] = []
    for char in _OPTIONAL.sub("", unicodedata.normalize("NFKC", text)):
        category = unicodedata.category(char)
        if category[0] in "LMN" and char not in _APOSTROPHES:
            run.append(char)
        elif category != "Cf" and char not in _APOSTROPHES and run:
            yield "".join(run)
            run.clear()
    if run:
        yield "".join(run)


def _pieces(text: str) -> Iterator[str]:
    """The runs of a text, each either of syllables or of letters."""
    if text.isascii():
        yield from _ASCII_WORD.findall(text.replace("'", "").replace("`", ""))
        return
    for run in _split(text):
        end = 0
        for found in _SYLLABLES.finditer(run):
            yield run[end : found.start()]
            yield found[0]
            end = found.end()
        yield run[end:]


def _indexed(piece: str) -> tuple[str, ...]:
    return (*piece, piece, piece[1:]) if _SYLLABLES.match(piece) else (piece,)


def _words(parts: Iterable[str]) -> list[str]:
    found: dict[str, None] = {}
    for part in parts:
        if word := _ascii(part):
            found[word] = None
        if len(found) == MAX_WORDS:
            break
    return list(found)


def _ascii(word: str) -> str:
    latin = word if word.isascii() else anyascii(word.casefold())
    return _NOT_ASCII_WORD.sub("", latin.lower())[:MAX_WORD_CHARS]


class Tokens:
    """The tokens of one tenant: 64 bits of HMAC-SHA256 of kind and word, as PostgreSQL's bigint."""

    def __init__(self, secret: bytes, tenant: str) -> None:
        self._key = hmac.digest(secret, b"tokens\0" + tenant.encode(), "sha256")

    def _token(self, kind: str, word: str) -> int:
        mac = hmac.digest(self._key, f"{kind}\0{word}".encode(), "sha256")
        return int.from_bytes(mac[:8], "big", signed=True)

    def of(self, terms: Iterable[Term]) -> set[int]:
        """What a subject is found by: each word of a name with its beginnings, each identifier whole."""
        tokens: set[int] = set()
        for kind, text in terms:
            if kind != _NAME:
                if word := folded(text):
                    tokens.add(self._token(kind, word))
                continue
            for word in words_of(text):
                tokens.add(self._token(kind, word))
                tokens.update(self._token(kind, word[:size]) for size in BEGINNINGS if len(word) > size)
        return tokens

    def sought(self, terms: Iterable[Term]) -> set[int] | None:
        """What a subject must have to be found, all of it; None when the terms hold no word and find nobody.

        For a name's word of four letters, or more than five, it is less than what matches: see `matches`.
        """
        tokens: set[int] = set()
        for kind, text in terms:
            words = query_words(text) if kind == _NAME else [folded(text)]
            if not any(words):
                return None
            tokens.update(self._token(kind, _known_beginning(word) if kind == _NAME else word) for word in words)
        return tokens or None


def _known_beginning(word: str) -> str:
    return word[: max((size for size in BEGINNINGS if size <= len(word)), default=len(word))]


def matches(term: Term, clear: str) -> bool:
    """Whether every word of the term is a word of the clear text or, with three letters or more, begins one.

    An identifier matches whole. A term without a word matches nothing.
    """
    if term.kind != _NAME:
        return bool(folded(term.text)) and folded(term.text) == folded(clear)
    words, sought = words_of(clear), query_words(term.text)
    return bool(sought) and all(any(_begins(word, one) for word in words) for one in sought)


def _begins(word: str, beginning: str) -> bool:
    return word == beginning or (len(beginning) >= BEGINNINGS[0] and word.startswith(beginning))
