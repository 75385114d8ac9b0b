"""The workload of investors: people registered one by one and in batches, taken on, paid elsewhere, erased."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from chaos import people
from chaos.callers import Callers
from chaos.fleet import INVESTORS
from chaos.load import Action, Answer, Backoff, JourneyBroken, Load, Sent, problem_of, streams_of
from chaos.people import PEOPLE, Person

BATCH = 5
UNAVAILABLE = 503
LOOKED_AT_EVERY_S = 0.3
OPERATIONS = ("operations-1", "operations-2")
COMPLIANCE, TREASURY, PROTECTION = "compliance-1", "treasury-1", ("protection-1", "protection-2")


class InvestorsCallers(Callers):
    """Operations, compliance, treasury and data protection of investors."""

    service = INVESTORS
    roles = {  # noqa: RUF012  (the same for all)
        **dict.fromkeys(OPERATIONS, "operations"),
        COMPLIANCE: "compliance",
        TREASURY: "treasury",
        **dict.fromkeys(PROTECTION, "data_protection"),
    }

    def __init__(self, load: Load, rate_per_s: float) -> None:
        super().__init__(load, rate_per_s)
        self.taken_on = 0

    def next_action(self) -> Action:
        """Mostly somebody new; now and then a key again, what the rules refuse, a journey of several people."""
        chance, person = self.random.random(), self.random.choice(PEOPLE)
        if chance < 0.08 and (known := self.known()):
            first = self.random.choice(known)
            return lambda: self.load.again(first)
        if chance < 0.11 and (committed := self.known("/investors")):
            first = self.random.choice(committed)
            return lambda: self.another_body(first, {**(first.body or {}), "category": "professional"})
        if chance < 0.15:
            return lambda: self._register({**people.registration(person), "bank": people.bank(person, 0)})
        if chance < 0.22:
            return self._several
        if chance < 0.28:
            return lambda: self._taken_on(person)
        if chance < 0.35:
            return lambda: self._forgotten(person)
        return lambda: self._register(people.registration(person, whole=chance > 0.8))

    async def _register(self, body: dict[str, Any]) -> None:
        await self.load.drive(self.new("/investors", body, self.random.choice(OPERATIONS)))

    async def _several(self) -> None:
        """One request, each entry under a key of its own; what has no final answer yet is sent again with the rest."""
        caller, several = self.random.choice(OPERATIONS), self.random.sample(PEOPLE, BATCH)
        left, backoff = (
            [self.new("/investors", people.registration(one), caller) for one in several],
            Backoff(self.random),
        )
        while True:
            found = await self._batch(left)
            await self.load.answered(list(found.items()))
            left = [one for one in left if one not in found]
            if not left:
                return
            await backoff.wait()

    async def _batch(self, entries: Sequence[Sent]) -> dict[Sent, Answer]:
        body = {"entries": [{"key": one.key, "body": one.body} for one in entries]}
        found = await self.load.call(
            entries[0].caller, self.service, "POST", "/investors/batch", body, {"Prefer": "wait=6"}
        )
        if found is None or not self.load.is_final("a batch", *found):
            return {}
        status, content, _ = found
        if status >= 400:
            self.load.contradictions.append(f"a batch was refused: {content}")
            raise JourneyBroken("/investors/batch")
        final: dict[Sent, Answer] = {}
        for one, result in zip(entries, content["results"], strict=True):
            if result.get("decision"):
                self.load.told(one, result["decision"])
            if result["status"] == "committed":
                final[one] = Answer(201, result["decision"], streams_of(result))
            elif result["status"] == "refused":
                final[one] = Answer(result["problem"]["status"], problem=problem_of(result["problem"]))
            elif result["status"] == "failed" and result["problem"]["status"] != UNAVAILABLE:
                self.load.contradictions.append(f"{one.key} in a batch: {result['problem']}")
        return final

    # --- journeys ----------------------------------------------------------------------------------------------------

    async def _taken_on(self, person: Person) -> None:
        """From a draft to an account that is paid to another bank account by the word of two people."""
        operations, other = self.random.sample(OPERATIONS, 2)
        investor = f"/investors/{(await self.step('/investors', people.registration(person), operations)).id}"
        await self.step(f"{investor}/tax", people.certification(person), operations)
        await self.step(f"{investor}/submit", None, other)
        if not await self._screened(investor):
            return
        await self.step(f"{investor}/approve", {"risk": self.random.choice(("low", "medium", "high"))}, COMPLIANCE)
        added = {"currency": "EUR", "details": people.bank(person, 0)}
        bank = (await self.step(f"{investor}/bank-accounts", added, operations)).id
        await self.step(f"{investor}/bank-accounts/{bank}/verify", {"evidence": "bank_confirmation"}, TREASURY)
        reference = f"ACC-{len(self.load.sent)}-{self.random.getrandbits(24):06x}"
        opened = {"reference": reference, "kind": "single", "payout_account": bank}
        account = (await self.step(f"{investor}/accounts", opened, operations)).id
        elsewhere = {"currency": "EUR", "details": people.bank(person, 1), "evidence": "bank_confirmation"}
        change = (await self.step(f"/accounts/{account}/bank-account-change", elsewhere, operations)).id
        await self.step(f"/changes/{change}/approve", None, TREASURY)
        self.taken_on += 1

    async def _screened(self, investor: str) -> bool:
        """Wait for the answer of the list; every hit is somebody else. False when it could not be asked (TA-I-3)."""
        found = await self._seen(f"{investor}/screening", COMPLIANCE, ("clear", "hits", "unavailable"))
        for hit in found["hits"]:
            said = {
                "round": hit["round"],
                "hit": hit["hit"],
                "outcome": "dismissed",
                "reason": "Another birthday",
            }
            await self.step(f"{investor}/screening/resolutions", said, COMPLIANCE)
        return bool(found["screening"] != "unavailable")

    async def _seen(self, path: str, caller: str, wanted: Sequence[str]) -> dict[str, Any]:
        while True:
            found = await self.load.call(caller, self.service, "GET", path)
            if found is not None and found[0] == 200 and found[1]["screening"] in wanted:
                return dict(found[1])
            if found is not None and 400 <= found[0] < 500:
                self.load.contradictions.append(f"{path} was answered {found[0]} {found[1]}")
                raise JourneyBroken(path)
            await asyncio.sleep(LOOKED_AT_EVERY_S)

    async def _forgotten(self, person: Person) -> None:
        """A draft is withdrawn and erased by two people; whoever asks again under an old key gets the old answer."""
        body = people.registration(person)
        first = self.new("/investors", body, self.random.choice(OPERATIONS))
        investor = f"/investors/{(await self.load.drive(first)).id}"
        await self.step(f"{investor}/withdraw", None, self.random.choice(OPERATIONS))
        proposer, approver = self.random.sample(PROTECTION, 2)
        change = (await self.step(f"{investor}/erasure", {"legal_basis": "consent_withdrawn"}, proposer)).id
        await self.step(f"/changes/{change}/approve", None, approver)
        await self.load.again(first)
