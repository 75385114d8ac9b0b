"""The honest ledger that verify's tests begin from, and what verify finds in it."""

from __future__ import annotations

from typing import Any

from libs.ledger.opening import Lie
from libs.ledger.tests.deals import SERVICE, deal, key_in
from libs.ledger.tests.lying_reader import LyingReader
from libs.ledger.verify.walk import Against, verify
from libs.testkit.memory_ledger import MemoryLedger, RunOf

LANES = 2


def ledger(address: bytes = b"\x11" * 20, batches: int = 3) -> MemoryLedger:
    """Two lanes of `batches` batches, each of two runs of two decisions: six events a batch."""
    honest = MemoryLedger(LANES, address=address)
    for version in range(1, batches + 1):
        for lane in range(LANES):
            key, at = key_in(lane, LANES), float(len(honest.times) - 2)
            ours = [
                deal(key, ("a", 2 * version - 1), ("b", version), at=at),
                deal(key, ("a", 2 * version), at=at),
            ]
            others = [
                deal(key, ("a", version), service="other", at=at),
                deal(key, ("b", version), ("c", version), service="other", at=at),
            ]
            honest.attest(lane, RunOf(SERVICE, ours), RunOf("other", others))
    return honest


SIZE = 6


async def kinds(reader: Any, against: Against | None = None) -> list[Lie]:
    report = await verify(reader, against)
    assert report.is_true is not bool(report.lies)
    assert all(lie.sentence() for lie in report.lies)
    return [lie.kind for lie in report.lies]


async def first_lie(honest: MemoryLedger, **lies: Any) -> Lie:
    return (await kinds(LyingReader(honest, **lies)))[0]
