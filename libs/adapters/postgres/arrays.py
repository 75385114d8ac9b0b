"""Columns of many rows as one argument: the text of an array (`$1::text::int[]`).

The server reads it at once; the client's own encoding of arrays looks at every element several times.
"""

from __future__ import annotations

from collections.abc import Iterable


def array(texts: Iterable[str | None]) -> str:
    """An array of texts, each quoted; None is NULL."""
    return "{" + ",".join(["NULL" if text is None else _quoted(text) for text in texts]) + "}"


def _quoted(text: str) -> str:
    if "\\" in text or '"' in text:
        text = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def numbers(values: Iterable[int]) -> str:
    """An array of numbers."""
    return "{" + ",".join(map(str, values)) + "}"
