"""Bodies as they must be: bounded, and JSON that every reader understands alike."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import orjson
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from libs.edge.problems import (
    BodyTooLarge,
    DuplicateKey,
    DuplicateParameter,
    ForbiddenCharacter,
    MalformedJson,
    TooDeep,
    problem_response,
)
from libs.kernel.errors import CartularyError, InvalidValue

_MAX_INTEGER = 2**53 - 1
_JSON = "cartulary.json"
MAX_JSON_BYTES = 2_000_000
_NOT_PLAIN = object()
_KEYS = re.compile(rb'"[ \t\r\n]*:')
# A string is passed over whole, its brackets with it; possessively, or a long one would cost 60 bytes a character.
_BRACKETS = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]', re.DOTALL)


class StrictBody:
    """ASGI middleware: reads the whole body, refuses what is too large or not strict JSON, and hands it on.

    It also refuses NUL in the path and the query, which no store can hold, and a parameter given twice.
    `larger` gives another limit to paths that end so (regular expressions); for JSON at most `MAX_JSON_BYTES`.
    """

    def __init__(
        self, app: ASGIApp, max_body_bytes: int, max_json_depth: int, larger: Mapping[str, int] | None = None
    ) -> None:
        self._app, self._max_bytes, self._max_depth = app, max_body_bytes, max_json_depth
        self._larger = [(re.compile(f"(?:{path})$"), most) for path, most in (larger or {}).items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check and hand on; a refusal is answered here."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            _check_address(scope["path"], scope["query_string"])
            body = await self._read(scope, receive)
            if body is None:
                return
            if body and _is_json(Headers(scope=scope).get("content-type", "")):
                scope[_JSON] = strict_json(body, self._max_depth)
        except CartularyError as error:
            await problem_response(error.as_problem(), Request(scope))(scope, receive, send)
            return
        await self._app(scope, _replay(body, receive), send)

    async def _read(self, scope: Scope, receive: Receive) -> bytes | None:
        """The whole body, None when the client went away; raises BodyTooLarge before it reads too much."""
        announced = Headers(scope=scope).get("content-length", "0")
        size = int(announced) if announced.isdecimal() and len(announced) < 20 else 0
        chunks: list[bytes] = []
        more, total, most = True, 0, self._limit(scope)
        while more:
            if max(size, total) > most:
                raise BodyTooLarge(f"at most {most} bytes", field="Content-Length", value=max(size, total))
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            chunks.append(message.get("body", b""))
            total += len(chunks[-1])
            more = message.get("more_body", False)
        if total > most:
            raise BodyTooLarge(f"at most {most} bytes", value=total)
        return b"".join(chunks)

    def _limit(self, scope: Scope) -> int:
        found = next((most for path, most in self._larger if path.search(scope["path"])), self._max_bytes)
        is_json = _is_json(Headers(scope=scope).get("content-type", ""))
        # JSON is read as a whole, before anybody knows who sent it.
        return min(found, max(self._max_bytes, MAX_JSON_BYTES)) if is_json else found


def _check_address(path: str, query: bytes) -> None:
    if "\x00" in path or b"%00" in query:
        raise ForbiddenCharacter("the address holds a NUL")
    if b"&" in query:
        seen: set[str] = set()
        for name, _ in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
            if name in seen:
                raise DuplicateParameter("each parameter once", field=_printable(name))
            seen.add(name)


def json_of(request: Request) -> Any:
    """The request's JSON as `StrictBody` read it; None without a JSON body."""
    return request.scope.get(_JSON)


def strict_json(body: bytes, max_depth: int) -> Any:
    """The JSON value of a body.

    Numbers are integers of at most 2^53 - 1, a decimal is text (invariant 7). Raises MalformedJson,
    DuplicateKey, TooDeep, ForbiddenCharacter, InvalidValue.
    """
    if (plain := _plainly(body, max_depth)) is not _NOT_PLAIN:
        return plain
    return _carefully(body, max_depth)


def _plainly(body: bytes, max_depth: int) -> Any:
    """The value when nothing speaks against it, by a fast parser; what does is for the careful one to name.

    Without a backslash every quote bounds a string: there are no more keys than quotes before a colon, and no string
    holds a NUL or a surrogate. A key that stands twice is in the text once more than in the value.
    """
    if b"\\" in body:
        return _NOT_PLAIN
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return _NOT_PLAIN
    keys, left = 0, [(value, 0)]
    while left:
        item, depth = left.pop()
        kind = type(item)
        if kind is str or item is None or kind is bool:
            continue
        if kind is int:
            if not -_MAX_INTEGER <= item <= _MAX_INTEGER:
                return _NOT_PLAIN
        elif kind is float or depth == max_depth:
            return _NOT_PLAIN
        else:
            if kind is dict:
                keys += len(item)
                item = item.values()
            left.extend([(inner, depth + 1) for inner in item])
    return value if keys == len(_KEYS.findall(body)) else _NOT_PLAIN


def _carefully(body: bytes, max_depth: int) -> Any:
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise MalformedJson(f"not UTF-8 at byte {error.start}") from None
    _shallow(text, max_depth)
    try:
        value = json.loads(
            text,
            object_pairs_hook=_unique,
            parse_float=_no_float,
            parse_constant=_no_float,
            parse_int=_bounded,
        )
    except json.JSONDecodeError as error:
        raise MalformedJson(f"{error.msg} at character {error.pos}") from None
    _storable_all(value)
    return value


def _shallow(text: str, max_depth: int) -> None:
    """Refuse deep nesting before the parser, which recurses in C, sees it."""
    depth = 0
    for token in _BRACKETS.finditer(text):
        opened = token.group()
        if opened in "[{":
            depth += 1
            if depth > max_depth:
                raise TooDeep(f"nested deeper than {max_depth}")
        elif opened in "]}":
            depth -= 1


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise DuplicateKey("each key once", field=_printable(name))
            seen.add(name)
    return found


def _no_float(text: str) -> Any:
    raise InvalidValue("write a decimal number as text", field="body", value=text[:40])


def _bounded(text: str) -> int:
    if len(text) > 17 or abs(int(text)) > _MAX_INTEGER:
        raise InvalidValue("write an integer past 2^53 - 1 as text", field="body", value=text[:40])
    return int(text)


def _storable_all(value: Any) -> None:
    left = [value]
    while left:
        item = left.pop()
        if isinstance(item, str):
            _storable(item)
        elif isinstance(item, dict):
            left.extend(item)
            left.extend(item.values())
        elif isinstance(item, list):
            left.extend(item)


def _storable(text: str) -> None:
    if "\x00" in text:
        raise ForbiddenCharacter("a text holds a NUL", value=_printable(text))
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise ForbiddenCharacter("a text holds a lone surrogate", value=_printable(text)) from None


def _printable(text: str) -> str:
    return text[:100].encode("ascii", "backslashreplace").decode().replace("\x00", "\\x00")


def _is_json(content_type: str) -> bool:
    kind = content_type.partition(";")[0].strip().lower()
    return kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))


def _replay(body: bytes, receive: Receive) -> Receive:
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
