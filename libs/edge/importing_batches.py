"""Importing the rows of a file through a service's batched route: streaming, a few batches at once, nothing twice.

A service that can import a CSV file has `services/<name>/import_csv.py` with `ADDRESS`,
`table(path, encoding) -> CsvFile`, `items(rows, tenant, submit) -> Iterator[Item | Rejected]` and
`column_of(field) -> str`. No value of a row is in any reason: only what kind of value it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, NamedTuple

import aiohttp
import orjson

from libs.edge.asking import WAIT_S, Asker
from libs.edge.hiding import without
from libs.kernel.errors import CartularyError
from libs.ports import Clock

_UNSETTLED = frozenset({"running", "decided"})
_MOST_FINDINGS = 5
_TOO_LARGE = 413
# A batch that a busy service still works on is not sent again: its answer alone tells what was new.
_ANSWERS_WITHIN_S = WAIT_S + 160


class BatchRefused(CartularyError):
    """The service takes no batch of this sender: no permission, no valid token, another version."""

    code = "batch-refused"
    title = "The batch was refused"


class Item(NamedTuple):
    """A row that can be sent: its line, its idempotency key, its body, its cells.

    The key follows from what the row holds and not from where it stands, so that the same row is imported once.
    """

    line: int
    key: str
    body: Mapping[str, Any]
    cells: Mapping[str, str]


class Rejected(NamedTuple):
    """A row that was not imported: its line, the column if it is one, and why, with no value."""

    line: int
    column: str
    reason: str


@dataclass(slots=True)
class Counts:
    """What came of the rows so far."""

    new: int = 0
    there: int = 0
    rejected: int = 0

    @property
    def done(self) -> int:
        """Rows that have their answer."""
        return self.new + self.there + self.rejected


@dataclass(slots=True)
class _Batch:
    """A batch on its way: the rows without a final answer by key, and the keys that were there before."""

    left: dict[str, list[Item]] = field(default_factory=dict)
    there: set[str] = field(default_factory=set)
    answered: set[str] = field(default_factory=set)


class BatchImporter:
    """Sends rows to the batched route at `url` (`http://…/investors/investors/batch`) as one subject.

    `column_of` gives the column that a problem's field comes from ("" for none). A service that does not answer is
    asked again for `patience_s` before ServiceAway is raised; what was committed by then stays.
    """

    def __init__(
        self,
        url: str,
        token: str,
        clock: Clock,
        column_of: Callable[[str], str],
        *,
        size: int = 250,
        at_once: int = 8,
        patience_s: float = 120.0,
    ) -> None:
        self._url, self._token, self._clock, self._column_of = url, token, clock, column_of
        self._size, self._at_once, self._patience_s = size, at_once, patience_s
        self.counts = Counts()

    async def run(
        self, rows: Iterable[Item | Rejected], told: Callable[[Counts], None], rejected: Callable[[Rejected], None]
    ) -> Counts:
        """Send every row; `told` is called after each batch, `rejected` for each bad row. Raises ServiceAway,
        BatchRefused. At most `size` rows for each of the `at_once` batches are in memory.
        """
        waiting = iter(rows)

        def bad(row: Rejected) -> None:
            self.counts.rejected += 1
            rejected(row)

        async def worker(session: aiohttp.ClientSession) -> None:
            while found := list(islice(waiting, self._size)):
                for row in found:
                    if isinstance(row, Rejected):
                        bad(row)
                await self._send([row for row in found if isinstance(row, Item)], session, bad)
                told(self.counts)

        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_ANSWERS_WITHIN_S)) as session:
            try:
                async with asyncio.TaskGroup() as group:
                    for _ in range(self._at_once):
                        group.create_task(worker(session))
            except* CartularyError as errors:
                raise _first(errors) from None
        return self.counts

    async def _send(self, items: list[Item], session: aiohttp.ClientSession, bad: Callable[[Rejected], None]) -> None:
        batch = _Batch()
        asker = Asker(session, self._url, self._token, self._clock, self._patience_s)
        for item in items:
            # Two rows alike are one: the second has the answer of the first.
            batch.left.setdefault(item.key, []).append(item)
        while batch.left:
            entries = [{"key": key, "body": same[0].body} for key, same in batch.left.items()]
            raw = ("application/json", orjson.dumps({"entries": entries}))
            status, answer = await asker.asked("POST", "", headers={"Prefer": f"wait={WAIT_S}"}, raw=raw)
            if status == _TOO_LARGE and len(batch.left) > 1:
                await self._in_halves(batch, session, bad)
                return
            if status not in {200, 202}:
                raise BatchRefused(f"answered {status}: {_reason(answer)}")
            for result in answer["results"]:
                self._settle(batch, result, bad)
            if batch.left:
                asker.check_patience(f"{len(batch.left)} rows were not committed")
                await asker.pause()

    async def _in_halves(self, batch: _Batch, session: aiohttp.ClientSession, bad: Callable[[Rejected], None]) -> None:
        """Rows of unusual width make a batch that the service takes only in parts."""
        keys = list(batch.left)
        for half in (keys[: len(keys) // 2], keys[len(keys) // 2 :]):
            await self._send([item for key in half for item in batch.left[key]], session, bad)

    def _settle(self, batch: _Batch, result: Mapping[str, Any], bad: Callable[[Rejected], None]) -> None:
        key, status = str(result["key"]), result["status"]
        if status == "failed":
            return
        if key not in batch.answered:
            # Sent again it is told as repeated, though it was new.
            batch.answered.add(key)
            if result["repeated"]:
                batch.there.add(key)
        if status in _UNSETTLED:
            return
        same = batch.left.pop(key)
        if status == "committed":
            self.counts.there += len(same) - (key not in batch.there)
            self.counts.new += key not in batch.there
            return
        for item in same:
            bad(self._rejected(item, result.get("problem") or {}))

    def _rejected(self, item: Item, problem: Mapping[str, Any]) -> Rejected:
        findings = problem.get("errors") or [{"field": problem.get("field", ""), "message": problem.get("detail", "")}]
        columns, reasons = list[str](), list[str]()
        for finding in findings[:_MOST_FINDINGS]:
            column = self._column_of(str(finding.get("field") or ""))
            value = item.cells.get(column, "")
            message = without(value, _plain(str(finding.get("message") or problem.get("title") or "refused")))
            columns.append(column)
            reasons.append(f"{value_class(value)}, {message}" if value else message)
        if len(reasons) == 1:
            return Rejected(item.line, columns[0], reasons[0])
        told = (f"{column}: {reason}" if column else reason for column, reason in zip(columns, reasons, strict=True))
        return Rejected(item.line, "", "; ".join(told))


def value_class(value: str) -> str:
    """What kind of value it is, without it: its length and what it is made of."""
    kinds = []
    if any(mark.isalpha() for mark in value):
        kinds.append("letters")
    if any(mark.isdecimal() for mark in value):
        kinds.append("digits")
    if any(not mark.isalnum() and mark != " " for mark in value):
        kinds.append("signs")
    if any(not mark.isprintable() for mark in value):
        kinds.append("control characters")
    unit = "character" if len(value) == 1 else "characters"
    return f"{len(value)} {unit} ({', '.join(kinds)})" if kinds else f"{len(value)} {unit}"


def _plain(message: str) -> str:
    """Pydantic's message in the words of a table."""
    if message == "Field required":
        return "missing"
    if message.startswith("String should match pattern"):
        return "not of the form that it must have"
    return message.removeprefix("Value error, ")


def _reason(answer: Mapping[str, Any]) -> str:
    first = (answer.get("errors") or [{}])[0]
    return str(first.get("message") or answer.get("detail") or answer.get("title") or "no reason given")


def _first(errors: BaseExceptionGroup[CartularyError]) -> CartularyError:
    inner: BaseException = errors
    while isinstance(inner, BaseExceptionGroup):
        inner = inner.exceptions[0]
    assert isinstance(inner, CartularyError)
    return inner
