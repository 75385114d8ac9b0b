"""Paging: an opaque cursor over the columns of a list's order, a bounded limit, `Link: rel="next"`."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode
from uuid import UUID

import orjson
from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from libs.edge.problems import BadRequest

MAX_LIMIT = 500
_MAX_CURSOR = 1_000
_INTEGER = 2**63
_PAGING = ("cursor", "limit")

Item = TypeVar("Item")


class InvalidCursor(BadRequest):
    """The cursor is not one that this list gave out for this query."""

    code = "invalid-cursor"
    title = "The cursor does not belong to this query"


class PageOf(BaseModel, Generic[Item]):
    """A page of a list; `next` is the cursor of the following one, None on the last."""

    items: list[Item]
    next: str | None


class PageQuery(BaseModel):
    """The query of a list: subclass it and add the list's filters; what is not named here is refused.

    Use it as `query: Annotated[SubFundQuery, Query()]`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    limit: int = Field(50, ge=1, le=MAX_LIMIT, description="Most items of a page.")
    cursor: str | None = Field(None, max_length=_MAX_CURSOR, description="`next` of the page before.")

    def filters(self) -> dict[str, Any]:
        """The filters that were set, without paging."""
        return {name: value for name, value in self if name not in _PAGING and value is not None}

    def after(self, request: Request, *kinds: type[Any]) -> tuple[Any, ...] | None:
        """The order columns' values to go on past, read by `kinds` (str, int, UUID, date, datetime, Decimal).

        None for the first page; raises InvalidCursor.
        """
        if self.cursor is None:
            return None
        try:
            raw = base64.urlsafe_b64decode(self.cursor.encode("ascii") + b"=" * (-len(self.cursor) % 4))
            query, *values = orjson.loads(raw)
            if query != _query_mark(request) or len(values) != len(kinds):
                raise InvalidCursor("use the cursor with the query that gave it", field="cursor", value=self.cursor)
            return tuple(_read(kind, value) for kind, value in zip(kinds, values, strict=True))
        except (binascii.Error, ValueError, TypeError, InvalidOperation):
            raise InvalidCursor("not a cursor of this list", field="cursor", value=self.cursor) from None


def page(
    request: Request,
    query: PageQuery,
    rows: Sequence[Mapping[str, Any]],
    order: Sequence[str],
) -> Response:
    """The page of `rows`, read in the order of the columns `order`, at most `query.limit + 1` of them.

    The one past the limit only says that there is a next page.
    """
    items = list(rows[: query.limit])
    headers, cursor = {}, None
    if len(rows) > query.limit:
        last = items[-1]
        values = [_write(last[column]) for column in order]
        cursor = base64.urlsafe_b64encode(orjson.dumps([_query_mark(request), *values])).rstrip(b"=").decode()
        asked = [(name, value) for name, value in request.query_params.multi_items() if name not in _PAGING]
        following = urlencode([*asked, ("limit", str(query.limit)), ("cursor", cursor)])
        headers["Link"] = f'<{request.url.path}?{following}>; rel="next"'
    content = orjson.dumps({"items": items, "next": cursor}, default=str, option=orjson.OPT_UTC_Z)
    return Response(content, headers=headers, media_type="application/json")


def _query_mark(request: Request) -> str:
    """What a cursor is bound to: the list and its filters."""
    asked = sorted((n, v) for n, v in request.query_params.multi_items() if n not in _PAGING)
    return hashlib.sha256(orjson.dumps([request.url.path, asked])).hexdigest()[:16]


def _write(value: Any) -> str:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, str | int | UUID | Decimal):
        return str(value)
    raise TypeError(f"a list cannot be ordered by a {type(value).__name__}")


def _read(kind: type[Any], text: Any) -> Any:
    if not isinstance(text, str) or "\x00" in text:
        raise ValueError(text)
    if kind is datetime:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise ValueError(text)
        return moment
    value = date.fromisoformat(text) if kind is date else kind(text)
    if isinstance(value, int) and not -_INTEGER <= value < _INTEGER:
        raise ValueError(text)
    if isinstance(value, Decimal) and not value.is_finite():
        raise ValueError(text)
    return value
