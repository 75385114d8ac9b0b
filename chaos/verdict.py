"""The verdict: what callers were told and what the database holds, both held against the ledger."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta

import asyncpg

from chaos.breakage import decisions_on_bus
from chaos.fleet import NEVER, TENANT, Fleet
from chaos.load import Load, Sent
from chaos.personal import People
from chaos.rebuilt import replayed
from chaos.tables import Schema
from chaos.truth import Truth, read_truth
from libs.edge.proof import committing_services
from libs.kernel.keyed import KeyedHashes
from libs.ledger.secrets import MasterSecret

ASKED_AT_ONCE, ASKED_OF_OLDER = 24, 100
ANSWERED_WITHIN_S = 120.0
MOST_SHOWN = 8
# What falls due while the verdict is reached would add to the ledger meanwhile.
SOON = timedelta(seconds=10)


@dataclass
class Verdict:
    """Counts for the table, and every breach as a sentence; `holds` when there is none."""

    commands: int = 0
    committed: int = 0
    refused: int = 0
    events: int = 0
    asked_again: int = 0
    decided_anew: int = 0
    opened: int = 0
    erased: int = 0
    breaches: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Whether everything was as it must be."""
        return not self.breaches

    def __str__(self) -> str:
        counts = (
            f"{self.commands} commands, {self.committed} committed, {self.refused} refused, "
            f"{self.events} events on the ledger, {self.asked_again} keys asked again"
        )
        if self.opened or self.erased:
            counts += f", {self.opened} seals opened, {self.erased} people erased"
        if self.decided_anew:
            counts += f", {self.decided_anew} not yet on the bus decided anew (W-20)"
        if self.holds:
            return f"{counts}: 0 lost, 0 doubled, 0 without a ledger record; all holds"
        shown = "\n  ".join(self.breaches[:MOST_SHOWN])
        return f"{counts}: {len(self.breaches)} breaches\n  {shown}"


async def judge(fleet: Fleet, load: Load, within_s: float = 60.0, *, emptied: str | None = None) -> Verdict:
    """Wait until the path is at rest, then check everything against the ledger.

    A decision told with a 202 stands, whatever happens; only an emptied schema (`emptied` names its service) takes
    those that had not reached Kafka with it (W-20), and their keys are decided anew.
    """
    verdict = Verdict(commands=len(load.sent))
    admin = await asyncpg.connect(fleet.addresses.postgres)
    try:
        truth = await _at_rest(fleet, admin, verdict, within_s)
        verdict.events = len(truth.events)
        verdict.breaches += truth.found + load.contradictions
        _acknowledged(fleet, load, truth, verdict)
        await _told_before(fleet, load, verdict, emptied)
        load.judged = 0 if emptied is not None else load.judged
        async with load.connected():
            await _services(fleet, load, truth, verdict, admin)
            await _asked_again(load, verdict)
    finally:
        await admin.close()
    if emptied is not None:
        verdict.breaches += await replayed(fleet, emptied)
    said = fleet.said()
    verdict.breaches += [f"the log says {name} {said[name]} times" for name in NEVER if said[name]]
    alone = [*fleet.ended_alone, *(name for name, one in fleet.running.items() if one.ended)]
    verdict.breaches += [f"{name} ended by itself" for name in alone]
    return verdict


async def _services(fleet: Fleet, load: Load, truth: Truth, verdict: Verdict, admin: asyncpg.Connection) -> None:
    """Every service's schema, and the people of those that hold any."""
    known = committing_services()
    for service in fleet.services:
        parts, own = known[service], truth.of(service)
        verdict.breaches += await Schema(admin, parts, own).breaches()
        if parts.holds_personal:
            people = People(fleet, service, load, own)
            verdict.breaches += await people.breaches(admin)
            verdict.opened += people.opened
            verdict.erased += len(people.erased)


async def _at_rest(fleet: Fleet, admin: asyncpg.Connection, verdict: Verdict, within_s: float) -> Truth:
    """The ledger once nothing is under way: no intent and no due work waits, and committers have all of the ledger."""
    waiting = "the path was not looked at"
    try:
        async with asyncio.timeout(within_s):
            while True:
                waiting = "; ".join([await _under_way(admin, service) for service in fleet.services]).strip("; ")
                if not waiting:
                    truth = await read_truth(fleet.addresses.ledger, fleet.identity)
                    waiting = "; ".join([await _behind(admin, service, truth) for service in fleet.services]).strip(
                        "; "
                    )
                    if not waiting:
                        return truth
                await asyncio.sleep(0.2)
    except TimeoutError:
        verdict.breaches.append(f"not at rest after {within_s:.0f} s: {waiting}")
        return await read_truth(fleet.addresses.ledger, fleet.identity)


async def _under_way(admin: asyncpg.Connection, service: str) -> str:
    if await admin.fetchval("select to_regclass($1)", f"{service}.positions") is None:
        return f"{service} has no schema"
    # One statement is one moment: due work is seen until it is an intent, an intent until it is committed.
    left = await admin.fetchrow(
        f"select (select count(*) from {service}.intents) as intents,"
        f" (select count(*) from {service}.due where not done and at <= now() + $1) as due",
        SOON,
    )
    return f"{left['intents']} intents, {left['due']} due of {service} wait" if left and any(left.values()) else ""


async def _behind(admin: asyncpg.Connection, service: str, truth: Truth) -> str:
    rows = await admin.fetch(f"select lane, sequence from {service}.positions where consumer = 'commit'")
    have = {row["lane"]: row["sequence"] for row in rows}
    behind = {
        lane: (have.get(lane, 1), following) for lane, following in truth.next.items() if have.get(lane, 1) != following
    }
    return f"the committer of {service} is behind, lane: (has, ledger): {behind}" if behind else ""


def _acknowledged(fleet: Fleet, load: Load, truth: Truth, verdict: Verdict) -> None:
    """Invariants 9, 10: what was acknowledged stands on the ledger, once, as it was told; what was refused does not."""
    keyed = KeyedHashes(MasterSecret.load(fleet.home).derive("idempotency"))
    for sent in load.sent:
        name = keyed.command(TENANT, sent.caller, sent.key)
        answer = sent.answer
        if answer is None:
            verdict.breaches.append(f"{sent.key} was never answered")
        elif answer.decision is None:
            verdict.refused += 1
            if name in truth.by_command:
                verdict.breaches.append(f"{sent.key} was refused and took effect all the same")
        else:
            verdict.committed += 1
            decided = truth.decisions.get(answer.decision)
            if decided is None:
                verdict.breaches.append(f"lost: {sent.key} was acknowledged, {answer.decision} is not on the ledger")
            elif (decided.command, sorted(decided.streams)) != (name, sorted(answer.streams)):
                verdict.breaches.append(f"{sent.key} was told {answer}, the ledger has {decided}")


async def _told_before(fleet: Fleet, load: Load, verdict: Verdict, emptied: str | None) -> None:
    on_bus = await decisions_on_bus(fleet, emptied) if emptied is not None and load.redecided else set()
    for one in load.redecided:
        if one.service != emptied or one.first in on_bus:
            verdict.breaches.append(f"lost: {one.key} was told decision {one.first}, then {one.later}")
    verdict.decided_anew = len(load.redecided)
    load.redecided.clear()


async def _asked_again(load: Load, verdict: Verdict) -> None:
    """Invariant 9: a key still gives its first answer; every one at its first verdict, and some of those before.

    What the schema keeps of each key is held against the ledger at every verdict.
    """
    before, turn = len(load.contradictions), asyncio.Semaphore(ASKED_AT_ONCE)

    async def ask(sent: Sent) -> None:
        async with turn:
            await load.again(sent)

    fresh, older = load.sent[load.judged :], load.sent[: load.judged]
    asked = [*fresh, *load.random.sample(older, min(ASKED_OF_OLDER, len(older)))]
    answered = [sent for sent in asked if sent.answer is not None]
    load.judged = len(load.sent)
    try:
        async with asyncio.timeout(ANSWERED_WITHIN_S):
            await asyncio.gather(*map(ask, answered))
    except TimeoutError:
        verdict.breaches.append(f"not every key was answered again in {ANSWERED_WITHIN_S:.0f} s")
    verdict.asked_again = len(answered)
    verdict.breaches += load.contradictions[before:]
