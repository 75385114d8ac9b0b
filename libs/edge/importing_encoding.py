"""Which encoding a file of text has: told by its own bytes where they tell, else guessed and said to be a guess."""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from charset_normalizer import from_bytes

from libs.kernel.errors import InvalidValue

# Stands for bytes that are nothing in the encoding: a code point that no text holds.
UNDECODABLE = "\ufdd0"
ERRORS = "cartulary-undecodable"
_CHUNK_BYTES = 1 << 20
_SAMPLE_BYTES = 64 * 1024
_BOMS = (
    # UTF-32 first: its mark begins like that of UTF-16.
    (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip
# The more usual first: between two that make sense of every byte alike, this is all there is to go by.
_ONE_BYTE = (
    "cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258", "iso8859_1",
    "iso8859_15", "iso8859_2", "iso8859_5", "iso8859_7", "iso8859_9", "iso8859_8", "iso8859_6", "iso8859_3",
    "iso8859_4", "iso8859_10", "iso8859_13",
)  # fmt: skip
_KNOWN = re.compile(
    r"ascii|utf-(8|16|32)(-sig|-le|-be)?|cp\d{3,4}|iso8859-\d+|koi8-[rtu]|mac-[a-z0-9]+|big5(hkscs)?|gb(k|2312|18030)"
    r"|shift_jis(_2004|x0213)?|euc_(jp|kr|jis_2004|jisx0213)"
)
# How much more noise than the best guess a guess may see in the text to be weighed at all.
_CLOSE = 0.05
_WORD = re.compile(r"[^\W\d_]+")
_ODD = frozenset({"Cc", "Cn", "Co", "Sc", "Sm", "So", "Sk", "No", "Lm"})


class EncodingUnknown(InvalidValue):
    """The bytes of a file make sense in no encoding that is known here, or there is no such encoding."""

    code = "encoding-unknown"
    title = "The encoding of the file is not known"


class Encoding(NamedTuple):
    """An encoding by Python's name, how it is known, and what fits as well when it is a guess."""

    name: str
    told_by: str
    or_else: tuple[str, ...] = ()

    @property
    def shown(self) -> str:
        """What a person calls it."""
        return shown(self.name)


class Scan(NamedTuple):
    """A first look at a file: its beginning, lines with bytes that are no ASCII, how many lines it has."""

    head: bytes
    telling: bytes
    lines: int


def scan(path: Path) -> Scan:
    """Look through the whole file once, in bounded memory; raises OSError."""
    head, telling, lines = b"", [], 0
    found = 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            head = head or chunk[:_SAMPLE_BYTES]
            lines += chunk.count(b"\n")
            if found < _SAMPLE_BYTES and not chunk.isascii():
                for line in _telling(chunk):
                    telling.append(line)
                    found += len(line)
                    if found >= _SAMPLE_BYTES:
                        break
    return Scan(head, b"\n".join(telling)[:_SAMPLE_BYTES], lines)


def _telling(chunk: bytes) -> Iterable[bytes]:
    """Whole lines with bytes that are no ASCII; the first and the last of a chunk may be cut."""
    lines = chunk.split(b"\n")
    whole = lines[1:-1] if len(lines) > 2 else lines
    return (line for line in whole if not line.isascii())


def encoding_of(scanned: Scan, given: str | None = None) -> Encoding:
    """The encoding that was given, or the one that the bytes tell; raises EncodingUnknown."""
    if given is not None:
        return Encoding(_ordered(_checked(given), scanned.head), "as it was given")
    for mark, name in _BOMS:
        if scanned.head.startswith(mark):
            return Encoding(name, "by the mark at its beginning")
    if wide := _wide(scanned.head):
        return Encoding(wide, "by the zeros between its letters")
    if not scanned.telling:
        return Encoding("utf-8", "every byte is ASCII")
    if _is_utf8(scanned.telling):
        return Encoding("utf-8", "its bytes are UTF-8")
    return _guessed(scanned.telling)


def shown(name: str) -> str:
    """An encoding's name as people write it: windows-1252, ISO-8859-1, UTF-8."""
    if name.startswith("cp125"):
        return f"windows-{name[2:]}"
    if name.startswith("iso8859"):
        return f"ISO-8859-{name[8:]}"
    return "UTF-8 with a mark" if name == "utf-8-sig" else name.upper()


def _checked(given: str) -> str:
    try:
        name = codecs.lookup(given).name
    except (LookupError, UnicodeError, ValueError):
        name = ""
    if not _KNOWN.fullmatch(name):
        raise EncodingUnknown("there is no such encoding of text", field="encoding", value=given[:40])
    # A mark at the beginning is no text, whoever names the encoding.
    return "utf-8-sig" if name == "utf-8" else name


def _ordered(name: str, head: bytes) -> str:
    """UTF-16 and UTF-32 say in their mark in which order their bytes are; without one the name has to."""
    marks = {"utf-16": (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE), "utf-32": (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)}
    if name not in marks or head.startswith(marks[name]):
        return name
    raise EncodingUnknown("no mark tells the order of its bytes: add -le or -be", field="encoding", value=name)


def _wide(head: bytes) -> str | None:
    """UTF-16 without a mark: of ASCII, which a header is, every other byte is zero."""
    pairs = len(head) // 2
    if pairs < 4:
        return None
    even, odd = head[: pairs * 2 : 2].count(0), head[1 : pairs * 2 : 2].count(0)
    if odd > pairs * 0.3 and even < pairs * 0.05:
        return "utf-16-le"
    return "utf-16-be" if even > pairs * 0.3 and odd < pairs * 0.05 else None


def _is_utf8(telling: bytes) -> bool:
    """Whether most of the lines are UTF-8: a few broken ones are named one by one when they are read."""
    lines = telling.split(b"\n")
    good = 0
    for line in lines:
        try:
            line.decode()
        except UnicodeDecodeError:
            continue
        good += 1
    return good * 2 > len(lines)


def _guessed(telling: bytes) -> Encoding:
    matches = list(from_bytes(telling, cp_isolation=list(_ONE_BYTE)))
    if not matches:
        raise EncodingUnknown("no encoding makes sense of its bytes; name it with --encoding", field="encoding")
    names: dict[str, str] = {}
    for match in matches:
        if match.chaos <= matches[0].chaos + _CLOSE:
            for name in (match.encoding, *match.could_be_from_charset):
                if name in _ONE_BYTE:
                    names[name] = telling.decode(name, "replace")
    oddities = {name: _oddities(text) for name, text in names.items()}
    least = min(oddities.values())
    fitting = sorted((name for name, odd in oddities.items() if odd == least), key=_ONE_BYTE.index)
    best = fitting[0]
    others = tuple(shown(name) for name in fitting[1:] if names[name] != names[best])
    return Encoding(best, "guessed from a sample of it", others)


def _oddities(text: str) -> int:
    """How much in a text no name or address has: signs inside words, capitals after small letters, broken bytes."""
    foreign = [mark for mark in text if mark > "\x7f"]
    odd = sum(unicodedata.category(mark) in _ODD or mark == "\ufffd" for mark in foreign)
    for word in _WORD.findall(text):
        odd += sum(1 for one, two in pairwise(word) if one.islower() and two.isupper() and two > "\x7f")
    return odd


def _mark(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return UNDECODABLE, error.end


codecs.register_error(ERRORS, _mark)
