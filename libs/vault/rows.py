"""Personal values in read tables: sealed, with the place of the event that they come from, opened by the API only."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from libs.kernel.errors import InvalidValue
from libs.kernel.personal import OF, is_leaf
from libs.vault.sealing import Place

_MEMBERS = frozenset({"sealed", "type", "stream", "version", "field"})


def kept(personal: Mapping[str, Any], type_name: str, stream: str, version: int, field: str) -> dict[str, Any]:
    """A personal leaf of an event as a read table keeps it (jsonb); raises InvalidValue for a clear one.

    `field` is the dotted path of the leaf in the event's data. An erased leaf stays `{"erased": true}`.
    """
    if not is_leaf(personal) or "clear" in personal:
        raise InvalidValue("a read table keeps personal values sealed, never clear", field=field)
    if "erased" in personal:
        return dict(personal)
    return {**personal, "type": type_name, "stream": stream, "version": version, "field": field}


def is_kept(value: object) -> bool:
    """Whether a JSON value is what `kept` made of a sealed leaf."""
    return isinstance(value, Mapping) and value.keys() - {OF} == _MEMBERS


def kept_place(tenant: str, value: Mapping[str, Any]) -> tuple[Place, str, dict[str, Any]]:
    """Place, field and sealed leaf of what `kept` made."""
    place = Place(tenant, value["type"], value["stream"], value["version"])
    return place, value["field"], {name: value[name] for name in ("sealed", OF) if name in value}


def kept_values(rows: Any) -> Iterator[Mapping[str, Any]]:
    """Every kept value in rows of any nesting."""
    if is_kept(rows):
        yield rows
    elif isinstance(rows, Mapping):
        for inner in rows.values():
            yield from kept_values(inner)
    elif isinstance(rows, list | tuple):
        for inner in rows:
            yield from kept_values(inner)


def subjects_kept(tenant: str, rows: Any) -> set[str]:
    """The data subjects of all values in rows: whom they name with `of`, else the key of their stream."""
    return {value.get(OF) or kept_place(tenant, value)[0].subject for value in kept_values(rows)}


def opened(rows: Any, open_one: Callable[[Mapping[str, Any]], dict[str, Any]]) -> Any:
    """The rows with every kept value replaced by what `open_one` makes of it."""
    if is_kept(rows):
        return open_one(rows)
    if isinstance(rows, Mapping):
        return {key: opened(inner, open_one) for key, inner in rows.items()}
    if isinstance(rows, list | tuple):
        return [opened(inner, open_one) for inner in rows]
    return rows
