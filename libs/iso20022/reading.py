"""Reading messages: bytes to entries, one by one, with flat memory; bad entries are named, good ones are given (O-9).

    for entry in read_messages(chunks):
        match entry: case RefusedEntry(): … case OrderInstruction(): …

What cannot be read on (hostile, cut, malformed, several documents) raises FileRefused after the entries before it.
A message is one thing: its orders are given when it has ended, because what stands after them can change their currency
or account, make them a copy, or be wrong; and because a message that was cut is sent again under the same reference.
Prices are given one by one.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any
from xml.etree.ElementTree import Element

from libs.iso20022 import catalogue
from libs.iso20022.errors import Fault, FileRefused, Reason
from libs.iso20022.framing import EntryRead, Frame, Framed, FrameEnded, Framer
from libs.iso20022.hardened import HardenedXml, Limits, Token
from libs.iso20022.orders import cancellation_of, order_of, switch_of, with_bulk_terms
from libs.iso20022.parts import moment_of
from libs.iso20022.schema import bind, check, fields_of
from libs.iso20022.transfers import prices_of, transfer_of
from libs.iso20022.values import Entry, MessageReference, RefusedEntry

_ORDERS = {"setr.001", "setr.004", "setr.007", "setr.010"}
_BULK = {"setr.001", "setr.007"}
_TRANSFERS = {"sese.001", "sese.005"}
_AT_ONCE = {"reda.001"}
_MAX_REFERENCE = 35


def read_messages(chunks: Iterable[bytes], limits: Limits | None = None) -> Iterator[Entry]:
    """Every entry of a file of messages; raises FileRefused where it cannot be read on."""
    reader = MessageReader(limits or Limits())
    for chunk in chunks:
        yield from reader.feed(chunk)
    yield from reader.close()


@dataclass(frozen=True, slots=True)
class _Held:
    """An entry that waits for the end of its message; a transfer waits as its dataclass."""

    position: int
    references: tuple[str | None, str | None]
    entry: Any


@dataclass(slots=True)
class _Message:
    """What the reader knows of the message that it is in."""

    reference: MessageReference
    header: Any = None
    fault: Fault | None = None
    held: list[_Held] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)


class MessageReader:
    """The same, for bytes that arrive piece by piece; each iterator that it returns must be used up."""

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._xml = HardenedXml(self._limits)
        self._framer = Framer(self._limits)
        self._message: _Message | None = None

    def feed(self, chunk: bytes) -> Iterator[Entry]:
        """The entries that these bytes complete."""
        yield from self._take(self._xml.feed(chunk))

    def close(self) -> Iterator[Entry]:
        """The end of the file; raises FileRefused when it is cut or has no message."""
        yield from self._take(self._xml.close())
        if not self._framer.ordinal:
            raise FileRefused(Reason.NOT_A_MESSAGE, "the file has no message")

    def _take(self, tokens: Iterator[Token]) -> Iterator[Entry]:
        try:
            for token in tokens:
                for framed in self._framer.take(token):
                    yield from self._framed(framed)
        except FileRefused as refused:
            held = [] if self._message is None else self._message.held
            fault = Fault(refused.reason, refused.place, f"the file ends in its message: {refused.detail}")
            for each in held:
                yield _refused(self._reference(), each.position, each.references, fault)
            raise

    def _reference(self) -> MessageReference:
        return MessageReference("", "") if self._message is None else self._message.reference

    def _framed(self, framed: Framed) -> Iterator[Entry]:
        if isinstance(framed, EntryRead):
            message = self._message or self._begin(framed.frame)
            yield from self._entry(message, framed)
        elif isinstance(framed, FrameEnded):
            message = self._message or self._begin(framed.frame)
            self._message = None
            yield from self._end(message, framed.frame)
        else:
            unknown = MessageReference("", "", None, framed.ordinal)
            yield _refused(unknown, 0, None, framed.fault)

    def _begin(self, frame: Frame) -> _Message:
        """The header of a message as far as it stands before its first entry."""
        model = catalogue.model(frame.kind)
        spine = (catalogue.SPOKEN[frame.kind][1], *catalogue.ENTRIES[frame.kind])
        said = _text(frame.root[0], "MsgId/Id") if len(frame.root) else ""
        message = _Message(MessageReference(frame.kind, said, None, frame.ordinal))
        self._message = message
        try:
            check(model, frame.root, "/Document", spine=spine, still_open=bool(frame.entries))
            header = bind(model, copy.deepcopy(frame.root), "/Document")
            message.header = getattr(header, fields_of(model)[spine[0]].attribute)
            created = moment_of(message.header.msg_id.cre_dt_tm, f"/Document/{spine[0]}/MsgId/CreDtTm")
            message.reference = MessageReference(frame.kind, message.header.msg_id.id, created, frame.ordinal)
        except Fault as fault:
            message.fault = fault
        return message

    def _entry(self, message: _Message, read: EntryRead) -> Iterator[Entry]:
        kind = read.frame.kind
        path = (catalogue.SPOKEN[kind][1], *catalogue.ENTRIES[kind])
        place = f"/Document/{'/'.join(path)}[{read.position}]"
        references = _references(read.tree)
        try:
            if message.fault is not None:
                raise Fault(Reason.HEADER, message.fault.place, f"the message: {message.fault.detail}")
            model = _entry_model(kind)
            check(model, read.tree, place)
            bound = bind(model, read.tree, place)
            if references[0] is not None:
                if references[0] in message.seen:
                    raise Fault(Reason.DUPLICATE, place, "an entry of this message before it has the same reference")
                message.seen.add(references[0])
            if len(message.held) >= self._limits.entries_a_message:
                raise Fault(Reason.TOO_LARGE, place, f"a message has at most {self._limits.entries_a_message} entries")
            entry = bound if kind in _TRANSFERS else _value(message, bound, read.position, place)
        except Fault as fault:
            yield _refused(message.reference, read.position, references, fault)
            return
        if kind in _AT_ONCE:
            yield entry
        else:
            message.held.append(_Held(read.position, references, entry))

    def _end(self, message: _Message, frame: Frame) -> Iterator[Entry]:
        path = (catalogue.SPOKEN[frame.kind][1], *catalogue.ENTRIES[frame.kind])
        place = f"/Document/{'/'.join(path)}"
        fault = message.fault
        if fault is None:
            fault = self._tail_fault(message, frame, path, place)
        if fault is not None and (message.fault is None or not frame.entries):
            yield _refused(message.reference, 0, None, fault)
        for held in message.held:
            yield _completed(message, held, fault, place)

    def _tail_fault(self, message: _Message, frame: Frame, path: tuple[str, ...], place: str) -> Fault | None:
        model = catalogue.model(frame.kind)
        try:
            check(model, frame.root, "/Document", spine=path)
            if not frame.entries:
                raise Fault(Reason.MISSING, place, "is required")
            header = bind(model, frame.root, "/Document")
            message.header = getattr(header, fields_of(model)[path[0]].attribute)
            copy_of = getattr(message.header, "cpy_dtls", None)
            if copy_of is not None and copy_of.cpy_ind:
                raise Fault(Reason.UNSUPPORTED, f"/Document/{path[0]}/CpyDtls/CpyInd", "a copy is not dealt")
        except Fault as fault:
            return fault
        return None


def _completed(message: _Message, held: _Held, fault: Fault | None, place: str) -> Entry:
    """An entry that waited, with what its message said after it; refused with the message when that is at fault."""
    try:
        if fault is not None:
            raise Fault(Reason.HEADER, fault.place, f"the message: {fault.detail}")
        kind = message.reference.kind
        if kind in _TRANSFERS:
            at = f"{place}[{held.position}]"
            return transfer_of(message.reference, message.header, held.entry, held.position, at)
        entry: Entry = with_bulk_terms(held.entry, message.header) if kind in _BULK else held.entry
    except Fault as wrong:
        return _refused(message.reference, held.position, held.references, wrong)
    return entry


def _entry_model(kind: str) -> type[Any]:
    model = catalogue.model(kind)
    for name in (catalogue.SPOKEN[kind][1], *catalogue.ENTRIES[kind]):
        model = fields_of(model)[name].kind
    return model


def _value(message: _Message, bound: Any, position: int, place: str) -> Entry:
    kind = message.reference.kind
    if kind in _ORDERS:
        return order_of(message.reference, message.header, bound, position, place)
    if kind == "setr.013":
        return switch_of(message.reference, bound, position, place)
    if kind == "reda.001":
        return prices_of(message.reference, message.header, bound, position, place)
    return cancellation_of(message.reference, message.header, bound, position)


def _refused(
    message: MessageReference, position: int, references: tuple[str | None, str | None] | None, fault: Fault
) -> RefusedEntry:
    own, client = references or (None, None)
    return RefusedEntry(message, position, own, client, fault.reason, fault.place, fault.detail, fault.value_class)


def _references(tree: Element) -> tuple[str | None, str | None]:
    own = client = None
    for child in tree:
        name = child.tag.rpartition("}")[2]
        if name in ("OrdrRef", "TrfRef"):
            own = _short(child.text)
        elif name == "ClntRef":
            client = _short(child[0].text if len(child) else child.text)
    return own, client


def _text(element: Element, path: str) -> str:
    namespace = element.tag.rpartition("}")[0] + "}"
    found = element.find("/".join(f"{namespace}{name}" for name in path.split("/")))
    return _short(found.text if found is not None else None) or ""


def _short(text: str | None) -> str | None:
    """A reference that can be shown: of a refused entry nothing was checked yet."""
    if not text or len(text) > _MAX_REFERENCE or not text.isprintable():
        return None
    return text
