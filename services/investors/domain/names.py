"""Whether the holder of a bank account is the investor, by name (TA-I-5).

Both names are transliterated to Latin letters, their marks and titles dropped, their words put in order. The measure is
`rapidfuzz.fuzz.ratio` of the two: 200 × letters in common and in order ÷ letters of both. It knows no order of given
and family name, and unlike a measure on subsets it does not take a family name alone for the person.
"""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

from anyascii import anyascii

from libs.messages.investors import NameMatch
from libs.messages.person_values import Identity

# In percent: another spelling of the same letters is at least MATCH, a missing middle name or a slip CLOSE.
MATCH_PERCENT = 95
CLOSE_PERCENT = 75

TITLES = frozenset("dr frau haji hajji herr lord madame mag messrs mgr mlle mme monsieur mr mrs ms prof sir".split())
LEGAL_FORMS = frozenset(
    """
    ab ag aps as asa bhd bv bvba co company corp corporation doo eood gmbh gmbhcokg inc incorporated jsc kft kg kk
    limited llc llp lp ltd nv ohg oo ood ooo oy oyj pjsc plc pte pty pvt sa sarl sas scs se sl spa spzoo srl sro ug zrt
    """.split()
)
_BETWEEN_HOLDERS = re.compile(r"[/&;]")
_LETTERS = re.compile(r"[a-z0-9]+")


class HolderMatch(NamedTuple):
    """How well a holder's name fits: the verdict and its measure in percent."""

    verdict: NameMatch
    percent: int


def words_of(name: str, dropped: frozenset[str] = TITLES) -> tuple[str, ...]:
    """The words of a name in small Latin letters and digits, without the dropped ones if others remain."""
    # A dot or an apostrophe stands inside a word: S.A., O'Brien.
    text = re.sub(r"[.'`’]", "", anyascii(unicodedata.normalize("NFKC", name))).casefold()
    words = tuple(_LETTERS.findall(text))
    return tuple(word for word in words if word not in dropped) or words


def holder_match(identity: Identity, holder: str) -> HolderMatch:
    """The holder against the person: registered name of a legal one; of several holders the one that fits best."""
    from rapidfuzz import fuzz  # noqa: PLC0415  (40 ms, only when needed)

    dropped = LEGAL_FORMS if identity.kind == "legal" else TITLES
    parts = _BETWEEN_HOLDERS.split(holder) if identity.kind == "natural" else []
    own = " ".join(sorted(words_of(identity.full_name, dropped)))
    if own and holder == identity.full_name:
        return HolderMatch("match", 100)
    # A name in letters that nothing transliterates matches nobody's.
    percent = max(
        int(fuzz.ratio(own, " ".join(sorted(words_of(part, dropped)))) if own else 0) for part in (holder, *parts)
    )
    if percent >= MATCH_PERCENT:
        return HolderMatch("match", percent)
    return HolderMatch("close" if percent >= CLOSE_PERCENT else "mismatch", percent)
