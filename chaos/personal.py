"""What must hold of people after any fault: seals open to what was said, erased is erased, nothing stands in clear."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import asyncpg
import orjson
from pydantic import SecretStr

from chaos.fleet import TENANT, Fleet
from chaos.load import Load, Sent
from chaos.people import clear_texts, full_name, hits_on
from chaos.truth import Truth
from libs.edge.erasures import SUFFIX
from libs.edge.settings import Settings
from libs.edge.vault import make_vault
from libs.kernel.canonical import canonical
from libs.kernel.envelope import AttestedEvent
from libs.kernel.errors import CartularyError
from libs.kernel.personal import OF, is_leaf
from libs.kernel.streams import key_of
from libs.vault.sealing import subjects_of

AT_ONCE = 500
_TABLES = "select relname::text from pg_class where relkind = 'r' and relnamespace = $1::text::regnamespace"
_PAGE = 100


class KeyRow(NamedTuple):
    """A data subject's row in the key store; without `wrapped` it is a tombstone."""

    kek: str | None
    wrapped: bytes | None


async def key_rows(fleet: Fleet) -> dict[str, KeyRow]:
    """Every data subject that the key store knows."""
    admin = await asyncpg.connect(fleet.addresses.postgres)
    try:
        rows = await admin.fetch("select subject, kek, wrapped from vault.subject_keys where tenant = $1", TENANT)
        return {subject: KeyRow(kek, wrapped) for subject, kek, wrapped in rows}
    finally:
        await admin.close()


def touched(before: Mapping[str, KeyRow], after: Mapping[str, KeyRow]) -> list[str]:
    """What happened to keys beside erasure: nothing ever may, whatever becomes of a service's schema."""
    kept = [(name, row, after.get(name)) for name, row in before.items()]
    return [f"the key of {name} is another" for name, row, now in kept if now not in (row, KeyRow(None, None))]


class People:
    """The people of one service: its events on the ledger, what callers sent of them, the key store."""

    def __init__(self, fleet: Fleet, service: str, load: Load, truth: Truth) -> None:
        self._fleet, self._service, self._load, self._truth = fleet, service, load, truth
        self._events = truth.in_ledger_order()
        self.erased = {key_of(seen.stream) for seen in self._events if seen.type.endswith(SUFFIX)}
        self.opened = 0

    async def breaches(self, admin: asyncpg.Connection) -> list[str]:
        """What does not hold, a sentence each."""
        found = [*await self._seals(), *await self._erasures(admin), *await self._in_clear(admin)]
        found += await self._searched()
        return [f"{self._service}: {one}" for one in found]

    async def _seals(self) -> list[str]:
        """Every sealed value opens with a stored key to what was said of its subject, or for nobody once erased."""
        settings = Settings(home=self._fleet.home, postgres_dsn=SecretStr(self._fleet.addresses.postgres))
        vault, sent, wrong = make_vault(settings), self._sent(), list[str]()
        sealed = [seen for seen in self._events if subjects_of(seen.body["data"], seen.stream)]
        try:
            for start in range(0, len(sealed), AT_ONCE):
                chunk = sealed[start : start + AT_ONCE]
                named = {name for seen in chunk for name in subjects_of(seen.body["data"], seen.stream)}
                ring = await vault.ring(TENANT, named)
                for seen in chunk:
                    wrong += self._opened(seen, ring, sent)
        finally:
            await vault.close()
        return wrong

    def _opened(self, seen: AttestedEvent, ring: Any, sent: Mapping[str, set[bytes]]) -> list[str]:
        try:
            data = ring.open(seen.body["data"], seen.type, seen.stream, seen.body["version"])
        except CartularyError as error:
            return [f"{seen.type} {seen.id} does not open: {error.code}"]
        wrong = []
        for leaf in leaves(data):
            subject = leaf.get(OF) or key_of(seen.stream)
            self.opened += "clear" in leaf
            if "erased" in leaf and subject not in self.erased:
                wrong.append(f"{seen.type} {seen.id} is erased, and nobody erased {subject}")
            elif "clear" in leaf and subject in self.erased:
                wrong.append(f"{seen.type} {seen.id} opens although {subject} is erased")
            elif "clear" in leaf and bare(leaf["clear"]) not in sent.get(subject, set()):
                wrong.append(f"{seen.type} {seen.id} opens to what nobody said")
        return wrong

    def _sent(self) -> dict[str, set[bytes]]:
        """What was said of each subject: by callers every value at the top of a body, by the list its hits."""
        found: dict[str, set[bytes]] = {}
        for one in self._committed():
            values = found.setdefault(key_of(one.answer.streams[0][0]), set()) if one.answer else set()
            body = one.body or {}
            values.update(bare(value) for value in body.values())
            if "identity" in body:
                values.add(bare(hits_on(body["identity"])))
        return found

    def _committed(self) -> Iterator[Sent]:
        for one in self._load.sent:
            if one.service == self._service and one.answer is not None and one.answer.streams:
                yield one

    async def _erasures(self, admin: asyncpg.Connection) -> list[str]:
        """TA-I-7: an erased subject has its tombstone, no key, no tokens, no document; nobody else has a tombstone."""
        rows = await key_rows(self._fleet)
        tombstones = {name for name, row in rows.items() if row.wrapped is None}
        wrong = [f"{name} is erased and has no tombstone" for name in self.erased - tombstones]
        wrong += [f"{name} has a tombstone and was not erased" for name in tombstones - self.erased]
        for table in ("search", "documents"):
            kept = await admin.fetch(f"select subject from vault.{table} where tenant = $1", TENANT)
            wrong += [f"{name} is erased and stands in {table}" for (name,) in kept if name in self.erased]
        destroyed = {key_of(seen.stream) for seen in self._events if ".KeyDestroyed." in seen.type}
        return wrong + [f"no event says that the key of {name} is destroyed" for name in self.erased - destroyed]

    async def _in_clear(self, admin: asyncpg.Connection) -> list[str]:
        """Invariant 6: no name and no number of anybody on the ledger, in any table of the service, in any log."""
        places = {f"{seen.type} {seen.id} on the ledger": seen.raw for seen in self._truth.events.values()}
        for (table,) in await admin.fetch(_TABLES, self._service):
            rows = await admin.fetch(f'select to_jsonb(t)::text from {self._service}."{table}" t')
            places[f"table {table}"] = "\n".join(row[0] for row in rows).encode()
        logs = {name: self._fleet.log(name) for name in self._fleet.served}
        places |= {f"the log of {name}": log.read_bytes() for name, log in logs.items() if log.exists()}
        texts = clear_texts()
        return [
            f"{place} shows a person in clear" for place, raw in places.items() if any(text in raw for text in texts)
        ]

    async def _searched(self) -> list[str]:
        """Search by name finds everybody who is registered and not erased, and nobody else."""
        registered: dict[str, set[str]] = {}
        for one in self._committed():
            if one.path == "/investors" and one.answer and one.body:
                registered.setdefault(full_name(one.body["identity"]), set()).add(one.answer.id)
        wrong, everybody = [], set[str]().union(*registered.values())
        for number, (name, wanted) in enumerate(sorted(registered.items())):
            found = await self._found(name)
            if missing := wanted - self.erased - found:
                wrong.append(
                    f"the search for name {number} finds {len(missing)} of its people not: {sorted(missing)[:3]}"
                )
            if shown := found & self.erased:
                wrong.append(f"the search for name {number} finds erased people: {sorted(shown)[:3]}")
            if strangers := found - everybody:
                wrong.append(f"the search for name {number} finds who was never registered: {sorted(strangers)[:3]}")
        return wrong

    async def _found(self, name: str) -> set[str]:
        caller = next(one.caller for one in self._committed() if one.path == "/investors")
        found, cursor = set[str](), None
        while True:
            body = {"name": name, "limit": _PAGE} | ({"cursor": cursor} if cursor else {})
            answer = await self._load.call(caller, self._service, "POST", "/investors/search", body)
            if answer is None or answer[0] != 200:
                raise AssertionError(f"the search was answered {answer and answer[:1]}")
            found.update(item["investor"] for item in answer[1]["items"])
            cursor = answer[1]["next"]
            if cursor is None:
                return found


def leaves(value: Any) -> Iterator[Mapping[str, Any]]:
    """Every personal value in an event's data."""
    if is_leaf(value):
        yield value
    elif isinstance(value, Mapping | list):
        for inner in value.values() if isinstance(value, Mapping) else value:
            yield from leaves(inner)


def bare(value: Any) -> bytes:
    """A value without what is not said in it, so that a default left out is the same as one written down."""
    return canonical(_said(orjson.loads(orjson.dumps(value))))


def _said(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _said(inner) for key, inner in value.items() if inner not in (None, [])}
    return [_said(inner) for inner in value] if isinstance(value, list) else value
