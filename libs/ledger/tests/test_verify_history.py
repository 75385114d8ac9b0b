"""verify against another ledger, or one that forgot: what was deployed and what was verified before (C6)."""

from __future__ import annotations

from pathlib import Path

from libs.ledger import abi
from libs.ledger.hashing import leaf, merkle_root
from libs.ledger.opening import Lie
from libs.ledger.port import LaneState, ProducerMark
from libs.ledger.tests.deals import SERVICE, deal, key_in
from libs.ledger.tests.lying_reader import LyingReader, at_address, without
from libs.ledger.tests.verified import LANES, kinds, ledger
from libs.ledger.verify.report import Report
from libs.ledger.verify.walk import Against, verify
from libs.testkit.memory_ledger import MemoryLedger, RunOf


async def test_a_contract_at_another_address_than_the_deployments_is_another_ledger() -> None:
    honest, elsewhere = ledger(), ledger(b"\x22" * 20, batches=1)
    assert await kinds(elsewhere, Against(expected=honest.identity)) == [Lie.OTHER_LEDGER]
    assert await kinds(honest, Against(expected=honest.identity)) == []


async def test_w2_another_number_of_lanes_is_another_ledger() -> None:
    honest = ledger()
    expected = honest.identity._replace(lanes=4)
    assert await kinds(honest, Against(expected=expected)) == [Lie.OTHER_LEDGER]


async def test_a_ledger_that_is_not_the_one_last_verified_is_another_ledger(tmp_path: Path) -> None:
    against = Against(checkpoint=tmp_path / "verified.json")
    assert await kinds(ledger(), against) == []
    assert await kinds(ledger(b"\x22" * 20, batches=1), against) == [Lie.OTHER_LEDGER]


async def test_a_ledger_that_forgot_what_was_verified_has_a_shorter_history(tmp_path: Path) -> None:
    against = Against(checkpoint=tmp_path / "verified.json")
    honest = ledger()
    shorter = MemoryLedger(LANES)
    shorter.keys, shorter.registered = honest.keys, honest.registered
    for batch in honest.mined[:4]:
        call = abi.decode_attest(honest.sent[batch.transaction])
        shorter.append(call, batch.head, batch.root)
    shorter.marks = {(lane, name): ProducerMark(1, 4) for lane in range(LANES) for name in (SERVICE, "other")}
    assert await kinds(shorter, against) == []
    assert await kinds(honest, against) == []
    assert await kinds(shorter, against) == [Lie.SHORTER_HISTORY, Lie.SHORTER_HISTORY]


async def test_a_fork_behind_what_was_verified_is_caught(tmp_path: Path) -> None:
    against = Against(checkpoint=tmp_path / "verified.json")
    honest = ledger()
    assert await kinds(honest, against) == []
    fork = ledger()
    fork.keys, fork.registered = honest.keys, honest.registered
    fork.mined, fork.sent, fork.times = [], {}, fork.times[:2]
    fork.state, fork.marks = [LaneState(1, fork.genesis(lane)) for lane in range(LANES)], {}
    for lane in range(LANES):
        for version in range(1, 4):
            names = [(name, version) for name in "abcdef"]
            fork.attest(lane, RunOf(SERVICE, [deal(key_in(lane, LANES), *names, note="fork")]))
    assert await kinds(fork) == []
    assert set(await kinds(fork, against)) == {Lie.FORKED_HISTORY}


async def test_w7_a_key_that_was_verified_and_is_another_now_is_caught(tmp_path: Path) -> None:
    against = Against(checkpoint=tmp_path / "verified.json")
    honest = ledger()
    assert await kinds(honest, against) == []
    honest.registered[0] = honest.registered[0]._replace(key=honest.registered[1].key)
    assert await kinds(honest, against) == [Lie.FORKED_HISTORY]


async def test_a_ledger_that_grew_since_is_verified_again(tmp_path: Path) -> None:
    against = Against(checkpoint=tmp_path / "verified.json")
    honest = ledger()
    assert await kinds(honest, against) == []
    honest.attest(0, RunOf(SERVICE, [deal(key_in(0, LANES), ("b", 4), at=9)]))
    assert await kinds(honest, against) == []
    assert await kinds(LyingReader(honest, elsewhere=at_address(honest.identity, b"\x33" * 20)), against) == [
        Lie.OTHER_LEDGER
    ]


async def test_a_lie_leaves_the_checkpoint_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "verified.json"
    report: Report = await verify(LyingReader(ledger(), logs=without(7)), Against(checkpoint=path))
    assert not report.is_true
    assert not path.exists()


def test_leaves_of_one_record_are_their_own_root() -> None:
    assert merkle_root([leaf(b"x")]) == leaf(b"x")
