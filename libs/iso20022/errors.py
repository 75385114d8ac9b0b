"""What can be wrong with a file of messages: each fault has one name and says where, never the value itself."""

from __future__ import annotations

import re
from enum import StrEnum

from libs.kernel.errors import InvalidValue

_NUMBER = re.compile(r"[+-]?\d*\.?\d*")


class Reason(StrEnum):
    """The names of everything that a reader refuses; stable, for statuses and tests."""

    HOSTILE = "hostile-xml"  # DTD, entity, processing instruction, a limit
    MALFORMED = "malformed-xml"
    CUT = "cut-short"
    SEVERAL = "several-documents"
    ENCODING = "encoding"
    TOO_LARGE = "too-large"
    NOT_A_MESSAGE = "not-a-message"
    WRONG_NAMESPACE = "wrong-namespace"
    WRONG_VERSION = "wrong-version"
    UNKNOWN_MESSAGE = "unknown-message"
    UNKNOWN_ELEMENT = "unknown-element"
    MISSING = "missing-element"
    ORDER = "element-out-of-order"
    REPEATED = "repeated-element"
    CHOICE = "choice"
    VALUE = "invalid-value"
    QUANTITY = "quantity"
    UNSUPPORTED = "unsupported"
    DUPLICATE = "duplicate-reference"
    HEADER = "header"


class FileRefused(InvalidValue):
    """The file cannot be read on; what came before it was yielded and stands."""

    code = "file-refused"
    status = 400
    title = "The file cannot be read"

    def __init__(self, reason: Reason, detail: str, *, place: str = "") -> None:
        super().__init__(detail, field=place or None)
        self.reason = reason
        self.place = place


class Fault(Exception):
    """One entry is wrong: why, and where in the message. It becomes a RefusedEntry and never leaves the library."""

    def __init__(self, reason: Reason, place: str, detail: str, value_class: str = "") -> None:
        super().__init__(f"{place}: {detail}")
        self.reason = reason
        self.place = place
        self.detail = detail
        self.value_class = value_class


class CannotWrite(InvalidValue):
    """An outgoing message would break its own schema: the place and the rule, never the value."""

    code = "cannot-write-message"
    status = 500
    title = "The message cannot be written"


def value_class(text: str) -> str:
    """What kind of value it was, without showing it: values of orders can be personal (invariant 6)."""
    if not text.strip():
        return "empty"
    if _NUMBER.fullmatch(text.strip()):
        whole, _, fraction = text.strip().lstrip("+-").partition(".")
        sign = "negative number" if text.strip().startswith("-") else "number"
        return f"{sign} of {len(whole)} whole digits and {len(fraction)} decimals"
    return f"text of {len(text)} characters"
