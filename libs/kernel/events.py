"""Events: frozen models whose names and fields are the stored format, and the catalogue that reads them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, ClassVar, NamedTuple, get_args, get_origin

from pydantic import BaseModel, ConfigDict

from libs.kernel.errors import CartularyError
from libs.kernel.personal import Personal, Term
from libs.kernel.streams import stream_name

Upcaster = Callable[[dict[str, Any]], dict[str, Any]]


class UnknownEvent(CartularyError):
    """An event type or version that this code does not know; never skipped silently."""

    code = "unknown-event"


class Claim(NamedTuple):
    """What must be unique across streams of a tenant (W-4): `("isin", "LU…")`; stored only as a keyed hash."""

    kind: str
    value: str


class Due(NamedTuple):
    """Work that falls due at a UTC time (W-25): the runtime turns it into the command that `kind` names."""

    kind: str
    at: datetime
    payload: dict[str, Any]


class Event(BaseModel):
    """A fact that a service decided, past tense.

    A subclass names its `service`, its `aggregate` and the fields that hold the lane key and the id; its stored name is
    `<service>.<ClassName>.v<schema_version>`. No field is a float (invariant 7).
    """

    # An error about an event must not show what it holds.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    service: ClassVar[str] = ""
    aggregate: ClassVar[str] = ""
    key_field: ClassVar[str] = ""
    id_field: ClassVar[str] = ""
    schema_version: ClassVar[int] = 1
    upcasters: ClassVar[Mapping[int, Upcaster]] = {}
    # Whether a field is a personal value, which is sealed before the event is stored (invariant 6).
    holds_personal: ClassVar[bool] = False

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        for name, field in cls.model_fields.items():
            if _mentions_float(field.annotation):
                raise TypeError(f"{cls.__name__}.{name}: an event has no float; use Decimal")
            cls.holds_personal = cls.holds_personal or _mentions_personal(field.annotation)

    @classmethod
    def type_name(cls) -> str:
        """The stored name, frozen once published."""
        return f"{cls.service}.{cls.__name__}.v{cls.schema_version}"

    def stream(self) -> str:
        """The stream that this event belongs to (W-2)."""
        return stream_name(self.service, getattr(self, self.key_field), self.aggregate, getattr(self, self.id_field))

    def data(self) -> dict[str, Any]:
        """The delta as JSON values: decimals, dates and ids as text."""
        return self.model_dump(mode="json")

    def claims(self) -> tuple[Claim, ...]:
        """What this event makes unique (W-4)."""
        return ()

    def releases(self) -> tuple[Claim, ...]:
        """The claims that this event gives up."""
        return ()

    def due(self) -> tuple[Due, ...]:
        """The work that this event makes due (W-25)."""
        return ()

    def search(self) -> tuple[Term, ...]:
        """What the event's data subject is found by from now on; asked while its personal values are clear."""
        return ()


def _mentions_float(annotation: Any) -> bool:
    if annotation is float:
        return True
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return any(_mentions_float(field.annotation) for field in annotation.model_fields.values())
    return any(map(_mentions_float, get_args(annotation)))


def _mentions_personal(annotation: Any) -> bool:
    if annotation is Personal or get_origin(annotation) is Personal:
        return True
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return any(_mentions_personal(field.annotation) for field in annotation.model_fields.values())
    return any(map(_mentions_personal, get_args(annotation)))


class Catalogue:
    """The event types that a service knows, by stored name; older versions are upcast on the way in."""

    def __init__(self, types: Iterable[type[Event]]) -> None:
        self._types: dict[str, type[Event]] = {}
        self._stored: dict[str, tuple[type[Event], int]] = {}
        for kind in types:
            stem = kind.type_name().rpartition(".v")[0]
            if stem in self._types:
                raise TypeError(f"two event types are named {stem}")
            self._types[stem] = kind

    def types(self) -> list[type[Event]]:
        """The event types, in the order given."""
        return list(self._types.values())

    def __contains__(self, type_name: str) -> bool:
        return type_name.rpartition(".v")[0] in self._types

    def parse(self, type_name: str, data: dict[str, Any]) -> Event:
        """The event behind a stored name and its data; raises UnknownEvent for what this code cannot read."""
        kind, stored = self._stored.get(type_name) or self._find(type_name)
        for version in range(stored, kind.schema_version):
            data = kind.upcasters[version](data)
        return kind.model_validate(data)

    def _find(self, type_name: str) -> tuple[type[Event], int]:
        stem, _, version_text = type_name.rpartition(".v")
        kind = self._types.get(stem)
        if kind is None or not version_text.isdecimal() or int(version_text) > kind.schema_version:
            raise UnknownEvent(f"this version of the code does not know {type_name}", field="type", value=type_name)
        self._stored[type_name] = kind, int(version_text)
        return self._stored[type_name]
