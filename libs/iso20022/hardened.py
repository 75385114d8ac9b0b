"""XML as a stream of events, from expat with everything off that a message never needs (bounded, no DTD, no entity)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NoReturn
from xml.parsers import expat

from libs.iso20022.errors import FileRefused, Reason

_CHUNK = 1 << 16
_ASCII = 0x7F
_CUT = {expat.errors.XML_ERROR_UNCLOSED_TOKEN, expat.errors.XML_ERROR_PARTIAL_CHAR}
_CUT |= {expat.errors.XML_ERROR_UNCLOSED_CDATA_SECTION, expat.errors.XML_ERROR_NO_ELEMENTS}
_ENCODING = {expat.errors.XML_ERROR_UNKNOWN_ENCODING, expat.errors.XML_ERROR_INCORRECT_ENCODING}


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of a file, each named when it is crossed; bytes and characters."""

    file_bytes: int = 1 << 30
    token_bytes: int = 1 << 18
    depth: int = 32
    attributes: int = 4
    text_chars: int = 20_000
    entry_elements: int = 5_000
    entry_chars: int = 1 << 20
    entries_a_message: int = 20_000


@dataclass(frozen=True, slots=True)
class Start:
    """An element begins."""

    namespace: str
    name: str
    attributes: dict[str, str]


@dataclass(frozen=True, slots=True)
class Text:
    """Characters inside an element, in pieces."""

    text: str


@dataclass(frozen=True, slots=True)
class End:
    """The innermost element ends."""


Token = Start | Text | End
Refusable = Literal["DTD", "entity", "processing instruction"]


class HardenedXml:
    """Bytes in, tokens out; raises FileRefused by name for what is hostile, malformed, cut or too large."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._tokens: list[Token] = []
        self._fed = 0
        self._depth = 0
        self._text = 0
        self._root_ended = False
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        parser.StartDoctypeDeclHandler = lambda *_: self._hostile("DTD")
        parser.EntityDeclHandler = lambda *_: self._hostile("entity")
        parser.SkippedEntityHandler = lambda *_: self._hostile("entity")
        parser.ExternalEntityRefHandler = lambda *_: self._hostile("entity")
        parser.ProcessingInstructionHandler = lambda *_: self._hostile("processing instruction")
        self._parser = parser

    def feed(self, chunk: bytes) -> Iterator[Token]:
        """The tokens of the next bytes; those before a fault are yielded before it is raised."""
        for at in range(0, len(chunk), _CHUNK):
            yield from self._parse(chunk[at : at + _CHUNK], final=False)

    def close(self) -> Iterator[Token]:
        """The end of the bytes: raises when the document is not complete."""
        yield from self._parse(b"", final=True)

    def _parse(self, piece: bytes, *, final: bool) -> Iterator[Token]:
        self._fed += len(piece)
        fault: FileRefused | None = None
        try:
            if self._fed > self._limits.file_bytes:
                raise FileRefused(Reason.TOO_LARGE, f"more than {self._limits.file_bytes} bytes")
            self._parser.Parse(piece, final)
            if self._fed - self._parser.CurrentByteIndex > self._limits.token_bytes:
                raise FileRefused(Reason.TOO_LARGE, f"a tag or text of more than {self._limits.token_bytes} bytes")
        except FileRefused as refused:
            fault = refused
        except expat.ExpatError as error:
            fault = self._named(error, piece)
        except (ValueError, LookupError, UnicodeError):  # pyexpat on an encoding that it cannot map
            fault = FileRefused(Reason.ENCODING, "the encoding that the file declares is unknown or not one-byte")
        tokens, self._tokens = self._tokens, []
        yield from tokens
        if fault is not None:
            raise fault

    def _named(self, error: expat.ExpatError, piece: bytes) -> FileRefused:
        what = expat.ErrorString(error.code)
        place = f"line {error.lineno}, column {error.offset}"
        if what in _CUT:
            detail = "the file is empty" if not self._fed else "the file ends in the middle of a document"
            return FileRefused(Reason.CUT, detail, place=place)
        if self._root_ended:
            return FileRefused(Reason.SEVERAL, "something follows the end of the document", place=place)
        at = self._parser.ErrorByteIndex - (self._fed - len(piece))
        foreign = what == expat.errors.XML_ERROR_INVALID_TOKEN and 0 <= at < len(piece) and piece[at] > _ASCII
        if what in _ENCODING or foreign:
            return FileRefused(Reason.ENCODING, "the bytes are not in the encoding that the file declares", place=place)
        return FileRefused(Reason.MALFORMED, f"not well-formed XML: {what}", place=place)

    def _hostile(self, what: Refusable) -> NoReturn:
        if self._root_ended:
            raise FileRefused(Reason.SEVERAL, "something follows the end of the document")
        raise FileRefused(Reason.HOSTILE, f"a message has no {what}", place=f"line {self._parser.CurrentLineNumber}")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        self._text = 0
        if self._depth > self._limits.depth:
            raise FileRefused(Reason.HOSTILE, f"deeper than {self._limits.depth} elements")
        if len(attributes) > self._limits.attributes:
            raise FileRefused(Reason.HOSTILE, f"more than {self._limits.attributes} attributes of one element")
        namespace, _, local = name.rpartition(" ")
        self._tokens.append(Start(namespace, local, attributes))

    def _end(self, _name: str) -> None:
        self._depth -= 1
        self._text = 0
        self._root_ended = self._depth == 0
        self._tokens.append(End())

    def _characters(self, text: str) -> None:
        self._text += len(text)
        if self._text > self._limits.text_chars:
            raise FileRefused(Reason.TOO_LARGE, f"a text of more than {self._limits.text_chars} characters")
        self._tokens.append(Text(text))
