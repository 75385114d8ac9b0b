"""What of the intents topic goes into a lane, and what does not (W-7, W-9, W-13)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import Enum

import structlog

from libs.kernel.errors import CartularyError
from libs.ledger.batch import SealedRun, hashed
from libs.ledger.codec import SIGNATURE_BYTES, MalformedRun, Run, decode_run, split_sealed
from libs.ledger.hashing import keccak
from libs.ledger.opening import ProducerKeys
from libs.ledger.port import Ledger, ProducerMark
from libs.ledger.record import GapReport, decode_traces
from libs.ports import Clock, Message

log = structlog.get_logger(__name__)

REFRESH_S = 2.0
MOST_HELD_BYTES = 64 * 1024 * 1024
GAP_FIRST_S, GAP_MOST_S = 0.2, 30.0

SetAside = Callable[[str], None]


class LaneHalted(CartularyError):
    """A signed run that cannot be attested: the lane stands still until an operator acts (W-13)."""

    code = "lane-halted"


class Verdict(Enum):
    """How a run stands to its producer's mark (W-9)."""

    NEXT = "next"
    KNOWN = "known"
    GAP = "gap"
    STRADDLES = "straddles"


def judge(mark: ProducerMark, run: Run) -> Verdict:
    """A run continues its mark, lies below it, leaves a gap, or straddles it."""
    if run.epoch < mark.epoch or (run.epoch == mark.epoch and run.last <= mark.last):
        return Verdict.KNOWN
    have = mark.last if run.epoch == mark.epoch else 0
    if run.first == have + 1:
        return Verdict.NEXT
    return Verdict.GAP if run.first > have else Verdict.STRADDLES


class Registry:
    """The producers' keys as the chain has them, read again when a signature fits none, with a bound."""

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._ledger, self._clock = ledger, clock
        self._read_at: float | None = None
        self.keys = ProducerKeys(())

    async def refresh(self) -> bool:
        """Read the registrations unless that was done a moment ago; whether they were read."""
        now = self._clock.monotonic()
        if self._read_at is not None and now - self._read_at < REFRESH_S:
            return False
        self.keys = ProducerKeys(await self._ledger.producers())
        self._read_at = now
        return True


@dataclass(slots=True)
class _Gap:
    """Runs of a producer that came before those that they continue."""

    held: dict[tuple[int, int], SealedRun] = field(default_factory=dict)
    pause_s: float = GAP_FIRST_S
    report_at: float = 0.0


class Intake:
    """A lane's door. `marks` run ahead of the contract's by what was taken and is not mined."""

    def __init__(
        self,
        lane: int,
        genesis_head: bytes,
        registry: Registry,
        read_mark: Callable[[str], Awaitable[ProducerMark]],
        set_aside: SetAside,
        passed_over: frozenset[str] = frozenset(),
    ) -> None:
        self._lane, self._genesis, self._registry = lane, genesis_head, registry
        self._read_mark, self._note, self._passed_over = read_mark, set_aside, passed_over
        self._marks: dict[str, ProducerMark] = {}
        self._gaps: dict[str, _Gap] = {}
        self._held_bytes = 0

    async def receive(self, message: Message, now: float) -> list[SealedRun]:
        """The runs that may be attested next: this one, and those that waited for it; [] for any other.

        Raises LaneHalted (W-13); LedgerUnreachable, then the message is to be given again.
        """
        try:
            _, blob = split_sealed(message.value)
        except MalformedRun as error:
            return self._aside(message, error.detail)
        run, unreadable = _decoded(blob)
        service = run.service if run else message.key.decode("ascii", "replace")
        if run and service in self._marks and judge(self._marks[service], run) is Verdict.KNOWN:
            return []
        if not await self._is_signed(message.value, service):
            return self._aside(message, "no registered key signed it for this lane")
        digest = keccak(blob).hex()
        if digest in self._passed_over:
            return self._aside(message, "an operator named it in CARTULARY_ATTESTATION_SET_ASIDE")
        if run is None:
            raise LaneHalted(f"run {digest} of {service} (offset {message.offset}) is unreadable: {unreadable}")
        if run.lane != self._lane:
            raise LaneHalted(f"run {digest} of {service} names lane {run.lane}, in lane {self._lane}")
        return await self._sort(message, run, digest, now)

    def gap_reports(self, now: float) -> list[GapReport]:
        """What to ask the relays for now, each with growing pauses (W-8)."""
        reports = []
        for service, gap in self._gaps.items():
            if gap.held and now >= gap.report_at:
                mark, epoch = self._marks[service], min(epoch for epoch, _ in gap.held)
                have = mark.last if epoch == mark.epoch else 0
                reports.append(GapReport(service, self._lane, epoch, have))
                gap.report_at, gap.pause_s = now + gap.pause_s, min(gap.pause_s * 2, GAP_MOST_S)
        return reports

    def waiting_for(self) -> list[str]:
        """The producers whose runs are held aside."""
        return [service for service, gap in self._gaps.items() if gap.held]

    def offsets(self) -> list[int]:
        """The bus offsets of the runs held aside."""
        return [run.offset for gap in self._gaps.values() for run in gap.held.values()]

    async def _is_signed(self, sealed: bytes, service: str) -> bool:
        if self._registry.keys.signed(sealed, service, self._genesis, None):
            return True
        # The registrations may be newer than what we know of them.
        return await self._registry.refresh() and self._registry.keys.signed(sealed, service, self._genesis, None)

    async def _sort(self, message: Message, run: Run, digest: str, now: float) -> list[SealedRun]:
        mark = self._marks.get(run.service)
        if mark is None:
            mark = self._marks[run.service] = await self._read_mark(run.service)
        verdict = judge(mark, run)
        if verdict is Verdict.KNOWN:
            return []
        if verdict is Verdict.STRADDLES:
            raise LaneHalted(_straddles(run, digest, mark))
        try:
            traces = decode_traces(message.headers)
            sealed = hashed(message.value, run, offset=message.offset, read_at=now, traces=traces)
        except (TypeError, ValueError, KeyError, IndexError) as error:
            raise LaneHalted(f"run {digest} of {run.service} cannot be rebuilt: {error!r}") from error
        if verdict is Verdict.GAP:
            self._hold(sealed, now)
            return []
        return self._with_followers(sealed)

    def _hold(self, sealed: SealedRun, now: float) -> None:
        """Keep a run until the gap before it is filled; what does not fit the bound the relay sends again (W-8)."""
        run, gap = sealed.run, self._gaps.setdefault(sealed.run.service, _Gap())
        if not gap.held:
            gap.pause_s, gap.report_at = GAP_FIRST_S, now + GAP_FIRST_S
        if (run.epoch, run.first) not in gap.held and self._held_bytes + len(sealed.sealed) <= MOST_HELD_BYTES:
            gap.held[run.epoch, run.first] = sealed
            self._held_bytes += len(sealed.sealed)
            log.warning("run_held", lane=self._lane, service=run.service, epoch=run.epoch, first=run.first)

    def _with_followers(self, sealed: SealedRun) -> list[SealedRun]:
        service, runs = sealed.run.service, [sealed]
        self._marks[service] = ProducerMark(sealed.run.epoch, sealed.run.last)
        gap = self._gaps.get(service)
        while gap is not None and (follower := self._next_held(gap, self._marks[service])) is not None:
            runs.append(follower)
            self._marks[service] = ProducerMark(follower.run.epoch, follower.run.last)
        return runs

    def _next_held(self, gap: _Gap, mark: ProducerMark) -> SealedRun | None:
        for key in [key for key, held in gap.held.items() if judge(mark, held.run) is not Verdict.GAP]:
            held = gap.held.pop(key)
            self._held_bytes -= len(held.sealed)
            verdict = judge(mark, held.run)
            if verdict is Verdict.STRADDLES:
                raise LaneHalted(_straddles(held.run, keccak(held.sealed[SIGNATURE_BYTES:]).hex(), mark))
            if verdict is Verdict.NEXT:
                return held
        return None

    def _aside(self, message: Message, why: str) -> list[SealedRun]:
        """Unsigned or foreign: set aside, loudly; the marks stay as they were (W-7)."""
        log.error("run_set_aside", lane=self._lane, offset=message.offset, key=repr(message.key), why=why)
        self._note(why)
        return []


def _straddles(run: Run, digest: str, mark: ProducerMark) -> str:
    return f"run {digest} of {run.service} has decisions {run.first} to {run.last}, {mark.last} is attested already"


def _decoded(blob: bytes) -> tuple[Run | None, str]:
    try:
        return decode_run(blob), ""
    except MalformedRun as error:
        return None, error.detail
