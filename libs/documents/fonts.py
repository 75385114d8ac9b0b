"""The fonts that are embedded, and what no font of them covers.

Fira Sans has Latin, Greek and Cyrillic; Noto Sans the rest of those and Devanagari; Noto Sans Arabic and Hebrew theirs.
What none has (Han, Kana, Hangul, Thai, Georgian, Armenian …) is written in Latin letters by anyascii: a document with
empty boxes in a name would name nobody.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from anyascii import anyascii

FAMILY = "text"


@dataclass(frozen=True, slots=True)
class Font:
    """A font file of a package; `weight` is set where the file's own default is not the regular one."""

    family: str
    style: str
    package: str
    path: str
    weight: int | None = None


MAIN = (
    Font(FAMILY, "", "fontpkg_fira_sans", "files/FiraSans-Regular.ttf"),
    Font(FAMILY, "B", "fontpkg_fira_sans", "files/FiraSans-Medium.ttf"),
)
FALLBACKS = (
    Font("arabic", "", "fontpkg_noto_sans_arabic", "files/NotoSansArabic[wdth,wght].ttf"),
    Font("hebrew", "", "pylopdf_fonts_he", "NotoSansHebrew-Variable.ttf", 400),
    Font("noto", "", "fontpkg_noto_sans", "files/NotoSans[wdth,wght].ttf"),
)
# Formatting marks that direct text and need no glyph.
_INVISIBLE = frozenset(
    map(chr, (0x200C, 0x200D, 0x200E, 0x200F, 0x202A, 0x202B, 0x202C, 0x2066, 0x2067, 0x2068, 0x2069))
)


def path_of(font: Font) -> str:
    """Where the file of the installed package is."""
    return str(files(font.package).joinpath(font.path))


def add_fonts(paper: Any, text: str) -> None:
    """Give a document its fonts: the main ones, and of the others those that the text needs."""
    missing = {letter for letter in text if ord(letter) not in _coverage(MAIN[0])}
    needed = [font for font in FALLBACKS if any(ord(letter) in _coverage(font) for letter in missing)]
    for font in (*MAIN, *needed):
        variations = None if font.weight is None else {"wght": font.weight}
        paper.add_font(font.family, font.style, path_of(font), variations=variations)
    paper.set_fallback_fonts([font.family for font in needed], exact_match=False)


def printable(text: str) -> str:
    """The text with what no font covers in Latin letters, control characters left out."""
    spelled = []
    foreign = ""
    for letter in text:
        if _covered(letter):
            spelled.append(anyascii(foreign) + letter)
            foreign = ""
        else:
            foreign += letter
    return "".join(spelled) + anyascii(foreign)


def _covered(letter: str) -> bool:
    if letter in _INVISIBLE:
        return True
    return any(ord(letter) in _coverage(font) for font in (MAIN[0], *FALLBACKS))


@cache
def _coverage(font: Font) -> frozenset[int]:
    from fontTools.ttLib import TTFont  # noqa: PLC0415 - late: only a process that writes documents pays for it

    with TTFont(path_of(font), lazy=True) as opened:
        return frozenset(opened.getBestCmap())
