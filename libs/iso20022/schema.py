"""A tree against its dataclass: every element known, in order, counted, every value in bounds; then bound by xsdata.

python-iso20022 carries the schema's facets as metadata but xsdata does not check them, so the walk here does, and names
the place of the first fault. What it lets through, xsdata binds.
"""

from __future__ import annotations

import dataclasses
import re
import sys
import typing
from decimal import Decimal
from enum import Enum
from functools import cache, lru_cache
from typing import Any, TypeVar
from xml.etree.ElementTree import Element

from libs.iso20022.errors import Fault, Reason, value_class

Model = TypeVar("Model")

_CHOICE = re.compile(r"Choice[A-Z][a-z]{3}\d{8}$")
# Choices of an older style, in which one branch is a group of these.
_GROUPED = {"XtndedRsn", "DataSrcSchme"}
_DECIMAL = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)")
_MAX_NUMBER_CHARS = 100
_BOOLEANS = {"true", "false", "1", "0"}


@dataclasses.dataclass(frozen=True, slots=True)
class FieldOf:
    """What the schema says of one element or attribute: its names, how many, the class or facets of its value."""

    attribute: str
    name: str
    position: int
    many: bool
    required: bool
    node: str
    kind: type[Any]
    facets: dict[str, Any]
    complex: bool


_known: dict[type[Any], dict[str, FieldOf]] = {}


def fields_of(model: type[Any]) -> dict[str, FieldOf]:
    """The fields of a dataclass by their XML names, in order; the text of an element has the name ``""``."""
    if model in _known:
        return _known[model]
    hints = typing.get_type_hints(model, vars(sys.modules[model.__module__]))
    found: dict[str, FieldOf] = {}
    for position, field in enumerate(dataclasses.fields(model)):
        facets = dict(field.metadata)
        name = facets.get("name", "")
        kind = _inner(hints[field.name])
        found[name] = FieldOf(
            attribute=field.name,
            name=name,
            position=position,
            many=field.default_factory is list,
            required=bool(facets.get("required") or facets.get("min_occurs")),
            node=facets.get("type", "Text"),
            kind=kind,
            facets=facets,
            complex=dataclasses.is_dataclass(kind),
        )
    _known[model] = found
    return found


def is_choice(model: type[Any]) -> bool:
    """Whether exactly one of its elements stands."""
    return _CHOICE.search(model.__name__) is not None


def _inner(hint: Any) -> type[Any]:
    arguments = [argument for argument in typing.get_args(hint) if argument is not type(None)]
    return _inner(arguments[0]) if arguments else hint


def check(
    model: type[Any], element: Element, place: str, *, spine: tuple[str, ...] = (), still_open: bool = False
) -> None:
    """Raise the first Fault of the tree.

    `spine` leads down to the entries of a message, which are not in the tree; while it is still open, what the schema
    has after the spine may miss.
    """
    fields = fields_of(model)
    _attributes(fields, element, place)
    if "" in fields:
        if len(element):
            raise Fault(Reason.UNKNOWN_ELEMENT, place, "no elements belong here")
        value_fault(fields[""], element.text or "", place)
        return
    if (element.text or "").strip() or any((child.tail or "").strip() for child in element):
        raise Fault(Reason.UNKNOWN_ELEMENT, place, "text where only elements belong")
    counts = _children(model, fields, element, place, spine, still_open)
    last = fields[spine[0]].position if spine and still_open else len(fields)
    for name, field in fields.items():
        if (name,) == spine or field.node != "Element" or field.position >= last:
            continue
        if field.required and not counts.get(name):
            raise Fault(Reason.MISSING, f"{place}/{name}", "is required")
    if is_choice(model):
        chosen = set(counts) - _GROUPED
        if len(chosen) != 1 and not (set(counts) & _GROUPED):
            names = ", ".join(name for name in fields if name)
            raise Fault(Reason.CHOICE, place, f"exactly one of {names}", f"{len(chosen)} of them")


def _attributes(fields: dict[str, FieldOf], element: Element, place: str) -> None:
    for name, value in element.attrib.items():
        field = fields.get(name)
        if field is None or field.node != "Attribute":
            raise Fault(Reason.UNKNOWN_ELEMENT, place, "an attribute that the schema does not have")
        value_fault(field, value, f"{place}/@{name}")
    for field in fields.values():
        if field.node == "Attribute" and field.required and field.name not in element.attrib:
            raise Fault(Reason.MISSING, f"{place}/@{field.name}", "is required")


def _children(
    model: type[Any],
    fields: dict[str, FieldOf],
    element: Element,
    place: str,
    spine: tuple[str, ...],
    still_open: bool,
) -> dict[str, int]:
    counts: dict[str, int] = {}
    position = -1
    namespace = f"{{{sys.modules[model.__module__].__NAMESPACE__}}}"
    for child in element:
        name = child.tag.removeprefix(namespace)
        field = fields.get(name)
        if field is None or field.node != "Element" or name == child.tag:
            raise Fault(Reason.UNKNOWN_ELEMENT, place, f"has an element that {model_name(model)} does not have")
        counts[name] = counts.get(name, 0) + 1
        here = f"{place}/{name}[{counts[name]}]" if field.many else f"{place}/{name}"
        if field.position < position:
            raise Fault(Reason.ORDER, here, "stands after an element that it must precede")
        if counts[name] > 1 and not field.many:
            raise Fault(Reason.REPEATED, here, "stands twice")
        position = field.position
        if field.complex:
            below = spine[1:] if spine and spine[0] == name else ()
            check(field.kind, child, here, spine=below, still_open=still_open)
        elif len(child) or child.attrib:
            raise Fault(Reason.UNKNOWN_ELEMENT, here, "no elements or attributes belong here")
        else:
            value_fault(field, child.text or "", here)
    return counts


def model_name(model: type[Any]) -> str:
    """The ISO name of a component: `SubscriptionOrder14Setr01000104` → `SubscriptionOrder14`."""
    return re.sub(r"[A-Z][a-z]{3}\d{8}$", "", model.__name__)


def value_fault(field: FieldOf, text: str, place: str) -> None:
    """Raise Fault when a value breaks the type or a facet of its field."""
    problem = _problem(field, text)
    if problem is not None:
        raise Fault(Reason.VALUE, place, problem, value_class(text))


def _problem(field: FieldOf, text: str) -> str | None:
    if field.kind is Decimal:
        return _decimal_problem(field.facets, text.strip())
    if field.kind is str:
        return _text_problem(field.facets, text)
    if field.kind is bool:
        return None if text.strip() in _BOOLEANS else "is true or false"
    if issubclass(field.kind, Enum):
        codes = _codes(field.kind)
        return None if text.strip() in codes else f"is not a code of {field.kind.__name__}"
    try:
        field.kind.from_string(text.strip())
    except (ValueError, AttributeError, ArithmeticError):
        return f"is not a value of {field.kind.__name__.removeprefix('Xml')}"
    return None


def _decimal_problem(facets: dict[str, Any], text: str) -> str | None:
    if len(text) > _MAX_NUMBER_CHARS or not text.isascii() or not _DECIMAL.fullmatch(text):
        return "is not a decimal number"
    whole, _, fraction = text.lstrip("+-").partition(".")
    fraction = fraction.rstrip("0")
    if len(whole.lstrip("0")) + len(fraction) > facets.get("total_digits", _MAX_NUMBER_CHARS):
        return f"has more than {facets['total_digits']} digits"
    if len(fraction) > facets.get("fraction_digits", _MAX_NUMBER_CHARS):
        return f"has more than {facets['fraction_digits']} decimals"
    if "min_inclusive" in facets and Decimal(text) < Decimal(facets["min_inclusive"]):
        return f"is below {facets['min_inclusive']}"
    return None


def _text_problem(facets: dict[str, Any], text: str) -> str | None:
    if len(text) < facets.get("min_length", 0):
        return "is empty" if not text else f"is shorter than {facets['min_length']} characters"
    if len(text) > facets.get("max_length", sys.maxsize):
        return f"is longer than {facets['max_length']} characters"
    pattern = facets.get("pattern")
    if pattern is not None and not _compiled(pattern).fullmatch(text):
        return f"does not match {pattern}"
    if "max_length" in facets and (not text.isprintable() or text != text.strip()):
        return "has unprintable characters or spaces around it"
    return None


@lru_cache(512)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.ASCII)


@cache
def _codes(kind: type[Enum]) -> frozenset[str]:
    return frozenset(str(member.value) for member in kind)


@cache
def _parser() -> Any:
    # Late: xsdata costs 0.2 s, which no service pays before its first message.
    from xsdata.formats.dataclass.context import XmlContext  # noqa: PLC0415
    from xsdata.formats.dataclass.parsers import XmlParser  # noqa: PLC0415
    from xsdata.formats.dataclass.parsers.config import ParserConfig  # noqa: PLC0415
    from xsdata.formats.dataclass.parsers.handlers import XmlEventHandler  # noqa: PLC0415

    config = ParserConfig(fail_on_unknown_properties=True, fail_on_converter_warnings=True)
    return XmlParser(context=XmlContext(), config=config, handler=XmlEventHandler)


def bind(model: type[Model], element: Element, place: str) -> Model:
    """The dataclass of a tree that `check` let through; the tree is emptied. Raises Fault for what xsdata refuses."""
    parser = _parser()
    from xsdata.exceptions import ConverterError, ParserError  # noqa: PLC0415

    try:
        bound: Model = parser.parse(element, model)
    except (ParserError, ConverterError) as error:
        raise Fault(Reason.VALUE, place, f"is not a {model_name(model)}") from error
    return bound
