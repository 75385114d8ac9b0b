"""The demo's investors: screened, reviewed, given accounts; blocked, paid elsewhere, erased: by who may, in twos."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from libs.cli.demo_story import Story
from libs.edge.asking import WAIT_S, Asker
from libs.edge.auth import Caller
from libs.edge.issuer import LocalIssuer
from libs.kernel.envelope import Actor
from libs.kernel.errors import CartularyError
from libs.ports import Clock

Row = Mapping[str, Any]
Told = Callable[[str, int, int], None]

_AT_ONCE = 48
_SCREENED_WITHIN_S = 120.0
_LOOK_S = 0.3
_KEY_DESTROYED = "investors.KeyDestroyed.v1"
# A hit that is so alike is taken for the person; what is less alike is somebody else, and makes the risk high.
_SAME_PERSON_PERCENT = 97
_IDENTITY = ("application/pdf", b"%PDF-1.4\n% an identity document, made for the demo\n%%EOF\n")


class DemoBroken(CartularyError):
    """A step of the demo was refused; the message says which and why."""

    code = "demo-broken"
    title = "The demo went another way"


@dataclass(slots=True)
class Outcome:
    """What the stage came to, for the summary: counts by what was done, investors by status, what searches found."""

    counts: Counter[str] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    found: list[tuple[str, int]] = field(default_factory=list)
    events: list[str] = field(default_factory=list)


class Office:
    """The people who work with investors, each with a token of a role; every command has a key of its own for ever."""

    def __init__(
        self, session: aiohttp.ClientSession, url: str, issuer: LocalIssuer, clock: Clock, tenant: str
    ) -> None:
        self._session, self._url, self._issuer, self._clock, self._tenant = session, url, issuer, clock, tenant
        self.operations = self.person("ops-anna", "operations")
        self.compliance = self.person("kyc-bert", "compliance")
        self.second_compliance = self.person("kyc-cora", "compliance")
        self.treasury = self.person("cash-dora", "treasury")
        self.second_treasury = self.person("cash-emil", "treasury")
        self.data_protection = self.person("dpo-finn", "data_protection")
        self.second_data_protection = self.person("dpo-gina", "data_protection")

    def person(self, sub: str, role: str, distributor: str | None = None) -> Asker:
        """Somebody with a role; sees one distributor's people only where bound to it."""
        token = self._issuer.token(Caller(Actor(sub, role, None, distributor), self._tenant), self._clock.now())
        return Asker(self._session, self._url, token, self._clock)

    async def send(
        self, who: Asker, address: str, body: Row | None, key: str, raw: tuple[str, bytes] | None = None
    ) -> str:
        """The id in the first stream of what was decided; raises DemoBroken for a refusal."""
        answer = await who.post(address, body, f"demo-{key}", raw=raw)
        if "type" in answer:
            raise DemoBroken(f"{address} was refused: {answer.get('detail') or answer['type']}", field=key)
        return str(answer["streams"][0]["stream"]).rpartition("/")[2]

    async def by_two(self, first: Asker, second: Asker, address: str, body: Row, key: str) -> None:
        """One person proposes, another approves."""
        change = await self.send(first, address, body, key)
        await self.send(second, f"/changes/{change}/approve", None, f"{key}-approved")


async def people_stage(office: Office, clock: Clock, story: Story, told: Told) -> Outcome:
    """From the imported files to accounts, and what happens to some of them; raises DemoBroken, ServiceAway."""
    done = Outcome()
    await _screened(office, clock, told)
    await _reviewed(office, done, told)
    investors = {row["reference"]: row async for row in office.operations.listed("/investors") if row["reference"]}
    await _accounts(office, story, investors, done, told)
    await _events(office, story, done)
    await _applicants(office, clock, story, done)
    for search in story.searches:
        answer = await office.operations.search("/investors/search", {search.kind: search.text, "limit": 100})
        done.found.append((search.label, len(answer["items"])))
    done.statuses.update([row["status"] async for row in office.operations.listed("/investors")])
    return done


async def register_distributors(office: Office, story: Story) -> None:
    """The distributors that some of the file's investors come from."""
    for one in story.distributors:
        await office.send(office.operations, "/distributors", one.model_dump(mode="json"), f"distributor-{one.code}")


async def _screened(office: Office, clock: Clock, told: Told) -> None:
    """Wait until the provider has looked at everybody (TA-I-3)."""
    ends_at, whole = clock.monotonic() + _SCREENED_WITHIN_S, 0
    while left := len([row async for row in office.compliance.listed("/investors?screening=requested")]):
        whole = max(whole, left)
        told("screening", whole - left, whole)
        if clock.monotonic() > ends_at:
            raise DemoBroken(f"{left} people are not screened after {_SCREENED_WITHIN_S:.0f} s")
        await clock.sleep(_LOOK_S)


async def _reviewed(office: Office, done: Outcome, told: Told) -> None:
    """Every file in review is decided on: hits looked at one by one, then approval or rejection (TA-I-2)."""

    async def review(row: Row) -> None:
        investor, risk = row["investor"], "medium" if row["kind"] == "legal" else "low"
        for hit in (await office.compliance.get(f"/investors/{investor}/screening") or {}).get("hits", ()):
            same = hit["score_percent"] >= _SAME_PERSON_PERCENT
            body = {
                "round": hit["round"],
                "hit": hit["hit"],
                "outcome": "confirmed" if same else "dismissed",
                "reason": "name, date of birth and country agree" if same else "another date of birth",
            }
            key = f"hit-{investor}-{hit['round']}-{hit['hit']}"
            await office.send(office.compliance, f"/investors/{investor}/screening/resolutions", body, key)
            risk = "high"
            if same:
                address, why = f"/investors/{investor}/reject", {"reason": "sanctions_hit"}
                await office.send(office.compliance, address, why, f"reject-{investor}")
                done.counts["rejected"] += 1
                return
        await office.send(office.compliance, f"/investors/{investor}/approve", {"risk": risk}, f"approve-{investor}")
        done.counts["approved"] += 1

    rows = [row async for row in office.compliance.listed("/investors?status=in_review")]
    await _all("review", rows, review, told)


async def _accounts(office: Office, story: Story, investors: Mapping[str, Row], done: Outcome, told: Told) -> None:
    """Bank accounts that their holders' names agree with are verified; everybody approved gets an account (TA-I-1)."""
    banks: dict[str, str] = {}

    async def verify(row: Row) -> None:
        investor, bank = row["investor"], row["bank_account"]
        if row["name_match"] == "mismatch":
            done.counts["bank accounts left unverified: another holder"] += 1
            return
        address = f"/investors/{investor}/bank-accounts/{bank}/verify"
        await office.send(office.treasury, address, {"evidence": "bank_confirmation"}, f"verify-{bank}")
        banks[investor] = bank
        done.counts["bank accounts verified"] += 1

    async def open_account(row: Row) -> None:
        investor, reference = row["investor"], row["reference"] or row["investor"][-12:]
        body = {"reference": f"ACC-{reference}"[:35], "kind": "single", "distributor": row["distributor"]}
        if investor in banks:
            body["payout_account"] = banks[investor]
        await office.send(office.operations, f"/investors/{investor}/accounts", body, f"account-{investor}")
        done.counts["accounts opened"] += 1

    approved = [row async for row in office.operations.listed("/investors?status=approved")]
    ids = {row["investor"] for row in approved}
    first: dict[str, Row] = {}
    async for row in office.treasury.listed("/bank-accounts"):
        if row["investor"] in ids:
            first.setdefault(row["investor"], row)
    await _all("bank accounts", first.values(), verify, told)
    await _all("accounts", approved, open_account, told)
    for joint in story.joint_accounts:
        holder, *others = (investors[reference]["investor"] for reference in joint.holders)
        body = {
            "reference": joint.reference,
            "kind": "joint",
            "joint_holders": others,
            "signatures": joint.signatures,
            "distributor": investors[joint.holders[0]]["distributor"],
        }
        for one in (holder, *others):
            address = f"/investors/{one}/documents?kind=identity"
            await office.send(office.operations, address, None, f"document-{one}", raw=_IDENTITY)
            done.counts["documents filed"] += 1
        await office.send(office.operations, f"/investors/{holder}/accounts", body, f"joint-{joint.reference}")
        done.counts["joint accounts opened"] += 1


async def _events(office: Office, story: Story, done: Outcome) -> None:
    """A block with its ground, and a bank account changed by two people (TA-I-5, TA-I-6)."""
    for block in story.blocks:
        account = await _account_of(office, block.investor)
        body = block.model_dump(mode="json", include={"scope", "ground"})
        address = f"/accounts/{account}/blocks"
        await office.send(office.compliance, address, body, f"block-{block.investor}-{block.scope}")
        done.events.append(f"the account of {block.investor} is blocked ({block.scope})")
    for change in story.bank_account_changes:
        account = await _account_of(office, change.investor)
        body = change.model_dump(mode="json", exclude={"investor"})
        address = f"/accounts/{account}/bank-account-change"
        await office.by_two(office.treasury, office.second_treasury, address, body, f"bank-change-{change.investor}")
        done.events.append(f"the account of {change.investor} is paid to another bank account: two people")


async def _applicants(office: Office, clock: Clock, story: Story, done: Outcome) -> None:
    """Drafts that are given up, and whose people are erased for good: proposed by one, approved by another (TA-I-7)."""
    for number, body in enumerate(story.applicants, start=1):
        investor = await office.send(office.operations, "/investors", body, f"applicant-{number}")
        await office.send(office.operations, f"/investors/{investor}/withdraw", None, f"withdraw-{number}")
        await office.by_two(
            office.data_protection, office.second_data_protection, f"/investors/{investor}/erasure",
            {"legal_basis": "consent_withdrawn"}, f"erase-{number}",
        )  # fmt: skip
        ends_at = clock.monotonic() + _SCREENED_WITHIN_S
        while _KEY_DESTROYED not in [
            row["type"] async for row in office.operations.listed(f"/investors/{investor}/history")
        ]:
            if clock.monotonic() > ends_at:
                raise DemoBroken("the key of an erased person is still there")
            await clock.sleep(_LOOK_S)
        done.counts["people erased"] += 1


async def _account_of(office: Office, reference: str) -> str:
    async for row in office.operations.listed(f"/accounts?reference=ACC-{reference}"):
        return str(row["account"])
    raise DemoBroken("the story names an investor without an account", field="investor", value=reference)


async def _all(what: str, rows: Iterable[Row], one: Callable[[Row], Awaitable[None]], told: Told) -> None:
    """Do it for every row, many at once."""
    rows, turn, done = list(rows), asyncio.Semaphore(_AT_ONCE), 0

    async def in_turn(row: Row) -> None:
        nonlocal done
        async with turn:
            await one(row)
        done += 1
        told(what, done, len(rows))

    try:
        async with asyncio.TaskGroup() as group:
            for row in rows:
                group.create_task(in_turn(row))
    except* CartularyError as errors:
        raise errors.exceptions[0] from None


def session() -> aiohttp.ClientSession:
    """A session for the office."""
    return aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=WAIT_S * 2))
