"""Importing a document through a service's own API: what is good goes in, what is bad is named, nothing twice.

A service that can import has `services/<name>/import_yaml.py` with
`entries(document, tenant, now) -> Iterator[Entry | BadEntry]`; one that imports a CSV file see importing_batches.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from libs.edge.importing_http import WAIT_S, Asking, session
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
        self._url, self._maker, self._checker = url.rstrip("/"), maker, checker
        self._clock, self._patience_s = clock, patience_s

    async def run(
        self, entries: Iterable[Entry | BadEntry], told: Callable[[int, int], None] = lambda done, of: None
    ) -> Imported:
        """Send everything; `told(done, of)` is called after each entry. Raises ServiceAway."""
        found = list(entries)
        good = [entry for entry in found if isinstance(entry, Entry)]
        result = Imported(bad=[entry for entry in found if isinstance(entry, BadEntry)])
        done, at_once = 0, asyncio.Semaphore(_AT_ONCE)

        async def one(asking: Asking, entry: Entry) -> None:
            nonlocal done
            async with at_once:
                sent = await self._send(asking, entry)
            if isinstance(sent, BadEntry):
                result.bad.append(sent)
            else:
                result.count(entry.kind, sent)
            done += 1
            told(done, len(good))

        async with session() as opened:
            asking = Asking(self._url, opened, self._clock, self._patience_s)
            for step in sorted({entry.step for entry in good}):
                async with asyncio.TaskGroup() as group:
                    for entry in good:
                        if entry.step == step:
                            group.create_task(one(asking, entry))
        result.bad.sort(key=lambda entry: [int(number) for number in _PLACE.findall(entry.path)])
        return result

    async def _send(self, asking: Asking, entry: Entry) -> bool | BadEntry:
        """Whether the entry is new; or why it is bad."""
        key = "import-" + hashlib.sha256(canonical([entry.path, entry.kind, entry.body])).hexdigest()
        if entry.address is None:
            return await self._change(asking, entry, key)
        known = await self._get(asking, entry.there) if entry.there else None
        answer = await self._post(asking, entry.address, entry.body, key, self._maker)
        return _refused(entry, answer) or known is None

    async def _change(self, asking: Asking, entry: Entry, key: str) -> bool | BadEntry:
        """Propose, and approve as the other person; a change that was decided on already stays as it is."""
        proposed = await self._post(asking, "/changes", entry.body, key, self._maker)
        if refused := _refused(entry, proposed):
            return refused
        address = "/changes/" + str(proposed["streams"][0]["stream"]).rpartition("/")[2]
        change = await self._get(asking, address) or {}
        if change.get("status") == "proposed":
            approved = await self._post(asking, f"{address}/approve", None, f"{key}-approved", self._checker)
            return _refused(entry, approved) or True
        if change.get("status") in {"approved", "applied"}:
            return False
        reason = f"the change was {change.get('status', 'lost')}: {change.get('reason') or 'no reason given'}"
        return BadEntry(entry.path, "", "", reason)

    async def _get(self, asking: Asking, address: str) -> dict[str, Any] | None:
        """What is there; None for nothing."""
        status, answer = await asking.ask("GET", address, self._maker)
        return answer if status == 200 else None

    async def _post(
        self, asking: Asking, address: str, body: Mapping[str, Any] | None, key: str, token: str
    ) -> dict[str, Any]:
        """The final answer to a command: committed, or the problem of its refusal."""
        headers = {"Idempotency-Key": key, "Prefer": f"wait={WAIT_S}"}
        while True:
            status, answer = await asking.ask("POST", address, token, body, headers)
            if status != 202:
                return answer
            # Sent again it is the same command: the answer comes when the ledger has it.
            asking.check_patience("the ledger has not taken a command")


def _refused(entry: Entry, answer: Mapping[str, Any]) -> BadEntry | None:
    """Why the service refused, in the words of its problem."""
    if "type" not in answer:
        return None
    first = (answer.get("errors") or [{}])[0]
    name = str(answer.get("field") or first.get("field") or "").removeprefix("body.")
    value = str(answer.get("value") or first.get("value") or "")
    reason = str(first.get("message") or answer.get("detail") or answer["type"])
    return BadEntry(entry.path, name, value, f"refused: {reason}")
