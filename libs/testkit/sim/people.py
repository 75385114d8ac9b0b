"""The visitors of a simulated day: noted, renamed by two people, forgotten; and what must hold of their names."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import orjson

from libs.kernel.decider import Command
from libs.kernel.envelope import AttestedEvent
from libs.kernel.streams import key_of
from libs.rules.four_eyes import ApproveChange, ProposeChange
from libs.testkit.sample.visitors import ForgetVisitor, NoteVisitor, visitor_stream
from libs.testkit.sim.fleet import TENANT, Fleet, Sent
from libs.testkit.sim.vault import SimKeys
from libs.vault.sealing import Place, open_leaves

VISITORS = tuple(f"visitor-{number}" for number in range(6))
# No such text may be found in anything that is not sealed.
NAMES = ("Nasrin Übelhör", "Nasrin Übelhör-Demír", "Okonkwo Šimůnek")
_DAY_S = 60.0


async def visit(fleet: Fleet) -> None:
    """Everybody is noted twice at once, some are renamed, some forgotten, some of those named again."""
    random = fleet.world.random

    async def one(visitor: str) -> None:
        await asyncio.sleep(random.uniform(0, _DAY_S / 2))
        first, again = (_note(fleet, visitor, random.choice(NAMES), number) for number in range(2))
        await asyncio.gather(fleet.send(first), fleet.send(again))
        if random.random() < 0.6:
            await _rename(fleet, visitor, random.choice(NAMES))
        if random.random() < 0.5:
            await fleet.send(_sent(fleet, "forget", visitor, lambda now: ForgetVisitor(now=now, visitor=visitor)))
            await fleet.send(_note(fleet, visitor, random.choice(NAMES), 2))

    await asyncio.gather(*map(one, VISITORS))


def _sent(fleet: Fleet, what: str, visitor: str, make: Callable[[Any], Command], sub: str = "porter") -> Sent:
    return Sent("visitors", f"{what} {visitor}", lambda: make(fleet.world.now()), sub)


def _note(fleet: Fleet, visitor: str, name: str, number: int) -> Sent:
    return _sent(fleet, f"note {number}", visitor, lambda now: NoteVisitor(now=now, visitor=visitor, name=name))


async def _rename(fleet: Fleet, visitor: str, name: str) -> None:
    change = str(fleet.world.random.getrandbits(64))
    reads = (visitor_stream(visitor),)
    common: dict[str, Any] = {"service": "visitors", "change": change, "key": visitor, "reads": reads}
    payload = {"visitor": visitor, "name": name}
    proposed = await fleet.send(
        _sent(
            fleet, "propose", change,
            lambda now: ProposeChange(now=now, by="anna", command="RenameVisitor", payload=payload, **common), "anna",
        )
    )  # fmt: skip
    if proposed.status != "refused":
        await fleet.send(
            _sent(fleet, "approve", change, lambda now: ApproveChange(now=now, by="bert", **common), "bert")
        )


def check_personal(fleet: Fleet, events: list[AttestedEvent], found: list[str]) -> None:
    """Invariant 6: nothing personal stands anywhere in clear; what is sealed opens by a stored key, or for nobody."""
    texts = [raw.encode() for name in NAMES for raw in (name, orjson.dumps(name)[1:-1].decode())]
    for service, schema in fleet.schemas.items():
        kept = orjson.dumps([schema.state(), list(schema.tables.outcomes.values())], default=str)
        if any(text in kept for text in texts):
            found.append(f"{service} keeps a name in clear")
    forgotten = {event.stream for event in events if event.type.startswith("visitors.VisitorForgotten.")}
    for event in events:
        if any(text in event.raw for text in texts) or b'"clear"' in event.raw:
            found.append(f"{event.type} {event.id} shows a name")
        if b'"sealed"' in event.raw:
            found.extend(_opens(fleet.subject_keys, event, event.stream.split("/")[1]))
    destroyed = {event.stream for event in events if event.type.startswith("visitors.KeyDestroyed.")}
    found.extend(f"{stream} is forgotten and its key was not destroyed" for stream in forgotten - destroyed)
    held = fleet.subject_keys.held
    still_there = [stream for stream in forgotten if held.get((TENANT, key_of(stream)), "none") is not None]
    found.extend(f"the key of {stream} is still there" for stream in still_there)


def _opens(keys: SimKeys, event: AttestedEvent, subject: str) -> list[str]:
    """A key was stored before anything sealed by it: no crash leaves a value that opens for nobody."""
    if (TENANT, subject) not in keys.held:
        return [f"{event.type} {event.id} is sealed by a key that was never stored"]
    key = keys.held[TENANT, subject]
    if key is None:
        return []
    body = event.body
    place = Place(TENANT, event.type, event.stream, body["version"])
    opened = orjson.dumps(open_leaves(body["data"], place, lambda _: key)).decode()
    return [] if any(name in opened for name in NAMES) else [f"{event.type} {event.id} opens as something else"]
