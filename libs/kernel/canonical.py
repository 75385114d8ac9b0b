"""Canonical JSON (RFC 8785): sorted keys, no white space, UTF-8, no floats."""

from __future__ import annotations

from typing import Any

import orjson

from libs.kernel.errors import InvalidValue

MAX_INTEGER = 2**53 - 1


def canonical(value: Any) -> bytes:
    """The canonical bytes of a JSON value that `check` accepts.

    Keys are ASCII, so byte order is UTF-16 order; there are no floats, so numbers are digits.
    Raises InvalidValue for what JSON cannot hold (a lone surrogate, another type).
    """
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except (TypeError, orjson.JSONEncodeError) as error:
        raise InvalidValue(f"not representable as canonical JSON: {error}") from error


def check(value: Any, path: str = "$") -> None:
    """Raise InvalidValue, naming the path, for floats, integers past 2^53 - 1, keys that are not ASCII."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if not isinstance(key, str) or not key.isascii():
                raise InvalidValue("a key must be ASCII text", field=path, value=repr(key))
            check(inner, f"{path}.{key}")
    elif isinstance(value, list | tuple):
        for position, inner in enumerate(value):
            check(inner, f"{path}[{position}]")
    elif isinstance(value, float):
        raise InvalidValue("a float is never stored; use a decimal string", field=path, value=value)
    elif isinstance(value, int) and not -MAX_INTEGER <= value <= MAX_INTEGER:
        raise InvalidValue("an integer past 2^53 - 1 is stored as text", field=path, value=value)
