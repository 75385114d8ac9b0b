"""Personal values: clear while a command is decided, sealed everywhere else, erased in the end (invariant 6)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Generic, Literal, NamedTuple, TypeVar, get_args

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from libs.kernel.errors import CartularyError

T = TypeVar("T")

Form = Literal["clear", "sealed", "erased"]
# The member that names a data subject other than the key of the event's stream.
OF = "of"
_FORMS: tuple[Form, ...] = ("clear", "sealed", "erased")


class NotClear(CartularyError):
    """A personal value was asked for where only its sealed form is, or after its subject was erased."""

    code = "personal-value-not-clear"
    status = 409
    title = "The personal value cannot be read"


class Term(NamedTuple):
    """What a data subject can be searched by: `("name", "Anna Weber")`; kinds: name, iban, tin, reference."""

    kind: str
    text: str


class Personal(Generic[T]):
    """A personal value in an event: `Personal.of(value)` in `decide`; `evolve` and projections only carry it.

    As JSON it is `{"clear": …}`, `{"sealed": "<base64url>"}` or `{"erased": true}`; a second member `of` names the
    data subject when it is not the key of the event's stream. Whoever stores an event seals it first.
    """

    __slots__ = ("_form", "_value", "subject")

    def __init__(self, form: Form, value: Any, subject: str | None = None) -> None:
        self._form, self._value, self.subject = form, value, subject

    @classmethod
    def of(cls, value: T, subject: str | None = None) -> Personal[T]:
        """A clear value."""
        return cls("clear", value, subject)

    @property
    def form(self) -> Form:
        """Whether the value is clear, sealed or erased."""
        return self._form

    @property
    def clear(self) -> T:
        """The value; raises NotClear."""
        if self._form != "clear":
            raise NotClear(f"the value is {self._form}")
        value: T = self._value
        return value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Personal) and (self._form, self._value, self.subject) == (
            other._form, other._value, other.subject
        )  # fmt: skip

    def __hash__(self) -> int:
        return hash((self._form, self.subject, self._value if self._form == "sealed" else None))

    def __repr__(self) -> str:
        """Never the value: it ends in logs and tracebacks."""
        return f"Personal({self._form})"

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        inner = handler.generate_schema(get_args(source)[0] if get_args(source) else Any)
        return core_schema.no_info_wrap_validator_function(
            _read, inner, serialization=core_schema.wrap_serializer_function_ser_schema(_write, schema=inner)
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"type": "object", "description": "A personal value, sealed."}


def is_leaf(value: object) -> bool:
    """Whether a JSON value is a personal value in one of its forms."""
    return isinstance(value, Mapping) and len(value) <= 2 and any(form in value for form in _FORMS) and (
        len(value) == 1 or OF in value
    )  # fmt: skip


def to_seal(payload: Mapping[str, Any], personal: frozenset[str]) -> dict[str, Any]:
    """The payload with its personal fields as personal values, which are sealed with the proposal (invariant 6)."""
    return {name: {"clear": value} if name in personal else value for name, value in payload.items()}


def to_clear(payload: Mapping[str, Any], personal: frozenset[str]) -> dict[str, Any]:
    """The payload that `to_seal` was given; raises NotClear when its data subject was erased."""
    given = dict(payload)
    for name in personal & given.keys():
        if is_leaf(given[name]):
            if "clear" not in given[name]:
                raise NotClear("the subject of this change was erased", field=f"payload.{name}")
            given[name] = given[name]["clear"]
    return given


def _read(value: Any, inner: core_schema.ValidatorFunctionWrapHandler) -> Personal[Any]:
    if isinstance(value, Personal):
        return value
    if not is_leaf(value):
        raise ValueError("a personal value is an object with one of: clear, sealed, erased")
    form: Form = next(form for form in _FORMS if form in value)
    content = inner(value["clear"]) if form == "clear" else value[form]
    if (form == "sealed" and not isinstance(content, str)) or (form == "erased" and content is not True):
        raise ValueError(f"not the content of a personal value that is {form}")
    return Personal(form, content, value.get(OF))


def _write(value: Personal[Any], inner: core_schema.SerializerFunctionWrapHandler) -> dict[str, Any]:
    content = inner(value._value) if value.form == "clear" else value._value
    return {value.form: content} if value.subject is None else {value.form: content, OF: value.subject}
