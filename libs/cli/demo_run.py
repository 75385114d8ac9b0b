"""The demo's course: stack, ledger, fleet, funds, investors, verify, replay; and what a person reads at the end."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import NamedTuple

import orjson
import structlog
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from libs.adapters.clock import SystemClock
from libs.cli.demo_people import Office, Outcome, people_stage, register_distributors, session
from libs.cli.demo_story import Story, read_story
from libs.cli.import_ import entries_of, send_entries, show_imported
from libs.cli.replay import rebuilt
from libs.cli.rows import RowOptions, RowsImported, import_rows, show_rows
from libs.cli.verify import show_report, verified
from libs.edge.fleet import served_fleet
from libs.edge.importing import Imported
from libs.edge.issuer import LocalIssuer
from libs.edge.proof import committing_services
from libs.edge.replay import ServiceReplay
from libs.edge.serve import services
from libs.edge.settings import Settings
from libs.ledger.deploy import deploy
from libs.ledger.identity import load_identity
from libs.ledger.verify.report import Report
from libs.stack.addresses import Addresses
from libs.stack.local import AlreadyUp, LocalStack

TENANT = "demo"
PEOPLE = ("demo-maker", "demo-checker")
FUNDS, INVESTORS = "funds", "investors"
_LAST_RUN = "demo.json"
_COLUMNS = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())


class Files(NamedTuple):
    """What the demo runs on; see tests-e2e/data."""

    funds: Path
    investors: Path
    screening: Path
    story: Path


def files_in(folder: Path) -> Files:
    """The files of a folder by their names."""
    return Files(*(folder / name for name in ("funds.yaml", "investors.csv", "screening.jsonl", "people.yaml")))


@dataclass(frozen=True, slots=True)
class Shown:
    """What went through the fleet: funds, the rows of investors, and what happened to them."""

    funds: Imported
    investors: RowsImported
    people: Outcome


@dataclass(frozen=True, slots=True)
class Proof:
    """What the demo showed; `digest` is over the digests of every table of every service."""

    shown: Shown
    report: Report
    replays: Sequence[ServiceReplay]

    @property
    def is_true(self) -> bool:
        """Whether the ledger holds, and alone leads to what is there, and there is something."""
        return self.report.is_true and bool(self.replays) and all(one.is_true for one in self.replays)

    @property
    def digest(self) -> str:
        """One number for the state: the same state gives the same."""
        tables = [[one.service, table, *digest] for one in self.replays for table, digest in sorted(one.live.items())]
        return hashlib.sha256(orjson.dumps(sorted(tables))).hexdigest()


async def run(settings: Settings, home: Path | None, files: Files, block_time_s: float) -> Proof:
    """Run it and show it; raises PartFailed, PartMissing, CartularyError for what keeps it from running."""
    console = Console(highlight=False)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    given = Addresses.given(settings.home)
    own = settings.home if given.postgres and given.kafka and given.ledger else settings.home / "demo"
    place = (home or own).expanduser().absolute()
    place.mkdir(parents=True, exist_ok=True)
    console.print(f"[bold]Cartulary's demo[/] in {place}", soft_wrap=True)
    began = monotonic()
    async with _stack(place, block_time_s, console) as addresses:
        settings = settings.having(
            home=place,
            postgres_dsn=addresses.postgres,
            kafka_bootstrap=addresses.kafka,
            ledger_rpc=addresses.ledger,
            block_period_ms=round(block_time_s * 1000),
        )
        settings = await _ledger(settings, console)
        shown = await _fleet(settings, addresses, files, console)
        proof = await _prove(settings, shown, console)
    _summary(proof, place, console)
    console.print(f"[dim]{monotonic() - began:.0f} s in all[/]")
    return proof


@contextmanager
def _step(console: Console, doing: str) -> Iterator[None]:
    began = monotonic()
    console.print(f"[bold]{doing}[/]")
    yield
    console.print(f"  [dim]{monotonic() - began:.1f} s[/]")


@asynccontextmanager
async def _stack(home: Path, block_time_s: float, console: Console) -> AsyncIterator[Addresses]:
    """The parts: given, running already, or started here and ended with the block."""

    def told(part: str, what: str, address: str, seconds: float) -> None:
        console.print(f"  {part:<11}{what:<11} {address.rpartition('@')[2]}  [dim]{seconds:.1f} s[/]", soft_wrap=True)

    stack = LocalStack(home, block_time_s, progress=told)
    started = True
    with _step(console, "Starting PostgreSQL, Kafka, the ledger, ClickHouse"):
        try:
            addresses = await stack.up()
        except AlreadyUp:
            started, addresses = False, LocalStack(home).addresses()
            console.print("  are up already and are used as they are")
    try:
        yield addresses
    finally:
        if started:
            await stack.stop()


async def _ledger(settings: Settings, console: Console) -> Settings:
    with _step(console, "Deploying the ledger's contract, unless it is there"):
        known = load_identity(settings.home)
        lanes = known.lanes if known is not None else settings.lanes
        producers = sorted(committing_services())
        keys = settings.home / "keys"
        found = await deploy(settings.ledger_rpc, keys, settings.home, lanes=lanes, producers=producers)
        console.print(f"  0x{found.contract.hex()} on chain {found.chain_id}, {found.lanes} lanes")
    return settings.having(lanes=lanes)


async def _fleet(settings: Settings, addresses: Addresses, files: Files, console: Console) -> Shown:
    """Funds, then investors, through services that run as a process each."""
    environment = addresses.environment() | {
        "CARTULARY_LANES": str(settings.lanes),
        "CARTULARY_BLOCK_PERIOD_MS": str(settings.block_period_ms),
        "CARTULARY_SCREENING_LIST": str(files.screening.absolute()),
    }
    names, story = services(), read_story(files.story)
    async with AsyncExitStack() as running:
        with _step(console, f"Serving {', '.join(names)}, a process each"):
            # Reading the document takes a second or two, in which the processes start.
            reading = asyncio.create_task(asyncio.to_thread(lambda: list(entries_of(FUNDS, files.funds, TENANT))))
            fleet = await running.enter_async_context(served_fleet(names, environment, settings.home / "log"))
        with _step(console, f"Importing {files.funds.name}: one person proposes, another approves"):
            entries = iter(await reading)
            funds = await send_entries(settings, fleet.url(FUNDS), TENANT, PEOPLE, entries, console)
            show_imported(funds, console)
        rows, people = await _investors(settings, fleet.url(INVESTORS), files, story, console)
    return Shown(funds, rows, people)


async def _investors(
    settings: Settings, url: str, files: Files, story: Story, console: Console
) -> tuple[RowsImported, Outcome]:
    clock, issuer = SystemClock(), LocalIssuer(settings.issuer_folder, settings.issuer, settings.audience)
    async with session() as calls:
        office = Office(calls, url, issuer, clock, TENANT)
        with _step(console, f"Importing {files.investors.name}, and handing the files in"):
            await register_distributors(office, story)
            options = RowOptions(submit=True)
            rows = await import_rows(settings, INVESTORS, url, files.investors, TENANT, PEOPLE[0], options, console)
            show_rows(rows, console)
        with (
            _step(console, "Screening, review, accounts; a block, a change by two people, an erasure"),
            Progress(*_COLUMNS, console=console, transient=True) as bars,
        ):
            known: dict[str, TaskID] = {}

            def told(what: str, done: int, of: int) -> None:
                if what not in known:
                    known[what] = bars.add_task(what)
                bars.update(known[what], completed=done, total=of)

            people = await people_stage(office, clock, story, told)
    return rows, people


async def _prove(settings: Settings, shown: Shown, console: Console) -> Proof:
    with _step(console, "Verifying: every lane, record, head, root and mark, and the database row by row"):
        report = await verified(settings, True, 0, None, console)
        show_report(report, console)
    with _step(console, "Replaying: every schema from the ledger alone, in an empty database"):
        replays, _ = await rebuilt(settings, [], None, False, console)
    return Proof(shown, report, replays)


def _summary(proof: Proof, home: Path, console: Console) -> None:
    report, funds, rows, people = proof.report, proof.shown.funds, proof.shown.investors, proof.shown.people
    kinds = dict.fromkeys([*funds.new, *funds.there])
    counted = ", ".join(f"{kind} {funds.new.get(kind, 0) + funds.there.get(kind, 0)}" for kind in kinds)
    equal = bool(proof.replays) and all(one.is_true for one in proof.replays)
    last = home / _LAST_RUN
    before = orjson.loads(last.read_bytes()) if last.exists() else {}
    told = "the same as after the run before" if before.get("digest") == proof.digest else "new"
    new, bad = sum(funds.new.values()) + rows.counts.new, len(funds.bad) + rows.counts.rejected
    lines = {
        "funds": counted or "nothing",
        "investors": f"{rows.counts.new + rows.counts.there} on the books; "
        + ", ".join(f"{status} {count}" for status, count in sorted(people.statuses.items())),
        "this run": f"{new} new, {bad} bad entries named above",
        "done": ", ".join(f"{what} {count}" for what, count in people.counts.items()) or "nothing new",
        "told apart": "; ".join(people.events) or "nothing",
        "searches": "; ".join(f"{label}: {count}" for label, count in people.found) or "none",
        "on the ledger": f"{report.events} events in {sum(one.batches for one in report.lanes)} batches,"
        f" {len(report.lanes)} lanes, up to block {report.block}",
        "verify": _verdict(report.is_true),
        "replay": f"digests equal: {_verdict(equal)}",
        "state digest": f"{proof.digest} ({told})",
    }
    console.print("\n[bold]What the demo showed[/]")
    for name, said in lines.items():
        console.print(f"  {name:<14} {said}", soft_wrap=True)
    last.write_bytes(orjson.dumps({"digest": proof.digest}))


def _verdict(holds: bool) -> str:
    return "[green]true[/]" if holds else "[red]FALSE[/]"
