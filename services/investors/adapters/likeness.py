"""How alike two names are, in whatever order, script and spelling (TA-I-3).

Names become words in small Latin letters (anyascii), without titles, particles, legal forms and initials; w and v, y
and i, ph and f are one. Each word of the shorter name is paired with another one of the longer; a pair's measure is
`rapidfuzz.fuzz.ratio` (200 × letters in common and in order ÷ letters of both), at least PAIR_PERCENT, and a word of
EXACT_LETTERS or less is paired with itself only. The measure of two names is the mean of the pairs, less
SURPLUS_PERCENT for every word left over. So neither the order of words nor a missing middle name hides a person, as
with a measure of whole strings; and unlike `token_set_ratio` a family name in common is no likeness by itself.

Two more looks at a name: its words run together (scripts without spaces, names written in one or in two words), and its
consonants (Arabic and Hebrew write no short vowels, so that both sides leave theirs out).
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import NamedTuple

from rapidfuzz import fuzz, process

from services.investors.domain.names import LEGAL_FORMS, TITLES, words_of

PAIR_PERCENT = 70
SURPLUS_PERCENT = 3
EXACT_LETTERS = 2
# Words run together are longer and say more: they differ by a letter in ten at most.
JOINED_PERCENT = 90
JOINED_LETTERS = 6

_PARTICLES = frozenset("al bin bint da das de del della den der di dos du el ibn la le van vel von zu".split())
_HONOURS = frozenset("ayatollah capt colonel general gen imam maulana mullah president sayyid shaikh sheikh".split())
_DROPPED = TITLES | LEGAL_FORMS | _PARTICLES | _HONOURS
_UNSPACED = ("CJK", "HIRAGANA", "KATAKANA", "HANGUL", "THAI", "LAO", "KHMER", "MYANMAR")
_ABJAD = ("ARABIC", "HEBREW", "SYRIAC")
_ARABIC_ARTICLE = re.compile(r"(?<!\w)\u0627\u0644(?=\w{3})")
_SOUNDS = [(re.compile(one), other) for one, other in (
    ("sh", "s"), ("[ckq]h|c|q", "k"), ("gh", "g"), ("dh", "d"), ("th", "t"), ("ph", "f"), ("[aeiouwy]|h$", ""),
    (r"(.)\1+", r"\1"),
)]  # fmt: skip


class Like(NamedTuple):
    """A name of the index that is like the one asked for; `weak`: a single word of several was compared."""

    name: int
    percent: float
    weak: bool


class Name(NamedTuple):
    """A name as it is compared."""

    words: tuple[str, ...]
    unspaced: bool
    abjad: bool

    @property
    def spelled(self) -> tuple[str, ...]:
        """The words, in one spelling of the letters that transliterations take for each other."""
        return tuple(word.replace("w", "v").replace("y", "i").replace("ph", "f") for word in self.words)

    @property
    def bones(self) -> tuple[str, ...]:
        """The consonants of each word, as they sound."""
        return tuple(map(_bones, self.words))


def name_of(text: str) -> Name:
    """The name behind a text in any script."""
    scripts = {unicodedata.name(mark, "").split(" ", 1)[0] for mark in text}
    words = words_of(_ARABIC_ARTICLE.sub("", text), _DROPPED)
    written = tuple(word for word in words if len(word) > 1)
    abjad = not scripts.isdisjoint(_ABJAD)
    return Name(written if len(written) > 1 and not abjad else words, not scripts.isdisjoint(_UNSPACED), abjad)


def is_comparable(text: str) -> bool:
    """Whether a name has a word in it; one in signs that nothing transliterates is like no other."""
    return bool(name_of(text).words)


def _bones(word: str) -> str:
    bones = word
    for sound, letter in _SOUNDS:
        bones = sound.sub(letter, bones)
    return bones or word


class Spellings:
    """Different words in order of their length: what is much shorter or longer than a word is not like it."""

    def __init__(self, words: Iterable[str], exact_letters: int = 0) -> None:
        self._exact_letters = exact_letters
        self._words = sorted(set(words), key=len)
        self._lengths = [len(word) for word in self._words]

    def like(self, word: str, percent: int) -> dict[str, float]:
        """The words that are like this one, each with the measure of the pair."""
        # The ratio is at most 200 × shorter ÷ both, so at least percent only from here to there.
        shortest, longest = len(word) * percent / (200 - percent), len(word) * (200 - percent) / percent
        first, last = bisect_left(self._lengths, shortest), bisect_right(self._lengths, longest)
        close = process.extract(
            word, self._words[first:last], scorer=fuzz.ratio, processor=None, score_cutoff=percent, limit=None
        )
        exact = self._exact_letters
        return {other: measure for other, measure, _ in close if other == word or min(len(word), len(other)) > exact}


class NameIndex:
    """Many names, asked which of them are like one; numbered in the order given."""

    def __init__(self, texts: Iterable[str]) -> None:
        names = [name_of(text) for text in texts]
        self._words = WordIndex([name.spelled for name in names], EXACT_LETTERS)
        self._bones = WordIndex([name.bones for name in names])
        self._abjad = WordIndex([name.bones if name.abjad else () for name in names])
        self._unspaced = [name.unspaced for name in names]
        self._joined: dict[str, list[int]] = defaultdict(list)
        for number, name in enumerate(names):
            self._joined["".join(name.spelled)].append(number)
        self._spellings = Spellings(self._joined)

    def like(self, text: str) -> list[Like]:
        """All names that are like the text, each at its best."""
        name = name_of(text)
        found = [*self._words.like(name.spelled), *self._run_together(name)]
        found += (self._bones if name.abjad else self._abjad).like(name.bones)
        best: dict[int, Like] = {}
        for each in sorted(found, key=lambda like: (like.weak, -like.percent)):
            best.setdefault(each.name, each)
        return list(best.values())

    def _run_together(self, name: Name) -> Iterator[Like]:
        words = name.spelled
        turned = {"".join(words), "".join((*words[1:], *words[:1])), "".join((*words[-1:], *words[:-1]))}
        for query in turned - {""}:
            short = len(query) < JOINED_LETTERS
            for joined, percent in self._spellings.like(query, 100 if short else JOINED_PERCENT).items():
                for number in self._joined[joined]:
                    # A short one is many names: only where a script without spaces leaves no other way.
                    if not short or name.unspaced or self._unspaced[number]:
                        yield Like(number, percent, False)


class WordIndex:
    """Names as sets of words, found by words like theirs."""

    def __init__(self, names: Sequence[tuple[str, ...]], exact_letters: int = 0) -> None:
        self._names = [frozenset(words) for words in names]
        self._having: dict[str, list[int]] = defaultdict(list)
        for number, words in enumerate(self._names):
            for word in words:
                self._having[word].append(number)
        self._spellings = Spellings(self._having, exact_letters)

    def like(self, words: tuple[str, ...]) -> Iterator[Like]:
        """The names of which every word of the shorter one is paired."""
        asked = [self._spellings.like(word, PAIR_PERCENT) for word in dict.fromkeys(words)]
        counts = Counter[int]()
        for close in asked:
            counts.update(set(chain.from_iterable(self._having[other] for other in close)))
        for number, count in counts.items():
            if count >= min(len(asked), len(self._names[number])):
                yield from self._paired(number, asked)

    def _paired(self, number: int, asked: Sequence[dict[str, float]]) -> Iterator[Like]:
        """The best pairs first, each word once."""
        shorter, longer = sorted((len(asked), len(self._names[number])))
        pairs = [
            (close[word], position, word)
            for position, close in enumerate(asked)
            for word in self._names[number]
            if word in close
        ]
        positions, taken, total = set[int](), set[str](), 0.0
        for percent, position, word in sorted(pairs, reverse=True):
            if position not in positions and word not in taken:
                positions.add(position)
                taken.add(word)
                total += percent
        if len(taken) == shorter:
            weak = shorter == 1 and longer > 1
            yield Like(number, total / shorter - (0 if weak else SURPLUS_PERCENT * (longer - shorter)), weak)
