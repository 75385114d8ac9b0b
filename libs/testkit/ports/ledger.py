"""What every Ledger does: blocks, nonces, batches, and the contract behind them (W-9 … W-12)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import pytest

from libs.ledger import abi
from libs.ledger.abi import AttestCall, Mark
from libs.ledger.batch import gas_bound
from libs.ledger.client import LaneSigner
from libs.ledger.hashing import extend, genesis_head, leaf, merkle_root, producer_name
from libs.ledger.port import LaneState, Ledger, MinedBatch, MinedTransaction, NonceTaken, ProducerMark
from libs.ledger.signing import SignedTransaction

LANES = 2
SERVICE = "tills"
WAIT_S = 10.0


@dataclass(frozen=True, slots=True)
class LedgerUnderTest:
    """An implementation with LANES lanes granted to `signers` and SERVICE registered; `mine` asks for a block."""

    ledger: Ledger
    key: bytes
    signers: Sequence[LaneSigner]
    mine: Callable[[], Awaitable[None]]

    async def sign(self, lane: int, count: int, *, nonce: int | None = None, head: bytes | None = None,
                   mark: Mark | None = None, ahead: LaneState | None = None) -> SignedTransaction:  # fmt: skip
        """A batch of so many records that continues the lane and its producer, but for what is given."""
        state = ahead or await self.ledger.lane(lane)
        known = await self.ledger.mark(lane, SERVICE)
        mark = mark or Mark(producer_name(SERVICE), known.epoch or 1, known.last + 1, known.last + 1)
        leaves = b"".join(leaf(b"%d %d" % (lane, state.next + n)) for n in range(count))
        call = AttestCall(lane, state.next, head or state.head, (mark,), leaves, b"payload")
        data = abi.encode_attest(call)
        nonce = await self.ledger.nonce(self.signers[lane].address) if nonce is None else nonce
        return self.signers[lane].sign(nonce, gas_bound(data, 1, count), data)

    async def mined(self, signed: SignedTransaction) -> MinedTransaction:
        """Offer it and wait for the block that holds it."""
        at = await self.ledger.height()
        await self.ledger.send(signed.raw)
        async with asyncio.timeout(WAIT_S):
            while True:
                await self.mine()
                while at < await self.ledger.height() and (block := await self.ledger.block(at + 1)):
                    at += 1
                    for transaction in block.transactions:
                        if transaction.hash == signed.hash:
                            return transaction
                await asyncio.sleep(0.02)

    async def attest(self, lane: int, count: int) -> MinedBatch:
        """A batch of so many records, mined."""
        transaction = await self.mined(await self.sign(lane, count))
        assert transaction.batch is not None
        return transaction.batch


class LedgerSuite:
    """Subclass it with an async fixture `under` that yields a LedgerUnderTest of a fresh contract."""

    async def test_w10_a_lane_begins_at_one_with_a_head_of_its_own(self, under: LedgerUnderTest) -> None:
        identity = under.ledger.identity
        for lane in range(LANES):
            head = genesis_head(identity.chain_id, identity.contract, lane)
            assert await under.ledger.lane(lane) == LaneState(1, head)
            assert await under.ledger.mark(lane, SERVICE) == ProducerMark(0, 0)
        assert identity.lanes == LANES

    async def test_producers_are_listed_with_their_keys(self, under: LedgerUnderTest) -> None:
        [registered] = await under.ledger.producers()
        assert (registered.service, registered.key) == (SERVICE, under.key)
        assert identity_block(under) <= registered.block <= await under.ledger.height()

    async def test_w9_a_batch_moves_its_lane_and_its_mark_alone(self, under: LedgerUnderTest) -> None:
        before, other = await under.ledger.lane(0), await under.ledger.lane(1)
        batch = await under.attest(0, 3)
        leaves = [leaf(b"0 %d" % n) for n in (1, 2, 3)]
        assert (batch.lane, batch.first, batch.count) == (0, 1, 3)
        assert (batch.head, batch.root) == (extend(before.head, leaves), merkle_root(leaves))
        assert await under.ledger.lane(0) == LaneState(4, batch.head)
        assert await under.ledger.lane(1) == other
        assert await under.ledger.mark(0, SERVICE) == ProducerMark(1, 1)
        assert await under.ledger.mark(1, SERVICE) == ProducerMark(0, 0)

    async def test_inv04_batches_are_listed_in_ledger_order_of_one_lane_or_of_all(self, under: LedgerUnderTest) -> None:
        batches = [await under.attest(lane, 1 + lane) for lane in (0, 1, 0)]
        last = await under.ledger.height()
        assert await under.ledger.batches(identity_block(under), last) == batches
        assert await under.ledger.batches(0, last, 0) == [batches[0], batches[2]]
        assert await under.ledger.batches(batches[1].block, batches[1].block) == [batches[1]]
        assert await under.ledger.batches(0, batches[0].block - 1) == []

    async def test_w12_what_was_mined_can_be_read_back(self, under: LedgerUnderTest) -> None:
        signed = await under.sign(0, 2)
        transaction = await under.mined(signed)
        assert transaction.batch is not None
        batch = transaction.batch
        assert (transaction.sender, transaction.hash, transaction.nonce) == (under.signers[0].address, signed.hash, 0)
        assert await under.ledger.calldata(signed.hash) == transaction.calldata
        block = await under.ledger.block(batch.block)
        assert block is not None
        assert transaction in block.transactions
        assert (block.number, block.hash) == (batch.block, batch.block_hash)
        assert await under.ledger.block_time(batch.block) == (block.hash, block.time)

    async def test_heights_only_rise_and_a_block_that_is_not_there_is_none(self, under: LedgerUnderTest) -> None:
        height = await under.ledger.height()
        await under.attest(0, 1)
        assert await under.ledger.height() > height
        assert await under.ledger.block(await under.ledger.height() + 50) is None

    async def test_w11_the_same_bytes_again_are_no_error_and_land_once(self, under: LedgerUnderTest) -> None:
        signed = await under.sign(0, 1)
        await under.ledger.send(signed.raw)
        try:
            await under.ledger.send(signed.raw)
            assert (await under.mined(signed)).batch is not None
        except NonceTaken:
            assert (await under.ledger.lane(0)).next == 2
        assert (await under.ledger.lane(0)).next == 2
        assert await under.ledger.nonce(under.signers[0].address) == 1

    async def test_w11_a_nonce_that_is_used_up_is_taken(self, under: LedgerUnderTest) -> None:
        await under.attest(0, 1)
        with pytest.raises(NonceTaken):
            await under.ledger.send((await under.sign(0, 1, nonce=0)).raw)

    async def test_w10_a_stale_transaction_is_mined_without_effect(self, under: LedgerUnderTest) -> None:
        first = await under.attest(0, 1)
        stale = await under.sign(0, 1, head=genesis_head(under.ledger.identity.chain_id, bytes(20), 0))
        transaction = await under.mined(stale)
        assert transaction.batch is None
        assert await under.ledger.lane(0) == LaneState(2, first.head)
        assert await under.ledger.nonce(under.signers[0].address) == 2

    @pytest.mark.parametrize(
        ("epoch", "first", "last"), [(1, 1, 1), (1, 3, 3), (2, 2, 2), (0, 1, 1), (1, 2, 1), (2, 1, 0)]
    )
    async def test_w9_a_mark_that_does_not_continue_is_refused(
        self, under: LedgerUnderTest, epoch: int, first: int, last: int
    ) -> None:
        await under.attest(0, 1)
        mark = Mark(producer_name(SERVICE), epoch, first, last)
        assert (await under.mined(await under.sign(0, 1, mark=mark))).batch is None
        assert await under.ledger.mark(0, SERVICE) == ProducerMark(1, 1)

    async def test_w9_a_higher_epoch_goes_on_from_one(self, under: LedgerUnderTest) -> None:
        await under.attest(0, 1)
        mark = Mark(producer_name(SERVICE), 1_767_600_000_000, 1, 4)
        assert (await under.mined(await under.sign(0, 1, mark=mark))).batch is not None
        assert await under.ledger.mark(0, SERVICE) == ProducerMark(1_767_600_000_000, 4)

    async def test_an_unregistered_producer_is_refused(self, under: LedgerUnderTest) -> None:
        mark = Mark(producer_name("nobody"), 1, 1, 1)
        assert (await under.mined(await under.sign(0, 1, mark=mark))).batch is None

    async def test_batches_of_a_lane_may_be_in_flight_together(self, under: LedgerUnderTest) -> None:
        state = await under.ledger.lane(0)
        first = await under.sign(0, 2)
        head = extend(state.head, [leaf(b"0 1"), leaf(b"0 2")])
        mark = Mark(producer_name(SERVICE), 1, 2, 2)
        second = await under.sign(0, 1, nonce=1, mark=mark, ahead=LaneState(3, head))
        await under.ledger.send(first.raw)
        assert (await under.mined(second)).batch is not None
        assert (await under.ledger.lane(0)).next == 4


def identity_block(under: LedgerUnderTest) -> int:
    """The block of the contract's deployment."""
    return under.ledger.identity.deployed_block
