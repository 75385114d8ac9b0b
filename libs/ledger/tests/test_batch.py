"""Batches: whole runs only, closed by count, bytes or age; every one opens to what went in."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.ledger import abi
from libs.ledger.batch import (
    CONTRACT_MAX_EVENTS,
    MAX_TRANSACTION_BYTES,
    Batch,
    BatchBuilder,
    BatchLimits,
    RunTooLarge,
    gas_bound,
)
from libs.ledger.hashing import HASH_BYTES
from libs.ledger.opening import open_batch
from libs.ledger.tests.samples import GENESIS, LANE, batch_of, place_of, sealed_run


def drained(builder: BatchBuilder) -> list[Batch]:
    batches: list[Batch] = []
    first, head = 1, GENESIS
    while len(builder):
        batches.append(builder.build(LANE, first, head))
        first, head = batches[-1].next, batches[-1].head
    return batches


@settings(max_examples=30, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 30), min_size=1, max_size=20), most=st.integers(1, 60), size=st.integers(2_000, 9_000)
)
def test_inv12_no_batch_splits_a_run_and_every_batch_opens(sizes: list[int], most: int, size: int) -> None:
    builder, first = BatchBuilder(BatchLimits(events=most, transaction_bytes=size)), 1
    for count in sizes:
        builder.add(sealed_run(first, count))
        first += count
    batches = drained(builder)
    assert [run.run.first for batch in batches for run in batch.runs] == [sum(sizes[:n]) + 1 for n in range(len(sizes))]
    for batch in batches:
        place, call = place_of(batch)
        assert len(open_batch(place, call.payload, call=call)) == batch.count
        assert len(batch.runs) == 1 or (batch.count <= most and len(batch.calldata) <= size + 32)


def test_a_batch_closes_at_its_count() -> None:
    builder = BatchBuilder(BatchLimits(events=6, age_s=60))
    builder.add(sealed_run(1))
    assert not builder.due(1.0)
    builder.add(sealed_run(4))
    assert builder.due(1.0)


def test_a_batch_closes_at_its_bytes() -> None:
    builder = BatchBuilder(BatchLimits(transaction_bytes=2_000, age_s=60))
    builder.add(sealed_run(1))
    assert not builder.due(1.0)
    builder.add(sealed_run(4, filler="x" * 5_000))
    assert builder.due(1.0)


def test_a_batch_closes_at_its_age() -> None:
    builder = BatchBuilder(BatchLimits(age_s=0.03))
    assert not builder.due(100.0)
    builder.add(sealed_run(1, read_at=10.0))
    assert not builder.due(10.02)
    assert builder.due(10.04)


def test_w13_a_run_that_no_batch_can_hold_is_refused() -> None:
    builder = BatchBuilder(BatchLimits())
    with pytest.raises(RunTooLarge, match="4096 events"):
        builder.add(sealed_run(1, 5, events=1_000))
    with pytest.raises(RunTooLarge, match="bytes"):
        builder.add(sealed_run(1, 2, filler=_noise()))
    assert not len(builder)
    assert MAX_TRANSACTION_BYTES < 4_000_000
    assert BatchLimits().events <= CONTRACT_MAX_EVENTS


def _noise() -> str:
    """A megabyte and more that does not compress below hex."""
    return "".join(hashlib.sha256(number.to_bytes(4, "big")).hexdigest() for number in range(40_000))


def test_the_gas_bound_counts_every_byte() -> None:
    batch = batch_of(sealed_run(1), sealed_run(1, service="funds"))
    call = abi.decode_attest(batch.calldata)
    zeros = batch.calldata.count(0)
    exact = 4 * zeros + 16 * (len(batch.calldata) - zeros)
    assert batch.gas == gas_bound(batch.calldata, len(call.marks), len(call.leaves) // HASH_BYTES) > 21_000 + exact
