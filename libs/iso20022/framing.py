"""Tokens into messages and their entries: one entry in memory at a time, whatever the size of the file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element, SubElement

from libs.iso20022 import catalogue
from libs.iso20022.errors import Fault, FileRefused, Reason
from libs.iso20022.hardened import End, Limits, Start, Text, Token

# The business file header: an envelope for many messages.
_ENVELOPE = f"{catalogue.NAMESPACE}head.002.001.01"
_SCHEMA_LOCATION = "http://www.w3.org/2001/XMLSchema-instance schemaLocation"


@dataclass(slots=True)
class Frame:
    """A message without its entries, as far as it was read."""

    kind: str
    ordinal: int
    root: Element
    entries: int = 0
    elements: int = 0
    chars: int = 0
    # What the entries hang in: of the white space between them nothing is kept.
    entries_in: Element | None = None


@dataclass(frozen=True, slots=True)
class EntryRead:
    """One entry of a message is complete."""

    frame: Frame
    tree: Element
    position: int


@dataclass(frozen=True, slots=True)
class FrameEnded:
    """A message is complete, its entries were given before."""

    frame: Frame


@dataclass(frozen=True, slots=True)
class MessageSkipped:
    """A message that is not spoken; its content was passed over."""

    ordinal: int
    fault: Fault


Framed = EntryRead | FrameEnded | MessageSkipped


@dataclass(slots=True)
class Framer:
    """A state machine over tokens: envelope, payload, document, frame, entry."""

    limits: Limits
    ordinal: int = 0
    _outer: list[str] = field(default_factory=list)
    _frame: Frame | None = None
    _stack: list[Element] = field(default_factory=list)
    _entry_depth: int = 0
    _entry_elements: int = 0
    _entry_chars: int = 0
    _skipped: Fault | None = None
    _passing: int = 0

    def take(self, token: Token) -> Iterator[Framed]:
        """What is complete after this token; raises FileRefused when the file is no file of messages."""
        if self._passing:
            yield from self._pass_over(token)
        elif self._frame is None:
            self._outside(token)
        elif isinstance(token, Start):
            self._element(self._frame, token)
        elif isinstance(token, Text):
            self._text(self._frame, token.text)
        else:
            yield from self._end(self._frame)

    def _pass_over(self, token: Token) -> Iterator[Framed]:
        if isinstance(token, Start):
            self._passing += 1
        elif isinstance(token, End):
            self._passing -= 1
            if not self._passing and self._skipped is not None:
                skipped, self._skipped = self._skipped, None
                yield MessageSkipped(self.ordinal, skipped)

    def _outside(self, token: Token) -> None:
        if isinstance(token, End):
            self._outer.pop()
        elif isinstance(token, Text):
            if token.text.strip():
                raise FileRefused(Reason.NOT_A_MESSAGE, "text outside of a message", place="/" + "/".join(self._outer))
        elif token.name == "Document" and self._outer in ([], ["Xchg", "Pyld"]):
            self._document(token)
        elif token.namespace == _ENVELOPE and (token.name, self._outer) in (("Xchg", []), ("Pyld", ["Xchg"])):
            self._outer.append(token.name)
        elif (token.name, self._outer) in (("PyldDesc", ["Xchg"]), ("AppHdr", ["Xchg", "Pyld"])):
            self._passing = 1
        else:
            detail = "a file has one Document, or Xchg of head.002.001.01 with a Document in each Pyld"
            raise FileRefused(Reason.NOT_A_MESSAGE, detail, place="/" + "/".join(self._outer))

    def _document(self, token: Start) -> None:
        self.ordinal += 1
        try:
            if token.attributes.keys() - {_SCHEMA_LOCATION}:
                raise Fault(Reason.UNKNOWN_ELEMENT, "/Document", "an attribute that the schema does not have")
            kind = catalogue.kind_in(token.namespace)
        except Fault as fault:
            self._skipped = fault
            self._passing = 1
            return
        self._frame = Frame(kind, self.ordinal, Element(_tag(token)))
        self._stack = [self._frame.root]

    def _element(self, frame: Frame, token: Start) -> None:
        path = (catalogue.SPOKEN[frame.kind][1], *catalogue.ENTRIES[frame.kind])
        parent = self._stack[-1]
        attributes = dict(token.attributes)
        if self._entry_depth:
            self._entry_depth += 1
            self._entry_elements += 1
            if self._entry_elements > self.limits.entry_elements:
                raise FileRefused(Reason.TOO_LARGE, f"an entry of more than {self.limits.entry_elements} elements")
            self._stack.append(SubElement(parent, _tag(token), attributes))
            return
        names = [element.tag.rpartition("}")[2] for element in self._stack[1:]] + [token.name]
        if tuple(names) == path and token.namespace == frame.root.tag[1:].partition("}")[0]:
            frame.entries += 1
            self._entry_depth = self._entry_elements = 1
            self._entry_chars = 0
            frame.entries_in = parent
            self._stack.append(Element(_tag(token), attributes))
            return
        frame.elements += 1
        if frame.elements > self.limits.entry_elements:
            raise FileRefused(Reason.TOO_LARGE, f"a header of more than {self.limits.entry_elements} elements")
        self._stack.append(SubElement(parent, _tag(token), attributes))

    def _text(self, frame: Frame, text: str) -> None:
        element = self._stack[-1]
        if element is frame.entries_in:
            # Any text here is a fault, which the end of the message names; one is enough for that.
            element.text = text if text.strip() else element.text
            return
        if self._entry_depth:
            self._entry_chars += len(text)
        else:
            frame.chars += len(text)
        if max(self._entry_chars, frame.chars) > self.limits.entry_chars:
            raise FileRefused(Reason.TOO_LARGE, f"an entry or header of more than {self.limits.entry_chars} characters")
        _append(element, text)

    def _end(self, frame: Frame) -> Iterator[Framed]:
        element = self._stack.pop()
        if self._entry_depth:
            self._entry_depth -= 1
            if not self._entry_depth:
                yield EntryRead(frame, element, frame.entries)
        elif not self._stack:
            self._frame = None
            yield FrameEnded(frame)


def _tag(token: Start) -> str:
    return f"{{{token.namespace}}}{token.name}" if token.namespace else token.name


def _append(element: Element, text: str) -> None:
    if len(element):
        last = element[-1]
        last.tail = (last.tail or "") + text
    else:
        element.text = (element.text or "") + text
