"""Importing a document through a service's own API: what is good goes in, what is bad is named, nothing twice.

A service that can import has `services/<name>/import_yaml.py` with
`entries(document, tenant, now) -> Iterator[Entry | BadEntry]`.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import aiohttp

from libs.edge.asking import WAIT_S, Asker
from libs.kernel.canonical import canonical
from libs.ports import Clock

_PLACE = re.compile(r"\[(\d+)\]")
_AT_ONCE = 32


class Entry(NamedTuple):
    """One entry of a document and how it is sent; all of a `step` go at once, after all of the steps before.

    `address` is where `body` is posted; None for a command under four eyes, whose body is the proposal (TA-F-4).
    `there` is where to look whether it is there already; a change tells by its own status.
    """

    path: str
    step: int
    kind: str
    address: str | None
    body: Mapping[str, Any]
    there: str | None = None


class BadEntry(NamedTuple):
    """An entry that cannot be imported: where it stands, the field in it, its value, and why."""

    path: str
    field: str
    value: str
    reason: str


@dataclass(slots=True)
class Imported:
    """What came of an import, by kind of entry."""

    new: dict[str, int] = field(default_factory=dict)
    there: dict[str, int] = field(default_factory=dict)
    bad: list[BadEntry] = field(default_factory=list)

    def count(self, kind: str, is_new: bool) -> None:
        """One more of a kind."""
        counts = self.new if is_new else self.there
        counts[kind] = counts.get(kind, 0) + 1


class Importer:
    """Sends entries to the service at `url` (`http://…/funds`) as two people: `maker` proposes, `checker` approves.

    Both are tokens. An idempotency key follows from path and content of the entry, so that a second run gets the
    first answers again. `patience_s` bounds how long a service that is not ready is asked again.
    """

    def __init__(self, url: str, maker: str, checker: str, clock: Clock, patience_s: float = 120.0) -> None:
        self._url, self._tokens = url, (maker, checker)
        self._clock, self._patience_s = clock, patience_s

    async def run(
        self, entries: Iterable[Entry | BadEntry], told: Callable[[int, int], None] = lambda done, of: None
    ) -> Imported:
        """Send everything; `told(done, of)` is called after each entry. Raises ServiceAway."""
        found = list(entries)
        good = [entry for entry in found if isinstance(entry, Entry)]
        result = Imported(bad=[entry for entry in found if isinstance(entry, BadEntry)])
        done, at_once = 0, asyncio.Semaphore(_AT_ONCE)

        async def one(entry: Entry, maker: Asker, checker: Asker) -> None:
            nonlocal done
            async with at_once:
                sent = await self._send(entry, maker, checker)
            if isinstance(sent, BadEntry):
                result.bad.append(sent)
            else:
                result.count(entry.kind, sent)
            done += 1
            told(done, len(good))

        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=WAIT_S * 2)) as session:
            people = [Asker(session, self._url, token, self._clock, self._patience_s) for token in self._tokens]
            for step in sorted({entry.step for entry in good}):
                async with asyncio.TaskGroup() as group:
                    for entry in good:
                        if entry.step == step:
                            group.create_task(one(entry, *people))
        result.bad.sort(key=lambda entry: [int(number) for number in _PLACE.findall(entry.path)])
        return result

    async def _send(self, entry: Entry, maker: Asker, checker: Asker) -> bool | BadEntry:
        """Whether the entry is new; or why it is bad."""
        key = "import-" + hashlib.sha256(canonical([entry.path, entry.kind, entry.body])).hexdigest()
        if entry.address is None:
            return await self._change(entry, key, maker, checker)
        known = await maker.get(entry.there) if entry.there else None
        return _refused(entry, await maker.post(entry.address, entry.body, key)) or known is None

    async def _change(self, entry: Entry, key: str, maker: Asker, checker: Asker) -> bool | BadEntry:
        """Propose, and approve as the other person; a change that was decided on already stays as it is."""
        proposed = await maker.post("/changes", entry.body, key)
        if refused := _refused(entry, proposed):
            return refused
        address = "/changes/" + str(proposed["streams"][0]["stream"]).rpartition("/")[2]
        change = await maker.get(address) or {}
        if change.get("status") == "proposed":
            return _refused(entry, await checker.post(f"{address}/approve", None, f"{key}-approved")) or True
        if change.get("status") in {"approved", "applied"}:
            return False
        reason = f"the change was {change.get('status', 'lost')}: {change.get('reason') or 'no reason given'}"
        return BadEntry(entry.path, "", "", reason)


def _refused(entry: Entry, answer: Mapping[str, Any]) -> BadEntry | None:
    """Why the service refused, in the words of its problem."""
    if "type" not in answer:
        return None
    first = (answer.get("errors") or [{}])[0]
    name = str(answer.get("field") or first.get("field") or "").removeprefix("body.")
    value = str(answer.get("value") or first.get("value") or "")
    reason = str(first.get("message") or answer.get("detail") or answer["type"])
    return BadEntry(entry.path, name, value, f"refused: {reason}")
