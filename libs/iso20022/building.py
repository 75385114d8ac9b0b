"""Names and values to the bytes of a message: in order and checked by the dataclasses, always the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any
from xml.etree.ElementTree import Element, SubElement
from xml.sax.saxutils import escape, quoteattr

from libs.iso20022 import catalogue
from libs.iso20022.errors import CannotWrite, Fault
from libs.iso20022.schema import FieldOf, bind, check, fields_of
from libs.iso20022.values import Amount

Part = Mapping[str, Any]


def render(kind: str, body: Part) -> bytes:
    """The message of this kind as UTF-8; raises CannotWrite naming the place where it would break its schema.

    `body` is what stands under the message's element, by XML name, in any order; none and empty lists are left out.
    """
    tree = _tree(kind, body)
    lines = ['<?xml version="1.0" encoding="UTF-8"?>']
    _emit(tree, f' xmlns="{catalogue.NAMESPACE}{catalogue.version_of(kind)}"', 0, lines)
    return ("\n".join(lines) + "\n").encode()


def read_back(kind: str, message: bytes) -> Any:
    """A message by its own dataclasses, checked; for tests and for what one service tells another."""
    from xml.etree.ElementTree import fromstring  # noqa: PLC0415

    # Only for bytes that `render` made; what comes from outside goes through libs.iso20022.reading.
    tree = fromstring(message)
    check(catalogue.model(kind), tree, "/Document")
    return bind(catalogue.model(kind), tree, "/Document")


def _tree(kind: str, body: Part) -> Element:
    model = catalogue.model(kind)
    name = catalogue.SPOKEN[kind][1]
    namespace = f"{{{catalogue.NAMESPACE}{catalogue.version_of(kind)}}}"
    root = Element(f"{namespace}Document")
    try:
        _complex(SubElement(root, f"{namespace}{name}"), fields_of(model)[name].kind, body, namespace, f"/{name}")
        check(model, root, "/Document")
    except Fault as fault:
        detail = f"{kind}: {fault.place} {fault.detail} {fault.value_class}".rstrip()
        raise CannotWrite(detail, field=fault.place) from fault
    return root


def _complex(element: Element, model: type[Any], part: Part, namespace: str, place: str) -> None:
    fields = fields_of(model)
    unknown = part.keys() - fields.keys()
    if unknown:
        raise CannotWrite(f"{place} has no {min(unknown)}", field=place)
    for name, field in fields.items():
        value = part.get(name)
        if value is None:
            continue
        many = value if isinstance(value, Sequence) and not isinstance(value, str) else (value,)
        for each in many:
            _field(SubElement(element, f"{namespace}{name}"), field, each, namespace, f"{place}/{name}")


def _field(element: Element, field: FieldOf, value: Any, namespace: str, place: str) -> None:
    if isinstance(value, Amount):
        element.set("Ccy", value.currency)
        element.text = text_of(value.value)
    elif isinstance(value, Mapping):
        _complex(element, field.kind, value, namespace, place)
    else:
        element.text = text_of(value)


def text_of(value: Any) -> str:
    """The one spelling of a value: no exponent, no negative zero, UTC with milliseconds."""
    match value:
        case bool():
            return "true" if value else "false"
        case Decimal():
            return f"{value:f}" if value else f"{abs(value):f}"
        case datetime():
            return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{value.microsecond // 1000:03d}Z"
        case date():
            return value.isoformat()
        case Enum():
            return str(value.value)
        case str():
            return value
        case _:
            raise TypeError(f"{type(value).__name__} has no place in a message")


def _emit(element: Element, attributes: str, depth: int, lines: list[str]) -> None:
    name = element.tag.rpartition("}")[2]
    attributes += "".join(f" {key}={quoteattr(value)}" for key, value in sorted(element.attrib.items()))
    indent = "  " * depth
    if len(element):
        lines.append(f"{indent}<{name}{attributes}>")
        for child in element:
            _emit(child, "", depth + 1, lines)
        lines.append(f"{indent}</{name}>")
    else:
        lines.append(f"{indent}<{name}{attributes}>{escape(element.text or '')}</{name}>")
